"""What a rule that changes weights online is."""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Scalar

from neurojax.engine.numerics import norm


class Occasion(NamedTuple):
    """What a rule sees at an update: rates (n,), the output they give and its target (outputs,), the step and the time of the clock,
    equal for all lanes, the steps from update to update, and the time they take."""

    rates: Float[Array, " n"]
    output: Float[Array, " outputs"]
    target: Float[Array, " outputs"]
    step: Int[Scalar, ""]
    time: Float[Scalar, ""]
    interval: int
    elapsed: Float[Scalar, ""]


class Correction(NamedTuple):
    """What an update does to the weights, `w <- w + outputs rates'`: in factors, for a matrix in `lax.cond` is copied at every step.

    outputs: (outputs,), what the errors say. rates: (n,), along which direction. novelty: `r' P r` of rules that have a P, 0 of others.
    """

    outputs: Float[Array, " outputs"]
    rates: Float[Array, " n"]
    novelty: Any = 0.0

    @property
    def change(self) -> Float[Array, "outputs n"]:
        """Change of the weights."""
        return jnp.outer(self.outputs, self.rates)

    @property
    def size(self) -> Float[Scalar, ""]:
        """The root of the sum of squares of the change, without a pass over all weights."""
        return norm(self.outputs) * norm(self.rates)


class Rule(eqx.Module):
    """A rule that changes the weights `output = w rates` towards a target, and may keep something from update to update."""

    @property
    def explores(self) -> bool:
        """Whether the rule learns from what noise on the outputs tries."""
        return False

    def init(self, n: int, outputs: int, interval: int = 1) -> Any:
        """What is kept, before the first update, of which there is one every `interval` steps: a pytree of arrays."""
        return None

    def tidied(self, kept: Any, step: Int[Scalar, ""]) -> Any:
        """What is kept, made ready for an update at this step, whether there is one or not: what must be done once in many steps."""
        return kept

    def correct(self, kept: Any, occasion: Occasion) -> tuple[Any, Correction]:
        """What is kept after an update, and what it does to the weights."""
        raise NotImplementedError(f"{type(self).__name__} must define correct(self, kept, occasion)")

    def check(self) -> None:
        """Refuse values that make no sense."""
