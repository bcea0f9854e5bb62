"""Dimensions, spectra and learning times, where they are known."""

import numpy as np
import pytest

import neurojax as nj
from neurojax.force import analysis


def test_components_of_rates_with_known_variances():
    """Variances 9, 4, 1 along orthogonal directions: found to 1e-12; participation ratio 196 / 98 = 2; 92 % need two."""
    rng = np.random.default_rng(0)
    basis, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    times = np.arange(400) * 2 * np.pi / 400
    traces = np.sqrt(2) * np.stack([3 * np.sin(times), 2 * np.sin(2 * times), np.sin(3 * times)], axis=1)
    rates = traces @ basis[:, :3].T + np.arange(5.0)
    found = analysis.principal_components(rates)
    assert found.variances == pytest.approx([9, 4, 1, 0, 0], abs=1e-12)
    assert found.participation_ratio == pytest.approx(196 / 98)
    assert [found.needed(share) for share in (0.6, 0.92, 0.99)] == [1, 2, 3]
    assert np.abs(np.abs(found.projected(rates, 3)) - np.abs(traces)).max() < 1e-9


@pytest.mark.parametrize("kind", ["external", "internal"])
def test_spectrum_is_that_of_the_linearised_step(kind):
    """Around x = 0 Euler's step, from x and the z it reads, is 1 + dt (-1 + M): its Jacobian's eigenvalues, by differences, 1e-6."""
    n, dt = 12, 0.1
    synapses = nj.PlasticSynapses(5, 4, first=2, weights=0.3) if kind == "internal" else None
    network = nj.RateNetwork(n, outputs=2, readout=0.2, tau=1.0, heard=8, synapses=synapses, recurrent=nj.SparseGaussian(0.5))
    options = nj.Options(dtype="float64")
    made = nj.simulate(network, steps=0, dt=dt, options=options).system

    def moved(x):
        state = nj.RateState(x, np.asarray(made.readout) @ np.tanh(x)[:8])
        return np.asarray(nj.simulate(made, steps=1, dt=dt, method=nj.EulerMaruyama(), state=state, options=options).final_state.state.x)

    jacobian = np.stack([(moved(1e-5 * e) - moved(-1e-5 * e)) / 2e-5 for e in np.eye(n)], axis=1)
    expected = np.linalg.eigvals((jacobian - np.eye(n)) / dt + np.eye(n))
    found = analysis.spectrum(made)
    assert np.abs(found[:, None] - expected).min(axis=1).max() < 1e-6
    assert np.abs(found[:, None] - expected).min(axis=0).max() < 1e-6


def test_the_first_period_that_is_learned():
    errors = np.repeat([[0.5, 0.02, 0.005, 0.02], [0.5, 0.4, 0.3, 0.2]], 10, axis=1)
    assert analysis.cycles_to_train(errors, 10).tolist() == [3.0, np.inf]
    assert analysis.cycles_to_train(errors[0], 10, 0.03) == 2.0
    with pytest.raises(ValueError, match="period=50"):
        analysis.cycles_to_train(errors, 50)


def test_spectra_of_what_they_do_not_hold_for_are_refused():
    with pytest.raises(ValueError, match="not drawn yet"):
        analysis.spectrum(nj.RateNetwork(5))
    with pytest.raises(ValueError, match="lag=2"):
        analysis.spectrum(nj.RateNetwork(5, lag=2))
