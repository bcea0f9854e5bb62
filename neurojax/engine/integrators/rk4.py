"""Classical Runge-Kutta."""

from __future__ import annotations

import jax.numpy as jnp

from neurojax.engine.integrators.base import Integrator, kick, later, scale, shift


class RK4(Integrator):
    """Classical fourth-order Runge-Kutta for the drift; noise, if any, is added once as `sigma(x) sqrt(dt) z` (Ito).

    Order 4 without noise. With noise strong and weak order are those of Euler-Maruyama: take it for smooth drift and small noise.
    Source: Kutta 1901.
    """

    def step(self, flow, state, clock, noise):
        """One step."""
        half = later(clock, 0.5)

        def stage(slope, part):
            return flow.project(shift(state, scale(part * clock.dt, slope)))

        first = flow.drift(state, clock)
        second = flow.drift(stage(first, 0.5), half)
        third = flow.drift(stage(second, 0.5), half)
        fourth = flow.drift(stage(third, 1.0), later(clock, 1.0))
        sixth = clock.dt / 6
        sigma = None if noise is None else flow.diffusion(state, clock)
        push = kick(sigma, noise, jnp.sqrt(clock.dt))
        terms = [scale(sixth, first), scale(2 * sixth, second), scale(2 * sixth, third), scale(sixth, fourth), push]
        return flow.project(shift(state, *terms))
