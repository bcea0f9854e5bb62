"""A network in training: a System whose state holds what is learned."""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree, Scalar

from neurojax.engine.integrators import EulerMaruyama, Integrated, Integrator
from neurojax.engine.signals import Signal, at
from neurojax.engine.system import Step, System, check_part
from neurojax.engine.types import Arrays
from neurojax.force.network import RateNetwork, RateState
from neurojax.learning import RLS


class TrainingState(NamedTuple):
    """State: the network's; its readout w (outputs, units heard); what the rule keeps (for `RLS` P, or its square root)."""

    network: RateState
    readout: Float[Arrays, "outputs heard"]
    kept: PyTree


class Lesson(NamedTuple):
    """What a step shows beside the state: target and error `z - f` (outputs,), |dw| and r' P r of the update (0 where none is made)."""

    target: Float[Array, " outputs"]
    error: Float[Array, " outputs"]
    change: Float[Scalar, ""]
    novelty: Float[Scalar, ""]


class Training(System):
    """A network that learns online to make `target` its output: FORCE, with `RLS` as its rule.

    At every `interval`-th step the error `e = z - f` before the update changes the readout by `-e k'`; then the network makes its
    step with the output z that it had, and reads out with the new weights.

    Arguments:
        network: a `RateNetwork`.
        target: f(t): a `Signal`, function of time or array, a number or (outputs,).
        rule: the learning rule.
        interval: steps between updates, >= 1, counted from step 0 of the run: exact, for it is a whole number.
        learning: False holds the weights; a `Phase("test", {"learning": False})` of a `Schedule` does so.
        method: integrator of the network; z is held through a step. The paper's is Euler's.

    Errors: ValueError naming the argument. Source: Sussillo and Abbott 2009.
    """

    network: RateNetwork
    target: Any
    rule: RLS = RLS()
    interval: int = eqx.field(static=True, default=2)
    learning: bool = eqx.field(static=True, default=True)
    method: Integrator = EulerMaruyama()

    def __check_init__(self):
        if isinstance(self.interval, bool) or not isinstance(self.interval, int | np.integer) or self.interval < 1:
            raise ValueError(f"Training(interval={self.interval!r}): a whole number of steps, at least 1")

    def check(self):
        """Check the network, the rule and the target."""
        check_part(self.network)
        check_part(self.rule)
        if isinstance(self.target, Signal):
            check_part(self.target)

    def realise(self, key):
        """Draw the network."""
        return eqx.tree_at(lambda m: m.network, self, self.network.realise(key))

    def init(self, key):
        """The network's initial state, the readout that it came with, nothing learned."""
        return TrainingState(self.network.init(key), self.network.readout, self.rule.init(self.network.heard))

    def draws(self):
        """The network's noise."""
        return Integrated(self.network, self.method).draws()

    def step(self, state, clock, drawn):
        """Learn, then move."""
        (x, z), readout, kept = state
        target = jnp.broadcast_to(at(self.target, clock.time), z.shape)
        error, still = z - target, jnp.zeros((), z.dtype)
        lesson = Lesson(target, error, still, still)
        if self.learning:

            def learn(readout, kept):
                kept, (gain, novelty) = self.rule.update(kept, jnp.tanh(x)[: self.network.heard], clock.step // self.interval)
                change = jnp.sqrt(jnp.sum(error * error) * (gain @ gain))
                return readout - jnp.outer(error, gain), kept, change, novelty

            def hold(readout, kept):
                return readout, kept, still, still

            readout, kept, change, novelty = jax.lax.cond(clock.step % self.interval == 0, learn, hold, readout, kept)
            lesson = Lesson(target, error, change, novelty)
        moved = Integrated(self.trained(readout), self.method).step(state.network, clock, drawn)
        return Step(TrainingState(moved, readout, kept), lesson)

    def trained(self, readout: Float[Arrays, "outputs heard"]) -> RateNetwork:
        """The network with this readout; of a run, `run.system.trained(run.final_state.state.readout)` runs on by itself."""
        return eqx.tree_at(lambda network: network.readout, self.network, readout)
