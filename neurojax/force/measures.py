"""What is measured on networks in training, and how well a trained network does."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Scalar

from neurojax.engine.checks import check_count
from neurojax.engine.numerics import norm
from neurojax.engine.system import View
from neurojax.engine.types import Arrays
from neurojax.learning.rls import Health


def network_state(view: View) -> Any:
    """The network's own state, in training or alone."""
    return getattr(view.state, "network", view.state)


def output(view: View) -> Float[Array, " outputs"]:
    """The outputs z (outputs,)."""
    return network_state(view).z


def rates(view: View) -> Float[Array, " n"]:
    """The rates r that a readout hears (n,): tanh x, or the filtered spikes (1 / time)."""
    return getattr(view.system, "network", view.system).rates(network_state(view))


def spikes(view: View) -> Bool[Array, " n"]:
    """Which neurons of a spiking network have fired in the step before (n,): a raster, by `Trace` at every step."""
    return network_state(view).spikes


def firing_rate(view: View) -> Float[Scalar, ""]:
    """Spikes per neuron and time in the step before; `Mean` makes it the mean firing rate (1 / time: of ms, kHz). Spikes are counted
    here, without a derivative; that of `rates` is the surrogate's."""
    return jnp.mean(network_state(view).spikes, dtype=view.clock.dt.dtype) / view.clock.dt


def target(view: View) -> Float[Array, " outputs"]:
    """The target f (outputs,), in training."""
    return view.aux.target


def absolute_error(view: View) -> Float[Scalar, ""]:
    """Mean over the outputs of |z - f|, before the update, in training."""
    return jnp.mean(jnp.abs(view.aux.error))


def weight_norm(view: View) -> Float[Scalar, ""]:
    """|w|, over all outputs, in training."""
    return norm(view.state.readout.weights)


def weight_change(view: View) -> Float[Scalar, ""]:
    """|dw| of the update at this step, 0 where there is none; over dt times the interval it is |dw/dt|."""
    return view.aux.change


def novelty(view: View) -> Float[Scalar, ""]:
    """`r' P r` at an update, >= 0, 0 where there is none: of the error a share `1 / (1 + r' P r)` is left. Of the readout's `RLS`."""
    return view.aux.novelty


def health(view: View) -> Health:
    """How sound the readout's P is, in training by `RLS`: see `Health`. By `Last`, it is taken once for each phase."""
    return view.system.rule.health(view.state.readout.kept)


def inner_health(view: View) -> Health:
    """The same of synapses that learn: the smallest, the largest and the least symmetric of all units' P."""
    found = view.system.rule.health, view.state.synapses.kept
    if not view.system.network.synapses.shared:
        one: Health = jax.vmap(found[0])(found[1])
        return Health(jnp.min(one.least), jnp.max(one.most), jnp.max(one.asymmetry))
    return found[0](found[1])


class Accuracy(NamedTuple):
    """How an output z keeps to a periodic target f.

    first_period, raw: mean |z - f| over the first period and over all. aligned: mean over the periods of the smallest mean |z - f| that a
    circular shift of f gives: the phase of a free limit cycle drifts, its shape need not. amplitude, frequency: of z over those of f
    (deviation, and mean rate of rotation of the fundamental).
    """

    first_period: float
    raw: float
    aligned: float
    amplitude: float
    frequency: float


def accuracy(z: Float[Arrays, " samples"], f: Float[Arrays, " samples"], period: int) -> Accuracy:
    """Of whole periods of `period` samples each."""
    z, f = np.asarray(z, float), np.asarray(f, float)
    if z.shape != f.shape or z.ndim != 1:
        raise ValueError(f"z has shape {z.shape}, f {f.shape}: give two series of one length, an output at a time")
    check_count("", "period", period, "samples of a period, a whole number of at least 1")
    count = len(z) // period
    if count < 1:
        raise ValueError(f"period={period}: the series has {len(z)} samples; give one whole period at least")
    z, f = z[: count * period].reshape(count, period), f[: count * period].reshape(count, period)
    shifts = np.stack([np.roll(f[0], k) for k in range(period)])
    aligned = np.mean([np.abs(shifts - one).mean(axis=1).min() for one in z])
    turning = np.exp(-2j * np.pi * np.arange(period) / period)
    phases = np.unwrap(np.angle([one @ turning for one in z])) if count > 1 else np.zeros(2)
    return Accuracy(
        first_period=float(np.abs(z[0] - f[0]).mean()),
        raw=float(np.abs(z - f).mean()),
        aligned=float(aligned),
        amplitude=float(z.std() / f.std()),
        frequency=float(1 + (phases[-1] - phases[0]) / (2 * np.pi * max(count - 1, 1))),
    )
