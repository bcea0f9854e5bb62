"""The objective of a tuning as a function of free numbers, its derivatives, and one iteration, compiled once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PyTree, Scalar, UInt32

from neurojax.engine.compile import Static, join, split
from neurojax.engine.faults import constant, tame
from neurojax.engine.loop import Checkpoint, model_of
from neurojax.engine.numerics import norm, where
from neurojax.engine.paths import get, parameters, replace
from neurojax.engine.random import seed_key, stream_key
from neurojax.engine.record import Record
from neurojax.engine.schedule import Schedule
from neurojax.engine.simulate import DONE, Options, cast_system, integrated, simulate
from neurojax.engine.system import Recipe, recipes
from neurojax.engine.types import Arrays
from neurojax.sweep.points import Family, draw_recipes
from neurojax.tuning.where import Space

FEW = 8  # numbers up to which forward mode is taken: a tangent costs about a run, reverse mode about four, and its memory


@dataclasses.dataclass(frozen=True)
class _Same:
    """Hashed and compared by identity."""

    thing: Any

    def __hash__(self):
        return id(self.thing)

    def __eq__(self, other):
        return isinstance(other, _Same) and self.thing is other.thing


class Length(NamedTuple):
    """How long each run is; a schedule is known by its identity, for what it changes need not be hashable."""

    steps: int | None
    duration: float | None
    schedule: _Same | None = None

    @staticmethod
    def of(duration: Any, steps: int | None) -> Length:
        """From the arguments of `tune`."""
        return Length(None, None, _Same(duration)) if isinstance(duration, Schedule) else Length(steps, duration)

    def arguments(self) -> dict[str, Any]:
        """Those of `simulate`."""
        return {"steps": self.steps, "duration": self.duration if self.schedule is None else self.schedule.thing}


@dataclasses.dataclass(frozen=True)
class Problem:
    """All of a tuning that a compiled program is made of, hashable. length: None for an objective of the system alone.

    build: the function that makes the model, None where that is given. drawn: paths of what the host draws. per_seed: whether it differs
    between seeds.
    """

    space: Space
    objective: Callable
    optimizer: Any
    mode: str
    dtype: str
    build: Callable | None = None
    dt: float | None = None
    length: Length | None = None
    records: tuple[tuple[str, Record], ...] = ()
    checkpoint: Checkpoint = dataclasses.field(default_factory=Checkpoint)
    drawn: tuple[tuple[str, ...], ...] = ()
    per_seed: bool = False


class Given(NamedTuple):
    """The arrays of a tuning that do not change while it runs: the model, the integrator, the parts that the host drew."""

    model: Any
    method: Any
    drawn: tuple[Any, ...]


class Row(NamedTuple):
    """What an iteration found of a start."""

    value: Float[Array, "*starts"]
    error: Float[Array, "*starts"]
    sound: Int[Array, "*starts"]
    gradient_norm: Float[Array, "*starts"]
    promised: Float[Array, "*starts"]
    fine: Bool[Array, "*starts"]
    parameters: dict[str, Array] | None


def words_of(seeds: np.ndarray) -> UInt32[np.ndarray, "seeds 2"]:
    """Key words of seeds."""
    return np.stack([np.asarray(jax.random.key_data(seed_key(int(seed)))) for seed in seeds])


def host_draws(model: Any, seeds: np.ndarray, dtype: np.dtype) -> tuple[tuple[tuple[str, ...], ...], tuple[Any, ...], bool]:
    """Paths and values of what a model's recipes draw on the host for these seeds, and whether they differ by seed (a first axis)."""
    if not recipes(model):
        return (), (), False
    paths = [path for path in parameters(model) if isinstance(get(model, path), Recipe)]
    paths = [path for path in paths if not any(isinstance(get(model, path[:k]), Recipe) for k in range(1, len(path)))]
    whole = cast_system(integrated(model, None), dtype)
    leaves, structure = jax.tree.flatten(whole, is_leaf=lambda leaf: isinstance(leaf, Recipe))
    keys = [stream_key(seed_key(int(seed)), "structure") for seed in seeds]
    made = draw_recipes(Family(np.arange(1), structure, leaves, {}, {}, {}), keys, dtype)
    whole = model_of(jax.tree.unflatten(made.structure, [made.by_seed.get(i, leaf) for i, leaf in enumerate(made.leaves)]))
    return tuple(paths), tuple(get(whole, path) for path in paths), bool(made.by_seed)


def scalar(objective: Callable, argument: Any, names: list[str]) -> Float[Scalar, ""]:
    """The objective's value, which must be one float."""
    try:
        value = objective(argument)
    except KeyError as error:
        raise ValueError(f"objective: it asks for the record {error}; record has {', '.join(names) or 'none'}") from error
    value = jnp.asarray(value)
    if value.shape != () or not jnp.issubdtype(value.dtype, jnp.floating):
        raise ValueError(f"objective: it gives {value.dtype}{list(value.shape)}; return one float, for example jnp.mean(...)")
    return value


def lane(problem: Problem, given: Given, free: Float[Array, " size"], words: UInt32[Array, "2"], drawn: tuple[Any, ...]):
    """The objective of one seed, and whether it counts."""
    system = problem.space.put(given.model if problem.build is None else problem.build, problem.space.values(free))
    for path, part in zip(problem.drawn, drawn, strict=True):
        system = replace(system, path, part, check=False)
    assert problem.length is not None
    assert problem.dt is not None
    run = simulate(
        system,
        dt=problem.dt,
        **problem.length.arguments(),
        method=given.method,
        seed=jax.random.wrap_key_data(words, impl="threefry2x32"),
        record=dict(problem.records),
        options=Options(dtype=problem.dtype, checkpoint=problem.checkpoint),
    )
    names, fixed = list(run.records), constant(run.records)
    sound = (run.status == DONE) & jnp.isfinite(scalar(problem.objective, fixed, names))
    # The objective of records that are not finite would have derivatives that are not, and 0 times those is no 0.
    value = scalar(problem.objective, where(sound, run.records, tame(fixed)), names)
    return jnp.where(sound, value, 0), sound


def mean(problem: Problem, given: Given, words: UInt32[Arrays, "seeds 2"], free: Float[Array, " size"]):
    """Mean over the sound seeds (NaN without any), its standard error, and how many they are."""
    if problem.length is None:
        system = problem.space.put(given.model if problem.build is None else problem.build, problem.space.values(free))
        value = scalar(problem.objective, system, [])
        return value, jnp.zeros_like(value), jnp.asarray(1, jnp.int32)
    arrays, static = split(given.drawn)
    axes = (0, 0 if problem.per_seed else None)
    values, sound = jax.vmap(lambda words, arrays: lane(problem, given, free, words, join(arrays, static)), axes)(words, arrays)
    count = jnp.sum(sound, dtype=jnp.int32)
    whole = count.astype(values.dtype)
    average = jnp.where(count > 0, jnp.sum(values) / jnp.maximum(whole, 1), jnp.nan)
    off = jax.lax.stop_gradient(jnp.where(sound, values - average, 0))
    error = jnp.sqrt(jnp.sum(off**2) / (jnp.maximum(whole - 1, 1) * jnp.maximum(whole, 1)))
    return average, jnp.where(count > 1, error, jnp.nan), count


def slope(problem: Problem, given: Given, words: UInt32[Arrays, "seeds 2"], free: Float[Array, " size"]):
    """`mean` and its gradient by the free numbers."""

    def both(free):
        found = mean(problem, given, words, free)
        return found[0], found

    if problem.mode == "forward":
        gradient, found = jax.jacfwd(both, has_aux=True)(free)
    else:
        gradient, found = jax.grad(both, has_aux=True)(free)
    return found, gradient


def move(
    optimizer: Any, gradient: Float[Array, " size"], memory: PyTree, free: Float[Array, " size"], value: Any, again: Callable
) -> tuple[Float[Array, " size"], PyTree]:
    """Where an optimiser goes, and its memory. again: the value elsewhere, for line searches."""
    # Optax counts in integers and multiplies them into floats, which the user's strict promotion would refuse.
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        change, memory = optimizer.update(gradient, memory, free, value=value, grad=gradient, value_fn=again)
    return free + change, memory


def iterate(
    arrays: list[Any],
    static: Static,
    words: UInt32[Arrays, "seeds 2"],
    free: Float[Arrays, "starts size"],
    memory: PyTree,
    running: Bool[Arrays, " starts"],
    problem: Problem,
    keep: bool,
):
    """The compiled iteration of all starts: where each goes, the optimiser's memory, and what was found.

    A start that is not running, or whose value, gradient or move is not finite, stays. keep: give the parameters' values.
    """
    given = join(arrays, static)

    def one(free, memory, running):
        (value, error, count), gradient = slope(problem, given, words, free)
        fine = jnp.isfinite(value) & jnp.all(jnp.isfinite(gradient))
        own = jnp.where(fine, gradient, 0)
        moved, after = move(problem.optimizer, own, memory, free, value, lambda free: mean(problem, given, words, free)[0])
        fine &= jnp.all(jnp.isfinite(moved))
        go = running & fine
        row = Row(value, error, count, norm(gradient), own @ (moved - free), fine, problem.space.values(free) if keep else None)
        return jnp.where(go, moved, free), where(go, after, memory), row

    return jax.vmap(one)(free, memory, running)


def evaluate(arrays: list[Any], static: Static, words: UInt32[Arrays, "seeds 2"], free: Float[Arrays, " size"], problem: Problem):
    """The compiled value of one place: mean, standard error and sound seeds."""
    return mean(problem, join(arrays, static), words, jnp.asarray(free))
