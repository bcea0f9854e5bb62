"""Jobs that share a static shape run as one program: their numbers and seeds are the axes of one sweep."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr

import neurojax as nj
from experiments.multiscale_memory.settings import Setup


@dataclasses.dataclass(frozen=True)
class Group:
    """Jobs of one program: their numbers (in the order of the jobs), and the columns, by attribute path, in which they differ."""

    numbers: list[int]
    setups: list[Setup]
    columns: dict[str, list[float]]


@dataclasses.dataclass(frozen=True)
class Saving:
    """jobs in one program, its shape, seconds of the sweep and of compiling in it; and the same of its last job run alone (None: not)."""

    jobs: int
    shape: str
    seconds: float
    compiling: float
    alone: float | None = None
    compiling_alone: float | None = None

    @property
    def one_by_one(self) -> float | None:
        """Seconds that all jobs would take one after the other in one process, which keeps a program once it is compiled."""
        if self.alone is None or self.compiling_alone is None:
            return None
        return self.compiling_alone + self.jobs * (self.alone - self.compiling_alone)

    @property
    def apart(self) -> float | None:
        """Seconds in as many processes one after the other, each of which compiles."""
        return None if self.alone is None else self.jobs * self.alone


def grouped(setups: Sequence[Setup]) -> list[Group]:
    """Setups by program: those that differ in nothing but numbers and seeds."""
    groups: dict[Any, list[int]] = {}
    for number, setup in enumerate(setups):
        groups.setdefault(_shape(setup), []).append(number)
    return [Group(numbers, own := [setups[i] for i in numbers], _columns(own)) for numbers in groups.values()]


def _leaves(model: Any) -> tuple[list[tuple[str, Any]], Any]:
    leaves, structure = jax.tree_util.tree_flatten_with_path(model)
    return [(jax.tree_util.keystr(path, simple=True, separator="."), leaf) for path, leaf in leaves], structure


def _is_number(leaf: Any) -> bool:
    return isinstance(leaf, int | float) and np.isfinite(leaf)


def _shape(setup: Setup) -> Any:
    """Equal for setups of one program. Infinite numbers and arrays are no axis, and belong to it."""
    leaves, structure = _leaves(setup.model)
    fixed = tuple((name, np.asarray(leaf).tobytes()) for name, leaf in leaves if not _is_number(leaf))
    return structure, fixed, tuple(sorted(setup.run.items())), tuple(setup.record.items())


def _columns(setups: Sequence[Setup]) -> dict[str, list[float]]:
    rows = [dict(_leaves(setup.model)[0]) for setup in setups]
    return {
        name: [row[name] for row in rows] for name, leaf in rows[0].items() if _is_number(leaf) and len({row[name] for row in rows}) > 1
    }


def store_names(groups: Sequence[Group]) -> list[str]:
    """Of the stores of programs: by their sizes, so that others beside them change none; kinds of one size by their number."""
    known: dict[str, int] = {}
    names = []
    for group in groups:
        first = group.setups[0]
        name = f"N{first.model.n}_K{first.model.stream.count(first.model.n)}_{first.run['steps']}"
        known[name] = known.get(name, 0) + 1
        names.append(name if known[name] == 1 else f"{name}_{known[name]}")
    return names


def shape_of(setup: Setup) -> str:
    """In words."""
    model = setup.model
    return f"{type(model).__name__}, N = {model.n}, K = {model.stream.count(model.n)}, {setup.run['steps']} steps"


class Place(NamedTuple):
    """Where a run is stored: its sweep, its point there, its seed."""

    store: Path | None
    job: int
    seed: int


def swept(group: Group, store: Path | None, devices: Any, lanes: int | None) -> tuple[list[tuple[xr.Dataset, Place]], Saving]:
    """The jobs' runs, in the order of the group, and what they took. store: a folder; one sweep for each set of seeds that points share."""
    points = {i: tuple(values[i] for values in group.columns.values()) for i in range(len(group.setups))}
    seeds_of: dict[tuple, list[int]] = {}
    for i, point in points.items():
        seeds_of.setdefault(point, []).append(group.setups[i].seed)
    by_seeds: dict[tuple[int, ...], list[tuple]] = {}
    for point, seeds in seeds_of.items():
        by_seeds.setdefault(tuple(sorted(set(seeds))), []).append(point)
    found: dict[tuple, tuple[xr.Dataset, Place]] = {}
    began = time.perf_counter()
    with compiling() as spent:
        for number, (seeds, own) in enumerate(by_seeds.items()):
            path = None if store is None else store if len(by_seeds) == 1 else store.with_suffix(f".{number}.zarr")
            data = _sweep(group, own, seeds, path, devices, lanes)
            for i, point in enumerate(own):
                found |= {(point, seed): (data.isel(job=i).sel(seed=seed), Place(path, i, seed)) for seed in seeds}
    seconds = time.perf_counter() - began
    runs = [found[points[i], setup.seed] for i, setup in enumerate(group.setups)]
    return runs, Saving(len(runs), shape_of(group.setups[0]), seconds, spent[0])


def _sweep(group: Group, points: Sequence[tuple], seeds: Sequence[int], store: Path | None, devices: Any, lanes: int | None) -> xr.Dataset:
    first = group.setups[0]
    if group.columns:
        names = list(group.columns)
        columns = {name: [point[i] for point in points] for i, name in enumerate(names)}
    else:
        name, value = next((name, leaf) for name, leaf in _leaves(first.model)[0] if _is_number(leaf))
        columns = {name: [value]}
    run = {key: value for key, value in first.run.items() if key != "dtype"}
    options = nj.SweepOptions(dtype=first.run["dtype"], devices=devices, lanes=lanes)
    return nj.sweep(first.model, {"job": nj.zip(columns)}, seeds=list(seeds), record=first.record, store=store, options=options, **run)


def alone(group: Group, saving: Saving, devices: Any) -> Saving:
    """With the time of the group's last job by itself: a program of its own, as a process of its own would have it."""
    last = group.setups[-1]
    began = time.perf_counter()
    with compiling() as spent:
        _sweep(Group([0], [last], {}), [()], [last.seed], None, devices, None)
    return dataclasses.replace(saving, alone=time.perf_counter() - began, compiling_alone=spent[0])


@contextlib.contextmanager
def compiling() -> Iterator[list[float]]:
    """Seconds that JAX spends on tracing, lowering and compiling while this is entered, in a list of one."""
    from neurojax.sweep.provenance import Compiling

    spent, heard = [0.0], Compiling()
    with heard.counted():
        try:
            yield spent
        finally:
            spent[0] = heard.seconds
