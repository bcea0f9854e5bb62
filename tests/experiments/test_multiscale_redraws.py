"""Theory of D for redraws at random times, against runs of the recursion for J that redraw as a stream does."""

import numpy as np
import pytest

import neurojax as nj
from experiments.multiscale_memory import expected
from neurojax.multiscale import theory

N, TAU, RUNS, STEPS = 9, 8.0, 20_000, 41


def at_random(kind, size, rng):
    return rng.exponential(kind.time, size) if isinstance(kind, nj.Poisson) else rng.integers(kind.low, kind.high, size)


@pytest.mark.parametrize(
    ("redraws", "dt"),
    [
        (nj.Poisson(20.0), 1.0),
        (nj.Poisson(0.8), 1.0),  # more than one a step is due: they are made one after the other
        (nj.RandomPeriod(1, 40), 1.0),
        (nj.RandomPeriod(1, 5), 0.3),  # between two steps
        (2.5, 1.0),
        (0.4, 1.0),
    ],
)
def test_moments_of_redraws_between_and_at_random_times(redraws, dt):
    """E D and Var D within four of their standard errors at every step from J0 on, of 20,000 runs."""
    rng = np.random.default_rng(0)
    patterns, p = rng.choice([-1.0, 1.0], (3, N)), np.array([0.5, 0.3, 0.2])
    J0 = np.triu(rng.normal(size=(N, N)), 1)
    J0 = J0 + J0.T
    pairs = np.triu_indices(N, 1)
    x = np.array([theory.hebbian(one[None]) for one in patterns])[:, *pairs]
    J, left, shown, D = np.tile(J0[pairs], (RUNS, 1)), np.zeros(RUNS), np.zeros(RUNS, int), []
    for _ in range(STEPS):
        D.append(np.mean((J - p @ x) ** 2, axis=1))
        due = left < 0.5
        shown[due] = rng.choice(3, due.sum(), p=p)
        left[due] += (redraws if isinstance(redraws, float) else at_random(redraws, due.sum(), rng)) / dt
        left -= 1
        J += (x[shown] - J) * (dt / TAU)
    D, times = np.array(D)[1:], dt * np.arange(STEPS)
    model = nj.Multiscale(N, nj.Stream(patterns, probabilities=p, tau_h=redraws), tau_s=dt, tau_J=TAU)
    found = expected.expected(model, theory.Ensemble.of(patterns, p, J0), times, dt)
    assert found.holds
    assert np.all(np.abs(D.mean(1) - found.mean[1:]) < 4 * D.std(1) / np.sqrt(RUNS))
    fourth = np.mean((D - D.mean(1, keepdims=True)) ** 4, axis=1)
    assert np.all(np.abs(D.var(1) - found.exact[1:] ** 2) < 4 * np.sqrt((fourth - D.var(1) ** 2) / RUNS))


def test_the_stationary_mean_is_where_the_mean_tends():
    """Of Poisson redraws, rounded to steps, `average` is the mean's limit; `settled` when it is reached, in a run too short for it, too."""
    model = nj.Multiscale(4, nj.Stream(np.eye(4)[:3] * 2 - 1, tau_h=nj.Poisson(5.0)), tau_J=8.0)
    ensemble = theory.Ensemble.of(np.asarray(model.stream.patterns), J0=3 * (1 - np.eye(4)))
    found = expected.expected(model, ensemble, np.arange(300.0), 1.0)
    assert found.mean[-1] == pytest.approx(found.average, rel=1e-9)
    assert abs(found.mean[int(found.settled)] / found.average - 1) < 0.01 <= abs(found.mean[int(found.settled) - 1] / found.average - 1)
    short = expected.expected(model, ensemble, np.arange(10.0), 1.0)
    assert 10 < short.settled == pytest.approx(found.settled, rel=0.15)


def test_too_many_kinds_of_times_are_said():
    """A transient that is not followed is a theory that does not hold."""
    model = nj.Multiscale(4, nj.Stream(np.eye(4)[:3] * 2 - 1, tau_h=nj.RandomPeriod(1, 9000)), tau_J=8.0)
    assert "approximate" in expected.expected(model, theory.Ensemble.of(np.asarray(model.stream.patterns)), np.arange(9.0), 1.0).note
