"""The work on a store: kernels launched on the devices, their lanes gathered into chunks, chunks written while the next ones run."""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from neurojax.engine.loop import NEVER
from neurojax.sweep.files import reason
from neurojax.sweep.layout import Kernel, halved
from neurojax.sweep.machine import Machine, Part, Results
from neurojax.sweep.plan import Plan, flattened
from neurojax.sweep.progress import Progress
from neurojax.sweep.provenance import Compiling
from neurojax.sweep.store import DIVERGED, DONE, PADDING, Store, StoreError

PENDING_WRITES = 2  # chunks that may wait for the disk
NOTE_SECONDS = 10.0  # between the notes of a run on how far it is


class Failure(NamedTuple):
    """Lanes that an exception kept from being computed."""

    lanes: list[dict[str, Any]]
    error: Exception


@dataclasses.dataclass
class Tally:
    """What a process did for a store. halvings: how often kernels were halved for lack of memory. note: writes it down."""

    lanes: int = 0
    diverged: int = 0
    chunks: int = 0
    compute: float = 0.0
    write: float = 0.0
    halvings: int = 0
    compiling: Compiling = dataclasses.field(default_factory=Compiling)
    failures: list[Failure] = dataclasses.field(default_factory=list)
    note: Callable[[], None] = lambda: None
    noted: float = 0.0  # when it was last

    def note_now_and_then(self) -> None:
        """Write it down if that was some seconds ago."""
        if time.monotonic() - self.noted > NOTE_SECONDS:
            self.note()
            self.noted = time.monotonic()


class _Buffer:
    """A chunk being gathered."""

    def __init__(self, store: Store, plan: Plan, kernels: int):
        self.left, rows = kernels, store.chunk
        self.records = {
            name: np.full((rows, *field.shape), np.nan if field.dtype.kind in "fc" else 0, field.dtype)
            for name, field in plan.fields.items()
        }
        self.bad = np.full(rows, NEVER, np.int32)
        self.status = np.full(rows, PADDING, np.int8)

    def take(self, kernel: Kernel, results: Results, place: int) -> None:
        """The lanes of one device's kernel."""
        real = kernel.real
        rows = kernel.rows[real]
        for name, result in results.records.items():
            for own, leaf in flattened(name, result).items():
                self.records[own][rows] = leaf[place][real]
        self.bad[rows] = results.bad[place][real]
        self.status[rows] = np.where(self.bad[rows] == NEVER, DONE, DIVERGED)
        self.left -= 1


class Writer:
    """Commits chunks from a thread of its own, a few of them ahead; a failing disk is reported by the next call."""

    def __init__(self, store: Store, tally: Tally):
        self.store, self.tally = store, tally
        self.pool = concurrent.futures.ThreadPoolExecutor(1, "neurojax-store")
        self.pending: collections.deque[tuple[int, concurrent.futures.Future]] = collections.deque()

    def __enter__(self) -> Writer:
        return self

    def commit(self, chunk: int, buffer: _Buffer) -> None:
        """Hand a chunk over."""
        self.wait(PENDING_WRITES - 1)
        self.pending.append((chunk, self.pool.submit(self._write, chunk, buffer)))

    def _write(self, chunk: int, buffer: _Buffer) -> None:
        began = time.perf_counter()
        self.store.commit(chunk, buffer.records, buffer.status, buffer.bad)
        self.tally.write += time.perf_counter() - began
        self.tally.chunks += 1

    def wait(self, most: int = 0) -> None:
        """Until at most so many chunks wait."""
        while len(self.pending) > most:
            chunk, future = self.pending.popleft()
            try:
                future.result()
            except Exception as error:
                raise disk_failed(self.store, f"chunk {chunk}", error) from error

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            if kind is None or not issubclass(kind, StoreError):
                self.wait()
        finally:
            self.pool.shutdown(cancel_futures=True)


def disk_failed(store: Store, what: str, error: Exception) -> StoreError:
    """The error that says what the disk refused, and what to do."""
    failed = StoreError(
        f"store={str(store.path)!r}: {what} could not be written ({reason(error)}); what was committed before is safe. "
        f"When the disk takes data again, finish with: neurojax resume {store.path} (or the same call)"
    )
    failed.errno = error.errno if isinstance(error, OSError) else None
    return failed


def work(plan: Plan, store: Store, chunks: Sequence[int], tally: Tally, progress: Progress, asked: Callable[[], bool]) -> None:
    """Compute and commit chunks of a laid-out plan. An exception keeps its own chunks from being computed, and is put on the tally."""
    with Writer(store, tally) as writer:
        for part in plan.parts:
            own = range(part.first_chunk, part.first_chunk + part.layout.chunk_count)
            mine = [chunk for chunk in chunks if chunk in own]
            # The processes of one program stop together: one that left by itself would keep the others waiting.
            stop = plan.common.agree([asked()])[0] if plan.common.agree else asked() or not mine
            if not stop:
                _Work(plan, store, part, tally, progress, asked, writer).do(mine)


@dataclasses.dataclass
class _Work:
    """One part's chunks on this process's devices."""

    plan: Plan
    store: Store
    part: Part
    tally: Tally
    progress: Progress
    asked: Callable[[], bool]
    writer: Writer

    def __post_init__(self):
        self.devices = len(self.plan.common.local)
        self.buffers: dict[int, _Buffer] = {}
        self.failed: dict[int, Exception] = {}

    def do(self, chunks: Sequence[int]) -> None:
        """All of them."""
        common = self.plan.common
        todo = collections.deque((chunk, kernel) for chunk in chunks for kernel in self._kernels(chunk))
        launches = -(-len(todo) // self.devices)
        if common.agree:
            # One program on several hosts: those with less to do go along, and keep nothing.
            launches = int(common.agree([launches])[0])
        if not launches:
            return
        try:
            machine = Machine(self.part, common)
            machine.pace.clock = lambda: time.perf_counter() - self.tally.compiling.seconds
        except Exception as error:
            if common.agree:
                raise
            self._fail(chunks, error)
            return
        spare, alone = self._kernels(self.part.first_chunk)[0], 0  # kernels at the head that are launched by themselves
        while todo or (common.agree and launches > 0):
            group = [todo.popleft() for _ in range(min(1 if alone else self.devices, len(todo)))]
            launches, alone = launches - 1, max(0, alone - 1)
            group = [(chunk, kernel) for chunk, kernel in group if chunk not in self.failed]
            if not group and not common.agree:
                continue
            try:
                finished = self._launch(machine, group, spare)
            except Exception as error:
                if common.agree or isinstance(error, StoreError):
                    raise
                if _is_out_of_memory(error):
                    self._halve(spare, error)
                    todo = collections.deque((chunk, half) for chunk, kernel in [*group, *todo] for half in halved([kernel], 1))
                    spare, alone = halved([spare], 1)[0], 0
                    for chunk in {chunk for chunk, _ in todo}:
                        if chunk in self.buffers:
                            self.buffers[chunk].left = sum(own == chunk for own, _ in todo)
                elif len({chunk for chunk, _ in group}) > 1:
                    # One of them is at fault: each once more, by itself.
                    todo.extendleft(reversed(group))
                    alone = len(group)
                else:
                    self._fail([group[0][0]], error)
                continue
            if not finished or (self.asked() and not common.agree):
                break
        self.tally.compute += machine.pace.seconds

    def _kernels(self, chunk: int) -> list[Kernel]:
        kernels = self.part.layout.kernels(chunk - self.part.first_chunk)
        return halved(kernels, self.tally.halvings)

    def _launch(self, machine: Machine, group: Sequence[tuple[int, Kernel]], spare: Kernel) -> bool:
        """Run kernels, one for each device; False where it was asked to stop before they had finished."""
        kernels = [kernel for _, kernel in group]
        filled = kernels + (kernels[-1:] or [spare]) * (self.devices - len(kernels))
        lanes = sum(int(kernel.real.sum()) for kernel in kernels)
        results = machine.run(filled, report=self.progress.reporter(lanes), stop_requested=self.asked)
        if results.reached < self.plan.common.first_step + self.part.steps:
            return False
        for place, (chunk, kernel) in enumerate(group):
            if chunk not in self.buffers:
                self.buffers[chunk] = _Buffer(self.store, self.plan, len(self._kernels(chunk)))
            buffer = self.buffers[chunk]
            buffer.take(kernel, results, place)
            if not buffer.left:
                self.writer.commit(chunk, self.buffers.pop(chunk))
                self.tally.note_now_and_then()
            own, bad = int(kernel.real.sum()), int((results.bad[place][kernel.real] != NEVER).sum())
            self.tally.lanes, self.tally.diverged = self.tally.lanes + own, self.tally.diverged + bad
            self.progress.finished(own, bad)
        return True

    def _fail(self, chunks: Sequence[int], error: Exception) -> None:
        for chunk in chunks:
            self.failed[chunk] = error
            self.buffers.pop(chunk, None)
        lanes = [lane for chunk in chunks for lane in self.lanes(chunk)]
        self.tally.failures.append(Failure(lanes, error))

    def lanes(self, chunk: int) -> list[dict[str, Any]]:
        """Coordinates of a chunk's lanes."""
        found, common = [], self.plan.common
        for kernel in self.part.layout.kernels(chunk - self.part.first_chunk):
            for seed, point in np.argwhere(kernel.real):
                values = common.values(int(self.part.family.points[kernel.points[point]]))
                found.append({**values, "seed": int(common.seeds[kernel.seeds[seed]])})
        return found

    def _halve(self, kernel: Kernel, error: Exception) -> None:
        if kernel.rows.size == 1:
            raise MemoryError(f"one lane does not fit the device's memory ({reason(error)}); record less, or use another device") from error
        self.tally.halvings += 1
        self.tally.note()  # before a lane is computed so: whoever goes on must know


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
