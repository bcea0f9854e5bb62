"""A network in training: a System whose state holds what is learned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree, Scalar

from neurojax.engine.checks import check_count, check_number, fraction, not_negative
from neurojax.engine.integrators import EulerMaruyama, Integrated, Integrator
from neurojax.engine.signals import Signal, at
from neurojax.engine.system import Draw, Flow, Step, System, check_part
from neurojax.engine.types import Arrays
from neurojax.force.trainable import Trainable
from neurojax.learning import RLS, Correction, Occasion, Rule


class Taught(NamedTuple):
    """Weights that learn, (outputs, n) or (units, fan_in), and what the rule keeps for them (`RLS`: P, or its square root)."""

    weights: Float[Arrays, "outputs n"]
    kept: PyTree


class TrainingState(NamedTuple):
    """State: the network's; its readout; what is added to its recurrent weights, if it has synapses that learn."""

    network: Any
    readout: Taught
    synapses: Taught | None


class Lesson(NamedTuple):
    """What a step shows beside the state: target and error `z - f` (outputs,), |dw| and r' P r of the update (0 where none is made)."""

    target: Float[Array, " outputs"]
    error: Float[Array, " outputs"]
    change: Float[Scalar, ""]
    novelty: Float[Scalar, ""]


class Training(System):
    """A network that learns online to make `target` its output: FORCE, with `RLS` as its rule.

    At every `interval`-th step the error `e = z - f` before the update changes the readout (`RLS`: by `-e k'`); then the network makes its
    step with the output z that it had, and reads out with the new weights. Synapses of the network that learn do so by the same error,
    unit i by that of output `i mod outputs`, each with a P of its own over the rates that it hears.

    Arguments:
        network: a `RateNetwork`, a `SpikingNetwork`, or one's own `Trainable`.
        target: f(t): a `Signal`, function of time or array, a number or (outputs,).
        rule: a learning rule: `RLS`, `DeltaRule`, `RewardHebbian`, or one's own `Rule`.
        interval: steps between updates, >= 1, counted from step 0 of the run: exact, for it is a whole number. A phase of a schedule may
            take a longer one; a shorter one only with an `RLS` that gathers nothing ("symmetric", or with `forgetting`), or another rule.
        learning: False holds the weights, for a test: `Phase(100.0, {"learning": False})` in a `Schedule`.
        teacher: share of the target in what is fed back while learning, `(1 - teacher) z + teacher f`, in [0, 1].
        exploration: amplitude of noise, uniform in [-exploration, exploration], on the outputs while learning, or None.
        method: integrator of a network that is a `Flow`; z is held through a step. The paper's is Euler's, and so is a spiking network's
            own step.

    Errors: ValueError naming the argument. Source: Sussillo and Abbott 2009.
    """

    network: Trainable
    target: Any
    rule: Rule = RLS()
    interval: int = eqx.field(static=True, default=2)
    learning: bool = eqx.field(static=True, default=True)
    teacher: Any = 0.0
    exploration: Any = None
    method: Integrator = EulerMaruyama()

    def __check_init__(self):
        check_count("Training", "interval", self.interval, "a whole number of steps, at least 1")

    def check(self):
        """Check the network, the rule and the target."""
        if not isinstance(self.network, Trainable):
            raise TypeError(f"Training(network={type(self.network).__name__}): it has no readout; give a RateNetwork or another Trainable")
        check_part(self.network)
        for name, part, kind, example in (
            ("rule", self.rule, Rule, "nj.RLS()"),
            ("method", self.method, Integrator, "nj.EulerMaruyama()"),
        ):
            if not isinstance(part, kind):
                raise TypeError(f"Training({name}={part!r}): give {example} or another {kind.__name__}")
        if not isinstance(self.learning, bool):
            raise TypeError(f"Training(learning={self.learning!r}): True or False")
        if self.learning and self.rule.explores and self.exploration is None:
            rule = type(self.rule).__name__
            raise ValueError(f"Training(exploration=None): {rule} learns from what it tries; give an amplitude, for example 0.5")
        check_part(self.rule)
        check_target(self, "target", self.target, self.network.outputs)
        if not isinstance(self.network, Flow) and not isinstance(self.method, EulerMaruyama):
            raise ValueError(f"Training(method={self.method!r}): {type(self.network).__name__} makes its own steps; leave method out")
        check_number("Training", "teacher", self.teacher, fraction, "a share of the target, in [0, 1]")
        if self.exploration is not None:
            check_number("Training", "exploration", self.exploration, not_negative, "an amplitude of at least 0, or None")

    def realise(self, key):
        """Draw the network."""
        return eqx.tree_at(lambda m: m.network, self, self.network.realise(key))

    def init(self, key):
        """The network's initial state, the weights that it came with, nothing learned."""
        network, synapses = self.network, None
        readout = Taught(network.readout, self.rule.init(network.readout.shape[1], network.outputs, self.interval))
        if network.synapses is not None:
            own = network.synapses
            kept = self.rule.init(own.fan_in, own.units if own.shared else 1, self.interval)
            if not own.shared:
                kept = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (own.units, *jnp.shape(leaf))), kept)
            synapses = Taught(own.weights, kept)
        return TrainingState(network.init(key), readout, synapses)

    def draws(self):
        """The network's noise, and what explores."""
        drawn = dict(self._moving(self.network).draws())
        if self.exploration is not None and self.learning:
            drawn["exploration"] = Draw("exploration", "uniform", (self.network.outputs,))
        return drawn

    def step(self, state, clock, drawn):
        """Learn, then move."""
        moving: Any = state.network
        target = jnp.broadcast_to(at(self.target, clock.time), moving.z.shape)
        still = jnp.zeros((), moving.z.dtype)
        # Also while the weights are held: what is put off must be done before learning goes on.
        taught: Any = self._tidied(state.readout, state.synapses, clock.step)
        if not self.learning:
            moved = self._moving(self._network(taught)).step(moving, clock, drawn)
            return Step(TrainingState(moved, *taught), Lesson(target, moving.z - target, still, still))
        if self.exploration is not None:
            moving = self.network.fed(moving, moving.z + self.exploration * (2 * drawn["exploration"] - 1), clock.step)
            drawn = {stream: numbers for stream, numbers in drawn.items() if stream != "exploration"}
        rates = self.network.rates(moving)
        readable, elapsed = self.network.readable(rates), self.interval * clock.dt
        occasion = Occasion(readable, moving.z, target, clock.step, clock.time, self.interval, elapsed)

        def correct(kept):
            readout, correction = self.rule.correct(kept[0], occasion)
            synapses, inner = (None, None) if kept[1] is None else self._correct_synapses(kept[1], rates, occasion)
            return (readout, synapses), (correction, inner)

        kept, (correction, inner) = where_due(
            clock.step % self.interval == 0, correct, tuple(one if one is None else one.kept for one in taught)
        )
        taught = self._corrected(taught, kept, correction, inner)
        lesson = Lesson(target, moving.z - target, correction.size, correction.novelty)
        fed = self.network.fed(moving, moving.z + self.teacher * (target - moving.z), clock.step)
        moved = self._moving(self._network(taught)).step(fed, clock, drawn)
        return Step(TrainingState(moved, *taught), lesson)

    def _correct_synapses(self, kept: Any, rates: Float[Array, " n"], occasion: Occasion) -> tuple[Any, Correction]:
        """What the errors of the outputs, which the units share out, do to the recurrent weights."""
        own = self.network.synapses
        assert own is not None
        heard = own.heard(rates)
        mine = jnp.arange(own.units) % self.network.outputs
        output, target = occasion.output[mine], occasion.target[mine]
        if own.shared:
            occasion = occasion._replace(rates=heard[0], output=output, target=target)
            return self.rule.correct(kept, occasion)

        def one(kept, rates, output, target):
            return self.rule.correct(kept, occasion._replace(rates=rates, output=output[None], target=target[None]))

        return jax.vmap(one)(kept, heard, output, target)

    def _corrected(self, taught: Any, kept: Any, correction: Correction, inner: Any) -> tuple[Taught, Taught | None]:
        """Weights after an update, and what the rule keeps for them."""
        (readout, synapses), own = taught, self.network.synapses
        readout = Taught(readout.weights + correction.change, kept[0])
        if synapses is None or own is None:
            return readout, None
        change = inner.change if own.shared else inner.outputs * inner.rates
        return readout, Taught(synapses.weights + change, kept[1])

    def _tidied(self, readout: Taught, synapses: Taught | None, step: Any) -> tuple[Taught, Taught | None]:
        readout = readout._replace(kept=self.rule.tidied(readout.kept, step))
        if synapses is None or self.network.synapses is None:
            return readout, None
        shared = self.network.synapses.shared or not jax.tree.leaves(synapses.kept)
        tidied = self.rule.tidied if shared else jax.vmap(self.rule.tidied, (0, None))
        return readout, synapses._replace(kept=tidied(synapses.kept, step))

    def _moving(self, network: Trainable) -> System:
        """The network as it makes its steps."""
        return Integrated(network, self.method) if isinstance(network, Flow) else cast(System, network)

    def _network(self, taught: tuple[Taught, Taught | None]) -> Any:
        readout, synapses = taught
        return self.network.with_weights(readout.weights, None if synapses is None else synapses.weights)

    def trained(self, state: TrainingState) -> Any:
        """The network with the weights of this state; that of a run, `run.system.trained(run.final_state.state)`, runs on by itself.

        Give `simulate` the integrator that a `RateNetwork` was trained with, `method=nj.EulerMaruyama()`.
        """
        return self._network((state.readout, state.synapses))


def where_due(due: Any, correct: Callable, kept: PyTree) -> Any:
    """`correct(kept)`: what is kept after an update, and the corrections; where none is due, what was kept, and corrections of 0."""
    nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(correct, kept)[1])
    return jax.lax.cond(due, correct, lambda kept: (kept, nothing), kept)


def check_target(training: Any, name: str, target: Any, outputs: int) -> None:
    """A signal that gives one number, or one for each output."""
    if isinstance(target, Signal):
        check_part(target)
    shape = jnp.shape(jax.eval_shape(lambda: jnp.asarray(at(target, jnp.zeros(())))))
    if shape not in ((), (1,), (outputs,)):
        raise ValueError(f"{type(training).__name__}({name}): it has shape {shape}; give one number, or one for each of {outputs} outputs")
