"""The model against brute force, on every kind of graph, and its measures against their definitions."""

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest

import neurojax as nj

DOUBLE = nj.Options(dtype="float64")
N = 24


def brute_force(theta, omega, weights, coupling, lag=0.0):
    """omega_i + K sum_j W_ij sin(theta_j - theta_i - alpha), all pairs."""
    return omega + coupling * (weights * np.sin(theta[None, :] - theta[:, None] - lag)).sum(axis=1)


@pytest.mark.parametrize("lag", [None, 0.7])
@pytest.mark.parametrize(
    "graph", [None, nj.Ring(), nj.ErdosRenyi(p=0.3, seed=1), nj.Complete(layout="dense"), nj.WattsStrogatz(k=4, p=0.2, layout="sparse")]
)
def test_drift_equals_all_pairs(graph, lag):
    """One Euler step in float64 against the N x N phase-difference matrix, 1e-12."""
    rng = np.random.default_rng(0)
    theta, omega = rng.uniform(-np.pi, np.pi, N), rng.normal(size=N)
    model = nj.Kuramoto(N, coupling=1.3, frequencies=omega, graph=graph, lag=lag, initial=theta)
    run = nj.simulate(model, steps=1, dt=0.01, method=nj.EulerMaruyama(), options=DOUBLE)
    weights = np.full((N, N), 1 / N) if graph is None else nj.adjacency(run.system.graph)
    expected = theta + 0.01 * brute_force(theta, omega, weights, 1.3, lag or 0.0)
    assert np.abs(np.exp(1j * run.final_state.state.theta) - np.exp(1j * expected)).max() < 1e-12


def test_windings_count_whole_turns():
    """Free oscillators: theta + 2 pi winding is omega t exactly, 1e-9 in float64."""
    omega = np.array([-7.3, 0.1, 12.9])
    model = nj.Kuramoto(3, coupling=0.0, frequencies=omega, initial=np.zeros(3))
    run = nj.simulate(model, duration=50.0, dt=0.1, options=DOUBLE)
    assert np.abs(nj.unwrapped(run.final_state.state) - 50 * omega).max() < 1e-9
    assert np.allclose(nj.effective_frequency(nj.PhaseState(np.zeros(3), np.zeros(3, int)), run.final_state.state, 50.0), omega)


def test_two_oscillators_lock_or_beat():
    """|dw| <= K locks; else the beat frequency is sqrt(dw^2 - K^2): K = 0.8, dw = 1 gives 0.6 (within one turn of the run)."""
    start = nj.PhaseState(np.zeros(2), np.zeros(2, int))
    spread = {}
    for coupling in (0.8, 1.2):
        model = nj.Kuramoto(2, coupling=coupling, frequencies=np.array([-0.5, 0.5]), initial=np.zeros(2))
        end = nj.simulate(model, duration=400.0, dt=0.02, options=DOUBLE).final_state.state
        spread[coupling] = np.ptp(nj.effective_frequency(start, end, 400.0))
    assert spread[0.8] == pytest.approx(0.6, abs=2 * np.pi / 400)
    assert spread[1.2] < 0.01


def test_a_tree_locks_where_its_flows_fit():
    """Trees are exact: the largest edge difference is arcsin(|B^T L^+ omega|_inf / K) once K exceeds that flow. 1e-6."""
    tree = nx.balanced_tree(2, 3)
    n = tree.number_of_nodes()
    omega = np.random.default_rng(3).normal(size=n)
    omega -= omega.mean()
    incidence = np.asarray(nx.incidence_matrix(tree, oriented=True).todense())
    flow = np.abs(incidence.T @ np.linalg.pinv(nx.laplacian_matrix(tree).toarray().astype(float)) @ omega).max()
    coupling = 1.1 * flow
    model = nj.Kuramoto(n, coupling=coupling, frequencies=omega, graph=nj.from_networkx(tree, normalise=None), initial=np.zeros(n))
    theta = nj.simulate(model, duration=400.0, dt=0.05, options=DOUBLE).final_state.state.theta
    edges = np.array(tree.edges)
    difference = np.abs(np.angle(np.exp(1j * (theta[edges[:, 0]] - theta[edges[:, 1]])))).max()
    assert difference == pytest.approx(np.arcsin(1 / 1.1), abs=1e-6)


def test_twisted_states_of_a_ring():
    """q-twisted states are fixed points of identical oscillators on a ring; r = 0 and R-hat stays (Wiley, Strogatz, Girvan 2006)."""
    model = nj.Kuramoto(20, coupling=1.0, frequencies=nj.Delta(0.0), graph=nj.Ring(), initial=nj.Twisted(2))
    run = nj.simulate(model, duration=20.0, dt=0.05, options=DOUBLE)
    start = 2 * np.pi * 2 * np.arange(20) / 20
    assert np.abs(np.exp(1j * run.final_state.state.theta) - np.exp(1j * start)).max() < 1e-6
    assert float(nj.order_parameter(run.final_state.state)) < 1e-6


def test_measures_by_their_definitions():
    rng = np.random.default_rng(5)
    theta = rng.uniform(-np.pi, np.pi, 60).astype(np.float32)
    z = np.exp(1j * theta.astype(float))
    state = nj.PhaseState(jnp.asarray(theta), jnp.zeros(60, int))
    close = {"abs": 1e-5}
    assert float(nj.order_parameter(state)) == pytest.approx(abs(z.mean()), **close)
    assert float(nj.squared_order(state)) == pytest.approx(abs(z.mean()) ** 2, **close)
    assert float(nj.mean_phase(state)) == pytest.approx(np.angle(z.mean()), **close)
    assert float(nj.daido_order(state, 3)) == pytest.approx(abs((z**3).mean()), **close)
    assert np.allclose(nj.group_order(state, 4), np.abs(z.reshape(4, 15).mean(axis=1)), atol=1e-5)
    assert np.allclose(nj.coherence(state), np.cos(theta[:, None] - theta[None, :]), atol=1e-5)
    pairs = np.exp(1j * (theta[:, None] - theta[None, :]).astype(float))
    assert np.allclose(nj.phase_locking_value(nj.phase_vectors(state)), np.ones((60, 60)), atol=1e-5)
    assert float(nj.phase_difference_variance(state)) == pytest.approx(1 - abs(pairs.mean()), **close)
    assert float(nj.order_parameter(np.array([0.3]))) == pytest.approx(1.0)


def test_local_order_on_a_star():
    """A leaf feels only the hub: local order 1; the hub feels the leaves' mean (normalised by degree)."""
    theta = np.linspace(-1, 2, 6)
    model = nj.Kuramoto(6, graph=nj.Star(), initial=theta)
    run = nj.simulate(model, steps=1, dt=0.1, record={"local": nj.At(nj.local_order, times=(0.0,))})
    local = run.records["local"][0]
    assert np.allclose(local[1:], 1.0, atol=1e-5)
    assert local[0] == pytest.approx(abs(np.exp(1j * theta[1:]).mean()), abs=1e-5)


def test_locking_spread_and_metastability():
    frequencies = np.array([0.0, 0.001, -0.002, 0.5])
    assert nj.locked_fraction(frequencies) == 0.75
    assert nj.frequency_spread(np.ones(4)) == 0.0
    r = np.array([0.1, 0.5, 0.9])
    assert nj.metastability(r) == pytest.approx(0.16)
    assert nj.metastability(r, "std") == pytest.approx(0.4)


def test_time_to_synchrony_grows_with_the_threshold():
    """The recorded first crossings are those of the recorded order parameter."""
    record = {f"t{level}": nj.First(nj.Synchronised(level)) for level in (0.5, 0.9)}
    record["r"] = nj.Trace(nj.order_parameter)
    model = nj.Kuramoto(2000, coupling=2.0, frequencies=nj.Delta(0.0), initial=nj.WrappedCauchy(0.2))
    run = nj.simulate(model, duration=10.0, dt=0.01, record=record)
    for level in (0.5, 0.9):
        assert run.records[f"t{level}"] == pytest.approx(run.times["r"][np.argmax(run.records["r"] >= level)], abs=1e-4)
    assert run.records["t0.9"] > run.records["t0.5"] > 0


def test_learned_weights_have_gradients():
    """d r / d W through a dense graph against finite differences in float64, five entries, 1e-6."""
    rng = np.random.default_rng(6)
    weights, theta, omega = rng.random((6, 6)) / 6, rng.uniform(-3, 3, 6), rng.normal(size=6)

    def final(w):
        model = nj.Kuramoto(6, coupling=1.5, frequencies=omega, initial=theta, graph=nj.Dense(w))
        return nj.order_parameter(nj.simulate(model, steps=30, dt=0.05, options=DOUBLE).final_state.state)

    with jax.enable_x64(True):
        slope = np.asarray(jax.grad(final)(jnp.asarray(weights)))
        for i, j in [(0, 1), (1, 0), (2, 5), (4, 3), (5, 2)]:
            step = np.zeros((6, 6))
            step[i, j] = 1e-6
            difference = (float(final(jnp.asarray(weights + step))) - float(final(jnp.asarray(weights - step)))) / 2e-6
            assert slope[i, j] == pytest.approx(difference, rel=1e-6, abs=1e-10)
