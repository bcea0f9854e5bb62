"""Models that break in known ways."""

from typing import Any

import jax.numpy as jnp

import neurojax as nj


class Growth(nj.System):
    """x' = gain x, from 1: with a gain above one it leaves float32 after log(3.4e38) / log(gain) steps."""

    gain: Any = 1.0

    def init(self, key):
        return jnp.ones(3)

    def step(self, state, clock, drawn):
        return self.gain * state


class Explosion(nj.System):
    """x' = exp(x) from `start`: infinite as soon as x passes 88.7 (float32)."""

    start: Any = 0.0

    def init(self, key):
        return jnp.asarray(self.start)

    def step(self, state, clock, drawn):
        return jnp.exp(state)


class Spins(nj.System):
    """Glauber dynamics of 16 free spins: P(s = 1) = 1 / (1 + exp(-2 / temperature)); a temperature of NaN leaves all of them at -1."""

    temperature: Any = 1.0

    def init(self, key):
        return jnp.ones(16)

    def draws(self):
        return {"u": nj.Draw("spins", "uniform", (16,))}

    def step(self, state, clock, drawn):
        return jnp.where(drawn["u"] < 1 / (1 + jnp.exp(-2 / self.temperature)), 1.0, -1.0)


def largest(view):
    """Largest element of the state."""
    return jnp.max(view.state)


def below_ten(view):
    """Whether all of the state is below ten."""
    return jnp.all(view.state < 10)
