"""Operators against the matrix product that they stand for."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from neurojax import networks as nw

N = 12
ROUNDING = {"rtol": 1e-5, "atol": 1e-5}  # float32 sums of twelve numbers of order one
EXACT = {"rtol": 1e-12, "atol": 1e-12}


def random_edges(rng, n=N, count=40):
    pairs = rng.choice(n * n, count, replace=False)
    return pairs // n, pairs % n, rng.normal(size=count)


def matrix_from(n, rows, cols, weights):
    matrix = np.zeros((n, n))
    for row, col, weight in zip(rows, cols, weights, strict=True):
        matrix[row, col] += weight
    return matrix


@pytest.fixture(params=["dense", "sparse"])
def layout(request):
    return request.param


def test_operators_are_the_matrix_product(layout):
    rng = np.random.default_rng(0)
    edges = random_edges(rng)
    operator = nw.couple(N, *edges, layout=layout)
    matrix = matrix_from(N, *edges)
    np.testing.assert_allclose(nw.matrix_of(operator), matrix, **EXACT)
    for shape in ((N,), (5, N), (2, 3, N)):
        x = rng.normal(size=shape).astype(np.float32)
        np.testing.assert_allclose(operator(x), x @ matrix.T, **ROUNDING)
        np.testing.assert_allclose(eqx.filter_jit(operator)(x), x @ matrix.T, **ROUNDING)


@pytest.mark.parametrize("normalise", ["n", None])
def test_all_to_all_is_the_full_matrix(normalise):
    x = np.random.default_rng(0).normal(size=(3, N)).astype(np.float32)
    operator = nw.AllToAll(normalise)
    expected = x @ nw.matrix_of(operator, N).T
    np.testing.assert_allclose(np.broadcast_to(jax.vmap(operator)(x), x.shape), expected, **ROUNDING)
    assert operator.n is None


def test_normalisation_divides_by_size_or_by_strength(layout):
    rows, cols, weights = np.array([0, 0, 1, 3]), np.array([1, 2, 0, 0]), np.array([1.0, 3.0, 2.0, 5.0])
    by_degree = nw.matrix_of(nw.couple(4, rows, cols, weights, normalise="degree", layout=layout))
    np.testing.assert_allclose(by_degree[0], [0, 0.25, 0.75, 0], **EXACT)
    np.testing.assert_allclose(by_degree.sum(1), [1, 1, 0, 1], **EXACT)
    by_size = nw.matrix_of(nw.couple(4, rows, cols, weights, normalise="n", layout=layout))
    np.testing.assert_allclose(by_size, matrix_from(4, rows, cols, weights / 4), **EXACT)


def test_repeated_edges_add_up(layout):
    operator = nw.couple(2, [0, 0], [1, 1], [1.0, 2.0], layout=layout)
    np.testing.assert_array_equal(nw.matrix_of(operator), [[0, 3], [0, 0]])


def test_auto_layout_is_sparse_for_large_sparse_graphs_only():
    def ring(n):
        return np.arange(n), (np.arange(n) + 1) % n

    assert isinstance(nw.couple(255, *ring(255)), nw.Dense)
    assert isinstance(nw.couple(256, *ring(256)), nw.Sparse)
    assert isinstance(nw.couple(256, *ring(256), slots=26), nw.Dense)


def test_dense_is_one_matrix_product_under_vmap():
    lanes = 64
    operator = nw.Dense(np.eye(N))
    x = jax.ShapeDtypeStruct((lanes, N), jnp.float32)
    text = jax.jit(jax.vmap(operator)).lower(x).as_text()
    products = [line for line in text.splitlines() if "dot_general" in line]
    assert len(products) == 1
    assert "batching_dims" not in products[0]
    assert f"tensor<{lanes}x{N}xf32>" in products[0]
    assert "HIGHEST" in products[0]


@pytest.mark.parametrize("index_lanes", [False, True])
@pytest.mark.parametrize("weight_lanes", [False, True])
@pytest.mark.parametrize("degree", [1, 2, 11])
def test_sparse_under_vmap_and_its_derivatives(index_lanes, weight_lanes, degree):
    rng = np.random.default_rng(1)
    lanes = 4
    with jax.enable_x64(True):
        index = rng.integers(0, N, (*(lanes,) * index_lanes, N, degree)).astype(np.int32)
        weights, x = rng.normal(size=(*(lanes,) * weight_lanes, N, degree)), rng.normal(size=(lanes, N))
        axes = (0 if index_lanes else None, 0 if weight_lanes else None, 0)

        def coupled(weights, x):
            return jax.vmap(lambda i, w, lane: nw.Sparse(i, w)(lane), in_axes=axes)(index, weights, x)

        def plain(weights, x):
            return jax.vmap(lambda i, w, lane: jnp.sum(w * lane[i], -1), in_axes=axes)(index, weights, x)

        np.testing.assert_allclose(coupled(weights, x), plain(weights, x), **EXACT)
        # Finite differences of a bilinear map in float64; the tolerance is jax's own default for them.
        check_grads(coupled, (weights, x), order=1, modes=("fwd", "rev"))
        probe = rng.normal(size=x.shape)
        for argument in (0, 1):
            ours, theirs = (
                jax.grad(lambda *both, f=f: jnp.sum(probe * jnp.sin(f(*both))), argnums=argument)(weights, x) for f in (coupled, plain)
            )
            np.testing.assert_allclose(ours, theirs, **EXACT)


def test_sparse_in_nested_vmap_of_points_and_graphs():
    rng = np.random.default_rng(2)
    graphs, points, degree = 2, 3, 5
    with jax.enable_x64(True):
        index = rng.integers(0, N, (graphs, N, degree)).astype(np.int32)
        weights, x = rng.normal(size=(graphs, N, degree)), rng.normal(size=(graphs, points, N))

        def nested(weights, x):
            return jax.vmap(lambda i, w, lanes: jax.vmap(nw.Sparse(i, w))(lanes))(index, weights, x)

        expected = np.stack([x[g] @ nw.matrix_of(nw.Sparse(index[g], weights[g])).T for g in range(graphs)])
        np.testing.assert_allclose(nested(weights, x), expected, **EXACT)
        check_grads(nested, (weights, x), order=2, modes=("fwd", "rev"))

        per_lane = jax.vmap(jax.vmap(jax.grad(lambda lane, i, w: jnp.sum(jnp.cos(nw.Sparse(i, w)(lane)))), in_axes=(0, None, None)))
        together = jax.grad(lambda x: jnp.sum(jnp.cos(nested(weights, x))))
        np.testing.assert_allclose(per_lane(x, index, weights), together(x), **EXACT)


def test_gradient_through_either_layout_agrees_with_finite_differences_and_forward_mode(layout):
    rng = np.random.default_rng(3)
    with jax.enable_x64(True):
        operator = nw.couple(N, *random_edges(rng), layout=layout)
        operator = eqx.tree_at(lambda o: o.weights, operator, jnp.asarray(operator.weights))
        x, step = rng.normal(size=N), 1e-6

        def loss(weights):
            return jnp.sum(jnp.sin(eqx.tree_at(lambda o: o.weights, operator, weights)(x)))

        direction = rng.normal(size=operator.weights.shape)
        forward = jax.jvp(loss, (operator.weights,), (direction,))[1]
        reverse = jnp.sum(jax.grad(loss)(operator.weights) * direction)
        central = (loss(operator.weights + step * direction) - loss(operator.weights - step * direction)) / (2 * step)
        np.testing.assert_allclose(forward, reverse, rtol=1e-12)
        np.testing.assert_allclose(reverse, central, rtol=1e-7, atol=1e-7)  # error step^2 and rounding / step


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(N)), st.integers(0, 2**31), st.sampled_from(["dense", "sparse"]), st.sampled_from(["n", None, "degree"]))
def test_renumbering_nodes_renumbers_the_result(order, seed, layout, normalise):
    rng = np.random.default_rng(seed)
    rows, cols, weights = random_edges(rng)
    order = np.asarray(order)
    x = rng.normal(size=N).astype(np.float32)
    options = {"normalise": normalise, "layout": layout}
    result = nw.couple(N, rows, cols, np.abs(weights), **options)(x)
    renumbered = nw.couple(N, order[rows], order[cols], np.abs(weights), **options)(x[np.argsort(order)])
    np.testing.assert_allclose(np.asarray(renumbered)[order], result, **ROUNDING)


@pytest.mark.parametrize("platform", ["cpu", "cuda", "tpu"])
def test_step_and_gradient_lower_for(platform, layout):
    operator = nw.couple(N, *random_edges(np.random.default_rng(4)), layout=layout)
    parameters, rest = eqx.partition(operator, eqx.is_inexact_array_like)

    def loss(parameters, x):
        return jnp.sum(jax.vmap(eqx.combine(parameters, rest))(x) ** 2)

    specs = jax.tree.map(lambda a: jax.ShapeDtypeStruct(np.shape(a), jnp.float32), parameters), jax.ShapeDtypeStruct((8, N), jnp.float32)
    lowered = jax.jit(jax.grad(loss, argnums=(0, 1))).trace(*specs).lower(lowering_platforms=(platform,))
    assert "neighbour_contraction" not in lowered.as_text()


def test_to_networkx_points_from_source_to_target():
    graph = nw.to_networkx(nw.couple(3, [1], [0], [2.0], layout="sparse"))
    assert graph.is_directed()
    assert list(graph.edges(data="weight")) == [(0, 1, 2.0)]
    assert not nw.to_networkx(nw.AllToAll(), 3).is_directed()
