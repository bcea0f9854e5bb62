"""Chaotic rate networks with a readout that is fed back."""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, PRNGKeyArray

from neurojax.engine.signals import Signal, at
from neurojax.engine.system import Flow, check_part
from neurojax.engine.types import Arrays


class RateState(NamedTuple):
    """State: x (n,), dimensionless, and the outputs z (outputs,) of the rates tanh x, held through a step."""

    x: Float[Arrays, " n"]
    z: Float[Arrays, " outputs"]


class SparseGaussian(eqx.Module):
    """Weights that are there with probability p, and then N(0, 1 / (p times the number of sources)).

    Source: Sussillo and Abbott 2009, Methods.
    """

    p: Any = 0.1

    def draw(self, key: PRNGKeyArray, targets: int, sources: int) -> Float[Array, "targets sources"]:
        """The matrix, row i the weights onto unit i."""
        there, size = jax.random.split(key)
        return jnp.where(
            jax.random.uniform(there, (targets, sources)) < self.p, jax.random.normal(size, (targets, sources)), 0.0
        ) / jnp.sqrt(self.p * sources)

    def check(self) -> None:
        """0 < p <= 1."""
        if not isinstance(self.p, Tracer) and not np.all((np.asarray(self.p) > 0) & (np.asarray(self.p) <= 1)):
            raise ValueError(f"SparseGaussian(p={self.p!r}): a share of connections in (0, 1], for example 0.1")


class UniformWeights(eqx.Module):
    """Weights uniform in [-1, 1]."""

    def draw(self, key: PRNGKeyArray, targets: int, sources: int) -> Float[Array, "targets sources"]:
        """The matrix, row i the weights onto unit i."""
        return jax.random.uniform(key, (targets, sources), minval=-1.0, maxval=1.0)


class OnePerRow(eqx.Module):
    """Each unit hears one source, by a weight N(0, 1)."""

    def draw(self, key: PRNGKeyArray, targets: int, sources: int) -> Float[Array, "targets sources"]:
        """The matrix, row i the weights onto unit i."""
        which, size = jax.random.split(key)
        chosen = jax.nn.one_hot(jax.random.randint(which, (targets,), 0, sources), sources)
        return chosen * jax.random.normal(size, (targets, 1))


class RateNetwork(Flow):
    """The generator network with feedback from its readout (architecture A):

        tau dx/dt = -x + g J r + g_z J_z z + J_I I(t) + tau sigma dW/dt,   r = tanh x,   z = w r

    Chaotic without readout and input for g > 1. z is computed once a step, from the x at its end, and held through the next.

    Arguments:
        n: units. outputs: readouts. inputs: external input I(t), a `Signal`, function of time or constant array (channels,), or None.
        gain: g, dimensionless; 1.5 in the paper.
        feedback: g_z, strength of the feedback; 0 cuts it.
        tau: time constant (the unit of time is the user's; the paper's is 10 ms), > 0.
        noise: sigma (1 / sqrt(time)), or None.
        plastic: share p_z of the units that the readout hears, in (0, 1]: the first of them, for all are alike.
        recurrent, feedback_weights, input_weights: J, J_z, J_I: a recipe or an array, row i the weights onto unit i.
        readout: w, (outputs, plastic units), or one number for all.

    Errors: ValueError naming the argument. Source: Sussillo and Abbott 2009, Methods.
    """

    n: int = eqx.field(static=True, default=1000)
    outputs: int = eqx.field(static=True, default=1)
    gain: Any = 1.5
    feedback: Any = 1.0
    tau: Any = 10.0
    noise: Any = None
    inputs: Any = None
    plastic: float = eqx.field(static=True, default=1.0)
    recurrent: Any = SparseGaussian(0.1)
    feedback_weights: Any = UniformWeights()
    input_weights: Any = OnePerRow()
    readout: Any = 0.0

    def __check_init__(self):
        for name in ("n", "outputs"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise ValueError(f"RateNetwork({name}={value!r}): a whole number of at least 1")
        if not 0 < self.plastic <= 1 or self.heard < 1:
            raise ValueError(f"RateNetwork(plastic={self.plastic!r}): a share of the units in (0, 1], one unit at least")

    @property
    def heard(self) -> int:
        """Units that the readout hears."""
        return round(self.plastic * self.n)

    def check(self):
        """Refuse values that make no sense."""
        if isinstance(self.recurrent, SparseGaussian):
            self.recurrent.check()
        if not isinstance(self.tau, Tracer) and not np.all(np.asarray(self.tau) > 0):
            raise ValueError(f"RateNetwork(tau={self.tau!r}): a time constant is positive, for example 10.0 (ms)")
        if isinstance(self.inputs, Signal):
            check_part(self.inputs)

    def realise(self, key):
        """Draw the weights."""
        made = self
        shapes = {"recurrent": (self.n, self.n), "feedback_weights": (self.n, self.outputs)}
        if self.inputs is not None:
            shapes["input_weights"] = (self.n, jnp.shape(at(self.inputs, jnp.zeros(())))[0])
        for number, (name, shape) in enumerate(shapes.items()):
            given = getattr(self, name)
            if hasattr(given, "draw"):
                drawn = given.draw(jax.random.fold_in(key, number), *shape)
                made = eqx.tree_at(lambda m, name=name: getattr(m, name), made, drawn, is_leaf=lambda leaf: hasattr(leaf, "draw"))
        readout = jnp.broadcast_to(jnp.asarray(self.readout, jnp.result_type(float)), (self.outputs, self.heard))
        return eqx.tree_at(lambda m: m.readout, made, readout)

    def init(self, key):
        """x normal of deviation 1/2; its outputs."""
        x = 0.5 * jax.random.normal(key, (self.n,))
        return RateState(x, self.read(jnp.tanh(x)))

    def read(self, rates: Float[Arrays, " n"]) -> Float[Array, " outputs"]:
        """z = w r."""
        return self.readout @ rates[: self.heard]

    def drift(self, state, clock):
        """`(-x + g J r + g_z J_z z + J_I I) / tau`."""
        push = self.gain * (self.recurrent @ jnp.tanh(state.x)) + self.feedback * (self.feedback_weights @ state.z)
        if self.inputs is not None:
            push = push + self.input_weights @ at(self.inputs, clock.time)
        return RateState((push - state.x) / self.tau, None)  # type: ignore[arg-type]

    def linear(self, state, clock):
        """The decay, -1/tau."""
        return RateState(-jnp.ones_like(state.x) / self.tau, None)  # type: ignore[arg-type]

    def diffusion(self, state, clock):
        """The noise amplitude sigma."""
        return None if self.noise is None else RateState(at(self.noise, clock.time) * jnp.ones_like(state.x), None)  # type: ignore[arg-type]

    def settle(self, state, clock):
        """The outputs at the end of the step."""
        return RateState(state.x, self.read(jnp.tanh(state.x)))
