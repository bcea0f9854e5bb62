"""How long a pattern is shown before the next is drawn."""

from __future__ import annotations

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from neurojax.engine.checks import check_count, check_number, positive

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)
NODES, WEIGHTS = 0.5 * (_NODES + 1), 0.5 * _WEIGHTS  # of the interval (0, 1)


def check_time(owner: str, name: str, value: Any, mend: str = "a positive time, or infinity") -> None:
    """Raise unless a value is a positive number or infinity; traced values pass."""
    number = isinstance(value, int | float | np.number | np.ndarray | jax.Array) and not isinstance(value, Tracer)
    if not (number and np.ndim(value) == 0 and float(value) == np.inf):
        check_number(owner, name, value, positive, mend)


class Redraws(eqx.Module):
    """A distribution of the time T for which a pattern is shown, independent from one to the next.

    One of one's own subclasses this and gives `quantile`, and `average` where quadrature over it is not exact enough.
    """

    def quantile(self, uniform: Float[ArrayLike, ""]) -> Float[Array, ""]:
        """T at a number drawn uniformly from (0, 1): the inverse of its cumulative distribution."""
        raise NotImplementedError(f"{type(self).__name__} must define quantile(self, uniform)")

    def average(self) -> Any:
        """E T."""
        return self._quadrature(lambda time: time)

    def moment(self, r: int, s: int, rate: Any) -> Any:
        """E[a^r (1 - a)^s] of what is left of J after a redraw's time, `a = exp(-rate T)`. For r, s >= 0, rate >= 0."""
        return self._quadrature(lambda time: jnp.exp(-r * rate * time) * (-jnp.expm1(-rate * time)) ** s, rate)

    def _quadrature(self, function: Any, rate: Any = None) -> Any:
        """The mean of a function of T; a number on the host, traceable where the rate or a parameter is a JAX array."""

        def mean():
            like = jnp.result_type(float)
            return jnp.asarray(WEIGHTS, like) @ function(jax.vmap(self.quantile)(jnp.asarray(NODES, like)))

        if any(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves((rate, self))):
            return mean()
        with jax.enable_x64(True):
            return float(mean())

    def check(self) -> None:
        """Raise `ValueError` for concrete parameters that make no sense."""


class Periodic(Redraws):
    """Always the same time. period: > 0, or infinity: one pattern for ever."""

    period: Any = 1.0

    def check(self):
        """The period is positive."""
        check_time("Periodic", "period", self.period, "a positive time, or infinity for one pattern for ever")

    def quantile(self, uniform):
        """The period."""
        return jnp.asarray(self.period, jnp.result_type(float))

    def average(self):
        """The period."""
        return self.period

    def moment(self, r, s, rate):
        """a^r (1 - a)^s."""
        exponent = -rate * self.period
        space: Any = jnp if isinstance(exponent, jax.Array) else np
        return space.exp(r * exponent) * (-space.expm1(exponent)) ** s


class RandomPeriod(Redraws):
    """A whole number of time units, `low` to `high - 1`, all equally likely: the seed's `tau_h: {min, max}` at steps of 1.

    low, high: whole numbers, 0 < low < high; static.
    """

    low: int = eqx.field(static=True, default=1)
    high: int = eqx.field(static=True, default=10)

    def __check_init__(self):
        for name in ("low", "high"):
            check_count("RandomPeriod", name, getattr(self, name))
        if self.low >= self.high:
            raise ValueError(f"RandomPeriod(low={self.low!r}, high={self.high!r}): low must be below high, which is left out itself")

    def quantile(self, uniform):
        """`floor(low + (high - low) u)`."""
        return jnp.minimum(jnp.floor(self.low + (self.high - self.low) * jnp.asarray(uniform)), self.high - 1.0)

    def average(self):
        """The middle."""
        return 0.5 * (self.low + self.high - 1)

    def moment(self, r, s, rate):
        """The mean over the values."""
        times = np.arange(self.low, self.high, dtype=float)
        space: Any = jnp if isinstance(rate, jax.Array) else np
        exponent = -rate * space.asarray(times, getattr(rate, "dtype", float))
        return space.mean(space.exp(r * exponent) * (-space.expm1(exponent)) ** s)


class Poisson(Redraws):
    """Redraws at a constant rate: exponentially distributed times. time: their mean, > 0."""

    time: Any = 1.0

    def check(self):
        """The mean is positive."""
        check_number("Poisson", "time", self.time, positive, "a positive mean time")

    def quantile(self, uniform):
        """`-time log(1 - u)`."""
        return -self.time * jnp.log1p(-jnp.asarray(uniform))

    def average(self):
        """The mean time."""
        return self.time

    def moment(self, r, s, rate):
        """`s! q / [(q + r) (q + r + 1) ... (q + r + s)]`, q = 1 / (rate time): a is distributed as a power of a uniform number."""
        # Multiplied through by (rate time)^(s + 1), so that a rate of 0 is a limit like any other.
        c = rate * self.time
        product = 1.0
        for j in range(s + 1):
            product = product * (1 + (r + j) * c)
        return math.factorial(s) * c**s / product


def as_redraws(value: Any) -> Redraws:
    """A distribution, or the one that a number stands for."""
    return value if isinstance(value, Redraws) else Periodic(value)
