"""A block of steps between two visits of the host: all of them, or as many as it takes until the lanes are done.

The state of a lane that is done stays, so that what is left for it is to take its records down to the block's end, which costs no steps.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
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
    context, seldom = _parted(context, at.carry.state)

    def goes(at: Loop, reached: Any) -> Any:
        return True if going is None else going(at.carry) | (reached == context.wake)

    def walk(low, high, body: Callable, now: tuple[Loop, Any]) -> tuple[Loop, Any]:
        if going is None:
            return lax.fori_loop(low, high, body, now)
        held = (jnp.asarray(low, jnp.int32), now)
        return lax.while_loop(lambda held: (held[0] < high) & goes(*held[1]), lambda held: (held[0] + 1, body(*held)), held)[1]

    def steps(low, high, drawn: PyTree, now):
        def one(step, now):
            return tick(context, start, step, now[0]._replace(drawn=drawn))._replace(drawn=None), step + 1

        return walk(low, high, one, now)

    def pair(low, high, number, now):
        # Steps 2k and 2k + 1 share a block of draws. A loop within the loop, rather than a cond at each step, lets the compiler
        # keep the block where it is: with paired noise a step costs half.
        drawn = draw_both(context.system.draws(), context.keys, number, context.dt.dtype)
        return steps(jnp.maximum(low, 2 * number), jnp.minimum(high, 2 * number + 2), drawn, now)

    def to_look(low, high, number, now):
        first, look = jnp.maximum(low, LOOK * number), jnp.minimum(stop, LOOK * number + LOOK)
        end = jnp.minimum(high, look)
        if jax.tree.leaves(empty):
            at, reached = walk(first // 2, (end + 1) // 2, partial(pair, first, end), now)
        else:
            at, reached = steps(first, end, empty, now)
        since, begun = at.carry.since, jnp.maximum(start, LOOK * number)
        unsound = (since == NEVER) & ~finite(at.carry.state)
        if seldom is not None:  # where a record is taken nobody looks
            unsound &= (end == look) | (reached < end)
        return at._replace(carry=at.carry._replace(since=jnp.where(unsound, begun, since))), reached

    def to_note(seldom: Context, now):
        at, low = now
        shown = look(context.system, at.carry.state, clock_at(low, context.dt), *_shown(context, at.carry.state))
        kept, traces = note(seldom, start, shown, at.carry.kept, at.traces)
        at = at._replace(carry=at.carry._replace(kept=kept), traces=traces)
        high = _next(seldom, low, stop)
        return walk(low // LOOK, (high + LOOK - 1) // LOOK, partial(to_look, low, high), (at, low))

    now = at, jnp.asarray(low, jnp.int32)
    if seldom is None:
        return walk(low // LOOK, (stop + LOOK - 1) // LOOK, partial(to_look, low, stop), now)
    return lax.while_loop(lambda now: (now[1] < stop) & goes(*now), partial(to_note, seldom), now)


def _parted(context: Context, state: PyTree) -> tuple[Context, Context | None]:
    """The context with the records that are taken within a step, and with those that are taken between the steps, if there are any.

    Within a step a record is a cond, past which XLA copies what it reads of the state and the step then changes, at every step. A record
    that is seldom taken and does not look at what a step draws or shows can do without.
    """
    settings = context.settings
    rare = [] if settings.guarded else [name for name, one in settings.records if one.every >= LOOK or (settings.brief and one.latest)]
    if not rare:
        return context, None

    def only(names: Collection[str]) -> Context:
        return context._replace(settings=settings._replace(records=tuple((name, one) for name, one in settings.records if name in names)))

    seen = _depends(only(rare), state)
    rare = [name for name in rare if not seen[name]]
    if not rare:
        return context, None
    return only([name for name, _ in settings.records if name not in rare]), only(rare)


def _next(context: Context, step: Any, stop: Any) -> Any:
    """The next step after this one at which a record is taken, or `stop`."""
    found = stop
    for name, record in context.settings.records:
        low, high = context.bounds[name]
        taken = -(-jnp.maximum(step + 1, low) // record.every) * record.every
        found = jnp.where(taken < high, jnp.minimum(taken, found), found)
    return found


def goes_on(context: Context, carry: Carry) -> Bool[Array, ""]:
    """Whether a lane has to go on: it is not done, and not known to be bad."""
    return ~jnp.asarray(context.system.done(carry.state)) & (carry.since == NEVER) & (carry.bad == NEVER)


def rests(context: Context, state: PyTree) -> bool:
    """Whether a lane that is done can be left: it may ever be, and no record looks at what a step draws or shows."""
    if context.settings.guarded or not ends(context.system, state):
        return False
    return not any(_depends(context, state).values())


def _depends(context: Context, state: PyTree) -> dict[str, bool]:
    """Which records look at what a step draws or shows."""
    begun = clock_at(jnp.asarray(0, jnp.int32), context.dt)
    seen = moving(lambda drawn, aux: _values(context, state, begun, drawn, aux), *_shown(context, state))
    return {name: any(jax.tree.leaves(one)) for name, one in seen.items()}


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
