"""Graphs made of groups of nodes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Int

from neurojax.networks.recipe import (
    Edges,
    Graph,
    Options,
    Topology,
    both_directions,
    check_probability,
    chosen_pairs,
    linked_pairs,
    poisson_bound,
    refuse,
)


def group_sizes(recipe: Any, name: str, sizes: Sequence[float], n: int) -> Int[np.ndarray, " groups"]:
    """Numbers of nodes of groups given as counts (that sum to n) or as fractions (that sum to 1)."""
    if math.isclose(sum(sizes), 1.0) and len(sizes) > 1:
        return np.diff(np.rint(np.cumsum([0.0, *sizes]) * n).astype(int))
    if sum(sizes) != n:
        refuse(recipe, name, tuple(sizes), f"{name} sum to {sum(sizes):g}, not n={n}", "use counts of sum n, or fractions of sum 1")
    return np.asarray(sizes, int)


class StochasticBlock(Topology):
    """Communities: nodes of groups a and b are linked with probability `probabilities[a][b]` (Holland, Laskey, Leinhardt 1983).

    Arguments:
    `sizes`: nodes per group (sum n), or fractions (sum 1); groups are runs of consecutive nodes.
    `probabilities`: (groups, groups), symmetric, in [0, 1]. Options: see `Topology`.
    """

    sizes: tuple[float, ...]
    probabilities: tuple[tuple[float, ...], ...]

    def check(self) -> None:
        """Sizes are positive; probabilities are a symmetric matrix with a row per group."""
        if not self.sizes or min(self.sizes) <= 0:
            refuse(self, "sizes", self.sizes, "every group needs nodes", "use positive counts or fractions")
        matrix = np.asarray(self.probabilities, float)
        groups = len(self.sizes)
        if matrix.shape != (groups, groups) or not np.array_equal(matrix, matrix.T):
            refuse(self, "probabilities", self.probabilities, f"must be symmetric with {groups} rows", "give one row and column per group")
        for p in matrix.ravel():
            check_probability(self, "probabilities", float(p))

    def degree_bound(self, n: int) -> int:
        """Sums of binomials, in the group with most links."""
        sizes = group_sizes(self, "sizes", self.sizes, n)
        return poisson_bound(float(np.max(np.asarray(self.probabilities) @ sizes)), n)

    def edges(self, n: int, rng: np.random.Generator) -> Edges:
        """Drawn by pairs of groups in O(links)."""
        sizes = group_sizes(self, "sizes", self.sizes, n).tolist()
        first = np.cumsum([0, *sizes])
        links = []
        for a, size in enumerate(sizes):
            links.append(first[a] + linked_pairs(size, self.probabilities[a][a], rng))
            for b in range(a):
                across = chosen_pairs(size * sizes[b], self.probabilities[a][b], rng)
                links.append(np.stack([first[a] + across // sizes[b], first[b] + across % sizes[b]], axis=1))
        return both_directions(np.concatenate(links))


class TwoPopulations(Graph):
    """Two equal groups, the first n/2 nodes and the last: the setting of chimera states.

    `W_ij = within / (n/2)` in a node's own group, itself included, `between / (n/2)` across (Abrams, Mirollo, Strogatz and Wiley
    2008, eq. 1, with mu and nu).

    Arguments: `within`: mu, `between`: nu, dimensionless, finite. n must be even.
    """

    within: float
    between: float
    random: ClassVar[bool] = False

    def check(self) -> None:
        """Both strengths are finite."""
        for name in ("within", "between"):
            if not math.isfinite(getattr(self, name)):
                refuse(self, name, getattr(self, name), f"{name} must be finite", "use e.g. within=0.6, between=0.4")

    @property
    def options(self) -> Options:
        """Divided by the group size already, and full."""
        return Options(normalise=None, layout="dense")

    def edges(self, n: int, rng: np.random.Generator) -> Edges:
        """All n^2 pairs."""
        if n % 2:
            refuse(self, "n", n, "two equal groups need an even number of nodes", f"use {n - 1} or {n + 1}")
        rows, cols = (ends.ravel() for ends in np.indices((n, n)))
        same = (rows < n // 2) == (cols < n // 2)
        return Edges(rows, cols, np.where(same, self.within, self.between) / (n // 2))
