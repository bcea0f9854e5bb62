"""What a request wants of a store, batch by batch: the chunks that are to do, and lanes that have to be added."""

from __future__ import annotations

import dataclasses

import numpy as np

from neurojax.sweep.coordinates import Column, axes_of, contents, grid_places, labelled_axes, same
from neurojax.sweep.plan import Plan
from neurojax.sweep.store import DIVERGED, TO_DO, Batch, Store


@dataclasses.dataclass
class Job:
    """Chunks of one batch, and the plan that is laid out for them."""

    plan: Plan
    chunks: list[int]


class Wanted:
    """Which chunks of a store a request is for, those that it has to add included."""

    def __init__(self, plan: Plan, store: Store, whole: bool):
        self.plan, self.store, self.whole = plan, store, whole
        self.axes: dict[str, dict[str, Column]] = {}  # of the request, once its jobs are known
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
        rows, wanted = self.store.row_count(batches), None
        if not self.whole and not (len(batches) == 1 and self._is_own(batches[0])):
            numbers = grid_places(self.axes, self.plan.common.seeds, lambda name: self.store.read(name, rows))
            missing = _missing(self.plan, numbers)
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
        todo = self._todo(wanted, rows)
        jobs = []
        for number, batch in enumerate(batches):
            chunks = [int(c) for c in todo if batch.first_chunk <= c < batch.first_chunk + batch.chunks]
            if chunks:
                jobs.append(Job(self.plan_of(number), chunks))
        return jobs

    def _todo(self, wanted: np.ndarray | None, rows: int) -> np.ndarray:
        """Of the wanted chunks, this shard's with lanes to do, or with diverged ones that are to be tried again, or that are damaged."""
        status = self.store.status(rows).reshape(-1, self.store.chunk)
        todo = (status == TO_DO).any(axis=1)
        if self.plan.options.retry == "diverged":
            todo |= (status == DIVERGED).any(axis=1)
        own = np.arange(len(status)) if wanted is None else wanted
        if self.plan.options.shard:
            number, count = self.plan.options.shard
            own = own[own % count == number]
        todo[self.store.damaged(own[~todo[own]].tolist())] = True
        return own[todo[own]]

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
            missing = _missing(plan, grid_places(axes, plan.common.seeds, lambda name: self.store.read(name, rows)))
        plan.lay_out(missing, batch.kernels, batch.first_chunk)
        if plan.end_chunk != batch.first_chunk + batch.chunks:
            raise ValueError(
                f"store={str(self.store.path)!r}: its batch {number} has {batch.chunks} chunks, this version lays out "
                f"{plan.end_chunk - batch.first_chunk}; finish it with the version that made it, or give another path"
            )
        self.plans[number] = plan
        return plan


def _missing(plan: Plan, numbers: np.ndarray) -> np.ndarray:
    """Lanes of a plan's grid, (points, seeds), that no row holds."""
    missing = np.ones((plan.common.grid.size, len(plan.common.seeds)), bool)
    missing.flat[numbers[numbers >= 0]] = False
    return missing
