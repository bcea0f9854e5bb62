"""The stream of patterns that drives a memory: which is shown, until when, and with what noise."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Int, PRNGKeyArray, Scalar

from neurojax.engine.checks import check_number, not_negative
from neurojax.engine.system import Draw, check_part
from neurojax.engine.types import Arrays, Draws
from neurojax.multiscale.patterns import (
    Cyclic,
    DrawnPatterns,
    Frequency,
    RademacherPatterns,
    Succession,
    check_transitions,
    stationary,
)
from neurojax.multiscale.redraws import as_redraws
from neurojax.multiscale.weights import check_probabilities

FOREVER = 2.0**32  # steps, more than a run can have


class Shown(NamedTuple):
    """What is shown: number of the pattern, -1 before the first; steps left of its time; steps made of it; noise in its field (n,), None
    without."""

    which: Int[Arrays, ""]
    left: Float[Arrays, ""]
    steps: Int[Arrays, ""]
    noise: Float[Arrays, " n"] | None


def whole(value: Any) -> Any:
    """Lists and tuples of numbers as one array; all else as it is, for `check` to refuse."""
    try:
        return np.asarray(value, float) if isinstance(value, list | tuple) else value
    except (TypeError, ValueError):
        return value


class Stream(eqx.Module):
    """A piecewise constant field: pattern xi_mu, drawn anew after every time T, and held in between.

    Arguments:
        patterns: an array (K, n) of any numbers, or a recipe such as `RademacherPatterns(8)`.
        probabilities: p_mu: None for equal ones, an array (K,), or `Zipf`, `Dirichlet`.
        tau_h: the time for which a pattern is shown: a number, infinity for one pattern for ever, or a distribution: `RandomPeriod`,
            `Poisson`, one's own `Redraws`. It ends with the step nearest to it; what that is early or late, the next makes up for.
        transitions: None where patterns are drawn independently, else what follows what: `Repeating(stay)`, `Cyclic(order)`, or a matrix
            (K, K), row m the probabilities after pattern m; p is then its stationary distribution.
        noise: deviation of Gaussian noise in the field, drawn with the pattern and as long as it; None for none.

    Errors: ValueError naming the argument.
    """

    patterns: Any = eqx.field(converter=whole, default=RademacherPatterns(8))
    probabilities: Any = eqx.field(converter=whole, default=None)
    tau_h: Any = 1.0
    transitions: Any = eqx.field(converter=whole, default=None)
    noise: Any = None

    def count(self, n: int) -> int:
        """K, patterns of n neurons."""
        return self.patterns.rows(n) if isinstance(self.patterns, DrawnPatterns) else int(np.shape(self.patterns)[0])

    def check(self, n: int) -> None:
        """Refuse what does not fit n neurons."""
        if isinstance(self.patterns, DrawnPatterns):
            check_part(self.patterns)
        elif not isinstance(self.patterns, Tracer):
            shape = () if isinstance(self.patterns, list | tuple) else np.shape(self.patterns)
            if len(shape) != 2 or shape[1] != n or not shape[0]:
                raise ValueError(
                    f"Stream(patterns): has shape {shape}; give an array (K, {n}) of numbers, or a recipe such as nj.RademacherPatterns(8)"
                )
            check_number("Stream", "patterns", self.patterns, np.isfinite, "finite numbers", shapes=None)
        count = self.count(n)
        if isinstance(self.probabilities, Frequency):
            check_part(self.probabilities)
        elif self.probabilities is not None:
            check_probabilities("Stream", self.probabilities, count)
        check_part(as_redraws(self.tau_h))
        if isinstance(self.transitions, Succession):
            check_part(self.transitions)
        elif self.transitions is not None:
            check_transitions(self.transitions, count)
        if self.probabilities is not None and self.transitions is not None and not _keeps(self.transitions):
            raise ValueError(
                "Stream(probabilities, transitions): these transitions say themselves how often each pattern is shown; leave "
                "probabilities out, or take nj.Repeating"
            )
        if self.noise is not None:
            check_number("Stream", "noise", self.noise, not_negative, "a deviation of at least 0, or None")

    def check_dt(self, dt: float) -> None:
        """Refuse steps that are longer than patterns last."""
        redraws: Any = as_redraws(self.tau_h)
        if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(redraws)):
            return
        shortest = float(np.min(np.asarray(redraws.average(), float)))
        if shortest < dt * (1 - 1e-6):
            raise ValueError(f"Stream(tau_h): patterns last {shortest:g} on average, less than a step, dt={dt:g}; take a shorter one")

    def realise(self, key: PRNGKeyArray, n: int) -> Stream:
        """Draw patterns and probabilities; transitions become a matrix."""
        patterns, p, follow = self.patterns, self.probabilities, self.transitions
        if isinstance(patterns, DrawnPatterns):
            patterns = patterns.draw(jax.random.fold_in(key, 0), n)
        patterns, count = jnp.asarray(patterns, jnp.result_type(float)), self.count(n)
        if isinstance(p, Frequency):
            p = p.draw(jax.random.fold_in(key, 1), count)
        elif p is None and follow is not None and not isinstance(follow, Succession):
            p = stationary(jnp.asarray(follow, patterns.dtype))
        p = jnp.full((count,), 1 / count, patterns.dtype) if p is None else jnp.asarray(p, patterns.dtype)
        if isinstance(follow, Succession):
            follow = follow.matrix(p)
        return dataclasses.replace(self, patterns=patterns, probabilities=p, transitions=follow, tau_h=as_redraws(self.tau_h))

    def draws(self, n: int) -> Draws:
        """Two uniform numbers for pattern and time, and the field's noise."""
        drawn = {"redraw": Draw("redraw", "uniform", (2,))}
        return drawn if self.noise is None else drawn | {"field noise": Draw("field noise", "normal", (n,))}

    def init(self, n: int) -> Shown:
        """Nothing shown yet, and its time is over."""
        like = jnp.result_type(float)
        none = jnp.zeros((), jnp.int32)
        return Shown(none - 1, jnp.zeros((), like), none, None if self.noise is None else jnp.zeros((n,), like))

    def picked(self, which: Int[Array, ""], uniform: Float[Array, ""]) -> Int[Array, ""]:
        """The pattern that follows `which`, at a number drawn uniformly from (0, 1)."""
        row = jnp.asarray(self.probabilities)
        if self.transitions is not None:
            row = jnp.where(which < 0, row, jnp.take(jnp.asarray(self.transitions), jnp.maximum(which, 0), axis=0))
        return jnp.sum((uniform >= jnp.cumsum(row)[:-1]).astype(jnp.int32), dtype=jnp.int32)

    def lasting(self, uniform: Float[Array, ""]) -> Float[Array, ""]:
        """The time for which a pattern is shown, at a number drawn uniformly from (0, 1)."""
        return as_redraws(self.tau_h).quantile(uniform)

    def following(self, shown: Shown, dt: Float[Scalar, ""], drawn: Any) -> Shown:
        """What is shown during a step of length dt."""
        due = shown.left < 0.5
        which = jnp.where(due, self.picked(jnp.asarray(shown.which), drawn["redraw"][0]), shown.which)
        more = jnp.minimum(self.lasting(drawn["redraw"][1]) / dt, FOREVER)
        left = jnp.where(due, jnp.minimum(shown.left + more, FOREVER), shown.left) - 1
        steps = jnp.where(due, 0, jnp.asarray(shown.steps)) + 1
        if shown.noise is None:
            return Shown(which, left, steps, None)
        return Shown(which, left, steps, jnp.where(due, self.noise * drawn["field noise"], shown.noise))

    def field(self, shown: Shown) -> Float[Array, " n"]:
        """h, the pattern shown with its noise."""
        pattern = jnp.take(jnp.asarray(self.patterns), jnp.maximum(shown.which, 0), axis=0)
        return pattern if shown.noise is None else pattern + shown.noise


def _keeps(transitions: Any) -> bool:
    """Whether transitions leave given probabilities as they are."""
    return isinstance(transitions, Succession) and not isinstance(transitions, Cyclic)
