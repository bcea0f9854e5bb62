"""A sweep on paper: everything checked, laid out in parts, kernels and chunks, before anything runs or is written."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neurojax.engine.compile import precision
from neurojax.engine.loop import Settings
from neurojax.engine.numerics import floating
from neurojax.engine.random import seed_key, stream_key
from neurojax.engine.schedule import check_step, plan
from neurojax.engine.simulate import check_phases, check_records, own_state, phase_variants, record_axes, watch_bounds
from neurojax.engine.state import Snapshot
from neurojax.sweep.axes import check_over, check_seeds
from neurojax.sweep.coordinates import Columns, contents, described, keys
from neurojax.sweep.devices import OWN_BYTES, chosen, first_lanes, free_memory, mesh_of
from neurojax.sweep.lanes import LaneShape, Setup, heavy, lane_shape, spread_of
from neurojax.sweep.layout import Layout, by_groups, kernel_shape, rectangles
from neurojax.sweep.machine import Common, Machine, Part
from neurojax.sweep.options import SweepOptions
from neurojax.sweep.points import Family, Grid, draw_recipes, families
from neurojax.sweep.provenance import Compiling, provenance
from neurojax.sweep.spec import describe, fingerprint, marks
from neurojax.sweep.store import Batch, Field

CHUNK_WORK = 2e9  # numbers that are read for a storage chunk: a second or two of one core, if each is read from its cache
CHUNK_BYTES = 64 << 20  # of a storage chunk of more than one kernel
HOST_COPIES = 8  # of a kernel's results on the host at the worst: as they come, joined, gathered, and waiting for the disk
MOST_KERNELS = 64  # of a storage chunk
LANES_IN_TURN = 2048  # of a kernel that computes them in turn
LEAST_CHUNKS = 32  # of a sweep that has as many kernels, so that shards get even parts


class Request(NamedTuple):
    """The arguments of `sweep`, but for the store."""

    system: Any
    over: Mapping[str, Any]
    dt: float
    duration: Any = None
    steps: int | None = None
    method: Any = None
    seeds: int | Sequence[int] = 1
    record: Any = None
    state: Any = None
    options: SweepOptions | None = None


class Seconds(NamedTuple):
    """What it took to plan, and to compile for that."""

    total: float
    compile: float


class Plan:
    """The parts of a sweep with their kernels, and the table that they fill.

    lanes, chunk: lanes per kernel and rows per storage chunk where a store has fixed them. store: its path, if it is to be told by it
    whether a later call is for the same.
    """

    def __init__(self, request: Request, lanes: int | None = None, chunk: int | None = None, store: Any = None):
        self.request = request
        system, over, dt, duration, steps, method, seeds, record, state, options = request
        if options is not None and not isinstance(options, SweepOptions):
            raise TypeError(f"options={options!r}: give nj.SweepOptions(...)")
        began, compiling = time.perf_counter(), Compiling()
        self.options = options = options or SweepOptions()
        records = check_records(record)
        grid = Grid(check_over(over))
        if not records:
            raise ValueError("record={}: a sweep keeps only what is recorded; give for example {'r': nj.Mean(nj.order_parameter)}")
        dtype, devices = floating(options.dtype), chosen(options.devices)
        setup = Setup(
            Settings(records, invariant=options.invariant), mesh_of(devices), options.rng == "paired", not isinstance(state, Snapshot)
        )
        first_step = state.step if isinstance(state, Snapshot) else 0
        self.common = Common(grid, check_seeds(seeds), setup, devices, dtype, state, first_step)
        self.arrays: dict[str, np.ndarray] = {}
        self.what = {
            "system": describe(system, self.arrays),
            "run": {
                "dt": describe(_as_time(dt)),
                "duration": describe(_as_time(duration), self.arrays),
                "steps": describe(steps),
                "method": describe(method, self.arrays),
                "state": describe(state, self.arrays, cast=True),
            },
            "records": {name: describe(one, self.arrays) for name, one in records},
            "options": {"rng": options.rng, "dtype": dtype.name}
            | ({"invariant": describe(options.invariant)} if options.invariant else {}),
        }
        self.axes: Columns = described(grid.axes, self.arrays)
        if store is not None:
            _check_told(store, self.what, self.axes)
        self.need = 0
        with precision(dtype), compiling.counted():
            self.parts = [self._part(family, dt, duration, steps) for family in families(system, grid, method, dtype)]
            self.fields = self._same_fields()
            self.lanes = lanes or options.lanes or self._lanes(max(self.parts, key=lambda part: part.carry_bytes))
        self.seconds = Seconds(time.perf_counter() - began, compiling.seconds)
        self.chunk = chunk or 0  # not chosen yet
        self.lay_out()
        if not self.chunk:
            self.chunk = self._rows_per_chunk()
            self.lay_out()

    def lay_out(self, missing: np.ndarray | None = None, kernels: Sequence[Sequence[int]] | None = None, first_chunk: int = 0) -> None:
        """Place lanes in kernels and chunks: all of them, or those marked in (points of the grid, seeds).

        kernels: their shapes by part, where a store has fixed them.
        """
        at, most = first_chunk, min(self.lanes, self.chunk or self.lanes)
        for number, part in enumerate(self.parts):
            points, seeds = len(part.family.points), len(self.common.seeds)
            everything = ((np.arange(points), np.arange(seeds)),)
            pieces = by_groups(everything if missing is None else rectangles(missing[part.family.points]), part.drawn.groups)
            if kernels is not None:
                shape = (kernels[number][0], kernels[number][1])
            else:
                # The shape that covers all pieces with the fewest kernels.
                shapes = [kernel_shape(len(own), len(theirs), most) for own, theirs in pieces] or [(1, 1)]
                shape = min(shapes, key=lambda one: Layout(pieces, one).kernel_count * one[0] * one[1])
            part.layout = Layout(pieces, shape, max(1, self.chunk // (shape[0] * shape[1])))
            if 0 < self.chunk < part.layout.lanes:
                raise RuntimeError(f"kernels of {part.layout.lanes} lanes outgrow chunks of {self.chunk} rows; please report this")
            part.first_chunk = at
            at += part.layout.chunk_count
        self.first_chunk, self.end_chunk = first_chunk, at

    def _rows_per_chunk(self) -> int:
        """Rows of a storage chunk: many small kernels, few large ones, so that a file holds about a second's work or more."""
        lanes = max(part.layout.lanes for part in self.parts)
        work = max(part.layout.lanes * part.steps * part.lane_numbers for part in self.parts)
        kernels = sum(part.layout.kernel_count for part in self.parts)
        fitting = CHUNK_BYTES // (lanes * self.row_bytes)
        return lanes * int(max(1, min(MOST_KERNELS, kernels // LEAST_CHUNKS, CHUNK_WORK // max(work, 1), fitting)))

    @property
    def row_bytes(self) -> int:
        """Bytes of a lane's records."""
        return sum(int(np.prod(field.shape, dtype=np.int64)) * field.dtype.itemsize for field in self.fields.values()) + 5

    def batch(self) -> Batch:
        """What the present layout adds to a store."""
        shapes = [list(part.layout.shape) for part in self.parts]
        return Batch(self.axes, self.common.seeds.tolist(), shapes, self.first_chunk, self.end_chunk - self.first_chunk)

    def place(self, chunk: int) -> tuple[Part, int]:
        """The part that a storage chunk belongs to, and its number there."""
        part = next(part for part in reversed(self.parts) if part.layout.chunk_count and part.first_chunk <= chunk)
        return part, chunk - part.first_chunk

    def _part(self, family: Family, dt: float, duration: Any, steps: int | None) -> Part:
        common, records = self.common, self.common.setup.settings.records
        if "steps" in family.run or "duration" in family.run:
            steps, duration = family.run.get("steps"), family.run.get("duration")
        dt = check_step(family.run.get("dt", dt))
        phases = plan(duration, steps, dt)
        family.together().check_dt(dt)
        if any(change for _, _, change in phases):
            check_phases(family.system(), phases, dt)
        bounds = watch_bounds(records, phases, common.first_step, dt)
        last = common.first_step + sum(count for _, count, _ in phases)
        key = seed_key(int(common.seeds[0]))
        drawn, words = draw_recipes(family, [stream_key(key, "structure")], common.dtype), np.asarray(jax.random.key_data(key))
        drawn = drawn.grouped(heavy(drawn, words, common.dtype, OWN_BYTES))
        spread, places, sample = spread_of(drawn, words, common.dtype)
        if common.state is None:
            state = own_state(sample, common.dtype)
        else:
            state = common.given(sample, [(int(family.points[0]), int(common.seeds[0]))])
            state = jax.tree.map(lambda leaf: leaf[0], state) if callable(common.state) else state
        shapes = [
            lane_shape(variant, common.setup.settings, jnp.asarray(dt, common.dtype), state, bounds)
            for variant in phase_variants(sample, phases, common.dtype)
        ]
        shape, used = shapes[0], frozenset().union(*(one.used for one in shapes))
        fields = _fields(shape, record_axes(records, bounds, common.first_step, last, dt))
        sizes, resting = (shape.carry_bytes, shape.sample_bytes), all(one.rests for one in shapes)
        return Part(family, drawn, spread, places, sample, dt, phases, bounds, *sizes, fields, used, resting)

    def _same_fields(self) -> dict[str, Field]:
        first, *others = self.parts
        for part in others:
            if part.fields.keys() != first.fields.keys():
                raise ValueError(f"record: it gives {[*first.fields]} at some points and {[*part.fields]} at others; make them one")
            for name, field in first.fields.items():
                if part.fields[name].shape != field.shape:
                    here, there = (self.common.values(int(p.family.points[0])) for p in (first, part))
                    raise ValueError(
                        f"record[{name!r}] has shape {field.shape} at {here}, but {part.fields[name].shape} at {there}; "
                        "in one sweep a record has one shape: record something reduced, or make two sweeps"
                    )
                if part.fields[name].dtype != field.dtype:
                    raise ValueError(
                        f"record[{name!r}] is {field.dtype} at some points and {part.fields[name].dtype} at others; make it one"
                    )
                differing = any(not np.array_equal(part.fields[name].coordinates[d], c) for d, c in field.coordinates.items())
                if differing:
                    # Each dt has times of its own: the axis then counts samples.
                    field.coordinates = {}
        names = {"seed", "status", "bad_step", "point", *self.common.grid.names, *self.common.grid.axes}
        for name in [*names, *first.fields]:
            if name in ("batches", "runs", "arrays", "zarr.json") or "/" in name or name.startswith((".", "__")):
                where = "record" if name in first.fields else "over"
                raise ValueError(f"{where}[{name!r}]: a store uses this name itself, or cannot hold it; choose another")
        dims = {dim: name for name, field in first.fields.items() for dim in field.dims}
        for name in first.fields:
            if name in names or name in dims:
                raise ValueError(f"record[{name!r}]: this name is an axis, another record's dimension, or taken; choose another")
        for name in names & dims.keys():
            raise ValueError(f"record[{dims[name]!r}] has a dimension {name!r}, as an axis is called; choose another name for the record")
        return first.fields

    def _sketch(self, part: Part, lanes: int) -> int:
        """Bytes that the compiled program needs for kernels of so many lanes."""
        points, seeds = len(part.family.points), len(self.common.seeds)
        pieces = by_groups(((np.arange(points), np.arange(seeds)),), part.drawn.groups)
        part.layout = Layout(pieces, kernel_shape(max(len(own) for own, _ in pieces), seeds, lanes))
        return Machine(part, self.common, sketch=True).memory()

    def _lanes(self, part: Part) -> int:
        """Lanes per kernel: what suits the cache, or fewer if the compiled program says that they do not fit the memory."""
        budget = self.options.max_memory or free_memory(self.common.devices)
        # The carry before and after a block, beside what the program needs within.
        platform, (by_point, by_seed) = self.common.devices[0].platform, part.own_bytes
        suited = first_lanes(part.carry_bytes, part.system_bytes, part.sharing, platform)
        if part.way(platform).seeds_in_turn:
            suited = max(suited, LANES_IN_TURN)
        lanes = max(1, min(suited, budget // (3 * part.carry_bytes + by_point + by_seed // part.together + 1)))
        # Work for every device of every shard, and results that the host can hold, of kernels at work and of chunks being written.
        shards = self.options.shard[1] if self.options.shard else 1
        most = max(len(p.family.points) for p in self.parts) * len(self.common.seeds)
        lanes = max(1, min(lanes, -(-most // (len(self.common.devices) * shards)), budget // (HOST_COPIES * self.row_bytes)))
        self.need = self._sketch(part, lanes)
        if self.need <= budget:
            return lanes
        most, need = part.layout.lanes, self.need
        self.need = self._sketch(part, max(1, most // 2))
        slope = max(1.0, (need - self.need) / max(1, most - part.layout.lanes))
        fixed = self.need - slope * part.layout.lanes
        if fixed + slope > budget:
            raise ValueError(f"max_memory={budget}: one lane needs about {int(fixed + slope):,} bytes; allow more, or record less")
        return int((budget - fixed) // slope)

    @property
    def lane_steps(self) -> int:
        """Steps of all lanes together."""
        return sum(len(part.family.points) * len(self.common.seeds) * part.steps for part in self.parts)

    def text(self) -> str:
        """The plan in words."""
        common, options = self.common, self.options
        dims = ", ".join(f"{name} {len(axis)}" for name, axis in common.grid.axes.items()) or "one point"
        lanes = common.grid.size * len(common.seeds)
        shapes = {(part.family.structure, part.layout.shape) for part in self.parts}
        kernels, chunks = sum(part.layout.kernel_count for part in self.parts), self.end_chunk - self.first_chunk
        carry, row = max(part.carry_bytes for part in self.parts), self.row_bytes
        lines = [
            f"{common.grid.size} points ({dims}) x {len(common.seeds)} seeds = {lanes} lanes, {self.lane_steps:.3g} lane-steps",
            f"{common.dtype.name}, rng {options.rng}, {len(self.parts)} group(s) of one static shape, about {len(shapes)} program(s)",
            f"{kernels} kernels of up to {max(part.layout.lanes for part in self.parts)} lanes on {len(common.devices)} device(s)"
            f" ({common.devices[0].device_kind})",
            f"a lane carries {carry:,} bytes" + (f"; a device needs about {self.need:,} bytes" if self.need else ""),
            f"the store holds {chunks} chunks of {self.chunk} rows of {row:,} bytes: {chunks * self.chunk * row:,} before compression",
        ]
        return "\n".join(lines)

    def header(self) -> dict[str, Any]:
        """Attributes of a new store."""
        return {
            "fingerprint": fingerprint(self.what),
            "what": self.what,
            "columns": [name for columns in self.axes.values() for name in columns],
            "chunk": self.chunk,
            "lanes": self.lanes,
            "records": {name: list(field.dims) for name, field in self.fields.items()},
            "samples": {dim: axis.tolist() for field in self.fields.values() for dim, axis in field.coordinates.items()},
            "provenance": provenance(self.common.devices, self.common.dtype.name),
        }

    def table(self, earlier: Sequence[Batch] = ()) -> dict[str, np.ndarray]:
        """Coordinates of every row of the batch: numbers, places among the objects known so far, seeds; padding NaN or -1."""
        known = contents([*(batch.axes for batch in earlier), self.axes])
        rows, start = (self.end_chunk - self.first_chunk) * self.chunk, self.first_chunk * self.chunk
        axes = self.common.grid.axes.items()
        columns = {(dim, name): keys(self.axes[dim][name], known.get(name, [])) for dim, axis in axes for name in axis.columns}
        table = {name: np.full(rows, -1 if values.dtype.kind == "i" else np.nan, values.dtype) for (_, name), values in columns.items()}
        table["seed"] = np.full(rows, -1, np.int64)
        for part in self.parts:
            for number in range(part.layout.chunk_count):
                first = (part.first_chunk + number) * self.chunk - start
                for kernel in part.layout.kernels(number):
                    real = kernel.real
                    at = first + kernel.rows[real]
                    table["seed"][at] = np.broadcast_to(self.common.seeds[kernel.seeds][:, None], real.shape)[real]
                    where = self.common.grid.place(np.broadcast_to(part.family.points[kernel.points], real.shape)[real])
                    for (dim, name), values in columns.items():
                        table[name][at] = values[where[dim]]
        return table


def _as_time(value: Any) -> Any:
    """A time as the float that it stands for; what is none as it is."""
    return float(value) if isinstance(value, int | np.integer) and not isinstance(value, bool) else value


def _check_told(store: Any, what: Mapping[str, Any], axes: Columns) -> None:
    """Refuse what a store could not tell from another of its kind, and say of what it will not see that it has changed."""
    records = {f"record[{name!r}]": one for name, one in what["records"].items()}
    columns = [(name, column) for columns in axes.values() for name, column in columns.items() if isinstance(column, Mapping)]
    over = {f"over[{name!r}]": column["values"] for name, column in columns}
    arguments, unseen = {"system": what["system"], **what["run"], **records, **what["options"], **over}, []
    for argument, description in arguments.items():
        for path, mark, kind in marks(description):
            if mark == "indescribable":
                raise ValueError(
                    f"store={str(store)!r}: {argument}{path} is a {kind}, which cannot be told from another when the sweep is resumed; "
                    "make it a frozen dataclass, an equinox.Module or a function"
                )
            unseen.append(f"{argument}{path} (a {kind})")
    if unseen:
        warnings.warn(
            f"store={str(store)!r} will not see when these change, and then mix results: {', '.join(unseen[:5])}"
            f"{', ...' if len(unseen) > 5 else ''}; make them arrays, numbers or frozen dataclasses",
            stacklevel=5,
        )


def _fields(shape: LaneShape, axes: Mapping[str, tuple[str, np.ndarray]]) -> dict[str, Field]:
    fields = {}
    for name, result in shape.results.items():
        axis = axes.get(name)
        lead = (len(axis[1]),) if axis and name in shape.sample_bytes else ()
        for own, leaf in flattened(name, result).items():
            whole = lead + leaf.shape
            dims = [f"{own}_{i}" for i in range(len(whole))]
            coordinates = {}
            if axis and whole:
                dims[0] = f"{name}_{axis[0]}"
                coordinates = {dims[0]: axis[1]}
            fields[own] = Field(whole, leaf.dtype, tuple(dims), coordinates)
    return fields


def flattened(name: str, result: Any) -> dict[str, Any]:
    """A record's result by name, a pytree's leaves as `name.part`."""
    leaves = jax.tree_util.tree_leaves_with_path(result)
    return {name + "".join(f".{getattr(k, 'name', getattr(k, 'key', getattr(k, 'idx', k)))}" for k in path): leaf for path, leaf in leaves}
