"""An integrator and a `Flow` make a `System`."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from neurojax.engine.numerics import cast
from neurojax.engine.system import Clock, Draw, Flow, System, check_part


class Integrator(eqx.Module):
    """One step of length `clock.dt` of a flow; `noise` is a pytree of standard normals, None where there is none."""

    def step(self, flow: Flow, state: PyTree, clock: Clock, noise: PyTree | None) -> PyTree:
        """The state one step later, projected at every stage, not yet settled."""
        raise NotImplementedError


class Integrated(System):
    """The System that an integrator makes of a flow; draws one normal per step and noisy component."""

    flow: Flow
    method: Integrator

    def realise(self, key):
        """Realise the flow."""
        return Integrated(self.flow.realise(key), self.method)

    def init(self, key):
        """Initial state of the flow, projected."""
        return self.flow.project(self.flow.init(key))

    def check(self):
        """Check the flow."""
        check_part(self.flow)

    def check_dt(self, dt):
        """As the flow says."""
        self.flow.check_dt(dt)

    def done(self, state):
        """As the flow says."""
        return self.flow.done(state)

    def draws(self):
        """A normal for each leaf that has diffusion, in a stream named after the leaf."""

        def diffusion(flow):
            state = cast(flow.init(jax.random.key(0)), np.dtype(jnp.result_type(float)))
            return flow.diffusion(state, Clock(jnp.asarray(0), jnp.asarray(0.0), jnp.asarray(1.0))), state

        sigma, state = eqx.filter_eval_shape(diffusion, self.flow)
        if sigma is None:
            return {}
        shapes = jax.tree.map(lambda s, x: None if s is None else x, sigma, state, is_leaf=_absent)
        leaves = jax.tree_util.tree_leaves_with_path(shapes)
        return {name: Draw(name, "normal", leaf.shape) for name, leaf in ((_stream(path), leaf) for path, leaf in leaves)}

    def step(self, state, clock, drawn):
        """One step of the method, then the flow's bookkeeping."""
        noise = None
        if drawn:
            noise = jax.tree_util.tree_map_with_path(lambda path, _: drawn.get(_stream(path)), state)
        return self.flow.settle(self.method.step(self.flow, state, clock, noise), clock)


def _absent(leaf: Any) -> bool:
    return leaf is None


def _stream(path: tuple) -> str:
    return "noise" + jax.tree_util.keystr(path)


def shift(state: PyTree, *terms: PyTree | None) -> PyTree:
    """State plus the terms, leaf by leaf; a None term or leaf adds nothing."""
    for term in terms:
        if term is not None:
            state = jax.tree.map(lambda t, x: x if t is None else x + t, term, state, is_leaf=_absent)
    return state


def scale(factor: Any, term: PyTree | None) -> PyTree | None:
    """A term times a number."""
    return None if term is None else jax.tree.map(lambda t: factor * t, term)


def kick(diffusion: PyTree | None, noise: PyTree | None, root: Any) -> PyTree | None:
    """The stochastic increment, `sigma sqrt(dt) z`; `root` is sqrt(dt)."""
    if diffusion is None or noise is None:
        return None
    return jax.tree.map(lambda s, z: None if s is None or z is None else s * (root * z), diffusion, noise, is_leaf=_absent)


def later(clock: Clock, part: float) -> Clock:
    """The clock `part` of a step later (for the stages of a method)."""
    return clock._replace(time=clock.time + part * clock.dt)
