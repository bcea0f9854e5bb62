"""What every recipe of a graph has in common: from edges and options to a coupling operator."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar, NamedTuple, NoReturn

import equinox as eqx
import jax
import networkx as nx
import numpy as np
from jax.core import Tracer
from jaxtyping import Float, Int, PRNGKeyArray
from scipy import stats

from neurojax.engine.checks import is_whole
from neurojax.engine.system import Recipe
from neurojax.networks.coupling import Coupling, Layout, Normalise, couple, matrix_of, normalised

# Graphs of one recipe get one shape, so that they can be stacked: with this probability a draw outgrows the room for its hubs.
OUTGROWN = 1e-6


class Edges(NamedTuple):
    """An edge list, both directions of an undirected link: node `rows[e]` hears node `cols[e]` with `weights[e]`."""

    rows: Int[np.ndarray, " edges"]
    cols: Int[np.ndarray, " edges"]
    weights: Float[np.ndarray, " edges"]


def refuse(recipe: Any, name: str, value: Any, problem: str, mend: str) -> NoReturn:
    """Raise the `ValueError` of a bad argument: whose, its value, what is wrong and what would be right."""
    raise ValueError(f"{type(recipe).__name__}({name}={value!r}): {problem}; {mend}")


def seed_from(rng: np.random.Generator) -> int:
    """A seed for networkx."""
    return int(rng.integers(2**32))


def check_count(recipe: Any, name: str, value: Any, least: int) -> None:
    """Refuse anything but an integer of at least `least`."""
    if not is_whole(value, least):
        refuse(recipe, name, value, f"{name} must be an integer of at least {least}", f"use {least} or more")


def check_probability(recipe: Any, name: str, value: float) -> None:
    """Refuse anything outside [0, 1]."""
    if not 0 <= value <= 1:
        refuse(recipe, name, value, f"{name} must be a probability", "use a number from 0 to 1")


def chosen_pairs(count: int, p: float, rng: np.random.Generator) -> Int[np.ndarray, " links"]:
    """Which of `count` pairs are linked, each with probability p."""
    return rng.choice(count, rng.binomial(count, p), replace=False, shuffle=False)


def linked_pairs(n: int, p: float, rng: np.random.Generator) -> Int[np.ndarray, "links 2"]:
    """Pairs of n nodes, each linked with probability p: (links, 2). O(links)."""
    chosen = chosen_pairs(n * (n - 1) // 2, p, rng)
    # Pair number t is (lower, upper) with t = upper (upper - 1) / 2 + lower.
    upper = np.floor((1 + np.sqrt(1 + 8.0 * chosen)) / 2).astype(np.int64)
    return np.stack([chosen - upper * (upper - 1) // 2, upper], axis=1)


def both_directions(pairs: Any) -> Edges:
    """Unit edges both ways for undirected links, (links, 2)."""
    pairs = np.asarray(pairs, np.int64).reshape(-1, 2)
    loops = pairs[:, 0] == pairs[:, 1]
    back = pairs[~loops]
    return Edges(np.concatenate([pairs[:, 0], back[:, 1]]), np.concatenate([pairs[:, 1], back[:, 0]]), np.ones(len(pairs) + len(back)))


def edges_of(graph: nx.Graph) -> Edges:
    """Unit edges of an undirected networkx graph with nodes 0 to n - 1."""
    return both_directions(list(graph.edges()))


def poisson_bound(mean: float, n: int) -> int:
    """Degree that no node of n exceeds but with probability `OUTGROWN`, for degrees no wider than Poisson's (a sum of Bernoullis)."""
    return int(np.clip(stats.poisson.isf(OUTGROWN / n, mean), 0, n - 1))


class Options(NamedTuple):
    """What becomes of the edges of any graph; see `Topology`."""

    normalise: Normalise = "degree"
    layout: Layout = "auto"
    weight: float = 1.0
    seed: int | None = None


class Graph(Recipe):
    """A graph that becomes a coupling operator when the model is realised."""

    random: ClassVar[bool] = True

    def __check_init__(self):
        self.check()

    def check(self) -> None:
        """Raise `ValueError` for arguments that make no sense for any number of nodes."""

    @property
    def options(self) -> Options:
        """Normalisation, layout, weight and seed."""
        return Options()

    def edges(self, n: int, rng: np.random.Generator) -> Edges:
        """The edges of one graph of `n` nodes, before normalisation; `ValueError` where `n` does not suit."""
        raise NotImplementedError(f"{type(self).__name__} must define edges(self, n, rng)")

    def normalised_edges(self, n: int, rng: np.random.Generator) -> Edges:
        """The edges with weights normalised."""
        edges = self.edges(n, rng)
        return edges._replace(weights=normalised(n, edges.rows, edges.weights, self.options.normalise))

    def degree_bound(self, n: int) -> int | None:
        """Room for neighbours that every draw of `n` nodes gets, so that all have one shape; None where it varies."""
        return None

    @property
    def fixed(self) -> bool:
        """True for a deterministic graph, or one with its own `seed`: the same in every lane."""
        return not self.random or self.options.seed is not None

    def draw(self, key: PRNGKeyArray | None, n: int) -> Coupling:
        """The coupling operator of one graph of `n` nodes, drawn on the host.

        Arguments: `key`: concrete JAX key; not looked at where `fixed`. `n`: number of nodes, at least 2.
        Errors: `TypeError` for a traced key, `ValueError` for arguments that make no sense.
        """
        self.check()
        if n < 2:
            refuse(self, "n", n, "a network has at least two nodes", "use n=2 or more")
        edges = self.normalised_edges(n, self._generator(key))
        slots = None if self.fixed else self.degree_bound(n)
        return couple(n, edges.rows, edges.cols, self.options.weight * edges.weights, layout=self.options.layout, slots=slots)

    def _generator(self, key: PRNGKeyArray | None) -> np.random.Generator:
        if self.fixed:
            return np.random.default_rng(self.options.seed or 0)
        if key is None:
            refuse(self, "key", None, "a random graph needs one", "give jax.random.key(0), or the graph its own seed")
        if isinstance(key, Tracer):
            raise TypeError(
                f"{type(self).__name__}.draw(key={key}): graphs are drawn on the host, and this key is traced; "
                "realise the model before jit, vmap or grad, or use nj.sweep"
            )
        return np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel())


class Topology(Graph):
    """A kind of graph with its options.

    Arguments (keywords):
    `normalise`: "degree" (each node's weights sum to one), "n" (divided by the number of nodes) or None.
    `layout`: "auto", "dense" or "sparse"; see `couple`.
    `weight`: dimensionless, finite; factor on all weights, after normalisation.
    `seed`: non-negative integer for one graph in every lane; None draws a graph per lane.
    """

    normalise: Normalise = eqx.field(default="degree", kw_only=True, static=True)
    layout: Layout = eqx.field(default="auto", kw_only=True, static=True)
    weight: float = eqx.field(default=1.0, kw_only=True)
    seed: int | None = eqx.field(default=None, kw_only=True)

    def __check_init__(self):
        if self.normalise not in ("n", "degree", None):
            refuse(self, "normalise", self.normalise, "unknown normalisation", 'use "n", "degree" or None')
        if self.layout not in ("auto", "dense", "sparse"):
            refuse(self, "layout", self.layout, "unknown layout", 'use "auto", "dense" or "sparse"')
        if not isinstance(self.weight, Real) or not np.isfinite(self.weight):
            refuse(self, "weight", self.weight, "weight must be a finite number", "use 1.0 for plain normalised coupling")
        if self.seed is not None and self.seed < 0:
            refuse(self, "seed", self.seed, "a seed is a non-negative integer", "use 0 or more, or None for a graph per lane")

    @property
    def options(self) -> Options:
        """Those given."""
        return Options(self.normalise, self.layout, self.weight, self.seed)


def adjacency(graph: Coupling | Graph, n: int | None = None, key: PRNGKeyArray | None = None) -> Float[np.ndarray, "n n"]:
    """Coupling matrix W (n, n) of an operator or of one draw of a recipe, as float64.

    Arguments: `graph`: operator or recipe. `n`: number of nodes; needed for a recipe that has none and for `AllToAll`.
    `key`: for a random recipe without its own seed. Errors: `ValueError` where `n` or `key` is needed and missing.
    """
    if not isinstance(graph, Graph):
        return matrix_of(graph, n)
    n = getattr(graph, "n", None) if n is None else n
    if n is None:
        refuse(graph, "n", None, "a recipe has no size of its own", "give adjacency(graph, n=...)")
    return matrix_of(graph.draw(key, n))
