"""`replay`: one lane of a store run again, to see how it broke."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neurojax.engine.checks import is_whole
from neurojax.engine.compile import precision
from neurojax.engine.drive import drive
from neurojax.engine.loop import NEVER, clock_at, make, model_of
from neurojax.engine.random import draw_both
from neurojax.engine.state import Snapshot
from neurojax.sweep.coordinates import merged
from neurojax.sweep.layout import Kernel, halved
from neurojax.sweep.machine import Machine, local_values
from neurojax.sweep.options import SweepOptions
from neurojax.sweep.plan import Plan
from neurojax.sweep.run import request_of
from neurojax.sweep.spec import differences, fingerprint
from neurojax.sweep.store import Store
from neurojax.sweep.wanted import Wanted


class Replay(NamedTuple):
    """A lane run again.

    lane: its coordinates. bad_step: the step that broke it, -1 if none did. before: where it stood before that step (or at the end), a
    `Snapshot` to continue from. after: the state that the step made, None if none broke. system: the realised model.
    """

    lane: dict[str, Any]
    bad_step: int
    before: Snapshot
    after: Any
    system: Any


def replay(
    store: str | os.PathLike,
    point: int | Mapping[str, Any],
    *,
    eager: bool = False,
    options: SweepOptions | None = None,
    **given: Any,
) -> Replay:
    """Run one lane of a store again, up to the step that broke it, and make that step once more by itself.

    The lane runs in the batch that it ran in, so that it breaks as it did, to the bit on the same kind of device.

    Arguments:
        store: path of a store.
        point: the lane: its row in the flat table, or its coordinates, `{"coupling": 2.0, "seed": 3}` (labels of objects as the
            dataset shows them).
        eager: make the bad step operation by operation (`jax.disable_jit`), so that prints and breakpoints in the model's code work.
        options: which devices; the invariant, where it is a script's own.
        given: what was given to `sweep` and the store cannot build again, being a script's own: `system=`, `record=`, `state=`, ...

    Errors: ValueError where there is no such lane, or the model cannot be built again.
    """
    held = Store.open(store)
    row = _row(held, point)
    plan = Plan(request_of(held, options, given), held.header["lanes"], held.chunk)
    if fingerprint(plan.what) != held.header["fingerprint"]:
        lines = "\n  ".join(differences(held.header["what"], plan.what))
        raise ValueError(f"store={str(held.path)!r}: what is given is not what the store was made with:\n  {lines}")
    chunk = row // held.chunk
    number = next(n for n, batch in enumerate(held.batches) if batch.first_chunk <= chunk < batch.first_chunk + batch.chunks)
    with precision(plan.common.dtype):
        laid = Wanted(plan, held, whole=True).plan_of(number)
        part, place = laid.place(chunk)
        kernels = part.layout.kernels(place)
        kernels = halved(kernels, max((run.get("halvings", 0) for run in held.runs), default=0))
        kernel = next(kernel for kernel in kernels if (kernel.rows == row % held.chunk).any())
        machine = Machine(part, laid.common)
        bad_step = int(held.array("bad_step")[row])  # type: ignore[call-overload, arg-type]
        return _replayed(machine, kernel, row % held.chunk, bad_step, eager)


def _replayed(machine: Machine, kernel: Kernel, row: int, bad_step: int, eager: bool) -> Replay:
    part, common = machine.part, machine.common
    seed, point = (int(i[0]) for i in np.nonzero(kernel.rows == row))
    launch = machine.open([kernel] * len(common.local))
    first, lengths = common.first_step, [count for _, count, _ in part.phases]
    stop = first + sum(lengths) if bad_step == NEVER else bad_step
    ends = (first + np.cumsum(lengths)).tolist()
    pieces = [max(0, min(end, stop) - max(begin, first)) for begin, end in zip([first, *ends[:-1]], ends, strict=True)]
    carry, _, at = drive(machine.advance(launch), launch.tile.carry, first, pieces)
    if bad_step == NEVER and (bad := int(local_values(carry.bad)[0, seed, point])) != NEVER:
        bad_step = at = bad  # a lane that was still to do
    phase = min(int(np.searchsorted(ends, at, side="right")), len(lengths) - 1)
    context = machine.lane(launch, carry, phase, 0, seed, point)
    state = jax.tree.map(lambda leaf: jnp.asarray(local_values(leaf)[0, seed, point]), carry.state)
    values = common.values(int(part.family.points[kernel.points[point]]))
    lane = {**values, "seed": int(common.seeds[kernel.seeds[seed]])}
    words = local_values(launch.tile.keys)[(0, seed) if common.setup.paired else (0, seed, point)]
    after = None
    if bad_step != NEVER:
        with jax.disable_jit() if eager else contextlib.nullcontext():
            system, dt = context.system, context.dt
            both = draw_both(system.draws(), context.keys, jnp.asarray(at // 2, jnp.int32), dt.dtype)
            drawn = jax.tree.map(lambda pair: pair[at % 2], both)
            after, _ = make(system, state, clock_at(jnp.asarray(at, jnp.int32), dt), drawn)
    return Replay(lane, bad_step, Snapshot(state, words, at), after, model_of(context.system))


def _row(store: Store, point: int | Mapping[str, Any]) -> int:
    """The row of a lane."""
    batches = store.batches
    rows = store.row_count(batches)
    if not isinstance(point, Mapping):
        if not is_whole(point) or point >= rows:
            raise ValueError(f"point={point!r}: give a row from 0 to {rows - 1}, or a dict of coordinates")
        found = np.array([int(point)]) if store.read("seed", rows)[point] >= 0 else np.zeros(0, int)
    else:
        axes = merged(batches)
        columns = {name: column for own in axes.values() for name, column in own.items()}
        for name in point:
            if name not in columns and name != "seed":
                raise ValueError(f"point={dict(point)!r}: there is no axis {name!r} in the store; its axes are {[*columns, 'seed']}")
        fits = store.read("seed", rows) == point.get("seed", 0)
        for name, column in columns.items():
            if name not in point:
                raise ValueError(f"point={dict(point)!r}: say which {name!r} as well; the store's axes are {[*columns, 'seed']}")
            at = np.flatnonzero(column.labels == point[name])
            if at.size > 1 and len(set(column.keys[at])) > 1:
                raise ValueError(f"point={dict(point)!r}: {at.size} values of {name!r} have this label; give the lane's row")
            own = column.keys[at[0]] if at.size else np.nan
            fits &= store.read(name, rows) == own
        found = np.flatnonzero(fits)
    if not found.size:
        raise ValueError(f"point={point!r}: the store has no such lane")
    return int(found[0])
