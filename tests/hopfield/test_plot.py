"""What the figures show, read back from them."""

import json

import numpy as np
import pytest
import xarray as xr
from PIL import Image

import neurojax as nj
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


def test_the_nearest_of_many_patterns_stands_out():
    values = np.zeros((3, 9))
    values[-1, 4] = -0.8
    ax = plot.plot_recall(trace(values, "pattern"))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["pattern 4"]
    assert sum(line.get_color() == "0.75" for line in ax.lines[:9]) == 8


def swept(what, dims, values):
    """A sweep of which only the axes and the description count."""
    shape = [len(one) for one in dims.values()] + [2]
    coords = {name: (name, one) for name, one in dims.items()} | {"seed": [0, 1]}
    record = {"class": "Last", "measure": {"function": "neurojax.hopfield.measures.target_overlap"}}
    m = np.broadcast_to(np.reshape(values, (*np.shape(values), *[1] * (len(shape) - np.ndim(values)))), shape)
    data = xr.Dataset({"m": ((*dims, "seed"), m), "status": ((*dims, "seed"), np.ones(shape, np.int8))}, coords)
    return data.assign_attrs(what=json.dumps({"system": what, "records": {"m": record}}))


HEBB = {"class": "Hopfield", "n": 100, "couplings": {"class": "Hebb", "per": "unit"}, "units": {"class": "Threshold"}}
STORKEY = HEBB | {"couplings": {"class": "Storkey"}}
BUILT = {"class": "Building", "values": {"dict": {"n": 100, "dynamics": {"class": "Glauber", "temperature": 0.3}}}}
LOADS = [0.05, 0.1, 0.2]


@pytest.mark.parametrize(
    ("what", "dims", "name", "lines", "theories"),
    [
        (HEBB, {"patterns.stored": [5.0, 10.0, 20.0]}, "capacity", [LOADS], 1),
        (STORKEY, {"patterns.stored": [5.0, 10.0, 20.0]}, "capacity", [LOADS], 0),
        (BUILT, {"load": LOADS}, "capacity", [LOADS], 1),
        (HEBB, {"load": LOADS, "rule": ["Hebb()", "Storkey()"]}, "capacity", [LOADS, LOADS], 1),
        (HEBB, {"cue.share": [0.0, 0.25, 0.5]}, "basin", [[1.0, 0.5, 0.0]], 0),
        (HEBB, {"load": LOADS, "temperature": [0.1, 0.2]}, "phases", None, 3),
    ],
)
def test_the_figure_of_a_sweep_goes_by_its_axes(tmp_path, monkeypatch, what, dims, name, lines, theories):
    drawn = {}
    monkeypatch.setattr(plot, "save", lambda ax, folder, name, shown, attributes: drawn.update({name: ax}) or [tmp_path / f"{name}.png"])
    data = swept(what, dims, [1.0, 0.9, 0.3])
    assert plot.draw(data, tmp_path) == [tmp_path / f"{name}.png"]
    (ax,) = drawn.values()
    marked = [line for line in ax.lines if line.get_marker() == "o"]
    if lines is not None:
        assert [np.round(line.get_xdata(), 6).tolist() for line in marked] == lines
    assert sum(line.get_linestyle() in ("--", "-.", ":") and len(line.get_xdata()) > 2 for line in ax.lines) == theories
    if what is BUILT:
        (line,) = (line for line in ax.lines if line.get_gid() == "theory")
        x, y = line.get_data()
        assert y[0] == pytest.approx(theory.overlap(x[0], 0.3), abs=1e-6)
    if name == "basin":
        assert marked[0].get_ydata().tolist() == [1.0, 0.0, 0.0]


def test_other_axes_get_the_figures_of_any_sweep(tmp_path):
    data = swept(HEBB, {"cue.share": [0.0, 0.5, 1.0], "gain": [1.0, 2.0]}, [1.0, 0.9, 0.3])
    assert {path.name for path in plot.draw(data, tmp_path)} == {"m.png", "m.pdf", "m.csv"}


def test_a_run_is_drawn_with_its_stations():
    """Stored, cue, steps up to the last change; without a shape overlaps and energy alone."""
    states = np.concatenate([-LETTERS[:1], LETTERS[1:2], LETTERS[:1], np.repeat(LETTERS[:1], 4, axis=0)])
    names = {"s": "units", "m": "overlaps", "e": "energy"}
    record = {name: {"class": "Trace", "measure": {"function": f"neurojax.hopfield.measures.{one}"}} for name, one in names.items()}
    data = xr.Dataset(
        {"s": (("s_time", "s_0"), states), "m": (("m_time", "m_0"), states @ LETTERS.T / 25), "e": (("e_time",), np.arange(7.0))},
        {f"{name}_time": np.arange(7.0) for name in names},
        {"what": json.dumps({"arguments": {"record": {"dict": record}}})},
    )
    figure = plot.draw_run(data, nj.Hopfield(25, LETTERS))
    assert [ax.get_title() for ax in figure.axes if ax.images] == ["stored 0", "stored 1", "stored 2", "cue", "step 1", "step 2"]
    assert len(figure.axes[-1].lines[0].get_xdata()) == 5
    assert len(plot.draw_run(data, nj.Hopfield(24)).axes) == 2
    assert plot.draw_run(data[[]], nj.Hopfield(25, LETTERS)) is None
