"""A part of a sweep on its devices: drawn and laid out once, then tiles are opened, advanced and finished."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding

from neurojax.engine.compile import Static, split, suits_wide_vectors
from neurojax.engine.drive import Advance, room_for
from neurojax.engine.loop import Carry
from neurojax.engine.random import seed_key, stream_key
from neurojax.engine.simulate import fitting, phase_variants
from neurojax.engine.state import Snapshot
from neurojax.sweep.lanes import ALL, EACH, Layout, Setup, Sources, Tile, programs
from neurojax.sweep.points import Family, Grid, Tiling, draw_recipes, point_words
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

    def values(self, point: int) -> dict[str, Any]:
        """The axes' values at a point of the grid."""
        return {name: self.grid.column(name, np.array([point]))[0] for name in self.grid.names}

    def given(self, system: Any, point: int, seed: int) -> Any:
        """The user's initial state for a lane; None where the system makes its own."""
        if self.state is None:
            return None
        given = self.state(self.values(point), int(seed)) if callable(self.state) else self.state
        if callable(self.state) and isinstance(given, Snapshot):
            raise ValueError(
                "state: the function returned a snapshot, whose step the sweep would lose; return its `.state`, which starts at step 0"
            )
        return fitting(system, given, self.dtype)


@dataclasses.dataclass
class Part:
    """A family with its run settings, sizes and tiles.

    `drawn` is the family with its recipes drawn for the first seed; `layout` and `sample` hold for any seeds.
    """

    family: Family
    drawn: Family
    layout: Layout
    sample: Any
    dt: float
    phases: list[tuple[str, int, Mapping[str, Any]]]
    bounds: dict[str, tuple[int, int]]
    carry_bytes: int
    sample_bytes: dict[str, int]
    fields: dict[str, Field]
    used: frozenset[str]
    tiles: Tiling = Tiling(0, 0, 1, 1)  # noqa: RUF009 (frozen)
    first_row: int = 0

    @property
    def steps(self) -> int:
        """Steps of one lane."""
        return sum(count for _, count, _ in self.phases)


class Machine:
    """Compiled programs at work on one part. `sketch` draws for the first seed only, enough to compile and measure."""

    def __init__(self, part: Part, common: Common, sketch: bool = False):
        self.part, self.common = part, common
        self.programs = programs(suits_wide_vectors(part.used, common.devices[0].platform))
        self.dt = jnp.asarray(part.dt, common.dtype)
        self.bounds = {name: jnp.asarray(pair, jnp.int32) for name, pair in part.bounds.items()}
        keys = [seed_key(int(seed)) for seed in common.seeds]
        self.words = np.stack([np.asarray(jax.random.key_data(key)) for key in keys])
        self.family, self.layout, self.sample = part.drawn, part.layout, part.sample
        if part.drawn.by_seed and not sketch:
            self.family = draw_recipes(part.family, [stream_key(key, "structure") for key in keys], common.dtype)
        elif part.drawn.by_seed:
            several = {i: np.broadcast_to(v, (len(keys), *v.shape[1:])) for i, v in part.drawn.by_seed.items()}
            self.family = dataclasses.replace(part.drawn, by_seed=several)
        self.variants = phase_variants(self.sample, part.phases, common.dtype)
        points = self.family.points
        self.mixing = np.zeros((len(points), 2), np.uint32) if common.setup.paired else point_words(common.grid, self.family)

    @property
    def template(self) -> Static:
        """Structure and static leaves of the unrealised system."""
        family = self.family
        moving = family.by_seed | family.by_point
        still = ((i, leaf) for i, leaf in enumerate(family.leaves) if i not in moving and not eqx.is_array(leaf))
        return Static(family.structure, tuple(still))

    def open(self, numbers: list[int]) -> Tile:
        """The tiles of these numbers, one for each device, realised and initialised."""
        family, common, mesh = self.family, self.common, self.common.setup.mesh
        places = [self.part.tiles.tile(number) for number in numbers]
        points, seeds = np.stack([p for p, _, _ in places]), np.stack([s for _, s, _ in places])

        def spread(values, where):
            return jax.device_put(np.asarray(values)[where], NamedSharding(mesh, EACH))

        sources = Sources(
            jax.device_put({i: leaf for i, leaf in enumerate(family.leaves) if eqx.is_array(leaf)}, NamedSharding(mesh, ALL)),
            {i: spread(values, seeds) for i, values in family.by_seed.items()},
            {i: spread(values, points) for i, values in family.by_point.items()},
            spread(self.words, seeds),
            spread(self.mixing, points),
        )
        per_lane = callable(common.state)
        given = self._states(points, seeds) if per_lane else common.given(self.sample, 0, 0)
        given = None if given is None else jax.device_put(given, NamedSharding(mesh, EACH if per_lane else ALL))
        static = {"template": self.template, "setup": common.setup, "layout": self.layout, "per_lane": per_lane}
        return self.programs.open(sources, given, self.bounds, self.dt, **static)

    def _states(self, points: np.ndarray, seeds: np.ndarray) -> Any:
        """The user's initial states of all lanes, (device, seeds, points, ...)."""
        lanes = [
            self.common.given(self.sample, int(self.family.points[p]), int(self.common.seeds[s]))
            for device in range(len(points))
            for s in seeds[device]
            for p in points[device]
        ]
        shape = (len(points), seeds.shape[1], points.shape[1])
        return jax.tree.map(lambda *leaves: jnp.stack(leaves).reshape(*shape, *jnp.shape(leaves[0])), *lanes)

    def advance(self, tile: Tile) -> Advance:
        """The compiled block of an open tile, as the host loop wants it."""

        def call(carry, phase, start, stop, room, guarded):
            arguments, static = self._call(tile._replace(carry=carry), phase, start, stop, room, guarded)
            return self.programs.advance(*arguments, **static)

        lanes = self.part.tiles.lanes * len(self.common.devices)
        sizes = {name: size * lanes for name, size in self.part.sample_bytes.items()}
        return Advance(call, self.common.setup.settings.traces, self.part.bounds, sizes, lane_axes=3)

    def _call(self, tile: Tile, phase: int, start: int, stop: int, room: Mapping[str, int], guarded: bool) -> tuple[tuple, dict[str, Any]]:
        """Arguments of the compiled block; what a phase sets is shared by all lanes."""
        before, _ = split(self.sample)
        now, static = split(self.variants[phase])
        known = {id(leaf): i for i, leaf in enumerate(before)}
        shared = NamedSharding(self.common.setup.mesh, ALL)
        arrays = [tile.arrays[known[id(a)]] if id(a) in known else jax.device_put(a, shared) for a in now]
        layout: Layout = tuple(self.layout[known[id(a)]] if id(a) in known else (False, False) for a in now)
        limits = jnp.asarray(start, jnp.int32), jnp.asarray(stop, jnp.int32)
        names = {"static": static, "setup": self.common.setup, "layout": layout, "room": tuple(room.items()), "guarded": guarded}
        return (tile._replace(arrays=arrays), *limits, self.bounds, self.dt), names

    def finish(self, carry: Carry) -> dict[str, Any]:
        """Results of the streamed records on the host."""
        if not carry.kept:
            return {}
        return jax.tree.map(np.asarray, self.programs.finish(carry.kept, setup=self.common.setup))

    def lowered(self) -> Any:
        """The block of the first tile, lowered but not run (for its memory, its text, its compilation ahead of time)."""
        tile = self.open([0] * len(self.common.devices))
        room, _ = room_for(self.advance(tile), self.part.steps)
        arguments, static = self._call(tile, 0, 0, 1, room, False)
        return self.programs.advance.lower(*arguments, **static)

    def memory(self) -> int:
        """Bytes that the compiled block needs on one device, by XLA's own analysis."""
        sizes = self.lowered().compile().memory_analysis()
        return int(sizes.temp_size_in_bytes + sizes.argument_size_in_bytes + sizes.output_size_in_bytes)
