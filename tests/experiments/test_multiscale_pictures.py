"""What pictures say of themselves: which samples they are of, the time, whole ticks, and why there is no curve."""

import warnings

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments.multiscale_memory import films, fluctuations, outcome


def texts(monkeypatch, frames):
    """Axes of the first frame."""
    seen = []
    monkeypatch.setattr(films, "camera", lambda figure, moving: seen.append(figure) or (lambda: np.zeros((2, 2, 3), np.uint8)))
    list(frames)
    return seen[0].axes[0]


def test_a_short_run_says_that_it_is_its_last_half():
    times = np.arange(101.0)
    which, said = outcome.past(times, 60.0)
    assert said == "past the transient"
    assert which.sum() == 41
    which, said = outcome.past(times, 5472.0)
    assert "last half" in said
    assert "5472" in said
    assert which.sum() == 51


def test_films_show_time_and_whole_ticks(monkeypatch):
    """Of two neurons; of a matrix of four, where ticks would be at 0.5."""
    times = np.array([0.0, 7.0])
    ax = texts(monkeypatch, films._plane(times, np.array([[0.1, 0.2], [0.3, 0.4]]), "$s_{}$", tail=60))
    assert [text.get_text() for text in ax.texts] == ["$t$ = 7"]
    assert ax.get_xlabel() == "$s_1$"
    ax = texts(monkeypatch, films._matrices(times, np.random.default_rng(0).normal(size=(2, 12, 12)), "J"))
    inside = [tick for tick in ax.get_xticks() if 0 <= tick < 12]
    assert inside == [round(tick) for tick in inside]


def test_a_decay_is_tested_in_silence():
    """Windows that are exactly exponential: no warning, and not settled."""
    with warnings.catch_warnings(record=True) as heard:
        found = outcome.settling(np.cumprod(np.full(300, 0.99)), 100, 100, 0.01)
    assert found.settled is None
    assert not heard


def test_too_few_loads_are_said():
    rows = [{"N": n, "K": k, "tau_J": 10.0, "rho": 0.0, "residuals_variance": 1e-4 / k} for n in (50, 100) for k in (5, 10, 20)]
    table = pd.DataFrame(rows).assign(
        residuals_variance_error=1e-6, theoretical_std=0.01, alpha=lambda own: own["K"] / own["N"], holds=True
    )
    ax = Figure().add_subplot()
    fluctuations._alpha(ax, table, fluctuations.PLOTS["alpha_std_fit"], {"show_theoretical": True})
    assert r"no polynomial: fewer than 5 loads at $\tau_J$ = 10" in ax.get_title()
