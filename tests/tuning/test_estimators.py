"""One harness for all estimators of gradients: central differences with the same seeds, and closed forms."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.optimize import brentq, minimize_scalar

import neurojax as nj
from neurojax.hopfield.measures import log_probability, overlaps
from neurojax.multiscale import theory
from neurojax.multiscale.measures import distance
from tests.tuning.study import ADAM, Cubic, bounded

ADJOINT = nj.TuneOptions(mode="reverse", checkpoint=nj.Checkpoint(levels=2))
FORWARD = nj.TuneOptions(mode="forward")


def value(records):
    return jnp.sum(records["x"])


@dataclasses.dataclass(frozen=True)
class Case:
    """A model, its run, and the closed form of the mean of `value` as a function of one parameter."""

    system: object
    where: str
    run: dict
    known: object

    def gradient(self, estimator, options=None, **change):
        options = dataclasses.replace(options or nj.TuneOptions(), dtype="float64")
        found = nj.gradient(self.system, value, where=self.where, estimator=estimator, options=options, **(self.run | change))
        return next(iter(found.by.values())), next(iter(found.errors.values()))

    def exact(self, at, step=1e-5):
        """Derivative of the closed form."""
        return (self.known(at + step) - self.known(at - step)) / (2 * step)


GENERATOR = np.random.default_rng(3)
PATTERNS = GENERATOR.choice([-1.0, 1.0], (4, 20))
J0 = np.triu(GENERATOR.normal(size=(20, 20)), 1) / 2
J0 = J0 + J0.T
ENSEMBLE = theory.Ensemble.of(PATTERNS, J0=J0)
STEPS = 60


def mean_distance(tau):
    """E D after 59 patterns, `(1 - e)^(2 T) d0 + e / (2 - e) (1 - (1 - e)^(2 T)) V`, e = 1 / tau: records see a state before its step."""
    return float(theory.mean_distance(ENSEMBLE, theory.fading(tau, 1.0, 1.0), STEPS - 1))


# A field so strong that neurons are what is shown, to the last bit.
PLASTICITY = Case(
    nj.Multiscale(20, nj.Stream(PATTERNS), 1.0, 60.0, 1.0, tau_J=10.0, J0=J0),
    "tau_J",
    {"steps": STEPS, "dt": 1.0, "record": {"x": nj.Last(distance)}, "seeds": 200},
    mean_distance,
)


def magnetisation(view):
    return jnp.mean(view.state.s)


# Without couplings a unit is up with probability 1 / (1 + exp(-2 b / T)), whatever it was.
SPINS = Case(
    nj.Hopfield(8, couplings=np.zeros((8, 8)), units=nj.Glauber(1.0), field=0.5),
    "units.temperature",
    {"steps": 2, "dt": 1.0, "record": {"x": nj.Last(magnetisation)}, "seeds": 3000},
    lambda temperature: np.tanh(0.5 / temperature),
)

# One pattern, no self-coupling: m = tanh(gain m (1 - 1/n)) at rest.
RETRIEVAL = Case(
    nj.Hopfield(20, nj.RandomPatterns(1), nj.Flips(0.1), units=nj.Tanh(2.0)),
    "units.gain",
    {"steps": 120, "dt": 1.0, "record": {"x": nj.Mean(overlaps, warmup=119.0)}, "seeds": 2},
    lambda gain: brentq(lambda m: m - np.tanh(gain * m * 0.95), 0.3, 1.0, xtol=1e-14),
)

SAME = 1e-6  # of estimators whose every seed is exact: relative, to differences in float64
HARNESS = {
    "pathwise": (PLASTICITY, nj.Pathwise(), FORWARD, SAME),
    "adjoint": (PLASTICITY, nj.Pathwise(), ADJOINT, SAME),
    "evolution strategies": (RETRIEVAL, nj.EvolutionStrategies(0.05, pairs=60), None, None),
    "score": (SPINS, nj.Score(log_probability), None, None),
    "score, adjoint": (SPINS, nj.Score(log_probability), ADJOINT, None),
    "implicit": (RETRIEVAL, nj.Implicit(), FORWARD, SAME),
    "implicit, adjoint": (RETRIEVAL, nj.Implicit(), ADJOINT, SAME),
}


# Compiling is what these take; the modes of the pathwise derivative are both there.
SLOW = ("score, adjoint", "implicit, adjoint")


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in HARNESS])
def test_gradients_are_those_of_differences_and_of_closed_forms(name):
    """Differences of the same seeds: relative 1e-6 where every seed is exact, else 3 standard errors of both; closed forms: 3 standard
    errors of the seeds, 1e-6 at rest, where seeds are alike."""
    case, estimator, options, close = HARNESS[name]
    at = _value(case.system, case.where)
    found, error = case.gradient(estimator, options)
    wide = nj.Differences(0.05 if case is SPINS else 1e-4)
    differences, around = case.gradient(wide)
    exact = case.exact(at)
    assert abs(exact) > 1e-3
    if close:
        assert found == pytest.approx(differences, rel=close)
    else:
        assert abs(found - differences) < 3 * np.hypot(error, around)
        assert error < 0.25 * abs(exact)
    assert found == pytest.approx(exact, abs=3 * error, rel=SAME)
    assert differences == pytest.approx(exact, abs=3 * around, rel=SAME)


def _value(system, name):
    for part in name.split("."):
        system = getattr(system, part)
    return float(system)


def test_a_path_says_nothing_of_what_is_drawn_by_comparing():
    """Pathwise, the derivative of spins by their temperature is 0 for every seed; that of their mean is not."""
    assert SPINS.gradient(nj.Pathwise(), seeds=4) == (0.0, 0.0)


def rough(model):
    return model.coupling**2 + 0.1 * jnp.sin(50 * model.coupling)


@pytest.mark.parametrize("width", [0.02, 0.3])
def test_evolution_strategies_smooth(width):
    """Of x^2 + 0.1 sin(50 x), smoothed by a Gaussian of deviation s: 2 x + 5 cos(50 x) exp(-(50 s)^2 / 2), within 3 standard errors."""
    model, x = nj.Kuramoto(4, coupling=1.0), 1.0
    found = nj.gradient(model, rough, where="coupling", estimator=nj.EvolutionStrategies(width, pairs=2000, seed=1))
    exact = 2 * x + 5 * np.cos(50 * x) * np.exp(-((50 * width) ** 2) / 2)
    assert found.errors["coupling"] < 0.15
    assert found.by["coupling"] == pytest.approx(exact, abs=3 * found.errors["coupling"])


@pytest.mark.slow
def test_the_plasticity_rate_that_is_best():
    """E D has its minimum over tau' where the closed form has it, to 3 standard errors of the place where the mean of 200 seeds has it,
    which are those of the slope there over the curvature of the closed form; and the value too."""
    best = minimize_scalar(mean_distance, bounds=(2, 100), method="bounded").x
    bend = (PLASTICITY.exact(best + 0.1) - PLASTICITY.exact(best - 0.1)) / 0.2
    error = PLASTICITY.gradient(nj.Pathwise(), FORWARD, at={"tau_J": best})[1] / bend
    assert error < 0.03 * best
    settings = {"optimizer": optax.adam(0.2), "iterations": 40, "options": nj.TuneOptions(fresh=0)} | PLASTICITY.run
    found = nj.tune(PLASTICITY.system, value, where={"tau_J": nj.Positive(1.0)}, **settings)
    assert found.parameters["tau_J"] == pytest.approx(best, abs=3 * error)
    assert found.value == pytest.approx(mean_distance(best), abs=3 * found.error)


def off(records):
    return (jnp.sum(records["x"]) - 0.7) ** 2


def near(records):
    return jnp.sum(records["x"])


TARGETS = {
    "implicit": (RETRIEVAL, nj.Implicit(), np.arctanh(0.7) / (0.7 * 0.95), 1e-3, {}),
    "evolution strategies": (RETRIEVAL, nj.EvolutionStrategies(0.05, pairs=8), np.arctanh(0.7) / (0.7 * 0.95), 0.01, {"iterations": 80}),
}


@pytest.mark.parametrize("name", ["implicit", pytest.param("evolution strategies", marks=pytest.mark.slow)])
def test_tuning_by_each(name):
    """The gain at which one pattern is retrieved with overlap 0.7: `atanh(0.7) / [0.7 (1 - 1/n)]`."""
    case, estimator, exact, close, change = TARGETS[name]
    settings = case.run | {"optimizer": optax.adam(0.05), "iterations": 60, "options": nj.TuneOptions(fresh=0)} | change
    found = nj.tune(case.system, off, where={case.where: nj.Positive()}, estimator=estimator, **settings)
    assert found.parameters[case.where] == pytest.approx(exact, rel=close)
    assert found.mode == ("forward" if estimator.derives else "values")


def squared(view):
    """(s - 0.5)^2 of the mean of spins: its mean is no function of the mean spin alone."""
    return (jnp.mean(view.state.s) - 0.5) ** 2


@pytest.mark.slow
def test_tuning_by_the_score():
    """The field b at which E (M - 1/2)^2 of 8 free spins is least: `(m - 1/2)^2 + (1 - m^2) / 8` in m = tanh b has its minimum at m = 4/7;
    b to 0.1 (seeds: the objective of 500 has an error that moves it by 0.03)."""
    run = SPINS.run | {"record": {"x": nj.Last(squared)}, "seeds": 500}
    settings = {"optimizer": optax.adam(0.05), "iterations": 40, "options": nj.TuneOptions(fresh=0)}
    found = nj.tune(
        SPINS.system, near, where={"field": nj.Free()}, starts={"field": [0.2]}, estimator=nj.Score(log_probability), **run, **settings
    )
    assert np.mean(found.history.parameters["field"][-10:]) == pytest.approx(np.arctanh(4 / 7), abs=0.1)


def r(records):
    return records["r"]


@pytest.mark.parametrize(
    ("estimator", "mode"),
    [(None, "forward"), (None, "reverse"), (nj.EvolutionStrategies(0.01, pairs=3), None), (nj.Differences(0.01), None)],
)
def test_what_diverges_leaves_the_rest_alone(estimator, mode):
    """A start at 40 blows up in every run, one at 1.2 in some: starts beside them keep the bits of their values, gradients and moves; and
    the gradient of the seeds that are sound is that of a tuning with them alone, relative 1e-5."""
    run = {"dt": 0.01, "steps": 50, "method": nj.EulerMaruyama(), "record": {"r": nj.Last(bounded)}, "estimator": estimator}
    run |= {"where": "start", "optimizer": ADAM, "iterations": 3, "options": nj.TuneOptions(fresh=0, mode=mode)}
    model = Cubic(scale=0.6)
    broken, calm = (nj.tune(model, r, starts={"start": [0.3, bad, 1.2, -0.4]}, seeds=8, **run) for bad in (40.0, 0.1))
    assert (broken.statuses, calm.statuses) == (("running", "diverged", "running", "running"), ("running",) * 4)
    assert np.isnan(broken.history.value[1:, 1]).all()
    keep = [0, 2, 3]
    for one in ("value", "error", "gradient_norm", "promised", "sound"):
        assert np.array_equal(getattr(broken.history, one)[:, keep], getattr(calm.history, one)[:, keep]), one
    assert np.all(np.isfinite(broken.history.gradient_norm[:, keep]))
    assert np.array_equal(broken.last["start"][keep], calm.last["start"][keep])
    assert 1 < broken.history.sound[0, 2] < 8
    if estimator is None:
        one = {"dt": 0.01, "steps": 50, "method": nj.EulerMaruyama()}
        sound = [seed for seed in range(8) if nj.simulate(Cubic(scale=0.6, start=1.2), seed=seed, **one).status == 1]
        assert broken.history.sound[0, 2] == len(sound)
        alone = nj.tune(model, r, starts={"start": [1.2]}, seeds=sound, **run)
        for found in ("value", "error", "gradient_norm"):
            assert getattr(broken.history, found)[0, 2] == pytest.approx(getattr(alone.history, found)[0, 0], rel=1e-5)


MISTAKES = {
    "no estimator": (lambda: SPINS.gradient(0.1), TypeError, r"estimator=0\.1: give nj\.Pathwise\(\)"),
    "draws": (lambda: SPINS.gradient(nj.Implicit()), ValueError, r"Hopfield draws thermal at every step and never rests"),
    "schedule": (
        lambda: RETRIEVAL.gradient(nj.Implicit(), steps=None, record={"x": nj.Last(overlaps)}, duration=nj.Schedule({"only": 120.0})),
        ValueError,
        r"duration: a schedule changes the model",
    ),
    "theory": (
        lambda: nj.gradient(nj.Kuramoto(4), rough, where="coupling", estimator=nj.Implicit()),
        ValueError,
        r"estimator=Implicit.*one for runs",
    ),
    "measure": (lambda: nj.Score(0.5), TypeError, r"Score\(log_probability=0\.5\): give a measure"),
    "measure of many": (
        lambda: SPINS.gradient(nj.Score(lambda view: view.state.s), seeds=2),
        ValueError,
        r"shape \(8,\); return one number",
    ),
    "other units": (lambda: RETRIEVAL.gradient(nj.Score(log_probability)), TypeError, r"draws in another way; give units of nj\.Glauber"),
    "name": (
        lambda: SPINS.gradient(nj.Score(log_probability), record={"log probability": nj.Last(magnetisation)}),
        ValueError,
        r"keeps this one itself",
    ),
    "mode": (lambda: SPINS.gradient(nj.Differences(), FORWARD), ValueError, r"mode='forward', but Differences takes no derivatives"),
    "step": (lambda: nj.Differences(0.0), ValueError, r"Differences\(step=0\.0\)"),
    "width": (lambda: nj.EvolutionStrategies(-1.0), ValueError, r"EvolutionStrategies\(deviation=-1\.0\)"),
    "pairs": (lambda: nj.EvolutionStrategies(pairs=0), ValueError, r"EvolutionStrategies\(pairs=0\)"),
    "tolerance": (lambda: nj.Implicit(0.0), ValueError, r"Implicit\(tolerance=0\.0\)"),
    "bounds": (
        lambda: nj.gradient(nj.Kuramoto(4), rough, where={"coupling": nj.Positive()}),
        ValueError,
        r"a gradient is by the parameters themselves",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    call, kind, words = MISTAKES[name]
    with pytest.raises(kind, match=words):
        call()


def test_a_run_that_does_not_rest_does_not_count():
    """At the critical gain, `1 / (1 - 1/n)`, the overlap goes to 0 as the root of 1 / t; the mean of no seed is NaN, so is its slope."""
    found, _ = RETRIEVAL.gradient(nj.Implicit(), FORWARD, at={"units.gain": 1 / 0.95})
    assert np.isnan(found)


def test_where_a_gradient_is_taken():
    """At other values than the model's, of a function that builds it, of arrays: float32, 1e-5."""
    built = lambda a, b: nj.Kuramoto(4, coupling=a * b[1], noise=b[0])  # noqa: E731
    found = nj.gradient(built, lambda m: m.coupling * m.noise, where=["a", "b"], at={"a": 2.0, "b": [3.0, 5.0]})
    assert found.by["a"] == pytest.approx(15.0, rel=1e-5)
    assert found.by["b"] == pytest.approx([10.0, 6.0], rel=1e-5)
    assert jax.numpy.isfinite(found.value)
