"""Full-width vectors are asked for only where they change nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import neurojax as nj
from neurojax.engine.compile import NARROW, needs, suits_wide_vectors

X = np.linspace(-5, 5, 2001, dtype=np.float32)
POSITIVE, UNIT = np.abs(X) + 0.01, np.clip(X / 5.01, -0.999, 0.999)
ELEMENTARY = {
    "acos": (jnp.arccos, UNIT),
    "acosh": (jnp.arccosh, POSITIVE + 1),
    "asin": (jnp.arcsin, UNIT),
    "asinh": (jnp.arcsinh, X),
    "atan2": (lambda x: jnp.arctan2(x, x[::-1] + 0.3), X),
    "atanh": (jnp.arctanh, UNIT),
    "cbrt": (jnp.cbrt, X),
    "cos": (jnp.cos, X),
    "cosh": (jnp.cosh, X),
    "erf": (lax.erf, X),
    "erf_inv": (lax.erf_inv, UNIT),
    "erfc": (lax.erfc, X),
    "exp": (jnp.exp, X),
    "exp2": (jnp.exp2, X),
    "expm1": (jnp.expm1, X),
    "log": (jnp.log, POSITIVE),
    "log1p": (jnp.log1p, POSITIVE),
    "log2": (jnp.log2, POSITIVE),
    "logistic": (lax.logistic, X),
    "pow": (lambda x: x**1.7, POSITIVE),
    "rem": (lambda x: lax.rem(x, x[::-1] + 0.3123), X),
    "rsqrt": (lax.rsqrt, POSITIVE),
    "sin": (jnp.sin, X),
    "sinh": (jnp.sinh, X),
    "sqrt": (jnp.sqrt, POSITIVE),
    "tan": (jnp.tan, X),
    "tanh": (jnp.tanh, X),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_wide_vectors_give_the_same_numbers(dtype):
    """All transcendental primitives on the list, in one program each way: equal to 1e-6 of the largest value."""
    with jax.enable_x64(dtype == "float64"):
        values = {name: jnp.asarray(v, dtype) for name, (_, v) in ELEMENTARY.items()}

        def every(values):
            return {name: ELEMENTARY[name][0](v) for name, v in values.items()}

        plain = jax.jit(every)(values)
        wide = jax.jit(every, compiler_options={"xla_cpu_prefer_vector_width": "512"})(values)
    for name, expected in plain.items():
        assert np.abs(np.asarray(expected) - np.asarray(wide[name])).max() < 1e-6 * max(1, np.abs(expected).max()), name


EXACT = {"abs", "add", "ceil", "clamp", "div", "floor", "is_finite", "max", "min", "mul", "neg", "nextafter", "one_minus_square"}
EXACT |= {"integer_pow", "reduce_precision", "round", "sign", "square", "sub"}
STRUCTURAL = {"broadcast_in_dim", "complex", "conj", "copy", "create_token", "cumlogsumexp", "cummax", "cummin", "cumprod", "cumsum"}
STRUCTURAL |= {"stop_gradient"}
STRUCTURAL |= {
    "dce_sink",
    "eq",
    "ge",
    "gt",
    "le",
    "lt",
    "ne",
    "optimization_barrier",
    "reduce_max",
    "rev",
    "sort",
    "stack",
    "top_k",
    "unstack",
}


def test_every_transcendental_of_lax_is_compared_or_kept_away():
    """A primitive of floats that JAX gains is noticed here: exact and structural ones aside, each is in the table or on the list."""
    names = set()
    for name in dir(lax):
        for count in (1, 2):
            try:
                names |= needs(getattr(lax, name), *[jnp.asarray([0.5])] * count).primitives & {name}
            except Exception:
                continue  # no function of one or two floats
    assert {"sin", "atan", "tanh", "lgamma"} <= names
    assert not names - EXACT - STRUCTURAL - set(ELEMENTARY) - NARROW


class Turning(nj.Flow):
    """dx = arctan(1 + x) dt: a model whose step uses a primitive that is not on the list."""

    def init(self, key):
        return jnp.linspace(-5.0, 5.0, 64)

    def drift(self, x, clock):
        return jnp.arctan(1 + x)


def test_a_step_with_an_arctangent_is_right():
    """One Euler step against NumPy, alone and in a sweep."""
    start = np.linspace(-5, 5, 64)
    expected = start + 0.1 * np.arctan(1 + start)
    run = nj.simulate(Turning(), steps=1, dt=0.1, method=nj.EulerMaruyama(), record={"x": nj.Last(state)})
    assert np.abs(run.final_state.state - expected).max() < 1e-5
    data = nj.sweep(Turning(), {}, steps=2, dt=0.1, method=nj.EulerMaruyama(), seeds=16, record={"x": nj.Last(state)})
    assert np.abs(data.x.values - expected).max() < 1e-5


def state(view):
    return view.state


def test_the_kuramoto_step_is_wide_and_an_arctangent_is_not():
    assert not suits_wide_vectors(needs(jnp.arctan, X).primitives, "cpu")
    assert suits_wide_vectors(needs(nj.sincos, X).primitives, "cpu")
    assert not suits_wide_vectors(needs(nj.sincos, X).primitives, "gpu")


@pytest.mark.parametrize("graph", [None, nj.Ring(layout="sparse"), nj.Complete(layout="dense")])
@pytest.mark.parametrize("noise", [None, 0.1])
def test_sweeps_of_oscillators_are_wide(graph, noise):
    """Nothing that our own model does may fall off the fast path."""
    from neurojax.sweep.plan import Plan, Request

    record = {"r": nj.Mean(nj.order_parameter), "t": nj.Trace(nj.mean_phase, every=2), "h": nj.Histogram(nj.phases)}
    model = nj.Kuramoto(32, noise=noise, graph=graph)
    plan = Plan(Request(model, {"coupling": [1.0]}, 0.1, steps=4, method=nj.Heun(), record=record, options=nj.SweepOptions(lanes=1)))
    assert not plan.parts[0].used & NARROW


def test_the_arctangent_of_an_invariant_is_seen():
    """The block makes it after every step, so it counts as much as one in the step itself."""
    from neurojax.sweep.plan import Plan, Request

    options = nj.SweepOptions(lanes=1, invariant=lambda view: jnp.all(jnp.arctan(view.state.theta) < 2))
    plan = Plan(Request(nj.Kuramoto(32), {"coupling": [1.0]}, 0.1, steps=4, record={"h": nj.Mean(nj.order_parameter)}, options=options))
    assert "atan" in plan.parts[0].used
