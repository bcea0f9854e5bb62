"""Exponential Euler."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neurojax.engine.integrators.base import Integrator, kick, shift


class ExponentialEuler(Integrator):
    """For a drift `a x + g(x)` with diagonal `a`: `x' = e^{a dt} x + (e^{a dt} - 1)/a g(x) + sigma sqrt((e^{2 a dt} - 1)/(2 a)) z`.

    Exact where g and sigma are constant, order 1 otherwise, and stable for any stiff damping. The flow must define `linear()`,
    with None at leaves that do not flow. Source: Certaine 1960; Lord, Powell and Shardlow 2014, section 10.8.
    """

    def step(self, flow, state, clock, noise):
        """One step."""
        dt = clock.dt
        rates, drift = flow.linear(state, clock), flow.drift(state, clock)

        def absent(leaf):
            return leaf is None

        def relaxed(f, a, x):
            return x if f is None else jnp.exp(a * dt) * x + dt * _relative(a * dt) * (f - a * x)

        def widened(p, a):
            return None if p is None else p * jnp.sqrt(_relative(2 * a * dt))

        moved = jax.tree.map(relaxed, drift, rates, state, is_leaf=absent)
        sigma = None if noise is None else flow.diffusion(state, clock)
        push = kick(sigma, noise, jnp.sqrt(dt))
        if push is not None:
            push = jax.tree.map(widened, push, rates, is_leaf=absent)
        return flow.project(shift(moved, push))


def _relative(x):
    """(e^x - 1)/x with its limit 1 at 0, and a finite gradient there."""
    small = jnp.abs(x) < 1e-4
    safe = jnp.where(small, 1.0, x)
    return jnp.where(small, 1 + x / 2, jnp.expm1(safe) / safe)
