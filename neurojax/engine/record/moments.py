"""Means, variances, extremes, counts: records whose carry does not grow with time."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from neurojax.engine.record.base import Record, compensated, inexact, zeros


@dataclasses.dataclass(frozen=True)
class Mean(Record):
    """Time mean of the measure; NaN where nothing was watched."""

    def start(self, value, dt):
        """Sum, its compensation, count."""
        value = inexact(value)
        return zeros(value), zeros(value), jnp.asarray(0)

    def update(self, carry, value, clock):
        """Add one value."""
        total, rest, count = carry
        return *compensated(total, rest, inexact(value)), count + 1

    def finish(self, carry):
        """Sum over count."""
        total, _, count = carry
        return jax.tree.map(lambda t: t / count, total)


@dataclasses.dataclass(frozen=True)
class Variance(Record):
    """Time variance of the measure (mean square deviation, divisor n), accumulated about the first value."""

    def start(self, value, dt):
        """First value, sums of deviations and of their squares with compensations, count."""
        value = inexact(value)
        return (zeros(value),) * 5, jnp.asarray(0)

    def update(self, carry, value, clock):
        """Add one value."""
        (first, total, rest, squares, left), count = carry
        value = inexact(value)
        first = jax.tree.map(lambda f, v: jnp.where(count == 0, v, f), first, value)
        deviation = jax.tree.map(jnp.subtract, value, first)
        total, rest = compensated(total, rest, deviation)
        squares, left = compensated(squares, left, jax.tree.map(jnp.square, deviation))
        return (first, total, rest, squares, left), count + 1

    def finish(self, carry):
        """Mean square minus squared mean."""
        (_, total, _, squares, _), count = carry
        return jax.tree.map(lambda t, s: s / count - jnp.square(t / count), total, squares)


@dataclasses.dataclass(frozen=True)
class Minimum(Record):
    """Smallest value watched, elementwise; infinity where nothing was watched."""

    def start(self, value, dt):
        """Infinity."""
        return jax.tree.map(lambda v: jnp.full_like(v, jnp.inf), inexact(value))

    def update(self, carry, value, clock):
        """The smaller one."""
        return jax.tree.map(jnp.minimum, carry, inexact(value))


@dataclasses.dataclass(frozen=True)
class Maximum(Record):
    """Largest value watched, elementwise; minus infinity where nothing was watched."""

    def start(self, value, dt):
        """Minus infinity."""
        return jax.tree.map(lambda v: jnp.full_like(v, -jnp.inf), inexact(value))

    def update(self, carry, value, clock):
        """The larger one."""
        return jax.tree.map(jnp.maximum, carry, inexact(value))


@dataclasses.dataclass(frozen=True)
class Last(Record):
    """The last value watched; zero where nothing was watched."""

    latest = True

    def start(self, value, dt):
        """Zero."""
        return value

    def update(self, carry, value, clock):
        """The newer one."""
        return value


@dataclasses.dataclass(frozen=True)
class Histogram(Record):
    """Counts of all components of the measure in `bins` equal bins over `range`; values outside are left out.

    Result: int32, shape (bins,). `edges` gives the bin edges.
    """

    bins: int = 50
    range: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self):
        super().__post_init__()
        if self.bins < 1:
            raise ValueError(f"Histogram(bins={self.bins!r}): at least one bin is needed")
        low, high = self.range
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise ValueError(f"Histogram(range={self.range!r}): give (low, high) with low < high, both finite")

    def axis(self, dt):
        """Bin centres."""
        return "bin", (self.edges[1:] + self.edges[:-1]) / 2

    @property
    def edges(self) -> np.ndarray:
        """Bin edges, shape (bins + 1,)."""
        return np.linspace(*self.range, self.bins + 1)

    def start(self, value, dt):
        """No counts."""
        return jnp.zeros(self.bins, jnp.int32)

    def update(self, carry, value, clock):
        """Count the components."""
        low, high = self.range
        flat = jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(value)])
        place = jnp.floor((flat - low) * (self.bins / (high - low)))
        inside = (place >= 0) & ((place < self.bins) | (flat == high))
        return carry.at[jnp.clip(place, 0, self.bins - 1).astype(jnp.int32)].add(inside.astype(jnp.int32))


@dataclasses.dataclass(frozen=True)
class First(Record):
    """First time at which the measure, a condition, is true and stays true for `hold` (time units); infinity if never.

    Watched at the record's own grain: `every` steps.
    """

    hold: float = 0.0

    def __post_init__(self):
        super().__post_init__()
        if not self.hold >= 0:
            raise ValueError(f"First(hold={self.hold!r}): hold is a time of at least 0")

    def start(self, value, dt):
        """Found at, candidate since."""
        never = jax.tree.map(lambda v: jnp.full(v.shape, jnp.inf, jnp.result_type(float)), value)
        return never, never

    def update(self, carry, value, clock):
        """Follow the candidate while the condition holds."""
        time, slack = clock.time, 1e-3 * clock.dt

        def one(found, since, met):
            since = jnp.where(met, jnp.minimum(since, time), jnp.inf)
            return jnp.where(jnp.isinf(found) & (time - since >= self.hold - slack), since, found), since

        pairs = jax.tree.map(one, *carry, value)
        return jax.tree.transpose(jax.tree.structure(value), jax.tree.structure((0, 0)), pairs)

    def finish(self, carry):
        """The time found."""
        return carry[0]
