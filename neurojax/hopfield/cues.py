"""What a memory starts from: a stored pattern, damaged in one way or another, or a random state."""

from __future__ import annotations

from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from neurojax.engine.checks import check_number, fraction, not_negative
from neurojax.engine.types import Arrays
from neurojax.hopfield.patterns import Code, chance, low_of, normal


class Cue(eqx.Module):
    """How an initial state is drawn."""

    def draw(self, key: PRNGKeyArray, patterns: Float[Arrays, "P n"], code: Code) -> Float[Array, " n"]:
        """The initial state of a memory of these patterns."""
        raise NotImplementedError(f"{type(self).__name__} must define draw(self, key, patterns, code)")

    def check(self) -> None:
        """Raise `ValueError` for concrete parameters that make no sense."""


class DamagedCue(Cue):
    """A stored pattern, damaged. which: its row, from 0; an axis over it gives every pattern its turn."""

    which: Any = eqx.field(default=0, kw_only=True)

    def check(self):
        """A row is a whole number."""
        check_number(type(self).__name__, "which", self.which, lambda x: (x >= 0) & (x == x.round()), "the row of a pattern, from 0")

    def draw(self, key, patterns, code):
        """The damaged pattern."""
        pattern = jnp.take(jnp.asarray(patterns), jnp.asarray(self.which).astype(jnp.int32), axis=0)
        return self.damage(key, pattern, low_of(code))

    def damage(self, key: PRNGKeyArray, pattern: Float[Array, " n"], low: float) -> Float[Array, " n"]:
        """What is left of a pattern whose lower state is `low`."""
        raise NotImplementedError(f"{type(self).__name__} must define damage(self, key, pattern, low)")


class Flips(DamagedCue):
    """A share of the units in the other state.

    Arguments:
        share: 0 to 1; the overlap is `1 - 2 share` in signs.
        exact: `round(share n)` units drawn without replacement; else each with probability `share`.
    """

    share: Any = 0.1
    exact: bool = eqx.field(static=True, default=False)

    def check(self):
        """share is a probability."""
        super().check()
        check_number("Flips", "share", self.share, fraction, "a share of the units from 0 to 1, for example 0.1")

    def damage(self, key, pattern, low):
        """The pattern with some units flipped."""
        return jnp.where(_chosen(key, pattern.shape[0], self.share, self.exact), (low + 1.0) - pattern, pattern)


class Occlusion(DamagedCue):
    """A stretch of consecutive units covered, of an image whole rows and parts of two.

    Arguments:
        share: of the units, 0 to 1; `round(share n)` of them.
        start: where the stretch begins, as a share of n; None draws it. It goes on from the first unit after the last.
        fill: what covers: "low" or "high" state, "zero", or "random" states.
    """

    share: Any = 0.5
    start: Any = None
    fill: Literal["low", "high", "zero", "random"] = eqx.field(static=True, default="low")

    def __check_init__(self):
        _check_fill(self, ("low", "high", "zero", "random"))

    def check(self):
        """Shares are from 0 to 1."""
        super().check()
        check_number("Occlusion", "share", self.share, fraction, "a share of the units from 0 to 1, for example 0.5")
        if self.start is not None:
            check_number("Occlusion", "start", self.start, fraction, "a place from 0 to 1, or None")

    def damage(self, key, pattern, low):
        """The pattern with a stretch covered."""
        where, what = jax.random.split(key)
        n = pattern.shape[0]
        start = jax.random.randint(where, (), 0, n) if self.start is None else jnp.floor(jnp.asarray(self.start) * n).astype(jnp.int32)
        covered = (jnp.arange(n) - start) % n < _count(self.share, n)
        return jnp.where(covered, _filling(what, self.fill, n, low), pattern)


class PartialCue(DamagedCue):
    """Some units as in the pattern, the others unknown.

    Arguments:
        share: that is known, 0 to 1. exact: `round(share n)` units; else each with probability `share`.
        fill: of the others: "zero", "random", "low" or "high".
    """

    share: Any = 0.5
    exact: bool = eqx.field(static=True, default=True)
    fill: Literal["low", "high", "zero", "random"] = eqx.field(static=True, default="zero")

    def __check_init__(self):
        _check_fill(self, ("low", "high", "zero", "random"))

    def check(self):
        """share is a probability."""
        super().check()
        check_number("PartialCue", "share", self.share, fraction, "a share of the units from 0 to 1, for example 0.5")

    def damage(self, key, pattern, low):
        """The known units, and a filling."""
        who, what = jax.random.split(key)
        n = pattern.shape[0]
        return jnp.where(_chosen(who, n, self.share, self.exact), pattern, _filling(what, self.fill, n, low))


class GaussianCue(DamagedCue):
    """Gaussian noise added, and the outcome taken to the nearer of the two states unless `graded`.

    A unit of signs is wrong with probability erfc(1 / (sqrt(2) deviation)) / 2.

    Arguments:
        deviation: of the noise, >= 0, in units of the states.
        graded: keep the sums as they are, for continuous memories.
    """

    deviation: Any = 0.5
    graded: bool = eqx.field(static=True, default=False)

    def check(self):
        """A deviation is not negative."""
        super().check()
        check_number("GaussianCue", "deviation", self.deviation, not_negative, "a deviation of at least 0, for example 0.5")

    def damage(self, key, pattern, low):
        """The noisy pattern."""
        noisy = pattern + self.deviation * normal(key, pattern.shape)
        return noisy if self.graded else jnp.where(noisy > 0.5 * (1 + low), 1.0, low).astype(pattern.dtype)


class RandomCue(Cue):
    """A random state, unlike any pattern. activity: probability of the upper state, 0 to 1."""

    activity: Any = 0.5

    def check(self):
        """activity is a probability."""
        check_number("RandomCue", "activity", self.activity, fraction, "a probability from 0 to 1, for example 0.5")

    def draw(self, key, patterns, code):
        """The state."""
        n = jnp.shape(patterns)[1]
        return jnp.where(chance(key, self.activity, (n,)), 1.0, low_of(code)).astype(jnp.asarray(patterns).dtype)


def _count(share: Any, n: int) -> Any:
    return jnp.round(jnp.asarray(share) * n).astype(jnp.int32)


def _chosen(key: PRNGKeyArray, n: int, share: Any, exact: bool) -> Bool[Array, " n"]:
    uniform = jax.random.uniform(key, (n,), jnp.float32)
    return jnp.argsort(jnp.argsort(uniform)).astype(jnp.int32) < _count(share, n) if exact else uniform < jnp.asarray(share, jnp.float32)


def _filling(key: PRNGKeyArray, fill: str, n: int, low: float) -> Float[Array, " n"]:
    if fill == "random":
        return jnp.where(chance(key, 0.5, (n,)), 1.0, low)
    return jnp.full((n,), {"low": low, "high": 1.0, "zero": 0.0}[fill])


def _check_fill(cue: Any, known: tuple[str, ...]) -> None:
    if cue.fill not in known:
        raise ValueError(f"{type(cue).__name__}(fill={cue.fill!r}): choose one of {', '.join(map(repr, known))}")
