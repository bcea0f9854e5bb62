"""What training asks of a network, and what networks with readouts have in common."""

# Without postponed annotations: Equinox does not read abstract fields from them.
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from neurojax.engine.signals import Signal, at
from neurojax.engine.system import Model, check_part
from neurojax.engine.types import Arrays
from neurojax.force.weights import PlasticSynapses


class Trainable(Model):
    """A network with readouts z = w r of its rates r, as `Training` asks for it; it is a `Flow` or a `System` besides.

    Its state is a named tuple with the outputs `z` (outputs,), held through a step, and what else moves. One's own network needs the
    fields below, `realise`, `init`, `rates`, and `drift` or `step`.
    """

    outputs: eqx.AbstractVar[int]
    """Readouts."""
    heard: eqx.AbstractVar[int | None]
    """How many units the readout hears, the first of them; None for all."""
    readout: eqx.AbstractVar[Any]
    """w, (outputs, heard)."""
    synapses: eqx.AbstractVar[PlasticSynapses | None]
    """Recurrent weights that learn, or None."""

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

    def with_weights(self, readout: Float[Arrays, "outputs heard"], added: Float[Arrays, "units inputs"] | None = None) -> Any:
        """The network with this readout, and with this added to its recurrent weights."""
        made = eqx.tree_at(lambda network: network.readout, self, readout)
        return made if added is None else eqx.tree_at(lambda network: network.synapses.weights, made, added)

    def check_counts(self, n: int, least: Mapping[str, int]) -> None:
        """Refuse whole numbers below `least`, and a readout that hears more than n units."""
        for name, smallest in least.items():
            value = getattr(self, name)
            if name == "heard" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < smallest:
                raise ValueError(f"{type(self).__name__}({name}={value!r}): a whole number of at least {smallest}")
        if self.heard is not None and self.heard > n:
            raise ValueError(
                f"{type(self).__name__}(heard={self.heard!r}): the network has {n} units; give at most so many, or None for all"
            )

    def check_weights(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Refuse recipes that cannot be drawn, and arrays of other shapes; one number will do for a readout."""
        for name, shape in shapes.items():
            given = getattr(self, name)
            if hasattr(given, "draw"):
                check_part(given)
            elif jnp.shape(given) not in (shape, () if name == "readout" else shape):
                raise ValueError(f"{type(self).__name__}({name}): an array of shape {jnp.shape(given)}; give {shape}, or a recipe")

    def drawn(self, key: PRNGKeyArray, shapes: Mapping[str, tuple[int, ...]]) -> Any:
        """The network with arrays for the recipes of its weights."""
        made = self
        for number, (name, shape) in enumerate(shapes.items()):
            given = getattr(self, name)
            if hasattr(given, "draw"):
                weights = given.draw(jax.random.fold_in(key, number), *shape)
                made = eqx.tree_at(lambda m, name=name: getattr(m, name), made, weights, is_leaf=lambda leaf: hasattr(leaf, "draw"))
        return made


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
