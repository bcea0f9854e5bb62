"""Large deviations, kept as they happen: when, how far, and what the memory was like."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp

from neurojax.engine.checks import check_count
from neurojax.engine.record import Record
from neurojax.engine.record.base import Measure


@dataclasses.dataclass(frozen=True)
class Excursions(Record):
    """Events at which a scalar measure is further than `width` from `centre`, and at least `cooldown` after the last event.

    Arguments:
        measure: a scalar, such as `measures.deviation`, which counts in theory's standard deviations about theory's mean.
        centre, width: of what is no event. sign: 1 or -1 for events above or below only, 0 for both.
        cooldown: time from event to event, >= 0. most: events whose particulars are kept, the first; all are counted.
        snapshot: what is kept of each, such as `measures.couplings`, or None: `most` times its size in memory, and a pass over it at
            every step watched.

    Result: a dict of `count`, `time` (most,), `value` (most,) and `snapshot` (most, ...); NaN, or 0 of whole numbers, where there was none.
    """

    centre: float = 0.0
    width: float = 1.0
    sign: int = 0
    cooldown: float = 100.0
    most: int = 10
    snapshot: Measure | None = None

    def __post_init__(self):
        super().__post_init__()
        if not self.width >= 0:
            raise ValueError(f"Excursions(width={self.width!r}): a distance from the centre, at least 0")
        if self.sign not in (-1, 0, 1):
            raise ValueError(f"Excursions(sign={self.sign!r}): 1 for events above, -1 below, 0 for both")
        if not self.cooldown >= 0:
            raise ValueError(f"Excursions(cooldown={self.cooldown!r}): a time of at least 0")
        check_count("Excursions", "most", self.most, "a whole number of events to keep, at least 1")

    def see(self, view):
        """The measure and the snapshot."""
        found = {"value": super().see(view)}
        if self.snapshot is not None:
            found["snapshot"] = Record(self.snapshot, of=self.of).see(view)
        return found

    def start(self, value, dt):
        """No events."""
        if jnp.shape(value["value"]) != ():
            raise ValueError(f"Excursions(measure): gives an array of shape {jnp.shape(value['value'])}; give a measure of one number")

        def empty(leaf):
            blank = jnp.nan if jnp.issubdtype(leaf.dtype, jnp.inexact) else 0
            return jnp.full((self.most, *leaf.shape), blank, leaf.dtype)

        time = jnp.full((self.most,), jnp.nan, jnp.result_type(float))
        return {"count": jnp.asarray(0, jnp.int32), "time": time, **jax.tree.map(empty, value)}, jnp.full((), -jnp.inf, time.dtype)

    def update(self, carry, value, clock):
        """Keep what is an event."""
        kept, last = carry
        away = value["value"] - self.centre
        away = away * self.sign if self.sign else jnp.abs(away)
        hit = (away > self.width) & (clock.time - last >= self.cooldown)
        place, fits = jnp.minimum(kept["count"], self.most - 1), hit & (kept["count"] < self.most)
        rows = {name: kept[name] for name in ("time", *value)}
        new = {"time": clock.time, **value}

        def put(table, row):
            # One row, read and written: the table itself is not passed over.
            old = jax.lax.dynamic_index_in_dim(table, place, keepdims=False)
            return jax.lax.dynamic_update_index_in_dim(table, jnp.where(fits, row, old), place, 0)

        return {"count": kept["count"] + hit.astype(jnp.int32), **jax.tree.map(put, rows, new)}, jnp.where(hit, clock.time, last)

    def finish(self, carry):
        """The events."""
        return carry[0]
