"""`simulate`: one run of one system."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import PRNGKeyArray, PyTree

from neurojax.engine.block import block
from neurojax.engine.compile import Static, compiled, join, precision, split, suits_wide_vectors, tracing
from neurojax.engine.drive import Advance, blanked, drive, stoppable
from neurojax.engine.faults import begun, refuge, soft_tick
from neurojax.engine.integrators import Heun, Integrated, Integrator
from neurojax.engine.loop import (
    NEVER,
    Carry,
    Checkpoint,
    Context,
    Settings,
    begin,
    check_context,
    finish,
    model_of,
    samples,
    shapes,
    stretch,
)
from neurojax.engine.numerics import cast, floating, is_key, on_host
from neurojax.engine.paths import is_static, nearest, replace, resolve
from neurojax.engine.random import draw_keys, seed_key, stream_key
from neurojax.engine.record import Record, Trace
from neurojax.engine.schedule import Schedule, check_step, plan, wakes
from neurojax.engine.state import Snapshot
from neurojax.engine.system import Flow, Recipe, System, View

DONE, DIVERGED = 1, 2  # status of a lane; 0 is "to do" in a store


@dataclasses.dataclass(frozen=True)
class Options:
    """How a run is computed; nothing here changes what is computed beyond rounding, except `dtype` and `invariant`.

    Arguments:
        dtype: "float32" (None) or "float64"; a float64 run refines the same random numbers.
        device: a `jax.Device` to run on; None takes JAX's default.
        progress: show a bar with the time left.
        invariant: a function of the view, true or false, that must hold after every step, for example
            `lambda view: jnp.all(view.state > 0)`; a lane that breaks it is frozen and marked as one that is not finite.
        checkpoint: how a differentiated run trades time for memory, and the truncation window of its gradient.
    """

    dtype: str | None = None
    device: Any = None
    progress: bool = False
    invariant: Callable[[View], Any] | None = None
    checkpoint: Checkpoint = dataclasses.field(default_factory=Checkpoint)

    def __post_init__(self):
        check_invariant(self.invariant)


class Run(eqx.Module):
    """What `simulate` returns.

    records: results by name. times: coordinates of the first axis of each record that has one (sample times; lags, frequencies or
    bins). status: 1 done, 2 diverged. bad_step: the step that would have made the state non-finite, -1 if none; the state and the
    records stop before it (a trace is NaN from there on).
    system: the realised system. final_state: a `Snapshot` to continue from or save.
    """

    records: dict[str, PyTree]
    times: dict[str, Any]
    status: Any
    bad_step: Any
    system: Any
    final_state: Snapshot


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a run: `.run` holds what was computed until then; continue with `state=error.run.final_state`."""

    def __init__(self, run: Run):
        super().__init__(f"stopped after step {run.final_state.step}; continue with simulate(..., state=error.run.final_state)")
        self.run = run


def simulate(
    system: System | Flow,
    *,
    dt: float,
    duration: float | Schedule | None = None,
    steps: int | None = None,
    method: Integrator | None = None,
    seed: int | PRNGKeyArray | None = None,
    record: Mapping[str, Record] | None = None,
    state: Snapshot | PyTree | None = None,
    options: Options | None = None,
) -> Run:
    """Run one system; also inside jit, vmap, grad and jvp.

    Arguments:
        system: a `Flow` (integrated by `method`) or a `System`. It may be realised already.
        dt: time step (time units, > 0). For a discrete system, what one step is worth; commonly 1.
        duration: length in time units, a whole number of steps, or a `Schedule` of phases. Or give
        steps: length in steps.
        method: integrator of a flow; `Heun()` by default.
        seed: an integer from 0 to 2**63 - 1 or a `jax.random.key` (0 by default; a snapshot brings its own). It fixes what is
            realised, the initial state, and all draws.
        record: reducers by name, for example `{"r": Trace(order_parameter, every=10)}`.
        state: a `Snapshot` to continue from (bit for bit what one long run would give), or an initial state at step 0.
        options: dtype, device, progress, gradient memory.

    Returns: a `Run`. Outside of a trace its records are NumPy arrays.

    Derivatives, in both modes and of any order: what is not finite has none. A run that diverges has those of what it recorded
    before its bad step, and leaves those of vmapped neighbours as they are without it. Its last values may be huge, and their
    derivatives overflow: weigh a run by `status == 1` where it is not to count.

    Errors: ValueError or TypeError naming the argument, before anything is compiled, for values that make no sense. A state
    that becomes non-finite is no error: the run stops there and `status` says 2. It is looked for every 32 steps and at the end
    of each phase; one that is finite again by then goes on unnoticed, but for an `invariant`, which looks at every step (as
    derivatives and runs inside of a trace do).
    """
    options = options or Options()
    dtype = floating(options.dtype)
    dt = check_step(dt)
    phases = plan(duration, steps, dt)
    records = check_records(record)
    first = state.step if isinstance(state, Snapshot) else 0
    inside = tracing((system, seed, state, [dict(change) for _, _, change in phases]))
    with precision(dtype), jax.default_device(options.device) if options.device is not None else contextlib.nullcontext():
        key = _key(seed, state)
        prepared = integrated(system, method)
        if not inside:
            check_phases(prepared, phases, dt)

        def started(system: System) -> tuple[System, PyTree]:
            realised = cast_system(system.realise(stream_key(key, "structure")), dtype)
            if state is None:
                return realised, cast(realised.init(stream_key(key, "initial state")), dtype)
            return realised, starting(realised, fitting(realised, state, dtype), state)

        unrealised = cast_system(prepared, dtype)
        realised, initial = begun(unrealised, started) if inside else started(unrealised)
        total = sum(count for _, count, _ in phases)
        bounds, settings = watch_bounds(records, phases, first, dt), Settings(records, invariant=options.invariant)
        contexts = [
            Context(variant, settings, draw_keys(key, variant.draws()), jnp.asarray(dt, dtype), bounds, jnp.asarray(wake, jnp.int32))
            for variant, wake in zip(phase_variants(realised, phases, dtype), wakes(phases, first), strict=True)
        ]
        programs = [check_context(context, initial) for context in contexts]
        # What the model's functions have closed over only shows once they have made something.
        inside = inside or tracing((contexts, initial)) or any(program.traced for program in programs)
        used = frozenset().union(*(program.primitives for program in programs))
        carry = begin(contexts[0], initial)
        lengths = [count for _, count, _ in phases]
        if inside:
            carry, traces = _traced(contexts, carry, first, lengths, options.checkpoint)
            reached, stopped = first + total, False
        else:
            carry, traces, reached, stopped = _hosted(contexts, carry, first, lengths, options, used)
        results = finish(contexts[0].settings, carry.kept) | traces
        if not inside:
            results, carry = jax.tree.map(_fetched, (results, carry))
        run = Run(
            records={name: results[name] for name, _ in records},
            times={name: values for name, (_, values) in record_axes(records, bounds, first, reached, dt).items()},
            status=jnp.where(carry.bad == NEVER, DONE, DIVERGED) if inside else DONE if carry.bad == NEVER else DIVERGED,
            bad_step=carry.bad if inside else int(carry.bad),
            system=model_of(realised),
            final_state=Snapshot(carry.state, jax.random.key_data(key), reached),
        )
    if stopped:
        raise Interrupted(run)
    return run


def _fetched(leaf: Any) -> Any:
    """A leaf on the host; what the end of a record has taken from a trace outside stays in that trace."""
    return leaf if isinstance(leaf, Tracer) else on_host(leaf)


def _key(seed: int | PRNGKeyArray | None, state: Any) -> PRNGKeyArray:
    if seed is None and isinstance(state, Snapshot):
        return jax.random.wrap_key_data(jnp.asarray(state.key), impl="threefry2x32")
    return seed_key(0 if seed is None else seed)


def _traced(contexts: list[Context], carry: Carry, first: int, lengths: list[int], checkpoint: Checkpoint) -> tuple[Carry, dict[str, Any]]:
    parts, begun = [], first
    for context, length in zip(contexts, lengths, strict=True):
        tick = partial(soft_tick, refuge(context, carry.state, first))
        carry, traces = stretch(context, carry, first, first + length, checkpoint, tick)
        first += length
        parts.append(traces)
    joined = {}
    for name, record in contexts[0].settings.traces.items():
        low, high = contexts[0].bounds[name]
        whole = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *(part[name] for part in parts))
        joined[name] = blanked(whole, samples(record.every, max(low, begun), min(high, first)), carry.bad)
    return carry, joined


def run_block(arrays: list[Any], static: Static, carry: Carry, start: Any, stop: Any, room: tuple[tuple[str, int], ...], guarded: bool):
    """The compiled block of a single run."""
    context = join(arrays, static)
    context = context._replace(settings=context.settings._replace(guarded=guarded))
    return block(context, carry, start, stop, dict(room))


def _hosted(contexts: list[Context], carry: Carry, first: int, lengths: list[int], options: Options, used: frozenset[str]):
    device = options.device or jax.devices()[0]
    program = compiled(run_block, ("static", "room", "guarded"), suits_wide_vectors(used, device.platform))
    pieces = [_split_context(context) for context in contexts]

    def call(carry, phase, start, stop, room, guarded):
        arrays, static = pieces[phase]
        limits = jnp.asarray(start, jnp.int32), jnp.asarray(stop, jnp.int32)
        return program(arrays, static, carry, *limits, tuple(room.items()), guarded)

    settings = contexts[0].settings
    values = shapes(contexts[0], carry.state) if settings.traces else {}
    sizes = {name: sum(leaf.nbytes for leaf in jax.tree.leaves(values[name])) for name in settings.traces}
    bounds = {name: (int(low), int(high)) for name, (low, high) in contexts[0].bounds.items()}
    advance = Advance(call, settings, bounds, sizes, lane_axes=0)
    bar = _bar(sum(lengths)) if options.progress else None
    with stoppable() as stop_requested:
        carry, traces, reached = drive(advance, carry, first, lengths, report=bar.reach if bar else None, stop_requested=stop_requested)
    if bar:
        bar.close()
    for name in settings.traces:
        traces.setdefault(name, jax.tree.map(lambda v: np.zeros((0, *v.shape), v.dtype), values[name]))
    return carry, traces, reached, stop_requested()


def _split_context(context: Context) -> tuple[list[Any], Static]:
    bounds = {name: jnp.asarray(pair, jnp.int32) for name, pair in context.bounds.items()}
    return split(context._replace(bounds=bounds))


class _bar:
    def __init__(self, total: int):
        from tqdm import tqdm

        self.bar = tqdm(total=total, unit="step", dynamic_ncols=True)

    def reach(self, step: int) -> None:
        self.bar.update(step - self.bar.n)

    def close(self) -> None:
        self.bar.close()


def check_invariant(invariant: Any) -> None:
    """Refuse what is no function."""
    if invariant is not None and not callable(invariant):
        raise TypeError(f"invariant={invariant!r}: give a function of the view, for example lambda view: jnp.all(view.state > 0)")


def check_records(record: Mapping[str, Record] | None) -> tuple[tuple[str, Record], ...]:
    """Records as a hashable tuple."""
    if record is None:
        return ()
    if not isinstance(record, Mapping):
        raise TypeError(f"record={record!r}: give a dict of records by name, for example {{'r': nj.Trace(nj.order_parameter)}}")
    for name, one in record.items():
        if not isinstance(name, str) or not name:
            raise TypeError(f"record: the name {name!r} must be a non-empty string")
        if not isinstance(one, Record):
            raise TypeError(f"record[{name!r}]={one!r}: give a record, for example nj.Mean({getattr(one, '__name__', 'measure')})")
        try:
            hash(one)
        except TypeError as error:
            raise TypeError(f"record[{name!r}]: its fields must be hashable ({error}); pass tuples, not lists or arrays") from error
    return tuple(record.items())


def integrated(system: Any, method: Integrator | None) -> System:
    """A flow with its method, or a system as it is."""
    if isinstance(system, Flow):
        if method is not None and not isinstance(method, Integrator):
            raise TypeError(f"method={method!r}: give an integrator such as nj.Heun() or nj.EulerMaruyama()")
        return Integrated(system, method or Heun())
    if isinstance(system, System):
        if method is not None:
            raise ValueError(f"method={method!r}: {type(system).__name__} makes its own steps; leave method out")
        return system
    raise TypeError(
        f"system={system!r}: give an instance of a nj.Flow or nj.System" + (" (you gave the class)" if isinstance(system, type) else "")
    )


def cast_system(system: Any, dtype: np.dtype) -> Any:
    """Numbers of a system cast to the run's dtype; recipes drawn on the host keep theirs."""
    is_recipe = lambda leaf: isinstance(leaf, Recipe)  # noqa: E731
    return jax.tree.map(lambda leaf: leaf if is_recipe(leaf) else cast(leaf, dtype), system, is_leaf=is_recipe)


def own_state(system: System, dtype: np.dtype) -> PyTree:
    """Shapes and dtypes of the state that a system makes for itself."""
    return eqx.filter_eval_shape(lambda system: cast(system.init(jax.random.key(0)), dtype), system)


def fitting(system: System, given: Snapshot | PyTree, dtype: np.dtype) -> PyTree:
    """A given state, checked against the system's own."""
    state = cast(given.state if isinstance(given, Snapshot) else given, dtype)
    check_state(system, own_state(system, dtype), state)
    return state


def check_state(system: System, want: PyTree, state: PyTree) -> None:
    """Refuse a state of another structure or shape than the system's own."""
    name = type(model_of(system)).__name__
    if jax.tree.structure(want) != jax.tree.structure(state):
        raise ValueError(f"state: {name} has a state like {jax.tree.structure(want)}, got {jax.tree.structure(state)}")
    for (path, leaf), own in zip(jax.tree_util.tree_leaves_with_path(want), jax.tree.leaves(state), strict=True):
        if leaf.shape != own.shape:
            where = jax.tree_util.keystr(path) or "the state"
            raise ValueError(f"state: {where} of {name} has shape {leaf.shape}, got {own.shape}")


def starting(system: System, state: PyTree, given: Any) -> PyTree:
    """A user's own state brought to the flow's manifold; a snapshot's lies there already, and keeps its bits."""
    return system.flow.project(state) if isinstance(system, Integrated) and not isinstance(given, Snapshot) else state


def check_values(system: System) -> None:
    """A system's own check, and that no number in it is NaN, which a state of few values might swallow without a trace."""
    system.check()
    leaves, _ = jax.tree_util.tree_flatten_with_path(system, is_leaf=lambda leaf: isinstance(leaf, Recipe))
    for path, leaf in leaves:
        if isinstance(leaf, float | np.floating | np.ndarray | jax.Array) and not isinstance(leaf, Tracer) and not is_key(leaf):
            values = np.asarray(leaf)
            if values.dtype.kind in "fc" and np.isnan(values).any():
                where = jax.tree_util.keystr(path).lstrip(".").removeprefix("flow.")
                raise ValueError(f"{where}=nan: a parameter of {type(model_of(system)).__name__} must be a number; give one")


def check_phases(system: System, phases: list[tuple[str, int, Mapping[str, Any]]], dt: float) -> None:
    """Check a system's values, and those that each phase gives it, also against the step."""
    check_values(system)
    system.check_dt(dt)
    for name, _, change in phases:
        variant = system
        for parameter, value in change.items():
            variant = replace(variant, parameter_path(system, parameter), value)
        try:
            check_values(variant)
            variant.check_dt(dt)
        except (ValueError, TypeError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"phase {name!r} with {dict(change)}: {error}") from error


def phase_variants(system: System, phases: list[tuple[str, int, Mapping[str, Any]]], dtype: np.dtype) -> list[System]:
    """The realised system as each phase changes it."""
    variants = []
    for _, _, change in phases:
        variant = system
        for name, value in change.items():
            path = parameter_path(variant, name)
            variant = replace(variant, path, value if is_static(variant, path) else cast(value, dtype), check=False)
        variants.append(variant)
    return variants


def parameter_path(system: System, name: str) -> tuple[str, ...]:
    """Attribute path of a named parameter of the user's model, from the system that runs it."""
    path = resolve(model_of(system), name)
    return ("flow", *path) if isinstance(system, Integrated) else path


def watch_bounds(records, phases: list[tuple[str, int, Mapping[str, Any]]], first: int, dt: float) -> dict[str, tuple[int, int]]:
    """Steps [begin, end) that each record watches."""
    spans, at = {}, first
    for name, count, _ in phases:
        spans[name] = (at, at + count)
        at += count
    bounds = {}
    for name, one in records:
        if one.phase is not None and one.phase not in spans:
            raise ValueError(
                f"record[{name!r}].phase={one.phase!r}: no such phase in this run; {nearest(one.phase, [s for s in spans if s])}"
            )
        low, high = spans[one.phase] if one.phase is not None else (first, at)
        begin = low + whole_steps_up(one.warmup, dt)
        if begin >= high > low:
            raise ValueError(
                f"record[{name!r}].warmup={one.warmup!r}: the run ends before it is over, nothing is left to record; shorten it"
            )
        bounds[name] = (begin, high)
    return bounds


def whole_steps_up(duration: float, dt: float) -> int:
    """Steps that cover a warm-up."""
    return int(np.ceil(duration / dt - 1e-6))


def record_axes(
    records: tuple[tuple[str, Record], ...], bounds: Mapping[str, tuple[int, int]], first: int, last: int, dt: float
) -> dict[str, tuple[str, np.ndarray]]:
    """Name and coordinates of the first axis of each record that has one: sample times, lags, frequencies, bins."""
    axes = {}
    for name, one in records:
        if isinstance(one, Trace):
            low, high = bounds[name]
            axes[name] = "time", samples(one.every, max(low, first), min(high, last)) * dt
        elif (axis := one.axis(dt)) is not None:
            axes[name] = axis
    return axes
