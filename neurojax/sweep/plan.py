"""A sweep on paper: everything checked, laid out in parts, tiles and rows, before anything runs or is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from neurojax.engine.compile import precision
from neurojax.engine.loop import Settings
from neurojax.engine.numerics import cast, floating
from neurojax.engine.random import seed_key, stream_key
from neurojax.engine.schedule import Schedule, check_step, plan
from neurojax.engine.simulate import check_phases, check_records, integrated, phase_variants, record_axes, watch_bounds
from neurojax.engine.state import Snapshot
from neurojax.engine.system import Flow, System
from neurojax.sweep.axes import check_over, check_seeds
from neurojax.sweep.devices import chosen, first_lanes, free_memory, mesh_of
from neurojax.sweep.lanes import LaneShape, Setup, lane_shape, layout_of
from neurojax.sweep.machine import Common, Machine, Part
from neurojax.sweep.options import SweepOptions
from neurojax.sweep.points import Family, Grid, draw_recipes, families, tiling
from neurojax.sweep.store import Field, describe, fingerprint, provenance


class Plan:
    """The parts of a sweep with their tiles, and the table that they fill."""

    def __init__(
        self, system, over, dt, duration, steps, method, seeds, record, state, options: SweepOptions | None, lanes: int | None = None
    ):
        self.options = options = options or SweepOptions()
        records = check_records(record)
        grid = Grid(check_over(over))
        if not records:
            raise ValueError("record={}: a sweep keeps only what is recorded; give for example {'r': nj.Mean(nj.order_parameter)}")
        dtype, devices = floating(options.dtype), chosen(options.devices)
        setup = Setup(Settings(records), mesh_of(devices), options.rng == "paired", not isinstance(state, Snapshot))
        first_step = state.step if isinstance(state, Snapshot) else 0
        self.common = Common(grid, check_seeds(seeds), setup, devices, dtype, state, first_step)
        self.what = {
            "system": describe(system),
            "run": {"dt": dt, "duration": describe(duration), "steps": steps, "method": describe(method), "state": describe(state)},
            "records": describe(dict(records)),
            "options": {"rng": options.rng, "dtype": dtype.name},
        }
        self.need = 0
        with precision(dtype):
            if isinstance(system, Flow | System) and isinstance(duration, Schedule):
                check_phases(integrated(system, method), plan(duration, steps, check_step(dt)))
            self.parts = [self._part(family, dt, duration, steps) for family in families(system, grid, method, dtype)]
            self.fields = self._same_fields()
            self.lanes = lanes or options.lanes or self._lanes(max(self.parts, key=lambda part: part.carry_bytes))
        for part in self.parts:
            part.tiles = self._tiles(part, self.lanes)
        self.chunk = max(part.tiles.lanes for part in self.parts)
        self.rows = 0
        for part in self.parts:
            part.first_row = self.rows
            self.rows += part.tiles.count * self.chunk

    def _part(self, family: Family, dt: float, duration: Any, steps: int | None) -> Part:
        common, records = self.common, self.common.setup.settings.records
        if "steps" in family.run or "duration" in family.run:
            steps, duration = family.run.get("steps"), family.run.get("duration")
        dt = check_step(family.run.get("dt", dt))
        phases = plan(duration, steps, dt)
        bounds = watch_bounds(records, phases, common.first_step, dt)
        last = common.first_step + sum(count for _, count, _ in phases)
        key = seed_key(int(common.seeds[0]))
        drawn = draw_recipes(family, [stream_key(key, "structure")], common.dtype)
        layout, sample = layout_of(drawn, np.asarray(jax.random.key_data(key)), common.dtype)
        state = common.given(sample, int(family.points[0]), int(common.seeds[0]))
        if state is None:
            state = eqx.filter_eval_shape(lambda system: cast(system.init(jax.random.key(0)), common.dtype), sample)
        shapes = [
            lane_shape(variant, common.setup.settings, jnp.asarray(dt, common.dtype), state, bounds)
            for variant in phase_variants(sample, phases, common.dtype)
        ]
        shape, used = shapes[0], frozenset().union(*(one.used for one in shapes))
        fields = _fields(shape, record_axes(records, bounds, common.first_step, last, dt))
        return Part(family, drawn, layout, sample, dt, phases, bounds, shape.carry_bytes, shape.sample_bytes, fields, used)

    def _same_fields(self) -> dict[str, Field]:
        first, *others = self.parts
        for part in others:
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
        for name, field in first.fields.items():
            if name in names:
                raise ValueError(f"record[{name!r}]: this name is an axis, another record's dimension, or taken; choose another")
            names |= {name, *field.dims}
        return first.fields

    def _tiles(self, part: Part, lanes: int):
        return tiling(len(part.family.points), len(self.common.seeds), lanes)

    def _lanes(self, part: Part) -> int:
        """Lanes per kernel: what suits the cache, or fewer if the compiled program says that they do not fit the memory."""
        budget = self.options.max_memory or free_memory(self.common.devices)
        # The carry before and after a block, beside what the program needs within.
        lanes = max(1, min(first_lanes(part.carry_bytes, self.common.devices[0].platform), budget // (3 * part.carry_bytes + 1)))
        most = max(len(p.family.points) for p in self.parts) * len(self.common.seeds)
        lanes = min(lanes, -(-most // len(self.common.devices)))
        part.tiles = self._tiles(part, lanes)
        self.need = Machine(part, self.common, sketch=True).memory()
        if self.need <= budget:
            return lanes
        most, need = part.tiles.lanes, self.need
        part.tiles = self._tiles(part, max(1, most // 2))
        self.need = Machine(part, self.common, sketch=True).memory()
        slope = max(1.0, (need - self.need) / max(1, most - part.tiles.lanes))
        fixed = self.need - slope * part.tiles.lanes
        if fixed + slope > budget:
            raise ValueError(f"max_memory={budget}: one lane needs about {int(fixed + slope):,} bytes; allow more, or record less")
        return int((budget - fixed) // slope)

    @property
    def lane_steps(self) -> int:
        """Steps of all lanes together."""
        return sum(len(part.family.points) * len(self.common.seeds) * part.steps for part in self.parts)

    def part_rows(self, part: Part, number: int) -> slice:
        """Rows of one tile."""
        first = part.first_row + number * self.chunk
        return slice(first, first + self.chunk)

    def text(self) -> str:
        """The plan in words."""
        common, options = self.common, self.options
        dims = ", ".join(f"{name} {len(axis)}" for name, axis in common.grid.axes.items()) or "one point"
        lanes = common.grid.size * len(common.seeds)
        row = sum(int(np.prod(f.shape, dtype=np.int64)) * f.dtype.itemsize for f in self.fields.values())
        shapes = {(part.family.structure, part.tiles) for part in self.parts}
        carry = max(part.carry_bytes for part in self.parts)
        lines = [
            f"{common.grid.size} points ({dims}) x {len(common.seeds)} seeds = {lanes} lanes, {self.lane_steps:.3g} lane-steps",
            f"{common.dtype.name}, rng {options.rng}, {len(self.parts)} group(s) of one static shape, about {len(shapes)} program(s)",
            f"{sum(p.tiles.count for p in self.parts)} tiles of up to {self.chunk} lanes on {len(common.devices)} device(s)"
            f" ({common.devices[0].device_kind})",
            f"a lane carries {carry:,} bytes" + (f"; a device needs about {self.need:,} bytes" if self.need else ""),
            f"the store holds {self.rows:,} rows of {row:,} bytes: {self.rows * row:,} bytes before compression",
        ]
        return "\n".join(lines)

    def header(self) -> dict[str, Any]:
        """Attributes of the store."""
        axes = {
            dimension: {name: _label(values) for name, values in axis.columns.items()} for dimension, axis in self.common.grid.axes.items()
        }
        return {
            "fingerprint": fingerprint(self.what),
            "what": self.what,
            "axes": axes,
            "seeds": self.common.seeds.tolist(),
            "chunk": self.chunk,
            "lanes": self.lanes,
            "records": {name: list(field.dims) for name, field in self.fields.items()},
            "provenance": provenance(self.common.devices, self.common.dtype.name),
        }

    def table(self) -> dict[str, np.ndarray]:
        """Coordinates of every row; objects and arrays by their place on the axis, padding NaN or -1."""
        table, seed = {}, np.full(self.rows, -1, np.int64)
        columns = {name: values for axis in self.common.grid.axes.values() for name, values in axis.columns.items()}
        for name, values in columns.items():
            whole = not _is_plain(values) or values.dtype.kind in "iu"
            table[name] = np.full(self.rows, -1, np.int64) if whole else np.full(self.rows, np.nan)
        for part in self.parts:
            for number in range(part.tiles.count):
                points, seeds, real = part.tiles.tile(number)
                rows = self.part_rows(part, number).start + np.flatnonzero(real.ravel())
                seed[rows] = np.broadcast_to(self.common.seeds[seeds][:, None], real.shape)[real]
                lanes = np.broadcast_to(part.family.points[points], real.shape)[real]
                for dimension, where in self.common.grid.place(lanes).items():
                    for name, values in self.common.grid.axes[dimension].columns.items():
                        table[name][rows] = values[where] if _is_plain(values) else where
        return table | {"seed": seed}


def _is_plain(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "fiu"


def _label(values: Any) -> Any:
    if _is_plain(values):
        return values.tolist()
    labels: Sequence[Any] = range(len(values)) if isinstance(values, np.ndarray) else [v if isinstance(v, str) else repr(v) for v in values]
    return {"labels": list(labels), "content": fingerprint(describe(list(values)))}


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
