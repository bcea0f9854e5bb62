"""How the fixed weights of a rate network are drawn."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, PRNGKeyArray

from neurojax.engine.checks import check_count, check_number, share
from neurojax.engine.types import Arrays
from neurojax.networks.neighbours import contract

P_MEND = "a share of connections in (0, 1], for example 0.1"


class SparseGaussian(eqx.Module):
    """Weights that are there with probability p, and then N(0, 1 / (p times the number of sources)).

    Source: Sussillo and Abbott 2009, Methods.
    """

    p: Any = 0.1

    def draw(self, key: PRNGKeyArray, targets: int, sources: int) -> Float[Array, "targets sources"]:
        """The matrix, row i the weights onto unit i."""
        there, size = jax.random.split(key)
        return jnp.where(
            jax.random.uniform(there, (targets, sources)) < self.p, jax.random.normal(size, (targets, sources)), 0.0
        ) / jnp.sqrt(self.p * sources)

    def check(self) -> None:
        """0 < p <= 1."""
        check_number("SparseGaussian", "p", self.p, share, P_MEND)


class RowSparse(eqx.Module):
    """A matrix with few entries in each row, `(J r)_i = sum_k weights[k, i] r[sources[k, i]]`.

    On a CPU the product takes half the time of the dense one for one network of 1,000 units that hear 100 each. For units that hear more
    than 128, or networks in a batch, take it dense.

    Arguments:
        sources: (slots, n), whole numbers of units. weights: (slots, n), 0 in unused slots; differentiable.
    """

    sources: Int[Arrays, "slots n"]
    weights: Float[Arrays, "slots n"]

    def __check_init__(self):
        shapes = np.shape(self.sources), np.shape(self.weights)
        if len(shapes[0]) < 2 or shapes[0][-2:] != shapes[1][-2:]:
            raise ValueError(f"RowSparse(sources of shape {shapes[0]}, weights of shape {shapes[1]}): give both as (slots, n)")

    def check(self) -> None:
        """The sources are units."""
        if isinstance(self.sources, Tracer):
            return
        sources, n = np.asarray(self.sources), self.shape[0]
        if sources.dtype.kind not in "iu" or sources.min() < 0 or sources.max() >= n:
            raise ValueError(
                f"RowSparse(sources: {sources.dtype} from {sources.min()} to {sources.max()}): whole numbers from 0 to {n - 1}"
            )

    @classmethod
    def of(cls, matrix: ArrayLike) -> RowSparse:
        """The entries of a matrix (n, n) that are not 0; a row with fewer than others has unused slots."""
        dense = np.asarray(matrix)
        if dense.ndim != 2 or dense.shape[0] != dense.shape[1]:
            raise ValueError(f"RowSparse.of(matrix of shape {dense.shape}): give a square one, row i the weights onto unit i")
        slots = max(1, int((dense != 0).sum(axis=1).max()))
        sources = np.argsort(dense == 0, axis=1, kind="stable")[:, :slots]
        return cls(sources.T.astype(np.int32), np.take_along_axis(dense, sources, 1).T)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, n)."""
        n = self.sources.shape[1]
        return n, n

    def __matmul__(self, rates: Float[Array, " n"]) -> Float[Array, " n"]:
        """J r."""
        weights = jnp.asarray(self.weights)
        dtype = jnp.result_type(weights, rates)
        return contract(jnp.asarray(self.sources), weights.astype(dtype), rates.astype(dtype))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """The whole matrix, on the host."""
        whole = np.zeros(self.shape, np.asarray(self.weights).dtype if dtype is None else dtype)
        np.add.at(whole, (np.arange(whole.shape[0]), np.asarray(self.sources)), np.asarray(self.weights))
        return whole


class FixedIndegree(eqx.Module):
    """Weights from exactly `round(p n)` other or same units onto each unit, N(0, 1 / (p n)), as a `RowSparse` matrix.

    `SparseGaussian(p)` has so many on average. Arguments: p: share of connections, in (0, 1], fixed in a sweep.
    """

    p: float = eqx.field(static=True, default=0.1)

    def draw(self, key: PRNGKeyArray, targets: int, sources: int) -> RowSparse:
        """The matrix."""
        if targets != sources:
            raise ValueError(f"FixedIndegree(p={self.p}): for recurrent weights, not for {targets} units that hear {sources} channels")
        slots = max(1, round(self.p * sources))
        which, size = jax.random.split(key)
        chosen = jnp.sort(jax.lax.top_k(jax.random.uniform(which, (targets, sources)), slots)[1], axis=1).astype(jnp.int32)
        return RowSparse(chosen.T, jax.random.normal(size, (slots, targets)) / np.sqrt(slots))

    def check(self) -> None:
        """0 < p <= 1."""
        check_number("FixedIndegree", "p", self.p, share, P_MEND)


class UniformWeights(eqx.Module):
    """Weights uniform in [-1, 1]."""

    def draw(self, key: PRNGKeyArray, targets: int, sources: int) -> Float[Array, "targets sources"]:
        """The matrix, row i the weights onto unit i."""
        return jax.random.uniform(key, (targets, sources), minval=-1.0, maxval=1.0)

    def check(self) -> None:
        """Nothing can be wrong."""


class OnePerRow(eqx.Module):
    """Each unit hears one source, by a weight N(0, 1)."""

    def draw(self, key: PRNGKeyArray, targets: int, sources: int) -> Float[Array, "targets sources"]:
        """The matrix, row i the weights onto unit i."""
        which, size = jax.random.split(key)
        chosen = jax.nn.one_hot(jax.random.randint(which, (targets,), 0, sources), sources)
        return chosen * jax.random.normal(size, (targets, 1))

    def check(self) -> None:
        """Nothing can be wrong."""


class GeneratorAndFeedback(eqx.Module):
    """The weights of architecture B, a generator network G in a loop with a feedback network F, as one matrix:

        [ g_GG J_GG   g_GF J_GF ]
        [ g_FG J_FG   g_FF J_FF ]

    The last `feedback_units` of the network are F's. Give the network a gain of 1 and no direct feedback.

    Arguments:
        feedback_units: units of F, below the network's.
        g_gg, g_gf, g_fg, g_ff: gains of the blocks, dimensionless (target first, source second).
        p_gg, p_gf, p_fg, p_ff: shares of connections, in (0, 1].

    Source: Sussillo and Abbott 2009, Methods and figure 6B.
    """

    feedback_units: int = eqx.field(static=True, default=95)
    g_gg: Any = 1.5
    g_gf: Any = 1.0
    g_fg: Any = 1.0
    g_ff: Any = 1.2
    p_gg: Any = 0.1
    p_gf: Any = 0.25
    p_fg: Any = 0.025
    p_ff: Any = 0.25

    def draw(self, key: PRNGKeyArray, targets: int, sources: int) -> Float[Array, "targets sources"]:
        """The matrix, row i the weights onto unit i."""
        back = self.feedback_units
        if targets != sources or not 0 < back < targets:
            raise ValueError(f"GeneratorAndFeedback(feedback_units={back!r}): fewer than the network's {targets} units, and one at least")
        sizes, keys = (targets - back, back), jax.random.split(key, 4)
        blocks = ((self.g_gg, self.p_gg), (self.g_gf, self.p_gf), (self.g_fg, self.p_fg), (self.g_ff, self.p_ff))
        drawn = [g * SparseGaussian(p).draw(keys[i], sizes[i // 2], sizes[i % 2]) for i, (g, p) in enumerate(blocks)]
        return jnp.block([drawn[:2], drawn[2:]])

    def check(self) -> None:
        """Every share is in (0, 1]."""
        for name in ("p_gg", "p_gf", "p_fg", "p_ff"):
            check_number("GeneratorAndFeedback", name, getattr(self, name), share, P_MEND)


class PlasticSynapses(eqx.Module):
    """Recurrent synapses that learn, on top of the network's fixed weights: `units` units from number `first` on hear, through
    `fan_in` synapses each, the units among[0] <= j < among[1].

    Which ones is drawn anew for each unit, from connections that exist before others (so with `fan_in = p n`, nearly all that exist learn),
    or once for all (`shared`).

    Arguments:
        units, fan_in, first: whole numbers. among: sources (from, to), or None for all units.
        shared: every unit hears the same sources, so that one P serves all; the paper has a P for each unit.
        sources: (units, fan_in), (1, fan_in) if shared, numbers of units; drawn if None.
        weights: (units, fan_in) or one number, what learning has added to the fixed weights.

    Source: Sussillo and Abbott 2009, equations 9 and 10, figures 6B, 6C and 7.
    """

    units: int = eqx.field(static=True)
    fan_in: int = eqx.field(static=True)
    first: int = eqx.field(static=True, default=0)
    among: tuple[int, int] | None = eqx.field(static=True, default=None)
    shared: bool = eqx.field(static=True, default=False)
    sources: Any = None
    weights: Any = 0.0

    def __check_init__(self):
        for name, least in (("units", 1), ("fan_in", 1), ("first", 0)):
            check_count("PlasticSynapses", name, getattr(self, name), f"a whole number of at least {least}", least=least)

    def check_fit(self, n: int) -> None:
        """The units and sources are among the network's n."""
        start, stop = self.among or (0, n)
        if not 0 <= start < stop <= n:
            raise ValueError(f"PlasticSynapses(among={self.among!r}): the network has {n} units; give (from, to) within 0 and {n}")
        if self.first + self.units > n:
            raise ValueError(f"PlasticSynapses(first={self.first}, units={self.units}): the network has {n} units; they end beyond it")
        if self.sources is not None and not isinstance(self.sources, Tracer):
            sources, shape = np.asarray(self.sources), (1 if self.shared else self.units, self.fan_in)
            if sources.shape != shape or sources.dtype.kind not in "iu":
                raise ValueError(f"PlasticSynapses(sources): {sources.dtype} of shape {sources.shape}; give whole numbers, {shape}")
            if sources.size and not (start <= sources.min() and sources.max() < stop):
                raise ValueError(
                    f"PlasticSynapses(sources): from {sources.min()} to {sources.max()}; give units from {start} to {stop - 1}"
                )
        if self.fan_in > stop - start:
            raise ValueError(f"PlasticSynapses(fan_in={self.fan_in}): there are {stop - start} sources; give at most so many")

    def realise(self, key: PRNGKeyArray, recurrent: Float[Array, "n n"]) -> PlasticSynapses:
        """Draw the sources."""
        sources = self.sources
        if sources is None:
            start, stop = self.among or (0, recurrent.shape[1])
            rows = 1 if self.shared else self.units
            score = jax.random.uniform(key, (rows, stop - start))
            if not self.shared:
                there = recurrent[self.first : self.first + self.units, start:stop] != 0
                score = score + there.astype(score.dtype)
            sources = start + jnp.sort(jax.lax.top_k(score, self.fan_in)[1], axis=1).astype(jnp.int32)
        weights = jnp.broadcast_to(jnp.asarray(self.weights, recurrent.dtype), (self.units, self.fan_in))
        return PlasticSynapses(self.units, self.fan_in, self.first, self.among, self.shared, sources, weights)

    def heard(self, rates: Float[Array, " n"]) -> Float[Array, "rows fan_in"]:
        """The rates that each unit hears, (units, fan_in) or (1, fan_in) if shared."""
        return rates[self.sources]

    def push(self, rates: Float[Array, " n"]) -> Float[Array, " n"]:
        """What the learned weights add to each unit's input (n,)."""
        heard = self.heard(rates)
        added = self.weights @ heard[0] if self.shared else jnp.sum(self.weights * heard, axis=1)
        return jnp.zeros_like(rates).at[self.first : self.first + self.units].set(added)
