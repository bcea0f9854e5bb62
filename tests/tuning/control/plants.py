"""Linear plants, whose loops have closed forms."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

import neurojax as nj

FLOAT64 = nj.Options(dtype="float64")


class Tank(nj.Flow):
    """dx = (-rate x + push) dt + sigma dW."""

    rate: Any = 0.5
    push: Any = 0.0
    sigma: Any = None
    start: Any = 1.0

    def init(self, key):
        return jnp.asarray(self.start)

    def drift(self, x, clock):
        return -self.rate * x + self.push

    def diffusion(self, x, clock):
        return None if self.sigma is None else self.sigma * jnp.ones_like(x)


class Cart(nj.Flow):
    """x'' = u."""

    start: Any = eqx.field(default_factory=lambda: np.array([1.0, 0.0]))

    def init(self, key):
        return jnp.asarray(self.start)

    def drift(self, x, clock):
        return jnp.stack([x[1], jnp.zeros_like(x[0])])


def push(state, command):
    return jnp.stack([jnp.zeros_like(command), command])


def level(view):
    return view.state


def looped(controller, model=None, actuate="push", **settings):
    return nj.control.ClosedLoop(model or Tank(), controller, level, actuate, method=nj.EulerMaruyama(), **settings)


def traced(loop, steps=200, dt=0.05, **settings):
    """Commands and levels of a run in float64."""
    record = {"u": nj.Trace(nj.control.command), "x": nj.Trace(level, of="model"), "y": nj.Trace(nj.control.observation)}
    return nj.simulate(loop, steps=steps, dt=dt, record=record, options=FLOAT64, **settings)
