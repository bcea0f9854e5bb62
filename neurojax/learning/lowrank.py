"""Matrices that change by outer products: a base, and those of the last updates that are not in it yet.

Room for an update, and when to make it, is told by the clock alone, of which an update takes `interval` steps: a counter of updates
in the state would be one for each lane, and fold lanes at different steps.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Scalar


def _with_row(rows: Float[Array, "block n"], place: Any, row: Float[Array, " n"]) -> Float[Array, "block n"]:
    """Written in place; `.at[].set` would look whether `place` is in bounds."""
    return jax.lax.dynamic_update_index_in_dim(rows, row, place, 0)


class LowRank(eqx.Module):
    """`M = base + sum_b left_b right_b'`: an update costs one row of each factor, and every `block` updates one matrix product.

    Shapes: base (n, m), left (block, n), right (block, m). Rows that hold no update are zero.
    """

    base: Float[Array, "n m"]
    left: Float[Array, "block n"]
    right: Float[Array, "block m"]
    interval: int = eqx.field(static=True, default=1)

    @classmethod
    def of(cls, base: Float[Array, "n m"], block: int, interval: int = 1) -> LowRank:
        """A matrix with room for `block` updates."""
        n, m = jnp.shape(base)
        return cls(base, jnp.zeros((block, n), base.dtype), jnp.zeros((block, m), base.dtype), interval)

    @property
    def block(self) -> int:
        """Updates that there is room for."""
        return self.left.shape[0]

    def __matmul__(self, x: Float[Array, " m"]) -> Float[Array, " n"]:
        """M x."""
        return self.base @ x + (self.right @ x) @ self.left

    def __rmatmul__(self, x: Float[Array, " n"]) -> Float[Array, " m"]:
        """M' x."""
        return x @ self.base + (self.left @ x) @ self.right

    def pushed(self, step: Int[Scalar, ""], left: Float[Array, " n"], right: Float[Array, " m"]) -> LowRank:
        """M + left right', `tidied` before."""
        place = _place(self, step)
        return LowRank(self.base, _with_row(self.left, place, left), _with_row(self.right, place, right), self.interval)

    def folded(self) -> LowRank:
        """The same matrix with all updates in its base."""
        return LowRank(self.whole(), jnp.zeros_like(self.left), jnp.zeros_like(self.right), self.interval)

    def whole(self) -> Float[Array, "n m"]:
        """M as one array."""
        return self.base + self.left.T @ self.right


class Root(eqx.Module):
    """A matrix S kept whole, of which `S S'` is meant: not to be taken for the product itself."""

    matrix: Float[Array, "n m"]


class SymmetricLowRank(eqx.Module):
    """A symmetric `M = base - sum_b root_b root_b'`, of whose base only the tiles on and above the diagonal are kept.

    A product with a vector is bound by the bytes it reads, and a tile above the diagonal serves both sides while it is in the cache.

    Shapes: tiles[i][j - i] (rows of strip i, rows of strip j), the strips `tile` rows high but for the last; roots (block, n).
    """

    tiles: tuple[tuple[Float[Array, "rows columns"], ...], ...]
    roots: Float[Array, "block n"]
    interval: int = eqx.field(static=True, default=1)

    @classmethod
    def of(cls, base: Float[Array, "n n"], block: int, tile: int, interval: int = 1) -> SymmetricLowRank:
        """A matrix with room for `block` updates."""
        cuts = [slice(start, start + tile) for start in range(0, base.shape[0], tile)]
        tiles = tuple(tuple(base[rows, columns] for columns in cuts[number:]) for number, rows in enumerate(cuts))
        return cls(tiles, jnp.zeros((block, base.shape[0]), base.dtype), interval)

    @property
    def block(self) -> int:
        """Updates that there is room for."""
        return self.roots.shape[0]

    def _strips(self, x: Float[Array, "... n"]) -> list[Float[Array, "... rows"]]:
        """x cut along its last axis as the rows are."""
        return jnp.split(x, np.cumsum([row[0].shape[0] for row in self.tiles])[:-1], axis=-1)

    def __matmul__(self, x: Float[Array, " n"]) -> Float[Array, " n"]:
        """M x."""
        strips = self._strips(x)
        sums: list[Any] = [0.0] * len(strips)
        for i, row in enumerate(self.tiles):
            for j, tile in enumerate(row, i):
                sums[i] = sums[i] + tile @ strips[j]
                if j > i:
                    sums[j] = sums[j] + strips[i] @ tile
        return jnp.concatenate(sums) - (self.roots @ x) @ self.roots

    def lowered(self, step: Int[Scalar, ""], root: Float[Array, " n"]) -> SymmetricLowRank:
        """M - root root', `tidied` before."""
        return SymmetricLowRank(self.tiles, _with_row(self.roots, _place(self, step), root), self.interval)

    def folded(self) -> SymmetricLowRank:
        """The same matrix with all updates in its base."""
        strips = self._strips(self.roots)
        tiles = tuple(tuple(tile - strips[i].T @ strips[j] for j, tile in enumerate(row, i)) for i, row in enumerate(self.tiles))
        return SymmetricLowRank(tiles, jnp.zeros_like(self.roots), self.interval)

    def whole(self) -> Float[Array, "n n"]:
        """M as one array."""
        rows = self.folded().tiles
        return jnp.block([[rows[j][i - j].T if j < i else rows[i][j - i] for j in range(len(rows))] for i in range(len(rows))])


Gathered = LowRank | SymmetricLowRank


def tidied(matrix: Gathered, step: Int[Scalar, ""]) -> Gathered:
    """The matrix, folded where there is no room for an update at this step."""
    return jax.lax.cond(step % (matrix.interval * matrix.block) == 0, lambda one: one.folded(), lambda one: one, matrix)


def _place(matrix: Gathered, step: Int[Scalar, ""]) -> Int[Scalar, ""]:
    """The row of an update at this step."""
    return step // matrix.interval % matrix.block


class Fading(eqx.Module):
    """A symmetric matrix with zero diagonal that fades while it gains outer products: `M = scale base + sum_b weights_b rows_b rows_b'`.

    One pass over the base to apply it; every `block` gains one matrix product writes them into it. What fades is numbers, not matrices.

    Shapes: base (n, n), scale (), rows (block, n), weights (block,), own (n,): the diagonal of what is not in the base yet.
    """

    base: Float[Array, "n n"]
    scale: Float[Array, ""]
    rows: Float[Array, "block n"]
    weights: Float[Array, " block"]
    own: Float[Array, " n"]

    @classmethod
    def of(cls, base: Float[Array, "n n"], block: int) -> Fading:
        """A matrix with room for `block` gains; its diagonal is zero already."""
        n, like = base.shape[0], base.dtype
        return cls(base, jnp.ones((), like), jnp.zeros((block, n), like), jnp.zeros((block,), like), jnp.zeros((n,), like))

    def __matmul__(self, x: Float[Array, " n"]) -> Float[Array, " n"]:
        """M x."""
        return self.scale * (self.base @ x) + ((self.rows @ x) * self.weights) @ self.rows - self.own * x

    def gained(self, step: Any, left: Any, gain: Any, row: Float[Array, " n"]) -> Fading:
        """`left M + gain row row'` without its diagonal; `tidied` at this step before."""
        place = step % self.rows.shape[0]
        weights = jax.lax.dynamic_update_index_in_dim(self.weights * left, jnp.asarray(gain, self.weights.dtype), place, 0)
        own = left * self.own + gain * (row * row)
        return Fading(self.base, self.scale * left, _with_row(self.rows, place, row), weights, own)

    def tidied(self, step: Any) -> Fading:
        """The same matrix with room for the gain of this step of the clock."""
        # Rows of weight 0 stay where they are: through the cond goes the base alone, which is not copied where it stays.
        full = step % self.rows.shape[0] == 0
        base = jax.lax.cond(full, lambda one: one.whole(), lambda one: one.base, self)
        left = lambda value: jnp.where(full, jnp.zeros_like(value), value)  # noqa: E731
        return Fading(base, jnp.where(full, 1.0, self.scale), self.rows, left(self.weights), left(self.own))

    def whole(self) -> Float[Array, "n n"]:
        """M as one array."""
        return self.scale * self.base + (self.rows.T * self.weights[None, :]) @ self.rows - jnp.diag(self.own)
