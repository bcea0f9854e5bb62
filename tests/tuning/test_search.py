"""Search without gradients."""

import sys

import numpy as np
import optax
import pytest

import neurojax as nj
from neurojax.engine.compile import traces
from tests.tuning.study import Cubic, last, near

optuna = pytest.importorskip("optuna")

RUN = {"dt": 0.01, "steps": 50, "method": nj.EulerMaruyama(), "record": {"x": nj.Last(last)}, "seeds": 2}
MODEL = Cubic(scale=0.01)


def searched(**change):
    return nj.search(MODEL, near, **({"where": {"start": nj.Interval(-1, 1)}, "trials": 48, "batch": 8, **RUN} | change))


def test_the_start_from_which_a_cubic_ends_at_0_3():
    """x' = x^3 from x0 ends at `x0 / sqrt(1 - 2 x0^2 T)` (Euler's steps: 0.4 % lower): 0.3 at T = 0.49 from 0.2876, found to 0.02 by
    48 trials, and by gradients; one program for all batches; the first trial is the model's own value."""
    before = traces["evaluate_all"]
    found = searched()
    assert traces["evaluate_all"] - before == 1
    exact = 0.3 / np.sqrt(1 + 2 * 0.3**2 * 0.5)
    assert found.parameters["start"] == pytest.approx(exact, abs=0.02)
    assert found.trials["start"][0] == pytest.approx(0.5, rel=1e-5)
    assert len(found.values) == 48
    assert found.value == found.values.min() == found.study.best_value
    assert found.system.start == found.parameters["start"]
    assert found.fresh_value < 1e-3
    tuned = nj.tune(MODEL, near, where={"start": nj.Interval(-1, 1)}, optimizer=optax.adam(0.05), iterations=16, **RUN)
    assert found.values[0] == pytest.approx(tuned.history.value[0, 0], rel=1e-5)


def test_the_same_search_twice_and_in_two_parts():
    """Equal seeds, equal trials; a study goes on where it stands."""
    one, two = searched(trials=16), searched(trials=16)
    assert np.array_equal(one.values, two.values)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
    part = searched(trials=5, study=study)
    whole = searched(trials=16, study=study)
    assert (len(part.values), len(whole.values)) == (5, 16)
    assert np.array_equal(whole.values[:5], part.values)


def test_trials_that_diverge_are_no_answers():
    """From beyond 1.3 in modulus, runs of T = 0.5 blow up (at `1 / (2 x0^2)`, and Euler's steps a little later): NaN, a failed trial, and
    the rest goes on."""
    found = searched(where={"start": nj.Interval(-3, 3)}, trials=16, sampler=optuna.samplers.RandomSampler(seed=0))
    away = np.abs(found.trials["start"]) > 1.3
    assert 3 < away.sum() < 16
    assert np.isnan(found.values[away]).all()
    assert np.isfinite(found.value)


def test_several_numbers_and_bounds():
    """The minimum of a sum of squares under two bounds, by 64 trials, to 0.5; and a name for each free number of a matrix."""
    model = nj.Kuramoto(4, coupling=1.0, noise=0.5)
    far = lambda m: (m.coupling - 2) ** 2 + (m.noise - 1) ** 2  # noqa: E731
    found = nj.search(model, far, where={"coupling": nj.Interval(0, 4), "noise": nj.Positive()}, trials=64)
    assert found.parameters["coupling"] == pytest.approx(2, abs=0.5)
    assert found.parameters["noise"] == pytest.approx(1, abs=0.5)
    assert set(found.study.best_params) == {"coupling", "noise"}
    model = nj.Kuramoto(4, graph=nj.Dense(np.zeros((4, 4))))
    graph = nj.search(model, lambda m: ((m.graph.weights - 1) ** 2).sum(), where={"graph.weights": nj.Symmetric(hollow=True)}, trials=4)
    assert set(graph.study.best_params) == {f"graph.weights[{i}]" for i in range(6)}
    assert graph.trials["graph.weights"].shape == (4, 4, 4)


def test_mistakes(monkeypatch):
    study = optuna.create_study(direction="maximize")
    with pytest.raises(ValueError, match=r"study=.*a study of optuna that minimises"):
        searched(study=study)
    with pytest.raises(ValueError, match=r"sampler: the study that is given has its own"):
        searched(study=optuna.create_study(), sampler=optuna.samplers.RandomSampler())
    with pytest.raises(ValueError, match=r"trials=0"):
        searched(trials=0)
    with pytest.raises(ValueError, match=r"batch=0"):
        searched(batch=0)
    with pytest.raises(ValueError, match=r"search: no trial has a sound seed"):
        searched(where={"start": nj.Interval(30, 40)}, starts={"start": [35.0]}, trials=2)
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r"pip install 'neurojax\[search\]'"):
        searched()
