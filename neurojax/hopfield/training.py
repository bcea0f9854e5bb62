"""Rules that take patterns one after the other, or many times over, or dream: their couplings are matrices."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float

from neurojax.engine.checks import check_count, check_number, not_negative, positive
from neurojax.engine.types import Arrays
from neurojax.hopfield.patterns import chance, floats
from neurojax.hopfield.rules import Hebb, StorageRule, off_diagonal
from neurojax.learning import Matrix


class OneByOne(StorageRule):
    """A rule that is its `added`, pattern after pattern, from no couplings on."""

    def learn(self, patterns, key=None):
        """A matrix, the patterns taken in their order."""
        patterns = floats(patterns)
        n = patterns.shape[1]
        start = Matrix(jnp.zeros((n, n), patterns.dtype), 1.0 / n)
        return lax.scan(lambda made, pattern: (self.added(made, pattern), None), _ready(start, patterns.dtype), patterns)[0]


class Storkey(OneByOne):
    """`J_ij <- J_ij + (1/n) (x_i x_j - x_i h_ji - h_ij x_j)`, `h_ij = sum_(k != i, j) J_ik x_k`, pattern after pattern.

    Local and incremental, with a larger capacity than Hebb's, n / sqrt(2 ln n) patterns without error. No diagonal.

    Patterns can be added. Source: Storkey 1997; Storkey and Valabregue 1999.
    """

    def added(self, couplings: Matrix, pattern: Float[Arrays, " n"]) -> Matrix:
        """One step of the rule."""
        x, weights = floats(pattern), couplings.weights
        n = x.shape[0]
        # In units of J, with no diagonal: h_ij = h_i - J_ij x_j.
        h = (weights @ x) * couplings.scale
        square = x * x
        shared = couplings.scale * weights * (square[None, :] + square[:, None])
        change = jnp.outer(x, x) - jnp.outer(x, h) - jnp.outer(h, x) + shared
        return Matrix(weights + off_diagonal(change) / (n * couplings.scale), couplings.scale)


class Perceptron(StorageRule):
    """Couplings that hold every bit of every pattern with a margin, `xi_i^mu h_i^mu > margin |J_i|`, learned by mistakes:

        J_ij <- J_ij + (rate/n) sum_mu e_i^mu xi_i^mu xi_j^mu,   e_i^mu = 1 where the margin is missed

    from Hebb's couplings, until none is missed or `sweeps` are over. Up to 2 n patterns exist for a margin of 0; the largest load of a
    margin is `theory.gardner_capacity`.

    Arguments:
        margin: kappa, >= 0, dimensionless. rate: of a correction, > 0. sweeps: at most, static. symmetric: keep J_ij = J_ji.

    Not differentiable in reverse mode with respect to what it learns from. Source: Gardner 1988; Gardner, Gutfreund and Yekutieli 1989.
    """

    margin: Any = 0.5
    rate: Any = 0.1
    sweeps: int = eqx.field(static=True, default=1000)
    symmetric: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        check_count("Perceptron", "sweeps", self.sweeps)

    def check(self):
        """A margin of at least 0, a positive rate."""
        check_number("Perceptron", "margin", self.margin, not_negative, "a margin of at least 0, for example 0.5")
        check_number("Perceptron", "rate", self.rate, positive, "a positive rate, for example 0.1")

    def learn(self, patterns, key=None):
        """A matrix; whether every margin is kept, `measures.stabilities` tells."""
        patterns = floats(patterns)
        n = patterns.shape[1]

        def missed(weights):
            length = jnp.sqrt(jnp.sum(weights**2, axis=1))
            aligned = patterns * (patterns @ weights.T)
            return (patterns != 0) & (aligned <= self.margin * length[None, :])

        def going_on(carry):
            _, wrong, number = carry
            return jnp.any(wrong) & (number < self.sweeps)

        def correct(carry):
            weights, wrong, number = carry
            change = jnp.where(wrong, patterns, 0.0).T @ patterns
            change = off_diagonal(change + change.T if self.symmetric else change)
            weights = weights + self.rate * change
            return weights, missed(weights), number + 1

        start = Hebb().learn(patterns).formed().weights
        weights, _, _ = lax.while_loop(going_on, correct, (start, missed(start), jnp.asarray(0)))
        return Matrix(weights, 1.0 / n)


class Unlearning(StorageRule):
    """Hebb's couplings, of which dreams are unlearned: `J_ij <- J_ij - (rate/n) s_i s_j` at the state s where a random state relaxes to.

    Weakens spurious states, which dreams find most, and evens out the basins of the patterns; too many dreams wipe out all.

    Arguments:
        dreams: how many, static. rate: of one, > 0; capacity is best where `dreams rate` is of the order of n / 10 to n / 3.
        relaxation: synchronous steps that a dream takes, static.

    Source: Hopfield, Feinstein and Palmer 1983; van Hemmen, Ioffe, Kuhn and Vaas 1990.
    """

    dreams: int = eqx.field(static=True, default=1000)
    rate: Any = 0.01
    relaxation: int = eqx.field(static=True, default=20)

    def __check_init__(self):
        check_count("Unlearning", "dreams", self.dreams)
        check_count("Unlearning", "relaxation", self.relaxation)

    def check(self):
        """A positive rate."""
        check_number("Unlearning", "rate", self.rate, positive, "a positive rate, for example 0.01")

    def learn(self, patterns, key=None):
        """A matrix; dreams are drawn from `key`."""
        if key is None:
            raise ValueError("Unlearning.learn(key=None): dreams begin at random states; give key=jax.random.key(0)")
        patterns = floats(patterns)
        n = patterns.shape[1]

        def dream(weights, number):
            s = jnp.where(chance(jax.random.fold_in(key, number), 0.5, (n,)), 1.0, -1.0).astype(patterns.dtype)

            def relax(_, s):
                h = weights @ s
                return jnp.where(h == 0, s, jnp.sign(h))

            s = lax.fori_loop(0, self.relaxation, relax, s)
            return weights - self.rate * off_diagonal(jnp.outer(s, s)), None

        weights, _ = lax.scan(dream, Hebb().learn(patterns).formed().weights, jnp.arange(self.dreams))
        return Matrix(weights, 1.0 / n)


class Palimpsest(OneByOne):
    """Learning within bounds: `J_ij <- clip(J_ij + x_i x_j / n, -A, A)`, `A = bound / sqrt(n)`, pattern after pattern, the last row last.

    New patterns overwrite old ones: the last few hundredths of n are remembered however many come. No diagonal.

    Arguments:
        bound: A sqrt(n), > 0, dimensionless.

    Patterns can be added. Source: Parisi 1986; Nadal, Toulouse, Changeux and Dehaene 1986.
    """

    bound: Any = 0.5

    def check(self):
        """The bound is positive."""
        check_number("Palimpsest", "bound", self.bound, positive, "a positive bound, for example 0.5")

    def added(self, couplings: Matrix, pattern: Float[Arrays, " n"]) -> Matrix:
        """One step of the rule."""
        x = floats(pattern)
        limit = self.bound * np.sqrt(x.shape[0])
        return Matrix(jnp.clip(couplings.weights + off_diagonal(jnp.outer(x, x)), -limit, limit), couplings.scale)


def _ready(couplings: Matrix, dtype: Any) -> Matrix:
    """With its scale as an array, as a loop carries it."""
    return Matrix(couplings.weights, jnp.asarray(couplings.scale, dtype))
