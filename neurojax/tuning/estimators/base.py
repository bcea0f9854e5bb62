"""What an estimator of gradients is, and the one by derivatives along the path."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, UInt32

from neurojax.engine.simulate import DONE, Options, simulate
from neurojax.engine.types import Arrays
from neurojax.tuning.problem import Given, Problem, average, lanes, mean, terms


class Seen(NamedTuple):
    """What an estimator makes of a seed: its records; the log probability of what it drew, up to a constant, or 0; whether it counts."""

    records: dict[str, Any]
    score: Float[Array, ""]
    sound: Bool[Array, ""]


@dataclasses.dataclass(frozen=True)
class Estimator:
    """How the gradient of an objective's mean over seeds is estimated. One's own subclasses this and overrides `observe` or `slope`."""

    derives: ClassVar[bool] = True  # by derivatives of the program, so that it has a mode; else by values alone
    simulates: ClassVar[bool] = False  # whether it is of no use without a simulation

    def check(self, models: list[Any], settings: dict[str, Any]) -> None:
        """Refuse models, at every start, and settings of their runs, with which it cannot work."""

    def observe(self, problem: Problem, given: Given, system: Any, words: UInt32[Array, "2"]) -> Seen:
        """A seed's run."""
        run = self.run(problem, given, system, words, dict(problem.records))
        return Seen(run.records, jnp.zeros((), problem.dtype), run.status == DONE)

    def run(self, problem: Problem, given: Given, system: Any, words: UInt32[Array, "2"], records: dict[str, Any]) -> Any:
        """The run of a seed with these records."""
        assert problem.length is not None
        assert problem.dt is not None
        return simulate(
            system,
            dt=problem.dt,
            **problem.length.arguments(),
            method=given.method,
            seed=jax.random.wrap_key_data(words, impl="threefry2x32"),
            record=records,
            options=Options(dtype=problem.dtype, checkpoint=problem.checkpoint),
        )

    def slope(
        self, problem: Problem, given: Given, words: UInt32[Arrays, "seeds 2"], free: Float[Array, " size"], turn: Int[Arrays, ""]
    ) -> tuple[tuple[Array, Array, Array], Float[Array, " size"]]:
        """The mean, its error and the sound seeds; and the gradient by the free numbers. turn: number of the iteration."""

        def both(free):
            found = mean(problem, given, words, free)
            return found[0], found

        if problem.mode == "forward":
            gradient, found = jax.jacfwd(both, has_aux=True)(free)
        else:
            gradient, found = jax.grad(both, has_aux=True)(free)
        return found, gradient

    def slopes(
        self, problem: Problem, given: Given, words: UInt32[Arrays, "seeds 2"], free: Float[Array, " size"]
    ) -> tuple[tuple[Array, Array, Array], Float[Array, " size"], Float[Array, " size"]]:
        """The mean, its error and the sound seeds; the gradient; and its standard error over the seeds."""

        def each(frees):
            found = lanes(problem, given, words, frees)
            return terms(found), found

        # A place for each seed: one pass gives the gradients of all.
        frees = jnp.broadcast_to(free, (1 if problem.length is None else words.shape[0], free.shape[0]))
        if problem.mode == "forward":
            moved = lambda along: jax.jvp(each, (frees,), (jnp.broadcast_to(along, frees.shape),), has_aux=True)  # noqa: E731
            _, by, found = jax.vmap(moved, out_axes=(None, 1, None))(jnp.eye(free.shape[0], dtype=free.dtype))
        else:

            def total(frees):
                values, found = each(frees)
                return jnp.sum(values), found

            by, found = jax.grad(total, has_aux=True)(frees)
        value, error, count = average(found.value, found.sound)
        gradient, spread, _ = jax.vmap(average, (1, None))(by, found.sound)
        if problem.length is None:
            error, spread = jnp.zeros_like(error), jnp.zeros_like(spread)
        return (value, error, count), gradient, spread


@dataclasses.dataclass(frozen=True)
class Pathwise(Estimator):
    """Derivatives of each seed's run along its path, `d E f = E[df/dp]` with the draws fixed.

    Exact for every seed. In "forward" mode tangents go along with the run; in "reverse" mode this is the adjoint, by checkpoints
    (`TuneOptions`). What is drawn by comparing, a binary unit or the next pattern, has derivative 0 here, and a kink that a path crosses
    counts as if it stayed: then it is biased. In a chaotic run it is right and of no use: its variance grows as exp(2 T / Lyapunov time).

    Source: Glasserman 2004, section 7.2.
    """
