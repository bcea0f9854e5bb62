"""Real networks survive the way through a file."""

import networkx as nx
import numpy as np
import pytest
import scipy.io
import scipy.sparse

from neurojax import networks as nw

KARATE = nx.karate_club_graph()
MATRIX = nx.to_numpy_array(KARATE)
NAMES = tuple(f"member {node}" for node in KARATE)


def lopsided():
    matrix = np.zeros((4, 4))
    matrix[[0, 1, 2, 3], [1, 2, 3, 0]] = [1.0, 0.25, 2.0, 1e-3]
    return matrix


def assert_matrix(graph, matrix):
    np.testing.assert_array_equal(nw.adjacency(graph), matrix)


def test_networkx_keeps_order_weights_and_direction():
    graph = nw.from_networkx(KARATE, normalise=None)
    assert graph.names == tuple(range(34))
    assert graph.fixed
    assert_matrix(graph, MATRIX)
    assert_matrix(nw.from_networkx(KARATE, attribute=None, normalise=None), MATRIX > 0)
    directed = nx.DiGraph([("b", "a")])
    graph = nw.from_networkx(directed, normalise="n")
    assert graph.names == ("b", "a")
    np.testing.assert_array_equal(nw.adjacency(graph), [[0, 0], [0.5, 0]])
    back = nw.to_networkx(nw.from_networkx(KARATE, normalise=None).draw(None, 34))
    assert nx.utils.graphs_equal(back, nx.Graph(nx.from_numpy_array(MATRIX)))


def test_degree_normalisation_divides_by_strength():
    np.testing.assert_allclose(nw.adjacency(nw.from_networkx(KARATE)), MATRIX / MATRIX.sum(1, keepdims=True), rtol=1e-12)


def test_self_loops_count_once():
    assert_matrix(nw.from_networkx(nx.Graph([(0, 0), (0, 1)]), normalise=None), [[1, 1], [1, 0]])


@pytest.mark.parametrize("separator", [" ", ",", "\t", ";"])
@pytest.mark.parametrize("matrix", [MATRIX, lopsided()], ids=["karate", "directed"])
def test_edge_lists(tmp_path, separator, matrix):
    directed = not np.array_equal(matrix, matrix.T)
    name = NAMES.__getitem__ if separator != " " else "n{}".format
    edges = [
        f"{name(j)}{separator}{name(i)}{separator}{float(matrix[i, j])!r}"
        for i, j in zip(*np.nonzero(matrix), strict=True)
        if directed or i < j
    ]
    path = tmp_path / "graph.txt"
    path.write_text(f"# a comment\nsource{separator}target{separator}weight\n\n" + "  # said why\n".join(edges))
    nodes = [name(i) for i in range(len(matrix))]
    graph = nw.read_graph(path, nodes=nodes, directed=directed, normalise=None)
    assert graph.names == tuple(nodes)
    assert_matrix(graph, matrix)


def test_edge_list_without_weights_numbers_nodes_as_they_appear(tmp_path):
    path = tmp_path / "graph.tsv"
    path.write_text("c\ta\na\tb\n")
    graph = nw.read_graph(path, normalise=None)
    assert graph.names == ("c", "a", "b")
    assert_matrix(graph, [[0, 1, 0], [1, 0, 1], [0, 1, 0]])


@pytest.mark.parametrize("matrix", [MATRIX, lopsided()], ids=["karate", "directed"])
@pytest.mark.parametrize("kind", ["matrix.csv", "npy", "npz", "mtx", "dense.mtx"])
def test_matrices(tmp_path, kind, matrix):
    path = tmp_path / f"graph.{kind}"
    write = {
        "matrix.csv": lambda: np.savetxt(path, matrix, delimiter=",", fmt="%.17g"),
        "npy": lambda: np.save(path, matrix),
        "npz": lambda: scipy.sparse.save_npz(path, scipy.sparse.csr_array(matrix)),
        "mtx": lambda: scipy.io.mmwrite(path, scipy.sparse.coo_array(matrix), precision=17),
        "dense.mtx": lambda: scipy.io.mmwrite(path, matrix, precision=17),
    }
    write[kind]()
    names = NAMES[: len(matrix)]
    graph = nw.read_graph(path, format="matrix" if kind == "matrix.csv" else None, nodes=names, normalise=None)
    assert graph.names == names
    assert_matrix(graph, matrix)


def test_graphml(tmp_path):
    path = tmp_path / "karate.graphml"
    nx.write_graphml(nx.relabel_nodes(KARATE, dict(enumerate(NAMES))), path)
    assert_matrix(nw.read_graph(path, normalise=None), MATRIX)
    backwards = nw.read_graph(path, nodes=NAMES[::-1], normalise=None)
    assert_matrix(backwards, MATRIX[::-1, ::-1])


def test_sparse_matrix_with_stored_zeros_has_no_edges_there():
    stored = scipy.sparse.coo_array(([1.0, 1.0, 0.0], ([0, 1, 1], [1, 0, 1])), shape=(2, 2))
    assert len(nw.from_matrix(stored).rows) == 2
