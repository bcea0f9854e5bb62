"""Recipes that change another one: weights, signs and directions of its links."""

from __future__ import annotations

from typing import Literal

import equinox as eqx
import numpy as np
from jaxtyping import Float, Int

from neurojax.networks.recipe import Edges, Graph, Options, check_probability, refuse


def _links(n: int, edges: Edges) -> tuple[Int[np.ndarray, " edges"], Int[np.ndarray, " links"]]:
    """Number of the undirected link that each edge belongs to, and an edge of each link."""
    low, high = np.minimum(edges.rows, edges.cols), np.maximum(edges.rows, edges.cols)
    _, edge, link = np.unique(low * n + high, return_index=True, return_inverse=True)
    return link, edge


class Modifier(Graph):
    """A changed graph; normalisation, layout, weight and seed are those of the graph inside."""

    graph: Graph

    @property
    def options(self) -> Options:
        """Those of the graph inside."""
        return self.graph.options

    def degree_bound(self, n: int) -> int | None:
        """That of the graph inside, which is an upper bound still."""
        return self.graph.degree_bound(n)


class Weighted(Modifier):
    """Random link weights with a given mean and standard deviation, before normalisation.

    Arguments:
    `graph`: recipe of the links; its own weights are factors.
    `mean`: > 0 for "lognormal", else any; `deviation`: >= 0; both dimensionless.
    `distribution`: "normal", "uniform" or "lognormal". Weights that may be negative need `normalise="n"` or None.
    `symmetric`: True for one weight per link, False for one per direction.
    """

    mean: float = 1.0
    deviation: float = 0.25
    distribution: Literal["normal", "uniform", "lognormal"] = eqx.field(default="normal", static=True)
    symmetric: bool = eqx.field(default=True, static=True)

    def check(self) -> None:
        """The distribution exists."""
        if self.distribution not in ("normal", "uniform", "lognormal"):
            refuse(self, "distribution", self.distribution, "unknown distribution", 'use "normal", "uniform" or "lognormal"')
        if not self.deviation >= 0:
            refuse(self, "deviation", self.deviation, "a standard deviation is not negative", "use 0 or more")
        if self.distribution == "lognormal" and not self.mean > 0:
            refuse(self, "mean", self.mean, "a lognormal mean is positive", 'use more than 0, or distribution="normal"')

    def edges(self, n: int, rng: np.random.Generator) -> Edges:
        """Those of the graph with random weights."""
        edges = self.graph.edges(n, rng)
        link, edge = _links(n, edges)
        weights = self._draw(len(edge), rng)[link] if self.symmetric else self._draw(len(link), rng)
        return edges._replace(weights=edges.weights * weights)

    def _draw(self, count: int, rng: np.random.Generator) -> Float[np.ndarray, " {count}"]:
        if self.distribution == "lognormal":
            variance = np.log1p((self.deviation / self.mean) ** 2)
            return rng.lognormal(np.log(self.mean) - variance / 2, np.sqrt(variance), count)
        if self.distribution == "uniform":
            return self.mean + np.sqrt(3.0) * self.deviation * rng.uniform(-1, 1, count)
        return rng.normal(self.mean, self.deviation, count)


class Signed(Modifier):
    """Each link is negative with a given probability; magnitudes are normalised before the signs are drawn.

    Arguments: `graph`: recipe of the links. `fraction`: of negative ones, in [0, 1].
    `by`: "link" (both directions alike) or "source" (all that a node sends has one sign: Dale's principle).
    """

    fraction: float
    by: Literal["link", "source"] = eqx.field(default="link", static=True)

    def check(self) -> None:
        """`fraction` is a probability."""
        check_probability(self, "fraction", self.fraction)
        if self.by not in ("link", "source"):
            refuse(self, "by", self.by, "unknown kind of sign", 'use "link" or "source"')

    def edges(self, n: int, rng: np.random.Generator) -> Edges:
        """Those of the graph with random signs."""
        return self._signed(self.graph.edges(n, rng), n, rng)

    def normalised_edges(self, n: int, rng: np.random.Generator) -> Edges:
        """Normalised by magnitude, then signed."""
        return self._signed(self.graph.normalised_edges(n, rng), n, rng)

    def _signed(self, edges: Edges, n: int, rng: np.random.Generator) -> Edges:
        if self.by == "source":
            sign = np.where(rng.random(n) < self.fraction, -1.0, 1.0)[edges.cols]
        else:
            link, edge = _links(n, edges)
            sign = np.where(rng.random(len(edge)) < self.fraction, -1.0, 1.0)[link]
        return edges._replace(weights=edges.weights * sign)


class Directed(Modifier):
    """One direction of each link, at random; some links keep both.

    Arguments: `graph`: recipe of undirected links. `reciprocity`: fraction of links with both directions, in [0, 1].
    """

    reciprocity: float = 0.0

    def check(self) -> None:
        """`reciprocity` is a probability."""
        check_probability(self, "reciprocity", self.reciprocity)

    def edges(self, n: int, rng: np.random.Generator) -> Edges:
        """Those of the graph that are kept."""
        edges = self.graph.edges(n, rng)
        link, edge = _links(n, edges)
        upward = rng.random(len(edge)) < 0.5
        both = rng.random(len(edge)) < self.reciprocity
        kept = both[link] | (upward[link] == (edges.rows > edges.cols)) | (edges.rows == edges.cols)
        return Edges(*(column[kept] for column in edges))
