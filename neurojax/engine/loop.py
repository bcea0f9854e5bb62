"""The one simulation loop: a tick, run by a dynamic loop between host visits, or by nested checkpointed scans inside a trace."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Int, PyTree, Scalar

from neurojax.engine.checks import check_count
from neurojax.engine.compile import Needs, needs
from neurojax.engine.integrators import Integrated
from neurojax.engine.numerics import finite, is_key, where
from neurojax.engine.random import check_draws, draw_both, draw_empty
from neurojax.engine.record import Record, Trace
from neurojax.engine.system import Clock, Model, Step, System, View

NEVER = -1  # first bad step of a lane that has none
LOOK = 32  # steps between looks for values that are not finite: at its multiples, and where the host sees a block end


Bounds = dict[str, Any]  # steps [begin, end) that each record watches, by name


class Carry(NamedTuple):
    """What a lane hands from block to block: the state, the records' carries by name, the first bad step.

    since: after a block, the first step of the stretch at whose end the state was not finite, NEVER if there is none; before a guarded
    one, the step from which to look.
    """

    state: PyTree
    kept: dict[str, PyTree]
    bad: Int[Array, ""]
    since: Int[Array, ""]


class Settings(NamedTuple):
    """The static part of a compiled block."""

    records: tuple[tuple[str, Record], ...]
    guarded: bool = False  # look for non-finite values at every step and freeze, or leave it to the looks
    brief: bool = False  # bounds of a record of which only the last value counts are those of one step
    invariant: Callable[[View], Any] | None = None  # what must hold after every step, beside that the state is finite

    @property
    def traces(self) -> dict[str, Trace]:
        """The records that the engine keeps sample by sample."""
        return {name: record for name, record in self.records if isinstance(record, Trace)}


class Context(NamedTuple):
    """What does not change while a lane runs. wake: the step at which a phase changes the system, so that lanes that are done go on; NEVER
    if it does not."""

    system: System
    settings: Settings
    keys: PyTree
    dt: Array
    bounds: Bounds
    wake: Any = NEVER


def model_of(system: System) -> Model:
    """The user's model: what an integrator wraps, or the system itself."""
    return system.flow if isinstance(system, Integrated) else system


def look(system: System, state: PyTree, clock: Clock, drawn: PyTree, aux: PyTree) -> View:
    """The view that measures get."""
    if type(system).elapsed is not System.elapsed:
        clock = clock._replace(time=system.elapsed(state))
    return View(model_of(system), state, clock, drawn, aux)


def clock_at(step: Int[Scalar, ""], dt: Array) -> Clock:
    """The clock at a step: time is a product, never a sum."""
    return Clock(step, step.astype(dt.dtype) * dt, dt)


def ends(system: System, state: PyTree) -> bool:
    """Whether a lane may ever be done; a `done` that returns a plain False says that it never is."""
    return type(model_of(system)).done is not Model.done and system.done(state) is not False


def make(system: System, state: PyTree, clock: Clock, drawn: PyTree, wake: Any = NEVER) -> tuple[PyTree, PyTree]:
    """One step as (state, aux); a state that is done stays, but at the step `wake`."""
    out = system.step(state, clock, drawn)
    new, aux = out if isinstance(out, Step) else (out, None)
    if ends(system, state):
        new = where(system.done(state) & (clock.step != wake), state, new)
    return new, aux


def shapes(context: Context, state: PyTree) -> dict[str, PyTree]:
    """Zeros of the shape of each record's value."""
    system, settings, dt = context.system, context.settings, context.dt

    def values():
        clock = clock_at(jnp.asarray(0, jnp.int32), dt)
        drawn = jax.tree.map(lambda pair: pair[0], draw_empty(system.draws(), dt.dtype))
        _, aux = make(system, state, clock, drawn)
        view = look(system, state, clock, drawn, aux)
        return {name: jax.tree.map(jnp.asarray, record.see(view)) for name, record in settings.records}

    return jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), jax.eval_shape(values))


def begin(context: Context, state: PyTree) -> Carry:
    """The carry before the first step."""
    values = shapes(context, state)
    kept = {name: record.start(values[name], context.dt) for name, record in context.settings.records if not isinstance(record, Trace)}
    return Carry(state, kept, jnp.asarray(NEVER, jnp.int32), jnp.asarray(NEVER, jnp.int32))


def finish(settings: Settings, kept: dict[str, PyTree]) -> dict[str, PyTree]:
    """Results of the records that are not traces."""
    return {name: record.finish(kept[name]) for name, record in settings.records if name in kept}


def check_context(context: Context, state: PyTree) -> Needs:
    """Refuse draws, steps and records that cannot work, with the name of what is wrong, before a loop is traced.

    Returns what the program of a step, its records and its invariant is made of.
    """
    system, settings = context.system, context.settings
    draws = system.draws()
    check_draws(draws)
    name = type(model_of(system)).__name__
    drawn = jax.tree.map(lambda pair: pair[0], draw_empty(draws, context.dt.dtype))
    clock = clock_at(jnp.asarray(0, jnp.int32), context.dt)
    new, _ = eqx.filter_eval_shape(lambda: make(system, state, clock, drawn))
    if jax.tree.structure(new) != jax.tree.structure(state):
        hint = "; to show something beside it return nj.Step(state, aux)" if isinstance(new, tuple) and len(new) == 2 else ""
        raise TypeError(f"{name}: a step returns {jax.tree.structure(new)}, but the state is {jax.tree.structure(state)}{hint}")
    for (path, old), after in zip(jax.tree_util.tree_leaves_with_path(state), jax.tree.leaves(new), strict=True):
        if old.shape != after.shape or old.dtype != after.dtype:
            where = jax.tree_util.keystr(path) or "the state"
            raise TypeError(
                f"{name}: a step turns {where} from {old.dtype}{list(old.shape)} into {after.dtype}{list(after.shape)}; keep both"
            )
    for record_name, one in settings.records:
        try:
            values = shapes(context._replace(settings=Settings(((record_name, one),))), state)
        except Exception as error:
            raise TypeError(f"record[{record_name!r}]: its measure fails on the state of {name}: {error}") from error
        if any(is_key(leaf) for leaf in jax.tree.leaves(values)):
            raise TypeError(f"record[{record_name!r}]: its measure gives keys, which no record keeps; give jax.random.key_data of them")

    def holds():
        if settings.invariant is None:
            return None
        new, aux = make(system, state, clock, drawn)
        return settings.invariant(look(system, new, clock_at(clock.step + 1, context.dt), drawn, aux))

    if settings.invariant is not None:
        said = jax.eval_shape(holds)
        if getattr(said, "shape", None) != () or getattr(said, "dtype", None) != np.dtype(bool):
            raise TypeError(f"invariant: it gives {said} for {name}; return one truth value, for example jnp.all(view.state > 0)")

    def once():
        new, aux = make(system, state, clock, drawn)
        view = look(system, state, clock, drawn, aux)
        carry = begin(context, state)
        kept = {key: record.update(carry.kept[key], record.see(view), clock) for key, record in settings.records if key in carry.kept}
        return new, kept, [record.see(view) for record in settings.traces.values()], system.done(new), holds()

    return needs(once)


class Loop(NamedTuple):
    """Carry of the loop inside a block: also the draws at hand and the traces being filled."""

    carry: Carry
    drawn: PyTree
    traces: dict[str, PyTree]


def enter(context: Context, carry: Carry, room: dict[str, int]) -> Loop:
    """The loop's carry at the beginning of a block, with room for the traces' samples."""
    traces = {}
    if room:
        values = shapes(context, carry.state)
        traces = {name: jax.tree.map(lambda v, k=size: jnp.zeros((k, *v.shape), v.dtype), values[name]) for name, size in room.items()}
    return Loop(carry, draw_empty(context.system.draws(), context.dt.dtype), traces)


def _renew(context: Context, first: Int[Scalar, ""], step: Int[Scalar, ""], loop: Loop) -> Loop:
    """The loop with the draws of this step at hand. `first` is the first step of this loop."""
    system, keys, dt = context.system, context.keys, context.dt
    if not jax.tree.leaves(loop.drawn):
        return loop
    # A block of draws serves steps 2k and 2k + 1; a loop that starts at an odd step needs it at once.
    fresh = (step % 2 == 0) | (step == first)
    drawn = lax.cond(fresh, lambda _: draw_both(system.draws(), keys, step // 2, dt.dtype), lambda old: old, loop.drawn)
    return loop._replace(drawn=drawn)


class Notes:
    """How a tick takes down its records."""

    def see(self, record: Record, view: View) -> PyTree:
        """The measure's value."""
        return record.see(view)

    def fold(self, record: Record, view: View, kept: PyTree) -> PyTree:
        """The carry with one more value."""
        return record.update(kept, self.see(record, view), view.clock)


NOTES = Notes()


def tick(context: Context, first: Int[Scalar, ""], step: Int[Scalar, ""], loop: Loop, notes: Notes = NOTES) -> Loop:
    """One step of one lane: step, record. `first` is the first step of this loop."""
    system, settings, dt = context.system, context.settings, context.dt
    (state, kept, bad, since), both, traces = loop
    clock = clock_at(step, dt)
    drawn = jax.tree.map(lambda pair: lax.dynamic_index_in_dim(pair, step % 2, keepdims=False), both)
    new, aux = make(system, state, clock, drawn, context.wake)
    sound = None
    if settings.guarded:
        sound = (finite(new) | (step < since)) & (bad == NEVER)
        if settings.invariant is not None:
            sound &= settings.invariant(look(system, new, clock_at(step + 1, dt), drawn, aux))
        bad = jnp.where((bad == NEVER) & ~sound, step, bad)
        new = where(sound, new, state)
    kept, traces = note(context, first, look(system, state, clock, drawn, aux), kept, traces, notes, sound)
    return Loop(Carry(new, kept, bad, since), both, traces)


def note(
    context: Context,
    first: Int[Scalar, ""],
    view: View,
    kept: dict[str, PyTree],
    traces: dict[str, PyTree],
    notes: Notes = NOTES,
    sound: Bool[Array, ""] | None = None,
) -> tuple[dict[str, PyTree], dict[str, PyTree]]:
    """Records and traces with the view of one step taken down, unless it is not `sound`."""
    settings, bounds, step = context.settings, context.bounds, view.clock.step
    kept, traces = dict(kept), dict(traces)
    for name, record in settings.records:
        brief = settings.brief and record.latest
        watched = _watched(record, bounds[name], step, brief)
        if isinstance(record, Trace):
            place = step // record.every - _ceil(jnp.maximum(first, bounds[name][0]), record.every)
            traces[name] = _store(partial(notes.see, record, view), watched, place, traces[name])
        else:
            folded = _fold(partial(notes.fold, record, view), watched, brief or record.every > 1, kept[name])
            kept[name] = folded if sound is None else where(sound, folded, kept[name])
    return kept, traces


def _ceil(step: Any, every: int) -> Any:
    return -(-step // every)


def _watched(record: Record, bounds: Any, step: Int[Scalar, ""], brief: bool) -> Bool[Array, ""] | None:
    """Whether a record watches this step; None where it watches every step of the run."""
    if record.every == 1 and record.warmup == 0 and record.phase is None and not brief:
        return None
    return (step % record.every == 0) & (step >= bounds[0]) & (step < bounds[1])


def _fold(fold: Callable[[PyTree], PyTree], watched: Bool[Array, ""] | None, seldom: bool, kept: PyTree) -> PyTree:
    if watched is None:
        return fold(kept)
    if seldom:
        return lax.cond(watched, fold, lambda old: old, kept)
    # Outside a cond the compiler shares the measure's sines and sums with the step's.
    return where(watched, fold(kept), kept)


def _store(see: Callable[[], PyTree], watched: Bool[Array, ""] | None, place: Int[Scalar, ""], trace: PyTree) -> PyTree:
    def put(table):
        return jax.tree.map(lambda t, v: lax.dynamic_update_index_in_dim(t, v, place, 0), table, see())

    return put(trace) if watched is None else lax.cond(watched, put, lambda table: table, trace)


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """How a differentiated run trades time for memory.

    Arguments:
        levels: nested `jax.checkpoint` scans; 1 keeps every step, 2 keeps about 2 sqrt(T) states, 3 about 3 T^(1/3), each level
            at the price of one more forward pass. None chooses: 1 up to 64 steps, 2 up to 20,000, 3 beyond.
        window: truncate gradients at multiples of this many steps (backpropagation through time, truncated); None does not.
    """

    levels: int | None = None
    window: int | None = None

    def __post_init__(self):
        if self.levels is not None and self.levels not in (1, 2, 3, 4):
            raise ValueError(f"Checkpoint(levels={self.levels!r}): choose 1, 2, 3, 4, or None for automatic")
        if self.window is not None:
            check_count("Checkpoint", "window", self.window, "a window is a whole number of steps, at least 1")

    def depth(self, steps: int) -> int:
        """Levels for a run of this many steps."""
        if self.levels is not None:
            return self.levels
        return 1 if steps <= 64 else 2 if steps <= 20_000 else 3


def stretch(
    context: Context, carry: Carry, start: int, stop: int, checkpoint: Checkpoint, tick: Callable[..., Loop]
) -> tuple[Carry, dict[str, PyTree]]:
    """Advance one lane from `start` to `stop`, both static, by a differentiable `tick`: the carry and the traces' samples.

    Scans of scans whose pieces start at multiples of all sampling periods, so that each piece emits its samples whole.
    """
    records = context.settings.traces
    grain = math.lcm(*(record.every for record in records.values()))
    # Pieces sample by the period alone; what lies outside a record's bounds is dropped once, at the end.
    sampling = context._replace(bounds=context.bounds | {name: (0, np.iinfo(np.int32).max) for name in records})

    def piece(carry: Carry, first, length: int, depth: int) -> tuple[Carry, dict[str, PyTree]]:
        def fold(loop: Loop, low, length: int, depth: int) -> Loop:
            if depth == 1 or length < 4:
                steps = low + jnp.arange(length, dtype=jnp.int32)
                return lax.scan(lambda at, step: (tick(sampling, first, step, _renew(sampling, first, step, at)), None), loop, steps)[0]
            part = round(length ** ((depth - 1) / depth))
            count, rest = divmod(length, part)
            inner = jax.checkpoint(lambda at, low: (fold(at, low, part, depth - 1), None))
            loop, _ = lax.scan(inner, loop, low + part * jnp.arange(count, dtype=jnp.int32))
            return fold(loop, low + count * part, rest, depth - 1) if rest else loop

        room = {name: _ceil(length, record.every) for name, record in records.items()}
        loop = fold(enter(sampling, carry, room), first, length, depth)
        return loop.carry, loop.traces

    def walk(carry: Carry, first, length: int, depth: int) -> tuple[Carry, dict[str, PyTree]]:
        part = _ceil(round(length ** ((depth - 1) / depth)), grain) * grain
        if depth == 1 or 2 * part > length:
            return piece(carry, first, length, depth)
        count, rest = divmod(length, part)

        @jax.checkpoint
        def inner(carry, first):
            return walk(carry, first, part, depth - 1)

        carry, traces = lax.scan(inner, carry, first + part * jnp.arange(count, dtype=jnp.int32))
        traces = jax.tree.map(lambda t: t.reshape(-1, *t.shape[2:]), traces)
        if rest:
            carry, tail = walk(carry, first + count * part, rest, depth - 1)
            traces = _join([traces, tail])
        return carry, traces

    parts = []
    for low, high in _cuts(start, stop, grain, checkpoint.window):
        if checkpoint.window is not None and low > start and low % checkpoint.window == 0:
            carry = lax.stop_gradient(carry)
        carry, traces = walk(carry, jnp.asarray(low, jnp.int32), high - low, checkpoint.depth(stop - start))
        parts.append({name: _first(traces[name], len(samples(record.every, low, high))) for name, record in records.items()})
    traces = _join(parts)
    for name, record in records.items():
        taken = samples(record.every, start, stop)
        low, high = context.bounds[name]
        inside = (taken >= low) & (taken < high)
        if not inside.all():
            traces[name] = jax.tree.map(lambda t, k=inside: t[np.flatnonzero(k)], traces[name])
    return carry, traces


def samples(every: int, low: int, high: int) -> np.ndarray:
    """Multiples of `every` in [low, high)."""
    return np.arange(_ceil(low, every) * every, high, every)


def _first(trace: PyTree, count: int) -> PyTree:
    return jax.tree.map(lambda t: t[:count], trace)


def _cuts(start: int, stop: int, grain: int, window: int | None) -> list[tuple[int, int]]:
    """Where a static run is cut: at the first multiple of `grain` (so that pieces sample evenly) and at the windows' edges."""
    heads = {start} if window is None else {start, *range(_ceil(start, window) * window, stop, window)}
    edges = heads | {stop} | {min(stop, _ceil(head, grain) * grain) for head in heads}
    ordered = sorted(edges)
    return list(itertools.pairwise(ordered))


def _join(parts: list[dict[str, Any]]) -> dict[str, Any]:
    if not parts:
        return {}
    return parts[0] if len(parts) == 1 else jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *parts)
