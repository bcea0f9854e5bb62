"""Random numbers as functions of (seed, stream, step): counter-based bits, and what is made of them.

A draw never depends on the grid, the chunk, the device, or where a run was stopped. One threefry block serves two steps: its
two output words, or the two normals that Box and Muller make of them, belong to an even step and to the odd one after it.
"""

from __future__ import annotations

import operator
import zlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree, Scalar, UInt32

from neurojax.engine.numerics import is_key, sincos_wrapped
from neurojax.engine.system import Draw
from neurojax.engine.types import Draws

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)  # Salmon et al., SC 2011 (Random123): key-schedule constant of 32-bit threefry


def seed_key(seed: int | PRNGKeyArray) -> PRNGKeyArray:
    """The lane's key: `jax.random.key(seed)`, or a typed threefry key as it is.

    `rbg` keys are refused: their draws change under vmap, so that results would depend on the batch.
    """
    if isinstance(seed, bool | float | str):
        raise TypeError(f"seed={seed!r}: give an integer or a jax.random.key")
    if isinstance(seed, jax.Array) and is_key(seed):
        if str(jax.random.key_impl(seed)) not in ("fry", "threefry2x32"):
            raise ValueError(
                f"seed: a key of kind {jax.random.key_impl(seed)} changes under vmap; use jax.random.key(seed, impl='threefry2x32')"
            )
        if seed.ndim:
            raise ValueError(f"seed: got an array of keys of shape {seed.shape}; one run has one key, use nj.sweep(seeds=...) for many")
        return seed
    if isinstance(seed, Tracer):
        return jax.random.key(seed, impl="threefry2x32")
    try:
        value = operator.index(seed)
    except TypeError:
        raise TypeError(f"seed={seed!r}: give an integer or a jax.random.key") from None
    if not 0 <= value < 2**63:
        raise ValueError(f"seed={value}: seeds are integers from 0 to 2**63 - 1")
    low, high = np.uint32(value & 0xFFFFFFFF), np.uint32(value >> 32)
    return jax.random.wrap_key_data(jnp.stack([jnp.asarray(high), jnp.asarray(low)]), impl="threefry2x32")


def stream_key(key: PRNGKeyArray, stream: str) -> PRNGKeyArray:
    """Key of a named stream of a lane ("structure", "initial state", or a draw's name)."""
    return jax.random.fold_in(key, zlib.crc32(stream.encode()))


def threefry(
    key: UInt32[Array, "2"], high: UInt32[Array, "*s"], low: UInt32[Array, "*s"]
) -> tuple[UInt32[Array, "*s"], UInt32[Array, "*s"]]:
    """Threefry-2x32 with 20 rounds of the counter (high, low): the words of `jax.extend.random.threefry_2x32`.

    Unrolled, so that XLA fuses all rounds with what uses them; JAX's CPU lowering rolls them into a loop.
    """
    keys = (key[0], key[1], _PARITY ^ key[0] ^ key[1])
    a, b = high + keys[0], low + keys[1]
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            a = a + b
            b = ((b << np.uint32(rotation)) | (b >> np.uint32(32 - rotation))) ^ a
        a = a + keys[(group + 1) % 3]
        b = b + keys[(group + 2) % 3] + np.uint32(group + 1)
    return a, b


def box_muller(a: UInt32[Array, "*s"], b: UInt32[Array, "*s"], dtype: np.dtype) -> tuple[Float[Array, "*s"], Float[Array, "*s"]]:
    """Two independent standard normals from two words; |z| <= 6.7. float64 refines the same numbers, it does not redraw them."""
    uniform = a.astype(dtype) * 2.0**-32 + 2.0**-33
    angle = lax.bitcast_convert_type(b, jnp.int32).astype(dtype) * (np.pi * 2.0**-31)
    radius = jnp.sqrt(-2 * jnp.log(uniform))
    sine, cosine = sincos_wrapped(angle)
    return radius * cosine, radius * sine


def draw_pair(
    draw: Draw, key: UInt32[Array, "2"], block: Int[Scalar, ""], dtype: np.dtype
) -> Float[Array, " 2 *s"] | UInt32[Array, " 2 *s"]:
    """What one `Draw` gives at steps `2 block` and `2 block + 1`, stacked: shape (2, *draw.shape)."""
    low = lax.iota(jnp.uint32, int(np.prod(draw.shape, dtype=np.int64))).reshape(draw.shape)
    a, b = threefry(key, jnp.full(draw.shape, block.astype(jnp.uint32)), low)
    if draw.kind == "normal":
        return jnp.stack(box_muller(a, b, dtype))
    both = jnp.stack([a, b])
    if draw.kind == "bits":
        return both
    return (both >> np.uint32(8)).astype(dtype) * 2.0**-24 + 2.0**-25


def is_draw(leaf: Any) -> bool:
    """Leaf test for a pytree of draws."""
    return isinstance(leaf, Draw)


def check_draws(draws: Draws) -> None:
    """Refuse declared draws that are malformed or share a stream name (they would be the same numbers)."""
    seen: set[str] = set()
    for draw in jax.tree.leaves(draws, is_leaf=is_draw):
        if not isinstance(draw, Draw):
            raise TypeError(f"draws() returned {draw!r}: every leaf must be nj.Draw(stream, kind, shape)")
        if draw.kind not in ("normal", "uniform", "bits"):
            raise ValueError(f"Draw(stream={draw.stream!r}, kind={draw.kind!r}): kind must be 'normal', 'uniform' or 'bits'")
        if draw.stream in seen or draw.stream in ("structure", "initial state"):
            raise ValueError(f"Draw(stream={draw.stream!r}): this stream is taken; every draw needs a name of its own")
        seen.add(draw.stream)


def draw_keys(key: PRNGKeyArray, draws: Draws) -> PyTree[UInt32[Array, "2"]]:
    """Key words of each declared stream of one lane."""
    return jax.tree.map(lambda draw: jax.random.key_data(stream_key(key, draw.stream)), draws, is_leaf=is_draw)


def draw_both(draws: Draws, keys: PyTree, block: Int[Scalar, ""], dtype: np.dtype) -> PyTree:
    """All draws of steps `2 block` and `2 block + 1`, each stacked along a leading axis of 2."""
    return jax.tree.map(lambda draw, key: draw_pair(draw, key, block, dtype), draws, keys, is_leaf=is_draw)


def draw_empty(draws: Draws, dtype: np.dtype) -> PyTree:
    """Zeros of the shape of `draw_both`, to start a loop with."""
    return jax.tree.map(lambda draw: jnp.zeros((2, *draw.shape), jnp.uint32 if draw.kind == "bits" else dtype), draws, is_leaf=is_draw)
