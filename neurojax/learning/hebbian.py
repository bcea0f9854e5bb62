"""Weights between the units of a memory: as factors of the patterns, never formed, or as a matrix."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from neurojax.engine.types import Arrays


class Couplings(eqx.Module):
    """What the units of a memory feel of each other: the local fields h of a state s, of all units at once or of some at a time.

    For a sweep through the units one after the other: `gather` makes what fields are read from, `rows` takes what belongs to the units
    that are asked, `field` reads their fields, and `moved` keeps what was gathered up to date as they change.
    """

    @property
    def size(self) -> int:
        """n, units."""
        raise NotImplementedError

    def fields(self, s: Float[Arrays, " n"]) -> Float[Array, " n"]:
        """Local fields h of all units."""
        raise NotImplementedError

    def energy(self, s: Float[Arrays, " n"]) -> Float[Array, ""]:
        """Energy without external field."""
        raise NotImplementedError

    def gather(self, s: Float[Arrays, " n"]) -> Float[Array, " kept"]:
        """What the fields of s are read from."""
        raise NotImplementedError

    def rows(self, index: Int[Array, "*b"]) -> Any:
        """What belongs to the units `index`: a pytree of arrays whose leading axes are those of `index`."""
        raise NotImplementedError

    def field(self, kept: Float[Array, " kept"], rows: Any, s: Float[Array, " b"]) -> Float[Array, " b"]:
        """Fields of the units whose `rows` and states these are."""
        raise NotImplementedError

    def moved(self, kept: Float[Array, " kept"], rows: Any, change: Float[Array, " b"]) -> Float[Array, " kept"]:
        """What was gathered, after these units have changed."""
        raise NotImplementedError

    def formed(self) -> Matrix:
        """The same couplings as a matrix."""
        raise ValueError(f"{type(self).__name__}: units couple by more than pairs, no matrix holds that")

    def matrix(self) -> Float[Array, "n n"]:
        """J as one array."""
        made = self.formed()
        return made.scale * jnp.asarray(made.weights)


class Factors(Couplings):
    """`J = scale (left' right - diag(own))` without forming J: a field costs 2 P n multiplications instead of n^2.

    right, left: (P, n); a row of zeros is no pattern, so that memories of several loads fit one shape. left None: the same as right, which
    is then read from the cache. own: (n,), what is taken off the diagonal. scale: a number, 1/n in the statistical physics of memories;
    taken last, so that sums of integers stay exact.
    """

    right: Float[Arrays, "P n"]
    left: Float[Arrays, "P n"] | None
    own: Float[Arrays, " n"]
    scale: Any = 1.0

    @classmethod
    def of(
        cls, left: Float[Arrays, "P n"], right: Float[Arrays, "P n"] | None = None, *, scale: Any = 1.0, diagonal: bool = False
    ) -> Factors:
        """`scale left' right`, with its diagonal or with zeros there. `right` None: the same as `left`."""
        left = jnp.asarray(left)
        own = jnp.sum(left * (left if right is None else jnp.asarray(right)), axis=0)
        own = jnp.zeros_like(own) if diagonal else own
        return cls(left, None, own, scale) if right is None else cls(jnp.asarray(right), left, own, scale)

    @property
    def size(self):
        """n, units."""
        return self.right.shape[1]

    @property
    def both(self) -> tuple[Float[Array, "P n"], Float[Array, "P n"]]:
        """left and right as arrays."""
        right = jnp.asarray(self.right)
        return right if self.left is None else jnp.asarray(self.left), right

    def fields(self, s: Float[Arrays, " n"]) -> Float[Array, " n"]:
        """`scale (left' (right s) - own s)`."""
        left, right = self.both
        return self.scale * ((right @ s) @ left - self.own * s)

    def energy(self, s: Float[Arrays, " n"]) -> Float[Array, ""]:
        """`-s' J s / 2`."""
        return -0.5 * jnp.sum(s * self.fields(s))

    def gather(self, s: Float[Arrays, " n"]) -> Float[Array, " P"]:
        """The sums `right s`."""
        return jnp.asarray(self.right) @ s

    def rows(self, index: Int[Array, "*b"]) -> tuple[Float[Array, "*b P"], Float[Array, "*b P"] | None, Float[Array, "*b"]]:
        """Columns of both factors, and of what is taken off the diagonal."""
        left = None if self.left is None else jnp.asarray(self.left).T[index]
        return jnp.asarray(self.right).T[index], left, jnp.asarray(self.own)[index]

    def field(self, kept, rows, s):
        """`scale (left_i . sums - own_i s_i)`."""
        right, left, own = rows
        return self.scale * ((right if left is None else left) @ kept - own * s)

    def moved(self, kept, rows, change):
        """The sums with `right_i` times the change of s_i added."""
        return kept + change @ rows[0]

    def formed(self):
        """left' right - diag(own), and the scale."""
        left, right = self.both
        return Matrix(left.T @ right - jnp.diag(jnp.asarray(self.own)), self.scale)


class Matrix(Couplings):
    """`J = scale weights`, formed. weights: (n, n), row i the weights onto unit i. scale: a number, taken last."""

    weights: Float[Arrays, "n n"]
    scale: Any = 1.0

    @property
    def size(self):
        """n, units."""
        return self.weights.shape[1]

    def fields(self, s: Float[Arrays, " n"]) -> Float[Array, " n"]:
        """`scale W s`."""
        return self.scale * (self.weights @ s)

    def energy(self, s: Float[Arrays, " n"]) -> Float[Array, ""]:
        """`-s' J s / 2`."""
        return -0.5 * jnp.sum(s * self.fields(s))

    def gather(self, s: Float[Arrays, " n"]) -> Float[Array, " n"]:
        """The state itself: a field that is summed afresh rounds no worse late in a sweep than early."""
        return jnp.asarray(s)

    def rows(self, index: Int[Array, "*b"]) -> Int[Array, "*b"]:
        """Which rows: they are read when they are needed."""
        return index

    def field(self, kept, rows, s):
        """`scale W_i . s`."""
        return self.scale * (jnp.asarray(self.weights)[rows] @ kept)

    def moved(self, kept, rows, change):
        """The state after the change."""
        return kept.at[rows].add(change, mode="drop")

    def formed(self):
        """Itself."""
        return self
