"""Real networks: from networkx, matrices and files."""

from __future__ import annotations

import csv
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import equinox as eqx
import networkx as nx
import numpy as np
import scipy.io
import scipy.sparse
from jaxtyping import Float, Int

from neurojax.networks.coupling import Layout, Normalise
from neurojax.networks.recipe import Edges, Topology, refuse


class Given(Topology):
    """A known network, the same in every lane; made by `from_networkx`, `from_matrix` and `read_graph`.

    Arguments:
    `rows`, `cols`: (edges,) node numbers; node `rows[e]` hears node `cols[e]`. `weights`: (edges,), finite, dimensionless.
    `names`: (n,) of the nodes, in order. Options: see `Topology`.
    Errors: `ValueError` for an empty graph, repeated edges, weights that are not finite, and with `normalise="degree"` for
    negative weights and for nodes without neighbours.
    """

    rows: Int[np.ndarray, " edges"]
    cols: Int[np.ndarray, " edges"]
    weights: Float[np.ndarray, " edges"]
    names: tuple[Hashable, ...] = eqx.field(static=True)
    random: ClassVar[bool] = False

    @property
    def n(self) -> int:
        """Number of nodes."""
        return len(self.names)

    def _edge_name(self, edge: int | np.integer) -> str:
        return f"{self.names[self.cols[edge]]!r} -> {self.names[self.rows[edge]]!r}"

    def check(self) -> None:
        """See the class."""
        if not self.names or not len(self.rows):
            refuse(self, "edges", len(self.rows), f"the graph is empty ({self.n} nodes)", "give at least one edge")
        bad = np.flatnonzero(~np.isfinite(self.weights))
        if len(bad):
            value = float(self.weights[bad[0]])
            refuse(self, "weights", value, f"edge {self._edge_name(bad[0])} is not finite", "remove it or give it a number")
        pairs = self.rows.astype(np.int64) * self.n + self.cols
        first = np.unique(pairs, return_index=True)[1]
        if len(first) < len(pairs):
            again = np.setdiff1d(np.arange(len(pairs)), first)[0]
            refuse(self, "edges", self._edge_name(again), "this edge is given twice", "keep one, with the sum of the weights if meant")
        if self.normalise == "degree":
            self._check_degrees()

    def _check_degrees(self) -> None:
        negative = np.flatnonzero(self.weights < 0)
        if len(negative):
            value = float(self.weights[negative[0]])
            problem = f'edge {self._edge_name(negative[0])} is negative, and the strength that normalise="degree" divides by may vanish'
            refuse(self, "weights", value, problem, 'use normalise="n" or None')
        silent = np.flatnonzero(np.bincount(self.rows, self.weights, minlength=self.n) == 0)
        if len(silent):
            problem = 'no edge comes in, and normalise="degree" would divide by zero'
            refuse(self, "node", self.names[silent[0]], problem, 'use normalise="n" or remove the node')

    def edges(self, n: int, rng: np.random.Generator) -> Edges:
        """The edges given."""
        if n != self.n:
            refuse(self, "n", n, f"the graph has {self.n} nodes", f"use n={self.n} in the model")
        return Edges(self.rows, self.cols, self.weights)


def from_networkx(graph: nx.Graph, attribute: str | None = "weight", **options: Any) -> Given:
    """A networkx graph; nodes keep their order, and an edge j -> i of a directed graph lets i hear j.

    Arguments: `graph`: any but a multigraph. `attribute`: of edges, their weight, 1 where one has none; None for an unweighted graph.
    `options`: those of `Topology`. Errors: `ValueError` as for `Given`, and for a multigraph or a weight that is no number.
    """
    if graph.is_multigraph():
        raise ValueError(f"from_networkx(graph={graph}): a multigraph has parallel edges; merge them first, e.g. nx.Graph(graph)")
    number = {name: at for at, name in enumerate(graph)}
    rows, cols, weights = [], [], []
    for source, target, value in graph.edges(data=attribute, default=1.0) if attribute else ((*ends, 1.0) for ends in graph.edges()):
        try:
            weights.append(float(value))
        except (TypeError, ValueError) as error:
            raise ValueError(f"from_networkx: edge {source!r} -> {target!r} has {attribute}={value!r}; give it a number") from error
        rows.append(number[target])
        cols.append(number[source])
    if not graph.is_directed():
        back = [edge for edge in range(len(rows)) if rows[edge] != cols[edge]]
        rows, cols = rows + [cols[edge] for edge in back], cols + [rows[edge] for edge in back]
        weights += [weights[edge] for edge in back]
    return Given(np.asarray(rows, np.int32), np.asarray(cols, np.int32), np.asarray(weights, float), tuple(graph), **options)


def from_matrix(matrix: Any, names: Sequence[Hashable] | None = None, **options: Any) -> Given:
    """A coupling matrix, W_ij the influence of node j on node i; zeros are no edges.

    Arguments: `matrix`: (n, n), array or scipy.sparse. `names`: n node names, default 0 to n - 1. `options`: those of `Topology`.
    Errors: `ValueError` as for `Given`, and for a matrix that is not square or not of numbers.
    """
    if not scipy.sparse.issparse(matrix):
        try:
            matrix = np.asarray(matrix, float)
        except (TypeError, ValueError) as error:
            raise ValueError(f"from_matrix(matrix={type(matrix).__name__}): {error}; give an (n, n) array of numbers") from error
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"from_matrix(matrix of shape {matrix.shape}): it is not square; give one row and one column per node")
    n = matrix.shape[0]
    if names is not None and len(names) != n:
        raise ValueError(f"from_matrix(names of length {len(names)}): the matrix has {n} nodes; give {n} names")
    entries = scipy.sparse.coo_array(matrix)
    entries.sum_duplicates()
    present = entries.data != 0
    rows, cols = (ends[present].astype(np.int32) for ends in entries.coords)
    return Given(rows, cols, entries.data[present].astype(float), tuple(range(n) if names is None else names), **options)


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Numbered rows of a text table without comments, split at commas, tabs or blanks, whichever the row has."""
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        separator = next((mark for mark in (",", "\t", ";") if mark in line), None)
        yield number, [cell.strip() for cell in (next(csv.reader([line], delimiter=separator)) if separator else line.split())]


def _number(path: Path, line: int, cell: str) -> float:
    try:
        return float(cell)
    except ValueError as error:
        raise ValueError(f"{path}, line {line}: {cell!r} is not a number; give the weight as e.g. 0.5") from error


def _read_edges(path: Path, nodes: Sequence[Hashable] | None, directed: bool) -> nx.Graph:
    graph = nx.DiGraph() if directed else nx.Graph()
    known = {str(name): name for name in nodes or ()}
    graph.add_nodes_from(known.values())
    for line, cells in _lines(path):
        if not graph.edges and [cell.lower() for cell in cells[:2]] == ["source", "target"]:
            continue
        if len(cells) not in (2, 3):
            problem = f"{path}, line {line}: {len(cells)} columns"
            raise ValueError(f'{problem}; an edge is `source target` or `source target weight`; for a matrix give format="matrix"')
        for name in cells[:2]:
            if nodes is not None and name not in known:
                raise ValueError(f"{path}, line {line}: unknown node {name!r}; correct it or add it to nodes")
        source, target = (known.get(name, name) for name in cells[:2])
        if graph.has_edge(source, target):
            mend = "keep one" if directed else "keep one, or use directed=True for a list with both directions"
            raise ValueError(f"{path}, line {line}: edge {source!r} {target!r} is given twice; {mend}")
        value = _number(path, line, cells[2]) if len(cells) == 3 else 1.0
        if not np.isfinite(value):
            raise ValueError(f"{path}, line {line}: weight {value} is not finite; remove the edge or give it a number")
        graph.add_edge(source, target, weight=value)
    return graph


def _read_table(path: Path) -> Float[np.ndarray, "n n"]:
    table = [[_number(path, line, cell) for cell in cells] for line, cells in _lines(path)]
    widths = {len(row) for row in table}
    if len(widths) != 1 or len(table) not in widths:
        raise ValueError(f"{path}: {len(table)} rows with {sorted(widths)} columns; it is not square: give one row and column per node")
    return np.asarray(table)


MATRIX_READERS: dict[str, Callable[[Path], Any]] = {
    "matrix": _read_table,
    "npy": lambda path: np.load(path, allow_pickle=False),
    "npz": scipy.sparse.load_npz,
    "mtx": partial(scipy.io.mmread, spmatrix=False),
}
FORMATS = ("edges", *MATRIX_READERS, "graphml")
FORMAT_OF_SUFFIX = {
    ".txt": "edges",
    ".tsv": "edges",
    ".csv": "edges",
    ".edges": "edges",
    ".npy": "npy",
    ".npz": "npz",
    ".mtx": "mtx",
    ".graphml": "graphml",
}


def read_graph(
    path: str | Path,
    *,
    format: str | None = None,
    nodes: Sequence[Hashable] | None = None,
    directed: bool = False,
    normalise: Normalise = "degree",
    layout: Layout = "auto",
    weight: float = 1.0,
) -> Given:
    """A network from a file.

    Arguments:
    `format`: "edges" (lines `source target [weight]`, split at comma, tab, semicolon or blanks, # comments, an optional header
    `source target`, nodes numbered as they appear; .txt .csv .tsv .edges),
    "matrix" (a square table of numbers as text), "npy", "npz" (scipy.sparse), "mtx" (MatrixMarket) or "graphml"; None goes by the suffix.
    In matrices row i, column j is the influence of j on i; in edge lists a directed edge goes from source to target.
    `nodes`: names in their order; an edge list may then hold no others. For matrices the names of the rows.
    `directed`: whether each line of an edge list is one direction only; the other formats know.
    `normalise`, `layout`, `weight`: see `Topology`.
    Errors: `FileNotFoundError`; `ValueError` with file and line for what cannot be read, and as for `Given`.
    """
    path = Path(path)
    options = {"normalise": normalise, "layout": layout, "weight": weight}
    if not path.is_file():
        raise FileNotFoundError(f"read_graph(path={str(path)!r}): there is no such file; check the path (now in {Path.cwd()})")
    if format is None and path.suffix.lower() not in FORMAT_OF_SUFFIX:
        known = " ".join(FORMAT_OF_SUFFIX)
        raise ValueError(f"read_graph(path={str(path)!r}): unknown suffix {path.suffix!r}; known are {known}; or give format=")
    kind = format or FORMAT_OF_SUFFIX[path.suffix.lower()]
    if kind not in FORMATS:
        raise ValueError(f"read_graph(format={format!r}): unknown format; use one of {', '.join(FORMATS)}")
    if kind == "edges":
        return _named(path, lambda: from_networkx(_read_edges(path, nodes, directed), **options))
    if kind == "graphml":
        return _named(path, lambda: from_networkx(_ordered(nx.read_graphml(path), nodes), **options))
    return _named(path, lambda: from_matrix(MATRIX_READERS[kind](path), nodes, **options))


def _ordered(graph: nx.Graph, nodes: Sequence[Hashable] | None) -> nx.Graph:
    if nodes is None:
        return graph
    if set(nodes) != set(graph):
        odd = next(iter(set(nodes) ^ set(graph)))
        raise ValueError(f"nodes: {odd!r} is in one of nodes and file only; give the names of all nodes of the file")
    ordered = graph.__class__()
    ordered.add_nodes_from(nodes)
    ordered.add_edges_from(graph.edges(data=True))
    return ordered


def _named(path: Path, read: Callable[[], Given]) -> Given:
    """Whatever is wrong with a file, say which file."""
    try:
        return read()
    except Exception as error:
        if str(path) in str(error):
            raise
        raise ValueError(f"{path}: {error}") from error
