"""`sweep` and `resume`: a grid of parameters and seeds into a store, and what a store still lacks."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from neurojax.engine.compile import precision
from neurojax.engine.drive import stoppable
from neurojax.engine.integrators import Integrator
from neurojax.engine.record import Record
from neurojax.engine.schedule import Schedule
from neurojax.sweep.axes import check_over
from neurojax.sweep.coordinates import axes_of
from neurojax.sweep.dataset import labelled
from neurojax.sweep.devices import meet
from neurojax.sweep.files import holds_something
from neurojax.sweep.options import SweepOptions
from neurojax.sweep.plan import Plan, Request
from neurojax.sweep.progress import Progress
from neurojax.sweep.provenance import now, provenance
from neurojax.sweep.spec import differences, fingerprint, rebuild
from neurojax.sweep.store import DIVERGED, DONE, Store
from neurojax.sweep.wanted import Job, Wanted
from neurojax.sweep.work import Tally, disk_failed, work

if TYPE_CHECKING:
    import xarray as xr


class SweepInterrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM during a sweep: `.data` holds what was finished; the same call on the same store does the rest."""

    def __init__(self, data: xr.Dataset, where: str, signal: int):
        done = int(np.isin(data.status.values, (DONE, DIVERGED)).sum())
        rest = f"; {where}" if done < data.status.size else ", which is all"
        super().__init__(f"stopped with {done} of {data.status.size} lanes done{rest}")
        self.data, self.signal = data, signal


class SweepFailed(RuntimeError):
    """Exceptions kept some lanes from being computed: `.failures` are their coordinates and errors, `.data` holds all others."""

    def __init__(self, data: xr.Dataset, failures: Sequence[Any], where: str):
        lines = [f"{sum(len(one.lanes) for one in failures)} lanes could not be computed; {where}"]
        for one in failures[:10]:
            some = ", ".join(str(lane) for lane in one.lanes[:3]) + (", ..." if len(one.lanes) > 3 else "")
            lines.append(f"  {len(one.lanes)} lanes ({some}): {type(one.error).__name__}: {one.error}")
        super().__init__("\n".join(lines))
        self.data, self.failures = data, list(failures)


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
        store: folder of a zarr store to write. Lanes that an existing store of the same model and run settings holds are not
            computed again; lanes that it lacks are added to it. None keeps the result in memory.
        options: draws, dtype, devices, lanes, memory, an invariant, a shard, progress.

    Returns: an `xarray.Dataset` with a dimension for each axis and "seed", the records, `status` (0 to do, 1 done, 2 diverged) and
    `bad_step`. Coordinates are the float64 numbers that went in. From a store, records are read when they are used.

    Errors: ValueError or TypeError naming the argument, before anything is compiled or written; `StoreError` where the disk fails
    and `SweepFailed` where some lanes could not be computed, both once all else is safe; `SweepInterrupted`.
    """
    return perform(planned(Request(system, over, dt, duration, steps, method, seeds, record, state, options), store), store)


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
    """What `sweep` with the same arguments would do: points, lanes, kernels, programs, memory, size of the store.

    Compiles one program and simulates nothing.
    """
    return Plan(Request(system, over, dt, duration, steps, method, seeds, record, state, options)).text()


def resume(store: str | os.PathLike, *, options: SweepOptions | None = None) -> xr.Dataset:
    """Finish what a store lacks, its model built again from what the store says of it.

    options: devices, shard, retry, progress; draws, dtype and invariant are the store's own.

    Errors: ValueError where the model cannot be built again, since it or a function of it came from a script: run that script again.
    """
    return perform(planned(request_of(Store.open(store), options), store), store, whole=True)


def request_of(store: Store, options: SweepOptions | None = None, given: Mapping[str, Any] | None = None) -> Request:
    """The call that made a store, built again from what the store says of it, but for those of its arguments that are given."""
    what, kept, first, given = store.header["what"], store.kept, store.batches[0], given or {}
    unknown = given.keys() - {"system", "over", "record", *what["run"]}
    if unknown:
        raise TypeError(f"{', '.join(sorted(unknown))}: give arguments of nj.sweep: system, over, record, {', '.join(what['run'])}")
    at_hand = dict(given)
    if options is not None and options.invariant is not None:
        at_hand["invariant"] = options.invariant

    def built(kind: str) -> dict[str, Any]:
        return {name: at_hand[name] if name in at_hand else rebuild(one, kept) for name, one in what[kind].items()}

    try:
        system = given["system"] if "system" in given else rebuild(what["system"], kept)
        record = given["record"] if "record" in given else built("records")
        run, own, over = built("run"), built("options"), axes_of(first, check_over(given.get("over", {})), kept)
    except ValueError as error:
        folder = next((run["folder"] for run in store.runs if run.get("folder") not in (None, os.getcwd())), None)
        raise ValueError(
            f"store={str(store.path)!r}: its sweep cannot be built again ({error}); run the script that made it once more"
            + (f", or resume it in {folder}, where it was made" if folder else "")
        ) from error
    options = dataclasses.replace(options or SweepOptions(), lanes=None, **own)
    return Request(system, over, **run, seeds=first.seeds, record=record, options=options)


def planned(request: Request, path: str | os.PathLike | None) -> Plan:
    """A request on paper, as the store that it is for has it; nothing is written."""
    if path is None and request.options is not None and request.options.shard:
        raise ValueError(f"shard={request.options.shard}: the parts meet in a store; give store=...")
    if path is None and jax.process_count() > 1:
        raise ValueError("store=None: the processes of one program meet in a store; give a path that all of them see")
    held = Store.open(path, mode="r+") if path is not None and holds_something(path) else None
    return Plan(request, held.header["lanes"], held.chunk, path) if held else Plan(request, store=path)


def perform(plan: Plan, path: str | os.PathLike | None, *, whole: bool = False, config: Any = None) -> xr.Dataset:
    """Compute what a store lacks of a plan, or (`whole`) of all that it was ever asked for.

    config: the way to ask for this again, which a new store and the record of this run keep.
    """
    began, tally = time.perf_counter() - plan.seconds.total, Tally()
    tally.compiling.seconds = plan.seconds.compile
    with precision(plan.common.dtype), tally.compiling.counted(), stoppable() as asked:
        store = _one_at_a_time(plan, lambda: _made(plan, path, config))
        if (store.chunk, store.header["lanes"]) != (plan.chunk, plan.lanes):
            # Another process, on another machine perhaps, made the store meanwhile, and chose other sizes.
            plan = Plan(plan.request, store.header["lanes"], store.chunk)
        wanted = Wanted(plan, store, whole)
        try:
            jobs = _one_at_a_time(plan, wanted.jobs)
        except OSError as error:
            raise disk_failed(store, "what the call adds", error) from error
        if jobs:
            with _noted(plan, store, tally, began, config):
                _compute(plan, store, jobs, tally, asked)
            if plan.common.agree:
                meet()  # until all have written
            wanted.ensure()
    data = labelled(store) if whole else labelled(store, wanted.axes, plan.common.seeds)
    again = "the finished lanes are in error.data" if path is None else f"the rest: neurojax resume {path} (or the same call)"
    if tally.failures:
        raise SweepFailed(data, tally.failures, again)
    if asked.signal is not None:
        raise SweepInterrupted(data, again, asked.signal)
    return data


def _one_at_a_time(plan: Plan, make: Callable[[], Any]) -> Any:
    """Do something to the store; among the processes of one program the first one does it first."""
    if not plan.common.agree:
        return make()
    first = make() if jax.process_index() == 0 else None
    meet()
    return first if jax.process_index() == 0 else make()


def _made(plan: Plan, path: str | os.PathLike | None, config: Any) -> Store:
    """A new store, or the one at `path` if it holds the same model and settings."""
    if path is not None and holds_something(path):
        store = Store.open(path, mode="r+")
    else:
        header = plan.header() | ({"config": config} if config is not None else {})
        store = Store.create(path, header, plan.batch(), plan.table(), plan.fields, plan.arrays)
    if store.header["fingerprint"] != fingerprint(plan.what):
        lines = list(differences(store.header["what"], plan.what))
        shown = "\n  ".join(lines[:12] + [f"and {len(lines) - 12} more"] * (len(lines) > 12))
        raise ValueError(
            f"store={str(path)!r} holds another sweep; give another path, or the same settings to complete it. They differ in\n  {shown}"
        )
    first = store.batches[0].axes
    axes = {dimension: sorted(columns) for dimension, columns in first.items()}
    asked = {dimension: sorted(columns) for dimension, columns in plan.axes.items()}
    if axes != asked:
        raise ValueError(
            f"store={str(path)!r} holds a sweep over {axes or 'nothing but seeds'}, this one is over {asked or 'nothing but seeds'}; "
            "values and seeds may be added to a store, axes may not: give another path"
        )
    for dimension, columns in plan.axes.items():
        for name, values in columns.items():
            if isinstance(values, Mapping) != isinstance(first[dimension][name], Mapping):
                kinds = ("objects", "numbers") if isinstance(values, Mapping) else ("numbers", "objects")
                raise ValueError(f"store={str(path)!r}: over[{name!r}] has {kinds[0]} here and {kinds[1]} there; give another path")
    _check_records(plan, store)
    return store


def _check_records(plan: Plan, store: Store) -> None:
    """Refuse points at which the records are not what the store has room for."""
    held, where = store.header["records"], f"store={str(store.path)!r}"
    if held.keys() != plan.fields.keys():
        raise ValueError(f"{where}: the records are {[*held]} there, {[*plan.fields]} at the new points; give another path")
    for name, field in plan.fields.items():
        array = store.array(name)
        there, here = (array.shape[1:], array.dtype), (field.shape, field.dtype)
        if there != here:
            raise ValueError(f"{where}: record {name!r} is {_shaped(*there)} there, {_shaped(*here)} at the new points; give another path")
        for dim, samples in field.coordinates.items():
            if dim in store.header["samples"] and not np.array_equal(store.header["samples"][dim], samples):
                raise ValueError(f"{where}: record {name!r} has another {dim!r} at the new points (another dt?); give another path")
        if not field.coordinates and any(dim in store.header["samples"] for dim in held[name]):
            raise ValueError(f"{where}: record {name!r} has one {held[name][0]!r} there, several at the new points; give another path")


def _shaped(shape: tuple[int, ...], dtype: np.dtype) -> str:
    return f"{dtype.name}{list(shape)}"


def _compute(plan: Plan, store: Store, jobs: list[Job], tally: Tally, asked: Callable[[], bool]) -> None:
    tally.halvings = max((run.get("halvings", 0) for run in store.runs), default=0)
    if plan.common.agree:
        for job in jobs:
            job.chunks = job.chunks[jax.process_index() :: jax.process_count()]
    total = sum(_lane_steps(job) for job in jobs)
    progress = Progress(total, plan.options.progress)
    try:
        for job in jobs:
            work(job.plan, store, job.chunks, tally, progress, asked)
    finally:
        progress.close()


def _lane_steps(job: Job) -> int:
    total = 0
    for chunk in job.chunks:
        part, number = job.plan.place(chunk)
        total += sum(int(kernel.real.sum()) for kernel in part.layout.kernels(number)) * part.steps
    return total


@contextlib.contextmanager
def _noted(plan: Plan, store: Store, tally: Tally, began: float, config: Any) -> Iterator[None]:
    """Keep a record of this run in the store, from its beginning on."""
    record = provenance(plan.common.devices, plan.common.dtype.name) | {
        "host": socket.gethostname(),
        "process": os.getpid(),
        "folder": os.getcwd(),
    }
    record |= {"shard": list(plan.options.shard)} if plan.options.shard else {}
    record |= {"config": config} if config is not None else {}
    name = f"{time.time_ns()}-{uuid.uuid4().hex[:6]}"  # in order of time

    def note(**more: Any) -> None:
        counts = {
            "lanes": tally.lanes,
            "diverged": tally.diverged,
            "chunks": tally.chunks,
            "failed": sum(len(f.lanes) for f in tally.failures),
        }
        kernels = {"halvings": tally.halvings, "lanes_per_kernel": max(1, plan.lanes >> tally.halvings)}
        seconds = {
            "total": round(time.perf_counter() - began, 3),
            "compile": round(tally.compiling.seconds, 3),
            "compute": round(tally.compute, 3),
            "write": round(tally.write, 3),
        }
        store.note_run(name, record | counts | kernels | {"seconds": seconds} | more)

    def note_or_fail(**more: Any) -> None:
        try:
            note(**more)
        except OSError as error:
            raise disk_failed(store, "the record of this run", error) from error

    tally.note = note_or_fail
    note_or_fail()
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            note(ended=now())
        raise
    note_or_fail(ended=now())
