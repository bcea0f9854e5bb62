"""What the figures show, read back from them."""

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from neurojax.hopfield import patterns, plot, theory

LETTERS = patterns.letters("XO+")


def trace(values, *dims):
    values = np.asarray(values, float)
    return xr.DataArray(values, {"time": np.arange(len(values))}, ("time", *dims))


def test_patterns():
    ax = plot.plot_pattern(LETTERS[0], (5, 5), title="X")
    assert np.array_equal(ax.images[0].get_array(), LETTERS[0].reshape(5, 5))
    assert ax.get_title() == "X"
    figure = plot.plot_patterns(LETTERS, (5, 5), titles=("X", "O"), columns=2)
    assert [ax.get_title() for ax in figure.axes] == ["X", "O", "", ""]
    assert np.array_equal(figure.axes[2].images[0].get_array(), LETTERS[2].reshape(5, 5))
    with pytest.raises(ValueError, match="25 units do not make 4 x 5"):
        plot.plot_pattern(LETTERS[0], (4, 5))


def test_traces():
    m = trace([[0.2, 0.1], [0.9, 0.0], [1.0, -0.1]], "pattern")
    ax = plot.plot_recall(m, names=["X"])
    assert [line.get_ydata().tolist() for line in ax.lines[:2]] == [[0.2, 0.9, 1.0], [0.1, 0.0, -0.1]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["X", "pattern 1"]
    assert plot.plot_energy(trace([-1.0, -2.0])).lines[0].get_ydata().tolist() == [-1.0, -2.0]


def test_capacity_beside_theory():
    """Means over seeds; the dashed line is the theory; its end is marked once however many curves there are."""
    m = xr.DataArray([[1.0, 0.98], [0.5, 0.3]], {"patterns.stored": [50.0, 200.0], "seed": [0, 1]}, ("patterns.stored", "seed"))
    ax = plot.plot_capacity(m, np.array([0.05, 0.2]), label="Hebb")
    plot.plot_capacity(m, np.array([0.05, 0.2]), label="again", ax=ax)
    (line,) = (line for line in ax.lines if line.get_gid() == "theory")
    x, y = line.get_data()
    assert y == pytest.approx(theory.overlap(x * (1 - 1e-9)), abs=1e-9)
    assert x[-1] == pytest.approx(theory.capacity())
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert {"Hebb", "again", r"$\alpha_c$ = 0.138"} <= set(labels)


def test_phase_diagram():
    m = xr.DataArray(np.ones((3, 4)), {"load": [0.02, 0.06, 0.1], "temperature": [0.1, 0.3, 0.5, 0.7]}, ("load", "temperature"))
    ax = plot.plot_phases(m)
    melt = ax.lines[0]
    assert melt.get_ydata() == pytest.approx(theory.retrieval_temperature(np.asarray(melt.get_xdata())))
    with pytest.raises(ValueError, match="name them 'load'"):
        plot.plot_phases(m.rename(load="alpha"))


def test_basin():
    recalled = xr.DataArray(
        [[False, False], [True, False], [True, True]], {"overlap": [0.1, 0.2, 0.3], "seed": [0, 1]}, ("overlap", "seed")
    )
    assert plot.plot_basin(recalled).lines[0].get_ydata().tolist() == [0.0, 0.5, 1.0]


def test_a_film(tmp_path):
    path = plot.animate_recall(
        trace(LETTERS, "unit"), trace(np.eye(3), "pattern"), trace([-1.0, -2.0, -3.0]), (5, 5), tmp_path / "recall.gif"
    )
    with Image.open(path) as film:
        assert film.n_frames == 3
