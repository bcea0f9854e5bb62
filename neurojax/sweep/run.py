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
from neurojax.sweep.coordinates import axes_of, contents, grid_places, labelled_axes, same
from neurojax.sweep.dataset import labelled
from neurojax.sweep.devices import meet
from neurojax.sweep.files import holds_something
from neurojax.sweep.options import SweepOptions
from neurojax.sweep.plan import Plan, Request
from neurojax.sweep.progress import Progress
from neurojax.sweep.provenance import now, provenance
from neurojax.sweep.spec import describe, differences, fingerprint, indescribable, rebuild
from neurojax.sweep.store import DIVERGED, DONE, TO_DO, Batch, Store
from neurojax.sweep.work import Tally, disk_failed, work

if TYPE_CHECKING:
    import xarray as xr


class SweepInterrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM during a sweep: `.data` holds what was finished; the same call on the same store does the rest."""

    def __init__(self, data: xr.Dataset, where: str, signal: int):
        done = int(np.isin(data.status.values, (DONE, DIVERGED)).sum())
        super().__init__(f"stopped with {done} of {data.status.size} lanes done; {where}")
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


def request_of(
    store: Store, options: SweepOptions | None = None, system: Any = None, record: Mapping[str, Record] | None = None, state: Any = None
) -> Request:
    """The call that made a store, built again from what the store says of it, but for what is given."""
    what, kept, first = store.header["what"], store.kept, store.batches[0]

    def built(kind: str) -> dict[str, Any]:
        at_hand = {"state": state} if kind == "run" and state is not None else {}
        return {name: at_hand[name] if name in at_hand else rebuild(one, kept) for name, one in what[kind].items()}

    try:
        system = rebuild(what["system"], kept) if system is None else system
        record = built("records") if record is None else record
        run, own, over = built("run"), built("options"), axes_of(first, {}, kept)
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
    if path is not None and (unknown := indescribable(describe(request._replace(options=None)))):
        raise ValueError(
            f"store={str(path)!r}: a {unknown} cannot be told from another when the sweep is resumed; "
            "make it a frozen dataclass, an equinox.Module or a function"
        )
    held = Store.open(path, mode="r+") if path is not None and holds_something(path) else None
    return Plan(request, held.header["lanes"], held.chunk) if held else Plan(request)


def perform(plan: Plan, path: str | os.PathLike | None, *, whole: bool = False, config: Any = None) -> xr.Dataset:
    """Compute what a store lacks of a plan, or (`whole`) of all that it was ever asked for.

    config: the way to ask for this again, which a new store and the record of this run keep.
    """
    began, tally = time.perf_counter(), Tally()
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
    for name, field in plan.fields.items():
        if store.array(name).shape[1:] != field.shape:
            raise ValueError(
                f"store={str(path)!r}: record {name!r} has shape {store.array(name).shape[1:]} there, {field.shape} at the new points; "
                "give another path"
            )
    return store


@dataclasses.dataclass
class Job:
    """Chunks of one batch, and the plan that is laid out for them."""

    plan: Plan
    chunks: list[int]


class Wanted:
    """Which chunks of a store a request is for, those that it has to add included."""

    def __init__(self, plan: Plan, store: Store, whole: bool):
        self.plan, self.store, self.whole = plan, store, whole
        self.plans: dict[int, Plan] = {}

    def ensure(self) -> None:
        """See to it that all batches have their rows."""
        for number, batch in enumerate(self.store.batches):
            self.store.ensure(batch, lambda n=number: self.plan_of(n).table(self.store.batches[:n]))

    def jobs(self, added: bool = False) -> list[Job]:
        """What is to be computed, batch by batch; `added`: all lanes have their rows by now."""
        batches = self.store.batches
        self.ensure()
        self.axes = labelled_axes(self.plan.axes, contents([*(b.axes for b in batches), self.plan.axes]))
        wanted = None
        if not self.whole and not (len(batches) == 1 and self._is_own(batches[0])):
            numbers = grid_places(self.axes, self.plan.common.seeds, self.store.read)
            missing = self._missing(self.plan, numbers)
            if missing.any():
                if added:
                    raise RuntimeError(f"store={str(self.store.path)!r}: lanes that were added cannot be found again; please report this")
                last = batches[-1]
                self.store.keep(self.plan.arrays)
                self.plan.lay_out(missing, first_chunk=last.first_chunk + last.chunks)
                mine = self.store.add(self.plan.batch(), len(batches))
                if mine:
                    self.plans[len(batches)] = self.plan
                return self.jobs(added=mine)  # with the batch that was added, by this process or by one that was faster
            wanted = np.unique(np.flatnonzero(numbers >= 0) // self.store.chunk)
        todo = self._todo(wanted)
        jobs = []
        for number, batch in enumerate(batches):
            chunks = [int(c) for c in todo if batch.first_chunk <= c < batch.first_chunk + batch.chunks]
            if chunks:
                jobs.append(Job(self.plan_of(number), chunks))
        return jobs

    def _todo(self, wanted: np.ndarray | None) -> np.ndarray:
        """Of the wanted chunks, this shard's with lanes to do, or with diverged ones that are to be tried again, or that are damaged."""
        status = self.store.status().reshape(-1, self.store.chunk)
        todo = (status == TO_DO).any(axis=1)
        if self.plan.options.retry == "diverged":
            todo |= (status == DIVERGED).any(axis=1)
        own = np.arange(len(status)) if wanted is None else wanted
        if self.plan.options.shard:
            number, count = self.plan.options.shard
            own = own[own % count == number]
        todo[self.store.damaged(own[~todo[own]].tolist())] = True
        return own[todo[own]]

    def _missing(self, plan: Plan, numbers: np.ndarray) -> np.ndarray:
        """Lanes of a plan's grid, (points, seeds), that no row holds."""
        missing = np.ones((plan.common.grid.size, len(plan.common.seeds)), bool)
        missing.flat[numbers[numbers >= 0]] = False
        return missing

    def _is_own(self, batch: Batch) -> bool:
        return same(batch.axes, self.plan.axes) and batch.seeds == self.plan.common.seeds.tolist()

    def plan_of(self, number: int) -> Plan:
        """A plan laid out as a batch of the store is."""
        if number in self.plans:
            return self.plans[number]
        batches = self.store.batches
        batch, plan = batches[number], self.plan
        if not self._is_own(batch) or plan in self.plans.values():
            over = axes_of(batch, self.plan.common.grid.axes, self.store.kept)
            plan = Plan(self.plan.request._replace(over=over, seeds=batch.seeds), self.store.header["lanes"], self.store.chunk)
        missing = None
        if number:
            rows = batch.first_chunk * self.store.chunk
            axes = labelled_axes(plan.axes, contents(b.axes for b in batches))
            numbers = grid_places(axes, plan.common.seeds, lambda name: self.store.read(name)[:rows])
            missing = self._missing(plan, numbers)
        plan.lay_out(missing, batch.kernels, batch.first_chunk)
        if plan.end_chunk != batch.first_chunk + batch.chunks:
            raise ValueError(
                f"store={str(self.store.path)!r}: its batch {number} has {batch.chunks} chunks, this version lays out "
                f"{plan.end_chunk - batch.first_chunk}; finish it with the version that made it, or give another path"
            )
        self.plans[number] = plan
        return plan


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

    try:
        note()
    except OSError as error:
        raise disk_failed(store, "the record of this run", error) from error
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            note(ended=now())
        raise
    try:
        note(ended=now())
    except OSError as error:
        raise disk_failed(store, "the record of this run", error) from error
