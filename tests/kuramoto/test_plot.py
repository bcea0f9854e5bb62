"""Figures of oscillators: artists against data, theory where it holds and nowhere else."""

import itertools
import json
import shutil

import numpy as np
import pytest
import xarray as xr
from PIL import Image

import neurojax as nj
from neurojax.kuramoto import plot, theory
from neurojax.sweep.plot import trace_of
from neurojax.sweep.spec import describe

COUPLING, NOISE = np.linspace(0.0, 4.0, 5), np.array([0.0, 0.5, 1.0])
LORENTZIAN = {"class": "Lorentzian", "placement": "quantiles", "scale": 0.5, "mean": 0.0}
SYSTEM = {"class": "Kuramoto", "n": 100, "coupling": 1.0, "noise": None, "frequencies": LORENTZIAN, "graph": None, "lag": None}


def dataset(levels=NOISE, *, partial=False, **changes):
    """A sweep as `nj.sweep` gives it; its values are random."""
    dims = ("coupling", "noise", "seed") if levels is not None else ("coupling", "seed")
    shape = (len(COUPLING), len(levels), 4) if levels is not None else (len(COUPLING), 4)
    r, status = np.random.default_rng(1).random(shape).astype(np.float32), np.ones(shape, np.int8)
    if partial:
        status[3:], r[3:] = 0, np.nan
    measured = {"class": "Mean", "measure": {"function": "neurojax.kuramoto.measures.order_parameter"}}
    what = {"system": SYSTEM | changes, "run": {"duration": 10.0, "dt": 0.1}, "records": {"r_mean": measured}}
    coords = {"coupling": COUPLING, "seed": np.arange(4)} | ({"noise": levels} if levels is not None else {})
    return xr.Dataset({"r_mean": (dims, r), "status": (dims, status)}, coords, {"what": json.dumps(what), "provenance": "{}"})


def dashed(ax):
    return [line for line in ax.lines if line.get_linestyle() == "--"]


def drawn(monkeypatch, data):
    """The axes that `draw` makes, by figure."""
    made = {}
    monkeypatch.setattr(plot, "save", lambda ax, folder, name, *_: made.setdefault(name, ax) and [])
    plot.draw(data, ".")
    return made


@pytest.fixture(scope="module")
def film():
    """Phases of a small run, and its frequencies."""
    model = nj.Kuramoto(20, coupling=2.0, frequencies=nj.Normal(0.5), windings=False)
    run = nj.simulate(model, dt=0.1, duration=3.0, record={"theta": nj.Trace(nj.phases, every=3), "r": nj.Trace(nj.order_parameter)})
    return trace_of(run, "theta"), trace_of(run, "r"), np.asarray(run.system.frequencies)


def test_a_trace_holds_r_the_floor_and_the_warmup(film):
    _, r, _ = film
    ax = plot.plot_order_trace(r, n=20, warmup=1.0)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), r.values)
    np.testing.assert_allclose(ax.lines[1].get_ydata(), r.sel(time=slice(1.0, None)).values.mean(), rtol=1e-6)
    assert ax.lines[2].get_ydata()[0] == pytest.approx(np.sqrt(np.pi / 80))
    assert ax.lines[2].get_linestyle() == ":"
    assert ax.patches[0].get_extents().transformed(ax.transData.inverted()).x1 == pytest.approx(1.0)
    assert ax.get_ylim() == (0, 1)
    assert ax.get_xlabel()
    assert ax.get_ylabel()


def test_a_trace_has_a_line_for_each_seed():
    r = xr.DataArray(np.random.default_rng(0).random((3, 8)), dims=("seed", "r_time"), coords={"r_time": np.arange(8.0)})
    ax = plot.plot_order_trace(r)
    np.testing.assert_array_equal([line.get_ydata() for line in ax.lines[:3]], r.values)


def test_data_without_time_are_refused():
    with pytest.raises(ValueError, match="no time"):
        plot.plot_order_trace(xr.DataArray(np.zeros(3), dims="x"))


def test_a_transition_holds_the_means_and_the_theory():
    r = dataset(None)["r_mean"]
    ax = plot.plot_transition(r[::-1], frequencies=nj.Lorentzian(0.5), n=100)
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), COUPLING)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), r.mean("seed"), rtol=1e-6)
    (curve,) = dashed(ax)
    k, exact = curve.get_data()
    np.testing.assert_allclose(exact, np.sqrt(np.maximum(0, 1 - 1 / np.maximum(k, 1e-9))), atol=1e-12)
    assert any(line.get_linestyle() == ":" and line.get_xdata()[0] == 1.0 for line in ax.lines)
    assert ax.get_ylim() == (0, 1)
    assert "n = 4 seeds" in ax.get_legend().get_texts()[0].get_text()


def test_curves_share_axes_and_name_theory_once():
    r = dataset(None)["r_mean"]
    ax = plot.plot_transition(r, frequencies=nj.Lorentzian(0.5), label="a")
    plot.plot_transition(r, frequencies=nj.Normal(1.0), label="b", ax=ax)
    assert len(dashed(ax)) == 2
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert sorted(texts) == ["a", "b", "onset $K_c$", "theory"]
    assert ax.get_legend().get_title().get_text() == "mean ± s.d., n = 4 seeds"


def test_a_transition_needs_one_axis_the_coupling():
    with pytest.raises(ValueError, match="that is the coupling"):
        plot.plot_transition(dataset()["r_mean"])


def test_a_density_with_two_maxima_gets_its_onset_alone():
    ax = plot.plot_transition(dataset(None)["r_mean"], frequencies=nj.Bimodal(separation=2.0, scale=0.5))
    assert not dashed(ax)
    assert any(line.get_linestyle() == ":" for line in ax.lines)


def test_a_phase_diagram_holds_the_means_and_the_onset_at_half_sigma_squared():
    r = dataset()["r_mean"]
    ax = plot.plot_phase_diagram(r.transpose("noise", "seed", "coupling"), frequencies=nj.Lorentzian(0.5))
    mesh = ax.collections[0]
    np.testing.assert_allclose(mesh.get_array(), r.mean("seed").values.T, rtol=1e-6)
    assert mesh.get_clim() == (0, 1)
    assert mesh.get_cmap().name == "viridis"
    onset, sigma = dashed(ax)[0].get_data()
    np.testing.assert_allclose(onset, 2 * (0.5 + sigma**2 / 2), rtol=1e-12)
    assert not dashed(plot.plot_phase_diagram(r))


def test_a_phase_diagram_needs_both_axes():
    with pytest.raises(ValueError, match="coupling and noise"):
        plot.plot_phase_diagram(dataset(None)["r_mean"])


@pytest.mark.parametrize("kind", ["cos", "sin"])
def test_differences_are_sorted_by_frequency(kind):
    rng = np.random.default_rng(0)
    theta, omega = rng.uniform(-3, 3, 7), rng.normal(size=7)
    ax = plot.plot_differences(theta, omega, kind=kind)
    ordered = theta[np.argsort(omega)]
    (image,) = ax.images
    np.testing.assert_allclose(image.get_array(), getattr(np, kind)(ordered[:, None] - ordered), atol=1e-12)
    assert image.get_clim() == (-1, 1)
    assert image.get_cmap().name == "RdBu_r"


def test_differences_know_two_kinds():
    with pytest.raises(ValueError, match="kind='tan'"):
        plot.plot_differences(np.zeros(2), np.zeros(2), kind="tan")


def test_a_raster_has_its_rows_sorted(film):
    theta, _, omega = film
    ax = plot.plot_raster(theta, omega)
    (image,) = ax.images
    np.testing.assert_array_equal(image.get_array(), theta.values[:, np.argsort(omega)].T)
    assert image.get_clim() == (-np.pi, np.pi)
    assert image.get_cmap().name == "twilight"
    assert ax.get_xlim()[1] == theta.time.values[-1]


def test_a_circle_holds_phases_and_mean_field(film):
    theta, r, omega = film
    ax = plot.plot_circle(theta.values[4], omega)
    dots, arrow = ax.collections
    np.testing.assert_allclose(dots.get_offsets(), np.column_stack([np.cos(theta[4]), np.sin(theta[4])]), atol=1e-6)
    np.testing.assert_array_equal(dots.get_array(), omega)
    assert np.hypot(arrow.U[0], arrow.V[0]) == pytest.approx(r.values[12], abs=1e-6)
    assert ax.get_aspect() == 1
    assert ax.get_xlim() == (-1.15, 1.15)


def test_identical_oscillators_can_be_coloured():
    assert plot.plot_circle(np.zeros(3), np.zeros(3)).collections[0].get_clim() == (-1, 1)


def test_a_film_has_a_frame_for_each_sample_and_they_differ(film, tmp_path):
    theta, _, omega = film
    path = plot.animate_circle(theta, omega, tmp_path / "sub" / "film.gif", coupling=nj.Sinusoid(1.0, 1.0, 3.0), turning=0.1, rate=20)
    with Image.open(path) as image:
        frames = []
        for number in range(image.n_frames):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGB")))
            assert image.info["duration"] == 50
        assert image.info["loop"] == 0
    assert len(frames) == theta.sizes["time"] == 10
    assert len(np.unique(np.concatenate(frames) @ np.array([1, 256, 65536]))) <= 64
    assert all((a != b).any() for a, b in itertools.pairwise(frames))


def test_bad_films_are_refused(film, tmp_path, monkeypatch):
    theta, _, omega = film
    with pytest.raises(ValueError, match="must end in"):
        plot.animate_circle(theta, omega, tmp_path / "film.avi")
    with pytest.raises(ValueError, match="rate=0"):
        plot.animate_circle(theta, omega, tmp_path / "film.gif", rate=0)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(RuntimeError, match=r"ends in \.gif"):
        plot.animate_circle(theta, omega, tmp_path / "film.mp4")


@pytest.mark.parametrize("partial", [False, True])
def test_draw_gives_the_phase_diagram_and_the_transitions(monkeypatch, partial):
    data = dataset(partial=partial)
    made = drawn(monkeypatch, data)
    assert list(made) == ["phase_diagram", "transitions"]
    mesh = made["phase_diagram"].collections[0].get_array()
    np.testing.assert_allclose(np.ma.filled(mesh, np.nan), data.r_mean.mean("seed").values.T, rtol=1e-6)
    assert len(dashed(made["phase_diagram"])) == 1
    curves = dashed(made["transitions"])
    assert len(curves) == 3
    k, exact = curves[-1].get_data()
    np.testing.assert_allclose(exact, theory.order_parameter(k, nj.Lorentzian(0.5), 0.5), atol=1e-9)
    assert "100" in made["phase_diagram"].get_title()


def test_draw_gives_the_transition_under_the_models_own_noise(monkeypatch):
    made = drawn(monkeypatch, dataset(None, noise=1.0))
    assert list(made) == ["transition"]
    k, exact = dashed(made["transition"])[0].get_data()
    np.testing.assert_allclose(exact, theory.order_parameter(k, nj.Lorentzian(0.5), 0.5), atol=1e-9)


@pytest.mark.parametrize(
    "change",
    [
        {"graph": {"class": "Ring", "k": 2}},
        {"lag": 0.3},
        {"frequencies": {"array": [100], "dtype": "float64", "sha256": "0"}},
        {"frequencies": {"class": "Given", "values": {"array": [100]}}},
        {"frequencies": LORENTZIAN | {"scale": {"array": [3]}}},
        {"noise": {"class": "PhaseNoise", "scale": 0.1, "depth": 0.5}},
    ],
)
def test_no_theory_where_it_does_not_hold(monkeypatch, change):
    made = drawn(monkeypatch, dataset(None, **change))
    assert not dashed(made["transition"])


@pytest.mark.parametrize(
    "frequencies", [nj.Normal(0.3, 1.0), nj.Lorentzian(2.0), nj.Uniform(0.7), nj.Delta(1.5), nj.Bimodal(1.0, 0.3, kind="normal")]
)
def test_theory_is_rebuilt_from_a_models_description(frequencies):
    model = nj.Kuramoto(8, noise=0.5, frequencies=frequencies)
    assert plot.theory_of(json.loads(json.dumps(describe(model)))) == plot.Theory(frequencies, 0.125)


def test_other_axes_get_the_generic_figures(tmp_path):
    data = dataset().rename(noise="lag")
    assert [file.name for file in plot.draw(data, tmp_path)] == ["r_mean.png", "r_mean.pdf", "r_mean.csv"]


def test_a_sweep_of_seeds_alone_gets_its_traces(tmp_path):
    model = nj.Kuramoto(10, windings=False)
    record = {"r": nj.Trace(nj.order_parameter), "r_last": nj.Last(nj.order_parameter)}
    data = nj.sweep(model, {}, dt=0.1, duration=1.0, seeds=2, record=record)
    assert [file.name for file in plot.draw(data, tmp_path)] == ["r_trace.png", "r_trace.pdf", "r_trace.csv"]


def test_a_whole_sweep_is_drawn_from_its_store(tmp_path):
    model = nj.Kuramoto(50, noise=0.0, frequencies=nj.Delta(0.0), windings=False)
    over = {"coupling": [0.5, 2.0], "noise": [0.2, 1.0]}
    nj.sweep(model, over, dt=0.1, duration=5.0, seeds=2, record={"r": nj.Mean(nj.order_parameter)}, store=tmp_path / "s.zarr")
    names = {file.name for file in plot.draw(nj.load(tmp_path / "s.zarr"), tmp_path)}
    assert names == {f"{name}.{kind}" for name in ("phase_diagram", "transitions") for kind in ("png", "pdf", "csv")}
