"""What every controller has: an observation in, a command out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, PyTree, Real

from neurojax.engine.checks import check_number
from neurojax.engine.signals import Signal, at
from neurojax.engine.system import Clock, check_part
from neurojax.engine.types import Draws


class Controller(eqx.Module):
    """A law from what is seen of a model to a command: subclass and give `act`, and `init` where it remembers anything.

    A frozen pytree of parameters, like a `System`: swept, tuned and differentiated as a part of its `ClosedLoop`.
    """

    def check(self) -> None:
        """Raise `ValueError` for concrete parameter values that make no sense."""

    def realise(self, key):
        """Replace what is to be drawn by arrays. Nothing to draw: unchanged."""
        return self

    def draws(self) -> Draws:
        """The random numbers of one decision, by stream."""
        return {}

    def init(self, seen: Float[Array, "*d"]) -> PyTree:
        """Memory before the first decision; `seen` is the first observation."""
        return None

    def act(self, memory: PyTree, seen: Float[Array, "*d"], clock: Clock, drawn: PyTree) -> tuple[Float[Array, "*m"], PyTree]:
        """The command for what is seen, and the memory after it; `clock.dt` is the time from decision to decision."""
        raise NotImplementedError(f"{type(self).__name__} must define act(self, memory, seen, clock, drawn), which gives (command, memory)")


def fed(gain: Real[Any, "*g"], seen: Float[Array, "*d"]) -> Float[Array, "*m"]:
    """`gain` times what is seen: a number scales it, a vector gives one command, a matrix (commands, seen) several."""
    return gain * seen if jnp.ndim(gain) == 0 else jnp.matmul(gain, seen)


def limited(command: Float[Array, "*m"], low: Any, high: Any) -> Float[Array, "*m"]:
    """The command within its limits, None where there is none."""
    if low is not None:
        command = jnp.maximum(command, low)
    return command if high is None else jnp.minimum(command, high)


def wanted(target: Any, time: Any, seen: Float[Array, "*d"]) -> Float[Array, "*d"]:
    """The value of a target at a time, in the shape of what is seen."""
    return jnp.broadcast_to(jnp.asarray(at(target, time), seen.dtype), seen.shape)


def check_limits(owner: str, low: Any, high: Any) -> None:
    """Limits are None, or numbers with low < high."""
    for name, value in (("low", low), ("high", high)):
        if value is not None:
            check_number(owner, name, value, np.isfinite, "a finite number, or None for no limit")
    if low is not None and high is not None and not isinstance(low, Tracer) and not isinstance(high, Tracer) and not low < high:
        raise ValueError(f"{owner}(low={low!r}, high={high!r}): low must lie below high")


def check_target(owner: str, target: Any) -> None:
    """A target is a number, an array, a signal or a function of time."""
    if isinstance(target, Signal):
        check_part(target)
    elif not isinstance(target, Callable):
        check_number(owner, "target", target, np.isfinite, "finite numbers, a nj.Signal or a function of time", shapes=None)


def check_fits(owner: str, gain: Any, seen: Float[Array, "*d"]) -> None:
    """A gain that is no number must have a column for everything seen."""
    if jnp.ndim(gain) and (seen.ndim != 1 or jnp.shape(gain)[-1] != seen.shape[0]):
        raise ValueError(f"{owner}(gain): it has shape {jnp.shape(gain)}, but what is seen has {jax.typeof(seen).shape}; make them fit")
