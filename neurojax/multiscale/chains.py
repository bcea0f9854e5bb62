"""Closed forms for patterns that follow each other by a Markov chain."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Real

from neurojax.engine.checks import check_count
from neurojax.engine.types import Arrays
from neurojax.multiscale.moments import Ensemble, Fading, centred, grown, power, scalars
from neurojax.multiscale.weights import arrays


def ahead(ensemble: Ensemble, fade: Fading, transitions: Any) -> Any:
    """Stationary E <J/k - H, Y_mu> with the pattern mu that comes next."""
    g, p = centred(ensemble)[0], ensemble.probabilities
    xp, matrix, a = arrays(transitions, fade.a)
    a = xp.where(a < 1, a, 0.0)  # frozen synapses, of which nothing comes
    follow = matrix @ xp.linalg.inv(xp.eye(matrix.shape[0], dtype=matrix.dtype) - a * matrix)
    return (fade.ab + fade.b2) * (p[:, None] * follow * g).sum()


def markov_distance(ensemble: Ensemble, fade: Fading, transitions: Real[Arrays, "K K"]) -> Any:
    """Stationary E D where patterns follow each other by a Markov chain whose stationary distribution the ensemble's p is.

    For a fixed a, `F [V + 2 sum_mn p_m R_mn G_mn]`, R = a T (I - a T)^-1, F = S_2(inf).
    """
    _check_stationary(ensemble, transitions)
    one = scalars(ensemble)
    still = power(fade.a2, np.inf) * one.start  # of frozen synapses
    return still + (fade.b2 * one.spread + 2 * fade.ab * ahead(ensemble, fade, transitions)) * grown(1.0, fade.a2, np.inf)


def markov_moments(
    ensemble: Ensemble, fade: Fading, transitions: Real[Arrays, "K K"], steps: int
) -> tuple[Float[np.ndarray, " times"], Float[np.ndarray, " times"]]:
    """E D_n and Var D_n for n = 0 to `steps` under a Markov chain of patterns that starts in its stationary distribution. On the host.

    Exact: moments of D and of <J/k - H, Y_m> given the pattern shown, carried from redraw to redraw in O(K^4).
    """
    held = _begun(ensemble)
    means, variances = [held.d.sum()], [0.0]
    for follow in _follows(ensemble, transitions, steps):
        held = _moved(held, follow, fade, np.asarray(centred(ensemble)[0], float))
        means.append(held.d.sum())
        variances.append(held.d2.sum() - held.d.sum() ** 2)
    return np.asarray(means), np.asarray(variances)


def markov_covariance(ensemble: Ensemble, fade: Fading, transitions: Real[Arrays, "K K"], n: int, lags: int) -> Float[np.ndarray, " lags"]:
    """`Cov(D_n, D_(n + lag))` for lags 0 to `lags` under such a chain, in redraws. On the host, exact.

    `E D_n D_(n + lag)` obeys the recursion of E D, with every moment weighed by D_n.
    """
    g = np.asarray(centred(ensemble)[0], float)
    held = _begun(ensemble)
    follows = _follows(ensemble, transitions, n + lags)
    for follow in follows[:n]:
        held = _moved(held, follow, fade, g)
    now = held.d.sum()
    weighed = _Moments(held.d, held.d2, held.d2, held.dv, held.dv, held.vv)  # of 1, D and <Delta, Y> times D_n; the rest is not used
    found = [held.d2.sum() - now**2]
    for follow in follows[n:]:
        held, weighed = _moved(held, follow, fade, g), _moved(weighed, follow, fade, g)
        found.append(weighed.d.sum() - now * held.d.sum())
    return np.asarray(found)


class _Moments(NamedTuple):
    """Given the pattern m shown last (first axis), times its probability: E 1, D, D^2, v_k = <J/k - H, Y_k>, D v_k, v_k v_l."""

    one: Any
    d: Any
    d2: Any
    v: Any
    dv: Any
    vv: Any


def _begun(ensemble: Ensemble) -> _Moments:
    _, along, _ = (np.asarray(part, float) for part in centred(ensemble))
    one, start = np.asarray(ensemble.probabilities, float), float(scalars(ensemble).start)
    v = one[:, None] * along
    return _Moments(one, start * one, start**2 * one, v, start * v, one[:, None, None] * np.outer(along, along))


def _follows(ensemble: Ensemble, transitions: Any, steps: int) -> list[Any]:
    """The chain's matrix of every redraw. The first pattern is drawn from p, whatever was before: a stationary chain does the same."""
    check_count("", "steps", steps, "a whole number of redraws, at least 0", least=0)
    _check_stationary(ensemble, transitions)
    p = np.asarray(ensemble.probabilities, float)
    return [np.outer(np.ones(len(p)), p), *[np.asarray(transitions, float)] * (steps - 1)][:steps]


def _moved(held: _Moments, follow: Any, fade: Fading, g: Any) -> _Moments:
    """After another redraw: D' = a^2 D + 2 a b v_mu + b^2 G_mu,mu and v_k' = a v_k + b G_k,mu."""
    a, a2, a4, ab, b2, a2b2, ab3, b4 = (float(x) for x in fade)
    a3b = ab - 2 * a2b2 - ab3  # a b = a b (a + b)^2
    a3, a2b, ab2, b3, b = a4 + a3b, a3b + a2b2, a2b2 + ab3, ab3 + b4, b2 + ab
    one, d, d2 = (follow.T @ x for x in (held.one, held.d, held.d2))
    v, dv, vv = (np.einsum("mn,m...->n...", follow, x) for x in (held.v, held.dv, held.vv))
    every, own, column = np.arange(len(one)), g.diagonal(), g.T  # column: row m, G_km of all k
    ahead, ahead_d, ahead2, beside = v[every, every], dv[every, every], vv[every, every, every], vv[every, every, :]
    mixed = np.einsum("mk,ml->mkl", v, column)
    return _Moments(
        one,
        a2 * d + 2 * ab * ahead + b2 * own * one,
        a4 * d2 + 4 * a3b * ahead_d + a2b2 * (4 * ahead2 + 2 * own * d) + 4 * ab3 * own * ahead + b4 * own**2 * one,
        a * v + b * one[:, None] * column,
        a3 * dv
        + a2b * (column * d[:, None] + 2 * beside)
        + ab2 * (2 * column * ahead[:, None] + own[:, None] * v)
        + b3 * (own * one)[:, None] * column,
        a2 * vv + ab * (mixed + mixed.transpose(0, 2, 1)) + b2 * one[:, None, None] * np.einsum("mk,ml->mkl", column, column),
    )


def _check_stationary(ensemble: Ensemble, transitions: Any) -> None:
    if isinstance(transitions, jax.Array) or isinstance(ensemble.probabilities, jax.Array):
        return
    p, matrix = np.asarray(ensemble.probabilities, float), np.asarray(transitions, float)
    if matrix.shape != (len(p),) * 2 or not np.allclose(p @ matrix, p, atol=1e-5):
        raise ValueError(
            "transitions: the ensemble's probabilities are not stationary; give it theory.stationary_distribution(transitions)"
        )
