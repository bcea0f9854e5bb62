"""Closed forms for the couplings J themselves; no simulation.

X_mu = S_mu S_mu' without its diagonal, with the S_mu (K, N) that the neurons take at each pattern; H = sum_mu p_mu X_mu.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Float, Real

from neurojax.engine.checks import check_number, not_negative
from neurojax.engine.types import Arrays


def arrays(*values: Any) -> tuple[Any, ...]:
    """NumPy and float64 arrays, or JAX and its default floats as soon as one is a JAX array."""
    if any(isinstance(value, jax.Array) for value in values):
        return jnp, *(jnp.asarray(value, jnp.result_type(float)) for value in values)
    return np, *(np.asarray(value, np.float64) for value in values)


def check_probabilities(owner: str, value: Any, count: int) -> None:
    """Raise `ValueError` unless these are `count` probabilities."""
    mend = f"give {count} numbers of at least 0 that sum to 1, one for each pattern"
    check_number(owner, "probabilities", value, not_negative, mend, shapes=((count,),))
    if not isinstance(value, Tracer) and abs(np.sum(np.asarray(value, float)) - 1) > 1e-5:
        raise ValueError(f"{owner}(probabilities={value!r}): they sum to {np.sum(np.asarray(value, float)):.6g}; {mend}")


def saturated(patterns: Real[Arrays, "K n"], beta: Any, u: Any) -> Float[Any, "K n"]:
    """S_mu = tanh(beta u xi_mu), where a field much stronger than all couplings puts the neurons."""
    xp, patterns, beta, u = arrays(patterns, beta, u)
    return xp.tanh(beta * u * patterns)


def gram(targets: Real[Arrays, "K n"]) -> Float[Any, "K K"]:
    """`Q_mn = <X_m, X_n> = [(S_m . S_n)^2 - sum_i S_mi^2 S_ni^2] / (N (N - 1))`, without any N x N matrix."""
    _, targets = arrays(targets)
    n = targets.shape[1]
    if n < 2:
        raise ValueError(f"targets has {n} neurons: couplings need at least 2")
    squares = targets * targets
    return ((targets @ targets.T) ** 2 - squares @ squares.T) / (n * (n - 1))


def projections(J: Real[Arrays, "n n"], targets: Real[Arrays, "K n"]) -> Float[Any, " K"]:
    """<J, X_mu> of a J with zero diagonal."""
    _, J, targets = arrays(J, targets)
    n = targets.shape[1]
    return ((targets @ J) * targets).sum(1) / (n * (n - 1))


def square_norm(J: Real[Arrays, "n n"]) -> Float[Any, ""]:
    """|J|^2 = <J, J> of a J with zero diagonal."""
    xp, J = arrays(J)
    n = J.shape[-1]
    # XLA's CPU compiler adds up a product faster than a matrix.
    return ((J * J) @ xp.ones(n, J.dtype)).sum() / (n * (n - 1))


def hebbian(targets: Real[Arrays, "K n"], weights: Real[Arrays, " K"] | None = None) -> Float[Any, "n n"]:
    """`sum_mu w_mu X_mu`, no diagonal; H itself with the probabilities as weights, which are 1/K each unless given."""
    share: Any = np.full(np.shape(targets)[0], 1 / np.shape(targets)[0]) if weights is None else weights
    xp, targets, share = arrays(targets, share)
    whole = (targets.T * share[None, :]) @ targets
    return whole * (1 - xp.eye(len(whole), dtype=whole.dtype))


def mean_weights(targets: Any, probabilities: Any, a: Any, n: Any = np.inf, *, J0: Any = 0.0, k: Any = 1.0) -> Float[Any, "n n"]:
    """`E J_n = E[a]^n J0 + (1 - E[a]^n) k H` after n redraws. a: E[a]."""
    _, a, n, J0 = arrays(a, n, J0)
    left = a**n
    return left * J0 + (1 - left) * k * hebbian(targets, probabilities)


def time_averaged_weights(targets: Any, probabilities: Any, tau_s: Any, tau_h: Any, k: Any = 1.0) -> Float[Any, "n n"]:
    """Time average of E J for neurons of time constant tau and a fixed time tau_h of each pattern:

        k [(1 - g) M + g m m'],   g = (tau / tau_h) (1 - e^(-tau_h / tau)),   M = sum_mu p_mu S_mu S_mu',   m = sum_mu p_mu S_mu

    without diagonal: on their way from one pattern to the next neurons write the patterns' mean into J. tau_h = tau: g = 0.632.
    """
    xp, targets, p, tau_s, tau_h = arrays(targets, probabilities, tau_s, tau_h)
    share = -xp.expm1(-tau_h / tau_s) * tau_s / tau_h
    mean = p @ targets
    whole = (1 - share) * hebbian(targets, p) + share * mean[:, None] * mean[None, :]
    return k * whole * (1 - xp.eye(len(whole), dtype=whole.dtype))


def lock_in_field(n: Any, k: Any = 1.0, weight: Any = 1.0) -> Any:
    """The field strength `u = k (N - 1) w` below which couplings of weight w of one pattern outvote the field.

    weight 1: above it neurons follow the field whatever was shown, once J0 is forgotten. weight max(p_mu), the largest in the mean J: at
    and below it the network locks onto one pattern; between the two it holds until that pattern is repeated too often.
    """
    return k * (n - 1) * weight


class Inference(NamedTuple):
    """probabilities (K,): of the patterns, at least 0, summing to 1. weights (K,): the least-squares weights in J/k themselves.
    error: |J/k - sum_mu weights_mu X_mu| / |J/k|, what they leave of J."""

    probabilities: Float[np.ndarray, " K"]
    weights: Float[np.ndarray, " K"]
    error: float


def infer_probabilities(J: Any, targets: Any, k: Any = 1.0) -> Inference:
    """How often each pattern was shown, read off J by least squares over its N (N - 1) entries: `Q w = <J/k, X_mu>`. On the host.

    Exact at the mean J where the X_mu are linearly independent (K of them at most N (N - 1) / 2; sign patterns that are each other's
    negative have the same X). Raises `ValueError` otherwise.
    """
    J, targets = np.asarray(J, float), np.asarray(targets, float)
    if J.shape != (targets.shape[1],) * 2:
        raise ValueError(f"J has shape {J.shape}: the patterns have {targets.shape[1]} neurons")
    if not (np.all(np.isfinite(J)) and np.all(np.isfinite(targets))):
        raise ValueError("J, targets: they have numbers that are not finite; give those of a run that has not diverged")
    q = gram(targets)
    if np.linalg.matrix_rank(q, tol=1e-10 * np.trace(q)) < len(q):
        raise ValueError("targets: their outer products depend on each other, so that J does not tell their weights apart; leave some out")
    J = J * (1 - np.eye(len(J)))
    weights = np.linalg.solve(q, projections(J, targets) / k)
    size = np.sqrt(square_norm(J)) / abs(float(k))
    if size == 0:
        raise ValueError("J is zero: nothing has been written into it")
    error = np.sqrt(square_norm(J / k - hebbian(targets, weights))) / size
    kept = np.maximum(weights, 0)
    return Inference(kept / kept.sum() if kept.any() else np.full(len(kept), 1 / len(kept)), weights, float(error))
