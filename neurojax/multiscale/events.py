"""Memories in a field that is stronger than all couplings: exact from redraw to redraw, at any time constants."""

from __future__ import annotations

import functools
import operator
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Int

from neurojax.engine.checks import check_number, positive
from neurojax.engine.system import Step
from neurojax.engine.types import Arrays
from neurojax.multiscale import theory
from neurojax.multiscale.model import Memory, off_diagonal
from neurojax.multiscale.stream import Shown
from neurojax.multiscale.weights import projections, square_norm

FEW_TERMS = 32  # of a sum that is written out


class Gains(NamedTuple):
    """Of one redraw: what is left of J (a) and of s (b), and the gains c1 of `S d' + d S'` and c2 of `d d'`, d = s - S."""

    a: Any
    b: Any
    c1: Any
    c2: Any


def event_gains(duration: Any, tau_s: Any, tau_J: Any) -> Gains:
    """`a = e^(-T/tau')`, `b = e^(-T/tau)`, `c1 = tau (a - b) / (tau' - tau)`, `c2 = (tau/2) (a - b^2) / (tau' - tau/2)`; their limits."""
    slow, fast = 1 / tau_J, 1 / tau_s

    def shared(other: Any) -> Any:
        # The integral of e^(-slow (T - t)) e^(-other t): symmetric in both rates, and smooth where they are equal.
        return duration * jnp.exp(-jnp.minimum(slow, other) * duration) * _relative(-jnp.abs(slow - other) * duration)

    return Gains(jnp.exp(-slow * duration), jnp.exp(-fast * duration), slow * shared(fast), slow * shared(2 * fast))


def _relative(x: Any) -> Any:
    """(e^x - 1) / x, 1 at 0."""
    small = jnp.abs(x) < 1e-5
    safe = jnp.where(small, 1.0, x)
    return jnp.where(small, 1 + x / 2, jnp.expm1(safe) / safe)


class EventState(NamedTuple):
    """State: neurons (n,) and couplings (n, n) at a redraw, what was shown, the time."""

    s: Float[Arrays, " n"]
    J: Float[Arrays, "n n"]
    shown: Shown
    time: Float[Arrays, ""]


class Epoch(NamedTuple):
    """What a redraw shows beside the state: its time, and D integrated over it (None where that has no closed form here)."""

    duration: Float[Array, ""]
    integral: Float[Array, ""] | None


class EventMap(Memory):
    """A `Multiscale` memory whose couplings never outvote its field, exactly, one step for each pattern shown. With d = s - S_mu:

        s <- S_mu + b d,   J <- a J + k [(1 - a) S S' + c1 (S d' + d S') + c2 d d'] without diagonal   (`event_gains`)

    Arguments: as in `Multiscale`, activation "none". Right for `beta (u |h_i| - |J s|_i)` of about 10 in float32, 20 in float64, and more.

    A run's `dt` means nothing here, `steps` counts patterns, and records are seen at redraws, at the times that these have.
    Source: derived; agrees with adaptive integration of the equations to 1e-12 (tests).
    """

    def __check_init__(self):
        super().__check_init__()
        if self.activation != "none":
            raise ValueError(f"EventMap(activation={self.activation!r}): is exact for 'none' only; take Multiscale or CoefficientMap")

    def check(self):
        """A memory, and patterns that end."""
        super().check()
        _check_ends(self)

    def init(self, key):
        """Initial neurons and couplings; nothing shown."""
        s, J = self.initial(key)
        return EventState(s, J, self.stream.init(self.n), jnp.zeros((), s.dtype))

    def elapsed(self, state):
        """The time of the redraw."""
        return state.time

    def step(self, state, clock, drawn):
        """Show the next pattern for its time."""
        which = self.stream.picked(state.shown.which, drawn["redraw"][0])
        duration = jnp.asarray(self.stream.lasting(drawn["redraw"][1]), state.s.dtype)
        shown = state.shown._replace(which=which, noise=None if self.stream.noise is None else self.stream.noise * drawn["field noise"])
        target = jnp.tanh(self.beta * self.u * self.stream.field(shown))
        a, b, c1, c2 = event_gains(duration, self.tau_s, self.tau_J)
        away = state.s - target
        mixed = jnp.outer(target, away)
        gain = (1 - a) * jnp.outer(target, target) + c1 * (mixed + mixed.T) + c2 * jnp.outer(away, away)
        J = a * state.J + self.strength() * off_diagonal(gain)
        return Step(EventState(target + b * away, J, shown, state.time + duration), Epoch(duration, None))

    def couplings(self, state):
        """J."""
        return jnp.asarray(state.J)


class CoefficientState(NamedTuple):
    """State: J/k = `left J0/k + sum_mu weights_mu X_mu`, known by weights (K,), left, and <J0/k, X_mu> (K,) and |J0/k|^2 at the start.
    Number of the pattern shown last; the time."""

    weights: Float[Arrays, " K"]
    left: Float[Arrays, ""]
    start: Float[Arrays, " K"]
    start_square: Float[Arrays, ""]
    which: Int[Arrays, ""]
    time: Float[Arrays, ""]


class CoefficientMap(Memory):
    """`EventMap` for neurons that are as fast as their field, in K numbers instead of n^2: `w <- a w + (1 - a) e_mu`, a = e^(-T/tau').

    Arguments: as in `Multiscale`, tau_s left alone, fields without noise, and
        grid: length dt of Euler's steps whose `a = (1 - dt/tau')^(T/dt)` is meant, 1 for the seed's map; None for the flow.

    With `tau_h=1`, `grid=1` and the seed of a run of `Multiscale`, method "map", both see the same patterns and have the same J at every
    step. D, |J/k|^2 and projections cost O(K^2). `steps` counts patterns.
    """

    grid: Any = eqx.field(default=None, kw_only=True)

    def check(self):
        """A memory, patterns that end, no noise."""
        super().check()
        _check_ends(self)
        if self.stream.noise is not None:
            raise ValueError(f"CoefficientMap(stream.noise={self.stream.noise!r}): noisy patterns are more than K; take EventMap")
        for name, value, own in (("tau_s", self.tau_s, 1.0), ("s0", self.s0, None)):
            if not isinstance(value, Tracer) and (value is not None if own is None else np.any(np.asarray(value) != own)):
                raise ValueError(f"CoefficientMap({name}={value!r}): its neurons have no speed; leave {name} out, or take EventMap")
        if self.grid is not None:
            check_number("CoefficientMap", "grid", self.grid, positive, "a positive time, or None for the flow")
            if not isinstance(self.grid, Tracer) and not isinstance(self.tau_J, Tracer):
                theory.rate(float(np.asarray(self.tau_J)), float(np.asarray(self.grid)))

    def init(self, key):
        """No weights, all of J0."""
        J, targets = self.initial(key).J / self.strength(), self.targets()
        nothing = jnp.zeros((), J.dtype)
        start = projections(J, targets)
        return CoefficientState(jnp.zeros_like(start), nothing + 1, start, square_norm(J), jnp.asarray(-1, jnp.int32), nothing)

    def elapsed(self, state):
        """The time of the redraw."""
        return state.time

    def step(self, state, clock, drawn):
        """Show the next pattern for its time."""
        which = self.stream.picked(state.which, drawn["redraw"][0])
        duration = jnp.asarray(self.stream.lasting(drawn["redraw"][1]), state.left.dtype)
        speed = 1 / self.tau_J if self.grid is None else -jnp.log1p(-self.grid / self.tau_J) / self.grid
        a = jnp.exp(-speed * duration)
        # Not a scatter, for which XLA's CPU compiler has a loop.
        weights = a * state.weights + jnp.where(jnp.arange(state.weights.shape[0], dtype=which.dtype) == which, 1 - a, 0.0)
        epoch = Epoch(duration, self._integral(state, which, duration, speed))
        return Step(CoefficientState(weights, a * state.left, state.start, state.start_square, which, state.time + duration), epoch)

    def _integral(self, state: CoefficientState, which: Int[Array, ""], duration: Any, speed: Any) -> Float[Array, ""]:
        """D over the time of a pattern: of `b^2 D + 2 b (1 - b) <J/k - H, Y> + (1 - b)^2 <Y, Y>`, b = e^(-speed t)."""
        q, p = jnp.asarray(self.reference.gram), jnp.asarray(self.stream.probabilities)
        h, row = q @ p, jnp.take(q, which, axis=0)
        toward = self.projections(state)
        ahead = jnp.take(toward, which) - p @ toward - jnp.take(h, which) + p @ h
        own = jnp.take(row, which) - 2 * jnp.take(h, which) + p @ h
        # The integrals of b and b^2; frozen synapses keep b = 1.
        once, twice = (duration * _relative(-r * speed * duration) for r in (1, 2))
        return twice * self.distance(state) + 2 * (once - twice) * ahead + (duration - 2 * once + twice) * own

    def projections(self, state):
        """<J/k, X_mu> (K,)."""
        return jnp.asarray(self.reference.gram) @ state.weights + state.left * state.start

    def square(self, state):
        """|J/k|^2."""
        w, left = jnp.asarray(state.weights), state.left
        return w @ jnp.asarray(self.reference.gram) @ w + 2 * left * (state.start @ w) + left**2 * state.start_square

    def distance(self, state):
        """D = |J/k - H|^2."""
        apart, left = state.weights - jnp.asarray(self.stream.probabilities), state.left
        image = _product(apart, jnp.asarray(self.reference.gram))
        return _product(image + 2 * left * state.start, apart) + left**2 * state.start_square

    def fading(self, dt):
        """Of the grid or the flow."""
        return theory.fading(self.tau_J, self.stream.tau_h, self.grid)

    def couplings(self, state):
        """Refused: J0 is not kept."""
        raise ValueError("CoefficientMap keeps K weights and no J; take EventMap or Multiscale to look at J")


def _product(x: Float[Array, " K"], factors: Float[Array, " K *rest"]) -> Float[Array, "*rest"]:
    """x @ factors. Of a few numbers term by term, so that lanes share vectors: a third of the time on a CPU."""
    if len(x) > FEW_TERMS:
        return x @ factors
    return functools.reduce(operator.add, (x[number] * factors[number] for number in range(len(x))))


def _check_ends(memory: Memory) -> None:
    times: Any = getattr(memory.stream.tau_h, "period", memory.stream.tau_h)
    if not isinstance(times, Tracer) and isinstance(times, int | float | np.number | np.ndarray) and np.any(np.isinf(np.asarray(times))):
        raise ValueError(f"{type(memory).__name__}(stream.tau_h={times!r}): a step ends with its pattern; give a finite time")
