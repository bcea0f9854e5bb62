"""A block of steps between two visits of the host: all of them, or as many as it takes until the lanes are done.

The state of a lane that is done stays, so that what is left for it is to take its records down to the block's end, which costs no steps.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Int, PyTree, Scalar

from neurojax.engine.compile import moving
from neurojax.engine.loop import LOOK, NEVER, NOTES, Carry, Context, Loop, Notes, clock_at, ends, enter, look, make, note, tick
from neurojax.engine.numerics import finite, where
from neurojax.engine.random import draw_both, draw_empty
from neurojax.engine.record import Record
from neurojax.engine.system import View

Going = Callable[[Carry], Bool[Array, ""]]  # whether the lanes that run together have to go on


def block(
    context: Context, carry: Carry, start: Int[Scalar, ""], stop: Int[Scalar, ""], room: dict[str, int]
) -> tuple[Carry, dict[str, PyTree]]:
    """Advance one lane from `start` to `stop`, both dynamic: the carry, and the traces' samples.

    A lane that went bad in an earlier block stays as it was.
    """
    resting = rests(context, carry.state)
    context = narrowed(context, start, stop)
    at, reached = advanced(context, entered(context, carry, room), start, start, stop, partial(goes_on, context) if resting else None)
    return left(context, carry, rested(context, at, start, reached, stop) if resting else at)


def narrowed(context: Context, start: Any, stop: Any) -> Context:
    """The context within a block: of a record of which the last value counts only the last is taken."""
    if context.settings.guarded:  # the lane may break before
        return context
    bounds = dict(context.bounds)
    for name, record in context.settings.records:
        if record.latest:
            low, high = bounds[name]
            last = (jnp.minimum(stop, high) - 1) // record.every * record.every
            bounds[name] = (jnp.maximum(jnp.maximum(low, start), last), last + 1)
    return context._replace(settings=context.settings._replace(brief=True), bounds=bounds)


def entered(context: Context, carry: Carry, room: dict[str, int]) -> Loop:
    """A lane at the beginning of a block."""
    fresh = carry if context.settings.guarded else carry._replace(since=jnp.full_like(carry.since, NEVER))
    return enter(context, fresh, room)._replace(drawn=None)


def left(context: Context, old: Carry, at: Loop) -> tuple[Carry, dict[str, PyTree]]:
    """The carry and the traces' samples at the end of a block."""
    new = at.carry
    return (new if context.settings.guarded else where(old.bad == NEVER, new, old)), at.traces


def advanced(context: Context, at: Loop, start: Any, low: Any, stop: Any, going: Going | None) -> tuple[Loop, Int[Scalar, ""]]:
    """One lane from `low` to `stop`, or until nothing is going on: where it is, and the step reached. `start`: where its block began."""
    empty = draw_empty(context.system.draws(), context.dt.dtype)

    def walk(low, high, body: Callable, now: tuple[Loop, Any]) -> tuple[Loop, Any]:
        if going is None:
            return lax.fori_loop(low, high, body, now)

        def on(held, going=going):
            at, reached = held[1]
            return (held[0] < high) & (going(at.carry) | (reached == context.wake))

        return lax.while_loop(on, lambda held: (held[0] + 1, body(*held)), (jnp.asarray(low, jnp.int32), now))[1]

    def steps(low, high, drawn: PyTree, now):
        def one(step, now):
            return tick(context, start, step, now[0]._replace(drawn=drawn))._replace(drawn=None), step + 1

        return walk(low, high, one, now)

    def pair(number, now):
        # Steps 2k and 2k + 1 share a block of draws. A loop within the loop, rather than a cond at each step, lets the compiler
        # keep the block where it is: with paired noise a step costs half.
        drawn = draw_both(context.system.draws(), context.keys, number, context.dt.dtype)
        return steps(jnp.maximum(low, 2 * number), jnp.minimum(stop, 2 * number + 2), drawn, now)

    def to_look(number, now):
        first, end = jnp.maximum(low, LOOK * number), jnp.minimum(stop, LOOK * number + LOOK)
        at, reached = walk(first // 2, (end + 1) // 2, pair, now) if jax.tree.leaves(empty) else steps(first, end, empty, now)
        since, begun = at.carry.since, jnp.maximum(start, LOOK * number)
        since = jnp.where((since == NEVER) & ~finite(at.carry.state), begun, since)
        return at._replace(carry=at.carry._replace(since=since)), reached

    return walk(low // LOOK, (stop + LOOK - 1) // LOOK, to_look, (at, jnp.asarray(low, jnp.int32)))


def goes_on(context: Context, carry: Carry) -> Bool[Array, ""]:
    """Whether a lane has to go on: it is not done, and not known to be bad."""
    return ~jnp.asarray(context.system.done(carry.state)) & (carry.since == NEVER) & (carry.bad == NEVER)


def rests(context: Context, state: PyTree) -> bool:
    """Whether a lane that is done can be left: it may ever be, and no record looks at what a step draws or shows."""
    if context.settings.guarded or not ends(context.system, state):
        return False
    seen = moving(
        lambda drawn, aux: _values(context, state, clock_at(jnp.asarray(0, jnp.int32), context.dt), drawn, aux), *_shown(context, state)
    )
    return not any(jax.tree.leaves(seen))


def rested(context: Context, at: Loop, start: Any, low: Any, stop: Any) -> Loop:
    """Records and traces of a lane that is done, taken down for the steps from `low` to `stop`."""
    settings, state, shown = context.settings, at.carry.state, _shown(context, at.carry.state)

    def taken(records: Any, notes: Notes, step: Any, kept: PyTree, traces: PyTree) -> tuple[PyTree, PyTree]:
        some = context._replace(settings=settings._replace(records=tuple(records)))
        return note(some, start, look(context.system, state, clock_at(step, context.dt), *shown), kept, traces, notes)

    kept, traces = at.carry.kept, at.traces
    for name, record in settings.records:
        if record.latest:
            once = partial(taken, [(name, record)], NOTES, context.bounds[name][1] - 1, traces={})
            kept = lax.cond(context.bounds[name][1] > low, lambda kept, once=once: once(kept)[0], lambda kept: kept, kept)
    if others := [(name, record) for name, record in settings.records if not record.latest]:
        begun = clock_at(jnp.asarray(low, jnp.int32), context.dt)
        timed = moving(lambda clock: _values(context, state, clock, *shown), begun)
        now = _values(context, state, begun, *shown)
        known = Known({record: now[name] for name, record in others if not any(jax.tree.leaves(timed[name]))})
        kept, traces = lax.fori_loop(low, stop, lambda step, now: taken(others, known, step, *now), (kept, traces))
    return at._replace(carry=at.carry._replace(kept=kept), traces=traces)


class Known(Notes):
    """The notes of a state that stays: the values of measures that do not change with time are known."""

    def __init__(self, values: dict[Record, PyTree]):
        self.values = values

    def see(self, record: Record, view: View) -> PyTree:
        """What is known, or the measure's value."""
        return self.values[record] if record in self.values else record.see(view)


def _shown(context: Context, state: PyTree) -> tuple[PyTree, PyTree]:
    """Zeros in place of what a step draws and shows."""
    system, dt = context.system, context.dt
    drawn = jax.tree.map(lambda pair: pair[0], draw_empty(system.draws(), dt.dtype))
    aux = jax.eval_shape(lambda: make(system, state, clock_at(jnp.asarray(0, jnp.int32), dt), drawn)[1])
    return drawn, jax.tree.map(lambda shape: jnp.zeros(shape.shape, shape.dtype), aux)


def _values(context: Context, state: PyTree, clock: Any, drawn: PyTree, aux: PyTree) -> dict[str, PyTree]:
    view = look(context.system, state, clock, drawn, aux)
    return {name: jax.tree.map(jnp.asarray, record.see(view)) for name, record in context.settings.records}
