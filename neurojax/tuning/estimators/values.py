"""Estimators that need no derivative of anything: from values at places around."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from neurojax.engine.checks import check_count, check_number, positive
from neurojax.tuning.estimators.base import Estimator
from neurojax.tuning.problem import average, lanes, mean


@dataclasses.dataclass(frozen=True)
class Values(Estimator):
    """By differences of values at both sides along some directions, the seeds the same on both: all in one batch."""

    derives: ClassVar[bool] = False

    def directions(self, size: int, turn: Int[Array, ""], dtype: str) -> tuple[Float[Array, "pairs size"], float, bool]:
        """Directions, the distance to both sides, and whether the gradient is the mean of their derivatives (else the sum)."""
        raise NotImplementedError

    def _found(self, problem, given, words, free, turn) -> tuple[Rates, Float[Array, " size"]]:
        """What each direction and seed says of the gradient; and the gradient."""
        along, distance, averaged = self.directions(free.shape[0], turn, problem.dtype)
        at = jnp.stack([free[None] + distance * along, free[None] - distance * along])
        found = jax.vmap(jax.vmap(lambda free: lanes(problem, given, words, free)))(at)
        sound = found.sound[0] & found.sound[1]
        rate = jnp.where(sound, (found.value[0] - found.value[1]) / (2 * distance), 0)
        by = (1.0 if averaged else along.shape[0]) * rate[:, :, None] * along[:, None, :]
        each, _, counts = jax.vmap(_average)(by, sound)
        # The mean of directions that are drawn can do without one; a sum of axes cannot.
        gradient = _average(each, counts > 0)[0] if averaged else jnp.mean(each, axis=0)
        return Rates(by, sound, each, counts > 0), gradient

    def slope(self, problem, given, words, free, turn):
        """Mean over directions of the mean over seeds."""
        return mean(problem, given, words, free), self._found(problem, given, words, free, turn)[1]

    def slopes(self, problem, given, words, free):
        """The error is that of the seeds and, where directions are drawn, theirs."""
        rates, gradient = self._found(problem, given, words, free, jnp.asarray(0, jnp.int32))
        count = jnp.maximum(jnp.sum(rates.sound, axis=0, dtype=free.dtype), 1)[:, None]
        spread = _average(jnp.sum(rates.by, axis=0) / count, jnp.any(rates.sound, axis=0))[1]
        spread = jnp.zeros_like(spread) if problem.length is None else spread
        if self.directions(free.shape[0], jnp.asarray(0, jnp.int32), problem.dtype)[2]:
            spread = jnp.sqrt(spread**2 + _average(rates.each, rates.well)[1] ** 2)
        return mean(problem, given, words, free), gradient, spread


class Rates(NamedTuple):
    """Of directions and seeds (pairs, seeds, size), and whether they count; the means over seeds, and which have any."""

    by: Float[Array, "pairs seeds size"]
    sound: Bool[Array, "pairs seeds"]
    each: Float[Array, "pairs size"]
    well: Bool[Array, " pairs"]


def _average(values: Float[Array, "count size"], sound: Bool[Array, " count"]) -> tuple[Array, Array, Array]:
    """`average` of each column."""
    return jax.vmap(average, (1, None), (0, 0, None))(values, sound)


@dataclasses.dataclass(frozen=True)
class EvolutionStrategies(Values):
    """The gradient of the objective smoothed by a Gaussian, from pairs of places on opposite sides:

        F(u) = E f(u + s e),   dF/du = E[(f(u + s e) - f(u - s e)) e / 2s],   e standard normal, u the free coordinates

    For objectives that are rough, discrete or chaotic: of no use to it is anything finer than s. Costs two runs a pair.

    Arguments:
        deviation: s, in the free coordinates, > 0. pairs: of places, drawn anew for every iteration. seed: of the directions.

    Source: Spall 1992; Nesterov and Spokoiny 2017; Salimans et al. 2017.
    """

    deviation: float = 0.1
    pairs: int = 16
    seed: int = 0

    def __post_init__(self):
        check_number("EvolutionStrategies", "deviation", self.deviation, positive, "a width above 0, for example 0.1")
        check_count("EvolutionStrategies", "pairs", self.pairs, "a whole number of pairs, at least 1")
        check_count("EvolutionStrategies", "seed", self.seed, "a whole number, at least 0", least=0)

    def directions(self, size, turn, dtype):
        """Of this iteration."""
        key = jax.random.fold_in(jax.random.key(self.seed), turn)
        return jax.random.normal(key, (self.pairs, size), dtype), self.deviation, True


@dataclasses.dataclass(frozen=True)
class Differences(Values):
    """Central differences along every free coordinate, `(f(u + h) - f(u - h)) / 2h`, the seeds the same on both sides.

    The yardstick of the others, and for a few numbers a method of its own, where a step has no derivative.

    Arguments:
        step: h, in the free coordinates, > 0. Its error is of order h^2, and that of float32 of order 1e-7 / h.
    """

    step: float = 0.01

    def __post_init__(self):
        check_number("Differences", "step", self.step, positive, "a distance above 0, for example 0.01")

    def directions(self, size, turn, dtype):
        """The axes."""
        return jnp.eye(size, dtype=dtype), self.step, False
