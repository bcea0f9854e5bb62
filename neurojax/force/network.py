"""Chaotic rate networks with readouts, and the paper's three architectures of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from neurojax.engine.checks import check_count, check_number, not_negative, positive
from neurojax.engine.signals import History, at
from neurojax.engine.system import Flow
from neurojax.engine.types import Arrays
from neurojax.force.trainable import Trainable
from neurojax.force.weights import GeneratorAndFeedback, PlasticSynapses, SparseGaussian


class RateState(NamedTuple):
    """State: x (n,), dimensionless; the outputs z (outputs,) of the rates tanh x, held through a step; past outputs where they are fed
    back late."""

    x: Float[Arrays, " n"]
    z: Float[Arrays, " outputs"]
    past: History | None = None


class RateNetwork(Trainable, Flow):
    """A network of rates with readouts, which may be fed back (the generator network of architecture A):

        tau dx/dt = -x + g J r + (what learning has added to J) r + g_z J_z F(z(t - lag)) + J_I I(t) + tau sigma dW/dt
        r = tanh x,   z = w r

    Chaotic without readout and input for g > 1. z is computed once a step, from the x at its end, and held through the next.

    Arguments:
        n: units. outputs: readouts. inputs: external input I(t), a `Signal`, function of time or constant array (channels,), or None.
        gain: g, dimensionless; 1.5 in the paper.
        feedback: g_z, strength of the feedback, or None for none.
        tau: time constant (the unit of time is the user's; the paper's is 10 ms), > 0.
        noise: sigma (1 / sqrt(time)), or None.
        heard: how many units the readout hears, the first of them, for all are alike; None for all n.
        recurrent, feedback_weights, input_weights: J, J_z, J_I: a recipe or an array, row i the weights onto unit i; J may be a
            `RowSparse` matrix.
        readout: w, (outputs, heard), or one number for all.
        synapses: `PlasticSynapses`, recurrent weights that learn, or None.
        distortion: F, a function of (outputs,), or None. lag: of the feedback, a whole number of steps.

    Errors: ValueError naming the argument. Source: Sussillo and Abbott 2009, Methods; `feedback_network` and `internal_network` are
    its architectures B and C.
    """

    gain: Any = 1.5
    feedback: Any = 1.0
    tau: Any = 10.0
    noise: Any = None
    distortion: Callable | None = eqx.field(static=True, default=None, kw_only=True)
    lag: int = eqx.field(static=True, default=0, kw_only=True)

    def __check_init__(self):
        check_count("RateNetwork", "lag", self.lag, "a whole number of at least 0", least=0)

    def _shapes(self):
        shapes = super()._shapes()
        return shapes if self.feedback is not None else {name: shape for name, shape in shapes.items() if name != "feedback_weights"}

    def check(self):
        """Refuse values that make no sense."""
        super().check()
        if self.feedback is None and (self.lag or self.distortion is not None):
            raise ValueError(
                f"RateNetwork(feedback=None, lag={self.lag}, distortion={self.distortion!r}): nothing is fed back; give feedback a number"
            )
        blocks = self.recurrent if isinstance(self.recurrent, GeneratorAndFeedback) else None
        if blocks and self.synapses is not None and self.synapses.first != self.n - blocks.feedback_units:
            raise ValueError(
                f"RateNetwork(n={self.n}): its last {blocks.feedback_units} units are the feedback network, but units from "
                f"{self.synapses.first} on learn; make networks of other sizes by feedback_network(n)"
            )
        each = ((), (self.n,))
        check_number("RateNetwork", "gain", self.gain, np.isfinite, "a finite number, for example 1.5")
        if self.feedback is not None:
            check_number("RateNetwork", "feedback", self.feedback, np.isfinite, "a finite number, for example 1.0, or None")
        if self.noise is not None and not callable(self.noise):
            check_number("RateNetwork", "noise", self.noise, not_negative, "an amplitude of at least 0, or None", shapes=each)
        check_number("RateNetwork", "tau", self.tau, positive, "a time constant is positive, for example 10.0 (ms)", shapes=each)

    def init(self, key):
        """x normal of deviation 1/2; its outputs."""
        x = 0.5 * jax.random.normal(key, (self.n,))
        z = self.read(jnp.tanh(x))
        return RateState(x, z, History.filled(z, int(self.lag)) if self.lag else None)

    def rates(self, state: RateState) -> Float[Array, " n"]:
        """r = tanh x."""
        return jnp.tanh(state.x)

    def fed(self, state: RateState, z: Float[Array, " outputs"], step: Any) -> RateState:
        """The state with another z to be fed back, now or, with a lag, later."""
        return RateState(state.x, z, state.past.push(step, z) if state.past is not None else None)

    def drift(self, state, clock):
        """`(-x + g J r + g_z J_z F(z) + J_I I) / tau`."""
        rates = self.rates(state)
        z = state.past.read(clock.step, self.lag) if self.lag else state.z
        push = self.gain * (self.recurrent @ rates)
        if self.feedback is not None:
            push = push + self.feedback * (self.feedback_weights @ (z if self.distortion is None else self.distortion(z)))
        push = push + self.driven_by(rates, clock.time)
        return RateState((push - state.x) / self.tau, None)  # type: ignore[arg-type]

    def linear(self, state, clock):
        """The decay, -1/tau."""
        return RateState(-jnp.ones_like(state.x) / self.tau, None)  # type: ignore[arg-type]

    def diffusion(self, state, clock):
        """The noise amplitude sigma."""
        return None if self.noise is None else RateState(at(self.noise, clock.time) * jnp.ones_like(state.x), None)  # type: ignore[arg-type]

    def settle(self, state, clock):
        """The outputs at the end of the step."""
        z = self.read(self.rates(state))
        return RateState(state.x, z, state.past.push(clock.step + 1, z) if self.lag else None)


def feedback_network(
    n: int = 1000, weights: GeneratorAndFeedback | None = None, *, fan_in: int | None = None, **network: Any
) -> RateNetwork:
    """Architecture B: a generator of n units in a loop with a feedback network, whose synapses from the generator learn.

    The state holds both, the generator first; the readout hears the generator.

    Arguments:
        weights: sizes, gains and shares of connections; None for the paper's.
        fan_in: learning synapses of each feedback unit; None for `p_fg n`, as many as there are on average: a unit that has fewer gets
            some more, one that has more keeps the rest as they are. (The paper's unit hears 500 of 20,000.) Of n, all share one P.
        network: other arguments of `RateNetwork`.

    Source: Sussillo and Abbott 2009, figure 6B.
    """
    weights = weights or GeneratorAndFeedback()
    fan_in = max(1, round(float(weights.p_fg) * n)) if fan_in is None else fan_in
    synapses = PlasticSynapses(weights.feedback_units, fan_in, first=n, among=(0, n), shared=fan_in == n)
    settings: dict[str, Any] = {"gain": 1.0, "feedback": None, "heard": n} | network
    return RateNetwork(n + weights.feedback_units, recurrent=weights, synapses=synapses, **settings)


def internal_network(n: int = 750, units: int | None = None, fan_in: int | None = None, *, p: float = 0.5, **network: Any) -> RateNetwork:
    """Architecture C: no feedback; `units` units (None: all) learn on `fan_in` synapses each (None: `p n`, as many as there are
    on average; of n, all share one P).

    Other arguments are those of `RateNetwork`. Source: Sussillo and Abbott 2009, figure 6C.
    """
    fan_in = max(1, round(p * n)) if fan_in is None else fan_in
    synapses = PlasticSynapses(n if units is None else units, fan_in, shared=fan_in == n)
    settings: dict[str, Any] = {"feedback": None} | network
    return RateNetwork(n, recurrent=SparseGaussian(p), synapses=synapses, **settings)
