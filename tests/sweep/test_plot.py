"""Figures of any sweep: what the artists hold is what the dataset holds."""

import json
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from PIL import Image

from neurojax.sweep import plot

COUPLING, NOISE = np.array([2.0, 0.0, 1.0]), np.array([0.1, 0.4])


def dataset(**records):
    """A sweep over coupling and noise with three seeds, all done."""
    shape = (len(COUPLING), len(NOISE), 3)
    dims = ("coupling", "noise", "seed")
    data = {name: (dims, values) for name, values in records.items()}
    data |= {"status": (dims, np.ones(shape, np.int8)), "bad_step": (dims, np.full(shape, -1, np.int32))}
    what = {"system": {"class": "Something"}, "records": {}}
    attributes = {"what": json.dumps(what), "provenance": json.dumps({"versions": {"neurojax": "0"}})}
    return xr.Dataset(data, coords={"coupling": COUPLING, "noise": NOISE, "seed": np.arange(3)}, attrs=attributes)


@pytest.fixture
def values():
    return np.random.default_rng(0).random((3, 2, 3))


def test_importing_the_package_does_not_import_matplotlib():
    code = "import sys, neurojax; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_lanes_that_are_not_done_count_nowhere(values):
    data = dataset(a=values)
    data["status"].values[0, 0, 0] = 2
    data["status"].values[1, 1, :] = 0
    spread = plot.over_seeds(plot.completed(data, "a"))
    np.testing.assert_allclose(spread.mean[0, 0], values[0, 0, 1:].mean(), rtol=1e-12)
    np.testing.assert_allclose(spread.deviation[0, 0], values[0, 0, 1:].std(ddof=1), rtol=1e-12)
    np.testing.assert_array_equal(spread.seeds, [[2, 3], [3, 0], [3, 3]])
    assert np.isnan(spread.mean[1, 1])
    assert np.isnan(spread.deviation[1, 1])


def test_a_curve_holds_the_means_in_order_and_bars(values):
    record = plot.completed(dataset(a=values), "a").isel(noise=0)
    ax = plot.plot_curve(record)
    order = [1, 2, 0]
    line = ax.lines[0]
    np.testing.assert_array_equal(line.get_xdata(), COUPLING[order])
    np.testing.assert_allclose(line.get_ydata(), values[order, 0].mean(axis=1), rtol=1e-12)
    upper = values[order, 0].mean(axis=1) + values[order, 0].std(axis=1, ddof=1)
    np.testing.assert_allclose([segment[1, 1] for segment in ax.collections[0].get_segments()], upper, rtol=1e-12)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("coupling", "a")
    assert "n = 3 seeds" in ax.get_legend().get_texts()[0].get_text()


def test_many_points_get_a_band():
    values = np.random.default_rng(0).random((9, 4))
    record = xr.DataArray(values, dims=("x", "seed"), coords={"x": np.arange(9.0)}, name="a")
    (band,) = plot.plot_curve(record).collections
    upper = (values.mean(axis=1) + values.std(axis=1, ddof=1)).max()
    assert band.get_paths()[0].vertices[:, 1].max() == pytest.approx(upper)


def test_one_seed_has_no_band(values):
    ax = plot.plot_curve(plot.completed(dataset(a=values), "a").isel(noise=0, seed=[1]))
    assert not ax.collections
    assert "n = 1 seed" in ax.get_legend().get_texts()[0].get_text()


def test_labels_stand_at_equal_distances(values):
    record = xr.DataArray(values[:, 0], dims=("graph", "seed"), coords={"graph": ["ring", "star", "tree"]}, name="a")
    ax = plot.plot_curve(record)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["ring", "star", "tree"]
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [0, 1, 2])


def test_parameters_that_move_together_are_drawn_against_the_first(values):
    coords = {"coupling": ("place", COUPLING), "noise": ("place", COUPLING / 2)}
    ax = plot.plot_curve(xr.DataArray(values[:, 0], dims=("place", "seed"), coords=coords, name="a"))
    assert ax.get_xlabel() == "coupling"
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), np.sort(COUPLING))


def test_a_map_holds_the_means_with_its_axes_sorted(values):
    values[2, 1] = np.nan
    ax = plot.plot_map(plot.completed(dataset(a=values), "a"))
    mesh = ax.collections[0]
    expected = values.mean(axis=-1)[[1, 2, 0]].T
    np.testing.assert_allclose(mesh.get_array().filled(np.nan), expected, rtol=1e-12)
    assert mesh.get_array().mask.sum() == 1
    assert mesh.get_cmap().name == "viridis"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("coupling", "noise")


def test_a_signed_map_is_symmetric_about_zero(values):
    mesh = plot.plot_map(plot.completed(dataset(a=values - 0.4), "a")).collections[0]
    low, high = mesh.get_clim()
    assert low == -high == -np.abs((values - 0.4).mean(axis=-1)).max()
    assert mesh.get_cmap().name == "RdBu_r"


def test_axes_that_are_given_are_drawn_on(values):
    ax = Figure().add_subplot()
    assert plot.plot_map(plot.completed(dataset(a=values), "a"), ax=ax) is ax


def test_a_wrong_number_of_axes_is_refused(values):
    record = plot.completed(dataset(a=values), "a")
    with pytest.raises(ValueError, match="select or average"):
        plot.plot_curve(record)
    with pytest.raises(ValueError, match="2 are drawn"):
        plot.plot_map(record.isel(noise=0))


def test_draw_writes_each_scalar_record_with_its_data_and_where_they_come_from(values, tmp_path):
    data = dataset(a=values, b=values + 1).assign(trace=(("coupling", "noise", "seed", "t"), np.zeros((3, 2, 3, 4))))
    files = plot.draw(data, tmp_path / "new")
    assert [file.name for file in files] == ["a.png", "a.pdf", "a.csv", "b.png", "b.pdf", "b.csv"]
    with Image.open(files[0]) as image:
        assert image.size[0] > 150 * 5
        assert json.loads(image.info["Description"])["provenance"] == {"versions": {"neurojax": "0"}}
    assert files[1].read_bytes().startswith(b"%PDF")
    rows = np.genfromtxt(files[2], delimiter=",", names=True)
    np.testing.assert_allclose(rows["a"], values.ravel(), rtol=1e-12)


def test_draw_averages_further_axes_and_says_so(values, tmp_path, monkeypatch):
    data = dataset(a=values).expand_dims(size=[1, 2, 3]).transpose("coupling", "noise", "size", "seed")
    titles = []
    monkeypatch.setattr(plot, "save", lambda ax, *_: titles.append(ax.get_title()) or [])
    plot.draw(data, tmp_path)
    assert titles == ["mean over size"]


def test_nothing_is_drawn_of_an_empty_store(values, tmp_path):
    data = dataset(a=np.full_like(values, np.nan))
    data["status"].values[:] = 0
    assert len(plot.draw(data, tmp_path)) == 3
