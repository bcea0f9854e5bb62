"""J with few entries in each row: the same network as with the whole matrix."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from neurojax.force import measures
from neurojax.force.targets import four_sines

DOUBLE = nj.Options(dtype="float64")


@pytest.mark.parametrize("slots", [1, 7, 40])
def test_products_derivatives_and_lanes_are_those_of_the_whole_matrix(slots):
    """J r, its derivatives by J and r, and both under vmap with one J for each lane or one for all, against NumPy; 1e-13."""
    rng = np.random.default_rng(slots)
    with jax.enable_x64(True):
        drawn = [nj.FixedIndegree(slots / 40).draw(jax.random.key(i), 40, 40) for i in range(3)]
        rates, back = jnp.asarray(rng.normal(size=(3, 40))), rng.normal(size=40)
        whole = np.stack([np.asarray(one) for one in drawn])
        assert ((whole != 0).sum(axis=2) == slots).all()
        assert np.allclose(drawn[0] @ rates[0], whole[0] @ rates[0], rtol=1e-13, atol=1e-13)
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *drawn)
        assert np.allclose(jax.vmap(lambda j, r: j @ r)(stacked, rates), np.einsum("lij,lj->li", whole, rates), atol=1e-13)
        assert np.allclose(jax.vmap(lambda r: drawn[1] @ r)(rates), rates @ whole[1].T, atol=1e-13)
        one = jax.vmap(lambda j, r: j @ r)(jax.tree.map(lambda leaf: leaf[None], drawn[2]), rates[2:])
        assert np.allclose(one[0], whole[2] @ rates[2], atol=1e-13)

        def loss(weights, r):
            return jnp.vdot(back, nj.RowSparse(drawn[0].sources, weights) @ r)

        by_weights, by_rates = jax.grad(loss, (0, 1))(drawn[0].weights, rates[0])
        assert np.allclose(by_rates, whole[0].T @ back, atol=1e-13)
        assert np.allclose(by_weights, back * np.asarray(rates[0])[np.asarray(drawn[0].sources)], atol=1e-13)
        _, moved = jax.jvp(loss, (drawn[0].weights, rates[0]), (jnp.zeros_like(drawn[0].weights), rates[1]))
        assert np.allclose(moved, back @ whole[0] @ rates[1], atol=1e-12)


def test_a_network_of_rows_learns_as_the_whole_one():
    """A matrix given whole and by its rows, unequally many entries in each: z of 600 steps of training to 1e-9 (float64)."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(60, 60)) * (rng.random((60, 60)) < 0.2) / np.sqrt(12)
    record = {"z": nj.Trace(measures.output)}
    shown = [
        nj.simulate(
            nj.Training(nj.RateNetwork(60, recurrent=j), four_sines(200.0)), steps=600, dt=1.0, seed=1, record=record, options=DOUBLE
        )
        for j in (matrix, nj.RowSparse.of(matrix))
    ]
    assert np.array_equal(np.asarray(nj.RowSparse.of(matrix)), matrix)
    assert np.abs(shown[0].records["z"]).max() > 0.3
    assert np.abs(shown[0].records["z"] - shown[1].records["z"]).max() < 1e-9
    assert np.allclose(*(np.sort_complex(nj.force.analysis.spectrum(run.system.network)) for run in shown), atol=1e-8)


def test_weights_have_the_deviation_of_the_formula():
    """N(0, 1 / (p n)): 40,000 weights, five standard errors; every source is as likely as others."""
    drawn = nj.FixedIndegree(0.1).draw(jax.random.key(0), 632, 632)
    weights = np.asarray(drawn.weights)
    assert weights.shape == (63, 632)
    assert weights.std() * np.sqrt(63) == pytest.approx(1.0, abs=5 / np.sqrt(2 * weights.size))
    heard = np.bincount(np.asarray(drawn.sources).ravel(), minlength=632)
    assert abs(heard - 63).max() < 6 * np.sqrt(63)
    assert all(len(set(column)) == 63 for column in np.asarray(drawn.sources).T)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: nj.RateNetwork(50, recurrent=nj.FixedIndegree(0.0)).check(),
            r"FixedIndegree\(p=0.0\): a share of connections in \(0, 1\]",
        ),
        (
            lambda: nj.RateNetwork(50, recurrent=nj.RowSparse.of(np.eye(40))).check(),
            r"recurrent\): an array of shape \(40, 40\); give \(50, 50\)",
        ),
        (lambda: nj.RowSparse(np.zeros((2, 9), int), np.zeros((3, 9))), r"sources of shape \(2, 9\), weights of shape \(3, 9\)"),
        (lambda: nj.RateNetwork(9, recurrent=nj.RowSparse(np.full((1, 9), 99), np.ones((1, 9)))).check(), "from 99 to 99.*from 0 to 8"),
        (lambda: nj.simulate(nj.RateNetwork(9, feedback_weights=nj.FixedIndegree()), steps=1, dt=1.0), "for recurrent weights"),
        (lambda: nj.RowSparse.of(np.ones((3, 4))), r"matrix of shape \(3, 4\)\): give a square one"),
        (
            lambda: nj.RateNetwork(50, recurrent=nj.FixedIndegree(), synapses=nj.PlasticSynapses(5, 5)).check(),
            r"synapses that learn need J as an array; take SparseGaussian\(p\)",
        ),
    ],
)
def test_bad_input_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()
