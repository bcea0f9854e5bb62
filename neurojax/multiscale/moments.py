"""What the closed forms of D are made of: the patterns and J0 as K x K numbers, and what a redraw's time leaves of J."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jax.core import Tracer
from jaxtyping import Real

from neurojax.engine.checks import check_number, fraction, positive
from neurojax.engine.types import Arrays
from neurojax.multiscale.redraws import as_redraws, check_time
from neurojax.multiscale.weights import arrays, check_probabilities, gram, projections, square_norm

AT_ONCE = 1e7  # rate of steps that leave nothing, per step


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
        check_number("Ensemble", "k", k, positive, "the strength of the synapses, above 0")
        _, targets, p, k = arrays(targets, probabilities, k)
        if J0 is None:
            return cls(gram(targets), p, 0 * p, 0 * p[0])
        if not isinstance(J0, Tracer) and np.any(np.diagonal(np.asarray(J0)) != 0):
            raise ValueError("Ensemble(J0): its diagonal is not zero, and D leaves it out; set it to 0")
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
    """1 / tau' of the flow; of Euler's steps of length dt, which leave 1 - dt/tau' each, `-log(1 - dt/tau') / dt`.

    Steps of tau' itself leave nothing, and the rate is 1e7 / dt, for infinity times no time would be no number.
    """
    check_time("rate", "tau_J", tau_J, "a positive time, or infinity for frozen synapses")
    if dt is None:
        return 1 / tau_J
    check_number("rate", "dt", dt, positive, "a positive time step, or None for the flow")
    check_number("rate", "dt / tau_J", dt / tau_J, fraction, "a step dt > 0 that is no longer than tau_J")
    xp, share = arrays(dt / tau_J)
    return xp.where(share < 1, -xp.log1p(-xp.where(share < 1, share, 0.0)), AT_ONCE) / dt


def fading(tau_J: Any, tau_h: Any = 1.0, dt: Any = None) -> Fading:
    """Averages for synapses of time constant tau', patterns that last tau_h (a number or `Redraws`), Euler's steps of dt or the flow."""
    redraws, speed = as_redraws(tau_h), rate(tau_J, dt)
    redraws.check()
    order = ((1, 0), (2, 0), (4, 0), (1, 1), (0, 2), (2, 2), (1, 3), (0, 4))
    return Fading(*(redraws.moment(r, s, speed) for r, s in order))


def power(x: Any, n: Any) -> Any:
    """x^n for x in [0, 1], its limit where n is infinite; differentiable in x there, too."""
    xp, x, n = arrays(x, n)
    endless = xp.isinf(n)
    return xp.where(endless, xp.where(x < 1, 0.0, 1.0), x ** xp.where(endless, 1.0, n))


def grown(x: Any, y: Any, n: Any) -> Any:
    """`sum_(t < n) x^(n-1-t) y^t`: what a recursion with factor x has made of inputs y^t.

    Where x = y = 1 without an end, 0: J is frozen, and there are no inputs.
    """
    xp, x, y, n = arrays(x, y, n)
    same = x == y
    level = xp.where(n == 0, 0.0, xp.where(xp.isinf(n), 0.0, n) * power(x, xp.where(n == 0, 0.0, n - 1)))
    return xp.where(same, level, (power(x, n) - power(y, n)) / xp.where(same, 1.0, x - y))


def sums(a: Any, r: int, n: Any = np.inf) -> Any:
    """`S_r(n) = (1 - a)^r (1 - a^(r n)) / (1 - a^r)`, r-th powers of the weights of the last n patterns; S_2(inf) = tanh(T / 2 tau')."""
    return (1 - a) ** r * grown(1.0, a**r, n)
