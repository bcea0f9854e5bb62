"""The model against the equations in plain NumPy, its forms against each other, and what is refused."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from neurojax.learning import Fading
from neurojax.multiscale import measures, theory
from neurojax.multiscale.events import event_gains
from tests.multiscale.reference import distance, seed_map

DOUBLE = nj.Options(dtype="float64")
FOUR = nj.Stream(nj.RademacherPatterns(4))


def run_and_inputs(model, steps, **record):
    """A float64 run, and s0, J0 and the fields of its steps."""
    record = {"shown": nj.Trace(measures.shown), "h": nj.Trace(measures.field), **record}
    run = nj.simulate(model, steps=steps + 1, dt=1.0, record=record, options=DOUBLE, seed=3)
    start = nj.simulate(model, steps=0, dt=1.0, options=DOUBLE, seed=3).final_state.state
    J = start.J.whole() if isinstance(start.J, Fading) else start.J
    return run, np.asarray(start.s), np.asarray(J), np.asarray(run.records["h"])[1:]


@pytest.mark.parametrize("form", [{}, {"block": 7, "tally": True}], ids=["direct", "deferred"])
def test_parity_with_the_seeds_map(form):
    """T9, criterion 2: same draws, same J (and s) to 1e-12 in float64 over 500 steps; a field of the order of the couplings."""
    model = nj.Multiscale(30, dataclasses.replace(FOUR, tau_h=3.0), 0.7, 1.5, None, 2.0, 20.0, **form)
    last = {"J": nj.Last(measures.couplings), "s": nj.Last(measures.neurons)}
    run, s, J, fields = run_and_inputs(model, 500, **last)
    s, J = seed_map(s, J, fields, beta=0.7, u=1.5, k=np.tanh(0.7), tau_s=2.0, tau_J=20.0)
    assert np.abs(run.records["J"] - J).max() < 1e-12
    assert np.abs(run.records["s"] - s).max() < 1e-12
    assert np.abs(J).max() > 0.05
    # Redrawn every third step, whatever the pattern.
    changes = np.flatnonzero(np.diff(run.records["shown"])) + 1
    assert len(changes) > 100
    assert np.all(changes % 3 == 1)  # the trace at a step has what was shown in the step before


@pytest.mark.parametrize(
    "activation", ["sigmoid", pytest.param("tanh", marks=pytest.mark.slow), pytest.param("relu", marks=pytest.mark.slow)]
)
def test_activations_in_the_synaptic_rule(activation):
    """Against plain NumPy, 1e-12."""
    model = nj.Multiscale(20, FOUR, 0.7, 3.0, 0.5, 1.0, 10.0, activation=activation)
    run, s, J, fields = run_and_inputs(model, 60, J=nj.Last(measures.couplings))
    _, J = seed_map(s, J, fields, beta=0.7, u=3.0, k=0.5, tau_s=1.0, tau_J=10.0, activation=activation)
    assert np.abs(run.records["J"] - J).max() < 1e-12


def test_the_map_is_the_recursion_in_a_strong_field():
    """T1: J <- a J + (1 - a) k xi xi' to 1e-12; D at every step, by J and by tally, against its definition, 1e-12."""
    model = nj.Multiscale(20, FOUR, u=200.0, tau_J=20.0)
    run, s, J, _ = run_and_inputs(model, 100, J=nj.Last(measures.couplings), D=nj.Trace(measures.distance))
    k, a, patterns = np.tanh(1.0), 1 - 1 / 20.0, np.asarray(run.system.stream.patterns)
    tallied = nj.simulate(
        dataclasses.replace(model, tally=True, block=5),
        steps=101,
        dt=1.0,
        seed=3,
        options=DOUBLE,
        record={"D": nj.Trace(measures.distance)},
    )
    assert s.shape == (20,)
    for step, which in enumerate(run.records["shown"][1:]):
        wanted = distance(J, k, patterns, np.full(4, 0.25))
        assert run.records["D"][step] == pytest.approx(wanted, abs=1e-12)
        assert tallied.records["D"][step] == pytest.approx(wanted, abs=1e-12)
        x = patterns[which]
        J = a * J + (1 - a) * k * np.outer(x, x)
        np.fill_diagonal(J, 0)
    assert np.abs(run.records["J"] - J).max() < 1e-12


def test_coefficients_are_the_whole_matrix():
    """The K numbers of `CoefficientMap` against the n x n map with the same seed: D, |J/k|^2 and projections, 1e-12; Markov, Zipf."""
    stream = nj.Stream(nj.GaussianPatterns(5, correlation=0.3), nj.Zipf(), transitions=nj.Repeating(0.6))
    record = {"D": nj.Trace(measures.distance), "q": nj.Trace(measures.projections), "J2": nj.Trace(measures.square_norm)}
    kept = {"steps": 80, "dt": 1.0, "seed": 5, "record": record, "options": DOUBLE}
    # Real patterns do not saturate: a gain at which the couplings, at most k (n - 1) = 19, change nothing that float64 shows.
    full = nj.simulate(nj.Multiscale(20, stream, 1e5, 1e5, tau_J=15.0), **kept)
    few = nj.simulate(nj.CoefficientMap(20, stream, 1e5, 1e5, tau_J=15.0, grid=1.0), **kept)
    for name in record:
        assert np.abs(full.records[name] - few.records[name]).max() < 1e-12
    assert np.array_equal(few.times["D"], np.arange(80.0))


SLOW = [(1.0, 20.0, 20.0), (1.0, 5.0, 1.0), (1.0, 3.0, 2.5)]


@pytest.mark.parametrize("times", [(2.0, 1.0, 1.5), *(pytest.param(one, marks=pytest.mark.slow) for one in SLOW)])
def test_the_equations_are_the_event_map(times):
    """T2: RK4 through the Flow contract against the exact map at every redraw, 1e-6 in float64, by (tau, tau', tau_h): section 2.5."""
    tau_s, tau_J, tau_h = times
    model = nj.Multiscale(8, nj.Stream(nj.RademacherPatterns(3), tau_h=tau_h), 1.0, 60.0, tau_s=tau_s, tau_J=tau_J, method=nj.RK4())
    dt, epochs = tau_h / 200, 4
    marks = tuple(tau_h * np.arange(epochs + 1))
    record = {"J": nj.At(measures.couplings, marks), "s": nj.At(measures.neurons, marks), "shown": nj.Trace(measures.shown, every=200)}
    run = nj.simulate(model, steps=200 * epochs + 1, dt=dt, record=record, options=DOUBLE)
    oracle = nj.EventMap(8, run.system.stream, 1.0, 60.0, tau_s=tau_s, tau_J=tau_J, s0=run.records["s"][0], J0=run.records["J"][0])
    with jax.enable_x64(True):
        state = oracle.init(jax.random.key(0))
        gains = event_gains(tau_h, tau_s, tau_J)
    s, J, patterns, k = np.asarray(state.s), np.asarray(state.J), np.asarray(run.system.stream.patterns), np.tanh(1.0)
    a, b, c1, c2 = (float(gain) for gain in gains)
    for epoch in range(epochs):
        S = patterns[run.records["shown"][epoch + 1]]
        d = s - S
        J = a * J + k * ((1 - a) * np.outer(S, S) + c1 * (np.outer(S, d) + np.outer(d, S)) + c2 * np.outer(d, d))
        np.fill_diagonal(J, 0)
        s = b * s + (1 - b) * S
        assert np.abs(run.records["J"][epoch + 1] - J).max() < 1e-6
        assert np.abs(run.records["s"][epoch + 1] - s).max() < 1e-6
    # The System itself: the same map with its own draws.
    record = {"shown": nj.Trace(measures.shown), "J": nj.Trace(measures.couplings)}
    exact = nj.simulate(oracle, steps=6, dt=1.0, record=record, options=DOUBLE)
    s, J = np.asarray(state.s), np.asarray(state.J)
    for epoch in range(5):
        S = patterns[exact.records["shown"][epoch + 1]]
        d = s - S
        J = a * J + k * ((1 - a) * np.outer(S, S) + c1 * (np.outer(S, d) + np.outer(d, S)) + c2 * np.outer(d, d))
        np.fill_diagonal(J, 0)
        s = b * s + (1 - b) * S
        assert np.abs(exact.records["J"][epoch + 1] - J).max() < 1e-12
    assert np.allclose(exact.times["J"], np.arange(6))


def test_gains_at_equal_time_constants():
    """c1 = (T/tau) e^(-T/tau) at tau = tau', c2 = (T/tau') e^(-T/tau') at tau = 2 tau'; elsewhere the formulas of section 2.5; 1e-12."""
    with jax.enable_x64(True):
        for tau, slow, time in ((1.0, 20.0, 20.0), (3.0, 1.0, 2.5), (1e-3, 2.0, 1.0)):
            a, b, c1, c2 = event_gains(jnp.asarray(time), tau, slow)
            assert (a, b) == (pytest.approx(np.exp(-time / slow)), pytest.approx(np.exp(-time / tau)))
            assert c1 == pytest.approx(tau / (slow - tau) * (np.exp(-time / slow) - np.exp(-time / tau)), rel=1e-12)
            assert c2 == pytest.approx(tau / 2 / (slow - tau / 2) * (np.exp(-time / slow) - np.exp(-2 * time / tau)), rel=1e-12)
        assert event_gains(jnp.asarray(0.7), 2.0, 2.0).c1 == pytest.approx(0.35 * np.exp(-0.35), rel=1e-12)
        assert event_gains(jnp.asarray(0.7), 4.0, 2.0).c2 == pytest.approx(0.35 * np.exp(-0.35), rel=1e-12)
        assert event_gains(jnp.asarray(0.7), 2.0, np.inf) == (1.0, pytest.approx(np.exp(-0.35)), 0.0, 0.0)


def test_integrators_agree():
    """Exponential Euler comes to RK4 as steps get small, float64: 1e-2 at dt = .005, half of it at half of that."""
    model = nj.Multiscale(10, nj.Stream(nj.RademacherPatterns(3), tau_h=np.inf), 1.0, 2.0, tau_J=5.0)

    def end(method, steps):
        run = nj.simulate(dataclasses.replace(model, method=method), steps=steps, dt=4.0 / steps, options=DOUBLE)
        return np.asarray(run.final_state.state.J)

    exact = end(nj.RK4(), 800)
    assert np.abs(exact).max() > 0.2
    coarse, fine = (np.abs(end(nj.ExponentialEuler(), steps) - exact).max() for steps in (800, 1600))
    assert coarse < 1e-2
    assert fine == pytest.approx(coarse / 2, rel=0.05)


def test_frozen_synapses_retrieve():
    """tau' = infinity and u = 0: J keeps its bits, and a noisy cue ends at its pattern."""
    patterns = np.random.default_rng(0).choice([-1.0, 1.0], (3, 60))
    J = theory.hebbian(patterns)
    cue = patterns[1].copy()
    cue[:9] *= -1
    model = nj.Multiscale(60, nj.Stream(patterns), 1.0, 0.0, tau_s=10.0, tau_J=np.inf, s0=cue, J0=J)
    run = nj.simulate(model, steps=100, dt=1.0, record={"m": nj.Last(measures.overlaps)}, options=DOUBLE)
    assert np.array_equal(run.final_state.state.J, J)
    assert run.records["m"][1] == pytest.approx(1.0, abs=1e-3)


def test_the_lyapunov_function_falls_while_the_field_is_held():
    """T6: no rise above 1e-8 |L| between redraws in continuous time; a jump of -u (h_new - h_old) . s at each, 1e-6 of it."""
    for beta, u, tau_J in ((1.0, 2.0, 13.0), (5.0, 20.0, 20.0), (0.5, 0.7, 2.0), (2.0, 0.0, 7.0)):
        model = nj.Multiscale(16, nj.Stream(nj.RademacherPatterns(4), tau_h=5.0), beta, u, tau_J=tau_J, method=nj.RK4())
        record = {"L": nj.Trace(measures.lyapunov), "h": nj.Trace(measures.field), "s": nj.Trace(measures.neurons)}
        run = nj.simulate(model, steps=1501, dt=0.02, record=record, options=DOUBLE)
        L, h, s = (np.asarray(run.records[name])[1:] for name in record)  # nothing is shown before the first step
        # The trace at step n has the field of step n - 1, so that L of neighbours has the same one but where the pattern changes.
        jump = -u * np.einsum("ti,ti->t", h[1:] - h[:-1], s[:-1])
        change = np.diff(L) - jump
        redrawn = np.arange(1, 1500) % 250 == 0
        assert change[~redrawn].max() <= 1e-8 * np.abs(L).max()
        assert L[249] < L[0]
        if u:
            assert np.abs(jump[redrawn]).max() > 1.0
        assert np.all(jump[~redrawn] == 0)


def test_a_swept_load_and_sizes():
    """`load` instead of a number of patterns; a given s and J; k given and by default."""
    assert nj.RademacherPatterns(load=0.1).rows(150) == 15
    assert nj.RademacherPatterns(load=0.3).rows(10) == 3
    model = nj.Multiscale(12, nj.Stream(nj.UniformPatterns(load=0.25)), s0=np.full(12, 0.5), J0=0.0)
    start = nj.simulate(model, steps=0, dt=1.0).final_state.state
    assert np.all(start.s == 0.5)
    assert np.all(start.J == 0)
    assert float(model.strength()) == pytest.approx(np.tanh(1.0))


def test_initial_couplings():
    """Section 1.1: symmetric, no diagonal, E |J0|^2 / k^2 = 1/K: 4 sigma over 64 seeds."""
    model = nj.Multiscale(40, FOUR, 0.5)
    keys = jax.random.split(jax.random.key(0), 64)
    made = np.asarray(jax.vmap(lambda key: model.initial(key).J)(keys))
    assert np.array_equal(made, made.transpose(0, 2, 1))
    assert np.all(made[:, np.arange(40), np.arange(40)] == 0)
    sizes = (made**2).sum((1, 2)) / (40 * 39) / np.tanh(0.5) ** 2
    assert abs(sizes.mean() - 0.25) < 4 * 0.25 * np.sqrt(2 / (64 * 780))


def test_steps_beyond_a_time_constant():
    """The map with dt > tau or tau' is refused by a run, a phase and a sweep, at any of its points; dt = tau' forgets all in a step."""
    small, D = nj.Multiscale(8, nj.Stream(nj.RademacherPatterns(2))), {"D": nj.Last(measures.distance)}
    kept = {"dt": 1.0, "record": D}
    wrong = r"Multiscale\({}=0.5\): shorter than a step of the map, dt=1; take dt of at most 0.5"
    with pytest.raises(ValueError, match=wrong.format("tau_s")):
        nj.simulate(dataclasses.replace(small, tau_s=0.5), steps=3, **kept)
    with pytest.raises(ValueError, match=wrong.format("tau_J")):
        nj.sweep(small, {"tau_J": [2.0, 0.5, 4.0]}, steps=3, **kept)
    with pytest.raises(ValueError, match=r"phase 'fast' with {'tau_J': 0.5}: Multiscale\(tau_J=0.5\)"):
        nj.simulate(small, duration=nj.Schedule({"slow": 2.0, "fast": nj.Phase(2.0, {"tau_J": 0.5})}), **kept)
    with pytest.raises(ValueError, match=r"tau_s=1\): shorter than a step of the map, dt=2"):
        nj.sweep(small, {"dt": [0.5, 2.0]}, steps=3, **kept)
    made = dataclasses.replace(small, tau_J=1.0, block=2)
    run = nj.simulate(made, steps=5, dt=1.0, record={"J": nj.Last(measures.couplings), "s": nj.Last(measures.neurons)})
    s = np.asarray(run.records["s"])
    assert np.allclose(run.records["J"], np.tanh(1.0) * np.outer(s, s) * (1 - np.eye(8)), atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [{"tau_J": np.inf}, {"k": 0.3, "tau_J": 5.0}, {"beta": 0.5, "u": 2.0}],
    ids=lambda change: ", ".join(change),
)
def test_a_tally_goes_through_phases_and_resumes(change):
    """Where a phase, or who goes on from a snapshot, brings another rate or strength: D of the tally is that of J at every step, 1e-12."""
    k = None if "beta" in change else 0.7
    base = nj.Multiscale(10, nj.Stream(nj.RademacherPatterns(3)), 1.0, 50.0, k, tau_J=10.0, block=4, tally=True)
    schedule = nj.Schedule({"a": 10.0, "b": nj.Phase(10.0, change), "c": 10.0})
    own, plain = (
        nj.simulate(model, duration=schedule, dt=1.0, record={"D": nj.Trace(measures.distance)}, options=DOUBLE).records["D"]
        for model in (base, dataclasses.replace(base, tally=False))
    )
    assert np.allclose(own, plain, rtol=1e-12, atol=1e-14)
    if "u" in change:  # another field has other targets, which the tally was not kept for
        return
    half = nj.simulate(base, steps=10, dt=1.0, options=DOUBLE)
    record = {"D": nj.Trace(measures.distance), "J": nj.Trace(measures.couplings)}
    changed = dataclasses.replace(base, **change)
    run = nj.simulate(changed, steps=10, dt=1.0, state=half.final_state, record=record, options=DOUBLE)
    wanted = [distance(J, float(changed.strength()), np.asarray(run.system.targets()), np.full(3, 1 / 3)) for J in run.records["J"]]
    assert np.allclose(run.records["D"], wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: nj.Multiscale(1), r"Multiscale\(n=1\)"),
        (lambda: nj.Multiscale(8, activation="step"), r"activation='step'\): choose 'none'"),
        (lambda: nj.Multiscale(8, method="euler"), r"method='euler'\): give 'map' or an integrator"),
        (lambda: nj.Multiscale(8, method=nj.RK4(), block=4), r"only method='map' gathers"),
        (lambda: nj.Multiscale(8, tally=True, activation="relu"), r"tally=True"),
        (lambda: nj.Multiscale(8, beta=0.0).check(), r"beta=0.0\): a positive number where k is tanh\(beta\)"),
        (lambda: nj.Multiscale(8, tau_J="fast").check(), r"tau_J='fast'\): a positive time, or infinity"),
        (lambda: nj.Multiscale(8, s0=[0.5, [1.0]]).check(), r"s0=\[0.5, \[1.0\]\]"),
        (lambda: nj.Multiscale(8, nj.Stream([["a"] * 8])).check(), r"Stream\(patterns\): .*an array \(K, 8\) of numbers"),
        (lambda: nj.Multiscale(8, nj.Stream(np.eye(2, 8), transitions=np.eye(2))).check(), r"falls into parts that never meet"),
        (lambda: nj.Multiscale(8, nj.Stream(tau_h=0.25)).check_dt(1.0), r"patterns last 0.25 on average, less than a step, dt=1"),
        (lambda: nj.CoefficientMap(8, tau_s=5.0).check(), r"CoefficientMap\(tau_s=5.0\): its neurons have no speed"),
        (lambda: nj.CoefficientMap(8, grid="a").check(), r"grid='a'\): a positive time, or None"),
        (lambda: nj.PatternMatrix(8, tau_s=0.0).check(), r"PatternMatrix\(tau_s=0.0\): a positive time, or infinity"),
        (lambda: nj.PatternMatrix(8, nj.Stream(tau_h=0.25)).check_dt(1.0), r"less than a step"),
        (lambda: nj.Multiscale(8, tau_J=0.0).check(), r"tau_J=0.0\): a positive time, or infinity"),
        (lambda: nj.Multiscale(8, beta=-1.0).check(), r"beta=-1.0"),
        (lambda: nj.Multiscale(8, k=0.0).check(), r"k=0.0\): a positive number, or None"),
        (lambda: nj.Multiscale(8, J0=np.ones((8, 8))).check(), r"zero diagonal"),
        (lambda: nj.Multiscale(8, J0=np.ones((7, 7))).check(), r"J0\): has shape \(7, 7\)"),
        (lambda: nj.Multiscale(8, nj.Stream(np.ones((2, 7)))).check(), r"patterns\): has shape \(2, 7\)"),
        (lambda: nj.Multiscale(8, nj.Stream(probabilities=[0.5, 0.5])).check(), r"probabilities\): has shape \(2,\)"),
        (lambda: nj.Multiscale(8, nj.Stream(tau_h=0.0)).check(), r"Periodic\(period=0.0\)"),
        (lambda: nj.Multiscale(8, nj.Stream(np.ones((2, 8)), transitions=[[1, 1], [0, 1]])).check(), r"they sum to 2"),
        (lambda: nj.Multiscale(8, nj.Stream(np.ones((2, 8)), [0.2, 0.8], transitions=nj.Cyclic())).check(), r"leave probabilities out"),
        (lambda: nj.RademacherPatterns(), r"count=None, load=None"),
        (lambda: nj.Multiscale(8, nj.Stream(nj.RademacherPatterns(2, correlation=1.0))).check(), r"correlation=1.0"),
        (lambda: nj.CoefficientMap(8, nj.Stream(noise=0.1)).check(), r"take EventMap"),
        (lambda: nj.EventMap(8, nj.Stream(tau_h=np.inf)).check(), r"give a finite time"),
        (lambda: nj.EventMap(8, activation="relu"), r"exact for 'none' only"),
    ],
)
def test_what_is_refused(wrong, message):
    """Named, with the value and the mend, before anything compiles."""
    with pytest.raises((ValueError, TypeError), match=message):
        wrong()
