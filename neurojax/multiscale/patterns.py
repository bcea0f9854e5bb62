"""What is shown: random patterns, how often each, and what follows what. All drawn anew for every seed.

Letters, text grids and images become arrays of patterns by `nj.hopfield.patterns`; any array (K, n) will do.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, PRNGKeyArray, Real

from neurojax.engine.checks import check_count, check_number, fraction, positive
from neurojax.engine.types import Arrays
from neurojax.multiscale.weights import check_probabilities

PARENT = 2**31 - 1  # number of the pattern that correlated ones share, beyond all others


class DrawnPatterns(eqx.Module):
    """Random patterns of n neurons, any two with correlation coefficient `correlation`: with probability sqrt(correlation) a neuron's
    value in a pattern is that of one that all share, else a draw of its own.

    Arguments:
        count: K, patterns; static. Or give
        load: alpha, K = alpha n rounded down, at least 1; static.
        correlation: rho in [0, 1), dimensionless.
        scale: factor of all values, not 0; the seed's Gaussian patterns have 1 / sqrt(n).

    Pattern number mu does not depend on how many there are.
    """

    count: int | None = eqx.field(static=True, default=None)
    load: float | None = eqx.field(static=True, default=None)
    correlation: Any = 0.0
    scale: Any = 1.0

    def __check_init__(self):
        name = type(self).__name__
        if (self.count is None) == (self.load is None):
            raise ValueError(f"{name}(count={self.count!r}, load={self.load!r}): give one of them, for example {name}(8)")
        if self.count is not None:
            check_count(name, "count", self.count, "a whole number of patterns, at least 1; a load is load=0.1")
        else:
            check_number(name, "load", self.load, positive, "patterns per neuron, positive")

    def check(self):
        """Correlation and scale in their ranges."""
        name = type(self).__name__
        check_number(name, "correlation", self.correlation, lambda x: (x >= 0) & (x < 1), "0 to below 1, for example 0.0")
        check_number(name, "scale", self.scale, lambda x: x != 0, "a factor other than 0")

    def rows(self, n: int) -> int:
        """K for n neurons."""
        return int(self.count) if self.count is not None else max(1, int(float(self.load or 0) * n + 1e-9))

    def values(self, key: PRNGKeyArray, n: int) -> Float[Array, " {n}"]:
        """Independent values of one pattern."""
        raise NotImplementedError(f"{type(self).__name__} must define values(self, key, n)")

    def draw(self, key: PRNGKeyArray, n: int) -> Float[Array, "K {n}"]:
        """The patterns (K, n)."""
        parent = self.values(jax.random.fold_in(key, PARENT), n)
        inherit = jnp.sqrt(jnp.asarray(self.correlation, parent.dtype))

        def one(number):
            own, choice = jax.random.split(jax.random.fold_in(key, number))
            return jnp.where(jax.random.bernoulli(choice, inherit, (n,)), parent, self.values(own, n))

        return self.scale * jax.vmap(one)(jnp.arange(self.rows(n)))


class RademacherPatterns(DrawnPatterns):
    """Signs -1 and 1, equally likely."""

    def values(self, key, n):
        """Signs."""
        return jnp.where(jax.random.bernoulli(key, 0.5, (n,)), 1.0, -1.0).astype(jnp.result_type(float))


class GaussianPatterns(DrawnPatterns):
    """Normal values of mean 0 and variance 1."""

    def values(self, key, n):
        """Normal values."""
        return jax.random.normal(key, (n,))


class UniformPatterns(DrawnPatterns):
    """Values uniform in (-1, 1)."""

    def values(self, key, n):
        """Uniform values."""
        return jax.random.uniform(key, (n,), minval=-1.0, maxval=1.0)


class Frequency(eqx.Module):
    """How often each of K patterns is shown."""

    def draw(self, key: PRNGKeyArray, count: int) -> Float[Array, " {count}"]:
        """Probabilities (K,)."""
        raise NotImplementedError(f"{type(self).__name__} must define draw(self, key, count)")

    def check(self) -> None:
        """Raise `ValueError` for concrete parameters that make no sense."""


class Zipf(Frequency):
    """`p_mu` proportional to `mu^-exponent`, mu = 1 to K. exponent: any; 0 is uniform."""

    exponent: Any = 1.0

    def check(self):
        """A finite exponent."""
        check_number("Zipf", "exponent", self.exponent, np.isfinite, "a finite number, for example 1.0")

    def draw(self, key, count):
        """The probabilities; the key is not used."""
        rank = jnp.arange(1, count + 1).astype(jnp.result_type(float))
        return jax.nn.softmax(-self.exponent * jnp.log(rank))


class Dirichlet(Frequency):
    """Random probabilities: uniform on the simplex for concentration 1, nearly equal for large ones, few large ones below 1. > 0."""

    concentration: Any = 1.0

    def check(self):
        """A positive concentration."""
        check_number("Dirichlet", "concentration", self.concentration, positive, "a positive number, for example 1.0")

    def draw(self, key, count):
        """Drawn probabilities."""
        return jax.random.dirichlet(key, jnp.full((count,), self.concentration, jnp.result_type(float)))


class Succession(eqx.Module):
    """Which pattern follows which: a Markov chain with given stationary probabilities."""

    def matrix(self, probabilities: Float[Array, " K"]) -> Float[Array, "K K"]:
        """T_mn, from pattern m to n; `probabilities` are stationary under it."""
        raise NotImplementedError(f"{type(self).__name__} must define matrix(self, probabilities)")

    def check(self) -> None:
        """Raise `ValueError` for concrete parameters that make no sense."""


class Repeating(Succession):
    """With probability `stay` the same pattern again, else one drawn from p, independently. stay: in [0, 1)."""

    stay: Any = 0.5

    def check(self):
        """A probability below 1."""
        check_number("Repeating", "stay", self.stay, lambda x: (x >= 0) & (x < 1), "a probability from 0 to below 1")

    def matrix(self, probabilities):
        """`stay I + (1 - stay) 1 p'`."""
        count = probabilities.shape[0]
        anew = jnp.broadcast_to(probabilities[None, :], (count, count))
        return self.stay * jnp.eye(count, dtype=probabilities.dtype) + (1 - self.stay) * anew


class Cyclic(Succession):
    """The next pattern in their order, the first after the last, with probability `order`, else one drawn at random. order: in [0, 1].

    All patterns are shown equally often; give no probabilities.
    """

    order: Any = 1.0

    def check(self):
        """A probability."""
        check_number("Cyclic", "order", self.order, fraction, "a probability from 0 to 1")

    def matrix(self, probabilities):
        """`order` times the shift, the rest uniform."""
        count = probabilities.shape[0]
        shift = jnp.roll(jnp.eye(count, dtype=probabilities.dtype), 1, axis=1)
        return self.order * shift + (1 - self.order) / count


def check_transitions(value: Any, count: int) -> None:
    """Raise `ValueError` unless these are (K, K) rows of probabilities, of a chain that does not fall into parts."""
    if isinstance(value, Tracer):
        return
    if np.shape(value) != (count, count):
        raise ValueError(f"Stream(transitions): has shape {np.shape(value)}; give ({count}, {count}), row m what follows pattern m")
    for row in np.asarray(value, float):
        check_probabilities("Stream.transitions", row, count)
    stationary_distribution(value)


def stationary(transitions: Float[Arrays, "K K"]) -> Float[Array, " K"]:
    """p with p T = p, by squaring the chain that rests every second time: no solver, so it batches on any device."""
    matrix = jnp.asarray(transitions)
    lazy = 0.5 * (matrix + jnp.eye(matrix.shape[0], dtype=matrix.dtype))
    for _ in range(24):
        lazy = lazy @ lazy
        lazy = lazy / lazy.sum(1, keepdims=True)
    return lazy.mean(0)


def stationary_distribution(transitions: Real[Arrays, "K K"]) -> Float[np.ndarray, " K"]:
    """p with p T = p, of a chain of patterns with one recurrent class. On the host.

    transitions: T_mn, from pattern m to n; rows sum to 1. Raises `ValueError` otherwise.
    """
    matrix = np.asarray(transitions, float)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"transitions has shape {matrix.shape}: give (K, K), row m the probabilities of what follows pattern m")
    if not np.all(np.isfinite(matrix)) or np.any(matrix < 0) or np.any(np.abs(matrix.sum(1) - 1) > 1e-5):
        raise ValueError(f"transitions: rows sum to {matrix.sum(1)}; every row must be probabilities that sum to 1")
    count = len(matrix)
    system = np.vstack([matrix.T - np.eye(count), np.ones(count)])
    if np.linalg.matrix_rank(system, tol=1e-9) < count:
        raise ValueError("transitions: the chain falls into parts that never meet; give one whose patterns can follow each other")
    found = np.linalg.lstsq(system, np.append(np.zeros(count), 1.0), rcond=None)[0]
    return np.maximum(found, 0) / np.maximum(found, 0).sum()
