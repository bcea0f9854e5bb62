"""`neurojax train force`: what it prints, keeps and draws is what Python does."""

import re

import numpy as np
import pytest
import xarray as xr

import neurojax as nj
from neurojax.force import measures
from neurojax.force.targets import four_sines

SMALL = ("n=100", "target=four_sines(200)", "learn=2000", "test=1000")


def test_training_is_that_of_python(neurojax, tmp_path):
    code, said, _ = neurojax("train", "force", *SMALL, "gain=1.5", "out=t.nc", "figure=t.png", "save=t.npz")
    assert code == 0
    system = nj.Training(nj.RateNetwork(100), four_sines(200.0))
    phases = nj.Schedule({"train": nj.Phase(2000.0), "test": nj.Phase(1000.0, {"learning": False})})
    record = {"z": nj.Trace(measures.output), "f": nj.Trace(measures.target), "w": nj.Last(measures.weight_norm)}
    run = nj.simulate(system, duration=phases, dt=1.0, record=record | {"dw": nj.Trace(measures.weight_change)})
    kept = xr.open_dataset(tmp_path / "t.nc", engine="scipy")
    assert np.array_equal(kept["z"], run.records["z"])
    found = measures.accuracy(run.records["z"][2000:, 0], run.records["f"][2000:, 0], 200)
    assert f"test: {found.aligned:.4g} up to drift, {found.first_period:.4g} in the first period" in said
    assert (tmp_path / "t.png").stat().st_size > 10_000
    code, said, _ = neurojax("run", "force", "n=100", "target=four_sines(200)", "gain=1.5", "state=t.npz", "learning=False", "duration=400")
    assert code == 0
    assert "done: 3400 steps" in said
    code, said, _ = neurojax("train", "--config", "t.config.yaml", "out=again.nc", "figure=null", "save=null")
    assert code == 0
    assert np.array_equal(xr.open_dataset(tmp_path / "again.nc", engine="scipy")["z"], kept["z"])


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("train", "kuramoto", "n=9"), "kuramoto does not learn: give `force`"),
        (("train", "force", "learn=-1"), "learn=-1: a duration of at least 0"),
        (("train", "force", "learn=0", "test=0"), "nothing is left to do"),
        (("train", "force", "targt=1"), "did you mean 'target'?"),
        (("train", "force", "rule=RLS(alpha=-1)"), "RLS(alpha=-1): alpha must be positive"),
        (("train", "force", "figure=a.gif"), "figure=a.gif"),
    ],
)
def test_a_mistake_is_answered(neurojax, tmp_path, words, answer):
    code, _, said = neurojax(*words)
    assert code == 2
    assert answer in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("step", "rest"), [(1024, "learn=976 test=1000"), (2304, "learn=0 test=696")])
def test_interrupted(neurojax, monkeypatch, step, rest):
    """Stopped while it learns, or in the test: what it says does the rest, and comes to the same state."""
    assert neurojax("train", "force", *SMALL, "save=whole.npz").code == 0
    simulate = nj.simulate

    def stopped(system, *, duration, **settings):
        parts = {"train": nj.Phase(min(step, 2000.0)), "test": nj.Phase(step - 2000.0, {"learning": False})}
        part = nj.Schedule({name: phase for name, phase in parts.items() if phase.duration > 0})
        raise nj.Interrupted(simulate(system, duration=part, **settings))

    with monkeypatch.context() as patched:
        patched.setattr(nj, "simulate", stopped)
        said = neurojax("train", "force", *SMALL, "save=part.npz")
    assert said.code == 130
    assert f"state=part.npz {rest}" in said.err
    again = said.err.split("continue: neurojax ")[1].split()
    assert neurojax(*again, "save=rest.npz").code == 0
    system = nj.Training(nj.RateNetwork(100, gain=1.4), four_sines(200.0))
    one, other = (nj.load_state(name, system) for name in ("whole.npz", "rest.npz"))
    assert one.step == other.step
    assert np.array_equal(one.state.readout.weights, other.state.readout.weights)


def test_a_sweep_draws_which_gains_succeed(neurojax, tmp_path):
    words = ("n=60", "target=four_sines(100)", "seeds=2", "store=g.zarr", "over.network.gain=[0.5,1.4]", "figure=s.png")
    code, _, _ = neurojax("sweep", "force", *words, 'duration=Schedule({"train": 1000, "test": Phase(500, {"learning": False})})')
    assert code == 0
    assert (tmp_path / "s.png").stat().st_size > 10_000
    data = nj.load("g.zarr")
    shares = [
        np.mean([measures.accuracy(z, f, 100).aligned < 0.08 * np.abs(f).mean() for z, f in zip(*pair, strict=True)])
        for pair in zip(data["z"].values[..., 0], data["f"].values[..., 0], strict=True)
    ]
    assert neurojax("figures", "g.zarr", "out=all").code == 0
    assert {"success.png", "success.csv", "w.png"} <= {path.name for path in (tmp_path / "all").iterdir()}
    lines = (tmp_path / "all" / "success.csv").read_text().splitlines()
    drawn = np.array([line.split(",") for line in lines if line[0].isdigit()], float)
    assert [drawn[drawn[:, 0] == gain, 2].mean() for gain in (0.5, 1.4)] == shares


def test_fewer_samples_are_judged_by_their_times(neurojax):
    """Every tenth sample, and the target every tenth only: the test's share is found by time, or nothing is said; files are kept."""
    said = neurojax("train", "force", *SMALL, "record.z=Trace(output, every=10)", "record.f=Trace(target, every=10)", "record.dw=null")
    assert neurojax("train", "force", *SMALL, "out=whole.nc").code == 0
    with xr.open_dataset("whole.nc", engine="scipy") as whole:
        found = measures.accuracy(whole["z"].values[2000::10, 0], whole["f"].values[2000::10, 0], 20)
    told = [float(number) for number in re.search(r"([\d.]+) up to drift, ([\d.]+) in", said.out).groups()]
    assert told == pytest.approx([found.aligned, found.first_period], rel=1e-3)
    odd = neurojax("train", "force", *SMALL, "record.f=Trace(target, every=10)", "out=odd.nc")
    assert odd.code == 0
    assert "up to drift" not in odd.out
