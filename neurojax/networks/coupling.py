"""Coupling operators: how each node hears the others, `(W x)_i = sum_j W_ij x_j`, with W_ij the influence of node j on node i."""

from __future__ import annotations

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
from jaxtyping import Array, Float, Int
from numpy.typing import ArrayLike

from neurojax.engine.types import Arrays
from neurojax.networks.neighbours import contract

Normalise = Literal["n", "degree"] | None
Layout = Literal["auto", "dense", "sparse"]

# On the CPU a padded neighbour costs about ten times what an entry of a dense matrix product does, and graphs that fit the cache
# gain nothing from sparseness.
SPARSE_FROM = 256
SPARSE_SHARE = 0.1


class AllToAll(eqx.Module):
    """Every node hears every node, itself included, in O(n).

    `(W x)_i = sum_j x_j / n` (`normalise="n"`) or `sum_j x_j` (None), of shape (..., 1), which broadcasts over the nodes.

    Arguments: `normalise`: "n" or None. Errors: `ValueError` for anything else.
    """

    normalise: Literal["n"] | None = eqx.field(static=True, default="n")

    def __check_init__(self):
        if self.normalise not in ("n", None):
            raise ValueError(f'AllToAll(normalise={self.normalise!r}): unknown normalisation; use "n" or None')

    @property
    def n(self) -> None:
        """Any number of nodes."""
        return None

    def __call__(self, x: Float[Arrays, "*batch n"]) -> Float[Array, "*batch 1"]:
        """The mean (or sum) over nodes."""
        return jnp.mean(x, axis=-1, keepdims=True) if self.normalise == "n" else jnp.sum(x, axis=-1, keepdims=True)


class Dense(eqx.Module):
    """Coupling through a full matrix, `(W x)_i = sum_j W_ij x_j`.

    Lanes that share the weights are one matrix product under `jax.vmap`.

    Arguments: `weights`: (n, n), finite, dimensionless; differentiable. Errors: `ValueError` if it is not square.
    """

    weights: Float[Arrays, "n n"]

    def __check_init__(self):
        shape = np.shape(self.weights)
        if len(shape) < 2 or shape[-1] != shape[-2]:
            raise ValueError(f"Dense(weights of shape {shape}): weights must be square; give one row and one column per node")

    @property
    def n(self) -> int:
        """Number of nodes."""
        return self.weights.shape[-1]

    def __call__(self, x: Float[Arrays, "*batch n"]) -> Float[Array, "*batch n"]:
        """The input of every node, (..., n)."""
        # The default precision means TF32 or bfloat16 products on GPUs and TPUs, three digits; states are float32 for a reason.
        return jnp.matmul(x, jnp.asarray(self.weights).T, precision=jax.lax.Precision.HIGHEST)


class Sparse(eqx.Module):
    """Coupling through padded neighbour lists, `(W x)_i = sum_k weights[i, k] x[index[i, k]]`.

    Arguments:
    `index`: (n, d) int32, in [0, n): the nodes that node i hears; an unused slot holds i itself.
    `weights`: (n, d), dimensionless, 0 in unused slots; differentiable.
    Errors: `ValueError` if the shapes differ.
    """

    index: Int[Arrays, "n d"]
    weights: Float[Arrays, "n d"]

    def __check_init__(self):
        shapes = np.shape(self.index), np.shape(self.weights)
        if len(shapes[0]) < 2 or shapes[0][-2:] != shapes[1][-2:]:
            raise ValueError(f"Sparse(index of shape {shapes[0]}, weights of shape {shapes[1]}): must be alike; give both as (n, d)")

    @property
    def n(self) -> int:
        """Number of nodes."""
        return self.index.shape[-2]

    @property
    def slots(self) -> int:
        """Neighbours that a node has room for: the largest in-degree or more."""
        return self.index.shape[-1]

    def __call__(self, x: Float[Arrays, "*batch n"]) -> Float[Array, "*batch n"]:
        """The input of every node, (..., n)."""
        x, weights = jnp.asarray(x), jnp.asarray(self.weights)
        dtype = jnp.result_type(x, weights)
        index, weights, x = jnp.asarray(self.index).T, weights.astype(dtype).T, x.astype(dtype)
        if x.ndim == 1:
            return contract(index, weights, x)
        lanes = jax.vmap(lambda lane: contract(index, weights, lane))(x.reshape(-1, x.shape[-1]))
        return lanes.reshape(x.shape)


Coupling = AllToAll | Dense | Sparse


def normalised(
    n: int, rows: Int[np.ndarray, " edges"], weights: Float[np.ndarray, " edges"], normalise: Normalise
) -> Float[np.ndarray, " edges"]:
    """Weights of an edge list divided once and for all.

    `W_ij / n` ("n"), `W_ij / sum_j W_ij` ("degree": the in-degree, i.e. the number of neighbours of an unweighted graph and the
    strength of a weighted one), or W_ij (None). A node that hears nobody keeps its empty row.

    Errors: `ValueError` for an unknown `normalise`, and for negative weights with "degree", where the strength may vanish.
    """
    if normalise is None:
        return weights
    if normalise == "n":
        return weights / n
    if normalise != "degree":
        raise ValueError(f'normalise={normalise!r}: unknown normalisation; use "n", "degree" or None')
    if np.any(weights < 0):
        raise ValueError(
            f'normalise="degree" with a negative weight ({weights.min():g}): the strength may vanish; use normalise="n" or None'
        )
    strength = np.bincount(rows, weights, minlength=n)
    return weights / np.where(strength > 0, strength, 1.0)[rows]


def couple(
    n: int,
    rows: ArrayLike,
    cols: ArrayLike,
    weights: ArrayLike = 1.0,
    *,
    normalise: Normalise = None,
    layout: Layout = "auto",
    slots: int | None = None,
) -> Dense | Sparse:
    """The operator of an edge list: node `rows[e]` hears node `cols[e]` with `weights[e]`; repeated edges add up.

    Arguments:
    `n`: number of nodes. `rows`, `cols`: (edges,) integers in [0, n). `weights`: (edges,) or one number, dimensionless.
    `normalise`: see `normalised`.
    `layout`: "dense", "sparse", or "auto": sparse for graphs of 256 nodes or more that use at most a tenth of n slots per node.
    `slots`: least room per node, for graphs that shall have one shape (and layout) although their largest degrees differ.
    Errors: `ValueError` for an edge outside the graph, weights that are not finite, or an unknown option.
    """
    rows, cols = np.asarray(rows, np.int64), np.asarray(cols, np.int64)
    weights = np.broadcast_to(np.asarray(weights, np.float64), rows.shape)
    for name, ends in (("rows", rows), ("cols", cols)):
        outside = (ends < 0) | (ends >= n)
        if outside.any():
            raise ValueError(f"couple({name} holds {ends[outside][0]}): nodes are 0 to {n - 1} for n={n}; renumber them or raise n")
    if not np.isfinite(weights).all():
        raise ValueError(f"couple(weights holds {weights[~np.isfinite(weights)][0]}): weights must be finite; drop or mend those edges")
    if layout not in ("auto", "dense", "sparse"):
        raise ValueError(f'layout={layout!r}: unknown layout; use "auto", "dense" or "sparse"')

    weights = normalised(n, rows, weights, normalise)
    degrees = np.bincount(rows, minlength=n)
    slots = max(int(degrees.max(initial=0)), slots or 1)
    if layout == "dense" or (layout == "auto" and not (n >= SPARSE_FROM and slots <= SPARSE_SHARE * n)):
        matrix = np.zeros((n, n))
        np.add.at(matrix, (rows, cols), weights)
        return Dense(matrix)

    order = np.lexsort((cols, rows))
    rows, cols, weights = rows[order], cols[order], weights[order]
    slot = np.arange(len(rows)) - (np.cumsum(degrees) - degrees)[rows]
    index = np.repeat(np.arange(n, dtype=np.int32)[:, None], slots, axis=1)
    index[rows, slot] = cols
    padded = np.zeros((n, slots))
    padded[rows, slot] = weights
    return Sparse(index, padded)


def matrix_of(operator: Coupling, n: int | None = None) -> Float[np.ndarray, "n n"]:
    """W of an operator as a dense float64 matrix (n, n). `n` is needed for `AllToAll` only, which has no size of its own."""
    if isinstance(operator, AllToAll):
        if n is None:
            raise ValueError("matrix_of(AllToAll, n=None): all-to-all has no size of its own; give n")
        return np.full((n, n), 1.0 / n if operator.normalise == "n" else 1.0)
    if n is not None and n != operator.n:
        raise ValueError(f"matrix_of(n={n}): the operator has {operator.n} nodes; leave n out or use {operator.n}")
    if isinstance(operator, Dense):
        return np.asarray(operator.weights, np.float64)
    matrix = np.zeros((operator.n, operator.n))
    np.add.at(matrix, (np.arange(operator.n)[:, None], np.asarray(operator.index)), np.asarray(operator.weights, np.float64))
    return matrix


def to_networkx(operator: Coupling, n: int | None = None) -> nx.Graph:
    """The graph of an operator, with edge attribute `weight`; W_ij is the edge j -> i.

    Returns an `nx.Graph` if W is symmetric, else an `nx.DiGraph`. `n` as in `matrix_of`.
    """
    matrix = matrix_of(operator, n)
    kind = nx.Graph if np.array_equal(matrix, matrix.T) else nx.DiGraph
    return nx.from_numpy_array(matrix.T, create_using=kind)
