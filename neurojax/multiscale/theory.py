"""Closed forms for synapses that follow a stream of patterns; no simulation.

While a pattern is shown the neurons stand at S_mu = tanh(beta u xi_mu), and J relaxes towards k X_mu, X_mu = S_mu S_mu' without its
diagonal. From redraw to redraw, with a = exp(-T / tau') and mu drawn anew:

    J <- a J + (1 - a) k X_mu,   <A, B> = sum_(i != j) A_ij B_ij / (N (N - 1)),   H = sum_mu p_mu X_mu,   D = |J/k - H|^2

Everything about D follows from K x K numbers. NumPy float64 for host numbers; traceable and differentiable once one is a JAX array.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Real

from neurojax.engine.checks import check_number, fraction, not_negative
from neurojax.engine.types import Arrays
from neurojax.multiscale.redraws import Redraws, as_redraws
from neurojax.multiscale.weights import (
    Inference,
    arrays,
    check_probabilities,
    gram,
    hebbian,
    infer_probabilities,
    lock_in_field,
    mean_weights,
    projections,
    saturated,
    square_norm,
    time_averaged_weights,
    weight_covariance,
)


class Ensemble(NamedTuple):
    """The patterns and the initial J as D sees them: `gram` (K, K), probabilities (K,), `<J0/k, X_mu>` (K,), |J0/k|^2."""

    gram: Any
    probabilities: Any
    start: Any
    start_square: Any

    @classmethod
    def of(
        cls,
        targets: Real[Arrays, "K n"],
        probabilities: Real[Arrays, " K"] | None = None,
        J0: Real[Arrays, "n n"] | None = None,
        k: Any = 1.0,
    ) -> Ensemble:
        """Of what the neurons do at each pattern, `saturated`; all equally likely, and J0 = 0, unless given."""
        count = np.shape(targets)[0]
        probabilities = np.full(count, 1 / count) if probabilities is None else probabilities
        check_probabilities("Ensemble", probabilities, count)
        _, targets, p, k = arrays(targets, probabilities, k)
        if J0 is None:
            return cls(gram(targets), p, 0 * p, 0 * p[0])
        return cls(gram(targets), p, projections(J0, targets) / k, square_norm(J0) / k**2)


class Scalars(NamedTuple):
    """Numbers that D's moments are made of, with Y_m = X_m - H, G_mn = <Y_m, Y_n> and Delta = J0/k - H.

    reference: |H|^2. spread: V = sum p_m G_mm, 1 - |H|^2 for signs. fourth: M4 = sum p_m G_mm^2. crossed: C2 = sum p_m p_n G_mn^2.
    start: |Delta|^2. along: B0 = sum p_m <Delta, Y_m>^2. mixed: c3 = sum p_m <Delta, Y_m> G_mm.
    """

    reference: Any
    spread: Any
    fourth: Any
    crossed: Any
    start: Any
    along: Any
    mixed: Any


def centred(ensemble: Ensemble) -> tuple[Any, Any, Any]:
    """G (K, K), <Delta, Y_m> (K,) and |H|^2."""
    q, p, start, _ = ensemble
    h = q @ p
    square = p @ h
    g = q - h[:, None] - h[None, :] + square
    return g, start - p @ start - h + square, square


def scalars(ensemble: Ensemble) -> Scalars:
    """The numbers that `mean_distance` and `distance_variance` are made of, in O(K^2)."""
    p = ensemble.probabilities
    g, along, square = centred(ensemble)
    own = g.diagonal()
    start = ensemble.start_square - 2 * p @ ensemble.start + square
    return Scalars(square, p @ own, p @ own**2, p @ g**2 @ p, start, p @ along**2, p @ (along * own))


class Fading(NamedTuple):
    """What a redraw's time leaves of J: averages of products of `a = exp(-T / tau')` and `b = 1 - a`, each named after its factors."""

    a: Any
    a2: Any
    a4: Any
    ab: Any
    b2: Any
    a2b2: Any
    ab3: Any
    b4: Any

    @classmethod
    def of(cls, a: Any) -> Fading:
        """For a time that is always the same: of a itself, in [0, 1]; 0.999 in the seed."""
        check_number("Fading", "a", a, fraction, "what is left of J from redraw to redraw, 0 to 1")
        b = 1 - a
        return cls(a, a**2, a**4, a * b, b**2, (a * b) ** 2, a * b**3, b**4)


def rate(tau_J: Any, dt: Any = None) -> Any:
    """1 / tau' of the flow; of Euler's steps of length dt, which leave 1 - dt/tau' each, `-log(1 - dt/tau') / dt`."""
    if dt is None:
        check_number("rate", "1 / tau_J", 1 / tau_J, not_negative, "tau_J is a positive time, or infinity for frozen synapses")
        return 1 / tau_J
    check_number("rate", "dt / tau_J", dt / tau_J, fraction, "a step dt > 0 that is no longer than tau_J")
    xp, share = arrays(dt / tau_J)
    with np.errstate(divide="ignore"):
        return -xp.log1p(-share) / dt


def fading(tau_J: Any, tau_h: Any = 1.0, dt: Any = None) -> Fading:
    """Averages for synapses of time constant tau', patterns that last tau_h (a number or `Redraws`), Euler's steps of dt or the flow."""
    redraws, speed = as_redraws(tau_h), rate(tau_J, dt)
    if isinstance(tau_h, Redraws):
        redraws.check()
    order = ((1, 0), (2, 0), (4, 0), (1, 1), (0, 2), (2, 2), (1, 3), (0, 4))
    return Fading(*(redraws.moment(r, s, speed) for r, s in order))


def _power(x: Any, n: Any) -> Any:
    """x^n for x in [0, 1], its limit where n is infinite; differentiable in x there, too."""
    xp, x, n = arrays(x, n)
    endless = xp.isinf(n)
    return xp.where(endless, xp.where(x < 1, 0.0, 1.0), x ** xp.where(endless, 1.0, n))


def _grown(x: Any, y: Any, n: Any) -> Any:
    """`sum_(t < n) x^(n-1-t) y^t`: what a recursion with factor x has made of inputs y^t."""
    xp, x, y, n = arrays(x, y, n)
    same = x == y
    level = xp.where(n == 0, 0.0, xp.where(xp.isinf(n) & (x < 1), 0.0, n) * _power(x, xp.where(n == 0, 0.0, n - 1)))
    return xp.where(same, level, (_power(x, n) - _power(y, n)) / xp.where(same, 1.0, x - y))


def sums(a: Any, r: int, n: Any = np.inf) -> Any:
    """`S_r(n) = (1 - a)^r (1 - a^(r n)) / (1 - a^r)`, r-th powers of the weights of the last n patterns; S_2(inf) = tanh(T / 2 tau')."""
    return (1 - a) ** r * _grown(1.0, a**r, n)


def mean_distance(ensemble: Ensemble, fade: Fading, n: Any = np.inf) -> Any:
    """E D at the end of the n-th pattern's time: `E[a^2]^n |Delta|^2 + V E[b^2] (1 - E[a^2]^n) / (1 - E[a^2])`.

    For a fixed a, `a^(2n) |Delta|^2 + S_2(n) V`. n: any shape, >= 0.
    """
    terms = scalars(ensemble)
    _, n, a2, start = arrays(n, fade.a2, terms.start)
    return _power(a2, n) * start + fade.b2 * _grown(1.0, a2, n) * terms.spread


def distance_variance(ensemble: Ensemble, fade: Fading, n: Any = np.inf) -> Any:
    """Var D at the end of the n-th pattern's time, transient and stationary, exact for any patterns, p and redraw times.

    For a fixed a, `4 a^(2n) S_2 B0 + 4 a^n S_3 c3 + S_4 (M4 - V^2) + 2 (S_2^2 - S_4) C2`. n: any shape, >= 0.
    """
    one = scalars(ensemble)
    _, n, a2, a4 = arrays(n, fade.a2, fade.a4)
    spread, excess, beside = one.spread, fade.a4 - fade.a2**2, fade.a2b2 - fade.a2 * fade.b2
    filling = fade.b2 * _grown(1.0, a2, np.inf)
    # D' = a^2 D + 2 a b <Delta, Y> + b^2 <Y, Y>, so all that enters is linear in D, B = sum p <Delta, Y>^2 and c = sum p <Delta, Y> <Y, Y>.
    along, level = filling * one.crossed, filling * spread
    offset = one.start - level
    still = 4 * fade.a2b2 * along + fade.b4 * one.fourth - (fade.b2 * spread) ** 2 + excess * level**2 + 2 * beside * spread * level
    moving = 4 * fade.a2b2 * (one.along - along) + 2 * offset * (excess * level + beside * spread)
    return (
        still * _grown(a4, 1.0, n)
        + moving * _grown(a4, a2, n)
        + 4 * fade.ab3 * one.mixed * _grown(a4, fade.a, n)
        + excess * offset**2 * _grown(a4, a2**2, n)
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
        once, twice = lost / speed, lost2 / (2 * speed)
    else:
        each = np.exp(-speed * dt)
        total = total / dt
        once, twice = each * lost / (1 - each), each**2 * lost2 / (1 - each**2)
    spread = scalars(ensemble).spread
    end = mean_distance(ensemble, fade) if transitions is None else markov_distance(ensemble, fade, transitions)
    ahead = 0.0 if transitions is None else _ahead(ensemble, fade, transitions)
    return (twice * end + 2 * (once - twice) * ahead + (total - 2 * once + twice) * spread) / total


def within_redraw(ensemble: Ensemble, tau_J: Any, tau_h: Any, phase: Any) -> Any:
    """Stationary E D a share `phase` in [0, 1] into a pattern's time tau_h: `[b^2 F + (1 - b)^2] V`, b = exp(-phase tau_h / tau')."""
    xp, exponent = arrays(phase * tau_h / tau_J)
    left = xp.exp(-exponent)
    return left**2 * mean_distance(ensemble, fading(tau_J, tau_h)) + (1 - left) ** 2 * scalars(ensemble).spread


def stationary_distribution(transitions: Real[Arrays, "K K"]) -> Float[np.ndarray, " K"]:
    """p with p T = p, of a chain of patterns with one recurrent class. On the host.

    transitions: T_mn, from pattern m to n; rows sum to 1. Raises `ValueError` otherwise.
    """
    matrix = np.asarray(transitions, float)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"transitions has shape {matrix.shape}: give (K, K), row m the probabilities of what follows pattern m")
    if np.any(matrix < 0) or np.any(np.abs(matrix.sum(1) - 1) > 1e-5):
        raise ValueError(f"transitions: rows sum to {matrix.sum(1)}; every row must be probabilities that sum to 1")
    count = len(matrix)
    system = np.vstack([matrix.T - np.eye(count), np.ones(count)])
    if np.linalg.matrix_rank(system, tol=1e-9) < count:
        raise ValueError("transitions: the chain falls into parts that never meet; give one whose patterns can follow each other")
    found = np.linalg.lstsq(system, np.append(np.zeros(count), 1.0), rcond=None)[0]
    return np.maximum(found, 0) / np.maximum(found, 0).sum()


def _ahead(ensemble: Ensemble, fade: Fading, transitions: Any) -> Any:
    """Stationary E <J/k - H, Y_mu> with the pattern mu that comes next."""
    g, p = centred(ensemble)[0], ensemble.probabilities
    xp, matrix, a = arrays(transitions, fade.a)
    follow = matrix @ xp.linalg.inv(xp.eye(matrix.shape[0], dtype=matrix.dtype) - a * matrix)
    return (fade.ab + fade.b2) * (p[:, None] * follow * g).sum()


def markov_distance(ensemble: Ensemble, fade: Fading, transitions: Real[Arrays, "K K"]) -> Any:
    """Stationary E D where patterns follow each other by a Markov chain whose stationary distribution the ensemble's p is.

    For a fixed a, `F [V + 2 sum_mn p_m R_mn G_mn]`, R = a T (I - a T)^-1, F = S_2(inf).
    """
    spread = scalars(ensemble).spread
    return (fade.b2 * spread + 2 * fade.ab * _ahead(ensemble, fade, transitions)) * _grown(1.0, fade.a2, np.inf)


def markov_moments(
    ensemble: Ensemble, a: float, transitions: Real[Arrays, "K K"], steps: int
) -> tuple[Float[np.ndarray, " times"], Float[np.ndarray, " times"]]:
    """E D_n and Var D_n for n = 0 to `steps` under a Markov chain of patterns that starts in its stationary distribution. On the host.

    a: fixed. Exact: moments of D and of <J/k - H, Y_m> given the pattern shown, carried from redraw to redraw in O(K^4).
    """
    g, along, _ = (np.asarray(part, float) for part in centred(ensemble))
    matrix, own, b = np.asarray(transitions, float), g.diagonal(), 1 - a
    start = float(scalars(ensemble).start)
    # Given the pattern m shown last (first axis), times its probability: E 1, D, D^2, v_k = <Delta, Y_k>, D v_k, v_k v_l.
    one = np.asarray(ensemble.probabilities, float)
    d, d2 = start * one, start**2 * one
    v, dv, vv = one[:, None] * along, start * one[:, None] * along, one[:, None, None] * np.outer(along, along)
    means, variances = [d.sum()], [0.0]
    every = np.arange(len(one))
    for step in range(steps):
        # At the first step the pattern shown is drawn from p, whatever was before: a chain in its stationary distribution does the same.
        follow = np.outer(np.ones(len(one)), one) if step == 0 else matrix
        one, d, d2 = (follow.T @ x for x in (one, d, d2))
        v, dv, vv = (np.einsum("mn,m...->n...", follow, x) for x in (v, dv, vv))
        ahead, ahead_d, ahead2 = v[every, every], dv[every, every], vv[every, every, every]
        d2 = (
            a**4 * d2
            + 4 * a**3 * b * ahead_d
            + (a * b) ** 2 * (4 * ahead2 + 2 * own * d)
            + 4 * a * b**3 * own * ahead
            + b**4 * own**2 * one
        )
        column = g.T  # row m: G_km of all k
        beside = vv[every, every, :]
        dv = (
            a**3 * dv
            + a**2 * b * (column * d[:, None] + 2 * beside)
            + a * b**2 * (2 * column * ahead[:, None] + own[:, None] * v)
            + b**3 * (own * one)[:, None] * column
        )
        mixed = np.einsum("mk,ml->mkl", v, column)
        vv = a**2 * vv + a * b * (mixed + mixed.transpose(0, 2, 1)) + b**2 * one[:, None, None] * np.einsum("mk,ml->mkl", column, column)
        d = a**2 * d + 2 * a * b * ahead + b**2 * own * one
        v = a * v + b * one[:, None] * column
        means.append(d.sum())
        variances.append(d2.sum() - d.sum() ** 2)
    return np.asarray(means), np.asarray(variances)


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
