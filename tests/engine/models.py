"""Small systems with known answers, written as a user would write them."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

import neurojax as nj


class OrnsteinUhlenbeck(nj.Flow):
    """dx = -rate x dt + sigma dW."""

    rate: Any = 1.0
    sigma: Any = None
    start: Any = 1.0
    n: int = eqx.field(static=True, default=1)

    def init(self, key):
        return self.start * jnp.ones(self.n)

    def drift(self, x, clock):
        return -self.rate * x

    def diffusion(self, x, clock):
        return None if self.sigma is None else self.sigma * jnp.ones_like(x)

    def linear(self, x, clock):
        return -self.rate * jnp.ones_like(x)


class Geometric(nj.Flow):
    """dx = mu x dt + sigma x dW, Ito under Euler-Maruyama: x = exp((mu - sigma^2/2) t + sigma W)."""

    mu: Any = 0.5
    sigma: Any = 0.5
    n: int = eqx.field(static=True, default=1)

    def init(self, key):
        return jnp.ones(self.n)

    def drift(self, x, clock):
        return self.mu * x

    def diffusion(self, x, clock):
        return self.sigma * x


class Pendulum(nj.Flow):
    """x'' = -sin x + drive(t), smooth and nonlinear."""

    drive: Any = 0.0

    def init(self, key):
        return jnp.asarray([1.0, 0.0])

    def drift(self, x, clock):
        return jnp.stack([x[1], -jnp.sin(x[0]) + nj.at(self.drive, clock.time)])


class Walk(nj.System):
    """A discrete walk: x += drift + noise; counts its steps; shows its draw as aux."""

    push: Any = 0.0
    n: int = eqx.field(static=True, default=3)

    def init(self, key):
        return {"x": jnp.zeros(self.n), "count": jnp.asarray(0)}

    def draws(self):
        return {"z": nj.Draw("z", "normal", (self.n,)), "u": nj.Draw("u", "uniform", ())}

    def step(self, state, clock, drawn):
        new = {"x": state["x"] + self.push + drawn["z"], "count": state["count"] + 1}
        return nj.Step(new, {"u": drawn["u"]})


class Coins(nj.System):
    """x' = gain x + c from 1, with coins c = -1 or 1 that a key in the state throws: with a gain of 1 exact in any program."""

    gain: Any = 1.0
    kind: str = eqx.field(static=True, default="threefry2x32")

    def init(self, key):
        return {"x": jnp.ones(3), "key": jax.random.key(jax.random.bits(key), impl=self.kind)}

    def step(self, state, clock, drawn):
        now, later = jax.random.split(state["key"])
        return {"x": self.gain * state["x"] + jax.random.rademacher(now, (3,), jnp.float32), "key": later}


class Exploding(nj.Flow):
    """x' = x^2 from x0: infinite at t = 1/x0."""

    start: Any = 1.0

    def init(self, key):
        return jnp.stack([self.start, 0.1 * self.start])

    def drift(self, x, clock):
        return x**3
