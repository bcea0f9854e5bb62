"""What all memories have in common: patterns, a cue, and a state that comes to rest."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool, Float, Int, Scalar

from neurojax.engine.checks import check_count
from neurojax.engine.system import System
from neurojax.engine.types import Arrays
from neurojax.hopfield.cues import Cue, DamagedCue, Flips
from neurojax.hopfield.patterns import Code, PatternRecipe, RandomPatterns, as_patterns, whole

MOVING, FIXED, CYCLE = 0, 1, 2  # where a run stands


class RecallState(NamedTuple):
    """State: s (n,), with the state one step before; how many steps have changed it; where it stands: 0 moving, 1 at a fixed point,
    2 in a cycle of two states."""

    s: Float[Arrays, "*heads n"]
    previous: Float[Arrays, "*heads n"]
    steps: Int[Arrays, ""]
    outcome: Int[Arrays, ""]

    def followed_by(self, new: Float[Array, "*heads n"], tolerance: Any, settles: bool, periodic: bool) -> RecallState:
        """The state after a step to `new`. settles, periodic: whether a state that stays, or comes back, does so for ever."""
        # XLA's CPU compiler takes `all` with full vectors, and a maximum one number after the other.
        still = jnp.all(jnp.abs(new - self.s) <= tolerance)
        back = jnp.all(jnp.abs(new - self.previous) <= tolerance) & ~still
        outcome = jnp.where(still & settles, FIXED, jnp.where(back & settles & periodic, CYCLE, MOVING))
        steps = jnp.asarray(self.steps) + (~still).astype(self.steps.dtype)
        return RecallState(new, self.s, steps, outcome.astype(self.outcome.dtype))


class Memory(System):
    """A memory of n units: its patterns, and what it starts from.

    Arguments:
        n: units. patterns: an array (P, n), or a recipe. cue: how a run starts, or a state (n,).
    """

    n: int = eqx.field(static=True)
    patterns: Any = eqx.field(converter=whole, default=RandomPatterns(1))
    cue: Any = eqx.field(converter=whole, default=Flips(0.1))

    def __check_init__(self):
        check_count(type(self).__name__, "n", self.n, "the number of units is a whole number of at least 1")

    def kind(self) -> Code:
        """The code of the patterns."""
        raise NotImplementedError

    def count(self) -> int:
        """Rows of the patterns."""
        return (
            int(self.patterns.count)
            if isinstance(self.patterns, PatternRecipe)
            else int(as_patterns(self.patterns, code=self.kind()).shape[0])
        )

    def check(self):
        """Patterns and cue fit."""
        name = type(self).__name__
        if isinstance(self.patterns, PatternRecipe):
            type(self.patterns).check(self.patterns)
        else:
            as_patterns(self.patterns, self.n, self.kind())
        if isinstance(self.cue, Cue):
            type(self.cue).check(self.cue)
            if isinstance(self.cue, DamagedCue) and not isinstance(self.cue.which, Tracer):
                count = np.shape(self.patterns)[0] if not isinstance(self.patterns, PatternRecipe) else self.patterns.count
                if np.any(np.asarray(self.cue.which) >= count):
                    raise ValueError(f"{name}(cue): which={self.cue.which!r}, but there are {count} patterns; rows count from 0")
        elif not isinstance(self.cue, Tracer) and np.shape(self.cue) != (self.n,):
            raise ValueError(
                f"{name}(cue): has shape {np.shape(self.cue)}; give a state of n={self.n} units, or a cue such as nj.Flips(0.1)"
            )

    def realise(self, key):
        """Draw the patterns."""
        patterns = self.patterns
        if isinstance(patterns, PatternRecipe):
            patterns = patterns.draw(jax.random.fold_in(key, 0), self.n, self.kind())
        else:
            patterns = as_patterns(patterns, self.n, self.kind())
        return dataclasses.replace(self, patterns=patterns)

    def init(self, key):
        """The cue, at rest."""
        s = self.cue.draw(key, self.patterns, self.kind()) if isinstance(self.cue, Cue) else jnp.asarray(self.cue)
        s = s.astype(jnp.result_type(float))
        return RecallState(s, s, jnp.asarray(0, jnp.int32), jnp.asarray(MOVING, jnp.int32))

    def done(self, state: RecallState) -> Bool[Array, ""] | bool:
        """At a fixed point, or in a cycle of two states."""
        return jnp.asarray(state.outcome) != MOVING

    def energy(self, s: Float[Arrays, "*heads n"], time: Float[Scalar, ""] | float = 0.0) -> Float[Array, "*heads"]:
        """Energy of a state."""
        raise NotImplementedError
