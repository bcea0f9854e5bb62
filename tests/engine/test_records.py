"""Every record against NumPy on the full trajectory."""

from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal

import neurojax as nj
from tests.engine.models import OrnsteinUhlenbeck, Walk

STEPS, DT = 700, 0.1
MODEL = OrnsteinUhlenbeck(rate=1.0, sigma=1.0, n=3)


def x(view):
    return view.state


def first(view):
    return view.state[0]


def positive(view):
    return view.state > 0.3


def both(view):
    return {"x": view.state, "square": view.state**2}


def place(view):
    return view.state["x"]


def coin(view):
    return view.drawn["u"]


class Blinking(nj.System):
    """Counts its steps, and is infinite after steps from `low` up to `high`."""

    low: int = eqx.field(static=True, default=0)
    high: int = eqx.field(static=True, default=0)

    def init(self, key):
        return jnp.asarray(0.0)

    def step(self, state, clock, drawn):
        count = clock.step + 1
        return jnp.where((count >= self.low) & (count < self.high), jnp.inf, count.astype(state.dtype))


@pytest.fixture(scope="module")
def path():
    return nj.simulate(MODEL, steps=STEPS, dt=DT, seed=8, record={"x": nj.Trace(x)}).records["x"].astype(float)


def run(record):
    return nj.simulate(MODEL, steps=STEPS, dt=DT, seed=8, record={"it": record})


@pytest.mark.parametrize(("every", "warmup"), [(1, 0.0), (1, 5.0), (7, 0.0), (7, 5.05), (41, 5.05), (64, 0.0)])
@pytest.mark.parametrize(
    ("kind", "reference"),
    [
        (nj.Trace, lambda p: p),
        (nj.Mean, lambda p: p.mean(axis=0)),
        (nj.Variance, lambda p: p.var(axis=0)),
        (nj.Minimum, lambda p: p.min(axis=0)),
        (nj.Maximum, lambda p: p.max(axis=0)),
        (nj.Last, lambda p: p[-1]),
    ],
    ids=["trace", "mean", "variance", "minimum", "maximum", "last"],
)
def test_simple_records(path, kind, reference, every, warmup):
    """Oracle: NumPy on the same samples; float32, 2e-6."""
    steps = np.arange(STEPS)
    watched = path[(steps % every == 0) & (steps * DT >= warmup - 1e-9)]
    assert np.allclose(run(kind(x, every=every, warmup=warmup)).records["it"], reference(watched), atol=2e-6)


def test_histogram(path):
    out = run(nj.Histogram(x, bins=20, range=(-2.0, 2.0)))
    counts, edges = np.histogram(path.astype(np.float32).ravel(), bins=20, range=(-2, 2))
    assert np.abs(out.records["it"] - counts).sum() <= 4  # samples within rounding of an edge
    assert np.allclose(out.times["it"], (edges[1:] + edges[:-1]) / 2)


def test_values_at_given_times(path):
    out = run(nj.At(x, times=(0.0, 3.3, 69.9, 100.0)))
    assert np.array_equal(out.records["it"][:3], path[[0, 33, 699]].astype(np.float32))
    assert np.all(np.isnan(out.records["it"][3]))


@pytest.mark.parametrize("hold", [0.0, 0.5])
def test_first_time_that_a_condition_holds(path, hold):
    """Oracle: a loop over the trajectory."""
    need = round(hold / DT) + 1
    expected = []
    for column in (path > 0.3).T:
        runs = [k for k in range(STEPS - need + 1) if column[k : k + need].all()]
        expected.append(runs[0] * DT if runs else np.inf)
    assert np.allclose(run(nj.First(positive, hold=hold)).records["it"], expected, atol=1e-5)


def test_first_is_infinite_if_never():
    assert np.all(np.isinf(run(nj.First(never)).records["it"]))


def never(view):
    return view.state > 1e6


def test_autocorrelation(path):
    """Oracle: the sums over pairs, in float64; and exp(-t) within the statistics of the path is not asserted."""
    lags = 30
    out = run(nj.Autocorrelation(x, lags=lags))
    expected = []
    for k in range(lags):
        head, tail = path[k:], path[: STEPS - k]
        expected.append((head * tail).mean(axis=0) - head.mean(axis=0) * tail.mean(axis=0))
    expected = np.asarray(expected)
    assert np.allclose(out.records["it"], expected / expected[0], atol=1e-5)
    assert np.allclose(run(nj.Autocorrelation(x, lags=lags, normalise=False)).records["it"], expected, atol=1e-5)
    assert np.allclose(out.times["it"], np.arange(lags) * DT)


def test_spectrum_equals_scipy(path):
    """Oracle: scipy.signal.welch with the same windows."""
    out = run(nj.Spectrum(x, length=128, every=2))
    frequency, power = scipy.signal.welch(path[::2], fs=1 / (2 * DT), window="hann", nperseg=128, noverlap=0, detrend="constant", axis=0)
    assert np.allclose(out.times["it"], frequency)
    assert np.allclose(out.records["it"], power, rtol=1e-3, atol=1e-6)


def test_a_measure_may_return_a_pytree(path):
    out = run(nj.Mean(both)).records["it"]
    assert np.allclose(out["square"], (path**2).mean(axis=0), atol=1e-5)


def test_several_records_in_one_pass_equal_each_alone():
    records = {"m": nj.Mean(x), "v": nj.Variance(first), "t": nj.Trace(x, every=9), "s": nj.Spectrum(first, length=64)}
    joint = nj.simulate(MODEL, steps=STEPS, dt=DT, seed=8, record=records)
    for name, record in records.items():
        assert np.allclose(joint.records[name], run(record).records["it"], rtol=1e-6, atol=1e-7), name


def test_long_means_keep_their_digits():
    """10^5 float32 samples of about 1000.1: a plain float32 sum would be off by more than 0.01; compensated within 1e-3."""
    model = OrnsteinUhlenbeck(rate=0.0, start=1000.1)
    mean = nj.simulate(model, steps=100_000, dt=0.1, method=nj.EulerMaruyama(), record={"m": nj.Mean(x)}).records["m"]
    assert abs(float(mean[0]) - np.float32(1000.1)) < 1e-4


class Count(nj.Record):
    """A user's own record: how many samples were watched."""

    def start(self, value, dt):
        return jnp.asarray(0)

    def update(self, carry, value, clock):
        return carry + 1


def test_a_record_of_ones_own():
    assert run(Count(x, every=7, warmup=1.0)).records["it"] == len([s for s in range(STEPS) if s % 7 == 0 and s * DT >= 1.0])


def test_parts_of_a_nested_system():
    """`of` shows the measure a part of the system and its state."""
    out = nj.simulate(Pair(), steps=5, dt=0.1, record={"right": nj.Last(rate_of, of="right")})
    assert float(out.records["right"]) == 3.0


class Both(NamedTuple):
    left: Any
    right: Any


class Pair(nj.Flow):
    """Two flows side by side, each with its state under its own name."""

    left: nj.Flow = OrnsteinUhlenbeck(rate=2.0)
    right: nj.Flow = OrnsteinUhlenbeck(rate=3.0)

    def init(self, key):
        return Both(self.left.init(key), self.right.init(key))

    def drift(self, state, clock):
        return Both(self.left.drift(state.left, clock), self.right.drift(state.right, clock))


def rate_of(view):
    return view.system.rate


def test_seldom_records_at_odd_places():
    """Between the steps or, of draws, within: from an odd step on, in phases, with several periods. Oracle: the trace of every step."""
    records = {
        "each": nj.Trace(place),
        "coins": nj.Trace(coin),
        "seldom": nj.Trace(place, every=37),
        "mean": nj.Mean(place, every=45, warmup=3.0),
        "coin": nj.Trace(coin, every=41),
        "last": nj.Last(place, every=3),
        "first phase": nj.Last(place, phase="one"),
        "last coin": nj.Last(coin),
    }
    begun = nj.simulate(Walk(), steps=5, dt=0.1, seed=2)
    schedule = nj.Schedule({"one": nj.Phase(20.3, {"push": 0.5}), "two": nj.Phase(30.0, {"push": -0.5})})
    run = nj.simulate(Walk(), duration=schedule, dt=0.1, state=begun.final_state, record=records)
    found, steps = run.records, np.arange(5, 508)
    each, coins = found["each"], found["coins"]
    assert np.array_equal(found["seldom"], each[steps % 37 == 0])
    assert np.array_equal(found["coin"], coins[steps % 41 == 0])
    assert np.allclose(found["mean"], each[(steps % 45 == 0) & (steps >= 35)].astype(float).mean(axis=0), rtol=1e-6)
    assert np.array_equal(found["last"], each[steps == 507][0])
    assert np.array_equal(found["first phase"], each[steps == 207][0])
    assert found["last coin"] == coins[-1]


def test_nobody_looks_for_faults_where_a_seldom_record_is_taken():
    """A state that is infinite after step 39 alone goes on, and one that is after steps 31 or 39 to 70 does not, whatever is recorded."""
    for blink, status, bad in (((40, 41), 1, -1), ((32, 33), 2, 31), ((40, 71), 2, 39)):
        for record in ({}, {"x": nj.Trace(x, every=40)}, {"x": nj.Last(x, every=40)}):
            run = nj.simulate(Blinking(*blink), steps=100, dt=1.0, record=record)
            assert (run.status, run.bad_step) == (status, bad)
