"""What training asks of a network, and what networks with readouts have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from neurojax.engine.checks import check_count
from neurojax.engine.signals import Signal, at
from neurojax.engine.system import Model, check_part
from neurojax.engine.types import Arrays
from neurojax.force.weights import FixedIndegree, OnePerRow, PlasticSynapses, RowSparse, SparseGaussian, UniformWeights

STREAMS = ("recurrent", "feedback_weights", "input_weights", "synapses")  # what is drawn, each from a key of its own


class Trainable(Model):
    """A network of n units with readouts z = w r of their rates r, as `Training` asks for it; it is a `Flow` or a `System` besides.

    Its state is a named tuple with the outputs `z` (outputs,), held through a step, and what else moves. One's own network defines
    `init`, `rates`, and `drift` or `step`.

    Arguments: those that `RateNetwork` and `SpikingNetwork` share, described there.
    """

    n: int = eqx.field(static=True, default=1000)
    outputs: int = eqx.field(static=True, default=1)
    inputs: Any = eqx.field(default=None, kw_only=True)
    heard: int | None = eqx.field(static=True, default=None, kw_only=True)
    recurrent: Any = eqx.field(default=SparseGaussian(0.1), kw_only=True)
    feedback_weights: Any = eqx.field(default=UniformWeights(), kw_only=True)
    input_weights: Any = eqx.field(default=OnePerRow(), kw_only=True)
    readout: Any = eqx.field(default=0.0, kw_only=True)
    synapses: PlasticSynapses | None = eqx.field(default=None, kw_only=True)

    def __check_init__(self):
        name = type(self).__name__
        for argument in ("n", "outputs", *(["heard"] if self.heard is not None else [])):
            check_count(name, argument, getattr(self, argument))
        if self.heard is not None and self.heard > self.n:
            raise ValueError(f"{name}(heard={self.heard!r}): the network has {self.n} units; give at most so many, or None for all")
        if self.synapses is not None:
            self.synapses.check_fit(self.n)

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        shapes = {"recurrent": (self.n, self.n), "feedback_weights": (self.n, self.outputs)}
        return shapes if self.inputs is None else shapes | {"input_weights": (self.n, channels(self.inputs))}

    def check(self):
        """Refuse input that makes no sense, recipes that cannot be drawn, and arrays of other shapes."""
        check_channels(f"{type(self).__name__}(inputs)", self.inputs)
        shapes: Mapping[str, tuple[int, ...]] = self._shapes() | {"readout": (self.outputs, self.heard or self.n)}
        for name, shape in shapes.items():
            given = getattr(self, name)
            if hasattr(given, "draw"):
                check_part(given)
                continue
            if isinstance(given, RowSparse):
                check_part(given)
            found = given.shape if isinstance(given, RowSparse) else jnp.shape(given)
            if found not in (shape, () if name == "readout" else shape):
                raise ValueError(f"{type(self).__name__}({name}): an array of shape {found}; give {shape}, or a recipe")
        if self.synapses is not None and isinstance(self.recurrent, RowSparse | FixedIndegree):
            raise ValueError(
                f"{type(self).__name__}(recurrent): synapses that learn need J as an array; take SparseGaussian(p), or np.asarray(J)"
            )

    def realise(self, key):
        """Draw the weights, and which synapses learn."""
        made = self
        for name, shape in self._shapes().items():
            given, number = getattr(self, name), STREAMS.index(name)
            if hasattr(given, "draw"):
                drawn = given.draw(jax.random.fold_in(key, number), *shape)
                made = eqx.tree_at(lambda m, name=name: getattr(m, name), made, drawn, is_leaf=lambda leaf: hasattr(leaf, "draw"))
        if self.synapses is not None:
            drawn = self.synapses.realise(jax.random.fold_in(key, STREAMS.index("synapses")), made.recurrent)
            made = eqx.tree_at(lambda m: m.synapses, made, drawn)
        readout = jnp.asarray(self.readout, jnp.result_type(float))
        return made.with_weights(jnp.broadcast_to(readout, (self.outputs, self.heard or self.n)))

    def rates(self, state: Any) -> Float[Array, " n"]:
        """The rates r of a state."""
        raise NotImplementedError(f"{type(self).__name__} must define rates(self, state), what its readout hears")

    def readable(self, rates: Float[Array, " n"]) -> Float[Array, " heard"]:
        """The rates that the readout hears."""
        return rates if self.heard is None else rates[: self.heard]

    def read(self, rates: Float[Array, " n"]) -> Float[Array, " outputs"]:
        """z = w r."""
        return self.readout @ self.readable(rates)

    def fed(self, state: Any, z: Float[Array, " outputs"], step: Any) -> Any:
        """The state with another z to be fed back."""
        return state._replace(z=z)

    def settle(self, state: Any, clock: Any) -> Any:
        """The outputs at the end of a step of a `Flow`."""
        return state._replace(z=self.read(self.rates(state)))

    def with_weights(self, readout: Float[Arrays, "outputs heard"], added: Float[Arrays, "units inputs"] | None = None) -> Any:
        """The network with this readout, and with this added to its recurrent weights."""
        made = eqx.tree_at(lambda network: network.readout, self, readout)
        return made if added is None else eqx.tree_at(lambda network: network.synapses.weights, made, added)

    def driven_by(self, rates: Float[Array, " n"], time: Any) -> Float[Array, " n"] | float:
        """What comes in through synapses that learn and from the external input: `(what learning has added) r + J_I I(t)`."""
        push = 0.0 if self.synapses is None else self.synapses.push(rates)
        return push if self.inputs is None else push + self.input_weights @ at(self.inputs, time)


def check_channels(where: str, inputs: Any) -> None:
    """Refuse external input that is not of shape (channels,)."""
    if isinstance(inputs, Signal):
        check_part(inputs)
    if inputs is not None and len(shape := _shape(inputs)) != 1:
        raise ValueError(f"{where}: at one time they have shape {shape}; give (channels,)")


def channels(inputs: Any) -> int:
    """How many channels an external input has."""
    return _shape(inputs)[0]


def _shape(inputs: Any) -> tuple[int, ...]:
    return jnp.shape(jax.eval_shape(lambda: jnp.asarray(at(inputs, jnp.zeros(())))))
