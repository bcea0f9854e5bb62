"""Phase oscillators coupled through the sine of their differences."""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Int

from neurojax.engine.checks import check_count
from neurojax.engine.numerics import TURN, modulus, sincos_wrapped, turns, wrap
from neurojax.engine.signals import Signal, at
from neurojax.engine.system import Flow, Recipe, check_part
from neurojax.engine.types import Arrays
from neurojax.kuramoto.frequencies import Frequencies, Normal
from neurojax.kuramoto.phases import Phases, UniformPhases
from neurojax.networks import Graph


class PhaseState(NamedTuple):
    """State: phases in [-pi, pi] (rad), and the whole turns made since the start (None where they are not counted)."""

    theta: Float[Arrays, " n"]
    winding: Int[Arrays, " n"] | None


class NoiseProfile(eqx.Module):
    """Noise amplitude that depends on time, the phases or the local order: subclass and give `__call__`."""

    def check(self) -> None:
        """Raise `ValueError` for concrete parameters that make no sense."""

    def __call__(self, time: Float[Array, ""], theta: Float[Array, " n"], order: Float[Array, "*felt"]) -> Float[Array, "*s"]:
        """Amplitude sigma of each oscillator, or of all; `order` is the modulus of the field that each feels, or that all do."""
        raise NotImplementedError


class PhaseNoise(NoiseProfile):
    """`sigma = scale (1 + depth cos theta)`, 0 <= depth < 1."""

    scale: Any
    depth: Any

    def check(self):
        """scale >= 0, 0 <= depth < 1."""
        _check_number("PhaseNoise.scale", self.scale, np.size(self.scale), low=0.0)
        _check_number("PhaseNoise.depth", self.depth, np.size(self.depth), low=0.0, high=1.0)

    def __call__(self, time: Float[Array, ""], theta: Float[Array, " n"], order: Float[Array, "*felt"]) -> Float[Array, " n"]:
        """Amplitude of each oscillator."""
        return self.scale * (1 + self.depth * sincos_wrapped(theta)[1])


class OrderNoise(NoiseProfile):
    """`sigma_i = scale (1 - depth r_i)`: less noise where the local order r_i is high (depth > 0), or more (depth < 0)."""

    scale: Any
    depth: Any

    def check(self):
        """scale >= 0, depth <= 1."""
        _check_number("OrderNoise.scale", self.scale, np.size(self.scale), low=0.0)
        _check_number("OrderNoise.depth", self.depth, np.size(self.depth), high=1.0)

    def __call__(self, time: Float[Array, ""], theta: Float[Array, " n"], order: Float[Array, "*felt"]) -> Float[Array, "*s"]:
        """Amplitude of each oscillator."""
        return self.scale * (1 - self.depth * order)


class Kuramoto(Flow):
    """Kuramoto oscillators, `dtheta_i = [omega_i + K(t) sum_j W_ij sin(theta_j - theta_i - alpha)] dt + sigma dW_i`.

    Without a graph W_ij = 1/n (mean field, O(n)). A positive coupling attracts. D = sigma^2 / 2.

    Arguments:
        n: number of oscillators, >= 1.
        coupling: K (1/time), a number, one per oscillator, a `Signal` such as `Ramp` or `Sinusoid`, or any function of time.
        noise: sigma (rad / sqrt(time), >= 0): None (no noise, costs nothing), a number, one per oscillator, a `Signal` or
            function of time, or a `NoiseProfile` of time, phases and local order (Stratonovich under Heun, Ito under
            Euler-Maruyama).
        frequencies: natural frequencies omega (rad/time): a distribution or an array of n.
        graph: topology or coupling operator; row i holds the influences on oscillator i.
        lag: phase lag alpha (rad), Sakaguchi's minus sign; None for 0.
        initial: initial phases: a recipe or an array of n (rad).
        windings: count whole turns (for effective frequencies); False saves a pass over memory.

    Errors: ValueError that names the argument. Source: Kuramoto 1975; Sakaguchi and Kuramoto 1986 (lag); Sakaguchi 1988 (noise).
    """

    n: int = eqx.field(static=True)
    coupling: Any = 1.0
    noise: Any = None
    frequencies: Any = Normal(1.0)
    graph: Any = None
    lag: Any = None
    initial: Any = UniformPhases()
    windings: bool = eqx.field(static=True, default=True)

    def __check_init__(self):
        check_count("", "n", self.n, "the number of oscillators is a whole number of at least 1")

    def check(self):
        """Refuse values that make no sense."""
        for name in ("coupling", "lag"):
            _check_number(name, getattr(self, name), self.n)
        _check_number("noise", self.noise, self.n, low=0.0)
        for part in (self.coupling, self.noise):
            if isinstance(part, Signal | NoiseProfile):
                check_part(part)
        for name in ("frequencies", "initial"):
            value = getattr(self, name)
            if isinstance(value, Frequencies | Phases):
                check_part(value)
            else:
                _check_vector(name, value, self.n)
        _check_graph(self.graph, self.n)

    def realise(self, key):
        """Draw the natural frequencies and the graph."""
        frequencies, graph = self.frequencies, self.graph
        if isinstance(frequencies, Frequencies):
            frequencies = frequencies.draw(jax.random.fold_in(key, 0), self.n)
        if isinstance(graph, Recipe):
            graph = graph.draw(jax.random.fold_in(key, 1), self.n)
        return eqx.tree_at(lambda m: (m.frequencies, m.graph), self, (frequencies, graph), is_leaf=lambda x: x is None)

    def init(self, key):
        """Initial phases, no turns."""
        theta = self.initial.draw(key, self.n) if isinstance(self.initial, Phases) else wrap(jnp.asarray(self.initial))
        return PhaseState(theta, jnp.zeros(self.n, jnp.int32) if self.windings else None)

    def field(
        self, theta: Float[Arrays, " n"]
    ) -> tuple[Float[Array, " n"], Float[Array, " n"], Float[Array, "*felt"], Float[Array, "*felt"]]:
        """Sine and cosine of the phases, and the coupled sums of both: `(s, c, W s, W c)`."""
        sine, cosine = sincos_wrapped(theta)
        if self.graph is None:
            return sine, cosine, jnp.mean(sine), jnp.mean(cosine)
        sums = self.graph(jnp.stack([sine, cosine]))
        return sine, cosine, sums[0], sums[1]

    def drift(self, state, clock):
        """`omega + K(t) [(W s) cos(theta + alpha) - (W c) sin(theta + alpha)]`."""
        sine, cosine, sines, cosines = self.field(state.theta)
        if self.lag is not None:
            sin_lag, cos_lag = jnp.sin(self.lag), jnp.cos(self.lag)
            sine, cosine = sine * cos_lag + cosine * sin_lag, cosine * cos_lag - sine * sin_lag
        pull = at(self.coupling, clock.time) * (sines * cosine - cosines * sine)
        return PhaseState(self.frequencies + pull, None)

    def diffusion(self, state, clock):
        """The noise amplitude sigma."""
        if self.noise is None:
            return None
        if isinstance(self.noise, NoiseProfile):
            _, _, sines, cosines = self.field(state.theta)
            sigma = self.noise(clock.time, state.theta, modulus(cosines, sines))
        else:
            sigma = at(self.noise, clock.time)
        return PhaseState(sigma * jnp.ones_like(state.theta), None)

    def project(self, state):
        """Wrap to [-pi, pi], counting the turns."""
        whole = turns(state.theta)
        winding = None if state.winding is None else state.winding + whole.astype(jnp.int32)
        return PhaseState(state.theta - TURN * whole, winding)


def _check_graph(graph: Any, n: int) -> None:
    if graph is None:
        return
    if isinstance(graph, Graph):
        check_part(graph)
    elif not callable(graph):
        raise TypeError(f"graph={graph!r}: give a topology such as nj.Ring(), a coupling operator such as nj.Dense(weights), or None")
    size = getattr(graph, "n", None)
    if size is not None and size != n:
        raise ValueError(f"graph has {size} nodes: the model has n={n}; make them equal")


def _check_number(name: str, value: Any, n: int, low: float | None = None, high: float | None = None) -> None:
    if value is None or callable(value) or isinstance(value, Signal | Tracer):
        return
    try:
        numbers = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise TypeError(f"{name}={value!r}: give a number, an array of n={n}, a nj.Signal or a function of time") from None
    if numbers.shape not in ((), (n,)):
        raise ValueError(f"{name} has shape {numbers.shape}: give one number or one for each of the n={n} oscillators")
    if not np.all(np.isfinite(numbers)):
        raise ValueError(f"{name}={value!r}: every value must be finite")
    if low is not None and np.any(numbers < low):
        raise ValueError(f"{name}={value!r}: must be at least {low:g}")
    if high is not None and np.any(numbers > high):
        raise ValueError(f"{name}={value!r}: must be at most {high:g}")


def _check_vector(name: str, value: Any, n: int) -> None:
    if isinstance(value, Tracer):
        return
    try:
        numbers = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise TypeError(
            f"{name}={value!r}: give nj.{'Normal' if name == 'frequencies' else 'UniformPhases'}() or another recipe, or an array of n={n}"
        ) from None
    if numbers.shape != (n,):
        raise ValueError(f"{name} has shape {numbers.shape}: give an array of n={n} or a recipe")
    if not np.all(np.isfinite(numbers)):
        raise ValueError(f"{name} has non-finite values: every one must be finite")
