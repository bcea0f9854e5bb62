"""What moves: `System`, `Flow`, and what they are handed at a step."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
from jaxtyping import Float, Int, PRNGKeyArray, PyTree, Scalar

from neurojax.engine.types import Draws


class Clock(NamedTuple):
    """The engine's clock, equal for all lanes: `time = step * dt` (Heun's second stage sees `time + dt`)."""

    step: Int[Scalar, ""]
    time: Float[Scalar, ""]
    dt: Float[Scalar, ""]


class Draw(NamedTuple):
    """Random numbers that one step needs.

    `stream` names them: a draw is a function of (seed, stream, step) alone. `kind` is "normal" (mean 0, variance 1),
    "uniform" (open interval (0, 1)) or "bits" (uint32). `shape` is that of one lane.
    """

    stream: str
    kind: Literal["normal", "uniform", "bits"]
    shape: tuple[int, ...]


class Step(NamedTuple):
    """What `System.step` may return instead of a bare state: `aux` is shown to the records and then forgotten."""

    state: PyTree
    aux: PyTree


class View(NamedTuple):
    """What a measure sees, taken before the step is made; `aux` and `drawn` are those of the step being made."""

    system: Any
    state: Any
    clock: Clock
    drawn: Any = None
    aux: Any = None


class Model(eqx.Module):
    """What a `System` and a `Flow` have in common: every hook but the one that moves."""

    def realise(self, key: PRNGKeyArray):
        """Replace recipes (a frequency distribution, a kind of graph) by arrays drawn from `key`. Realised already: unchanged."""
        return self

    def init(self, key: PRNGKeyArray) -> PyTree:
        """Initial state of a realised system: a few dense arrays, only what moves or is learned."""
        raise NotImplementedError(f"{type(self).__name__} must define init(self, key), the initial state")

    def check(self) -> None:
        """Raise `ValueError` for concrete parameter values that make no sense. Called on the host before compiling."""

    def check_dt(self, dt: float) -> None:
        """Raise `ValueError` for a step that the parameters do not bear; some may be arrays, a value for each point of a sweep.

        Called on the host before compiling.
        """

    def done(self, state: PyTree) -> Any:
        """True where this lane need not go on: its state then stays. A plain False: no lane ever is."""
        return False


class System(Model):
    """A discrete-time system: a frozen pytree of parameters with a pure `step`."""

    def draws(self) -> Draws:
        """The random numbers of one step, by stream."""
        return {}

    def step(self, state: PyTree, clock: Clock, drawn: PyTree) -> PyTree | Step:
        """The state one step later, or `Step(state, aux)`."""
        raise NotImplementedError(f"{type(self).__name__} must define step(self, state, clock, drawn)")

    def elapsed(self, state: PyTree) -> Any:
        """Own time of an event-driven system (one step = one random epoch); None where the clock's time is meant."""
        return None


class Flow(Model):
    """A continuous-time model, `dx = drift dt + diffusion dW`; an integrator and `dt` make a `System` of it.

    `drift` and `diffusion` return a pytree like the state with None at leaves that do not flow or have no noise;
    `diffusion` returns None where nothing is noisy. Noise is diagonal: one Wiener process per component.
    """

    def drift(self, state: PyTree, clock: Clock) -> PyTree:
        """Time derivative of the state without noise."""
        raise NotImplementedError(f"{type(self).__name__} must define drift(self, state, clock)")

    def diffusion(self, state: PyTree, clock: Clock) -> PyTree | None:
        """Amplitude sigma in `sigma dW`, by component."""
        return None

    def linear(self, state: PyTree, clock: Clock) -> PyTree:
        """Diagonal linear part `a` of the drift (`drift = a x + rest`), for exponential Euler; a <= 0 damps."""
        raise NotImplementedError(
            f"{type(self).__name__} has no linear(): exponential Euler needs the diagonal linear part of the drift; "
            "define it or use another method"
        )

    def project(self, state: PyTree) -> PyTree:
        """Bring a state back to its manifold (the phase wrap); applied to every stage."""
        return state

    def settle(self, state: PyTree, clock: Clock) -> PyTree:
        """Bookkeeping once per whole step: push a `History`, reset a spike. `clock` is that of the step just made."""
        return state


class Recipe(eqx.Module):
    """A parameter that is drawn on the host (a random graph): its fields are concrete, and an axis over one is an outer loop."""

    @property
    def fixed(self) -> bool:
        """True where the draw does not depend on the key, so that all lanes share it."""
        return False

    def draw(self, key: PRNGKeyArray, n: int) -> Any:
        """The drawn object (a pytree of arrays) for `n` nodes."""
        raise NotImplementedError


def recipes(system: Any) -> list[Recipe]:
    """The host recipes in a system that is not realised yet."""
    leaves = jax.tree.leaves(system, is_leaf=lambda leaf: isinstance(leaf, Recipe))
    return [leaf for leaf in leaves if isinstance(leaf, Recipe)]


def check_part(part: Any) -> None:
    """`part.check()`, without the module that Equinox makes of every method that is looked up: a sweep has 10^5 values to check."""
    type(part).check(part)
