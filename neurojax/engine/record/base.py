"""What a run keeps: reducers over a measure of the view, folded in as the run goes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from neurojax.engine.checks import check_count
from neurojax.engine.paths import get, resolve
from neurojax.engine.system import Clock, View

Measure = Callable[[View], PyTree]


@dataclasses.dataclass(frozen=True)
class Record:
    """A reducer of `measure(view)`, taken before every step that it watches. Frozen and hashable: equal records share one compilation.

    Arguments:
        measure: function of the `View` (system, state, clock, drawn, aux) that returns an array or a pytree of arrays. Name it
            once: a fresh lambda for each call compiles again.
        every: watch only steps that are multiples of this (steps, >= 1).
        warmup: leave out the first `warmup` (time units, >= 0) of the run, or of `phase`.
        of: name of a part of a nested system (a path, or a unique end of one); the view then shows that part, and the part of the
            state at the same path.
        phase: watch only this phase of the run's `Schedule`.

    A record of one's own subclasses this and gives `start`, `update`, `finish`.
    """

    latest: ClassVar[bool] = False  # whether nothing but the last value counts, so that others need not be taken
    measure: Measure
    every: int = dataclasses.field(default=1, kw_only=True)
    warmup: float = dataclasses.field(default=0.0, kw_only=True)
    of: str | None = dataclasses.field(default=None, kw_only=True)
    phase: str | None = dataclasses.field(default=None, kw_only=True)

    def __post_init__(self):
        name = type(self).__name__
        if not callable(self.measure):
            raise TypeError(f"{name}(measure={self.measure!r}): give a function of the view, for example nj.order_parameter")
        check_count(name, "every", self.every, "every counts steps, a whole number of at least 1")
        if not math.isfinite(self.warmup) or self.warmup < 0:
            raise ValueError(f"{name}(warmup={self.warmup!r}): warmup is a time of at least 0")

    def see(self, view: View) -> PyTree:
        """The measure of the view, or of the part `of` it."""
        if self.of is not None:
            path = resolve(view.system, self.of)
            view = view._replace(system=get(view.system, path), state=get(view.state, path))
        return self.measure(view)

    def start(self, value: PyTree, dt: Any) -> PyTree:
        """Carry before the first value; `value` is zeros of the measure's shape."""
        raise NotImplementedError

    def update(self, carry: PyTree, value: PyTree, clock: Clock) -> PyTree:
        """Carry with one more value."""
        raise NotImplementedError

    def finish(self, carry: PyTree) -> PyTree:
        """The result."""
        return carry

    def axis(self, dt: float) -> tuple[str, np.ndarray] | None:
        """Name and coordinates of the result's first axis, where it has one of its own."""
        return None


def compensated(total: PyTree, rest: PyTree, value: PyTree) -> tuple[PyTree, PyTree]:
    """Kahan sum: float32 totals stay exact to rounding over 10^7 steps."""

    def one(t, r, v):
        term = v - r
        new = t + term
        return new, (new - t) - term

    pairs = jax.tree.map(one, total, rest, value)
    return jax.tree.transpose(jax.tree.structure(total), jax.tree.structure((0, 0)), pairs)


def inexact(value: PyTree) -> PyTree:
    """Values as floats (a mean of counts is a float)."""
    return jax.tree.map(lambda v: v if jnp.issubdtype(v.dtype, jnp.inexact) else v.astype(jnp.result_type(float)), value)


def zeros(value: PyTree) -> PyTree:
    """Zeros like a value."""
    return jax.tree.map(jnp.zeros_like, value)
