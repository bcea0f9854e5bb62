"""What theory says of a run: mean and deviation of D at every sample, exact and approximated, and whether theory holds for it."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from experiments.multiscale_memory.grid import average as stationary_mean
from experiments.multiscale_memory.grid import clock, moments
from neurojax.multiscale import CoefficientMap, Multiscale, theory
from neurojax.multiscale.redraws import Periodic, as_redraws

MOST_MARKOV = 12  # patterns of a Markov chain for which moments are carried along, in O(K^4) a redraw


@dataclasses.dataclass(frozen=True)
class Expected:
    """mean (samples,): E D. exact, approximate (samples,): standard deviations with their exact transient, and with the stationary one
    that grows as 1 - a^(2 n); NaN where none is known. average: the stationary mean over time. deviation: the stationary deviation at
    redraws. settled: time from which the transient is below 1 % of the mean. left: correlation from one sample to the next.
    holds: whether this is exact for the run; note: why not, "" if it is.
    """

    mean: Float[np.ndarray, " samples"]
    exact: Float[np.ndarray, " samples"]
    approximate: Float[np.ndarray, " samples"]
    average: float
    deviation: float
    settled: float
    left: float
    note: str

    @property
    def holds(self) -> bool:
        return not self.note

    def correlation_samples(self) -> float:
        """Samples that an independent one takes."""
        return (1 + self.left) / (1 - self.left) if self.left < 1 else np.inf


def expected(
    model: Any, ensemble: theory.Ensemble, times: Float[np.ndarray, " samples"], step: float | None, grid: float | None = None
) -> Expected:
    """Of a model with the drawn patterns and J0 of `ensemble`. step: of the map; None for the flow. grid: the steps of the run, at which
    redraws happen, if `step` does not say it."""
    tau_J, redraws, grid = float(model.tau_J), as_redraws(model.stream.tau_h), step if grid is None else grid
    if grid is not None and isinstance(redraws, Periodic) and redraws.period < grid:
        redraws = Periodic(grid)  # one redraw at most in a step
    fade, speed = theory.fading(tau_J, redraws, step), float(theory.rate(tau_J, step))
    blank = np.full(len(times), np.nan)
    if float(fade.b2) == 0:
        start = np.full(len(times), float(theory.mean_distance(ensemble, fade, 0)))
        return Expected(start, 0 * start, 0 * start, float(start[0]), 0.0, 0.0, 1.0, "")
    follow = transition_matrix(model.stream, np.asarray(ensemble.probabilities))
    period = float(redraws.average())
    average = float(theory.time_average(ensemble, tau_J, redraws, step, follow))
    deviation = float(np.sqrt(theory.distance_variance(ensemble, fade)))
    a2 = float(fade.a2)
    spacing = float(times[1] - times[0]) if len(times) > 1 else period
    settled = _settled(ensemble, fade, period)
    note, fixed = _why_not(model, step), isinstance(redraws, Periodic)
    steps = int(np.round(times[-1] / grid)) if grid is not None and len(times) else 0
    hidden = clock(redraws, grid, steps) if grid is not None and follow is None and not (fixed and _whole(period / grid)) else None
    left = np.exp(-2 * speed * times)  # of a difference in J, squared, whatever is shown
    if fixed and follow is None and hidden is None:
        mean, exact = within(ensemble, fade, times, period, speed)
        approximate = deviation * (1 - a2 ** (times / period))
    elif hidden is not None and grid is not None:
        means, variances = moments(ensemble, speed, grid, steps, hidden)
        counts = np.round(times / grid).astype(int)
        mean, exact, approximate = means[counts], np.sqrt(variances[counts]), deviation * (1 - left)
        limit = stationary_mean(ensemble, speed, grid, hidden)
        average = limit if np.isfinite(limit) else average
        settled = _reached(mean, times, average, speed)
    elif fixed and period == step and len(ensemble.probabilities) <= MOST_MARKOV:
        counts = np.floor(times / period + 1e-9).astype(int)
        means, variances = theory.markov_moments(ensemble, fade, np.asarray(follow), int(counts.max(initial=0)))
        mean, exact, approximate = means[counts], np.sqrt(np.maximum(variances, 0))[counts], blank
        deviation = float(exact[-1])
    else:
        # Between redraws of a chain, or at more kinds of times than are followed: J0 fades as it must, the rest grows at the same pace.
        mean, exact, approximate = average + (float(theory.scalars(ensemble).start) - average) * left, blank, blank
        note = "; ".join([*([note] if note else []), "the transient of the mean is approximate, the deviation unknown"])
    if follow is not None:
        note = "; ".join([*([note] if note else []), "errors do not know how patterns of a chain are correlated"])
    return Expected(mean, exact, approximate, average, deviation, settled, a2 ** (spacing / period), note)


def _whole(number: float) -> bool:
    return not np.isfinite(number) or abs(number - np.round(number)) < 1e-6 * number


def within(
    ensemble: theory.Ensemble, fade: theory.Fading, times: Float[np.ndarray, " samples"], period: float, speed: float
) -> tuple[np.ndarray, np.ndarray]:
    """E D and its deviation at any time, redraws at multiples of `period`."""
    count = np.floor(times / period + 1e-9)
    mean, variance = theory.within_redraw(ensemble, fade, np.exp(-speed * (times - count * period)), count)
    return mean, np.sqrt(np.maximum(variance, 0))


def settling_time(model: Any, dt: float | None = None, share: float = 0.05) -> float:
    """Time after which a random J0 adds less than `share` to the stationary mean of D, for uncorrelated patterns; 0 for frozen synapses."""
    fade = theory.fading(float(model.tau_J), model.stream.tau_h, dt)
    if float(fade.b2) == 0:
        return 0.0
    count = model.stream.count(model.n)
    gram = np.eye(count)
    p = np.full(count, 1 / count)
    return _settled(theory.Ensemble(gram, p, 0 * p, 1 / count), fade, float(as_redraws(model.stream.tau_h).average()), share)


def _settled(ensemble: theory.Ensemble, fade: theory.Fading, period: float, share: float = 0.01) -> float:
    level = float(theory.mean_distance(ensemble, fade))
    offset = abs(float(theory.mean_distance(ensemble, fade, 0)) - level)
    if offset <= share * level or float(fade.a2) == 0:
        return 0.0
    if level == 0:
        return 10 * period / (1 - float(fade.a2))
    return float(np.log(share * level / offset) / np.log(float(fade.a2)) * period)


def _reached(mean: np.ndarray, times: np.ndarray, level: float, speed: float, share: float = 0.01) -> float:
    """Time from which the mean stays within a share of its level; beyond its last sample, at the pace of J0."""
    away = np.abs(mean - level) > share * level
    if not away.any():
        return 0.0
    if not away[-1]:
        return float(times[np.flatnonzero(away)[-1] + 1])
    return float(times[-1] + np.log(abs(mean[-1] - level) / (share * level)) / (2 * speed)) if level > 0 else 10 * float(times[-1])


def transition_matrix(stream: Any, probabilities: Float[np.ndarray, " K"]) -> Any:
    """What follows what (K, K), None where patterns are drawn independently."""
    given = stream.transitions
    if given is None:
        return None
    with jax.enable_x64(True):
        return np.asarray(given.matrix(jax.numpy.asarray(probabilities, float)) if hasattr(given, "matrix") else given, float)


def strength(model: Any) -> float:
    """k, tanh(beta) unless given, in full precision."""
    return float(np.tanh(model.beta) if model.k is None else model.k)


def _why_not(model: Any, step: float | None) -> str:
    reasons = [] if type(model) in (Multiscale, CoefficientMap) else [f"theory is not of {type(model).__name__}"]
    if step is not None and model.tau_s != step and not isinstance(model, CoefficientMap):
        reasons.append(f"neurons take {model.tau_s:g}, not a step")
    if step is None:
        reasons.append("theory has neurons that follow at once")
    if model.activation != "none":
        reasons.append(f"activation {model.activation}")
    limit = float(theory.lock_in_field(model.n, strength(model)))
    if model.u <= limit:
        reasons.append(f"u = {model.u:g} does not exceed k (N - 1) = {limit:.3g}")
    if model.stream.noise is not None:
        reasons.append("the field has noise")
    return "; ".join(reasons)
