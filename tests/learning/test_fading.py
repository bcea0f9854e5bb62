"""Matrices that fade while they gain outer products."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neurojax.learning import Fading


@pytest.mark.parametrize(("block", "left"), [(1, 0.9), (3, 0.0), (8, 0.9), (8, 1.0)])
def test_gathered_gains_are_gains(block, left):
    """The deferred form against the direct one at every step, float32, 2e-6, and of a product with x, a sum of twelve, 2e-5;
    left = 0 forgets all; from a step that is no multiple."""
    rng = np.random.default_rng(1)
    start = rng.normal(size=(12, 12)).astype(np.float32)
    start = (start + start.T) * (1 - np.eye(12, dtype=np.float32))
    direct, kept = start.astype(float), Fading.of(jnp.asarray(start), block)
    gained = jax.jit(lambda kept, step, row: kept.tidied(step).gained(step, left, 0.3, row))
    for step in range(5, 25):
        row = rng.normal(size=12).astype(np.float32)
        kept = gained(kept, step, row)
        direct = left * direct + 0.3 * np.outer(row, row) * (1 - np.eye(12))
        x = rng.normal(size=12).astype(np.float32)
        scale = np.abs(direct).max() + 1
        assert np.abs(kept.whole() - direct).max() < 2e-6 * scale
        assert np.abs(kept @ jnp.asarray(x) - direct @ x).max() < 2e-5 * scale
