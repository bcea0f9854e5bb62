"""Sine, cosine and the wrap against float64, values and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from neurojax.engine.numerics import cast, finite, turns

GRID = np.linspace(-np.pi, np.pi, 2_000_001, dtype=np.float32)


def test_sincos_wrapped_is_within_its_stated_bound():
    """Bound of the docstring, 8e-7, on 2 million float32 phases; reference: NumPy in float64."""
    sine, cosine = jax.jit(nj.sincos_wrapped)(GRID)
    exact = GRID.astype(float)
    assert np.abs(np.asarray(sine, float) - np.sin(exact)).max() < 8e-7
    assert np.abs(np.asarray(cosine, float) - np.cos(exact)).max() < 8e-7


@pytest.mark.parametrize("turn", [0, 1, -3, 25])
def test_sincos_of_any_phase(turn):
    """Each removed turn costs at most 1.8e-7 rad; the phase's own rounding adds half an ulp."""
    phase = (GRID[::97].astype(float) + 2 * np.pi * turn).astype(np.float32)
    sine, cosine = nj.sincos(phase)
    bound = 8e-7 + 1.8e-7 * abs(turn) + np.spacing(np.float32(np.abs(phase).max()))
    assert np.abs(np.asarray(sine, float) - np.sin(phase.astype(float))).max() < bound
    assert np.abs(np.asarray(cosine, float) - np.cos(phase.astype(float))).max() < bound


def test_gradients_of_sincos_and_wrap_against_float64():
    """d sin = cos, d cos = -sin, d wrap = 1: reverse and forward mode."""
    phase = GRID[::9973]
    sine = jax.vmap(jax.grad(lambda x: nj.sincos(x)[0]))(phase)
    cosine = jax.vmap(jax.grad(lambda x: nj.sincos(x)[1]))(phase)
    assert np.abs(np.asarray(sine, float) - np.cos(phase.astype(float))).max() < 1e-6
    assert np.abs(np.asarray(cosine, float) + np.sin(phase.astype(float))).max() < 1e-6
    _, tangent = jax.jvp(lambda x: nj.sincos(x)[0], (jnp.asarray(phase),), (jnp.ones_like(phase),))
    assert np.array_equal(tangent, sine)
    assert np.array_equal(jax.vmap(jax.grad(nj.wrap))(10 * phase), np.ones_like(phase))


def test_wrap_stays_in_range_and_turns_count():
    phase = np.linspace(-50, 50, 100_001, dtype=np.float32)
    wrapped, whole = np.asarray(nj.wrap(phase)), np.asarray(turns(phase))
    assert np.abs(wrapped).max() <= np.pi + 1e-5
    assert np.abs(wrapped.astype(float) + 2 * np.pi * whole - phase).max() < 1e-5


def test_float64_uses_the_exact_functions():
    with jax.enable_x64(True):
        phase = jnp.asarray(np.linspace(-3, 3, 101))
        assert np.abs(np.asarray(nj.sincos(phase)[0]) - np.sin(np.asarray(phase))).max() < 1e-15


def test_cast_makes_one_dtype_and_spares_the_rest():
    tree = {"int": 2, "array": np.arange(3), "double": np.ones(2), "flag": True, "function": len, "nothing": None}
    out = cast(tree, np.dtype("float32"))
    assert out["int"].dtype == jnp.float32
    assert out["array"].dtype == jnp.int32
    assert out["double"].dtype == jnp.float32
    assert out["flag"].dtype == bool
    assert out["function"] is len
    assert out["nothing"] is None


@pytest.mark.parametrize(("value", "verdict"), [(1.0, True), (np.nan, False), (np.inf, False)])
def test_finite(value, verdict):
    assert bool(finite({"a": jnp.zeros(3), "b": jnp.asarray([0.0, value]), "c": jnp.arange(2)})) is verdict


@pytest.mark.parametrize(("value", "verdict"), [(3e38, True), (1e-45, True), (np.inf, False), (-np.inf, False), (np.nan, False)])
@pytest.mark.parametrize("place", [(0, 0, 0), (1, 31, 30), (2, 39, 39)])
def test_finite_in_a_large_array(value, verdict, place):
    """One number of 4,800, looked at by a compiled product."""
    assert bool(jax.jit(finite)(jnp.zeros((3, 40, 40)).at[place].set(value))) is verdict
