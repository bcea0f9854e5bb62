"""Memories beyond pairs: dense energies for the same units, and softmax retrieval, which is attention."""

from __future__ import annotations

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from neurojax.engine.checks import check_count, check_number, not_negative, positive
from neurojax.engine.types import Arrays
from neurojax.hopfield.patterns import PatternRecipe, floats, normal, whole
from neurojax.hopfield.recall import Memory
from neurojax.hopfield.rules import StorageRule, kept, without
from neurojax.learning import Couplings


class Interaction(Couplings):
    """The fields of an energy that is a function of the sums `xi^mu . s`: half of what a flip costs, `h_i = s_i (E_flipped - E) / 2`.

    patterns: (P, n), signs; rows of zeros are left out.
    """

    patterns: Float[Arrays, "P n"]

    @property
    def size(self):
        """n, units."""
        return self.patterns.shape[1]

    def read(self, rest: Float[Array, "b P"], rows: Float[Array, "b P"]) -> Float[Array, " b"]:
        """Fields of units whose bits in the patterns are `rows`, while the other units add up to `rest`."""
        raise NotImplementedError

    def fields(self, s):
        """Of all units."""
        rows = jnp.asarray(self.patterns).T
        return self.field(self.gather(s), rows, jnp.asarray(s))

    def gather(self, s):
        """The sums."""
        return jnp.asarray(self.patterns) @ s

    def rows(self, index):
        """Bits of the units in the patterns."""
        return jnp.asarray(self.patterns).T[index]

    def field(self, kept, rows, s):
        """From the sums without the unit itself."""
        return self.read(kept[None, :] - rows * s[:, None], rows)

    def moved(self, kept, rows, change):
        """The sums after the change."""
        return kept + change @ rows


class PolynomialInteraction(Interaction):
    """`E = -(n/d) sum_mu (xi^mu . s / n)^d`. degree: d. rectified: negative sums count as 0."""

    degree: int = eqx.field(static=True, default=2)
    rectified: bool = eqx.field(static=True, default=False)

    def energy(self, s):
        """E."""
        n = self.patterns.shape[1]
        m = self.patterns @ s / n
        m = jnp.maximum(m, 0.0) if self.rectified else m
        return -(n / self.degree) * jnp.sum(m**self.degree)

    def read(self, rest, rows):
        """`sum_mu [F(A + xi_i) - F(A - xi_i)] / 2`."""
        n, d = self.patterns.shape[1], self.degree
        if self.rectified:
            up, down = jnp.maximum((rest + rows) / n, 0.0), jnp.maximum((rest - rows) / n, 0.0)
            return (0.5 * n / d) * jnp.sum(up**d - down**d, axis=1)
        # The difference expanded, without cancellation; d = 2 is xi_i A / n, in whole numbers up to the end.
        total = jnp.zeros_like(rest)
        for k in range(1, d, 2):
            total = total + math.comb(d, k) / d * float(n) ** (1 - k) * (rest / n) ** (d - k - 1) * rest
        if d % 2:
            total = total + float(n) ** (2 - d) / d
        return jnp.sum(rows * total, axis=1) / n


class ExponentialInteraction(Interaction):
    """`E = -(1/beta) ln sum_mu exp(beta xi^mu . s)`. beta: > 0, dimensionless."""

    beta: Any = 1.0

    def energy(self, s):
        """E."""
        return -_log_sum(self.beta * (self.patterns @ s)[None, :], self._there())[0] / self.beta

    def read(self, rest, rows):
        """Half the difference of two log-sum-exps."""
        up = _log_sum(self.beta * (rest + rows), self._there())
        return 0.5 * (up - _log_sum(self.beta * (rest - rows), self._there())) / self.beta

    def _there(self) -> Array:
        return kept(jnp.asarray(self.patterns)) > 0


class DenseRule(StorageRule):
    """A rule whose couplings are the patterns: they can be added and removed."""

    def learn(self, patterns: Float[Arrays, "P n"], key: PRNGKeyArray | None = None) -> Interaction:
        """The patterns are the couplings."""
        raise NotImplementedError(f"{type(self).__name__} must define learn(self, patterns, key)")

    def added(self, couplings: Interaction, pattern: Float[Arrays, " n"]) -> Interaction:
        """One row more."""
        return self.learn(jnp.concatenate([jnp.asarray(couplings.patterns), floats(pattern)[None]]))

    def removed(self, couplings: Interaction, pattern: Float[Arrays, " n"]) -> Interaction:
        """One row less. A negative is a pattern of its own."""
        return self.learn(without(couplings.patterns, pattern, signed=True))


class Polynomial(DenseRule):
    """A dense memory, `E = -(n/d) sum_mu (xi^mu . s / n)^d`: of the order of n^(d-1) patterns. d = 2 is Hebb's rule but for a constant.

    Arguments:
        degree: d >= 2, static. rectified: negative overlaps count as 0, so that negatives of patterns are not stored.

    As `Hopfield(couplings=...)`. Patterns can be added and removed. Source: Krotov and Hopfield 2016.
    """

    degree: int = eqx.field(static=True, default=3)
    rectified: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        check_count("Polynomial", "degree", self.degree, "a whole number of at least 2, for example 3", least=2)

    def learn(self, patterns, key=None):
        """The patterns are the couplings."""
        return PolynomialInteraction(floats(patterns), int(self.degree), self.rectified)


class Exponential(DenseRule):
    """A dense memory of exponential capacity, `E = -(1/beta) ln sum_mu exp(beta xi^mu . s)`.

    Decides like F(x) = exp(beta x) summed, for the logarithm is monotone, and does not overflow: exp(alpha n) patterns, alpha < ln(2) / 2
    for beta = 1.

    Arguments:
        beta: > 0, dimensionless.

    As `Hopfield(couplings=...)`. Patterns can be added and removed. Source: Demircigil, Heusel, Loewe, Upgang and Vermet 2017.
    """

    beta: Any = 1.0

    def check(self):
        """beta is positive."""
        check_number("Exponential", "beta", self.beta, positive, "a positive number, for example 1.0")

    def learn(self, patterns, key=None):
        """The patterns are the couplings."""
        return ExponentialInteraction(floats(patterns), self.beta)


class SpherePatterns(PatternRecipe):
    """Patterns uniform on a sphere of n dimensions. count: P, static. radius: > 0; None for sqrt(n), that of signs."""

    radius: Any = None

    def check(self):
        """The radius is positive."""
        if self.radius is not None:
            check_number("SpherePatterns", "radius", self.radius, positive, "a positive length, or None for sqrt(n)")

    def draw(self, key, n, code):
        """The patterns (count, n)."""
        if code != "real":
            raise ValueError(f"SpherePatterns: patterns in {code} have two values; use RandomPatterns, or a ModernHopfield")
        made = jax.vmap(lambda number: normal(jax.random.fold_in(key, number), (n,)))(jnp.arange(self.count))
        radius = jnp.sqrt(1.0 * n) if self.radius is None else self.radius
        return radius * made / jnp.linalg.norm(made, axis=1, keepdims=True)


class ModernHopfield(Memory):
    """A memory of real patterns by softmax retrieval, `q <- sum_mu softmax(beta X q)_mu x^mu`: attention with keys and values X.

    Arguments:
        n: units. patterns: X (P, n), any numbers, or a recipe; rows of zeros are left out. cue: how a run starts, or a state (n,).
        beta: inverse temperature, >= 0, or several, one for each head: the state is then (heads, n), every head a retrieval of its own.
        tolerance: largest change of a unit that counts as none.

    The energy `-lse(beta, X q) + q' q / 2 + ln(P) / beta + max |x|^2 / 2` never rises. Errors: ValueError naming the argument.
    Source: Ramsauer et al. 2021.
    """

    beta: Any = eqx.field(converter=whole, default=1.0)
    tolerance: Any = 1e-6

    def kind(self):
        """Real numbers."""
        return "real"

    def check(self):
        """Refuse values that make no sense."""
        super().check()
        check_number(
            "ModernHopfield", "beta", self.beta, not_negative, "an inverse temperature of at least 0, for example 0.25", shapes=None
        )
        if jnp.ndim(self.beta) > 1:
            raise ValueError(f"ModernHopfield(beta): has shape {jnp.shape(self.beta)}; give one number, or one for each head")
        check_number("ModernHopfield", "tolerance", self.tolerance, not_negative, "a change of at least 0, for example 1e-6")

    def init(self, key):
        """The cue, for every head."""
        state = super().init(key)
        s = jnp.broadcast_to(state.s, (*jnp.shape(self.beta), self.n))
        return state._replace(s=s, previous=s)

    def _by_head(self) -> Array:
        beta = jnp.asarray(self.beta)
        return beta[:, None] if beta.ndim else beta

    def attention(self, s: Float[Arrays, "*heads n"]) -> Float[Array, "*heads P"]:
        """The weights softmax(beta X q) of the patterns."""
        patterns = jnp.asarray(self.patterns)
        scores = self._by_head() * (s @ patterns.T)
        return jax.nn.softmax(scores, axis=-1, where=jnp.broadcast_to(kept(patterns) > 0, scores.shape))

    def step(self, state, clock, drawn):
        """Every head retrieves once."""
        return state.followed_by(self.attention(state.s) @ jnp.asarray(self.patterns), self.tolerance, True, False)

    def energy(self, s, time=0.0):
        """Of every head; at beta = 0 its limit."""
        patterns, beta = jnp.asarray(self.patterns), jnp.asarray(self.beta)
        there = kept(patterns)
        overlap = s @ patterns.T
        exponents = self._by_head() * overlap
        lse = jax.nn.logsumexp(exponents, axis=-1, where=jnp.broadcast_to(there > 0, overlap.shape))
        count = jnp.sum(there)
        soft = (jnp.log(count) - lse) / jnp.where(beta > 0, beta, 1.0)
        size = jnp.max(jnp.sum(patterns**2, axis=1))
        return jnp.where(beta > 0, soft, -jnp.sum(overlap, axis=-1) / count) + 0.5 * jnp.sum(jnp.square(s), axis=-1) + 0.5 * size


def _log_sum(exponents: Float[Array, "b P"], there: Array) -> Float[Array, " b"]:
    return jax.nn.logsumexp(exponents, axis=1, where=jnp.broadcast_to(there[None, :], exponents.shape))
