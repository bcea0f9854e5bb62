"""Derivatives beside a lane that diverges: the sound lanes' are those of the sound lanes alone."""

import functools
import re
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from neurojax.engine import drive
from tests.test_lowering import RECORDS


class Runaway(nj.Flow):
    """x' = gain exp(own x) - W x: the exponential overflows within a few steps once x has grown."""

    gain: Any
    weights: Any
    own: Any = 1.0
    start: Any = 0.0
    n: int = eqx.field(static=True, default=3)

    def init(self, key):
        return {"x": self.start + jnp.linspace(0.0, 0.2, self.n), "count": jnp.zeros(self.n, jnp.int32), "key": key}

    def drift(self, state, clock):
        pull = self.weights @ state["x"]
        return {"x": nj.at(self.gain, clock.time) * jnp.exp(self.own * state["x"]) - pull, "count": None, "key": None}


def energy(view):
    return nj.at(view.system.gain, view.clock.time) * jnp.sum(jnp.exp(view.state["x"]))


def still_small(view):
    return jnp.all(view.state["x"] < 2)


SHARED = {"gain": np.float32(0.1), "weights": np.float32([[0.1, 0.0, -0.2], [0.05, 0.2, 0.0], [0.0, -0.1, 0.1]])}
STEPS = 60
MEASURED = {
    "mean": nj.Mean(energy),
    "trace": nj.Trace(energy, every=7),
    "variance": nj.Variance(energy, every=2),
    "correlation": nj.Autocorrelation(energy, lags=3),
}
# Each lane's own exponent and start: two sound ones, then a bad one with the steps among which its bad step is.
SOUND = np.float32([[1.0, 0.0], [0.5, 0.2]])
BAD = {
    "in the middle": ([3.0, 0.3], range(10, 50)),
    "in the last step": ([1.0, 1.055], range(59, 60)),
    "in the very first step": ([1.0, 1e3], range(1)),
    "by its own parameter": ([np.inf, 0.1], range(1)),
    "by a parameter that is no number": ([np.nan, 0.1], range(1)),
    "from the start": ([1.0, np.nan], range(1)),
}


def lane(shared, own, steps=STEPS, **options):
    model = Runaway(shared["gain"], shared["weights"], *own)
    return nj.simulate(model, steps=steps, dt=0.05, method=nj.EulerMaruyama(), record=MEASURED, options=nj.Options(**options))


def sum_of_sound(run, counted=True):
    """The sum of all records and final states of the lanes that are done, and counted."""
    values = [*jax.tree.leaves(run.records), run.final_state.state["x"]]
    flat = jnp.concatenate([value.reshape(len(run.status), -1) for value in values], axis=1)
    return jnp.sum(jnp.where(((run.status == 1) & counted)[:, None], flat, 0.0))


def loss(shared, lanes, counted=(True, True, True), **options):
    """What lanes of own (exponent, start) and shared parameters sum up to, and their bad steps."""
    run = jax.vmap(lambda own: lane(shared, own, **options))(lanes)
    return sum_of_sound(run, jnp.asarray(counted)), run.bad_step


def beside(bad):
    """The sound lanes with a bad one among them."""
    return np.insert(SOUND, 1, np.float32(bad), axis=0)


# The sound lanes alone: one more, which does not count, lets the same program serve.
ALONE = beside([0.8, 0.1]), np.array([True, False, True])
ALL = np.array([True, True, True])


def tangent(function, has_aux):
    """`jax.jvp` along ones, called as `jax.grad` is."""

    def derivative(shared, *arguments):
        ones = jax.tree.map(jnp.ones_like, shared)
        return jax.jvp(lambda p: function(p, *arguments), (shared,), (ones,), has_aux=has_aux)[1:]

    return derivative


@functools.cache
def derivative(transform, **options):
    """The compiled derivative of the loss by all that lanes share."""
    return jax.jit(transform(functools.partial(loss, **options), has_aux=True))


def close(a, b, tolerance=1e-5):
    """Equal to rounding, relative to the largest component of each leaf."""
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.abs(np.asarray(x) - np.asarray(y)).max() <= tolerance * np.abs(np.asarray(y)).max() for x, y in pairs)


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize("transform", [jax.grad, tangent], ids=lambda t: t.__name__)
def test_sound_lanes_keep_the_derivatives_that_they_have_alone(transform, bad):
    """A gain and a matrix that all lanes share, float32: the reference is the same derivative without the bad lane."""
    alone, _ = derivative(transform)(SHARED, *ALONE)
    among, failed = derivative(transform)(SHARED, beside(bad[0]), ALL)
    assert failed[0] == failed[2] == -1
    assert int(failed[1]) in bad[1]
    assert close(among, alone)


@pytest.mark.parametrize("checkpoint", [(1, None), (3, None), (2, 28)], ids=str)
def test_checkpointing_and_windows_make_no_difference(checkpoint):
    """As above; the reference has the same levels and the same window."""
    slope = derivative(jax.grad, checkpoint=nj.Checkpoint(*checkpoint))
    assert close(slope(SHARED, beside(BAD["in the middle"][0]), ALL)[0], slope(SHARED, *ALONE)[0])


def test_without_jit_and_inside_a_vmap():
    """Each lane's gradient by what it might share, lane by lane: the compiled gradient of the sound ones, and 0 of the bad one."""
    slopes = jax.vmap(lambda own: jax.grad(lambda p: loss(p, own[None], True)[0])(SHARED))(beside(BAD["in the middle"][0]))
    assert close(jax.tree.map(lambda leaf: leaf[0] + leaf[2], slopes), derivative(jax.grad)(SHARED, *ALONE)[0])
    assert all(np.all(leaf[1] == 0) for leaf in jax.tree.leaves(slopes))


def test_a_second_derivative_keeps_out_of_it_too():
    """float64: d2/d gain2 beside a bad lane, against central differences of the first derivative of the sound lanes, at 1e-5."""

    def slope(gain, lanes, counted=ALL):
        return jax.grad(lambda g: loss(SHARED | {"gain": g}, lanes, counted, dtype="float64")[0])(gain)

    with jax.enable_x64(True):
        first, second = jax.jit(slope), jax.jit(jax.grad(slope))
        curvature = float(second(0.1, beside([30.0, 0.3])))
        difference = (float(first(0.1 + 1e-5, *ALONE)) - float(first(0.1 - 1e-5, *ALONE))) / 2e-5
    assert curvature == pytest.approx(difference, rel=1e-6)


def test_a_lane_counts_for_what_it_recorded_before_its_bad_step():
    """The gradient of a mean and of the final state of a lane that fails at step b is that of a run of b steps."""

    def value(shared, steps):
        run = lane(shared, BAD["in the middle"][0], steps)
        return run.records["mean"] + 1e-3 * jnp.sum(run.final_state.state["x"]), run.bad_step

    slope = jax.jit(jax.grad(value, has_aux=True), static_argnums=1)
    whole, failed = slope(SHARED, STEPS)
    until, never = slope(SHARED, int(failed))
    assert never == -1
    assert close(whole, until, 1e-4)  # each of the last steps multiplies the rounding by its slope


def test_a_run_that_fails_alone_has_a_gradient_of_zero():
    """What it recorded is weighed with 0."""
    for own, _ in BAD.values():
        assert all(np.all(leaf == 0) for leaf in jax.tree.leaves(derivative(jax.grad)(SHARED, np.float32([own] * 3), ALL)[0]))


def test_a_broken_invariant_counts_as_a_bad_step():
    """A lane that an invariant stops long before its exponential overflows; the reference is the sound lanes alone."""
    lanes = beside(BAD["in the middle"][0])
    among, failed = derivative(jax.grad, invariant=still_small)(SHARED, lanes, ALL)
    assert 0 < failed[1] < derivative(jax.grad)(SHARED, lanes, ALL)[1][1]
    assert close(among, derivative(jax.grad, invariant=still_small)(SHARED, *ALONE)[0])


@pytest.mark.parametrize("transform", [jax.grad, jax.jacfwd], ids=lambda t: t.__name__)
def test_a_parameter_that_a_function_closes_over(transform):
    """gain = lambda t: k (1 + sin t), differentiated by k, which no field of the model holds; the reference is the sound lanes alone."""

    def value(k, lanes):
        gain = lambda t: k * (1 + jnp.sin(t))  # noqa: E731
        run = jax.vmap(lambda own: lane(SHARED | {"gain": gain}, own).records)(lanes)
        return jnp.sum(jnp.where(jnp.isfinite(run["trace"][:, -1:]), run["trace"], 0.0))

    slope = jax.jit(transform(value))
    alone = float(slope(0.05, SOUND))
    assert abs(alone) > 1
    for bad in ("in the middle", "in the very first step"):
        assert float(slope(0.05, beside(BAD[bad][0]))) == pytest.approx(alone, rel=1e-5)


def test_a_lane_that_fails_in_a_later_phase():
    """The second phase gives each lane its own exponent; of three lanes one overflows there. Reference: the two others alone."""

    def value(shared, exponents, counted):
        def one(exponent):
            schedule = nj.Schedule({"slow": 1.0, "fast": nj.Phase(1.05, {"own": exponent})})
            model = Runaway(shared["gain"], shared["weights"], 1.0, 0.3)
            return nj.simulate(model, duration=schedule, dt=0.05, method=nj.EulerMaruyama(), record=MEASURED)

        run = jax.vmap(one)(exponents)
        return sum_of_sound(run, counted), run.bad_step

    slope = jax.jit(jax.grad(value, has_aux=True))
    alone, _ = slope(SHARED, np.float32([1.0, 0.8, 0.5]), ALONE[1])
    for bad, step in ((8.0, range(21, 40)), (300.0, range(20, 21))):
        among, failed = slope(SHARED, np.float32([1.0, bad, 0.5]), ALL)
        assert int(failed[1]) in step
        assert close(among, alone)


class Growing(nj.System):
    """x -> rate x, from 1: it takes many sound steps between the overflow of x^4 and that of x."""

    rate: Any

    def init(self, key):
        return jnp.asarray(1.0)

    def step(self, x, clock, drawn):
        return self.rate * x


def fourth_power(view):
    return view.state**4


@pytest.mark.parametrize(
    "record",
    [
        nj.Trace(fourth_power, every=4),
        nj.Mean(fourth_power),
        nj.Variance(fourth_power, every=3),
        nj.Maximum(fourth_power, warmup=10.0),
        nj.Last(fourth_power),
        nj.At(fourth_power, times=(5.0, 35.0)),
        nj.Autocorrelation(fourth_power, lags=4),
        nj.Spectrum(fourth_power, length=8),
    ],
    ids=lambda record: type(record).__name__,
)
def test_a_measure_that_overflows_before_the_state_does(record):
    """x^4 in float32 is infinite from the 15th step of doubling fivefold on, x from the 56th; the reference is the sound lane alone."""

    def value(shared, own):
        run = jax.vmap(lambda rate: nj.simulate(Growing(shared * rate), steps=60, dt=1.0, record={"x": record}))(own)
        flat = run.records["x"].reshape(len(own), -1)
        return jnp.sum(jnp.where((run.status == 1)[:, None], flat, 0.0)), run.bad_step

    slope = jax.jit(jax.grad(value, has_aux=True))
    alone, _ = slope(1.0, np.float32([1.01]))
    among, failed = slope(1.0, np.float32([1.01, 5.0]))
    assert list(failed) == [-1, 55]
    assert float(among) == pytest.approx(float(alone), rel=1e-5)


class Started(nj.System):
    """x -> x / 2 from `spread exp(scale)`, which overflows for a scale above 88; heard through a matrix that is larger than x."""

    scale: Any
    spread: Any
    heard: Any

    def init(self, key):
        return self.spread * jnp.exp(self.scale) * jnp.arange(1.0, 4.0)

    def step(self, x, clock, drawn):
        return x * x / 2


def test_a_start_that_overflows_and_a_measure_with_a_shared_matrix():
    """Lanes start at `spread exp(scale)`: one overflows there, one squares itself to infinity. The measure has a matrix and a
    parameter that it closes over. All derivatives are those of the sound lane alone, in both modes.
    """

    def value(shared, scales):
        record = {"m": nj.Mean(lambda view: shared["k"] * jnp.mean((view.system.heard @ view.state**2) ** 2))}
        system = lambda scale: Started(scale, shared["spread"], shared["heard"])  # noqa: E731
        run = jax.vmap(lambda scale: nj.simulate(system(scale), steps=12, dt=1.0, record=record))(scales)
        return jnp.sum(jnp.where(run.status == 1, run.records["m"], 0.0)), run.status

    shared = {"k": np.float32(0.3), "spread": np.float32(0.2), "heard": np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)}
    for transform in (jax.grad, jax.jacfwd):
        slope = jax.jit(transform(value, has_aux=True))
        alone, _ = slope(shared, np.float32([0.5, 0.4, 0.3]))
        among, status = slope(shared, np.float32([0.5, 100.0, 5.0]))
        assert list(status) == [1, 2, 2]
        others = [slope(shared, np.float32([scale] * 3))[0] for scale in (0.4, 0.3)]
        expected = jax.tree.map(lambda all_, *rest: all_ - sum(one / 3 for one in rest), alone, *others)
        assert close(among, expected, 2e-5)


GRAPH = {"w": np.random.default_rng(0).normal(size=(16, 16)).astype(np.float32) / 4, "noise": np.float32(0.1), "width": np.float32(0.5)}


def phase_loss(shared, couplings, counted=True):
    """The sum of all that Kuramoto lanes record and of their last phases, where they are done and counted, and which are done."""

    def lane(coupling, seed):
        frequencies, graph = nj.Lorentzian(shared["width"]), nj.Dense(shared["w"])
        model = nj.Kuramoto(16, coupling=coupling, noise=shared["noise"], frequencies=frequencies, graph=graph)
        return nj.simulate(model, steps=41, dt=0.1, seed=jax.random.key(seed), record=RECORDS)

    run = jax.vmap(lane)(couplings, jnp.arange(len(couplings)))
    floats = [v.reshape(len(v), -1) for v in jax.tree.leaves(run.records) if jnp.issubdtype(v.dtype, jnp.floating)]
    flat = jnp.concatenate([*floats, run.final_state.state.theta], axis=1)
    return jnp.sum(jnp.where(((run.status == 1) & counted)[:, None] & jnp.isfinite(flat), flat, 0.0)), run.status


@pytest.mark.parametrize("transform", [jax.grad, jax.jacfwd], ids=lambda t: t.__name__)
def test_oscillators_on_a_shared_graph(transform):
    """Noisy phases, every record, derivatives by the graph, the noise and the width: those of the two sound lanes alone."""
    slope = jax.jit(transform(phase_loss, has_aux=True))
    alone, _ = slope(GRAPH, np.float32([1.0, 0.5, 2.0]), ALONE[1])
    for coupling in (np.inf, np.nan, 3e38):
        among, status = slope(GRAPH, np.float32([1.0, coupling, 2.0]), ALL)
        assert list(status) == [1, 2, 1]
        assert close(among, alone, 2e-5)  # forward mode multiplies by the graph in another order


def test_a_gradient_copies_no_shared_graph():
    """Every product with the graph is one for all lanes: none has a batch axis. And what only derivatives need is not computed
    without them: a Heun step has two products, of sines and cosines together.
    """
    couplings = np.float32([1.0, 2.0, 3.0])
    text = jax.jit(jax.grad(phase_loss, has_aux=True)).lower(GRAPH, couplings).as_text()
    products = re.findall(r"dot_general .*", text)
    assert products
    assert all("batching_dims = []" in one or "batching_dims" not in one for one in products)
    plain = jax.jit(phase_loss).lower(GRAPH, couplings).compile().as_text()
    assert len(re.findall(r"= \S+ dot\(", plain)) == 2


def test_lanes_in_lanes():
    """Exponents, one of them infinite, by starts under two vmaps; the reference has the other exponents alone."""

    def value(shared, exponents, starts):
        run = jax.vmap(jax.vmap(lambda *own: lane(shared, own), (None, 0)), (0, None))(exponents, starts)
        return sum_of_sound(jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), eqx.filter(run, eqx.is_array)))

    slope, exponents, starts = jax.jit(jax.grad(value)), np.float32([1.0, np.inf, 0.5]), np.float32([0.0, 0.2])
    assert close(slope(SHARED, exponents, starts), slope(SHARED, exponents[::2], starts))


class Passing(nj.System):
    """Not a number from step 14 to step 19, and sound again when it is looked at after step 31."""

    def init(self, key):
        return jnp.ones(2)

    def step(self, state, clock, drawn):
        return jnp.where((clock.step >= 14) & (clock.step < 20), jnp.nan, jnp.ones(2))


def whole(view):
    return view.state


@pytest.mark.parametrize("room", [1, 64 << 20])
def test_what_is_found_does_not_depend_on_how_much_is_recorded(monkeypatch, room):
    """Blocks end at looks, though the samples between two of them take more than their share of the memory."""
    monkeypatch.setattr(drive, "TRACE_BYTES", room)
    run = nj.simulate(Passing(), steps=40, dt=0.1, record={"x": nj.Trace(whole)})
    assert (run.status, run.bad_step) == (1, -1)
    assert np.flatnonzero(np.isnan(run.records["x"][:, 0])).tolist() == [15, 16, 17, 18, 19, 20]
