"""The compiled programs of a sweep: open a tile on every device, advance it, finish it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import PyTree

from neurojax.engine.block import rests
from neurojax.engine.compile import Static, compiled, join, moving, same_outputs, split
from neurojax.engine.loop import Context, Settings, begin, check_context, finish, shapes
from neurojax.engine.numerics import cast
from neurojax.engine.random import draw_keys, stream_key
from neurojax.engine.simulate import starting
from neurojax.engine.system import System
from neurojax.sweep.company import Lanes, Spread, Way, advance_lanes
from neurojax.sweep.points import Family, fold_words

EACH, ALL = PartitionSpec("device"), PartitionSpec()


class Setup(NamedTuple):
    """The static part of a sweep's programs."""

    settings: Settings
    mesh: Mesh
    paired: bool
    fresh: bool = True  # a given state is the user's own, not a snapshot's


class Tile(NamedTuple):
    """What the devices are at work on (or its partition): realised leaves, carries, key words; a device axis first where they differ."""

    arrays: Any
    carry: Any
    keys: Any


class Sources(NamedTuple):
    """What opens tiles: leaves shared by all, of the kernel's group (device, ...), by seed (device, seeds, ...), by point (device, points,
    ...), and the lanes' words."""

    shared: Any
    by_group: Any
    by_seed: Any
    by_point: Any
    seed_words: Any
    point_words: Any


def assemble(structure: Any, *parts: dict[int, Any]) -> System:
    """A system from its leaves by place."""
    leaves: dict[int, Any] = {}
    for part in parts:
        leaves |= part
    return jax.tree.unflatten(structure, [leaves[i] for i in range(len(leaves))])


def realised(structure: Any, fixed: dict[int, Any], leaves: dict[int, Any], words: Any, dtype: np.dtype) -> System:
    """The realised system of one lane."""
    key = jax.random.wrap_key_data(words, impl="threefry2x32")
    return cast(assemble(structure, fixed, cast(leaves, dtype)).realise(stream_key(key, "structure")), dtype)


def made_of(family: Family, dtype: np.dtype) -> Callable[..., System]:
    """The realised system of (its leaves that differ between lanes, its key words)."""
    arrays = {i: leaf for i, leaf in enumerate(family.leaves) if eqx.is_array(leaf)}
    moving = family.by_seed | family.by_point
    fixed = {i: leaf for i, leaf in enumerate(family.leaves) if not eqx.is_array(leaf) and i not in moving}
    return lambda own, words: realised(family.structure, fixed, arrays | own, words, dtype)


def spread_of(family: Family, words: np.ndarray, dtype: np.dtype) -> tuple[Spread, tuple[int, ...], System]:
    """Which realised arrays differ between seeds (or groups) and between points of a group, and a realised system's shapes.

    Those are what `vmap` has to batch. An array that the system holds twice is one of them; between the two stands which of them every
    array leaf is.
    """
    made, word = made_of(family, dtype), jnp.asarray(words)
    by_point = {i: values[0] for i, values in family.by_point.items() if i not in family.by_group}
    by_seed = {i: values[0] for i, values in (family.by_seed | family.by_point).items() if i not in by_point}

    def leaves(by_seed: dict[int, Any], by_point: dict[int, Any], words: Any) -> list[Any]:
        return split(made(by_seed | by_point, words))[0]

    sample = eqx.filter_eval_shape(lambda *given: made(given[0] | given[1], given[2]), by_seed, by_point, word)
    places = same_outputs(leaves, by_seed, by_point, word)
    between_seeds = moving(lambda values, words: leaves(values, by_point, words), by_seed, word)
    between_points = moving(lambda values: leaves(by_seed, values, word), by_point)
    return tuple((between_seeds[i], between_points[i]) for i in firsts(places)), places, sample


def heavy(family: Family, words: np.ndarray, dtype: np.dtype, least: int) -> list[int]:
    """The leaves by point on which at least so many bytes of a realised system depend."""
    made, own = made_of(family, dtype), {i: values[0] for i, values in (family.by_seed | family.by_point).items()}

    def bytes_of(leaf: int) -> int:
        def leaves(value: Any) -> list[Any]:
            return split(made(own | {leaf: value}, jnp.asarray(words)))[0]

        sizes = [shape.size * shape.dtype.itemsize for shape in jax.eval_shape(leaves, own[leaf])]
        return sum(size for size, moves in zip(sizes, moving(leaves, own[leaf]), strict=True) if moves)

    return [leaf for leaf in family.by_point if bytes_of(leaf) >= least]


def firsts(places: Sequence[int]) -> list[int]:
    """Where each of several things stands first."""
    return [places.index(number) for number in range(max(places, default=-1) + 1)]


def _specs(spread: Spread) -> list[PartitionSpec]:
    return [EACH if any(differs) else ALL for differs in spread]


def _inner(tree: PyTree) -> PyTree:
    return jax.tree.map(lambda x: x[0], tree)


def _outer(tree: PyTree) -> PyTree:
    return jax.tree.map(lambda x: x[None], tree)


def open_tiles(
    sources: Sources,
    given: PyTree,
    bounds: Any,
    dt: Any,
    template: Static,
    setup: Setup,
    spread: Spread,
    own: Sequence[int],
    per_lane: bool,
) -> Tile:
    """Realise, initialise, and set up the records of every lane of a tile on each device.

    `own`: which leaves of a realised system are kept, others being the same. `given`: None, or an initial state for all lanes, or
    (`per_lane`) one for each, (device, seeds, points, ...).
    """
    dtype = dt.dtype

    def local(sources: Sources, given: PyTree, bounds: Any, dt: Any) -> Tile:
        shared, by_group, by_seed, by_point, seed_words, point_words = sources
        shared = shared | _inner(by_group)

        def lane(by_seed, by_point, seed_words, point_words, given):
            system = realised(template.structure, dict(template.leaves), shared | by_seed | by_point, seed_words, dtype)
            key = jax.random.wrap_key_data(seed_words, impl="threefry2x32")
            key = key if setup.paired else fold_words(key, point_words)
            if given is None:
                state = cast(system.init(stream_key(key, "initial state")), dtype)
            else:
                state = starting(system, given, None) if setup.fresh else given
            keys = draw_keys(key, system.draws())
            leaves = split(system)[0]
            return [leaves[i] for i in own], begin(Context(system, setup.settings, keys, dt, bounds), state), jax.random.key_data(key)

        over_points = jax.vmap(lane, in_axes=(None, 0, None, 0, 0 if per_lane else None))
        over_lanes = jax.vmap(over_points, in_axes=(0, None, 0, None, 0 if per_lane else None))
        given = _inner(given) if per_lane else given
        arrays, carry, keys = over_lanes(_inner(by_seed), _inner(by_point), _inner(seed_words), _inner(point_words), given)
        # What the lanes share is kept once: vmap had only broadcast it.
        arrays = [a[slice(None) if seed else 0, slice(None) if point else 0] for a, (seed, point) in zip(arrays, spread, strict=True)]
        arrays = [a[None] if any(differs) else a for a, differs in zip(arrays, spread, strict=True)]
        keys = keys[:, 0] if setup.paired else keys
        return Tile(arrays, _outer(carry), _outer(keys))

    specs = (Sources(ALL, EACH, EACH, EACH, EACH, EACH), EACH if per_lane else ALL, ALL, ALL)
    out = Tile(_specs(spread), EACH, EACH)
    return jax.shard_map(local, mesh=setup.mesh, in_specs=specs, out_specs=out, check_vma=False)(sources, given, bounds, dt)


def advance_tiles(
    tile: Tile,
    start: Any,
    stop: Any,
    wake: Any,
    bounds: Any,
    dt: Any,
    static: Static,
    places: Sequence[int],
    setup: Setup,
    spread: Spread,
    way: Way,
    room: tuple[tuple[str, int], ...],
    guarded: bool,
):
    """Advance every lane of the tiles from `start` to `stop`: carries, samples, (device, seeds, points, ...).

    `places`: which of the tile's arrays each array leaf of the system is.
    """
    settings = setup.settings._replace(guarded=guarded)

    def local(tile: Tile, start, stop, wake, bounds, dt):
        def context_of(arrays: list[Any], words: Any) -> Context:
            system = join([arrays[place] for place in places], static)
            keys = draw_keys(jax.random.wrap_key_data(words, impl="threefry2x32"), system.draws())
            return Context(system, settings, keys, dt, bounds, wake)

        arrays = [_inner(a) if any(differs) else a for a, differs in zip(tile.arrays, spread, strict=True)]
        lanes = Lanes(arrays, _inner(tile.carry), _inner(tile.keys))
        own = way._replace(rests=way.rests and not guarded)
        return _outer(advance_lanes(context_of, lanes, spread, setup.paired, own, start, stop, dict(room)))

    specs = (Tile(_specs(spread), EACH, EACH), ALL, ALL, ALL, ALL, ALL)
    return jax.shard_map(local, mesh=setup.mesh, in_specs=specs, out_specs=EACH, check_vma=False)(tile, start, stop, wake, bounds, dt)


def finish_tiles(kept: PyTree, setup: Setup) -> PyTree:
    """Results of the streamed records, (device, seeds, points, ...)."""

    def local(kept):
        return _outer(jax.vmap(jax.vmap(functools.partial(finish, setup.settings)))(_inner(kept)))

    return jax.shard_map(local, mesh=setup.mesh, in_specs=EACH, out_specs=EACH, check_vma=False)(kept)


class Programs(NamedTuple):
    """The three compiled functions of a sweep."""

    open: Any
    advance: Any
    finish: Any


def programs(wide: bool) -> Programs:
    """The compiled functions; `wide` lets the block use vectors of full width."""
    return Programs(
        compiled(open_tiles, ("template", "setup", "spread", "own", "per_lane")),
        compiled(advance_tiles, ("static", "places", "setup", "spread", "way", "room", "guarded"), wide),
        compiled(finish_tiles, ("setup",)),
    )


class LaneShape(NamedTuple):
    """One lane: bytes of its carry and of a sample of each trace, its results (a trace's: one sample), the primitives of its step,
    whether it can be left when it is done."""

    carry_bytes: int
    sample_bytes: dict[str, int]
    results: dict[str, PyTree]
    used: frozenset[str]
    rests: bool


def lane_shape(system: System, settings: Settings, dt: Any, state: PyTree, bounds: Any) -> LaneShape:
    """Sizes of one lane from the shapes of a realised system and of its state; its draws, step and records are checked on the way."""
    arrays, static = split((system, state))
    plain = tuple(jax.ShapeDtypeStruct(one.shape, one.dtype, weak_type=getattr(one, "weak_type", False)) for one in arrays)
    return _lane_shape(plain, static, settings, float(dt), dt.dtype, tuple(bounds.items()), jnp.result_type(float))


@functools.lru_cache(256)
def _lane_shape(arrays: Sequence[Any], static: Static, settings: Settings, dt: float, dtype: Any, bounds: Any, wide: Any) -> LaneShape:
    """The same of what can be told from another: the next call with it need not trace. wide: JAX's floats, which its 64-bit mode says."""
    sizes: list[LaneShape] = []

    def measured(system, state):
        keys = draw_keys(jax.random.key(0), system.draws())
        context = Context(system, settings, keys, jnp.asarray(dt, dtype), dict(bounds))
        used = check_context(context, state).primitives
        carry = begin(context, state)
        values = shapes(context, state)
        sample = {name: sum(leaf.nbytes for leaf in jax.tree.leaves(values[name])) for name in settings.traces}
        results = finish(settings, carry.kept) | {name: values[name] for name in sample}
        plain = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), results)
        order = {name: plain[name] for name, _ in settings.records}
        sizes.append(LaneShape(sum(leaf.nbytes for leaf in jax.tree.leaves(carry)), sample, order, used, rests(context, state)))

    eqx.filter_eval_shape(measured, *join(list(arrays), static))
    return sizes[0]
