"""A small neural network as controller."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from neurojax.engine.checks import check_count, check_number, is_whole, positive
from neurojax.engine.signals import History
from neurojax.engine.system import Clock, Draw
from neurojax.engine.types import Arrays
from neurojax.tuning.control.controller import Controller, check_limits, check_target, wanted


class PolicyMemory(eqx.Module):
    """Errors of the last decisions (None without lags), how many were made, and averages of the error, (times, seen)."""

    past: History | None
    count: Any
    averages: Float[Arrays, "t d"] | None


def _array(values: Any) -> Any:
    return np.asarray(values, float) if isinstance(values, tuple | list) else values


class Policy(Controller):
    """A neural network from what is seen, and was, to the command: `u = squash(network(scale features) + exploration xi)`.

    Its features are the error `e = target - y`; e as it was `lags` decisions ago; averages of e that forget with the time constants
    T of `times`, `a' = a + (1 - e^{-h / T}) (e - a)`; and, if it is `informed`, the target. tanh units in the hidden layers. The
    command lies between its limits, `squash(v) = (low + high) / 2 + (high - low) / 2 tanh v`, or is v without them.

    Arguments:
        weights: of the network, one vector, tuned by `where="controller.weights"`. `Policy.drawn` makes one.
        seen: how many numbers it sees, >= 1 (a number or a vector).
        commands: how many it gives; None for one number of shape ().
        lags: decisions, whole numbers >= 1. times: T (time units, > 0), or None.
        width, depth: units of a hidden layer, >= 1, and hidden layers (0: linear).
        target: what is wanted: a number, an array, a `Signal` or a function of time.
        scale: of the features, one number or one for each, so that they are of order 1.
        low, high: limits of the command, both or none.
        exploration: standard deviation of the noise before the limits that learning from rewards needs; None for none.

    Errors: ValueError naming the argument.
    """

    weights: Float[Arrays, " p"]
    seen: int = eqx.field(static=True, default=1)
    commands: int | None = eqx.field(static=True, default=None)
    lags: tuple[int, ...] = eqx.field(static=True, default=(), converter=tuple)
    times: Any = eqx.field(default=None, converter=_array)
    width: int = eqx.field(static=True, default=16)
    depth: int = eqx.field(static=True, default=1)
    target: Any = 0.0
    informed: bool = eqx.field(static=True, default=False)
    scale: Any = 1.0
    low: Any = None
    high: Any = None
    exploration: Any = None

    @classmethod
    def drawn(cls, seed: int = 0, *, gain: float = 1.0, **settings: Any) -> Policy:
        """A policy with Equinox's random weights for such a network, multiplied by `gain`. settings: the other arguments.

        >>> import neurojax as nj
        >>> nj.control.Policy.drawn(seen=2, lags=(10,), width=8).weights.shape
        (49,)
        """
        empty = cls(np.zeros(0), **settings)
        leaves = jax.tree.leaves(eqx.filter(empty.network(jax.random.key(seed)), eqx.is_array))
        return cls(gain * np.concatenate([np.asarray(leaf, float).ravel() for leaf in leaves]), **settings)

    def __check_init__(self):
        check_count("Policy", "seen", self.seen, "how many numbers it sees, at least 1")
        check_count("Policy", "width", self.width, "units of a hidden layer, at least 1")
        check_count("Policy", "depth", self.depth, "hidden layers, at least 0", least=0)
        if self.commands is not None:
            check_count("Policy", "commands", self.commands, "how many commands it gives, at least 1, or None for one number")
        if not all(is_whole(lag, 1) for lag in self.lags) or len(set(self.lags)) < len(self.lags):
            raise ValueError(f"Policy(lags={self.lags!r}): give different whole numbers of decisions, at least 1")

    def check(self):
        """Weights fit the network, times are positive, limits in order."""
        wants = sum(int(np.prod(leaf.shape)) for leaf in self._leaves())
        if np.shape(self.weights) != (wants,):
            raise ValueError(
                f"Policy(weights): it has shape {np.shape(self.weights)}, this network has {wants}; draw them with Policy.drawn"
            )
        check_number("Policy", "weights", self.weights, np.isfinite, "finite numbers", shapes=None)
        if self.times is not None:
            check_number("Policy", "times", self.times, positive, "time constants above 0, in a list", shapes=((np.size(self.times),),))
        check_number("Policy", "scale", self.scale, np.isfinite, f"finite, one number or {self.inputs}", shapes=((), (self.inputs,)))
        if self.exploration is not None:
            check_number("Policy", "exploration", self.exploration, positive, "a standard deviation above 0, or None")
        if (self.low is None) != (self.high is None):
            raise ValueError(f"Policy(low={self.low!r}, high={self.high!r}): give both limits, or none")
        check_limits("Policy", self.low, self.high)
        check_target("Policy", self.target)

    @property
    def inputs(self) -> int:
        """How many features there are."""
        return self.seen * (1 + len(self.lags) + (0 if self.times is None else np.size(self.times)) + self.informed)

    def network(self, key: Any) -> eqx.nn.MLP:
        """A network of this kind, with weights of its own."""
        outputs = "scalar" if self.commands is None else self.commands
        return eqx.nn.MLP(self.inputs, outputs, self.width, self.depth, jnp.tanh, key=key)

    def _leaves(self) -> list[Any]:
        blank = eqx.filter_eval_shape(lambda: self.network(jax.random.key(0)))
        return [leaf for leaf in jax.tree.leaves(blank) if isinstance(leaf, jax.ShapeDtypeStruct)]

    def respond(self, weights: Float[Arrays, " p"], features: Float[Array, " f"]) -> Float[Array, "*m"]:
        """What the network gives, before exploration and limits."""
        blank, start = eqx.filter_eval_shape(lambda: self.network(jax.random.key(0))), 0
        leaves, structure = jax.tree.flatten(blank)
        for i, leaf in enumerate(leaves):
            if isinstance(leaf, jax.ShapeDtypeStruct):
                size = int(np.prod(leaf.shape))
                leaves[i] = weights[start : start + size].reshape(leaf.shape)
                start += size
        return jax.tree.unflatten(structure, leaves)(self.scale * features)

    def realise(self, key):
        """Nothing is drawn."""
        return self

    def draws(self):
        """What explores."""
        if self.exploration is None:
            return {}
        return {"exploration": Draw("exploration", "normal", () if self.commands is None else (self.commands,))}

    def init(self, seen):
        """The first error, as if it had always been so."""
        if seen.size != self.seen:
            raise ValueError(f"Policy(seen={self.seen}): what is seen has shape {seen.shape}; say seen={seen.size}")
        error = jnp.ravel(wanted(self.target, jnp.zeros((), seen.dtype), seen) - seen)
        past = History.filled(error, max(self.lags)) if self.lags else None
        return PolicyMemory(past, np.int32(0), None if self.times is None else jnp.tile(error, (np.size(self.times), 1)))

    def sense(self, memory: PolicyMemory, seen: Float[Array, "*d"], clock: Clock) -> tuple[Float[Array, " f"], PolicyMemory]:
        """The features, and the memory after them."""
        goal = wanted(self.target, clock.time, seen)
        error = jnp.ravel(goal - seen)
        features, past, averages = [error], memory.past, memory.averages
        if past is not None:
            past = past.push(memory.count, error)
            features += [past.read(memory.count, lag) for lag in self.lags]
        if averages is not None:
            gone = -jnp.expm1(-clock.dt / jnp.asarray(self.times, error.dtype))
            averages = averages + gone[:, None] * (error[None] - averages)
            features.append(jnp.ravel(averages))
        if self.informed:
            features.append(jnp.ravel(goal))
        length = max(self.lags, default=0) + 1
        return jnp.concatenate(features), PolicyMemory(past, (memory.count + 1) % length, averages)

    def act(self, memory, seen, clock, drawn):
        """The command, and the memory after it."""
        features, memory = self.sense(memory, seen, clock)
        free = self.respond(self.weights, features)
        if self.exploration is not None:
            free = free + self.exploration * drawn["exploration"]
        if self.low is None:
            return free, memory
        return (self.low + self.high) / 2 + (self.high - self.low) / 2 * jnp.tanh(free), memory
