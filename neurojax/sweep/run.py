"""`sweep`: a grid of parameters and seeds, as one labelled dataset."""

from __future__ import annotations

import dataclasses
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding

from neurojax.engine.compile import Static, precision, split
from neurojax.engine.drive import Advance, ctrl_c, drive, room_for
from neurojax.engine.integrators import Integrator
from neurojax.engine.loop import NEVER, Settings
from neurojax.engine.numerics import cast, floating
from neurojax.engine.random import seed_key, stream_key
from neurojax.engine.record import Record
from neurojax.engine.schedule import Schedule, check_step, plan
from neurojax.engine.simulate import check_records, fitting, phase_variants, record_axes, watch_bounds
from neurojax.engine.state import Snapshot
from neurojax.sweep.axes import check_over, check_seeds
from neurojax.sweep.dataset import labelled
from neurojax.sweep.devices import chosen, first_lanes, free_memory, mesh_of
from neurojax.sweep.lanes import ALL, EACH, LaneShape, Layout, Setup, Sources, Tile, lane_shape, layout_of, programs
from neurojax.sweep.points import Family, Grid, Tiling, draw_recipes, families, point_words, tiling
from neurojax.sweep.store import DIVERGED, DONE, PADDING, TO_DO, Field, Store, describe, fingerprint, provenance

if TYPE_CHECKING:
    import xarray as xr


@dataclasses.dataclass(frozen=True)
class SweepOptions:
    """How a sweep is computed.

    Arguments:
        rng: "paired" gives every grid point the same draws for a seed (differences between points are sharper, and noise is drawn
            once per seed); "independent" folds the coordinates' values into initial state and draws. What is realised (frequencies,
            graphs) belongs to the seed in both.
        dtype: "float32" (None) or "float64".
        devices: how many, which, or None for all local ones.
        lanes: lanes per kernel; None chooses by cache and by the compiled program's memory. Equal lanes give equal bits.
        max_memory: bytes that a device may use; None takes half of what is free.
        progress: a bar with the time left; None shows one on a terminal.
    """

    rng: str = "paired"
    dtype: str | None = None
    devices: Any = None
    lanes: int | None = None
    max_memory: int | None = None
    progress: bool | None = None

    def __post_init__(self):
        if self.rng not in ("paired", "independent"):
            raise ValueError(f"rng={self.rng!r}: choose 'paired' or 'independent'")
        floating(self.dtype)
        for name in ("lanes", "max_memory"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise ValueError(f"{name}={value!r}: a whole number of at least 1, or None to choose")


class SweepInterrupted(KeyboardInterrupt):
    """Ctrl-C during a sweep: `.data` holds what was finished; the same call on the same store does the rest."""

    def __init__(self, data: xr.Dataset, where: str):
        done = int((data.status.values == DONE).sum() + (data.status.values == DIVERGED).sum())
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
    job = Job(system, over, dt, duration, steps, method, seeds, record, state, options or SweepOptions())
    return job.run(store)


def explain(system: Any, over: Mapping[str, Any], **arguments: Any) -> str:
    """What `sweep` with the same arguments would do: points, lanes, tiles, programs, memory, size of the store. Compiles one program."""
    arguments.pop("store", None)
    options = arguments.pop("options", None) or SweepOptions()
    names = ("dt", "duration", "steps", "method", "seeds", "record", "state")
    unknown = set(arguments) - set(names)
    if unknown:
        raise TypeError(f"explain: unknown argument {sorted(unknown)[0]!r}; it takes those of nj.sweep")
    defaults = {"duration": None, "steps": None, "method": None, "seeds": 1, "record": None, "state": None}
    return Job(system, over, **{**defaults, **arguments}, options=options).explain()


@dataclasses.dataclass
class Part:
    """A family with its run settings and tiles."""

    family: Family
    dt: float
    phases: list[tuple[str, int, Mapping[str, Any]]]
    bounds: dict[str, tuple[int, int]]
    axes: dict[str, tuple[str, np.ndarray]]
    carry_bytes: int
    sample_bytes: dict[str, int]
    fields: dict[str, Field]
    tiles: Tiling
    first_row: int = 0

    @property
    def steps(self) -> int:
        """Steps of one lane."""
        return sum(count for _, count, _ in self.phases)


class Job:
    """One sweep: everything checked and laid out on the host."""

    def __init__(self, system, over, dt, duration, steps, method, seeds, record, state, options: SweepOptions):
        self.options, self.state = options, state
        self.grid = Grid(check_over(over))
        self.seeds = check_seeds(seeds)
        self.records = check_records(record)
        if not self.records:
            raise ValueError("record={}: a sweep keeps only what is recorded; give for example {'r': nj.Mean(nj.order_parameter)}")
        for name, _ in self.records:
            if name in ("seed", "status", "bad_step", "point", *self.grid.names, *self.grid.axes):
                raise ValueError(f"record[{name!r}]: this name is an axis or taken; choose another")
        self.dtype = floating(options.dtype)
        self.devices = chosen(options.devices)
        self.settings = Settings(self.records)
        self.setup = Setup(self.settings, mesh_of(self.devices), options.rng == "paired")
        self.open, self.advance, self.finish = programs(self.devices[0].platform)
        self.first_step = state.step if isinstance(state, Snapshot) else 0
        self.what = {"system": describe(system), "dt": dt, "duration": describe(duration), "steps": steps, "method": describe(method)}
        self.what |= {"records": describe(dict(self.records)), "rng": options.rng, "dtype": self.dtype.name, "state": describe(state)}
        with precision(self.dtype):
            self.parts = self._parts(system, dt, duration, steps, method)

    def _parts(self, system, dt, duration, steps, method) -> list[Part]:
        parts = []
        for family in families(system, self.grid, method, self.dtype):
            settings = {"dt": dt, "duration": duration, "steps": steps} | {k: v for k, v in family.run.items() if k != "method"}
            if "steps" in family.run:
                settings["duration"] = None
            if "duration" in family.run:
                settings["steps"] = None
            own_dt = check_step(settings["dt"])
            phases = plan(settings["duration"], settings["steps"], own_dt)
            bounds = watch_bounds(self.records, phases, self.first_step, own_dt)
            last = self.first_step + sum(count for _, count, _ in phases)
            axes = record_axes(self.records, bounds, self.first_step, last, own_dt)
            first_key = seed_key(int(self.seeds[0]))
            drawn = draw_recipes(family, [stream_key(first_key, "structure")], self.dtype)
            _, sample = layout_of(drawn, np.asarray(jax.random.key_data(first_key)), self.dtype)
            state = self._given(sample, self._values(family, 0), int(self.seeds[0]))
            if state is None:
                state = cast(sample.init(stream_key(first_key, "initial state")), self.dtype)
            phase_variants(sample, phases, self.dtype)
            shape = lane_shape(sample, self.settings, jnp.asarray(own_dt, self.dtype), state, bounds)
            fields = _fields(shape, axes)
            parts.append(Part(family, own_dt, phases, bounds, axes, shape.carry_bytes, shape.sample_bytes, fields, Tiling(0, 0, 1, 1)))
        largest = max(parts, key=lambda part: part.carry_bytes)
        lanes = self.options.lanes or self._lanes(largest)
        row = 0
        self.chunk = 0
        for part in parts:
            part.tiles = tiling(len(part.family.points), len(self.seeds), lanes, 1 if self.options.lanes else len(self.devices))
            self.chunk = max(self.chunk, part.tiles.lanes)
        for part in parts:
            part.first_row = row
            row += part.tiles.count * self.chunk
        self.rows = row
        return parts

    def _lanes(self, part: Part) -> int:
        """Lanes per kernel: what suits the cache, unless the compiled program says that it does not fit the memory."""
        budget = self.options.max_memory or free_memory(self.devices)
        lanes = first_lanes(part.carry_bytes, self.devices[0].platform)
        # Old and new carry, and the samples of a block at most.
        lanes = max(1, min(lanes, int(budget // (3 * part.carry_bytes + 1))))
        shape = tiling(len(part.family.points), len(self.seeds), lanes, len(self.devices))
        need, per_lane = self._measured(part, shape)
        if need > budget and shape.lanes > 1:
            smaller = tiling(len(part.family.points), len(self.seeds), max(1, lanes // 2), len(self.devices))
            less, _ = self._measured(part, smaller)
            slope = max(1.0, (need - less) / max(1, shape.lanes - smaller.lanes))
            lanes = max(1, int((budget - (less - slope * smaller.lanes)) // slope))
            if lanes == 1 and less - slope * (smaller.lanes - 1) > budget:
                raise MemoryError(f"max_memory={budget}: one lane needs about {int(slope)} bytes; give more memory or record less")
        self.need = min(need, budget)
        return min(lanes, first_lanes(part.carry_bytes, self.devices[0].platform))

    def _measured(self, part: Part, tiles: Tiling) -> tuple[int, int]:
        """Bytes that the compiled block of one device needs for a tile, from XLA's own analysis."""
        part.tiles = tiles
        prepared = self._prepare(part, only_first_seed=True)
        tile = self._opened(part, prepared, [0] * len(self.devices))
        room, _ = room_for(self._advance(part, prepared, tile), part.steps)
        lowered = self.advance.lower(
            *self._block_arguments(part, prepared, tile, 0, 0, 1), **self._block_static(part, prepared, 0, False, room)
        )
        memory = lowered.compile().memory_analysis()
        return int(memory.temp_size_in_bytes + memory.argument_size_in_bytes + memory.output_size_in_bytes), part.carry_bytes

    def _given(self, system: Any, values: Mapping[str, Any], seed: int) -> Any:
        if self.state is None:
            return None
        given = self.state(values, seed) if callable(self.state) else self.state
        return fitting(system, cast(given.state if isinstance(given, Snapshot) else given, self.dtype))

    def _values(self, family: Family, position: int) -> dict[str, Any]:
        point = family.points[position : position + 1]
        return {name: self.grid.column(name, point)[0] for name in self.grid.names}

    def _prepare(self, part: Part, only_first_seed: bool = False) -> Prepared:
        """Draw what the host draws, and find what lanes share."""
        keys = [seed_key(int(seed)) for seed in self.seeds]
        words = np.stack([np.asarray(jax.random.key_data(key)) for key in keys])
        structure_keys = [stream_key(key, "structure") for key in (keys[:1] if only_first_seed else keys)]
        family = draw_recipes(part.family, structure_keys, self.dtype)
        if only_first_seed and family.by_seed:
            family.by_seed = {i: np.broadcast_to(v, (len(keys), *v.shape[1:])) for i, v in family.by_seed.items()}
        layout, sample = layout_of(family, words[0], self.dtype)
        variants = phase_variants(sample, part.phases, self.dtype)
        mixing = np.zeros((len(family.points), 2), np.uint32) if self.setup.paired else point_words(self.grid, family.points)
        return Prepared(family, layout, sample, variants, words, mixing)

    def _opened(self, part: Part, prepared: Prepared, numbers: list[int]) -> Tile:
        """The given tiles, one for each device, realised and initialised."""
        family, mesh = prepared.family, self.setup.mesh
        places = [part.tiles.tile(number) for number in numbers]
        points, seeds = np.stack([p for p, _, _ in places]), np.stack([s for _, s, _ in places])

        def spread(values, where):
            return jax.device_put(np.asarray(values)[where], NamedSharding(mesh, EACH))

        shared = {i: leaf for i, leaf in enumerate(family.leaves) if eqx.is_array(leaf)}
        sources = Sources(
            jax.device_put(shared, NamedSharding(mesh, ALL)),
            {i: spread(v, seeds) for i, v in family.by_seed.items()},
            {i: spread(v, points) for i, v in family.by_point.items()},
            spread(prepared.words, seeds),
            spread(prepared.mixing, points),
        )
        per_lane = callable(self.state)
        given = None
        if per_lane:
            lanes = [
                [[self._given(prepared.sample, self._values(family, int(p)), int(self.seeds[s])) for p in points[d]] for s in seeds[d]]
                for d in range(len(numbers))
            ]
            flat = [lane for device in lanes for row in device for lane in row]
            given = jax.tree.map(
                lambda *x: jnp.stack(x).reshape(*points.shape[:1], seeds.shape[1], points.shape[1], *jnp.shape(x[0])), *flat
            )
            given = jax.device_put(given, NamedSharding(mesh, EACH))
        elif self.state is not None:
            given = jax.device_put(self._given(prepared.sample, {}, 0), NamedSharding(mesh, ALL))
        return self.open(
            sources,
            given,
            {name: jnp.asarray(pair, jnp.int32) for name, pair in part.bounds.items()},
            jnp.asarray(part.dt, self.dtype),
            template=prepared.template,
            setup=self.setup,
            layout=prepared.layout,
            per_lane=per_lane,
        )

    def _block_arguments(self, part: Part, prepared: Prepared, tile: Tile, phase: int, start: int, stop: int) -> tuple:
        arrays = prepared.phase_arrays(tile.arrays, phase, self.setup.mesh)
        bounds = {name: jnp.asarray(pair, jnp.int32) for name, pair in part.bounds.items()}
        limits = jnp.asarray(start, jnp.int32), jnp.asarray(stop, jnp.int32)
        return tile._replace(arrays=arrays), *limits, bounds, jnp.asarray(part.dt, self.dtype)

    def _block_static(
        self, part: Part, prepared: Prepared, phase: int, guarded: bool, room: Mapping[str, int] | None = None
    ) -> dict[str, Any]:
        static, layout = prepared.phase_static(phase)
        return {"static": static, "setup": self.setup, "layout": layout, "room": tuple((room or {}).items()), "guarded": guarded}

    def fields(self) -> dict[str, Field]:
        """Shapes of the records, equal for all parts."""
        first, *others = self.parts
        for part in others:
            for name, field in first.fields.items():
                if part.fields[name].shape != field.shape:
                    raise ValueError(
                        f"record[{name!r}] has shape {field.shape} at {self._values(first.family, 0)}, but {part.fields[name].shape} at "
                        f"{self._values(part.family, 0)}; in one sweep a record has one shape: record something reduced, or make two sweeps"
                    )
        return first.fields

    def explain(self) -> str:
        """Plan in words."""
        fields = self.fields()
        lanes = self.grid.size * len(self.seeds)
        row_bytes = sum(int(np.prod(f.shape, dtype=np.int64)) * f.dtype.itemsize for f in fields.values())
        tiles = sum(part.tiles.count for part in self.parts)
        kinds = {(part.family.structure, part.tiles) for part in self.parts}
        dims = ", ".join(f"{name} {len(axis)}" for name, axis in self.grid.axes.items()) or "one point"
        work = sum(len(p.family.points) * len(self.seeds) * p.steps for p in self.parts)
        return "\n".join(
            [
                f"{self.grid.size} points ({dims}) x {len(self.seeds)} seeds = {lanes} lanes, {work:.3g} lane-steps, {self.dtype.name}, rng {self.options.rng}",
                f"{len(self.parts)} group(s) of one static shape, about {len(kinds)} program(s) to compile",
                f"{tiles} tiles of up to {self.chunk} lanes on {len(self.devices)} device(s) ({self.devices[0].device_kind})",
                f"one lane carries {max(p.carry_bytes for p in self.parts):,} bytes; a device needs about {getattr(self, 'need', 0):,} bytes",
                f"the store holds {self.rows:,} rows of {row_bytes:,} bytes of records: {self.rows * row_bytes:,} bytes before compression",
            ]
        )

    def run(self, path: str | os.PathLike | None) -> xr.Dataset:
        """Compute what the store lacks."""
        began = time.perf_counter()
        with precision(self.dtype):
            store = self._store(path)
            status = store.read("status")
            total = sum(len(part.family.points) * len(self.seeds) * part.steps for part in self.parts)
            bar = _Bar(total, self.options.progress)
            stopped = False
            with ctrl_c() as asked:
                for part in self.parts:
                    todo = [t for t in range(part.tiles.count) if np.any(status[self._rows(part, t)] == TO_DO)]
                    bar.skip((part.tiles.count - len(todo)) * part.tiles.lanes * part.steps)
                    stopped = bool(todo) and self._run_part(part, todo, store, bar, asked)
                    if stopped:
                        break
            bar.close()
            store.note(seconds=store.header.get("seconds", 0.0) + time.perf_counter() - began)  # type: ignore[operator]
        data = labelled(store)
        if stopped:
            where = "the finished lanes are in error.data" if path is None else f"run the same sweep again to complete {str(path)!r}"
            raise SweepInterrupted(data, where)
        return data

    def _rows(self, part: Part, number: int) -> slice:
        first = part.first_row + number * self.chunk
        return slice(first, first + self.chunk)

    def _run_part(self, part: Part, todo: list[int], store: Store, bar: _Bar, asked) -> bool:
        prepared = self._prepare(part)
        devices = len(self.devices)
        for first in range(0, len(todo), devices):
            numbers = todo[first : first + devices]
            tile = self._opened(part, prepared, numbers + [numbers[-1]] * (devices - len(numbers)))
            lengths = [count for _, count, _ in part.phases]
            report = bar.runner(part.tiles.lanes * len(numbers))
            advance = self._advance(part, prepared, tile)
            carry, samples, _ = drive(advance, tile.carry, self.first_step, lengths, report=report, stop_requested=asked)
            if asked():
                return True
            results = {**jax.tree.map(np.asarray, self.finish(carry.kept, setup=self.setup)), **samples}
            bad = np.asarray(carry.bad)
            for place, number in enumerate(numbers):
                self._commit(part, store, number, _flat(results, place), bad[place])
            bar.diverged(int((bad[: len(numbers)] != NEVER).sum()))
        return False

    def _advance(self, part: Part, prepared: Prepared, tile: Tile) -> Advance:
        def call(carry, phase, start, stop, room, guarded):
            arguments = self._block_arguments(part, prepared, tile._replace(carry=carry), phase, start, stop)
            return self.advance(*arguments, **self._block_static(part, prepared, phase, guarded, room))

        lanes = part.tiles.lanes * len(self.devices)
        sizes = {name: size * lanes for name, size in part.sample_bytes.items()}
        return Advance(call, self.settings.traces, part.bounds, sizes, lane_axes=3)

    def _commit(self, part: Part, store: Store, number: int, results: Mapping[str, np.ndarray], bad: np.ndarray) -> None:
        _, _, real = part.tiles.tile(number)
        real, bad = real.ravel(), bad.ravel()
        rows = self._rows(part, number)

        def padded(values: np.ndarray) -> np.ndarray:
            blank = np.zeros((self.chunk - len(values), *values.shape[1:]), values.dtype)
            return np.concatenate([values, blank]) if len(blank) else values

        status = np.where(real, np.where(bad == NEVER, DONE, DIVERGED), PADDING).astype(np.int8)
        status = np.concatenate([status, np.full(self.chunk - len(status), PADDING, np.int8)])
        store.commit(rows, {name: padded(values) for name, values in results.items()}, status, padded(bad.astype(np.int32)))

    def _table(self) -> dict[str, np.ndarray]:
        """Coordinates of every row; objects and arrays by their place on the axis."""
        table = {name: np.full(self.rows, np.nan) for name in self.grid.names}
        labels = {name for name in self.grid.names if not _is_plain(self._axis_values(name))}
        for name in self.grid.names:
            values = self._axis_values(name)
            if name in labels or values.dtype.kind in "iu":
                table[name] = np.full(self.rows, -1, np.int64)
        table["seed"] = np.full(self.rows, -1, np.int64)
        for part in self.parts:
            for number in range(part.tiles.count):
                points, seeds, real = part.tiles.tile(number)
                rows = np.arange(self.rows)[self._rows(part, number)][: part.tiles.lanes][real.ravel()]
                lanes_points = np.broadcast_to(part.family.points[points], real.shape)[real]
                table["seed"][rows] = np.broadcast_to(self.seeds[seeds][:, None], real.shape)[real]
                for dimension, where in self.grid.place(lanes_points).items():
                    for name in self.grid.axes[dimension].columns:
                        table[name][rows] = where if name in labels else self._axis_values(name)[where]
        return table

    def _axis_values(self, name: str) -> Any:
        return next(axis.columns[name] for axis in self.grid.axes.values() if name in axis.columns)

    def _store(self, path: str | os.PathLike | None) -> Store:
        mark = fingerprint(self.what)
        axes = {dimension: {name: _label(values) for name, values in axis.columns.items()} for dimension, axis in self.grid.axes.items()}
        header = {"fingerprint": mark, "what": self.what, "axes": axes, "seeds": self.seeds.tolist(), "chunk": self.chunk}
        if path is not None and Path(path).exists():
            store = Store.open(path, mode="r+")
            for name in ("fingerprint", "axes", "seeds", "chunk"):
                if store.header[name] != header[name]:
                    raise ValueError(
                        f"store={str(path)!r} holds another sweep (its {'model or run settings' if name == 'fingerprint' else name} differ); "
                        "give another path, or the same sweep to complete it"
                    )
            return store
        fields = self.fields()
        header |= {"provenance": provenance(self.devices, self.dtype.name), "records": {name: list(f.dims) for name, f in fields.items()}}
        return Store.create(path, self.rows, self.chunk, self._table(), fields, header)


@dataclasses.dataclass
class Prepared:
    """A family ready to be opened: drawn, its layout known, its phases' variants made."""

    family: Family
    layout: Layout
    sample: Any
    variants: list[Any]
    words: np.ndarray
    mixing: np.ndarray

    @property
    def template(self):
        """Structure and static leaves of the unrealised system."""
        family = self.family
        moving = family.by_seed | family.by_point
        return Static(
            family.structure, tuple((i, leaf) for i, leaf in enumerate(family.leaves) if i not in moving and not eqx.is_array(leaf))
        )

    def phase_static(self, phase: int):
        """Static part and layout of a phase's system; what a phase sets is shared by all lanes."""
        arrays, static = split(self.variants[phase])
        before, _ = split(self.sample)
        known = {id(a): differs for a, differs in zip(before, self.layout, strict=True)}
        return static, tuple(known.get(id(a), (False, False)) for a in arrays)

    def phase_arrays(self, arrays: list[Any], phase: int, mesh) -> list[Any]:
        """Realised leaves of the lanes, with what the phase sets."""
        before, _ = split(self.sample)
        lanes = {id(a): lane for a, lane in zip(before, arrays, strict=True)}
        return [lanes[id(a)] if id(a) in lanes else jax.device_put(a, NamedSharding(mesh, ALL)) for a in split(self.variants[phase])[0]]


def _is_plain(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "fiu"


def _label(values: Any) -> Any:
    if _is_plain(values):
        return values.tolist()
    if isinstance(values, np.ndarray):
        return {"labels": list(range(len(values)))}
    return {"labels": [v if isinstance(v, str) else repr(v) for v in values]}


def _flat(results: Mapping[str, Any], device: int) -> dict[str, np.ndarray]:
    """Records of one device's tile as arrays with the lanes along the first axis, pytrees by the names of their leaves."""
    flat = {}
    for name, value in results.items():
        for path, leaf in jax.tree_util.tree_leaves_with_path(value):
            values = np.asarray(leaf)[device]
            flat[name + _suffix(path)] = values.reshape(-1, *values.shape[2:])
    return flat


def _fields(shape: LaneShape, axes: Mapping[str, tuple[str, np.ndarray]]) -> dict[str, Field]:
    fields = {}
    for name, result in shape.results.items():
        axis = axes.get(name)
        lead = (len(axis[1]),) if axis and name in shape.sample_bytes else ()
        for path, leaf in jax.tree_util.tree_leaves_with_path(result):
            own = name + _suffix(path)
            whole = lead + leaf.shape
            dims = [f"{own}_{i}" for i in range(len(whole))]
            if axis and whole:
                dims[0] = f"{name}_{axis[0]}"
            fields[own] = Field(whole, leaf.dtype, tuple(dims), {dims[0]: axis[1]} if axis and whole else {})
    return fields


def _suffix(path: tuple) -> str:
    return "".join("." + str(getattr(k, "name", getattr(k, "key", getattr(k, "idx", k)))) for k in path)


class _Bar:
    """Progress over lane-steps, with lanes per second and the number of diverged lanes."""

    def __init__(self, total: int, show: bool | None):
        show = sys.stderr.isatty() if show is None else show
        self.bar = None
        self.bad = 0
        if show:
            from tqdm import tqdm

            self.bar = tqdm(total=total, unit="lane-step", unit_scale=True, dynamic_ncols=True)

    def runner(self, lanes: int):
        """A reporter for tiles of so many lanes."""
        last = 0

        def report(step: int) -> None:
            nonlocal last
            if self.bar:
                self.bar.update((step - last) * lanes)
            last = step

        return report

    def skip(self, amount: int) -> None:
        if self.bar and amount:
            self.bar.update(amount)

    def diverged(self, count: int) -> None:
        self.bad += count
        if self.bar and self.bad:
            self.bar.set_postfix(diverged=self.bad)

    def close(self) -> None:
        if self.bar:
            self.bar.close()
