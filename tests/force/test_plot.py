"""What the figures show, read back from them."""

import itertools

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from neurojax.force import plot
from neurojax.force.analysis import Components


def series(values, name="z"):
    values = np.asarray(values, float)
    dims = ("time", "output")[: values.ndim]
    return xr.DataArray(values, {"time": np.arange(len(values)) * 2.0}, dims, name)


def test_outputs_and_their_targets():
    z = np.random.default_rng(0).normal(size=(5, 2))
    ax = plot.plot_output(series(z), series(-z), ends=4.0)
    drawn = [line.get_ydata() for line in ax.lines]
    assert np.array_equal(np.stack(drawn[:4], axis=1), np.hstack([-z, z]))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["target $f$", "output $z$", "learning ends"]


def test_success_and_its_interval():
    """Wilson's interval at one standard error: for 8 of 10, (0.8 + 0.05) / 1.1 plus or minus sqrt(0.016 + 0.0025) / 1.1."""
    good = xr.DataArray(np.arange(10)[None, :] < np.array([[8], [0]]), {"gain": [1.0, 2.0], "seed": range(10)}, ("gain", "seed"))
    ax = plot.plot_success(good)
    assert ax.lines[0].get_ydata().tolist() == [0.8, 0.0]
    band = ax.collections[0].get_paths()[0].vertices
    centre, half = 0.85 / 1.1, np.sqrt(0.0185) / 1.1
    assert sorted({round(y, 9) for x, y in band if x == 1.0}) == pytest.approx([centre - half, centre + half])


def test_spectra_and_variances():
    values = np.array([1 + 2j, -1 - 2j])
    ax = plot.plot_spectrum(values, 2 * values)
    assert ax.lines[1].get_xydata().tolist() == [[2, 4], [-2, -4]]
    found = Components(np.eye(3), np.array([2.0, 1.0, 1.0]), np.zeros(3))
    ax = plot.plot_variances(found, labels=("x",))
    assert ax.lines[0].get_ydata().tolist() == [0.5, 0.25, 0.25]
    assert ax.get_legend().get_texts()[0].get_text() == "x, PR = 2.7"


def test_a_raster_shows_each_spike():
    spikes = xr.DataArray(np.array([[1, 0, 1], [0, 0, 0], [0, 1, 1]], bool), {"time": [0.0, 0.5, 1.0]}, ("time", "neuron"))
    (line,) = plot.plot_raster(spikes, most=2).lines
    assert [*zip(line.get_xdata(), line.get_ydata(), strict=True)] == [(0.0, 0), (1.0, 1)]


def test_a_film_of_training(tmp_path):
    times = np.arange(60)
    z, f = np.sin(times / 5), np.cos(times / 5)
    change = np.where(times < 40, np.exp(-times / 10.0), 0.0)
    rates = xr.DataArray(np.tanh(np.stack([z, f], axis=1)), {"time": times * 2.0}, ("time", "unit"))
    path = plot.animate_training(series(z), series(f), series(change), rates, tmp_path / "film.gif", ends=80.0, frames=6)
    with Image.open(path) as film:
        assert film.n_frames == 6
        shots = []
        for number in range(6):
            film.seek(number)
            shots.append(np.asarray(film.convert("RGB")))
    assert all((a != b).any() for a, b in itertools.pairwise(shots))
    with pytest.raises(ValueError, match="must end in"):
        plot.animate_training(series(z), series(f), series(change), rates, tmp_path / "film.txt", frames=2)
