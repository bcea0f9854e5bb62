"""Euler-Maruyama."""

from __future__ import annotations

import jax.numpy as jnp

from neurojax.engine.integrators.base import Integrator, kick, scale, shift


class EulerMaruyama(Integrator):
    """`x' = x + f(x) dt + sigma(x) sqrt(dt) z`: Ito.

    Strong order 1/2 (1 for additive noise), weak order 1. Its stationary bias is that of Heun at eight times the step.
    Source: Kloeden and Platen 1992, section 10.2.
    """

    def step(self, flow, state, clock, noise):
        """One step."""
        drift = scale(clock.dt, flow.drift(state, clock))
        sigma = None if noise is None else flow.diffusion(state, clock)
        return flow.project(shift(state, drift, kick(sigma, noise, jnp.sqrt(clock.dt))))
