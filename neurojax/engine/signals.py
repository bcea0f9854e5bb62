"""External input: a number, an array of samples, or a function of time, read the same way by every model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from neurojax.engine.checks import check_count, check_number, positive
from neurojax.engine.types import Arrays


class Signal(eqx.Module):
    """A function of time with parameters that can be swept and differentiated."""

    def check(self) -> None:
        """Raise `ValueError` for concrete parameters that make no sense; a model calls it from its own `check`."""

    def __call__(self, time: Float[ArrayLike, ""]) -> Real[Array, "*s"]:
        """Value at `time`."""
        raise NotImplementedError


class Ramp(Signal):
    """Linear from `start` to `stop` between the times `begin` and `end`, constant outside."""

    start: Any
    stop: Any
    begin: Any = 0.0
    end: Any = 1.0

    def check(self):
        """The ramp needs a length."""
        ends = (self.begin, self.end)
        if not any(isinstance(value, Tracer) for value in ends) and not np.all(np.asarray(self.begin) < np.asarray(self.end)):
            raise ValueError(f"Ramp(begin={self.begin!r}, end={self.end!r}): begin must lie before end")

    def __call__(self, time: Float[ArrayLike, ""]) -> Real[Array, "*s"]:
        """Value at `time`."""
        part = jnp.clip((time - self.begin) / (self.end - self.begin), 0.0, 1.0)
        return self.start + (self.stop - self.start) * part


class Sinusoid(Signal):
    """`mean + amplitude sin(2 pi time / period + phase)`; the seed notebook's coupling is `Sinusoid(0.5, 0.5, period=T)`."""

    mean: Any
    amplitude: Any
    period: Any
    phase: Any = 0.0

    def check(self):
        """The period is no zero."""
        if not isinstance(self.period, Tracer) and np.any(np.asarray(self.period) == 0):
            raise ValueError(f"Sinusoid(period={self.period!r}): a period must not be 0")

    def __call__(self, time: Float[ArrayLike, ""]) -> Real[Array, "*s"]:
        """Value at `time`."""
        return self.mean + self.amplitude * jnp.sin(2 * np.pi * time / self.period + self.phase)


class Sampled(Signal):
    """Samples every `dt` along the leading axis, held constant between them ("hold") or joined by lines ("linear").

    Before the first and after the last sample the nearest one holds.
    """

    values: Any
    dt: float
    kind: str = eqx.field(static=True, default="hold")

    def __check_init__(self):
        if self.kind not in ("hold", "linear"):
            raise ValueError(f"Sampled(kind={self.kind!r}): kind must be 'hold' or 'linear'")
        if np.ndim(self.values) < 1 or np.shape(self.values)[0] < 1:
            raise ValueError(f"Sampled(values): needs at least one sample along the first axis, got shape {np.shape(self.values)}")
        check_number("Sampled", "dt", self.dt, positive, "a positive time from sample to sample")

    def check(self):
        """The samples are numbers."""
        check_number("Sampled", "values", self.values, np.isfinite, "finite numbers", shapes=None)

    def __call__(self, time: Float[ArrayLike, ""]) -> Real[Array, "*s"]:
        """Value at `time`."""
        values = jnp.asarray(self.values)
        # A tenth of a sample's rounding keeps time = k dt on sample k in float32.
        place = time / self.dt + 1e-3 * (self.kind == "hold")
        left = jnp.clip(jnp.floor(place), 0, values.shape[0] - 1)
        here = jnp.take(values, left.astype(jnp.int32), axis=0)
        if self.kind == "hold":
            return here
        right = jnp.take(values, jnp.clip(left + 1, 0, values.shape[0] - 1).astype(jnp.int32), axis=0)
        return here + (right - here) * jnp.clip(place - left, 0.0, 1.0)


def at(signal: Any, time: Float[ArrayLike, ""]) -> Real[Arrays, "*s"] | float:
    """Value of an input at `time`: a function or `Signal` is called, anything else is constant."""
    return signal(time) if isinstance(signal, Callable) else signal


class History(eqx.Module):
    """The values of something over the last steps, for delays: a ring whose head is `step mod length`.

    `push(n, value)` stores the value of step n (in a flow: `settle` pushes the new state at `clock.step + 1`); `read(n, lag)` gives
    that of step n - lag, for 0 <= lag <= longest; before the run began, the initial value.
    """

    ring: Array

    @classmethod
    def filled(cls, value: Array, longest: int) -> History:
        """A history in which `value` has always held, for lags of up to `longest` steps."""
        check_count("History", "longest", longest, "a delay is a whole number of steps, at least 1; use a larger delay or a smaller dt")
        return cls(jnp.broadcast_to(value, (longest + 1, *jnp.shape(value))))

    def push(self, step, value: Array) -> History:
        """Store the value of step `step`."""
        return History(jax.lax.dynamic_update_index_in_dim(self.ring, value, step % self.ring.shape[0], 0))

    def read(self, step, lag) -> Array:
        """Value `lag` steps before `step`."""
        return jnp.take(self.ring, (step - lag) % self.ring.shape[0], axis=0)
