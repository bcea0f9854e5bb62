import json

import numpy as np
import pytest
import xarray as xr
from omegaconf import OmegaConf

import neurojax as nj
from neurojax.cli.config import parsed
from neurojax.cli.job import prepared

SMALL = ("n=50", "duration=2", "dt=0.05")


def test_a_run_is_that_of_python(neurojax):
    said = neurojax("run", "kuramoto", *SMALL, "frequencies=Lorentzian(scale=0.5)", "seed=3", "noise=0.3", "coupling=2", "out=run.nc")
    assert said.code == 0
    model = nj.Kuramoto(n=50, coupling=2, noise=0.3, frequencies=nj.Lorentzian(scale=0.5))
    run = nj.simulate(model, duration=2, dt=0.05, seed=3, record={"r": nj.Trace(nj.order_parameter, every=10)})
    with xr.open_dataset("run.nc") as data:
        np.testing.assert_array_equal(data["r"], run.records["r"])
        np.testing.assert_array_equal(data["r_time"], run.times["r"])
    line = next(line.split() for line in said.out.splitlines() if line.startswith("r "))
    assert line[1] == "4"
    assert float(line[2]) == pytest.approx(run.records["r"].mean(), rel=1e-5)
    assert float(line[3]) == pytest.approx(run.records["r"][-1], rel=1e-5)


@pytest.mark.parametrize(
    "words",
    [
        ("model.frequencies.scale=0.5", "model.coupling=1.5"),
        ("scale=0.5", "coupling=3/2"),
        ("frequencies=Normal(0.5)", "+coupling=1.5"),
        ("frequencies=Normal", "frequencies.scale=1/2", "coupling=1.5"),
    ],
)
def test_names_of_parameters(words):
    made = prepared("run", parsed(["kuramoto", "n=50", "noise=null", *words], ())).system
    assert repr(made) == repr(nj.Kuramoto(n=50, coupling=1.5, frequencies=nj.Normal(0.5)))


def test_words_need_no_quotes(neurojax):
    words = ["graph=WattsStrogatz(k=6, p=0.1)", "graph.layout=dense", "frequencies.placement=quantiles", "method=EulerMaruyama"]
    assert neurojax("run", "kuramoto", *SMALL, *words, "options.dtype=float64", "out=run.nc").code == 0
    with xr.open_dataset("run.nc") as data:
        assert data["r"].dtype == np.float64
        what = json.loads(data.attrs["what"])
    assert what["system"]["graph"]["layout"] == "dense"
    assert what["system"]["frequencies"]["placement"] == "quantiles"
    assert what["arguments"]["method"] == {"class": "EulerMaruyama"}


def test_networks_of_the_world(neurojax, tmp_path):
    (tmp_path / "edges.csv").write_text("source,target,weight\na,b,1\nb,c,2\nc,a,0.5\n")
    for graph, size in (('networkx("karate_club_graph")', 34), ('read_graph("edges.csv")', 3)):
        said = neurojax("run", "kuramoto", f"graph={graph}", "duration=2", "record.theta=Trace(phases, every=20)")
        assert said.code == 0
        assert f"2 x {size}" in said.out


def test_continue_is_one_long_run(neurojax):
    whole = neurojax("run", "kuramoto", "n=50", "duration=4", "record.r_mean=null", "out=whole.nc")
    neurojax("run", "kuramoto", "n=50", "duration=2", "save=state.npz")
    rest = neurojax("run", "kuramoto", "n=50", "duration=2", "state=state.npz", "record.r_mean=null", "out=rest.nc")
    assert whole.code == rest.code == 0
    with xr.open_dataset("whole.nc") as one, xr.open_dataset("rest.nc") as other:
        np.testing.assert_array_equal(one["r"][4:], other["r"])
        np.testing.assert_allclose(one["r_time"][4:], other["r_time"])


def test_a_figure_and_its_configuration(neurojax, tmp_path):
    said = neurojax("run", "kuramoto", *SMALL, "figure=figures/run.png", "record.theta=Trace(phases, every=10)")
    assert said.code == 0
    assert (tmp_path / "figures" / "run.png").read_bytes()[:4] == b"\x89PNG"
    assert "repeat: neurojax run --config figures/run.config.yaml" in said.out


def test_divergence_is_said_with_its_step(neurojax):
    said = neurojax("run", "kuramoto", "n=4", "coupling=1e38", "frequencies=Delta(1e38)", "dt=1e6", "duration=1e7")
    assert said.code == 1
    assert said.err.startswith("neurojax run: diverged at step 0 (time 0)")


def test_configuration_round_trip(neurojax, tmp_path):
    words = ["run", "kuramoto", *SMALL, "frequencies.scale=0.5", "graph=WattsStrogatz(k=6, p=0.1)", "method=EulerMaruyama()"]
    shown = neurojax(*words, "--cfg")
    (tmp_path / "again.yaml").write_text(shown.out)
    again = neurojax("run", "--config", "again.yaml", "--cfg")
    assert again.out == shown.out
    config = OmegaConf.create(shown.out)
    assert config.model["frequencies.scale"] == 0.5
    assert config.record.r == "Trace(order_parameter, every=10)"


def test_a_file_of_overrides_gives_way_to_the_command_line(neurojax, tmp_path):
    (tmp_path / "my.yaml").write_text("coupling: 3\nfrequencies: {scale: 0.5}\nsteps: 10\nrecord:\n  late: Mean(order_parameter)\n")
    config = OmegaConf.create(neurojax("run", "kuramoto", "--config", "my.yaml", "coupling=1", "--cfg").out)
    assert (config.model.coupling, config.model["frequencies.scale"]) == (1, 0.5)
    assert (config.steps, config.duration) == (10, None)
    assert set(config.record) == {"r", "r_mean", "late"}


def test_a_model_of_ones_own(neurojax, neuron):
    said = neurojax("run", neuron, "tau=10", "duration=5", "dt=0.05", "record.v=Trace(voltage, every=2)", "record.state=null")
    assert said.code == 0
    assert said.out.splitlines()[1].split()[:2] == ["v", "50"]
    example = neurojax("run", neuron.partition(":")[0], "duration=5")
    assert [line.split()[0] for line in example.out.splitlines()[1:3]] == ["state.v", "state.w"]


def test_interrupted(neurojax, monkeypatch):
    simulate = nj.simulate

    def stopped(model, *, duration, **arguments):
        raise nj.Interrupted(simulate(model, duration=1, **arguments))

    monkeypatch.setattr(nj, "simulate", stopped)
    said = neurojax("run", "kuramoto", "n=8", "duration=4", "dt=0.05", "save=state.npz", "record.r_mean=Mean(order_parameter)")
    assert said.code == 130
    assert said.err.endswith("continue: neurojax run --config state.config.yaml state=state.npz duration=3\n")
