"""What is wrong is said before anything is compiled: the argument, its value, and the mend."""

import jax
import networkx as nx
import numpy as np
import pytest

from neurojax import networks as nw

KEY = jax.random.key(0)
RING = nw.Ring()


def matrix(*rows):
    return nw.from_matrix(np.asarray(rows, float))


ARGUMENTS = [
    (lambda: nw.WattsStrogatz(3, 0.1), "WattsStrogatz(k=3)", "even", "use 2 or 4"),
    (lambda: nw.WattsStrogatz(4, 1.5), "p=1.5", "probability", "from 0 to 1"),
    (lambda: nw.WattsStrogatz(10, 0.1).draw(KEY, 10), "k=10", "n=10", "use at most 9"),
    (lambda: nw.NearestNeighbours(0), "k=0", "at least 2", "use 2 or more"),
    (lambda: nw.NearestNeighbours(2.5), "k=2.5", "integer", "use 2 or more"),
    (lambda: nw.Ring().draw(KEY, 2), "Ring(n=2)", "three nodes", "use n=3"),
    (lambda: nw.Ring().draw(KEY, 1), "Ring(n=1)", "two nodes", "use n=2"),
    (lambda: nw.Lattice((0, 3)), "shape=(0, 3)", "positive", "(10, 10)"),
    (lambda: nw.Lattice((1, 3)), "shape=(1, 3)", "periodic", "leave that side out"),
    (lambda: nw.Lattice((3, 3)).draw(KEY, 10), "shape=(3, 3)", "9 nodes", "make them equal"),
    (lambda: nw.ErdosRenyi(), "p=None", "degree=None", "exactly one"),
    (lambda: nw.ErdosRenyi(0.1, degree=2), "p=0.1", "degree=2", "exactly one"),
    (lambda: nw.ErdosRenyi(float("nan")), "p=nan", "probability", "from 0 to 1"),
    (lambda: nw.ErdosRenyi(degree=-1), "degree=-1", "not negative", "use 0 or more"),
    (lambda: nw.ErdosRenyi(degree=10).draw(KEY, 5), "degree=10", "n=5", "use at most 4"),
    (lambda: nw.BarabasiAlbert(0), "m=0", "at least 1", "use 1 or more"),
    (lambda: nw.BarabasiAlbert(5).draw(KEY, 5), "m=5", "n=5", "use at most 4"),
    (lambda: nw.RandomRegular(3).draw(KEY, 5), "degree=3", "even", "use 4, or an even n"),
    (lambda: nw.StochasticBlock((3, 0), ((1, 0), (0, 1))), "sizes=(3, 0)", "needs nodes", "positive"),
    (lambda: nw.StochasticBlock((3, 3), ((1, 0),)), "probabilities=((1, 0),)", "2 rows", "per group"),
    (lambda: nw.StochasticBlock((3, 3), ((1, 0.5), (0.2, 1))), "probabilities=", "symmetric", "per group"),
    (lambda: nw.StochasticBlock((3, 3), ((1, 2), (2, 1))), "probabilities=2.0", "probability", "from 0 to 1"),
    (lambda: nw.StochasticBlock((3, 3), ((1, 0), (0, 1))).draw(KEY, 7), "sizes=(3, 3)", "n=7", "counts of sum n"),
    (lambda: nw.Bipartite(1.0), "fraction=1.0", "both sides", "0.5"),
    (lambda: nw.TwoPopulations(float("inf"), 0.4), "within=inf", "finite", "within=0.6"),
    (lambda: nw.TwoPopulations(0.6, 0.4).draw(KEY, 7), "n=7", "even", "use 6 or 8"),
    (lambda: nw.Ring(normalise="rows"), "normalise='rows'", "unknown", '"degree"'),
    (lambda: nw.Ring(layout="csr"), "layout='csr'", "unknown", '"sparse"'),
    (lambda: nw.Ring(weight=float("nan")), "weight=nan", "finite", "use 1.0"),
    (lambda: nw.from_networkx(nx.path_graph(2), weight="w"), "weight='w'", "finite number", "use 1.0"),
    (lambda: nw.Ring(seed=-1), "seed=-1", "non-negative", "None for a graph per lane"),
    (lambda: nw.Weighted(RING, distribution="cauchy"), "distribution='cauchy'", "unknown", '"lognormal"'),
    (lambda: nw.Weighted(RING, deviation=-1.0), "deviation=-1.0", "not negative", "use 0 or more"),
    (lambda: nw.Weighted(RING, mean=0.0, distribution="lognormal"), "mean=0.0", "positive", '"normal"'),
    (lambda: nw.Weighted(RING, mean=-1.0).draw(KEY, 9), 'normalise="degree"', "negative weight (-", 'use normalise="n"'),
    (lambda: nw.Signed(RING, 1.2), "fraction=1.2", "probability", "from 0 to 1"),
    (lambda: nw.Signed(RING, 0.2, by="node"), "by='node'", "unknown", '"source"'),
    (lambda: nw.Directed(RING, -0.1), "reciprocity=-0.1", "probability", "from 0 to 1"),
    (lambda: nw.ErdosRenyi(0.1).draw(None, 9), "key=None", "random graph", "jax.random.key(0)"),
    (lambda: nw.adjacency(RING), "Ring(n=None)", "no size", "n=..."),
    (lambda: nw.AllToAll("degree"), "normalise='degree'", "unknown", 'use "n" or None'),
    (lambda: nw.matrix_of(nw.AllToAll()), "n=None", "no size", "give n"),
    (lambda: nw.matrix_of(nw.Dense(np.eye(3)), 4), "n=4", "3 nodes", "use 3"),
    (lambda: nw.Dense(np.ones((2, 3))), "(2, 3)", "square", "one row and one column"),
    (lambda: nw.Sparse(np.zeros((3, 2), int), np.zeros((3, 1))), "(3, 2)", "(3, 1)", "(n, d)"),
    (lambda: nw.couple(3, [3], [0]), "rows holds 3", "0 to 2", "raise n"),
    (lambda: nw.couple(3, [0], [-1]), "cols holds -1", "0 to 2", "renumber"),
    (lambda: nw.couple(3, [0], [1], [np.inf]), "weights holds inf", "finite", "drop or mend"),
    (lambda: nw.couple(3, [0], [1], layout="ell"), "layout='ell'", "unknown", '"dense"'),
    (lambda: nw.couple(3, [0], [1], normalise="m"), "normalise='m'", "unknown", '"degree"'),
    (lambda: matrix([1, 2, 3], [4, 5, 6]), "(2, 3)", "not square", "one row and one column"),
    (lambda: nw.from_matrix([["a", "b"], ["c", "d"]]), "matrix=list", "could not convert", "array of numbers"),
    (lambda: nw.from_matrix(np.eye(2), names=["a"]), "names of length 1", "2 nodes", "give 2 names"),
    (lambda: matrix([0, np.nan], [1, 0]), "weights=nan", "1 -> 0", "remove it"),
    (lambda: matrix([0, -1], [1, 0]), "weights=-1.0", "1 -> 0", 'use normalise="n"'),
    (lambda: matrix([0, 0], [0, 0]), "edges=0", "empty", "at least one edge"),
    (lambda: matrix([0, 1, 0], [1, 0, 0], [0, 0, 0]), "node=2", "divide by zero", 'use normalise="n" or remove'),
    (lambda: matrix([0, 1], [1, 0]).draw(KEY, 3), "n=3", "2 nodes", "use n=2"),
    (lambda: nw.from_networkx(nx.MultiGraph([(0, 1), (0, 1)])), "MultiGraph", "parallel", "nx.Graph(graph)"),
    (lambda: nw.from_networkx(nx.Graph([(0, 1, {"weight": "x"})])), "weight='x'", "0 -> 1", "give it a number"),
    (lambda: nw.Given(np.array([0, 0]), np.array([1, 1]), np.ones(2), ("a", "b")), "'b' -> 'a'", "twice", "keep one"),
]


@pytest.mark.parametrize(("make", "argument", "problem", "mend"), ARGUMENTS, ids=[f"{at}-{case[1]}" for at, case in enumerate(ARGUMENTS)])
def test_arguments(make, argument, problem, mend):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the message is checked below, in three parts)
        make()
    for part in (argument, problem, mend):
        assert part in str(caught.value)


FILES = [
    ("g.xyz", "a b", {}, ("unknown suffix '.xyz'", ".graphml", "format=")),
    ("g.txt", "a b", {"format": "gml"}, ("format='gml'", "unknown format", "graphml")),
    ("g.txt", "", {}, ("edges=0", "empty", "at least one edge")),
    ("g.txt", "a b 1\nb", {}, ("line 2", "1 columns", "source target weight")),
    ("g.csv", "0,1,0,0\n1,0,0,0", {}, ("line 1", "4 columns", 'format="matrix"')),
    ("g.txt", "# x\na b heavy", {}, ("line 2", "'heavy'", "e.g. 0.5")),
    ("g.txt", "a b nan", {}, ("line 1", "nan is not finite", "remove the edge")),
    ("g.txt", "a b\nb c", {"nodes": ["a", "b"]}, ("line 2", "unknown node 'c'", "add it to nodes")),
    ("g.txt", "a b\nb a", {}, ("line 2", "'b' 'a' is given twice", "directed=True")),
    ("g.txt", "a b\na b", {"directed": True}, ("line 2", "'a' 'b' is given twice", "keep one")),
    ("g.txt", "a b -1", {}, ("weights=-1.0", "'a' -> 'b'", 'normalise="n"')),
    ("g.txt", "a b", {"nodes": ["a", "b", "c"]}, ("node='c'", "divide by zero", "remove the node")),
    ("g.csv", "0,1\n1,0\n0,0", {"format": "matrix"}, ("3 rows with [2] columns", "not square", "one row and column per node")),
    ("g.csv", "0,1\n1,x", {"format": "matrix"}, ("line 2", "'x' is not a number", "e.g. 0.5")),
    ("g.mtx", "not a matrix", {}, ("g.mtx",)),
    ("g.npy", "not an array", {}, ("g.npy",)),
    ("g.graphml", "<oops", {}, ("g.graphml",)),
]


@pytest.mark.parametrize(("name", "text", "options", "parts"), FILES, ids=[f"{at}-{case[0]}" for at, case in enumerate(FILES)])
def test_files(tmp_path, name, text, options, parts):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the message is checked below, part by part)
        nw.read_graph(path, **options)
    for part in (*parts, name if "format" not in options else ""):
        assert part in str(caught.value)


def test_unknown_names_of_a_graphml_file(tmp_path):
    path = tmp_path / "g.graphml"
    nx.write_graphml(nx.Graph([("a", "b")]), path)
    with pytest.raises(ValueError, match=r"g\.graphml: nodes: 'c' is in one of nodes and file only; give the names of all nodes"):
        nw.read_graph(path, nodes=["a", "b", "c"])


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.txt'\): there is no such file; check the path"):
        nw.read_graph(tmp_path / "none.txt")


def test_a_traced_key_is_refused_with_the_way_out():
    with pytest.raises(TypeError, match=r"ErdosRenyi.draw\(key=.*drawn on the host.*realise the model before jit.*nj.sweep"):
        jax.jit(lambda key: nw.ErdosRenyi(0.1).draw(key, 9))(KEY)
    assert isinstance(jax.jit(lambda key: nw.Ring().draw(key, 9))(KEY), nw.Dense)
