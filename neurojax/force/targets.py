"""What networks are trained to produce: signals of time, a value for each output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from neurojax.engine.signals import Sampled, Signal, at

SIXTEEN_SEED = 16  # of the amplitudes of `sixteen_sines`, which the paper does not give


class Periodic(Signal):
    """A signal that repeats itself every `period`, in units of time, > 0."""

    period: Any

    def check(self):
        """The period is positive."""
        if not isinstance(self.period, Tracer) and not np.all(np.asarray(self.period) > 0):
            raise ValueError(f"{type(self).__name__}(period={self.period!r}): a period is positive, for example 600.0")


class Sines(Periodic):
    """`amplitude * sum_k weights_k sin(2 pi k t / period)`, k = 1, 2, ...

    Arguments:
        period: in units of time, > 0. weights: (harmonics,). amplitude: factor on all.
    """

    weights: Any = (1.0,)
    amplitude: Any = 1.0

    def __call__(self, time: Float[ArrayLike, ""]) -> Float[Array, ""]:
        """Value at `time`."""
        weights = jnp.asarray(self.weights)
        turns = jnp.arange(1, len(weights) + 1, dtype=weights.dtype) * (time / self.period)
        return self.amplitude * jnp.sum(weights * jnp.sin(2 * np.pi * (turns - jnp.floor(turns))))


class Triangle(Periodic):
    """A triangle wave between -amplitude and amplitude that starts at 0 and rises."""

    amplitude: Any = 1.0

    def __call__(self, time: Float[ArrayLike, ""]) -> Float[Array, ""]:
        """Value at `time`."""
        turn = time / self.period + 0.25
        return self.amplitude * (1 - 4 * jnp.abs(turn - jnp.floor(turn) - 0.5))


class Square(Periodic):
    """amplitude in the first half of each period, -amplitude in the second."""

    amplitude: Any = 1.0

    def __call__(self, time: Float[ArrayLike, ""]) -> Float[Array, ""]:
        """Value at `time`."""
        turn = time / self.period
        return self.amplitude * jnp.where(turn - jnp.floor(turn) < 0.5, 1.0, -1.0)


class Together(Signal):
    """Several signals as the outputs of one network: their values, one after the other."""

    parts: tuple[Any, ...]

    def __check_init__(self):
        if not self.parts:
            raise ValueError("Together(parts=()): give at least one signal")

    def check(self):
        """Check the parts."""
        for part in self.parts:
            if isinstance(part, Signal):
                type(part).check(part)

    def __call__(self, time: Float[ArrayLike, ""]) -> Float[Array, " outputs"]:
        """Values at `time`."""
        return jnp.concatenate([jnp.atleast_1d(at(part, time)) for part in self.parts])


def four_sines(period: float = 1200.0, amplitude: float = 1.3 / 1.5) -> Sines:
    """The paper's periodic target, weights 1, 1/2, 1/6, 1/3. Source: Sussillo and Abbott 2009, figure 2D and force_external.m."""
    return Sines(period, (1.0, 1 / 2, 1 / 6, 1 / 3), amplitude)


def notebook_periodic(period: float = 600.0, amplitude: float = 3.0) -> Sines:
    """The notebook's periodic target: weights 1, 1/2, 1/3, 1/4. Its amplitude of 3 saturates the rates; 0.5 can be learned."""
    return Sines(period, (1.0, 1 / 2, 1 / 3, 1 / 4), amplitude)


def sixteen_sines(period: float = 1200.0, amplitude: float = 1.0) -> Sines:
    """Sixteen harmonics with weights uniform in [-1, 1], scaled to a largest value of `amplitude`; figure 2E's own are unpublished."""
    weights = np.random.default_rng(SIXTEEN_SEED).uniform(-1, 1, 16)
    turns = np.arange(4096)[:, None] / 4096 * np.arange(1, 17)
    return Sines(period, tuple((weights / np.abs(np.sin(2 * np.pi * turns) @ weights).max()).tolist()), amplitude)


def lorenz(duration: float, dt: float, *, scale: float = 0.1, pace: float = 0.01, start: Sequence[float] = (1.0, 1.0, 20.0)) -> Sampled:
    """The x of Lorenz's attractor (sigma 10, beta 8/3, rho 28), times `scale`; `pace` is Lorenz's time per unit of ours.

    Integrated by RK4 in steps of `dt * pace`, after a transient of 20 of Lorenz's units. Source: Sussillo and Abbott 2009, figure 2H.
    """
    step, state = dt * pace, np.asarray(start, float)

    def slope(s: np.ndarray) -> np.ndarray:
        x, y, z = s
        return np.array([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])

    skip, count = round(20 / step), round(duration / dt) + 1
    values = np.empty(count)
    for i in range(skip + count):
        if i >= skip:
            values[i - skip] = scale * state[0]
        a = slope(state)
        b = slope(state + step / 2 * a)
        c = slope(state + step / 2 * b)
        state = state + step / 6 * (a + 2 * b + 2 * c + slope(state + step * c))
    return Sampled(values, dt)


def noisy(signal: Signal, noise: float, duration: float, dt: float, *, seed: int = 0) -> Sampled:
    """A signal of one output with white noise of deviation `noise` at every step. Source: Sussillo and Abbott 2009, figure 2F."""
    import jax

    times = np.arange(round(duration / dt) + 1) * dt
    clean = np.asarray(jax.vmap(signal)(jnp.asarray(times)), float)
    return Sampled(clean + noise * np.random.default_rng(seed).standard_normal(len(times)), dt)
