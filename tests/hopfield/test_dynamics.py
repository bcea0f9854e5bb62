"""Dynamics against plain NumPy and exact enumeration, and the invariants that hold whatever the patterns."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurojax as nj
from neurojax.hopfield import measures, patterns
from neurojax.hopfield.recall import CYCLE, FIXED, MOVING

LETTERS = patterns.letters("XO+")
SIGN = {"keep": lambda h, s: np.where(h == 0, s, np.sign(h)), "zero": lambda h, s: np.sign(h), "+1": lambda h, s: np.where(h >= 0, 1, -1)}


def random_patterns(seed, count, n):
    return np.random.default_rng(seed).choice([-1.0, 1.0], (count, n))


def hebb(xi):
    weights = xi.T @ xi
    np.fill_diagonal(weights, 0)
    return weights


def followed(memory, steps, seed=0):
    """Every state of a run, the first included (steps + 1, n), and the last."""
    run = nj.simulate(memory, steps=steps, dt=1.0, seed=seed, record={"s": nj.Trace(measures.units)})
    return np.concatenate([run.records["s"], run.final_state.state.s[None]]), run


@pytest.mark.parametrize("zero", ["keep", "zero", "+1"])
@pytest.mark.parametrize("seed", range(3))
def test_synchronous_steps_are_those_of_numpy(zero, seed):
    """The notebook's update, in integers, from random states of 24 units that meet zero fields; bit for bit."""
    xi = random_patterns(seed, 3, 24)
    start, weights = random_patterns(seed + 10, 1, 24)[0], hebb(xi)
    got, run = followed(nj.Hopfield(24, xi, start, units=nj.Threshold(zero)), 12)
    states = [start]
    while len(states) < 3 or not (np.array_equal(states[-1], states[-2]) or np.array_equal(states[-1], states[-3])):
        states.append(SIGN[zero](weights @ states[-1], states[-1]))
    known = np.array(states)
    assert np.array_equal(got[: len(known)], known)
    assert np.array_equal(got[len(known) - 1 :], np.repeat(known[-1:], len(got) - len(known) + 1, axis=0))
    assert run.final_state.state.outcome == (FIXED if np.array_equal(known[-1], known[-2]) else CYCLE)


@pytest.mark.parametrize("couplings", ["factors", "matrix", "polynomial"])
@pytest.mark.parametrize("size", [1, 5, 7])
def test_blocks_in_a_fixed_order_are_those_of_numpy(couplings, size):
    """One block after the other, each hearing the states of those before; also a last block that is not full."""
    xi, start = random_patterns(1, 4, 24), random_patterns(2, 1, 24)[0]
    weights = hebb(xi)
    rule = {"factors": nj.Hebb(), "matrix": weights / 24, "polynomial": nj.Polynomial(2)}[couplings]
    got, _ = followed(nj.Hopfield(24, xi, start, rule, updates=nj.Blocks(False, size)), 1)
    s = start.copy()
    for low in range(0, 24, size):
        high = min(low + size, 24)
        s[low:high] = SIGN["keep"](weights[low:high] @ s, s[low:high])
    assert np.array_equal(got[1], s)


def test_a_random_order_is_the_one_drawn():
    """Asynchronous at T = 0: the order in which the drawn numbers sort, a new one every step."""
    xi, start = random_patterns(3, 6, 30), random_patterns(4, 1, 30)[0]
    record = {"s": nj.Trace(measures.units), "u": nj.Trace(drawn_order)}
    run = nj.simulate(nj.Hopfield(30, xi, start, updates=nj.Asynchronous()), steps=4, dt=1.0, record=record)
    weights, s = hebb(xi), start.copy()
    for number in range(3):
        assert np.array_equal(run.records["s"][number], s)
        for i in np.argsort(run.records["u"][number], kind="stable"):
            s[i] = SIGN["keep"](weights[i] @ s, s[i])
    assert (run.records["u"][0] != run.records["u"][1]).any()


def drawn_order(view):
    return view.drawn["order"]


def test_a_block_of_all_is_synchronous():
    xi = random_patterns(5, 5, 20)
    one, other = (followed(nj.Hopfield(20, xi, nj.Flips(0.3), updates=how), 8)[0] for how in (nj.Synchronous(), nj.Blocks(True, 20)))
    assert np.array_equal(one, other)


def test_fields_and_thresholds():
    """`sign(J s + b - theta)`, with b a function of time."""
    xi, start = random_patterns(6, 2, 12), random_patterns(7, 1, 12)[0]
    bias, theta = np.linspace(-1, 1, 12), 0.3
    got, _ = followed(nj.Hopfield(12, xi, start, field=nj.Ramp(bias, bias + 1.0, 0.0, 1.0), threshold=theta), 2)
    first = np.sign(hebb(xi) @ start / 12 + bias - theta)
    assert np.array_equal(got[1], first)
    assert np.array_equal(got[2], np.sign(hebb(xi) @ first / 12 + bias + 1 - theta))


def test_bits_and_signs_are_the_same_memory():
    """With s = 2 x - 1, J_x = 2 J and thresholds sum_j J_ij the fields are the same."""
    xi, start = random_patterns(8, 3, 20), random_patterns(9, 1, 20)[0]
    weights = hebb(xi)
    signs, _ = followed(nj.Hopfield(20, xi, start, weights), 6)
    bits, _ = followed(nj.Hopfield(20, (xi + 1) / 2, (start + 1) / 2, 2 * weights, threshold=weights.sum(axis=1), code="bits"), 6)
    assert np.array_equal(2 * bits - 1, signs)


class TestWhereARunEnds:
    def test_fixed_point(self):
        run = followed(nj.Hopfield(25, LETTERS, LETTERS[1]), 5)[1]
        assert (run.final_state.state.outcome, run.final_state.state.steps) == (FIXED, 0)

    def test_cycle(self):
        """Two units with J = -1: in step they flip for ever; one after the other they come to rest."""
        couplings = np.array([[0.0, -1.0], [-1.0, 0.0]])
        memory = nj.Hopfield(2, [[1.0, -1.0]], np.ones(2), couplings)
        assert followed(memory, 5)[1].final_state.state.outcome == CYCLE
        alone = nj.Hopfield(2, [[1.0, -1.0]], np.ones(2), couplings, updates=nj.Asynchronous())
        assert followed(alone, 5)[1].final_state.state.outcome == FIXED

    def test_steps_count_changes(self):
        """Steps that changed something, counted from the trace."""
        states, run = followed(nj.Hopfield(100, random_patterns(0, 12, 100), nj.Flips(0.3)), 30)
        assert run.final_state.state.steps == (states[1:] != states[:-1]).any(axis=1).sum() > 1
        assert run.final_state.state.outcome == FIXED

    def test_noise_never_ends(self):
        assert followed(nj.Hopfield(25, LETTERS, units=nj.Glauber(1e-3)), 30)[1].final_state.state.outcome == MOVING


@pytest.mark.parametrize(("units", "code"), [(nj.Glauber(0.7), "signs"), (nj.Metropolis(0.7), "bits")])
def test_equilibrium_is_boltzmanns(units, code):
    """5 units with random couplings and fields, 40 runs of 2,000 steps: the share of every state against exp(-E / T) / Z by enumeration.

    Largest difference over 32 states below 0.006, six standard errors of the largest share (correlated over about four steps).
    """
    rng = np.random.default_rng(1)
    couplings = np.triu(rng.normal(size=(5, 5)), 1)
    couplings, bias = couplings + couplings.T, rng.normal(size=5) * 0.3
    low = -1.0 if code == "signs" else 0.0
    states = np.array(list(itertools.product([low, 1.0], repeat=5)))
    weight = np.exp(-(-0.5 * np.einsum("si,ij,sj->s", states, couplings, states) - states @ bias) / 0.7)
    memory = nj.Hopfield(5, np.ones((1, 5)), nj.RandomCue(), couplings, units, nj.Asynchronous(), field=bias, code=code)
    data = nj.sweep(memory, {"tolerance": [0.0]}, seeds=40, steps=2000, dt=1.0, record={"p": nj.Mean(state_counts, warmup=20.0)})
    assert np.abs(data.p.values[0].mean(axis=0) - weight / weight.sum()).max() < 0.006


def state_counts(view):
    number = jnp.sum(jnp.left_shift((view.state.s > 0.5).astype(jnp.int32), jnp.arange(4, -1, -1)))
    return (number == jnp.arange(32)).astype(jnp.float32)


@pytest.mark.parametrize("units", [nj.Glauber(0.0), nj.Metropolis(0.0)])
def test_at_zero_temperature_noise_is_the_threshold(units):
    """The same states, bit for bit, asked in the same order; ties kept."""
    xi = random_patterns(11, 4, 24)
    wanted, got = (
        followed(nj.Hopfield(24, xi, nj.Flips(0.4), units=how, updates=nj.Asynchronous(False)), 4)[0] for how in (nj.Threshold(), units)
    )
    assert np.array_equal(got, wanted)


@pytest.mark.slow
def test_annealing_finds_a_better_state_than_quenching():
    """A spin glass of 60 units (Gaussian J), 40 seeds: ramping T from 2 to 0 over 200 steps ends at least 2 % lower in energy.

    Measured: -0.691 against -0.650 per unit.
    """
    rng = np.random.default_rng(0)
    couplings = np.triu(rng.normal(size=(60, 60)), 1) / np.sqrt(60)
    memory = nj.Hopfield(60, np.ones((1, 60)), nj.RandomCue(), couplings + couplings.T, updates=nj.Asynchronous())
    ends = []
    for units in (nj.Glauber(0.0), nj.Glauber(nj.Ramp(2.0, 0.0, 0.0, 200.0))):
        system = nj.Hopfield(60, memory.patterns, memory.cue, memory.couplings, units, memory.updates)
        record = {"e": nj.Last(measures.energy_per_unit)}
        ends.append(float(nj.sweep(system, {"tolerance": [0.0]}, seeds=40, steps=220, dt=1.0, record=record).e.mean()))
    assert ends[1] < 1.02 * ends[0] < 0


def test_graded_units_come_to_rest_where_discrete_ones_do():
    """`s = tanh(gain J s)` from the flow and from the map, 1e-5; and each is a solution, 1e-6."""
    xi = random_patterns(12, 5, 100)
    flow = nj.simulate(nj.GradedHopfield(100, xi, gain=3.0), duration=40.0, dt=0.1)
    memory = nj.Hopfield(100, xi, units=nj.Tanh(3.0), tolerance=1e-7)
    s = nj.simulate(memory, steps=100, dt=1.0).final_state.state.s
    assert np.abs(s - np.tanh(3.0 * hebb(xi) @ s / 100)).max() < 1e-6
    assert np.abs(flow.final_state.state - s).max() < 1e-5


@pytest.mark.parametrize("field", [None, 0.2])
def test_energy_of_graded_units_never_rises(field):
    """In continuous time (Hopfield 1984), by RK4; its formula in float64 by NumPy, 1e-4."""
    xi = random_patterns(15, 3, 30)
    record = {"s": nj.Trace(measures.units), "e": nj.Trace(measures.graded_energy)}
    model = nj.GradedHopfield(30, xi, nj.RandomCue(), gain=2.5, field=field)
    got = nj.simulate(model, duration=20.0, dt=0.1, method=nj.RK4(), record=record).records
    s, weights, bias = np.clip(got["s"].astype(float), -1 + 1e-12, 1 - 1e-12), hebb(xi) / 30, field or 0.0
    entropy = s * np.arctanh(s) + 0.5 * np.log1p(-(s**2))
    wanted = -0.5 * np.einsum("ti,ij,tj->t", s, weights, s) - bias * s.sum(axis=1) + entropy.sum(axis=1) / 2.5
    assert got["e"] == pytest.approx(wanted, abs=1e-4)
    assert np.diff(got["e"]).max() < 1e-5
    assert got["e"][-1] < got["e"][0] - 0.1


SIZES = st.sampled_from([(5, 2), (24, 4)]).flatmap(lambda size: st.tuples(st.integers(0, 2**31), *map(st.just, size)))  # two programs


@settings(max_examples=15, deadline=None)
@given(SIZES)
def test_energy_never_rises_one_at_a_time(size):
    """Symmetric couplings, no diagonal, T = 0, one unit at a time; exact in integers / n."""
    seed, n, count = size
    xi = random_patterns(seed, count, n)
    memory = nj.Hopfield(n, xi, random_patterns(seed + 1, 1, n)[0], updates=nj.Asynchronous()).realise(jax.random.key(0))
    energies = [float(memory.energy(s)) * n for s in followed(memory, 6, seed % 100)[0]]
    assert all(later <= before + 1e-4 for before, later in itertools.pairwise(energies))


@settings(max_examples=15, deadline=None)
@given(SIZES)
def test_synchronous_runs_end_within_two_states(size):
    """Goles and Olivos 1981: symmetric couplings, ties kept: period 1 or 2; the two-step energy never rises on the way."""
    seed, n, count = size
    memory = nj.Hopfield(n, random_patterns(seed, count, n), random_patterns(seed + 1, 1, n)[0]).realise(jax.random.key(0))
    states, run = followed(memory, 60)
    assert run.final_state.state.outcome in (FIXED, CYCLE)
    moving = states[: int(run.final_state.state.steps) + 1]
    energies = [n * float(memory.two_step_energy(s, before)) for before, s in itertools.pairwise(moving)]
    assert all(later <= before + 1e-4 for before, later in itertools.pairwise(energies))


@settings(max_examples=15, deadline=None)
@given(SIZES)
def test_gauge_and_permutation_symmetry(size):
    """Flipping some units in patterns and cue, or renumbering all, does the same to the end, bit for bit."""
    seed, n, count = size
    rng = np.random.default_rng(seed)
    xi, start = random_patterns(seed, count, n), random_patterns(seed + 1, 1, n)[0]
    flip, order = rng.choice([-1.0, 1.0], n), rng.permutation(n)
    end = followed(nj.Hopfield(n, xi, start), 20)[0][-1]
    assert np.array_equal(followed(nj.Hopfield(n, xi * flip, start * flip), 20)[0][-1], end * flip)
    assert np.array_equal(followed(nj.Hopfield(n, xi[:, order], start[order]), 20)[0][-1], end[order])


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**31))
def test_factors_matrix_and_dense_pairs_agree(seed):
    """The same run through factors, through the matrix, and as a dense memory of degree 2; bit for bit."""
    n, count = 24, 4
    xi, start = random_patterns(seed, count, n), random_patterns(seed + 1, 1, n)[0]
    formed = nj.Hebb().learn(xi).formed()
    for updates in (nj.Synchronous(), nj.Asynchronous(False)):
        ends = [followed(nj.Hopfield(n, xi, start, rule, updates=updates), 8)[0] for rule in (nj.Hebb(), formed, nj.Polynomial(2))]
        assert np.array_equal(ends[0], ends[1])
        assert np.array_equal(ends[0], ends[2])


class TestDerivatives:
    def test_gain_at_a_fixed_point(self):
        """d m / d gain at `s = tanh(gain J s)`: implicit `(1 - gain D J)^-1 D J s`, D = 1 - s^2, unrolled through 60 steps, and the
        central difference; the first two equal to 1e-6, all in float64."""
        xi = random_patterns(13, 5, 60)
        couplings = hebb(xi) / 60

        def m(gain):
            memory = nj.Hopfield(60, xi, xi[0], couplings, nj.Tanh(gain))
            options = nj.Options(dtype="float64")
            return jnp.mean(nj.simulate(memory, steps=60, dt=1.0, options=options).final_state.state.s * xi[0])

        with jax.enable_x64(True):
            unrolled = float(jax.grad(m)(jnp.asarray(2.0)))
            s = np.asarray(
                jax.jit(
                    lambda g: (
                        nj.simulate(
                            nj.Hopfield(60, xi, xi[0], couplings, nj.Tanh(g)), steps=60, dt=1.0, options=nj.Options(dtype="float64")
                        ).final_state.state.s
                    )
                )(jnp.asarray(2.0))
            )
            difference = float(m(2.0 + 1e-5) - m(2.0 - 1e-5)) / 2e-5
        slope = (1 - s**2)[:, None] * couplings
        implicit = np.mean(xi[0] * np.linalg.solve(np.eye(60) - 2.0 * slope, slope @ s))
        assert unrolled == pytest.approx(implicit, rel=1e-6)
        assert difference == pytest.approx(implicit, rel=1e-4)

    def test_straight_through(self):
        """The value of the threshold, the derivative of tanh(gain h)."""
        xi = random_patterns(14, 3, 20)

        def end(couplings, units):
            return nj.simulate(nj.Hopfield(20, xi, nj.Flips(0.2), couplings, units), steps=1, dt=1.0).final_state.state.s

        weights = jnp.asarray(hebb(xi) / 20 + 0.01, jnp.float32)
        through, soft = (
            jax.grad(lambda w, units=units: jnp.sum(end(w, units) * xi[0]))(weights)
            for units in (nj.Threshold(surrogate=2.0), nj.Tanh(2.0))
        )
        assert np.allclose(through, soft, atol=1e-6)
        assert np.abs(soft).max() > 1e-2
        assert np.array_equal(end(weights, nj.Threshold(surrogate=2.0)), end(weights, nj.Threshold()))
