"""A part of a sweep on its devices: drawn and laid out once, then kernels are opened, advanced and finished."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from neurojax.engine.compile import Static, join, split, suits_wide_vectors
from neurojax.engine.drive import Advance, Pace, drive, room_for
from neurojax.engine.loop import Carry, Context
from neurojax.engine.numerics import cast, is_key, keys_like, on_host
from neurojax.engine.random import draw_keys, seed_key, stream_key
from neurojax.engine.schedule import wakes
from neurojax.engine.simulate import check_state, fitting, own_state, phase_variants
from neurojax.engine.state import Snapshot
from neurojax.sweep.company import Spread, Way
from neurojax.sweep.devices import agreed, in_turn
from neurojax.sweep.lanes import ALL, EACH, Setup, Sources, Tile, firsts, programs
from neurojax.sweep.layout import Kernel, Layout
from neurojax.sweep.points import Family, Grid, draw_recipes, point_words
from neurojax.sweep.store import Field


class Common(NamedTuple):
    """What all parts of a sweep share."""

    grid: Grid
    seeds: np.ndarray
    setup: Setup
    devices: list[Any]
    dtype: np.dtype
    state: Any
    first_step: int

    @property
    def local(self) -> list[Any]:
        """The devices of this process."""
        return [device for device in self.devices if device.process_index == jax.process_index()]

    @property
    def agree(self) -> Callable[..., Any] | None:
        """How the processes of one program come to the same decision; None where there is one process."""
        return None if len(self.local) == len(self.devices) else agreed

    def values(self, point: int) -> dict[str, Any]:
        """The axes' values at a point of the grid."""
        found = {name: self.grid.column(name, np.array([point]))[0] for name in self.grid.names}
        return {name: value.item() if isinstance(value, np.generic) else value for name, value in found.items()}

    def given(self, system: Any, lanes: Iterable[tuple[int, int]]) -> Any:
        """The user's initial states of lanes (point of the grid, seed), stacked; one for all, where it is no function."""
        if not callable(self.state):
            return fitting(system, self.state, self.dtype)
        want, rows = own_state(system, self.dtype), []
        for point, seed in lanes:
            state = self.state(self.values(point), seed)
            if isinstance(state, Snapshot):
                raise ValueError(
                    "state: the function returned a snapshot, whose step the sweep would lose; return its `.state`, which starts at step 0"
                )
            state = jax.tree.map(_given, state)
            check_state(system, want, state)
            rows.append(jax.tree.leaves(state))
        stacked = [(jnp if isinstance(leaves[0], jax.Array) else np).stack(leaves) for leaves in zip(*rows, strict=True)]
        return cast(jax.tree.unflatten(jax.tree.structure(want), stacked), self.dtype)


@dataclasses.dataclass
class Part:
    """A family with its run settings, sizes and place.

    `drawn` is the family with its recipes drawn for the first seed; `spread`, `places` and `sample` are those that
    `spread_of` tells, for any seeds.
    """

    family: Family
    drawn: Family
    spread: Spread
    places: tuple[int, ...]
    sample: Any
    dt: float
    phases: list[tuple[str, int, Mapping[str, Any]]]
    bounds: dict[str, tuple[int, int]]
    carry_bytes: int
    sample_bytes: dict[str, int]
    fields: dict[str, Field]
    used: frozenset[str]
    rests: bool
    layout: Layout = Layout((), (1, 1))  # noqa: RUF009 (frozen)
    first_chunk: int = 0

    @property
    def steps(self) -> int:
        """Steps of one lane."""
        return sum(count for _, count, _ in self.phases)

    @property
    def system_bytes(self) -> int:
        """Bytes of the realised system of one lane."""
        return sum(self._leaf_bytes)

    @property
    def _leaf_bytes(self) -> list[int]:
        """The same by array, in the order of `spread`."""
        leaves = split(self.sample)[0]
        return [leaves[i].size * leaves[i].dtype.itemsize for i in firsts(self.places)]

    @property
    def sharing(self) -> int:
        """Lanes of one seed that read the same system, most of it."""
        shared = sum(size for size, (_, by_point) in zip(self._leaf_bytes, self.spread, strict=True) if not by_point)
        return self.together if 2 * shared > self.system_bytes else 1

    @property
    def own_bytes(self) -> tuple[int, int]:
        """Bytes of the realised system that differ between the lanes of a seed, and between seeds or groups but not between those."""
        sizes = list(zip(self._leaf_bytes, self.spread, strict=True))
        return sum(size for size, (_, point) in sizes if point), sum(size for size, (seed, point) in sizes if seed and not point)

    def way(self, platform: str) -> Way:
        """How a kernel computes its lanes."""
        by_point, by_seed = self.own_bytes
        # A step that is a loop by itself reads a little many times: then there are to be many lanes for each time.
        alone = self.rests and not self.used & {"scan", "while"}
        return Way(alone and in_turn(by_point + by_seed, platform), alone and in_turn(by_point, platform), self.rests)

    @property
    def together(self) -> int:
        """Lanes of one seed that a kernel may hold."""
        groups = self.drawn.groups
        return len(self.family.points) if groups is None else int(np.bincount(groups).max())

    @property
    def lane_numbers(self) -> int:
        """Numbers that a step of one lane reads, roughly."""
        return (self.carry_bytes + self.system_bytes) // 4


class Launch(NamedTuple):
    """One kernel on each local device, at work: their programs' arguments."""

    tile: Tile
    lanes: int  # of each kernel


class Machine:
    """Compiled programs at work on one part. `sketch` draws for the first seed only, enough to compile and measure.

    Devices may belong to several processes: each opens kernels for its own, and reads its own results.
    """

    def __init__(self, part: Part, common: Common, sketch: bool = False):
        self.part, self.common = part, common
        self.programs = programs(suits_wide_vectors(part.used, common.devices[0].platform))
        self.dt = np.asarray(part.dt, common.dtype)
        self.bounds = {name: np.asarray(pair, np.int32) for name, pair in part.bounds.items()}
        keys = [seed_key(int(seed)) for seed in common.seeds]
        self.words = np.stack([np.asarray(jax.random.key_data(key)) for key in keys])
        self.family, self.spread, self.sample = part.drawn, part.spread, part.sample
        if part.drawn.by_seed and not sketch:
            self.family = draw_recipes(part.family, [stream_key(key, "structure") for key in keys], common.dtype)
            self.family = dataclasses.replace(self.family, groups=part.drawn.groups, by_group=part.drawn.by_group)
        elif part.drawn.by_seed:
            several = {i: np.broadcast_to(v, (len(keys), *v.shape[1:])) for i, v in part.drawn.by_seed.items()}
            self.family = dataclasses.replace(part.drawn, by_seed=several)
        self.variants = phase_variants(self.sample, part.phases, common.dtype)
        points = self.family.points
        self.mixing = np.zeros((len(points), 2), np.uint32) if common.setup.paired else point_words(common.grid, self.family)
        self.shared = self._put({i: leaf for i, leaf in enumerate(self.family.leaves) if eqx.is_array(leaf)}, ALL)
        self.pace, self.way = Pace(), part.way(common.devices[0].platform)

    @property
    def template(self) -> Static:
        """Structure and static leaves of the unrealised system."""
        family = self.family
        moving = family.by_seed | family.by_point
        still = ((i, leaf) for i, leaf in enumerate(family.leaves) if i not in moving and not eqx.is_array(leaf))
        return Static(family.structure, tuple(still))

    def _put(self, tree: Any, spec: PartitionSpec) -> Any:
        """Values on the devices: the same on all, or a row of each for the local ones."""
        sharding = NamedSharding(self.common.setup.mesh, spec)
        if sharding.is_fully_addressable:
            return jax.device_put(tree, sharding)

        def placed(leaf: Any) -> Any:
            if is_key(leaf):
                return keys_like(leaf, placed(jax.random.key_data(leaf)))
            return jax.make_array_from_process_local_data(sharding, np.asarray(leaf))

        return jax.tree.map(placed, tree)

    def open(self, kernels: Sequence[Kernel]) -> Launch:
        """Kernels of one shape, one for each local device, realised and initialised."""
        family, common = self.family, self.common
        points, seeds = np.stack([kernel.points for kernel in kernels]), np.stack([kernel.seeds for kernel in kernels])
        sources = Sources(
            self.shared,
            {i: self._put(family.by_point[i][points[:, 0]], EACH) for i in family.by_group},
            {i: self._put(values[seeds], EACH) for i, values in family.by_seed.items()},
            {i: self._put(values[points], EACH) for i, values in family.by_point.items() if i not in family.by_group},
            self._put(self.words[seeds], EACH),
            self._put(self.mixing[points], EACH),
        )
        per_lane = callable(common.state)
        given = None
        if per_lane:
            given = self._put(self._states(points, seeds), EACH)
        elif common.state is not None:
            given = self._put(common.given(self.sample, ()), ALL)
        static = {"template": self.template, "setup": common.setup, "spread": self.spread, "own": tuple(firsts(self.part.places))}
        static["per_lane"] = per_lane
        return Launch(self.programs.open(sources, given, self.bounds, self.dt, **static), points.shape[1] * seeds.shape[1])

    def _states(self, points: np.ndarray, seeds: np.ndarray) -> Any:
        """The user's initial states of all lanes, (device, seeds, points, ...)."""
        lanes = [
            (int(self.family.points[p]), int(self.common.seeds[s]))
            for device in range(len(points))
            for s in seeds[device]
            for p in points[device]
        ]
        shape = (len(points), seeds.shape[1], points.shape[1])
        return jax.tree.map(lambda leaf: leaf.reshape(*shape, *leaf.shape[1:]), self.common.given(self.sample, lanes))

    def advance(self, launch: Launch) -> Advance:
        """The compiled block of open kernels, as the host loop wants it."""

        def call(carry, phase, start, stop, room, guarded):
            arguments, static = self._call(launch.tile._replace(carry=carry), phase, start, stop, room, guarded)
            return self.programs.advance(*arguments, **static)

        lanes = launch.lanes * len(self.common.local)
        sizes = {name: size * lanes for name, size in self.part.sample_bytes.items()}
        return Advance(call, self.common.setup.settings, self.part.bounds, sizes, 3, local_values, self.common.agree)

    def run(self, kernels: Sequence[Kernel], **watching: Any) -> Results:
        """Kernels from their beginning to their end: results by lane, (local device, seeds, points, ...).

        watching: `report` and `stop_requested` of `drive`.
        """
        launch = self.open(kernels)
        lengths = [count for _, count, _ in self.part.phases]
        carry, samples, reached = drive(
            self.advance(launch), launch.tile.carry, self.common.first_step, lengths, pace=self.pace, **watching
        )
        records = self.programs.finish(carry.kept, setup=self.common.setup) if carry.kept else {}
        return Results(jax.tree.map(local_values, records) | samples, local_values(carry.bad), reached)

    def _call(self, tile: Tile, phase: int, start: int, stop: int, room: Mapping[str, int], guarded: bool) -> tuple[tuple, dict[str, Any]]:
        """Arguments of the compiled block; what a phase sets is shared by all lanes."""
        before, _ = split(self.sample)
        now, static = split(self.variants[phase])
        known = {id(leaf): place for leaf, place in zip(before, self.part.places, strict=True)}
        # Those of the tile that are still in use, and what the phase brings.
        keys = [("tile", known[id(leaf)]) if id(leaf) in known else ("phase", i) for i, leaf in enumerate(now)]
        used = list(dict.fromkeys(keys))
        arrays = [tile.arrays[i] if kind == "tile" else self._put(now[i], ALL) for kind, i in used]
        spread: Spread = tuple(self.spread[i] if kind == "tile" else (False, False) for kind, i in used)
        limits = [np.asarray(step, np.int32) for step in (start, stop, wakes(self.part.phases, self.common.first_step)[phase])]
        names = {"static": static, "places": tuple(used.index(key) for key in keys), "setup": self.common.setup, "spread": spread}
        names |= {"way": self.way, "room": tuple(room.items()), "guarded": guarded}
        return (tile._replace(arrays=arrays), *limits, self.bounds, self.dt), names

    def lane(self, launch: Launch, carry: Carry, phase: int, device: int, seed: int, point: int) -> Context:
        """One lane of open kernels, to be stepped alone."""
        (tile, *_), names = self._call(launch.tile._replace(carry=carry), phase, 0, 0, {}, True)
        arrays = [
            on_host(a)[(device,) * any(differs) + (seed,) * differs[0] + (point,) * differs[1]]
            for a, differs in zip(tile.arrays, names["spread"], strict=True)
        ]
        system = join([jnp.asarray(arrays[place]) for place in names["places"]], names["static"])
        words = np.asarray(tile.keys)[(device, seed) + (() if self.common.setup.paired else (point,))]
        keys = draw_keys(jax.random.wrap_key_data(jnp.asarray(words), impl="threefry2x32"), system.draws())
        return Context(system, self.common.setup.settings, keys, jnp.asarray(self.dt), self.bounds)

    def lowered(self) -> Any:
        """The block of the first kernel, lowered but not run (for its memory, its text, its compilation ahead of time)."""
        launch = self.open(self.part.layout.kernels(0)[:1] * len(self.common.local))
        room, _ = room_for(self.advance(launch), self.part.steps)
        arguments, static = self._call(launch.tile, 0, 0, 1, room, False)
        return self.programs.advance.lower(*arguments, **static)

    def memory(self) -> int:
        """Bytes that the compiled block needs on one device, by XLA's own analysis."""
        sizes = self.lowered().compile().memory_analysis()
        return int(sizes.temp_size_in_bytes + sizes.argument_size_in_bytes + sizes.output_size_in_bytes)


class Results(NamedTuple):
    """What kernels came to: records by name and first bad steps, (local device, seeds, points, ...); the step that was reached."""

    records: dict[str, Any]
    bad: np.ndarray
    reached: int


def _given(leaf: Any) -> Any:
    """A leaf of a user's state as NumPy has it, integers of Python as floats; keys stay where they are."""
    return leaf if is_key(leaf) else np.asarray(float(leaf) if type(leaf) is int else leaf)


def local_values(values: Any) -> Any:
    """A device array (or keys) on the host: its rows on the devices of this process, in the order of the mesh."""
    return on_host(values, _local_rows)


def _local_rows(values: jax.Array) -> np.ndarray:
    if values.is_fully_addressable:
        return np.asarray(values)
    shards = sorted(values.addressable_shards, key=lambda shard: shard.index[0].start or 0)
    return np.concatenate([np.asarray(shard.data) for shard in shards])
