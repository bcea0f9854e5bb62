"""Stochastic Heun, the default."""

from __future__ import annotations

import jax.numpy as jnp

from neurojax.engine.integrators.base import Integrator, kick, later, scale, shift


class Heun(Integrator):
    """Predictor `p = x + f(x) dt + sigma(x) dW`, then the mean of both ends: `x + (f(x) + f(p)) dt/2 + (sigma(x) + sigma(p)) dW/2`.

    Stratonovich where the noise depends on the state (for Ito take `EulerMaruyama`). Both stages see the same dW, and the
    drift is evaluated twice. Order 2 without noise; with additive noise strong 1, weak 1 with a small constant.
    Source: Rümelin 1982; Kloeden and Platen 1992, section 15.1.
    """

    def step(self, flow, state, clock, noise):
        """One step."""
        root, after = jnp.sqrt(clock.dt), later(clock, 1.0)
        drift = flow.drift(state, clock)
        sigma = None if noise is None else flow.diffusion(state, clock)
        push = kick(sigma, noise, root)
        end = flow.project(shift(state, scale(clock.dt, drift), push))
        half = clock.dt / 2
        terms = [scale(half, drift), scale(half, flow.drift(end, after))]
        if push is not None:
            terms += [scale(0.5, push), scale(0.5, kick(flow.diffusion(end, after), noise, root))]
        return flow.project(shift(state, *terms))
