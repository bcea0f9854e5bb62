"""What is measured, against its definition; events; stationarity; what a learned J remembers."""

import sys

import numpy as np
import pytest

import neurojax as nj
from neurojax.multiscale import measures, theory
from tests.multiscale.reference import distance

DOUBLE = nj.Options(dtype="float64")
MODEL = nj.Multiscale(24, nj.Stream(nj.GaussianPatterns(3, scale=0.5), nj.Zipf()), 2.0, 3.0, 0.8, tau_J=15.0)


def recorded(model, steps, **names):
    return nj.simulate(model, steps=steps, dt=1.0, record={name: nj.Trace(one) for name, one in names.items()}, options=DOUBLE)


def test_measures_are_their_definitions():
    """Every measure from s, J and the field at each step, 1e-12 relative; graded patterns, unequal p, k = 0.8."""
    names = (
        "distance",
        "square_norm",
        "projections",
        "locked",
        "overlaps",
        "mean_activity",
        "agreement",
        "tracking",
        "lyapunov",
        "seed_energy",
    )
    run = recorded(MODEL, 12, J=measures.couplings, s=measures.neurons, h=measures.field, **{n: getattr(measures, n) for n in names})
    patterns, p = np.asarray(run.system.stream.patterns), np.asarray(run.system.stream.probabilities)
    targets, off = np.tanh(6.0 * patterns), ~np.eye(24, dtype=bool)
    assert np.allclose(p, np.array([6, 3, 2]) / 11)
    for step in range(12):
        J, s, h = (np.asarray(run.records[name][step]) for name in ("J", "s", "h"))
        q = np.array([np.mean((J * np.outer(t, t))[off]) / 0.8 for t in targets])
        size = np.mean((J / 0.8)[off] ** 2)
        x = np.stack([(1 + s) / 2, (1 - s) / 2])
        entropy = np.sum(x * np.log(2 * x, out=np.zeros_like(x), where=x > 0))
        wanted = {
            "distance": distance(J, 0.8, targets, p),
            "square_norm": size,
            "projections": q,
            "locked": q.max() / np.sqrt(size),
            "overlaps": patterns @ s / np.sum(patterns**2, axis=1),
            "mean_activity": s.mean(),
            "agreement": np.mean(np.sign(s) == np.sign(h)),
            "tracking": float(np.mean(np.sign(s) == np.sign(h)) >= 0.95),
            "seed_energy": -0.5 * s @ J @ s - h @ s,
            "lyapunov": -0.5 * s @ J @ s - 3.0 * h @ s + entropy / 2.0 + np.sum(J**2) / 3.2,
        }
        for name, value in wanted.items():
            assert np.allclose(run.records[name][step], value, rtol=1e-12, atol=1e-13), name
    assert np.array_equal(run.records["tracking"] == 1, run.records["agreement"] >= 0.95)


@pytest.mark.parametrize("method", ["map", nj.ExponentialEuler()], ids=["map", "flow"])
def test_deviation_counts_in_standard_deviations(method):
    """(D - E D) / sd with the stationary theory at this dt, at the time since the last redraw, 1e-9; a chain has none."""
    model = nj.Multiscale(20, nj.Stream(tau_h=3.0), tau_J=20.0, method=method)
    run = recorded(model, 30, D=measures.distance, z=measures.deviation)
    share = 0.95 if method == "map" else np.exp(-0.05)
    ensemble = theory.Ensemble.of(np.asarray(run.system.targets()))
    fade = theory.fading(20.0, 3.0, 1.0 if method == "map" else None)
    left = share ** np.array([0, *((np.arange(29) % 3) + 1)])  # nothing shown yet, then one, two, three steps of each pattern
    mean, variance = theory.within_redraw(ensemble, fade, left)
    assert np.allclose(run.records["z"], (run.records["D"] - mean) / np.sqrt(variance), rtol=1e-9, atol=1e-9)
    with pytest.raises(TypeError, match=r"Markov chain of patterns has no closed form"):
        recorded(nj.Multiscale(20, nj.Stream(transitions=nj.Repeating(0.5))), 3, z=measures.deviation)


def test_deviation_within_a_pattern_s_time():
    """At every step of patterns that last 4 steps, 3,000 runs of fast neurons: mean 0 within 4 standard errors, deviation 1 within 6 %."""
    patterns = np.random.default_rng(3).choice([-1.0, 1.0], (3, 10))
    model = nj.Multiscale(10, nj.Stream(patterns, tau_h=4.0), k=1.0, tau_J=20.0, J0=0.0)
    record = {"z": nj.Trace(measures.deviation, warmup=56.0)}
    z = nj.sweep(model, {}, seeds=3000, steps=64, dt=1.0, record=record, options=nj.SweepOptions(progress=False))["z"].values
    z = z.reshape(3000, 8)
    assert np.all(np.abs(z.mean(axis=0)) < 4 / np.sqrt(3000))
    assert np.all(np.abs(z.std(axis=0) - 1) < 0.06)


def test_deviation_wants_patterns_without_noise():
    with pytest.raises(TypeError, match=r"patterns without noise"):
        recorded(nj.Multiscale(20, nj.Stream(noise=0.1)), 3, z=measures.deviation)


def test_nothing_is_shown_before_the_first_step():
    """No field, no agreement; of a pattern of zeros the overlap is 0."""
    patterns = np.array([[1.0, -1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    run = recorded(nj.Multiscale(4, nj.Stream(patterns)), 2, h=measures.field, a=measures.agreement, m=measures.overlaps)
    assert np.all(run.records["h"][0] == 0)
    assert run.records["a"][0] == 0
    assert np.all(run.records["m"][:, 1] == 0)


def test_histogram_and_autocorrelation_of_d():
    """Streamed records of D: the correlation at lag l is a^(2 l) (section 2.3), within .08, over 20,000 steps."""
    record = {
        "c": nj.Autocorrelation(measures.distance, lags=12, warmup=100.0),
        "h": nj.Histogram(measures.distance, bins=40, range=(0.0, 0.4), warmup=100.0),
        "mean": nj.Mean(measures.distance, warmup=100.0),
    }
    run = nj.simulate(nj.Multiscale(20, tau_J=8.0, tally=True), steps=20_000, dt=1.0, record=record)
    fade = theory.fading(8.0, 1.0, 1.0)
    assert np.abs(run.records["c"] - fade.a2 ** np.arange(12)).max() < 0.08
    centres = run.times["h"]
    assert run.records["h"].sum() == 20_000 - 100
    assert np.sum(centres * run.records["h"]) / 19_900 == pytest.approx(run.records["mean"], abs=0.005)


def test_large_deviations_are_kept_with_their_couplings():
    """Events, values and J of each, as found afterwards in the trace of all; cooldown, sign and how many are kept."""
    steps = 400
    events = nj.Excursions(measures.deviation, width=1.0, sign=1, cooldown=30.0, most=3, snapshot=measures.couplings, warmup=60.0)
    model = nj.Multiscale(16, nj.Stream(nj.RademacherPatterns(4)), tau_J=10.0)
    record = {"z": nj.Trace(measures.deviation), "J": nj.Trace(measures.couplings), "e": events}
    record["none"] = nj.Excursions(measures.deviation, width=1e9)
    run = nj.simulate(model, steps=steps, dt=1.0, record=record, options=DOUBLE)
    z, found, last = run.records["z"], [], -np.inf
    for step in range(60, steps):
        if z[step] > 1 and step - last >= 30:
            found.append(step)
            last = step
    kept = run.records["e"]
    assert len(found) > 3
    assert kept["count"] == len(found)
    assert np.array_equal(kept["time"], found[:3])
    assert np.allclose(kept["value"], z[found[:3]], rtol=1e-12)
    assert np.array_equal(kept["snapshot"], run.records["J"][found[:3]])
    none = run.records["none"]
    assert none["count"] == 0
    assert np.all(np.isnan(none["value"]))
    with pytest.raises(ValueError, match=r"a measure of one number"):
        nj.simulate(model, steps=20, dt=1.0, record={"e": nj.Excursions(measures.overlaps)})


def test_frequencies_from_a_run():
    """What was learned tells how often each pattern was shown: from a long run's J, p to 4 deviations of J's own fluctuations."""
    p = np.array([0.5, 0.3, 0.2])
    model = nj.Multiscale(40, nj.Stream(nj.RademacherPatterns(3), p), tau_J=500.0, J0=0.0)
    run = nj.simulate(model, steps=5000, dt=1.0, record={"J": nj.Last(measures.couplings)})
    found = nj.multiscale.theory.infer_probabilities(run.records["J"], run.system.targets(), np.tanh(1.0))
    deviation = np.sqrt(p * (1 - p) * theory.sums(1 - 1 / 500.0, 2))
    assert np.all(np.abs(found.weights - p) < 4 * deviation)
    assert found.probabilities.sum() == pytest.approx(1)
    assert found.error < 1e-3  # in a strong field J is nothing but its patterns


def test_retrieval_from_noisy_copies():
    """A cue of quality r has mean overlap r (4 sigma); from r = .5 on, at a low load, all copies find their pattern and not another."""
    rng = np.random.default_rng(4)
    patterns = rng.choice([-1.0, 1.0], (3, 100))
    J = theory.hebbian(patterns)
    at_once = nj.multiscale.retrieval(J, patterns, [0.0, 0.5], which=1, copies=50, duration=0.0)
    assert abs(float(at_once.sel(quality=0.5, pattern=1).mean()) - 0.5) < 4 * np.sqrt(0.75 / 5000)
    ends = nj.multiscale.retrieval(J, patterns, [0.0, 0.5, 1.0], which=1, copies=50)
    assert float(ends.sel(quality=[0.5, 1.0], pattern=1).min()) > 0.95
    assert float(np.abs(ends.sel(quality=0.5, pattern=2)).max()) < 0.5
    assert float(ends.sel(quality=0.0, pattern=1).max()) < 1.01
    assert float(ends.sel(quality=0.0, pattern=1).mean()) < 0.6
    with pytest.raises(ValueError, match=r"which=7"):
        nj.multiscale.retrieval(J, patterns, which=7)


def test_when_a_series_has_settled():
    """A ramp into noise is stationary from its end on, to a window; a walk is not; the message where statsmodels is missing."""
    pytest.importorskip("statsmodels")
    rng = np.random.default_rng(0)
    series = rng.normal(size=3000) + np.concatenate([np.linspace(40, 0, 1200), np.zeros(1800)])
    found = nj.multiscale.stationarity(series, window=400)
    assert found.settled is not None
    assert 700 <= found.settled <= 1300
    assert nj.multiscale.stationarity(np.cumsum(rng.normal(size=2000)), window=400).settled is None
    with pytest.raises(ValueError, match=r"window=5\)"):
        nj.multiscale.stationarity(series, window=5)


def test_what_to_install(monkeypatch):
    """Without statsmodels an ImportError says what to do."""
    monkeypatch.setitem(sys.modules, "statsmodels.tsa.stattools", None)
    with pytest.raises(ImportError, match=r"pip install 'neurojax\[stationarity\]'"):
        nj.multiscale.stationarity(np.zeros(1000))
