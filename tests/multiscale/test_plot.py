"""What the figures show, read back from them."""

import numpy as np
import pytest
import xarray as xr
from PIL import Image
from scipy import stats

from neurojax.multiscale import plot, theory
from neurojax.multiscale.settling import Stationarity

RNG = np.random.default_rng(0)


def trace(values, *dims):
    values = np.asarray(values, float)
    return xr.DataArray(values, {"time": np.arange(len(values))}, ("time", *dims))


def test_images():
    values = RNG.normal(size=(5, 3))
    mesh = plot.plot_neurons(trace(values, "neuron")).collections[0]
    assert np.array_equal(np.asarray(mesh.get_array()).reshape(3, 5), values.T)
    assert mesh.get_clim() == (-np.abs(values).max(), np.abs(values).max())
    J = RNG.normal(size=(4, 4))
    image = plot.plot_couplings(J, extent=2.0).images[0]
    assert np.array_equal(image.get_array(), J)
    assert image.get_clim() == (-2, 2)


def test_distance_beside_theory():
    """The mean over seeds, its band, and theory's curve as it was given."""
    times, fade = np.arange(30), theory.Fading.of(0.9)
    ensemble = theory.Ensemble.of(RNG.choice([-1.0, 1.0], (3, 10)))
    mean = theory.mean_distance(ensemble, fade, times)
    seeds = mean[:, None] * np.array([0.5, 1.5])
    ax = plot.plot_distance(trace(seeds, "seed"), mean, np.sqrt(theory.distance_variance(ensemble, fade, times)), asymptote=0.1)
    drawn, dashed = ax.lines[:2]
    assert np.allclose(drawn.get_ydata(), mean)
    assert dashed.get_gid() == "theory"
    assert np.allclose(dashed.get_ydata(), mean)
    assert ax.get_yscale() == "log"
    assert {"mean ± s.d., n = 2 seeds", "theory"} <= {text.get_text() for text in ax.get_legend().get_texts()}


def test_curves():
    m = trace([[0.2, 0.1], [0.9, 0.0]], "pattern")
    assert [line.get_ydata().tolist() for line in plot.plot_overlaps(m).lines] == [[0.2, 0.9], [0.1, 0.0]]
    assert plot.plot_energy(trace([3.0, 1.0])).lines[0].get_ydata().tolist() == [3.0, 1.0]
    ax = plot.plot_residuals(trace([0.1, -0.1]), 0.2)
    assert [line.get_ydata().tolist() for line in ax.lines[:3]] == [[0.1, -0.1], [-0.2, -0.2], [0.2, 0.2]]
    c = xr.DataArray([1.0, 0.8, 0.7], {"lag": [0, 1, 2]}, ("lag",))
    assert plot.plot_autocorrelation(c, 0.81).lines[1].get_ydata() == pytest.approx([1, 0.81, 0.6561])
    ax = plot.plot_stationarity(Stationarity(np.array([100, 200]), np.array([0.5, 1e-4]), 100))
    assert ax.lines[0].get_ydata().tolist() == [0.5, 1e-4]
    assert ax.lines[2].get_xdata() == [100, 100]
    path = plot.plot_phase_space(trace([[0.0, 0.1], [0.5, 0.6]], "neuron"), targets=np.array([[1.0, -1.0]]))
    assert path.lines[0].get_xdata().tolist() == [0.0, 0.5]
    assert path.lines[2].get_ydata().tolist() == [-1.0]


def test_histogram_of_residuals():
    """Its area is 1; the dashed density is the normal one of the same mean and deviation."""
    values = RNG.normal(0.5, 2.0, 4000)
    ax = plot.plot_residual_histogram(values, 2.0)
    assert sum(patch.get_width() * patch.get_height() for patch in ax.patches) == pytest.approx(1)
    x, y = ax.lines[0].get_data()
    assert y.max() == pytest.approx(1 / (values.std() * np.sqrt(2 * np.pi)), rel=1e-3)
    assert x[np.argmax(y)] == pytest.approx(values.mean(), abs=0.1)
    assert ax.get_title() == f"W = {stats.shapiro(values).statistic:.3f}"
    with pytest.raises(ValueError, match="values that do not differ"):
        plot.plot_residual_histogram(np.ones(5))


def test_lock_in_diagram():
    """The safe line is at field 1, the lost one where field and weight are equal."""
    t = xr.DataArray(np.ones((3, 4)), {"field": [0.2, 0.7, 1.2], "weight": [0.2, 0.4, 0.6, 0.8]}, ("field", "weight"))
    ax = plot.plot_lock_in(t)
    lines = {line.get_gid(): line for line in ax.lines}
    assert lines["safe"].get_xdata() == [1, 1]
    assert np.array_equal(lines["lost"].get_xdata(), lines["lost"].get_ydata())
    with pytest.raises(ValueError, match="name them 'field'"):
        plot.plot_lock_in(t.rename(field="u"))


def test_films(tmp_path):
    s, J = RNG.uniform(-1, 1, (4, 3)), RNG.normal(size=(4, 3, 3))
    film = plot.animate_memory(trace(s, "i"), trace(J, "i", "j"), np.zeros((3, 3)), trace([0.5, 0.4, 0.3, 0.2]), tmp_path / "memory.gif")
    with Image.open(film) as opened:
        assert opened.n_frames == 4
    film = plot.animate_phase_space(trace(s[:, :2], "i"), tmp_path / "plane.gif")
    with Image.open(film) as opened:
        assert opened.n_frames == 4
