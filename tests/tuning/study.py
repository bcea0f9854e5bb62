"""A small tuning, also for processes of their own: a cubic that may blow up."""

import jax
import jax.numpy as jnp
import optax

import neurojax as nj


class Cubic(nj.Flow):
    """x' = a x^3 from x(0) = scale z, z drawn: it blows up in finite time from far out."""

    a: float = 1.0
    scale: float = 0.0
    start: float = 0.5

    def init(self, key):
        return self.start + self.scale * jax.random.normal(key, (1,))

    def drift(self, state, clock):
        return self.a * state**3


def last(view):
    return view.state[0]


ADAM = optax.adam(0.05)


def bounded(view):
    return jnp.tanh(view.state[0])


def near(records):
    return (records["x"] - 0.3) ** 2


def cubic(starts, iterations=3, **change):
    settings = {"where": "start", "dt": 0.01, "steps": 50, "method": nj.EulerMaruyama(), "record": {"x": nj.Last(last)}, "seeds": 2}
    settings |= {"starts": {"start": starts}, "optimizer": ADAM, "iterations": iterations}
    return nj.tune(Cubic(scale=0.01), near, **settings, **change)


def endless(store):
    """Until it is killed, writing every iteration."""
    cubic([0.5, 0.2], 10**6, store=store, options=nj.TuneOptions(every=1, patience=None, progress=False))
