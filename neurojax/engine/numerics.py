"""Arithmetic that the steps lean on: sine and cosine of wrapped phases, the phase wrap, casting, finiteness."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Key

from neurojax.engine.types import Arrays

TURN = 2 * np.pi
MANY = 1024  # numbers, of which a product is faster than a reduction

# Minimax fits in x^2 on [-pi, pi] (iteratively reweighted least squares on 20,001 points; see tests for the float32 bound).
_SINE = (0.9999999945, -0.1666666458, 0.008333310392, -0.0001984015535, 2.752945421e-06, -2.46769698e-08, 1.345147792e-10)
_COSINE = (
    0.9999999999,
    -0.4999999985,
    0.04166666351,
    -0.001388886316,
    2.480055659e-05,
    -2.753484564e-07,
    2.060390604e-09,
    -9.723401088e-12,
)


def wrap(phase: Float[Arrays, "*s"]) -> Float[Array, "*s"]:
    """Phase brought to [-pi, pi], `phase - 2 pi round(phase / 2 pi)`; its derivative is 1.

    In float32 each removed turn costs at most 1.8e-7 rad (2 pi is not a float32), below the rounding of the phase itself.
    """
    return jnp.subtract(phase, TURN * turns(phase))


def norm(x: Float[Arrays, "*s"]) -> Float[Array, ""]:
    """The root of the sum of squares; its derivative at 0 is 0."""
    x = jnp.ravel(x)
    square = x @ x
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)


def turns(phase: Float[Arrays, "*s"]) -> Float[Array, "*s"]:
    """Whole turns that `wrap` removes."""
    return jnp.round(phase * (1 / TURN))


@jax.custom_jvp
def sincos_wrapped(phase: Float[Arrays, "*s"]) -> tuple[Float[Array, "*s"], Float[Array, "*s"]]:
    """Sine and cosine of phases in [-pi, pi].

    float32: polynomials without range reduction, absolute error below 8e-7; XLA's own cost more than a whole oscillator step
    on the CPU. Other dtypes: `jnp.sin`, `jnp.cos`. Derivatives are exact: (cos, -sin) of the same call, in both modes.
    """
    if jnp.result_type(phase) != jnp.float32:
        return jnp.sin(phase), jnp.cos(phase)
    square = phase * phase
    return jnp.multiply(phase, _horner(_SINE, square)), _horner(_COSINE, square)


@sincos_wrapped.defjvp
def _sincos_wrapped_jvp(primals, tangents):
    (phase,), (tangent,) = primals, tangents
    sine, cosine = sincos_wrapped(phase)
    return (sine, cosine), (cosine * tangent, -sine * tangent)


def sincos(phase: Float[Arrays, "*s"]) -> tuple[Float[Array, "*s"], Float[Array, "*s"]]:
    """Sine and cosine of any phase: `sincos_wrapped(wrap(phase))`."""
    return sincos_wrapped(wrap(phase))


def modulus(real: Float[Arrays, "*s"], imaginary: Float[Arrays, "*s"]) -> Float[Array, "*s"]:
    """sqrt(x^2 + y^2), whose gradient at 0 is 0, not NaN."""
    square = real * real + imaginary * imaginary
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)


def _horner(coefficients: tuple[float, ...], x: Float[Arrays, "*s"]) -> Float[Array, "*s"]:
    value = jnp.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = value * x + coefficient
    return value


def finite(tree: Any) -> Bool[Array, ""]:
    """Whether every float in a pytree is finite."""
    floats = [leaf for leaf in jax.tree.leaves(tree) if eqx.is_inexact_array(leaf)]
    verdict = jnp.asarray(True)
    for leaf in floats:
        if leaf.ndim > 1 and leaf.size >= MANY and jnp.isrealobj(leaf):
            # Zero times a number is zero only if it is finite. XLA's CPU compiler makes a product ten times as fast as a reduction;
            # the barrier keeps it from multiplying by zero beforehand.
            leaf = leaf @ lax.optimization_barrier(jnp.zeros(leaf.shape[-1:], leaf.dtype))
        verdict &= jnp.all(jnp.isfinite(leaf))
    return verdict


def where(condition: Bool[Array, ""], then: Any, otherwise: Any) -> Any:
    """`jnp.where` with one scalar condition over two pytrees of equal structure."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), then, otherwise)


def is_key(leaf: Any) -> bool:
    """Whether a leaf, or the shape of one, holds typed keys of `jax.random`."""
    return isinstance(leaf, jax.Array | jax.ShapeDtypeStruct) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def keys_like(own: Any, words: Any) -> Key[Array, "..."]:
    """Typed keys made of their words, of the same kind as `own`: keys, or the shape of some."""
    kind = jax.random.key_impl(jnp.zeros((), own.dtype))  # which a shape does not tell
    return jax.random.wrap_key_data(jnp.asarray(words), impl=kind)


def on_host(leaf: Any, read: Callable[[Any], np.ndarray] = np.asarray) -> np.ndarray | Key[Array, "..."]:
    """A leaf as NumPy has it, read from its devices by `read`. Keys, for which NumPy has no dtype, come as new JAX arrays."""
    return keys_like(leaf, read(jax.random.key_data(leaf))) if is_key(leaf) else read(leaf)


def floating(dtype: str | None) -> np.dtype:
    """The float dtype of a run; None means float32."""
    name = "float32" if dtype is None else np.dtype(dtype).name
    if name not in ("float32", "float64"):
        raise ValueError(f"dtype={dtype!r}: a run computes in float32 or float64")
    return np.dtype(name)


def cast(tree: Any, dtype: np.dtype) -> Any:
    """Numbers of a pytree as JAX arrays of one float dtype; integer and boolean arrays keep their kind, functions pass.

    Python integers become floats (`coupling=2` means 2.0): a number that counts belongs in a static field.
    """

    def one(leaf: Any) -> Any:
        if isinstance(leaf, bool | np.bool_):
            return jnp.asarray(leaf)
        if isinstance(leaf, int | float):
            return jnp.asarray(leaf, dtype)
        if isinstance(leaf, complex):
            return jnp.asarray(leaf, np.result_type(dtype, np.complex64))
        if isinstance(leaf, np.ndarray | np.generic | jax.Array):
            if is_key(leaf):
                return leaf
            if jnp.issubdtype(leaf.dtype, jnp.floating):
                return jnp.asarray(leaf, dtype)
            if jnp.issubdtype(leaf.dtype, jnp.signedinteger):
                return jnp.asarray(leaf, jnp.int32)
            return jnp.asarray(leaf)
        return leaf

    return jax.tree.map(one, tree)
