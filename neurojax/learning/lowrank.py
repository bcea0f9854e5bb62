"""A matrix that changes by outer products: a base, and those of the last updates that are not in it yet."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float


class LowRank(eqx.Module):
    """`M = base + sum_b left_b right_b'`: an update costs one row of each factor, and every `block` updates one matrix product.

    Shapes: base (n, m), left (block, n), right (block, m). Rows that hold no update are zero.
    """

    base: Float[Array, "n m"]
    left: Float[Array, "block n"]
    right: Float[Array, "block m"]

    @classmethod
    def of(cls, base: Float[Array, "n m"], block: int) -> LowRank:
        """A matrix with room for `block` updates."""
        n, m = jnp.shape(base)
        return cls(base, jnp.zeros((block, n), base.dtype), jnp.zeros((block, m), base.dtype))

    @property
    def block(self) -> int:
        """Updates that there is room for."""
        return self.left.shape[0]

    def __matmul__(self, x: Float[Array, " m"]) -> Float[Array, " n"]:
        """M x."""
        return self.base @ x + (self.right @ x) @ self.left

    def pushed(self, place: Any, left: Float[Array, " n"], right: Float[Array, " m"]) -> LowRank:
        """M + left right', kept in row `place`."""
        return LowRank(self.base, self.left.at[place].set(left), self.right.at[place].set(right))

    def folded(self) -> LowRank:
        """The same matrix with all updates in its base."""
        return LowRank(self.whole(), jnp.zeros_like(self.left), jnp.zeros_like(self.right))

    def whole(self) -> Float[Array, "n m"]:
        """M as one array."""
        return self.base + self.left.T @ self.right
