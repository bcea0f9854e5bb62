"""Kinds of graphs, each a recipe of a coupling operator."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import equinox as eqx
import networkx as nx
import numpy as np

from neurojax.networks.recipe import (
    Edges,
    Topology,
    both_directions,
    check_count,
    check_probability,
    edges_of,
    linked_pairs,
    poisson_bound,
    refuse,
    seed_from,
)


def _check_even(recipe: Any, k: int) -> None:
    check_count(recipe, "k", k, 2)
    if k % 2:
        refuse(recipe, "k", k, "k must be even", f"use {k - 1} or {k + 1}")


def _check_below(recipe: Any, name: str, value: int, n: int) -> None:
    if value >= n:
        refuse(recipe, name, value, f"{name} must be below the number of nodes, n={n}", f"use at most {n - 1}, or more nodes")


class NearestNeighbours(Topology):
    """Ring lattice: each node is linked to its k nearest, k/2 on either side.

    Arguments: `k`: even, 2 <= k < n. Options: see `Topology`.
    """

    k: int = 2
    random: ClassVar[bool] = False

    def check(self) -> None:
        """`k` is even and positive."""
        _check_even(self, self.k)

    def edges(self, n: int, rng: np.random.Generator) -> Edges:
        """Links i, i + 1 to i + k/2 (mod n)."""
        _check_below(self, "k", self.k, n)
        return edges_of(nx.circulant_graph(n, range(1, self.k // 2 + 1)))


class Ring(Topology):
    """Cycle of n nodes, each linked to the two beside it. Options: see `Topology`."""

    random: ClassVar[bool] = False

    def edges(self, n: int, rng: np.random.Generator) -> Edges:
        """Links i, i + 1 (mod n)."""
        if n < 3:
            refuse(self, "n", n, "a ring has at least three nodes", "use n=3 or more")
        return edges_of(nx.cycle_graph(n))


class Lattice(Topology):
    """Rectangular lattice in any dimension; node numbers run as in a C-ordered array of `shape`.

    Arguments: `shape`: nodes per dimension, product n. `periodic`: True for a torus. Options: see `Topology`.
    """

    shape: tuple[int, ...]
    periodic: bool = eqx.field(default=True, static=True)
    random: ClassVar[bool] = False

    def check(self) -> None:
        """Every side is a positive integer, and a periodic one has two ends."""
        if not self.shape or any(not isinstance(side, int | np.integer) or side < 1 for side in self.shape):
            refuse(self, "shape", self.shape, "every side must be a positive integer", "use e.g. (10, 10)")
        if self.periodic and min(self.shape) < 2:
            refuse(self, "shape", self.shape, "a periodic side of one node would link it to itself", "leave that side out")

    def edges(self, n: int, rng: np.random.Generator) -> Edges:
        """Links between nodes one step apart along one axis."""
        if math.prod(self.shape) != n:
            refuse(self, "shape", self.shape, f"it has {math.prod(self.shape)} nodes, the model n={n}", "make them equal")
        grid = nx.grid_graph(dim=tuple(reversed(self.shape)), periodic=self.periodic)
        if len(self.shape) == 1:
            return edges_of(grid)
        ends = np.asarray(list(grid.edges()), np.int64).reshape(-1, 2, len(self.shape))
        return both_directions(np.ravel_multi_index(tuple(np.moveaxis(ends, -1, 0)), self.shape))


class ErdosRenyi(Topology):
    """Random graph G(n, p): every pair is linked with probability p, independently (Gilbert 1959).

    Arguments: exactly one of `p`: in [0, 1], and `degree`: mean degree, >= 0, `p = degree / (n - 1)`. Options: see `Topology`.
    """

    p: float | None = None
    degree: float | None = eqx.field(default=None, kw_only=True)

    def check(self) -> None:
        """One of `p` and `degree` is given, in its range."""
        if (self.p is None) == (self.degree is None):
            refuse(self, "p", self.p, f"got p and degree={self.degree!r}", "give exactly one of p and degree")
        if self.p is not None:
            check_probability(self, "p", self.p)
        elif self.degree is not None and self.degree < 0:
            refuse(self, "degree", self.degree, "a mean degree is not negative", "use 0 or more")

    def _probability(self, n: int) -> float:
        if self.p is not None:
            return self.p
        assert self.degree is not None
        if self.degree > n - 1:
            refuse(self, "degree", self.degree, f"a node of n={n} has at most {n - 1} neighbours", f"use at most {n - 1}, or more nodes")
        return self.degree / (n - 1)

    def degree_bound(self, n: int) -> int:
        """Binomial degrees."""
        return poisson_bound(self._probability(n) * (n - 1), n)

    def edges(self, n: int, rng: np.random.Generator) -> Edges:
        """Drawn in O(n + links)."""
        return both_directions(linked_pairs(n, self._probability(n), rng))


class WattsStrogatz(Topology):
    """Small world: a ring lattice of k neighbours with each link rewired with probability p (Watts and Strogatz 1998).

    Arguments: `k`: even, 2 <= k < n. `p`: in [0, 1]. Options: see `Topology`.
    """

    k: int
    p: float

    def check(self) -> None:
        """`k` is even, `p` a probability."""
        _check_even(self, self.k)
        check_probability(self, "p", self.p)

    def degree_bound(self, n: int) -> int:
        """A node keeps its own k/2 links; at most k/2 others stay and about k p / 2 come in."""
        return min(n - 1, self.k + poisson_bound(self.p * self.k / 2, n))

    def edges(self, n: int, rng: np.random.Generator) -> Edges:
        """Always n k / 2 links."""
        _check_below(self, "k", self.k, n)
        return edges_of(nx.watts_strogatz_graph(n, self.k, self.p, seed=seed_from(rng)))


class BarabasiAlbert(Topology):
    """Preferential attachment: each new node brings m links; degrees fall as k^-3 (Barabasi and Albert 1999).

    Arguments: `m`: 1 <= m < n. Options: see `Topology`.
    """

    m: int

    def check(self) -> None:
        """`m` is a positive integer."""
        check_count(self, "m", self.m, 1)

    def degree_bound(self, n: int) -> int:
        """The largest hub grows as sqrt(m n), with a light-tailed factor (Mori 2005) that averages two and has not passed five."""
        return min(n - 1, math.ceil(6 * math.sqrt(self.m * n)))

    def edges(self, n: int, rng: np.random.Generator) -> Edges:
        """Grown from a star of m + 1 nodes: m (n - m) links."""
        _check_below(self, "m", self.m, n)
        return edges_of(nx.barabasi_albert_graph(n, self.m, seed=seed_from(rng)))


class RandomRegular(Topology):
    """Uniform random graph in which every node has the same degree.

    Arguments: `degree`: 1 <= degree < n, with n * degree even. Options: see `Topology`.
    """

    degree: int

    def check(self) -> None:
        """`degree` is a positive integer."""
        check_count(self, "degree", self.degree, 1)

    def degree_bound(self, n: int) -> int:
        """Exact."""
        return self.degree

    def edges(self, n: int, rng: np.random.Generator) -> Edges:
        """n * degree / 2 links."""
        _check_below(self, "degree", self.degree, n)
        if n * self.degree % 2:
            refuse(self, "degree", self.degree, f"n * degree must be even, with n={n}", f"use {self.degree + 1}, or an even n")
        return edges_of(nx.random_regular_graph(self.degree, n, seed=seed_from(rng)))


class Star(Topology):
    """Node 0 is linked to all others, which have no other link. Options: see `Topology`."""

    random: ClassVar[bool] = False

    def edges(self, n: int, rng: np.random.Generator) -> Edges:
        """Links 0, i."""
        return edges_of(nx.star_graph(n - 1))


class Complete(Topology):
    """Every pair is linked, no node with itself, as an n x n matrix. Options: see `Topology`.

    `AllToAll` is the O(n) operator, for nodes that also hear themselves.
    """

    random: ClassVar[bool] = False

    def edges(self, n: int, rng: np.random.Generator) -> Edges:
        """All pairs."""
        return both_directions(np.stack(np.triu_indices(n, 1), axis=1))


class Bipartite(Topology):
    """Two sides with links between them only, each with probability p.

    Arguments: `fraction`: of nodes on the first side (the first nodes), in (0, 1). `p`: in [0, 1]. Options: see `Topology`.
    """

    fraction: float = 0.5
    p: float = 1.0

    def check(self) -> None:
        """`fraction` is inside (0, 1), `p` a probability."""
        if not 0 < self.fraction < 1:
            refuse(self, "fraction", self.fraction, "both sides need nodes", "use a number between 0 and 1, e.g. 0.5")
        check_probability(self, "p", self.p)

    @property
    def fixed(self) -> bool:
        """True also where every link is there (p = 1) or none."""
        return self.p in (0, 1) or super().fixed

    def degree_bound(self, n: int) -> int:
        """The smaller side hears the larger."""
        return poisson_bound(self.p * max(self._first(n), n - self._first(n)), n)

    def _first(self, n: int) -> int:
        return min(max(round(self.fraction * n), 1), n - 1)

    def edges(self, n: int, rng: np.random.Generator) -> Edges:
        """Links of a node below `fraction * n` and one above."""
        return edges_of(nx.bipartite.random_graph(self._first(n), n - self._first(n), self.p, seed=seed_from(rng)))
