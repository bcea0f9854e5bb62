"""Kinds of graphs against what is known of them; links are read off the unnormalised matrix."""

import jax
import networkx as nx
import numpy as np
import pytest

from neurojax import networks as nw

KEY = jax.random.key(0)
EXACT = {"rtol": 1e-12, "atol": 1e-12}


def links(graph, n, key=KEY):
    matrix = nw.adjacency(graph, n, key)
    assert np.array_equal(matrix, matrix.T)
    assert set(np.unique(matrix)) <= {0.0, 1.0}
    assert not matrix.diagonal().any()
    return matrix


def within_sigmas(count, mean, deviation, sigmas=5):
    assert abs(count - mean) <= sigmas * deviation, (count, mean, deviation)


def test_ring_spectrum():
    n = 24
    laplacian = 2 * np.eye(n) - links(nw.Ring(normalise=None), n)
    # 2 - 2 cos(2 pi k / n), k = 0..n-1: the discrete Fourier modes of a circulant matrix.
    np.testing.assert_allclose(np.linalg.eigvalsh(laplacian), np.sort(2 - 2 * np.cos(2 * np.pi * np.arange(n) / n)), atol=1e-12)


def test_nearest_neighbours_spectrum():
    n, k = 21, 6
    modes = 2 * np.pi * np.arange(n) / n
    expected = sum(2 * np.cos(step * modes) for step in range(1, k // 2 + 1))
    np.testing.assert_allclose(np.linalg.eigvalsh(links(nw.NearestNeighbours(k, normalise=None), n)), np.sort(expected), atol=1e-12)


@pytest.mark.parametrize(("shape", "periodic"), [((4, 5), True), ((4, 5), False), ((3, 4, 5), True), ((7,), False), ((2, 3), True)])
def test_lattice_joins_nodes_one_step_apart(shape, periodic):
    n = int(np.prod(shape))
    at = np.stack(np.unravel_index(np.arange(n), shape), axis=1)
    apart = np.abs(at[:, None] - at[None])
    if periodic:
        apart = np.minimum(apart, np.asarray(shape) - apart)
    np.testing.assert_array_equal(links(nw.Lattice(shape, periodic, normalise=None), n), apart.sum(-1) == 1)


@pytest.mark.parametrize("graph", [nw.ErdosRenyi(0.05, normalise=None), nw.ErdosRenyi(degree=0.05 * 399, normalise=None)])
def test_erdos_renyi_has_binomial_links_and_low_clustering(graph):
    n, p = 400, 0.05
    matrix = links(graph, n)
    pairs = n * (n - 1) / 2
    within_sigmas(matrix.sum() / 2, pairs * p, np.sqrt(pairs * p * (1 - p)))
    # Expected number of triangles and its leading variance (Bollobas, Random Graphs, ch. 4): triples p^3, overlapping in an edge.
    triples = pairs * (n - 2) / 3
    deviation = np.sqrt(triples * p**3 + 3 * triples * n * p**5)
    within_sigmas(np.trace(matrix @ matrix @ matrix) / 6, triples * p**3, deviation)


def test_watts_strogatz_clustering_falls_as_one_minus_p_cubed():
    n, k = 2000, 10
    ordered = nx.average_clustering(nx.from_numpy_array(links(nw.WattsStrogatz(k, 0.0, normalise=None), n)))
    assert ordered == pytest.approx(3 * (k - 2) / (4 * (k - 1)), abs=1e-12)  # Watts and Strogatz 1998
    for p in (0.05, 0.2):
        matrix = links(nw.WattsStrogatz(k, p, normalise=None), n)
        assert matrix.sum() == n * k
        assert matrix.sum(1).min() >= k / 2
        # Barrat and Weigt 2000, eq. 8, up to O(1/n); the local coefficient deviates from it by a few per cent.
        clustering = nx.transitivity(nx.from_numpy_array(matrix))
        assert clustering == pytest.approx(ordered * (1 - p) ** 3, rel=0.08)


def test_barabasi_albert_degrees():
    n, m = 4000, 4
    degrees = links(nw.BarabasiAlbert(m, normalise=None), n).sum(1)
    assert degrees.sum() == 2 * m * (n - m)
    assert degrees.min() >= 1
    # Exact stationary law 2 m (m+1) / (k (k+1) (k+2)) (Dorogovtsev, Mendes, Samukhin 2000), summed: P(degree >= k) = m (m+1) / (k (k+1)).
    for k in (5, 8, 16):
        tail = m * (m + 1) / (k * (k + 1))
        within_sigmas((degrees >= k).mean(), tail, np.sqrt(tail * (1 - tail) / n))
    # Maximum-likelihood exponent of the discrete tail (Clauset, Shalizi, Newman 2009, eq. 3.7); 3 is the limit, corrections are O(1/k).
    tail = degrees[degrees >= 12]
    assert 1 + len(tail) / np.log(tail / 11.5).sum() == pytest.approx(3.0, abs=0.35)


def test_stochastic_block_links_by_pair_of_groups():
    sizes, probabilities = (0.25, 0.5, 0.25), ((0.3, 0.02, 0.1), (0.02, 0.1, 0.05), (0.1, 0.05, 0.4))
    n = 400
    matrix = links(nw.StochasticBlock(sizes, probabilities, normalise=None), n)
    edge = np.array([0, 100, 300, 400])
    for a in range(3):
        for b in range(a + 1):
            block = matrix[edge[a] : edge[a + 1], edge[b] : edge[b + 1]]
            pairs, count = (block.size, block.sum()) if a != b else (len(block) * (len(block) - 1) / 2, block.sum() / 2)
            p = probabilities[a][b]
            within_sigmas(count, pairs * p, np.sqrt(pairs * p * (1 - p)))
    full = links(nw.StochasticBlock((2, 3), ((1.0, 0.0), (0.0, 1.0)), normalise=None), 5)
    np.testing.assert_array_equal(full, np.kron(np.eye(2), np.ones((3, 3)))[1:, 1:] - np.eye(5))


def test_regular_star_complete_and_bipartite():
    np.testing.assert_array_equal(links(nw.RandomRegular(5, normalise=None), 40).sum(1), 5)
    star = np.linalg.eigvalsh(links(nw.Star(normalise=None), 17))
    np.testing.assert_allclose(star[[0, -1]], [-4, 4], atol=1e-12)  # +- sqrt(n - 1)
    np.testing.assert_array_equal(links(nw.Complete(normalise=None), 9), 1 - np.eye(9))
    sides = links(nw.Bipartite(0.25, normalise=None), 12)
    np.testing.assert_array_equal(sides, 1.0 * ((np.arange(12) < 3)[:, None] != (np.arange(12) < 3)))
    half = links(nw.Bipartite(0.5, p=0.3, normalise=None), 100)
    within_sigmas(half[:50, 50:].sum(), 2500 * 0.3, np.sqrt(2500 * 0.3 * 0.7))
    assert not half[:50, :50].any()


def test_two_populations_are_the_matrix_of_abrams_2008():
    matrix = nw.adjacency(nw.TwoPopulations(within=0.6, between=0.4), 8)
    np.testing.assert_allclose(matrix, np.kron([[0.6, 0.4], [0.4, 0.6]], np.ones((4, 4))) / 4, **EXACT)


RANDOM = [
    nw.ErdosRenyi(degree=8),
    nw.WattsStrogatz(6, 0.3),
    nw.BarabasiAlbert(1, layout="sparse"),
    nw.RandomRegular(4),
    nw.StochasticBlock((0.5, 0.5), ((0.03, 0.01), (0.01, 0.03))),
    nw.Bipartite(p=0.04),
    nw.Signed(nw.ErdosRenyi(degree=8), 0.2),
]


@pytest.mark.parametrize("graph", RANDOM, ids=lambda graph: type(graph).__name__)
def test_draws_differ_by_key_alone_and_share_one_shape(graph):
    n = 500
    keys = jax.random.split(KEY, 6)
    draws = [graph.draw(key, n) for key in keys]
    assert not graph.fixed
    assert all(isinstance(draw, nw.Sparse) for draw in draws)
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *draws)
    assert stacked.index.shape[:2] == (6, n)
    again = graph.draw(keys[0], n)
    np.testing.assert_array_equal(nw.matrix_of(again), nw.matrix_of(draws[0]))
    assert not np.array_equal(nw.matrix_of(draws[1]), nw.matrix_of(draws[0]))
    strengths = np.abs(nw.matrix_of(again)).sum(1)
    assert np.all(np.isclose(strengths, 1, **EXACT) | (strengths == 0))


def test_a_seed_and_a_deterministic_kind_are_the_same_in_every_lane():
    for graph in (
        nw.ErdosRenyi(0.1, seed=3),
        nw.Directed(nw.ErdosRenyi(0.1, seed=3)),
        nw.Ring(),
        nw.TwoPopulations(0.6, 0.4),
        nw.Bipartite(),
    ):
        assert graph.fixed
        np.testing.assert_array_equal(nw.adjacency(graph, 20, KEY), nw.adjacency(graph, 20, jax.random.key(9)))
    assert not np.array_equal(nw.adjacency(nw.ErdosRenyi(0.1, seed=3), 20), nw.adjacency(nw.ErdosRenyi(0.1, seed=4), 20))


def test_weight_multiplies_after_normalising():
    np.testing.assert_allclose(nw.adjacency(nw.Ring(weight=3.0), 10).sum(1), 3.0, **EXACT)
    np.testing.assert_allclose(nw.adjacency(nw.Ring(weight=3.0, normalise="n"), 10).sum(1), 0.6, **EXACT)


def test_a_hundred_thousand_nodes_are_feasible():
    n = 100_000
    operator = nw.ErdosRenyi(degree=4, normalise=None).draw(KEY, n)
    assert isinstance(operator, nw.Sparse)
    links = n * (n - 1) / 2 * 4 / (n - 1)
    within_sigmas(np.sum(operator.weights) / 2, links, np.sqrt(links))


def test_weighted_has_the_moments_asked_for():
    n = 200
    for distribution in ("normal", "uniform", "lognormal"):
        matrix = nw.adjacency(nw.Weighted(nw.Complete(normalise=None), 2.0, 0.5, distribution), n, KEY)
        weights = matrix[np.triu_indices(n, 1)]
        within_sigmas(weights.mean(), 2.0, 0.5 / np.sqrt(weights.size))
        # The relative error of a standard deviation is sqrt((kurtosis - 1) / (4 size)); kurtosis of this lognormal is 4.1.
        within_sigmas(weights.std(), 0.5, 0.5 * np.sqrt(3.1 / 4 / weights.size))
        assert np.array_equal(matrix, matrix.T)
    per_direction = nw.adjacency(nw.Weighted(nw.Complete(normalise=None), symmetric=False), n, KEY)
    assert not np.array_equal(per_direction, per_direction.T)


def test_signed_by_link_and_by_source():
    n, fraction = 120, 0.2
    links = nw.adjacency(nw.Signed(nw.Complete(normalise=None), fraction), n, KEY)
    assert np.array_equal(links, links.T)
    pairs = n * (n - 1) / 2
    within_sigmas((links < 0).sum() / 2, pairs * fraction, np.sqrt(pairs * fraction * (1 - fraction)))
    dale = nw.adjacency(nw.Signed(nw.Complete(), fraction, by="source"), n, KEY)
    senders = np.sign(dale.sum(0))
    assert np.all((np.sign(dale) == senders) | (dale == 0))
    within_sigmas((senders < 0).sum(), n * fraction, np.sqrt(n * fraction * (1 - fraction)))
    np.testing.assert_allclose(np.abs(dale).sum(1), 1.0, **EXACT)


def test_directed_keeps_one_direction_of_a_link_or_both():
    n = 120
    one_way = nw.adjacency(nw.Directed(nw.Complete(normalise=None)), n, KEY)
    np.testing.assert_array_equal(one_way + one_way.T, 1 - np.eye(n))
    pairs = n * (n - 1) / 2
    within_sigmas(np.triu(one_way).sum(), pairs / 2, np.sqrt(pairs / 4))
    some = nw.adjacency(nw.Directed(nw.Complete(normalise=None), 0.3), n, KEY)
    within_sigmas((some * some.T).sum() / 2, 0.3 * pairs, np.sqrt(pairs * 0.21))
