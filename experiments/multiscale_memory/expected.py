"""What theory says of a run: mean and deviation of D at every sample, exact and approximated, and whether theory holds for it."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from neurojax.multiscale import theory
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


def expected(model: Any, ensemble: theory.Ensemble, times: Float[np.ndarray, " samples"], step: float | None) -> Expected:
    """Of a model with the drawn patterns and J0 of `ensemble`. step: of the map; None for the flow."""
    tau_J, redraws = float(model.tau_J), as_redraws(model.stream.tau_h)
    fade = theory.fading(tau_J, redraws, step)
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
    if fixed and follow is None:
        mean, exact = within(ensemble, fade, times, period, float(theory.rate(tau_J, step)))
        approximate = deviation * (1 - a2 ** (times / period))
    elif fixed and period == step and len(ensemble.probabilities) <= MOST_MARKOV:
        counts = np.floor(times / period + 1e-9).astype(int)
        means, variances = theory.markov_moments(ensemble, fade, np.asarray(follow), int(counts.max(initial=0)))
        mean, exact, approximate = means[counts], np.sqrt(np.maximum(variances, 0))[counts], blank
        deviation = float(exact[-1])
    else:
        # Between redraws at random times, or of a chain, no closed form: the stationary time average, and the transient at its mean pace.
        terms = theory.scalars(ensemble)
        mean, exact, approximate = average + (float(terms.start) - average) * a2 ** (times / period), blank, blank
        if follow is not None:
            deviation = np.nan
    if follow is not None:
        note = note or "errors do not know how patterns of a chain are correlated"
    return Expected(mean, exact, approximate, average, deviation, settled, a2 ** (spacing / period), note)


def within(
    ensemble: theory.Ensemble, fade: theory.Fading, times: Float[np.ndarray, " samples"], period: float, speed: float
) -> tuple[np.ndarray, np.ndarray]:
    """E D and its deviation at any time, redraws at multiples of `period`: of D' = b^2 D + 2 b (1 - b) <Delta, Y> + (1 - b)^2 <Y, Y>,
    b = e^(-speed t) since the last redraw, whose pattern is independent of all before."""
    one = theory.scalars(ensemble)
    count = np.floor(times / period + 1e-9)
    b = np.exp(-speed * (times - count * period))
    a, last = float(fade.a), 1 - b
    mean, variance = theory.mean_distance(ensemble, fade, count), theory.distance_variance(ensemble, fade, count)
    along = a ** (2 * count) * one.along + theory.sums(a, 2, count) * one.crossed  # E sum p <Delta, Y>^2
    variance = (
        b**4 * variance + 4 * (b * last) ** 2 * along + last**4 * (one.fourth - one.spread**2) + 4 * b * last**3 * a**count * one.mixed
    )
    return b**2 * mean + last**2 * one.spread, np.sqrt(np.maximum(variance, 0))


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


def transition_matrix(stream: Any, probabilities: Float[np.ndarray, " K"]) -> Any:
    """What follows what (K, K), None where patterns are drawn independently."""
    given = stream.transitions
    if given is None:
        return None
    with jax.enable_x64(True):
        return np.asarray(given.matrix(jax.numpy.asarray(probabilities, float)) if hasattr(given, "matrix") else given, float)


def _why_not(model: Any, step: float | None) -> str:
    k = float(np.tanh(model.beta) if model.k is None else model.k)
    reasons = []
    if step is not None and model.tau_s != step:
        reasons.append(f"neurons take {model.tau_s:g}, not a step")
    if step is None:
        reasons.append("theory has neurons that follow at once")
    if model.activation != "none":
        reasons.append(f"activation {model.activation}")
    limit = float(theory.lock_in_field(model.n, k))
    if model.u <= limit:
        reasons.append(f"u = {model.u:g} does not exceed k (N - 1) = {limit:.3g}")
    if model.stream.noise is not None:
        reasons.append("the field has noise")
    return "; ".join(reasons)
