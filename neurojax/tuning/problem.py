"""The objective of a tuning as a function of free numbers, its derivatives, and one iteration, compiled once."""

from __future__ import annotations

import dataclasses
import functools
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
from neurojax.engine.simulate import cast_system, integrated
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

    estimator: an `Estimator`. build: the function that makes the model, None where that is given. drawn: paths of what the host draws.
    per_seed: whether it differs between seeds.
    """

    space: Space
    objective: Callable
    optimizer: Any
    estimator: Any
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


def built(problem: Problem, given: Given, free: Float[Array, " size"], drawn: tuple[Any, ...]) -> Any:
    """The model that free numbers stand for, with the parts that the host drew."""
    system = problem.space.put(given.model if problem.build is None else problem.build, problem.space.values(free))
    for path, part in zip(problem.drawn, drawn, strict=True):
        system = replace(system, path, part, check=False)
    return system


class Lane(NamedTuple):
    """The objective of a seed; a number whose derivative is that of the log probability of what the seed drew, 0 if none is taken; whether
    the seed counts."""

    value: Float[Array, "*seeds"]
    score: Float[Array, "*seeds"]
    sound: Bool[Array, "*seeds"]


def lane(problem: Problem, given: Given, free: Float[Array, " size"], words: UInt32[Array, "2"], drawn: tuple[Any, ...]) -> Lane:
    """One seed."""
    seen = problem.estimator.observe(problem, given, built(problem, given, free, drawn), words)
    names, fixed = list(seen.records), constant(seen)
    sound = fixed.sound & jnp.isfinite(scalar(problem.objective, fixed.records, names)) & jnp.isfinite(fixed.score)
    # The objective of records that are not finite would have derivatives that are not, and 0 times those is no 0.
    kept, score = where(sound, (seen.records, seen.score), tame((fixed.records, fixed.score)))
    value = scalar(problem.objective, kept, names)
    return Lane(jnp.where(sound, value, 0), jnp.where(sound, score, 0), sound)


def lanes(problem: Problem, given: Given, words: UInt32[Arrays, "seeds 2"], free: Float[Array, "*seeds size"]) -> Lane:
    """All seeds, at one place, or each at its own. An objective of the model alone is one seed."""
    if problem.length is None:
        value = scalar(problem.objective, built(problem, given, free.reshape(-1), ()), [])[None]
        return Lane(value, jnp.zeros_like(value), jnp.ones_like(value, bool))
    arrays, static = split(given.drawn)
    axes = (0 if free.ndim == 2 else None, 0, 0 if problem.per_seed else None)
    return jax.vmap(lambda free, words, arrays: lane(problem, given, free, words, join(arrays, static)), axes)(free, words, arrays)


def terms(found: Lane) -> Float[Array, " seeds"]:
    """The values (0 of a seed that does not count), with derivatives that estimate those of the mean.

    To the derivative of a value its distance from the mean of the other seeds is added, times the derivative of the score: the mean of
    others keeps the estimate without bias, and makes it less noisy.
    """
    count = jnp.sum(found.sound, dtype=found.value.dtype)
    above = (found.value - jnp.sum(found.value) / jnp.maximum(count, 1)) * jnp.where(count > 1, count / jnp.maximum(count - 1, 1), 1)
    above = jnp.where(count > 1, above, found.value)
    return found.value + jax.lax.stop_gradient(jnp.where(found.sound, above, 0)) * (found.score - jax.lax.stop_gradient(found.score))


def average(values: Float[Array, " seeds"], sound: Bool[Array, " seeds"]) -> tuple[Float[Array, ""], Float[Array, ""], Int[Array, ""]]:
    """Mean over the sound seeds (NaN without any), its standard error (NaN for one), and how many they are."""
    count = jnp.sum(sound, dtype=jnp.int32)
    whole = count.astype(values.dtype)
    mean = jnp.where(count > 0, jnp.sum(jnp.where(sound, values, 0)) / jnp.maximum(whole, 1), jnp.nan)
    off = jax.lax.stop_gradient(jnp.where(sound, values - mean, 0))
    error = jnp.sqrt(jnp.sum(off**2) / (jnp.maximum(whole - 1, 1) * jnp.maximum(whole, 1)))
    return mean, jnp.where(count > 1, error, jnp.nan), count


def mean(problem: Problem, given: Given, words: UInt32[Arrays, "seeds 2"], free: Float[Array, " size"]):
    """Mean over the sound seeds, with the derivatives of `terms`, its standard error (0 without a simulation), and how many they are."""
    found = lanes(problem, given, words, free)
    value, error, count = average(terms(found), found.sound)
    return value, jnp.zeros_like(error) if problem.length is None else error, count


@functools.lru_cache(maxsize=32)
def optimizer_of(given: Any, rate: float, clip: float | None = None) -> Any:
    """Of optax, Adam of a rate unless given, with the gradient clipped before, and deaf to what it has no use for; made once, so that it
    retraces nothing. Raises TypeError for anything else."""
    import optax

    if given is None:
        given = optax.adam(rate)
    if not (hasattr(given, "init") and hasattr(given, "update")):
        raise TypeError(f"optimizer={given!r}: give one of optax, for example optax.adam({rate})")
    clipped = given if clip is None else optax.chain(optax.clip_by_global_norm(clip), given)
    return optax.with_extra_args_support(clipped)


def move(
    optimizer: Any, gradient: Float[Array, " size"], memory: PyTree, free: Float[Array, " size"], value: Any, again: Callable | None
) -> tuple[Float[Array, " size"], PyTree]:
    """Where an optimiser goes, and its memory. again: the value elsewhere, for line searches, None where it is not to be had."""
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
    turn: Int[Arrays, ""],
    problem: Problem,
    keep: bool,
):
    """The compiled iteration of all starts: where each goes, the optimiser's memory, and what was found.

    turn: number of the iteration. A start that is not running, or whose value, gradient or move is not finite, stays. keep: give the
    parameters' values.
    """
    given = join(arrays, static)

    def one(free, memory, running):
        (value, error, count), gradient = problem.estimator.slope(problem, given, words, free, turn)
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


def slopes(arrays: list[Any], static: Static, words: UInt32[Arrays, "seeds 2"], free: Float[Arrays, " size"], problem: Problem):
    """The compiled gradient of one place: `mean` there, the gradient, and its standard error."""
    return problem.estimator.slopes(problem, join(arrays, static), words, jnp.asarray(free))
