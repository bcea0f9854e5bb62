"""Full-FORCE: a network whose every recurrent weight learns, from another network that is driven by the target."""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from neurojax.engine.checks import check_count
from neurojax.engine.integrators import EulerMaruyama, Integrated, Integrator
from neurojax.engine.signals import at
from neurojax.engine.system import Step, System, check_part
from neurojax.engine.types import Arrays
from neurojax.force.network import RateNetwork, RateState
from neurojax.force.trainable import channels, check_channels
from neurojax.force.training import Lesson, Taught, check_target, where_due
from neurojax.force.weights import UniformWeights
from neurojax.learning import RLS, Occasion, Rule


class FullState(NamedTuple):
    """State: the network that learns; x_D (n,) of the driven one; the readout with the one P; the recurrent weights J (n, n)."""

    network: RateState
    driven: Float[Arrays, " n"]
    readout: Taught
    recurrent: Float[Arrays, "n n"]


class FullForce(System):
    """Full-FORCE: a network learns to do by itself what a random network does that is driven by the target f, and a hint h if any:

        tau dx_D/dt = -x_D + g J_D tanh x_D + J_I I + g_z (J_z f + J_h h)     the driven network
        tau dx/dt = -x + J r + J_I I,   r = tanh x,   z = w r                 the network that learns, J = 0 and w = 0 at first

    At every `interval`-th step the rule corrects J and w, on one P over r, by the errors
    `e_J = J r - (g J_D tanh x_D + g_z (J_z f + J_h h))` and `e_w = w r - f`; then both networks make their step. f and h go into the
    driven network alone: what it makes of them is what J learns to supply.

    Arguments:
        network: a `RateNetwork`, the driven one: n, outputs, gain g, J_D = `recurrent`, J_z = `feedback_weights` with the strength
            g_z = `feedback`, inputs, tau and readout, at which w starts. Noise is that of the network that learns. Their J_D is
            `SparseGaussian(1.0)`.
        target: f(t): a `Signal`, function of time or array, a number or (outputs,).
        rule: a learning rule; `RLS(alpha)`, alpha from 1 to 100 in their program.
        hint: h(t), of shape (channels,), a signal that eases the task, or None. hint_weights: J_h, (n, channels) or a recipe.
        interval: steps between updates, >= 1. (Theirs are random, one in two steps on average.)
        learning: False holds the weights, for a test, or until the driven network has settled.
        method: integrator of both networks; the paper's is Euler's.

    Errors: ValueError naming the argument. Source: DePasquale, Cueva, Rajan, Escola and Abbott 2018.
    """

    network: RateNetwork
    target: Any
    rule: Rule = RLS()
    hint: Any = None
    hint_weights: Any = UniformWeights()
    interval: int = eqx.field(static=True, default=2)
    learning: bool = eqx.field(static=True, default=True)
    method: Integrator = EulerMaruyama()

    def __check_init__(self):
        check_count("FullForce", "interval", self.interval, "a whole number of steps, at least 1")
        if not isinstance(self.network, RateNetwork):
            raise TypeError(f"FullForce(network={type(self.network).__name__}): give a RateNetwork")
        for name, plain in (("lag", 0), ("distortion", None), ("heard", self.network.n), ("synapses", None)):
            value = getattr(self.network, name)
            if value is not None and value != plain:
                raise ValueError(
                    f"FullForce(network): a RateNetwork with {name}={value!r}; all learns here, on all rates: leave {name} out"
                )
        if self.network.feedback is None:
            raise ValueError("FullForce(network): a RateNetwork with feedback=None; it is what drives it with the target: give it a number")

    def check(self):
        """Check the network, the rule, the target and the hint."""
        check_part(self.network)
        check_part(self.rule)
        check_target(self, "target", self.target, self.network.outputs)
        if self.hint is None:
            return
        check_channels("FullForce(hint)", self.hint)
        if hasattr(self.hint_weights, "draw"):
            check_part(self.hint_weights)
        elif jnp.shape(self.hint_weights) != self._hint_shape():
            given = jnp.shape(self.hint_weights)
            raise ValueError(f"FullForce(hint_weights): an array of shape {given}; give {self._hint_shape()}, or a recipe")

    def realise(self, key):
        """Draw the driven network, and the weights of the hint."""
        made = eqx.tree_at(lambda m: m.network, self, self.network.realise(key))
        if self.hint is None or not hasattr(self.hint_weights, "draw"):
            return made
        drawn = self.hint_weights.draw(jax.random.fold_in(key, 4), *self._hint_shape())
        return eqx.tree_at(lambda m: m.hint_weights, made, drawn, is_leaf=lambda leaf: hasattr(leaf, "draw"))

    def _hint_shape(self) -> tuple[int, int]:
        return self.network.n, channels(self.hint)

    def init(self, key):
        """Both networks as a `RateNetwork` starts; J = 0; the readout that the network came with."""
        network, n = self.network, self.network.n
        start = self._network(network.readout, jnp.zeros((n, n))).init(key)
        driven = network.init(jax.random.fold_in(key, 1)).x
        return FullState(start, driven, Taught(network.readout, self.rule.init(n, n + network.outputs, self.interval)), jnp.zeros((n, n)))

    def draws(self):
        """The noise of the network that learns."""
        return Integrated(self.network, self.method).draws()

    def step(self, state, clock, drawn):
        """Learn, then move both; the change that the lesson tells is that of J and w together."""
        moving, network = state.network, self.network
        target = jnp.broadcast_to(at(self.target, clock.time), moving.z.shape)
        driver, source = self._driver(target, clock)
        rates, still = network.rates(moving), jnp.zeros((), moving.z.dtype)
        pull = network.gain * (network.recurrent @ jnp.tanh(state.driven)) + network.feedback * (driver.feedback_weights @ source)
        goal = jnp.concatenate([pull, target])
        # Also while the weights are held: what is put off must be done before learning goes on.
        readout = state.readout._replace(kept=self.rule.tidied(state.readout.kept, clock.step))
        recurrent, size, novelty = state.recurrent, still, still
        if self.learning:

            def correct(kept):
                output = jnp.concatenate([state.recurrent @ rates, moving.z])
                occasion = Occasion(rates, output, goal, clock.step, clock.time, self.interval, self.interval * clock.dt)
                return self.rule.correct(kept, occasion)

            kept, correction = where_due(clock.step % self.interval == 0, correct, readout.kept)
            size, novelty = correction.size, correction.novelty
            changed = jnp.outer(correction.outputs[network.n :], correction.rates)
            readout = Taught(readout.weights + changed, kept)
            recurrent = recurrent + jnp.outer(correction.outputs[: network.n], correction.rates)
        moved = Integrated(self._network(readout.weights, recurrent), self.method).step(moving, clock, drawn)
        driven = Integrated(driver, self.method).step(RateState(state.driven, source), clock, {})
        return Step(FullState(moved, driven.x, readout, recurrent), Lesson(target, moving.z - target, size, novelty))

    def _driver(self, target: Float[Array, " outputs"], clock: Any) -> tuple[RateNetwork, Float[Array, " sources"]]:
        """The driven network, and what it is fed in the place of its outputs: the target, and the hint."""
        if self.hint is None:
            return self.network, target
        weights = jnp.concatenate([self.network.feedback_weights, self.hint_weights], axis=1)
        made = eqx.tree_at(lambda m: m.feedback_weights, self.network, weights)
        return made, jnp.concatenate([target, jnp.asarray(at(self.hint, clock.time), target.dtype)])

    def _network(self, readout: Float[Arrays, "outputs n"], recurrent: Float[Arrays, "n n"]) -> RateNetwork:
        """The network that learns, with these weights and no feedback."""
        network = self.network
        values = readout, recurrent, jnp.ones_like(network.gain), jnp.zeros_like(network.feedback)
        return eqx.tree_at(lambda m: (m.readout, m.recurrent, m.gain, m.feedback), network, values)

    def trained(self, state: FullState) -> RateNetwork:
        """The network with the weights of this state; that of a run, `run.system.trained(run.final_state.state)`, runs on by itself.

        Give `simulate` the integrator that it was trained with, `method=nj.EulerMaruyama()`.
        """
        return self._network(state.readout.weights, state.recurrent)
