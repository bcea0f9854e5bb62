"""`sweep`: a grid of parameters and seeds, as one labelled dataset."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurojax.engine.compile import precision
from neurojax.engine.drive import ctrl_c, drive
from neurojax.engine.integrators import Integrator
from neurojax.engine.loop import NEVER
from neurojax.engine.record import Record
from neurojax.engine.schedule import Schedule
from neurojax.sweep.dataset import labelled
from neurojax.sweep.machine import Machine, Part
from neurojax.sweep.options import SweepOptions
from neurojax.sweep.plan import Plan, flattened
from neurojax.sweep.store import DIVERGED, DONE, PADDING, TO_DO, Store, describe

if TYPE_CHECKING:
    import xarray as xr


class SweepInterrupted(KeyboardInterrupt):
    """Ctrl-C during a sweep: `.data` holds what was finished; the same call on the same store does the rest."""

    def __init__(self, data: xr.Dataset, where: str):
        done = int(np.isin(data.status.values, (DONE, DIVERGED)).sum())
        super().__init__(f"stopped with {done} of {data.status.size} lanes done; {where}")
        self.data = data


def sweep(
    system: Any,
    over: Mapping[str, Any],
    *,
    dt: float,
    duration: float | Schedule | None = None,
    steps: int | None = None,
    method: Integrator | None = None,
    seeds: int | Sequence[int] = 1,
    record: Mapping[str, Record] | None = None,
    state: Any = None,
    store: str | os.PathLike | None = None,
    options: SweepOptions | None = None,
) -> xr.Dataset:
    """Run a system at every point of a grid, for every seed.

    Arguments:
        system: a `Flow` or `System`, or a function that builds one from the axes' values (`lambda coupling, tilt: Model(...)`).
        over: values by parameter, `{"coupling": np.linspace(0, 4, 64), "noise": [0.0, 0.1]}`; axes multiply. A name is an attribute
            path or a unique end of one; `dt`, `duration`, `steps` and `method` may vary too. An `Axis` (`nj.zip`, `nj.random_axis`,
            `nj.latin_hypercube`) stands under the name of its dimension. An axis over something static (n, a graph recipe) is a
            loop of programs.
        dt, duration, steps, method: as in `simulate`.
        seeds: how many, or which.
        record: reducers by name; a sweep keeps nothing else.
        state: an initial state or `Snapshot` for all lanes, or a function `(values, seed) -> state` for each.
        store: folder of a zarr store to write; an existing one of the same sweep is completed. None keeps the result in memory.
        options: draws, dtype, devices, lanes, memory, progress.

    Returns: an `xarray.Dataset` with a dimension for each axis and "seed", the records, `status` (0 to do, 1 done, 2 diverged) and
    `bad_step`. Coordinates are the float64 numbers that went in.

    Errors: ValueError or TypeError naming the argument, before anything is compiled or written.
    """
    if store is not None:
        _check_describable(store, [system, over, record, method, state, duration])
    lanes = Store.open(store, mode="r+").header.get("lanes") if store is not None and _holds_something(store) else None
    plan = Plan(system, over, dt, duration, steps, method, seeds, record, state, options, lanes)
    began = time.perf_counter()
    with precision(plan.common.dtype):
        target = _target(plan, store)
        bar = _Bar(plan.lane_steps, plan.options.progress)
        with ctrl_c() as asked:
            for part in plan.parts:
                _compute(plan, part, target, bar, asked)
        bar.close()
        target.note(seconds=float(target.header.get("seconds", 0.0)) + time.perf_counter() - began)
    data = labelled(target)
    if asked():
        where = "the finished lanes are in error.data" if store is None else f"run the same sweep again to complete {str(store)!r}"
        raise SweepInterrupted(data, where)
    return data


def explain(
    system: Any,
    over: Mapping[str, Any],
    *,
    dt: float,
    duration: float | Schedule | None = None,
    steps: int | None = None,
    method: Integrator | None = None,
    seeds: int | Sequence[int] = 1,
    record: Mapping[str, Record] | None = None,
    state: Any = None,
    options: SweepOptions | None = None,
) -> str:
    """What `sweep` with the same arguments would do: points, lanes, tiles, programs, memory, size of the store.

    Compiles one program and simulates nothing.
    """
    return Plan(system, over, dt, duration, steps, method, seeds, record, state, options).text()


def _check_describable(path: str | os.PathLike, parts: list[Any]) -> None:
    """Refuse a store for what could not be told from something else when the sweep is resumed."""
    unknown = re.search(r'"indescribable": "([^"]+)"', json.dumps(describe(parts)))
    if unknown:
        raise ValueError(
            f"store={str(path)!r}: a {unknown[1]} cannot be told from another when the sweep is resumed; "
            "make it a frozen dataclass, an equinox.Module or a function"
        )


def _holds_something(path: str | os.PathLike) -> bool:
    """Whether a path is taken: an empty folder is not."""
    path = Path(path)
    return path.exists() and not (path.is_dir() and not any(path.iterdir()))


def _target(plan: Plan, path: str | os.PathLike | None) -> Store:
    """A new store, or the one at `path` if it holds this very sweep."""
    header = plan.header()
    if path is None or not _holds_something(path):
        return Store.create(path, plan.rows, plan.chunk, plan.table(), plan.fields, header)
    store = Store.open(path, mode="r+")
    kinds = {"fingerprint": "model or run settings", "axes": "axes", "seeds": "seeds", "chunk": "lanes per kernel"}
    for name, kind in kinds.items():
        if store.header[name] != header[name]:
            raise ValueError(
                f"store={str(path)!r} holds another sweep (its {kind} differ); give another path, or the same sweep to complete it"
            )
    return store


def _compute(plan: Plan, part: Part, store: Store, bar: _Bar, asked: Callable[[], bool]) -> None:
    """Compute and commit the tiles of a part that the store lacks, as many at a time as there are devices."""
    status = store.read("status")
    todo = [number for number in range(part.tiles.count) if np.any(status[plan.part_rows(part, number)] == TO_DO)]
    bar.add((part.tiles.count - len(todo)) * part.tiles.lanes * part.steps)
    if not todo or asked():
        return
    machine, devices = Machine(part, plan.common), len(plan.common.devices)
    lengths = [count for _, count, _ in part.phases]
    for first in range(0, len(todo), devices):
        numbers = todo[first : first + devices]
        tile = machine.open(numbers + numbers[-1:] * (devices - len(numbers)))
        report = bar.runner(part.tiles.lanes * len(numbers))
        carry, samples, _ = drive(machine.advance(tile), tile.carry, plan.common.first_step, lengths, report=report, stop_requested=asked)
        if asked():
            return
        results = machine.finish(carry) | samples
        bad = np.asarray(carry.bad)
        for place, number in enumerate(numbers):
            _commit(plan, part, store, number, results, bad, place)
        bar.diverged(int((bad[: len(numbers)] != NEVER).sum()))


def _commit(plan: Plan, part: Part, store: Store, number: int, results: Mapping[str, Any], bad: np.ndarray, device: int) -> None:
    """Write one device's tile: lanes along the first axis, filled up to the chunk with padding."""
    _, _, real = part.tiles.tile(number)
    lanes, missing = real.size, plan.chunk - real.size

    def rows(values: Any, blank: Any = 0) -> np.ndarray:
        flat = np.asarray(values)[device].reshape(lanes, *np.shape(values)[3:])
        return np.concatenate([flat, np.full((missing, *flat.shape[1:]), blank, flat.dtype)]) if missing else flat

    table = {own: rows(leaf) for name, result in results.items() for own, leaf in flattened(name, result).items()}
    bad_step = rows(bad.astype(np.int32), NEVER)
    status = np.full(plan.chunk, PADDING, np.int8)
    status[:lanes][real.ravel()] = np.where(bad_step[:lanes][real.ravel()] == NEVER, DONE, DIVERGED)
    store.commit(plan.part_rows(part, number), table, status, bad_step)


class _Bar:
    """Progress over lane-steps with the time left, and the number of diverged lanes."""

    def __init__(self, total: int, show: bool | None):
        self.bar, self.bad = None, 0
        if sys.stderr.isatty() if show is None else show:
            from tqdm import tqdm

            self.bar = tqdm(total=total, unit="lane-step", unit_scale=True, dynamic_ncols=True)

    def runner(self, lanes: int) -> Callable[[int], None]:
        """A reporter of the steps that a launch of so many lanes has made."""
        last = 0

        def report(step: int) -> None:
            nonlocal last
            self.add((step - last) * lanes)
            last = step

        return report

    def add(self, lane_steps: int) -> None:
        """Count work that is done."""
        if self.bar and lane_steps:
            self.bar.update(lane_steps)

    def diverged(self, count: int) -> None:
        """Count lanes that went bad."""
        self.bad += count
        if self.bar and self.bad:
            self.bar.set_postfix(diverged=self.bad)

    def close(self) -> None:
        """Leave the bar as it is."""
        if self.bar:
            self.bar.close()
