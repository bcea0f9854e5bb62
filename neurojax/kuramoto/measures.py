"""What is measured on phases: global, by group, local, and in pairs. Every measure takes a view, a state, or bare phases."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from neurojax.engine.numerics import TURN, modulus, sincos_wrapped, wrap
from neurojax.engine.system import View
from neurojax.engine.types import Arrays
from neurojax.kuramoto.model import PhaseState

Source = View | PhaseState | Float[Arrays, "*s n"]


def phases(source: Source) -> Float[Arrays, "*s n"]:
    """Phases in [-pi, pi] of a view, a state or an array (rad)."""
    if isinstance(source, View):
        source = source.state
    return source.theta if isinstance(source, PhaseState) else wrap(jnp.asarray(source))


def mean_field(source: Source) -> tuple[Float[Array, "*s"], Float[Array, "*s"]]:
    """Real and imaginary part of `z = r e^{i psi} = (1/n) sum_j e^{i theta_j}`."""
    sine, cosine = sincos_wrapped(phases(source))
    return jnp.mean(cosine, axis=-1), jnp.mean(sine, axis=-1)


def order_parameter(source: Source) -> Float[Array, "*s"]:
    """Kuramoto's order parameter `r = |(1/n) sum_j e^{i theta_j}|` in [0, 1]; 1 for a single oscillator."""
    real, imaginary = mean_field(source)
    return modulus(real, imaginary)


def mean_phase(source: Source) -> Float[Array, "*s"]:
    """Phase psi of the mean field, in [-pi, pi] (rad)."""
    real, imaginary = mean_field(source)
    return jnp.arctan2(imaginary, real)


def squared_order(source: Source) -> Float[Array, "*s"]:
    """`r^2`, whose mean below onset is 1 / (n (1 - K/K_c)) with noise."""
    real, imaginary = mean_field(source)
    return real * real + imaginary * imaginary


def daido_order(source: Source, harmonic: int = 2) -> Float[Array, "*s"]:
    """Daido's order parameter `R_m = |(1/n) sum_j e^{i m theta_j}|`; m = 2 sees two antiphase clusters. Source: Daido 1992."""
    return order_parameter(wrap(harmonic * phases(source)))


def group_order(source: Source, groups: int = 2) -> Float[Array, "*s {groups}"]:
    """Order parameter of each of `groups` equal consecutive groups of oscillators; n must be a multiple of it."""
    theta = phases(source)
    n = theta.shape[-1]
    if n % groups:
        raise ValueError(f"groups={groups}: n={n} is not a multiple of it")
    return order_parameter(theta.reshape(*theta.shape[:-1], groups, n // groups))


def local_order(view: View) -> Float[Array, " n"]:
    """Modulus of the field that each oscillator feels, `r_i = |sum_j W_ij e^{i theta_j}|` (the mean field's without a graph)."""
    _, _, sines, cosines = view.system.field(phases(view))
    return jnp.broadcast_to(modulus(cosines, sines), phases(view).shape)


def unwrapped(source: View | PhaseState) -> Float[Arrays, "*s n"]:
    """Phase with its counted turns, `theta + 2 pi winding` (rad). Needs `windings=True`."""
    state = source.state if isinstance(source, View) else source
    if state.winding is None:
        raise ValueError("windings=False: this model does not count turns; make it with windings=True")
    return state.theta + TURN * state.winding


def effective_frequency(first: PhaseState, last: PhaseState, duration: float) -> Float[np.ndarray, "*s n"]:
    """Mean frequency of each oscillator between two states, `(phase_last - phase_first) / duration` (rad/time), in float64."""

    def total(state):
        if state.winding is None:
            raise ValueError("windings=False: this model does not count turns; make it with windings=True")
        return np.asarray(state.theta, float) + TURN * np.asarray(state.winding, float)

    return (total(last) - total(first)) / duration


def frequency_spread(frequencies: Float[np.ndarray, "*s n"]) -> Float[Any, "*s"]:
    """Standard deviation of effective frequencies (rad/time); 0 when all are locked."""
    return np.std(frequencies, axis=-1)


def locked_fraction(frequencies: Float[np.ndarray, "*s n"], tolerance: float = 1e-2) -> Float[Any, "*s"]:
    """Share of oscillators whose effective frequency is within `tolerance` (rad/time) of the median one."""
    frequencies = np.asarray(frequencies)
    return np.mean(np.abs(frequencies - np.median(frequencies, axis=-1, keepdims=True)) < tolerance, axis=-1)


def phase_vectors(source: Source) -> tuple[Float[Array, "*s n n"], Float[Array, "*s n n"]]:
    """`(cos, sin)(theta_i - theta_j)` for all pairs: the time mean's modulus is the phase-locking value. O(n^2): use `every`."""
    sine, cosine = sincos_wrapped(phases(source))
    real = cosine[..., :, None] * cosine[..., None, :] + sine[..., :, None] * sine[..., None, :]
    imaginary = sine[..., :, None] * cosine[..., None, :] - cosine[..., :, None] * sine[..., None, :]
    return real, imaginary


def coherence(source: Source) -> Float[Array, "*s n n"]:
    """`cos(theta_i - theta_j)`: 1 in phase, -1 in antiphase. Its time mean is the coherence matrix. O(n^2)."""
    return phase_vectors(source)[0]


def phase_locking_value(mean_vectors: tuple[Float[Arrays, "*s n n"], Float[Arrays, "*s n n"]]) -> Float[Array, "*s n n"]:
    """Phase-locking value `|<e^{i (theta_i - theta_j)}>|` from the `Mean(phase_vectors)` of a run. Source: Lachaux et al. 1999."""
    real, imaginary = mean_vectors
    return modulus(real, imaginary)


def phase_difference_variance(source: Source) -> Float[Array, "*s"]:
    """Circular variance of all pairwise differences, `1 - |(1/n^2) sum_ij e^{i (theta_i - theta_j)}| = 1 - r^2`."""
    return 1 - squared_order(source)


def metastability(r: Float[np.ndarray, "*s time"], kind: str = "variance") -> Float[Any, "*s"]:
    """Fluctuation of the order parameter in time: its variance (Shanahan 2010, divisor T - 1) or "std" (common in neuroscience)."""
    if kind not in ("variance", "std"):
        raise ValueError(f"kind={kind!r}: choose 'variance' or 'std'")
    variance = np.var(np.asarray(r), axis=-1, ddof=1)
    return variance if kind == "variance" else np.sqrt(variance)


@dataclasses.dataclass(frozen=True)
class Synchronised:
    """Condition `r >= threshold` for `First`: `First(Synchronised(0.9), hold=5.0)` records the time to synchrony."""

    threshold: float = 0.9

    def __post_init__(self):
        if not 0 < self.threshold <= 1:
            raise ValueError(f"Synchronised(threshold={self.threshold!r}): the order parameter lies in (0, 1]")

    def __call__(self, source: Source) -> Bool[Array, "*s"]:
        """Whether the order parameter has reached the threshold."""
        return order_parameter(source) >= self.threshold
