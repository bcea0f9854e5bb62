"""Values that a model's functions have closed over are traced, and differentiated, as its parameters are: no jit is needed.

A flow with x' = u(t) from x0 under Euler is a sum: x(n dt) = x0 + dt (u(0) + u(dt) + ... + u((n - 1) dt)); n = 10, dt = 0.1
and u = k t give x0 + 0.45 k.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj

K = 0.7


class Fed(nj.Flow):
    """x' = u(t) from `start()`."""

    u: Callable
    start: Callable = eqx.field(static=True, default=lambda: 0.0)

    def init(self, key):
        return jnp.asarray(self.start())

    def drift(self, x, clock):
        return jnp.asarray(self.u(clock.time))


class Held:
    """A function of time that holds its slope where no pytree shows it."""

    def __init__(self, slope: Any):
        self.slope = slope

    def __call__(self, time):
        return self.slope * time


@dataclasses.dataclass(frozen=True)
class Weighed(nj.Last):
    """The last value, put through a function at the end."""

    weigh: Callable = float

    def finish(self, carry):
        return self.weigh(carry)


def value(view):
    return view.state


def run(u, start=lambda: 0.0, record=None, steps=10, **settings):
    return nj.simulate(Fed(u, start), steps=steps, dt=0.1, method=nj.EulerMaruyama(), record=record, **settings)


def in_a_lambda(k):
    return run(lambda t: k * t).final_state.state


def in_an_object(k):
    return run(Held(k)).final_state.state


def in_the_start(k):
    return run(jnp.zeros_like, lambda: 0.45 * k).final_state.state


def in_the_start_of_no_step(k):
    return run(jnp.zeros_like, lambda: 0.45 * k, steps=0).final_state.state


def in_a_measure(k):
    return run(lambda t: t, record={"x": nj.Trace(lambda view: k * view.state)}, steps=11).records["x"][-1]


def in_the_end_of_a_record(k):
    return run(lambda t: t, record={"x": Weighed(value, weigh=lambda x: k * x)}, steps=11).records["x"]


def in_a_phase(k):
    schedule = nj.Schedule({"rest": 1.0, "go": nj.Phase(1.0, {"u": lambda t: k * (t - 1)})})
    model = Fed(jnp.zeros_like)
    return nj.simulate(model, duration=schedule, dt=0.1, method=nj.EulerMaruyama()).final_state.state


PLACES = [in_a_lambda, in_an_object, in_the_start, in_the_start_of_no_step, in_a_measure, in_the_end_of_a_record, in_a_phase]


@pytest.mark.parametrize("end", PLACES, ids=lambda end: end.__name__)
@pytest.mark.parametrize("outer", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_what_is_closed_over_is_differentiated(end, outer):
    """x = 0.45 k: its value, its slope in both modes, under vmap and below it; float32, 1e-6."""
    assert float(end(K)) == pytest.approx(0.45 * K, rel=1e-6)
    assert float(outer(jax.grad(end))(K)) == pytest.approx(0.45, rel=1e-6)
    assert float(outer(jax.jacfwd(end))(K)) == pytest.approx(0.45, rel=1e-6)
    assert [float(x) for x in outer(lambda k: jax.jvp(end, (k,), (2.0,)))(K)] == pytest.approx([0.45 * K, 0.9], rel=1e-6)
    several = jnp.asarray([0.5, 2.0])
    assert np.allclose(outer(jax.vmap(end))(several), 0.45 * several, rtol=1e-6)
    assert np.allclose(outer(jax.vmap(jax.grad(lambda k: end(k) ** 2)))(several), 2 * 0.45**2 * several, rtol=1e-6)
    assert float(outer(jax.grad(lambda k: jax.vmap(lambda c: end(c * k))(several).sum()))(K)) == pytest.approx(0.45 * 2.5, rel=1e-6)


def test_an_invariant_may_close_over_a_traced_value():
    """x = 0.005 n (n - 1) after n steps of u = t: the first beyond 0.12 and beyond 0.3 are 0.15 after 6 and 0.36 after 9."""

    def stopped(most):
        return run(lambda t: t, options=nj.Options(invariant=lambda view: view.state < most)).bad_step

    assert jax.vmap(stopped)(jnp.asarray([0.12, 0.3])).tolist() == [5, 8]
    assert stopped(jnp.asarray(0.12)) == 5


def test_a_run_that_depends_on_nothing_traced_stays_on_the_host():
    """Inside of an eager derivative, too: its records are NumPy arrays and its status is a number."""

    def loss(k):
        calm = run(lambda t: t, record={"x": nj.Last(value)}, steps=11)
        assert isinstance(calm.records["x"], np.ndarray)
        assert calm.status == 1
        return k * calm.records["x"]

    assert float(jax.grad(loss)(K)) == pytest.approx(0.45, rel=1e-6)
