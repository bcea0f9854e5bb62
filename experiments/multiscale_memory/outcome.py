"""One run as it came out: its records by name, what theory says of them, and what follows from both."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import warnings
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from experiments.multiscale_memory.expected import Expected, expected, strength
from experiments.multiscale_memory.settings import Setup
from neurojax.multiscale import stationarity, theory
from neurojax.multiscale.model import ACTIVATIONS

DIMS = {"s": ("time", "neuron"), "field": ("time", "neuron"), "m": ("time", "pattern"), "film": ("time", "i", "j")}


@dataclasses.dataclass(frozen=True)
class Fluctuations:
    """Of D after the transient: samples that count, mean, variance and deviation about theory's mean, and one standard error of each."""

    samples: int
    mean: float
    mean_error: float
    offset: float
    variance: float
    variance_error: float

    @property
    def deviation(self) -> float:
        return float(np.sqrt(self.variance))

    @property
    def deviation_error(self) -> float:
        return 0.5 * self.variance_error / self.deviation if self.deviation > 0 else float("nan")


def past(times: np.ndarray, settled: float) -> tuple[np.ndarray, str]:
    """Which times are past a transient that is over at `settled`, the last half where that is too late to leave a fifth; and in words."""
    if settled <= 0.8 * times[-1]:
        return times >= settled, "past the transient"
    return times >= 0.5 * times[-1], f"of the last half (transient to $t$ = {settled:.4g})"


def targets_of(patterns: np.ndarray, beta: float, u: float, activation: str) -> np.ndarray:
    """g(S_mu) (K, n): what synapses see of every pattern where the field wins."""
    return np.asarray(ACTIVATIONS[activation](theory.saturated(np.asarray(patterns), beta, u)), float)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """A run: its setup, and its lane of a sweep."""

    setup: Setup
    data: xr.Dataset

    def trace(self, name: str) -> xr.DataArray:
        """A record over time, dimensions named as figures want them."""
        values = self.data[name]
        dims = dict(zip(map(str, values.dims), DIMS.get(name, ("time",)), strict=False))
        return values.rename(dims).reset_coords(drop=True)

    @functools.cached_property
    def k(self) -> float:
        """The strength of synapses."""
        return strength(self.setup.model)

    @functools.cached_property
    def targets(self) -> np.ndarray:
        """g(S_mu) (K, n)."""
        model = self.setup.model
        return targets_of(self.data["made.patterns"].values, float(model.beta), float(model.u), model.activation)

    @functools.cached_property
    def hebb(self) -> np.ndarray:
        """H (n, n)."""
        return np.asarray(theory.hebbian(self.targets, np.asarray(self.data["made.probabilities"], float)))

    @functools.cached_property
    def ensemble(self) -> theory.Ensemble:
        """The patterns drawn, and J0, as D sees them."""
        parts = ("made.gram", "made.probabilities", "origin.projections", "origin.square")
        gram, p, start, square = (np.asarray(self.data[name], float) for name in parts)
        return theory.Ensemble(gram, p, start.reshape(-1), float(square.reshape(())))

    @functools.cached_property
    def expected(self) -> Expected:
        """What theory says."""
        setup = self.setup
        mapped = setup.kind == "coefficients" or setup.job.config["simulation"]["method"] == "map"
        return expected(setup.model, self.ensemble, self.trace("D")["time"].values, setup.dt if mapped else None, setup.dt)

    @property
    def deviation(self) -> np.ndarray:
        """Theory's deviation at every sample, with the transient that `simulation.use_transients` asks for."""
        found = self.expected
        return found.exact if self.setup.job.config["simulation"]["use_transients"] else found.approximate

    @functools.cached_property
    def residuals(self) -> xr.DataArray:
        """D less its mean in theory."""
        distance = self.trace("D")
        return (distance - self.expected.mean).rename("residuals")

    @functools.cached_property
    def settled(self) -> np.ndarray:
        """Which samples are past the transient; the last half of a run that is too short for it."""
        return past(self.trace("D")["time"].values, self.expected.settled)[0]

    @property
    def of_what(self) -> str:
        """What `settled` selects, in words."""
        return past(self.trace("D")["time"].values, self.expected.settled)[1]

    @functools.cached_property
    def fluctuations(self) -> Fluctuations:
        """Of D past the transient. Errors count correlated samples: a^2 from redraw to redraw for D, a^4 for its square."""
        distance, residuals = self.trace("D").values[self.settled], self.residuals.values[self.settled]
        count, left = len(residuals), min(self.expected.left, 1 - 1e-12)
        apart, squared = (1 + left) / (1 - left), (1 + left**2) / (1 - left**2)
        offset, away = float(residuals.mean()), residuals - residuals.mean()
        variance = float(np.mean(away**2))
        variance = variance / (1 - apart / count) if count > 2 * apart else variance
        excess = float(np.mean(away**4) / np.mean(away**2) ** 2) - 1 if variance > 0 else 0.0
        error = float(np.sqrt(variance * apart / count))
        return Fluctuations(count, float(distance.mean()), error, offset, variance, variance * float(np.sqrt(excess * squared / count)))

    @property
    def stationary_deviation(self) -> float:
        """Theory's deviation of D past the transient: root of the mean of its squares at the samples."""
        return float(np.sqrt(np.mean(self.expected.exact[self.settled] ** 2)))

    @functools.cached_property
    def inferred(self) -> theory.Inference | None:
        """How often each pattern was shown, read off the final J; None where J was not kept or does not tell."""
        if "J" not in self.data:
            return None
        try:
            return theory.infer_probabilities(self.data["J"].values, self.targets, self.k)
        except ValueError:
            return None

    @functools.cached_property
    def stationarity(self) -> Settling | str:
        """Of the rolling tests of D, or why there are none."""
        asked = self.setup.job.config["stationarity_analysis"]
        series = self.trace("D").values
        if not asked["enabled"]:
            return "stationarity_analysis.enabled=false"
        if len(series) < asked["min_periods"]:
            return f"{len(series)} samples, stationarity_analysis.min_periods={asked['min_periods']}"
        try:
            return settling(series, int(asked["min_periods"]), int(asked["window_size"]), float(asked["significance"]))
        except ImportError as error:
            return str(error)


class Settling(NamedTuple):
    """ends (windows,): sample after each window. unit_root, level (windows,): p of a unit root (augmented Dickey-Fuller), and of a constant
    level (KPSS; between 0.01 and 0.1). settled: first sample from which on every window rejects the one and not the other; None."""

    ends: np.ndarray
    unit_root: np.ndarray
    level: np.ndarray
    settled: int | None


def settling(series: np.ndarray, window: int, every: int, significance: float) -> Settling:
    """Rolling tests with opposite hypotheses: a smooth decay has no unit root either, and would pass without the second."""
    with contextlib.suppress(ImportError):  # which `stationarity` explains
        import statsmodels.tsa.stattools  # noqa: F401  (shows every warning of its own from its import on)
    with warnings.catch_warnings():
        # A window that is exactly a decay leaves lags undetermined; KPSS tells that it moves.
        warnings.filterwarnings("ignore", "The design matrix is rank-deficient")
        found = stationarity(series, window=window, every=every, significance=significance)
    from statsmodels.tools.sm_exceptions import InterpolationWarning
    from statsmodels.tsa.stattools import kpss

    # From 0.15 on statsmodels asks which kind of result is meant.
    new: dict[str, Any] = {"result_object": False} if "result_object" in inspect.signature(kpss).parameters else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InterpolationWarning)  # p is beyond the table, and its end is what is returned
        windows = (series[end - window : end] for end in found.ends)
        level = np.array([1.0 if np.ptp(one) == 0 else float(kpss(one, nlags="auto", **new)[1]) for one in windows])
    moving = np.flatnonzero((found.pvalues >= significance) | (level <= significance))
    if len(moving) and moving[-1] == len(level) - 1:
        return Settling(found.ends, found.pvalues, level, None)
    first = int(moving[-1]) + 1 if len(moving) else 0
    return Settling(found.ends, found.pvalues, level, int(found.ends[first] - window))
