"""What a command acts on: a parameter of the model, some nodes, or a force beside its drift."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from neurojax.engine.checks import is_whole
from neurojax.engine.integrators.base import shift
from neurojax.engine.paths import get, is_static, replace, resolve
from neurojax.engine.system import Flow, Recipe, System


class Actuator(eqx.Module):
    """The model under a command, held for one step: subclass and give `__call__`, or take a plain function `(model, command)`."""

    def check(self, model: System | Flow) -> None:
        """Raise `ValueError` where the model has nothing to act on."""

    def __call__(self, model: Any, command: Float[Array, "*m"]) -> Any:
        """The model for one step; its state is that of the model."""
        raise NotImplementedError

    def rest(self, model: Any, command: Float[Array, "*m"]) -> Float[Array, "*m"]:
        """The command that leaves the model as it is; the argument gives its shape."""
        return jnp.zeros_like(command)


class Parameter(Actuator):
    """The command is a parameter of the model, or is added to it: at all nodes, or at some (pinning).

    Arguments:
        name: of the parameter, as in `nj.sweep`'s `over`, for example "coupling" or "frequencies".
        nodes: those that feel the command, for a parameter with a value for each; None for all. A command is one number for all of
            them or one for each.
        add: the command is added to the model's own value; without, it takes its place.

    Errors: ValueError naming the argument.
    """

    name: str = eqx.field(static=True)
    nodes: tuple[int, ...] | None = eqx.field(static=True, default=None, converter=lambda nodes: _tuple(nodes))
    add: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        if not isinstance(self.name, str) or not self.name:
            raise TypeError(f"Parameter(name={self.name!r}): give the name of a parameter of the model, for example 'coupling'")
        nodes = self.nodes
        if nodes is not None and (not isinstance(nodes, tuple) or not nodes or not all(is_whole(one) for one in nodes)):
            raise ValueError(f"Parameter(nodes={nodes!r}): give whole numbers from 0 on, for example (0, 5), or None for all nodes")
        if nodes is not None and len(set(nodes)) < len(nodes):
            raise ValueError(f"Parameter(nodes={nodes!r}): a node occurs twice; give each once")

    def check(self, model):
        """The model has such a parameter, and it can move."""
        try:
            path = resolve(model, self.name)
        except ValueError as error:
            raise ValueError(f"Parameter(name={self.name!r}): {error}") from None
        value = get(model, path)
        if any(hasattr(get(model, path[:k]), "draw") for k in range(1, len(path))):
            raise ValueError(f"Parameter(name={self.name!r}): it is drawn before the run; act on {path[0]!r}")
        if is_static(model, path):
            raise ValueError(f"Parameter(name={self.name!r}): it is a size or a kind, {value!r}, which no command can move; act on another")
        if value is None:
            raise ValueError(f"Parameter(name={self.name!r}): it is None in the model; give it a number to act on")
        if self.add and callable(value) and not isinstance(value, Recipe) and not hasattr(value, "draw"):
            raise ValueError(f"Parameter(name={self.name!r}, add=True): it is a function of time in the model; give it a number")

    def __call__(self, model, command):
        """The parameter replaced."""
        path = resolve(model, self.name)
        own = get(model, path)
        if self.nodes is None and not self.add and callable(own):
            return replace(model, path, command, check=False)
        base = jnp.asarray(own)
        size = base.shape if self.nodes is None else (len(self.nodes),)
        if self.nodes is not None and (base.ndim != 1 or max(self.nodes) >= base.shape[0]):
            raise ValueError(
                f"Parameter(name={self.name!r}, nodes={self.nodes}): it has shape {base.shape}; give the model one value for each node, "
                "and nodes among them"
            )
        if command.shape not in ((), size):
            raise ValueError(
                f"Parameter(name={self.name!r}): the command has shape {command.shape}; make it one number, or of shape {size} "
                "(a controller's gain or outputs say how many it gives)"
            )
        value = command.astype(base.dtype)
        if self.nodes is None:
            return replace(model, path, base + value if self.add else jnp.broadcast_to(value, base.shape), check=False)
        there = base.at[jnp.asarray(self.nodes)]
        return replace(model, path, there.add(value) if self.add else there.set(value), check=False)

    def shape(self, model: Any) -> tuple[int, ...]:
        """Shape of the parameter at the nodes."""
        return jnp.shape(get(model, resolve(model, self.name))) if self.nodes is None else (len(self.nodes),)

    def rest(self, model, command):
        """The model's own value (the mean of several, for one command), or 0 where it is a function of time, or added to."""
        own = get(model, resolve(model, self.name))
        if self.add or callable(own):
            return jnp.zeros_like(command)
        own = jnp.asarray(own, command.dtype)
        if self.nodes is not None and own.ndim == 1:
            own = own[jnp.asarray(self.nodes)]
        return own if own.shape == command.shape else jnp.full_like(command, jnp.mean(own))


class Force(Actuator):
    """A force beside the drift, `dx = [drift(x) + response(x, u)] dt + sigma dW`, with the command u held for one step.

    response: a function of (state, command) that gives a pytree like the drift, for example `nj.common_force`.
    """

    response: Callable

    def __check_init__(self):
        if not callable(self.response):
            raise TypeError(f"Force(response={self.response!r}): give a function of (state, command), for example nj.common_force")

    def check(self, model):
        """Only what flows has a drift."""
        if not isinstance(model, Flow):
            raise ValueError(f"Force: {type(model).__name__} makes its own steps and has no drift to add to; act on a Parameter of it")

    def __call__(self, model, command):
        """The flow with the force."""
        return Forced(model, self.response, command)


class Forced(Flow):
    """A flow with a force beside its drift."""

    model: Flow
    response: Callable
    command: Any

    def init(self, key):
        """As the model says."""
        return self.model.init(key)

    def drift(self, state, clock):
        """That of the model and the force."""
        return shift(self.model.drift(state, clock), self.response(state, self.command))

    def diffusion(self, state, clock):
        """As the model says."""
        return self.model.diffusion(state, clock)

    def linear(self, state, clock):
        """As the model says."""
        return self.model.linear(state, clock)

    def project(self, state):
        """As the model says."""
        return self.model.project(state)

    def settle(self, state, clock):
        """As the model says."""
        return self.model.settle(state, clock)


def actuator(given: Any) -> Any:
    """An actuator as it is; a name stands for the parameter that it sets."""
    return Parameter(given) if isinstance(given, str) else given


def rest(actuate: Any, model: Any, command: Float[Array, "*m"]) -> Float[Array, "*m"]:
    """The command before the first decision: what leaves the model as it is; zeros for a plain function."""
    return actuate.rest(model, command) if isinstance(actuate, Actuator) else jnp.zeros_like(command)


def _tuple(nodes: Any) -> Any:
    if nodes is None:
        return nodes
    try:
        return tuple(one.item() if hasattr(one, "item") else one for one in nodes)
    except TypeError:
        return nodes
