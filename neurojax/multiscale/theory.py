"""Closed forms for synapses that follow a stream of patterns; no simulation.

While a pattern is shown the neurons stand at S_mu = tanh(beta u xi_mu), and J relaxes towards k X_mu, X_mu = S_mu S_mu' without its
diagonal. From redraw to redraw, with a = exp(-T / tau') and mu drawn anew:

    J <- a J + (1 - a) k X_mu,   <A, B> = sum_(i != j) A_ij B_ij / (N (N - 1)),   H = sum_mu p_mu X_mu,   D = |J/k - H|^2

Everything about D follows from K x K numbers. NumPy float64 for host numbers; traceable and differentiable once one is a JAX array.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jax.core import Tracer
from jaxtyping import Float

from neurojax.multiscale.chains import ahead, markov_covariance, markov_distance, markov_moments
from neurojax.multiscale.moments import Ensemble, Fading, Scalars, centred, fading, grown, power, rate, scalars, sums
from neurojax.multiscale.patterns import stationary_distribution
from neurojax.multiscale.redraws import as_redraws
from neurojax.multiscale.weights import (
    Inference,
    arrays,
    gram,
    hebbian,
    infer_probabilities,
    lock_in_field,
    mean_weights,
    projections,
    saturated,
    square_norm,
    time_averaged_weights,
)


def mean_distance(ensemble: Ensemble, fade: Fading, n: Any = np.inf) -> Any:
    """E D at the end of the n-th pattern's time: `E[a^2]^n |Delta|^2 + V E[b^2] (1 - E[a^2]^n) / (1 - E[a^2])`.

    For a fixed a, `a^(2n) |Delta|^2 + S_2(n) V`. n: any shape, >= 0.
    """
    _check_redraws(n)
    terms = scalars(ensemble)
    _, n, a2, start = arrays(n, fade.a2, terms.start)
    return power(a2, n) * start + fade.b2 * grown(1.0, a2, n) * terms.spread


def distance_variance(ensemble: Ensemble, fade: Fading, n: Any = np.inf) -> Any:
    """Var D at the end of the n-th pattern's time, transient and stationary, exact for any patterns, p and redraw times.

    For a fixed a, `4 a^(2n) S_2 B0 + 4 a^n S_3 c3 + S_4 (M4 - V^2) + 2 (S_2^2 - S_4) C2`. n: any shape, >= 0.
    """
    _check_redraws(n)
    one = scalars(ensemble)
    _, n, a2, a4 = arrays(n, fade.a2, fade.a4)
    spread, excess, beside = one.spread, fade.a4 - fade.a2**2, fade.a2b2 - fade.a2 * fade.b2
    filling = fade.b2 * grown(1.0, a2, np.inf)
    # D' = a^2 D + 2 a b <Delta, Y> + b^2 <Y, Y>, so all that enters is linear in D, B = sum p <Delta, Y>^2 and c = sum p <Delta, Y> <Y, Y>.
    along, level = filling * one.crossed, filling * spread
    offset = one.start - level
    still = 4 * fade.a2b2 * along + fade.b4 * one.fourth - (fade.b2 * spread) ** 2 + excess * level**2 + 2 * beside * spread * level
    moving = 4 * fade.a2b2 * (one.along - along) + 2 * offset * (excess * level + beside * spread)
    return (
        still * grown(a4, 1.0, n)
        + moving * grown(a4, a2, n)
        + 4 * fade.ab3 * one.mixed * grown(a4, fade.a, n)
        + excess * offset**2 * grown(a4, a2**2, n)
    )


def distance_covariance(ensemble: Ensemble, fade: Fading, n: Any = np.inf, lag: Any = 0) -> Any:
    """`Cov(D_n, D_(n + lag)) = E[a^2]^lag Var D_n`. lag: redraws, >= 0."""
    return fade.a2**lag * distance_variance(ensemble, fade, n)


def autocorrelation_time(fade: Fading) -> Any:
    """Redraws that an independent value of D takes, `(1 + E a^2) / (1 - E a^2)`: a mean over m has the variance Var D times this over m."""
    return (1 + fade.a2) / (1 - fade.a2)


def time_average(ensemble: Ensemble, tau_J: Any, tau_h: Any = 1.0, dt: Any = None, transitions: Any = None) -> Any:
    """Stationary E D averaged over time, not over ends of redraws: V / 2 for `Poisson(tau')`, `V [1 - (1 - e^-x) / x]` for T = x tau'.

    dt: of Euler's steps, None for the flow. transitions: of a Markov chain of patterns (K, K), None where they are independent.
    """
    redraws, fade, speed = as_redraws(tau_h), fading(tau_J, tau_h, dt), rate(tau_J, dt)
    total = redraws.average()
    lost, lost2 = fade.b2 + fade.ab, 2 * fade.ab + fade.b2  # 1 - E a, 1 - E a^2
    if dt is None:
        once, twice = _ratio(lost, speed, total), _ratio(lost2, 2 * speed, total)
    else:
        total = total / dt
        left, gone = np.exp(-speed * dt), -np.expm1(-speed * dt)
        once, twice = _ratio(left * lost, gone, total), _ratio(left**2 * lost2, gone * (1 + left), total)
    spread = scalars(ensemble).spread
    end = mean_distance(ensemble, fade) if transitions is None else markov_distance(ensemble, fade, transitions)
    next_one = 0.0 if transitions is None else ahead(ensemble, fade, transitions)
    return (twice * end + 2 * (once - twice) * next_one + (total - 2 * once + twice) * spread) / total


def _ratio(lost: Any, speed: Any, limit: Any) -> Any:
    """lost / speed, and its limit at 0, where synapses are frozen."""
    xp, lost, speed, limit = arrays(lost, speed, limit)
    return xp.where(speed == 0, limit, lost / xp.where(speed == 0, 1.0, speed))


def within_redraw(ensemble: Ensemble, fade: Fading, left: Any, n: Any = np.inf) -> tuple[Any, Any]:
    """E D and Var D after n redraws and a time in which `left`, b = e^(-t / tau'), of J is left since the last of them:

        b^2 E D_n + (1 - b)^2 V,   b^4 Var D_n + 4 b^2 (1 - b)^2 B_n + 4 b (1 - b)^3 E[a]^n c3 + (1 - b)^4 (M4 - V^2),
        B_n = E[a^2]^n B0 + E[(1 - a)^2] (1 - E[a^2]^n) / (1 - E[a^2]) C2

    of patterns that are drawn independently, and of any redraw times, whose ends these are at b = 1. left: in [0, 1], n: >= 0, any shapes.
    """
    one, gone = scalars(ensemble), 1 - left
    along = power(fade.a2, n) * one.along + fade.b2 * grown(1.0, fade.a2, n) * one.crossed
    mean = left**2 * mean_distance(ensemble, fade, n) + gone**2 * one.spread
    moved = 4 * (left * gone) ** 2 * along + 4 * left * gone**3 * power(fade.a, n) * one.mixed + gone**4 * (one.fourth - one.spread**2)
    return mean, left**4 * distance_variance(ensemble, fade, n) + moved


def weight_covariance(
    targets: Any, probabilities: Any, pairs: Any, fade: Fading, n: Any = np.inf, lag: Any = 0, *, k: Any = 1.0, J0: Any = None
) -> Float[Any, "m m"]:
    """`Cov(J_ij(n), J_kl(n + lag))` between the couplings `pairs`, of patterns that are drawn independently:

        k^2 E[a]^lag { (E[a^2]^n - E[a]^(2n)) D_ij D_kl + E[b^2] (1 - E[a^2]^n) / (1 - E[a^2]) [sum_mu p_mu X_ij X_kl - H_ij H_kl] }

    D = J0/k - H, whose part random times alone bring. pairs: (m, 2), i != j in each. J0: (n, n), 0 if None.
    """
    chosen = np.asarray(pairs)
    if chosen.ndim != 2 or chosen.shape[1] != 2 or np.any(chosen[:, 0] == chosen[:, 1]):
        raise ValueError(f"pairs={pairs!r}: give rows (i, j) of two different neurons, for example [(0, 1), (0, 2)]")
    _check_redraws(n)
    _, targets, p, a, a2, n = arrays(targets, probabilities, fade.a, fade.a2, n)
    x = targets[:, chosen[:, 0]] * targets[:, chosen[:, 1]]
    mean = p @ x
    fluctuation = (x.T * p[None, :]) @ x - mean[:, None] * mean[None, :]
    away = (0.0 if J0 is None else J0[chosen[:, 0], chosen[:, 1]] / k) - mean
    started = (power(a2, n) - power(a, 2 * n)) * away[:, None] * away[None, :]
    return a**lag * k**2 * (started + fade.b2 * grown(1.0, a2, n) * fluctuation)


def _check_redraws(n: Any) -> None:
    if not isinstance(n, Tracer) and not np.all(np.asarray(n, float) >= 0):
        raise ValueError(f"n={n!r}: numbers of redraws of at least 0, or infinity")


def row_similarity(time: Any, tau: Any, start: Any) -> Any:
    """Cosine between a row of a `PatternMatrix` and the pattern it learns: `[e c + 1 - e] / sqrt(e^2 + (1 - e)^2 + 2 e (1 - e) c)`.

    e = exp(-time / tau), for a row as long as the pattern. tau: tau_Xi while it is shown and its row wins, on average over a stream
    tau_Xi / p_mu. start: the cosine c at first, in [-1, 1].
    """
    xp, time, tau, c = arrays(time, tau, start)
    e = xp.exp(-time / tau)
    return (e * c + 1 - e) / xp.sqrt(e**2 + (1 - e) ** 2 + 2 * e * (1 - e) * c)


__all__ = [
    "Ensemble",
    "Fading",
    "Inference",
    "Scalars",
    "autocorrelation_time",
    "centred",
    "distance_covariance",
    "distance_variance",
    "fading",
    "gram",
    "hebbian",
    "infer_probabilities",
    "lock_in_field",
    "markov_covariance",
    "markov_distance",
    "markov_moments",
    "mean_distance",
    "mean_weights",
    "projections",
    "rate",
    "row_similarity",
    "saturated",
    "scalars",
    "square_norm",
    "stationary_distribution",
    "sums",
    "time_average",
    "time_averaged_weights",
    "weight_covariance",
    "within_redraw",
]
