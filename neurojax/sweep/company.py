"""The lanes of a kernel: in turn or side by side, and left when they are done."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import PyTree

from neurojax.engine.block import advanced, block, entered, goes_on, left, narrowed, rested
from neurojax.engine.loop import Carry, Context, Loop

Spread = tuple[tuple[bool, bool], ...]  # per array leaf of the realised system: differs between seeds, between points


class Way(NamedTuple):
    """How a kernel computes its lanes: the seeds, and the points of a seed, one after the other or side by side.

    Side by side lanes share what they read; in turn, what each reads for itself stays in the cache. rests: lanes that are done are
    left, and of those side by side the others move together.
    """

    seeds_in_turn: bool = False
    points_in_turn: bool = False
    rests: bool = False


SHRINK = 2  # by how much fewer lanes go on together; every such number is a program of its own within the block's
LEAST = 8  # lanes of the smallest


def fewer(lanes: int) -> int:
    """How many of so many lanes go on together once no more are left; 0 where it is the last of them that ends the work."""
    return lanes // SHRINK if lanes >= SHRINK * LEAST else 0


class Lanes(NamedTuple):
    """Realised leaves, carries (seeds, points, ...), key words; seeds and points lead where they differ."""

    arrays: list[Any]
    carry: Carry
    words: Any


def advance_lanes(
    context_of: Callable[[list[Any], Any], Context],
    lanes: Lanes,
    spread: Spread,
    paired: bool,
    way: Way,
    start: Any,
    stop: Any,
    room: dict[str, int],
) -> tuple[Carry, dict[str, PyTree]]:
    """Advance every lane from `start` to `stop`: carries and samples, (seeds, points, ...). context_of: of one lane's leaves and words."""

    over_points = [0 if point else None for _, point in spread], 0, None if paired else 0
    over_seeds = [0 if seed else None for seed, _ in spread], 0, 0

    def alone(arrays: list[Any], carry: Carry, words: Any) -> tuple[Carry, dict[str, PyTree]]:
        return block(context_of(arrays, words), carry, start, stop, room)

    def points(arrays: list[Any], carry: Carry, words: Any) -> tuple[Carry, dict[str, PyTree]]:
        """The lanes of one seed, side by side."""
        return (together if way.rests else jax.vmap(alone, over_points))(arrays, carry, words)

    def together(arrays: list[Any], carry: Carry, words: Any) -> tuple[Carry, dict[str, PyTree]]:
        def each(function: Callable, at: Any, arrays: list[Any], words: Any, out_axes: Any = 0) -> Any:
            def lane(arrays, at, words):
                return function(narrowed(context_of(arrays, words), start, stop), at)

            return jax.vmap(lane, over_points, out_axes, axis_name="points")(arrays, at, words)

        def many(context: Context, most: int, carry: Carry) -> Any:
            """Whether more than so many points of some seed have to go on."""
            count = lax.psum(goes_on(context, carry).astype(jnp.int32), "points")
            return (count if way.seeds_in_turn else lax.pmax(count, "seeds")) > most

        def level(at: Loop, arrays: list[Any], words: Any, low: Any) -> Loop:
            few = fewer(at.carry.bad.shape[0])
            at, reached = each(
                lambda context, at: advanced(context, at, start, low, stop, partial(many, context, few)), at, arrays, words, (0, None)
            )
            ended = each(lambda context, at: rested(context, at, start, reached, stop), at, arrays, words)
            if not few:
                return ended
            going = each(lambda context, at: goes_on(context, at.carry), at, arrays, words)
            chosen = jnp.argsort(~going)[:few]
            take = partial(jax.tree.map, lambda leaf: leaf[chosen])
            own = [take(leaf) if axis == 0 else leaf for leaf, axis in zip(arrays, over_points[0], strict=True)]
            others = level(take(at), own, take(words) if not paired else words, reached)
            return jax.tree.map(lambda leaf, later: leaf.at[chosen].set(later), ended, others)

        begun = each(lambda context, carry: entered(context, carry, room), carry, arrays, words)
        ended = level(begun, arrays, words, start)
        return jax.vmap(lambda arrays, carry, words, at: left(context_of(arrays, words), carry, at), (*over_points, 0))(
            arrays, carry, words, ended
        )

    if not way.seeds_in_turn:
        return jax.vmap(points, over_seeds, axis_name="seeds")(*lanes)
    if not way.points_in_turn:
        return in_turn(lambda seed: points(*taken(lanes, spread, paired, seed)), lanes.carry.bad.shape[:1])
    return in_turn(lambda seed, point: alone(*taken(lanes, spread, paired, seed, point)), lanes.carry.bad.shape)


def taken(lanes: Lanes, spread: Spread, paired: bool, *place: Any) -> Lanes:
    """The lanes of one seed (seed,), or one lane (seed, point)."""

    def own(leaf: Any, differs: Sequence[bool]) -> Any:
        index = tuple(i for i, moves in zip(place, differs, strict=False) if moves)
        return leaf[index] if index else leaf

    arrays = [own(leaf, differs) for leaf, differs in zip(lanes.arrays, spread, strict=True)]
    return Lanes(arrays, jax.tree.map(lambda leaf: leaf[place], lanes.carry), own(lanes.words, (True, not paired)))


def in_turn(function: Callable, shape: tuple[int, ...]) -> Any:
    """The outcomes of a function of places in an array of a shape, one after the other. One loop, for one within another copies twice."""
    made = lax.map(lambda number: function(*jnp.unravel_index(number, shape)), jnp.arange(math.prod(shape)))
    return jax.tree.map(lambda leaf: leaf.reshape(*shape, *leaf.shape[1:]), made)
