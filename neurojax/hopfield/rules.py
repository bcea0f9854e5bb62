"""How couplings are made of patterns. Rules that need more than sums over the patterns are in `training`."""

from __future__ import annotations

from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, PRNGKeyArray

from neurojax.engine.checks import check_number, not_negative, positive, share
from neurojax.engine.types import Arrays
from neurojax.hopfield.patterns import Code, chance, floats, stored_count
from neurojax.learning import Couplings, Factors, Matrix


class StorageRule(eqx.Module):
    """Makes couplings of patterns: a pure function `learn`, which jit and vmap take, and, where the rule allows it, what one pattern more
    or less does to them.

    codes: of the patterns that the rule is for.
    """

    @property
    def codes(self) -> tuple[str, ...]:
        """Of the patterns that the rule is for."""
        return ("signs",)

    def learn(self, patterns: Float[Arrays, "P n"], key: PRNGKeyArray | None = None) -> Couplings:
        """Couplings of patterns (P, n); rows of zeros are left out. key: for rules that draw."""
        raise NotImplementedError(f"{type(self).__name__} must define learn(self, patterns, key)")

    def added(self, couplings: Any, pattern: Float[Arrays, " n"]) -> Couplings:
        """The couplings after one more pattern (n,)."""
        raise ValueError(f"{type(self).__name__} cannot add a pattern to what is learned: learn them all again")

    def removed(self, couplings: Any, pattern: Float[Arrays, " n"]) -> Couplings:
        """The couplings without a pattern (n,) that is stored. On the host."""
        raise ValueError(f"{type(self).__name__} cannot take a pattern out of what is learned: learn the others again")

    def check(self) -> None:
        """Raise `ValueError` for concrete parameters that make no sense."""

    def check_patterns(self, count: int, n: int, code: Code, patterns: Any = None) -> None:
        """Raise `ValueError` where no rule of this kind can store `count` patterns on n units; or these, where they are known."""


class Hebb(StorageRule):
    """`J_ij = scale sum_mu xi_i^mu xi_j^mu`, kept as factors.

    Arguments:
        per: "unit" for scale = 1/n, in which temperatures are those of statistical physics, or "pattern" for 1/P.
        diagonal: keep J_ii = P scale; else 0.

    Patterns can be added and removed. Source: Hopfield 1982, equation 2.
    """

    per: Literal["unit", "pattern"] = eqx.field(static=True, default="unit")
    diagonal: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        if self.per not in ("unit", "pattern"):
            raise ValueError(f"Hebb(per={self.per!r}): choose 'unit' (1/n) or 'pattern' (1/P)")

    def learn(self, patterns, key=None):
        """Factors (P, n)."""
        patterns = floats(patterns)
        return Factors.of(patterns, scale=self._scale(patterns), diagonal=self.diagonal)

    def _scale(self, patterns: Any) -> Any:
        return 1.0 / patterns.shape[1] if self.per == "unit" else 1.0 / stored_count(patterns)

    def added(self, couplings: Factors | Matrix, pattern: Float[Arrays, " n"]) -> Factors | Matrix:
        """One row of the factors more, or an outer product added to the matrix."""
        if isinstance(couplings, Factors):
            return self.learn(jnp.concatenate([jnp.asarray(couplings.right), jnp.asarray(pattern)[None]]))
        return self._shifted(couplings, pattern, 1.0)

    def removed(self, couplings: Factors | Matrix, pattern: Float[Arrays, " n"]) -> Factors | Matrix:
        """One row of the factors less, or an outer product taken off the matrix."""
        if isinstance(couplings, Factors):
            return self.learn(without(couplings.right, pattern))
        return self._shifted(couplings, pattern, -1.0)

    def _shifted(self, couplings: Matrix, pattern: Any, sign: float) -> Matrix:
        if self.per == "pattern":
            raise ValueError("Hebb(per='pattern'): a matrix does not tell how many patterns it holds; take factors, or per='unit'")
        change = sign * jnp.outer(pattern, pattern)
        return Matrix(couplings.weights + (change if self.diagonal else off_diagonal(change)), couplings.scale)


class Covariance(StorageRule):
    """`J_ij = (1 / (n v)) sum_mu (x_i^mu - a) (x_j^mu - a)`, v the variance of a unit: `a (1 - a)` in bits, `1 - a^2` in signs.

    For biased and sparse patterns. In bits a threshold of 1/2 - a lies in the middle of the fields `x_i - a` of a pattern.

    Arguments:
        mean: a, mean of the patterns' units; None takes it from the patterns.

    Patterns can be added and removed if `mean` is given. Source: Tsodyks and Feigelman 1988.
    """

    mean: Any = None

    @property
    def codes(self) -> tuple[str, ...]:
        """Both."""
        return ("signs", "bits")

    def check(self):
        """The mean lies between the states."""
        if self.mean is not None:
            check_number("Covariance", "mean", self.mean, lambda x: abs(x) < 1, "the mean of a unit, within (-1, 1), in bits (0, 1)")

    def check_patterns(self, count, n, code, patterns=None):
        """Units vary: the mean is that of neither state."""
        if self.mean is not None and code == "bits":
            check_number("Covariance", "mean", self.mean, positive, "the mean of a unit in bits, between 0 and 1")
        if self.mean is None and patterns is not None:
            rows = np.asarray(patterns)[np.any(np.asarray(patterns) != 0, axis=1)]
            if np.ptp(rows) == 0:
                raise ValueError(
                    f"Covariance(mean=None): every unit of every pattern is {rows.flat[0]:g}, they have no variance; give mean="
                )

    def learn(self, patterns, key=None):
        """Factors (P, n) of what the patterns differ from their mean."""
        patterns = floats(patterns)
        there = kept(patterns)
        n = patterns.shape[1]
        total = n * jnp.sum(there)
        mean = jnp.sum(patterns) / total if self.mean is None else self.mean
        # x^2 has the same mean as x in bits, and 1 in signs.
        variance = jnp.sum(patterns**2) / total - mean**2 if self.mean is None else _variance(patterns, self.mean)
        return Factors.of((patterns - mean) * there[:, None], scale=1.0 / (n * variance))

    def added(self, couplings: Factors, pattern: Float[Arrays, " n"]) -> Factors:
        """One row more."""
        return self._with(couplings, jnp.concatenate([couplings.right, self._centred(pattern)[None]]))

    def removed(self, couplings: Factors, pattern: Float[Arrays, " n"]) -> Factors:
        """One row less."""
        return self._with(couplings, without(couplings.right, self._centred(pattern)))

    def _centred(self, pattern: Any) -> Array:
        if self.mean is None:
            raise ValueError("Covariance(mean=None): the mean is that of the patterns learned; give mean= to add or remove some")
        return jnp.asarray(pattern) - self.mean

    def _with(self, couplings: Factors, rows: Any) -> Factors:
        return Factors.of(rows, scale=couplings.scale)


def _variance(patterns: Any, mean: Any) -> Any:
    signed = jnp.any(patterns < 0)
    return jnp.where(signed, 1 - mean**2, mean * (1 - mean))


class PseudoInverse(StorageRule):
    """`J = (1/n) sum_mu,nu xi^mu (C^-1)_mu,nu xi^nu`, C the overlaps of the patterns: the projection onto what they span, as factors.

    Every pattern is a fixed point for P < n linearly independent ones, of field `1 - J_ii` without diagonal. A pattern that depends on
    those before it changes nothing.

    Arguments:
        diagonal: keep J_ii, of mean P/n. Without, synchronous updates fall into 2-cycles from a load of about 1/2 on.

    Patterns can be added and removed. Source: Personnaz, Guyon and Dreyfus 1985; Kanter and Sompolinsky 1987; Greville 1960.
    """

    diagonal: bool = eqx.field(static=True, default=False)

    def check_patterns(self, count, n, code, patterns=None):
        """At most n patterns are independent."""
        if count > n:
            raise ValueError(f"PseudoInverse: {count} patterns of n={n} units depend on each other; store at most n")

    def learn(self, patterns, key=None):
        """Factors (P, n): the patterns' duals, and the patterns."""
        patterns = floats(patterns)
        return self._of(duals(patterns), patterns)

    def added(self, couplings: Factors, pattern: Float[Arrays, " n"]) -> Factors:
        """The projection onto one direction more, by a rank-one update."""
        left, right, x = jnp.asarray(couplings.left), jnp.asarray(couplings.right), jnp.asarray(pattern)
        new = _dual(x - left.T @ (right @ x), x)
        return self._of(jnp.concatenate([left - jnp.outer(left @ x, new), new[None]]), jnp.concatenate([right, x[None]]))

    def removed(self, couplings: Factors, pattern: Float[Arrays, " n"]) -> Factors:
        """The projection onto what the others span, by a rank-one update."""
        place = row_of(couplings.right, pattern)
        left, right = (np.asarray(part) for part in (couplings.left, couplings.right))
        if not left[right.any(axis=1)].any(axis=1).all():
            return self.learn(np.delete(right, place, axis=0))  # of patterns that depend on each other another may take its place
        gone = left[place]
        others = np.delete(left, place, axis=0)
        return self._of(others - np.outer(others @ gone, gone) / (gone @ gone), np.delete(right, place, axis=0))

    def _of(self, left: Any, right: Any) -> Factors:
        return Factors.of(left, right, diagonal=self.diagonal)


class Dreaming(StorageRule):
    """`J = (1/n) sum_mu,nu xi^mu [(1 + t) (1 + t C)^-1]_mu,nu xi^nu`: from Hebb at t = 0 to the pseudo-inverse at t = infinity, as factors.

    What unlearning does in the mean. t: dreaming time, >= 0. Source: Fachechi, Agliari and Barra 2019.
    """

    t: Any = 10.0

    def check(self):
        """Time does not run backwards."""
        check_number("Dreaming", "t", self.t, not_negative, "a time of at least 0, for example 10.0")

    def learn(self, patterns, key=None):
        """Factors (P, n)."""
        patterns = floats(patterns)
        n = patterns.shape[1]
        # The rows [sqrt(t/n) xi, 1] have the Gram matrix 1 + t C, whose inverse is the second part of their duals.
        identity = jnp.eye(len(patterns), dtype=patterns.dtype)
        inverse = duals(jnp.concatenate([jnp.sqrt(self.t / n) * patterns, identity], axis=1))[:, n:]
        return Factors.of((1 + self.t) * inverse @ patterns, patterns, scale=1.0 / n)


class Sequence(StorageRule):
    """`J_ij = (1/n) sum_mu (stay xi_i^mu + move xi_i^(mu+1)) xi_j^mu`: each pattern calls the next one, as factors.

    Synchronously and with stay < move the state goes on by one pattern a step.

    Arguments:
        move, stay: strengths, dimensionless. cyclic: the last pattern calls the first.

    Source: Hopfield 1982; Sompolinsky and Kanter 1986.
    """

    move: Any = 1.0
    stay: Any = 0.0
    cyclic: bool = eqx.field(static=True, default=True)

    def check(self):
        """Strengths are finite."""
        for name in ("move", "stay"):
            check_number("Sequence", name, getattr(self, name), np.isfinite, "a finite strength, for example 1.0")

    def learn(self, patterns, key=None):
        """Factors (P, n): patterns, and what they call."""
        patterns = floats(patterns)
        count = stored_count(patterns).astype(jnp.int32)
        place = jnp.arange(len(patterns))
        following = patterns[(place + 1) % jnp.maximum(count, 1)]
        calls = (place < count) if self.cyclic else (place < count - 1)
        called = jnp.where(calls[:, None], self.move * following, 0.0) + self.stay * patterns
        return Factors.of(called, patterns, scale=1.0 / patterns.shape[1])


class Diluted(StorageRule):
    """The couplings of another rule, of which a share is there, each with probability `share`, and then divided by it.

    Arguments:
        rule: the other rule. share: in (0, 1]. symmetric: J_ij and J_ji are there or not together.

    Source: Sompolinsky 1986; Derrida, Gardner and Zippelius 1987.
    """

    rule: StorageRule = Hebb()
    share: Any = 0.5
    symmetric: bool = eqx.field(static=True, default=True)

    @property
    def codes(self) -> tuple[str, ...]:
        """Those of the rule."""
        return self.rule.codes

    def check(self):
        """The rule's own, and the share is a probability."""
        self.rule.check()
        check_number("Diluted", "share", self.share, share, "a share of the couplings in (0, 1], for example 0.5")

    def check_patterns(self, count, n, code, patterns=None):
        """Those of the rule."""
        self.rule.check_patterns(count, n, code, patterns)

    def learn(self, patterns, key=None):
        """A matrix with holes."""
        if key is None:
            raise ValueError("Diluted.learn(key=None): which couplings are there is drawn; give key=jax.random.key(0)")
        n = patterns.shape[1]
        which, further = jax.random.split(key)
        matrix = self.rule.learn(patterns, further).formed()
        there = chance(which, self.share, (n, n))
        if self.symmetric:
            there = jnp.triu(there) | jnp.triu(there).T
        return Matrix(jnp.where(there, matrix.weights, 0.0), matrix.scale / self.share)


def kept(patterns: Float[Array, "P n"]) -> Float[Array, " P"]:
    """1 for rows that are patterns, 0 for rows of zeros."""
    return jnp.any(patterns != 0, axis=1).astype(patterns.dtype)


def off_diagonal(matrix: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """The matrix with zeros on its diagonal."""
    return jnp.where(jnp.eye(matrix.shape[0], dtype=bool), 0.0, matrix)


def duals(rows: Float[Arrays, "P n"]) -> Float[Array, "P n"]:
    """Rows d with `d^mu . x^nu = 1` for mu = nu and 0 else, in the span of the rows x; 0 for rows that depend on those before.

    By products alone, twice orthogonalised: the batched solvers of LAPACK wait for each other for ever where several devices of one CPU
    call them at once (jaxlib 0.10).
    """
    rows = jnp.asarray(rows)

    def take(carry, each):
        basis, made = carry
        number, x = each
        rest = x - basis.T @ (basis @ x)
        rest = rest - basis.T @ (basis @ rest)
        new = _dual(rest, x)
        length = jnp.sqrt(jnp.sum(new * new))
        unit = jnp.where(length > 0, new / jnp.where(length > 0, length, 1.0), 0.0)
        made = made - jnp.outer(made @ x, new)
        return (basis.at[number].set(unit), made.at[number].set(new)), None

    start = jnp.zeros_like(rows), jnp.zeros_like(rows)
    return lax.scan(take, start, (jnp.arange(len(rows)), rows))[0][1]


def _dual(rest: Float[Array, " n"], x: Float[Array, " n"]) -> Float[Array, " n"]:
    """rest / |rest|^2, what is left of x by rounding counted as nothing."""
    size = jnp.sum(rest * rest)
    there = size > 1e3 * jnp.finfo(x.dtype).eps ** 2 * x.shape[0] * jnp.sum(x * x)
    return jnp.where(there, rest / jnp.where(there, size, 1.0), 0.0)


def row_of(rows: Float[Arrays, "P n"], row: Float[Arrays, " n"], *, signed: bool = False) -> int:
    """The first row that equals `row`, or its negative unless `signed`. On the host."""
    known, wanted = np.asarray(rows), np.asarray(row)
    same = np.isclose(known, wanted, atol=1e-6).all(1)
    same |= np.isclose(known, -wanted, atol=1e-6).all(1) & (not signed)
    if not same.any():
        negative = "" if signed else " or its negative"
        raise ValueError(f"pattern: none of the {len(known)} stored patterns equals it{negative}; nothing to remove")
    return int(np.argmax(same))


def without(rows: Float[Arrays, "P n"], row: Float[Arrays, " n"], *, signed: bool = False) -> Float[np.ndarray, "rest n"]:
    """The rows but the first that equals `row`, or its negative unless `signed`. On the host."""
    return np.delete(np.asarray(rows), row_of(rows, row, signed=signed), axis=0)
