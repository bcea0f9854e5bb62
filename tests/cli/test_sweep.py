import signal

import numpy as np
import pytest
import xarray as xr
from omegaconf import OmegaConf

import neurojax as nj
from neurojax.cli import sweep

SMALL = ("n=20", "duration=2", "dt=0.05", "method=EulerMaruyama", "record.r_variance=null")


def test_a_sweep_is_that_of_python(neurojax, unexplained):
    words = ["over.coupling=linspace(0,4,5)", "over.noise=[0,0.5,1]", "seeds=4", "store=phase.zarr", "figure=phase_diagram.png"]
    said = neurojax("sweep", "kuramoto", *SMALL, *words, "options.rng=independent")
    assert said.code == 0
    assert "store: phase.zarr\nfigure: phase_diagram.png\n" in said.out
    data = nj.load("phase.zarr")
    same = nj.sweep(
        nj.Kuramoto(n=20),
        over={"coupling": np.linspace(0, 4, 5), "noise": [0.0, 0.5, 1.0]},
        seeds=4,
        dt=0.05,
        duration=2,
        method=nj.EulerMaruyama(),
        record={"r": nj.Mean(nj.order_parameter, warmup=1.0)},
        options=nj.SweepOptions(rng="independent"),
    )
    np.testing.assert_allclose(data.r, same.r, rtol=1e-5)


def test_repeated_from_its_configuration(neurojax, unexplained):
    first = neurojax("sweep", "kuramoto", *SMALL, "over.coupling=[1.0,2.0]", "seeds=2")
    assert "repeat: neurojax sweep --config runs/kuramoto-1.config.yaml" in first.out
    data = nj.load("runs/kuramoto-1.zarr")
    assert neurojax("sweep", "--config", "runs/kuramoto-1.config.yaml").code == 0  # complete: nothing is left to do
    again = neurojax("sweep", "--config", "runs/kuramoto-1.config.yaml", "store=null")
    assert "store: runs/kuramoto-2.zarr" in again.out
    xr.testing.assert_equal(nj.load("runs/kuramoto-2.zarr"), data)


@pytest.mark.parametrize(
    ("words", "dims"),
    [
        (("over.walk=zip(coupling=[1.0,2.0], lag=[0.1,0.2])",), {"walk": 2}),
        (('over.box=latin_hypercube({"coupling": (0, 4), "frequencies.scale": (0.5, 1)}, 3)',), {"box": 3}),
        (("graph=WattsStrogatz(k=6, p=0)", "over.graph.p=[0,0.1]"), {"graph.p": 2}),
        (("over.n=[10,20]",), {"n": 2}),
        (("over.graph=[Ring(), Star()]",), {"graph": 2}),
        (("noise=0.1", "over.coupling=[1.0,2.0]", "seeds=[3,5]"), {"coupling": 2, "seed": 2}),
    ],
)
def test_axes(neurojax, unexplained, words, dims):
    small = [word for word in SMALL if f"over.{word.partition('=')[0]}=" not in " ".join(words)]
    said = neurojax("sweep", "kuramoto", *small, "seeds=1", *words, "store=a.zarr")
    assert said.code == 0, said.err
    data = nj.load("a.zarr")
    assert dict(data.sizes) == {"seed": 1, **dims}
    assert bool((data.status == 1).all())


def test_axes_of_the_example_give_way(neurojax):
    def composed(*words):
        return OmegaConf.create(neurojax("sweep", "kuramoto", *words, "--cfg").out)

    assert composed().over == {"coupling": "linspace(0, 4, 33)", "noise": "linspace(0, 1.6, 9)"}
    assert composed("noise=0.2").over == {"coupling": "linspace(0, 4, 33)", "noise": None}
    named = composed("over.noise=[0,1]")
    assert named.over == {"noise": [0, 1]}
    assert (composed().figure, named.figure) == ("phase_diagram.png", None)


def test_explain_and_cfg_write_nothing(neurojax, tmp_path):
    said = neurojax("sweep", "kuramoto", *SMALL, "--explain")
    assert said.out.startswith("297 points (coupling 33, noise 9) x 8 seeds = 2376 lanes")
    assert neurojax("sweep", "kuramoto", "--cfg").code == 0
    assert not list(tmp_path.iterdir())


def test_a_model_of_ones_own(neurojax, unexplained, neuron):
    words = ["over.current=linspace(0,1,3)", "over.noise=[0,0.1]", "duration=2", "dt=0.05", "record.v=Mean(voltage)", "figure=v.png"]
    said = neurojax("sweep", neuron, *words)
    assert said.code == 0
    data = nj.load("runs/fitzhughnagumo-1.zarr")
    assert dict(data.sizes) == {"current": 3, "noise": 2, "seed": 1}
    assert {"v", "mean.v", "variance.w"} <= set(data)
    assert "figure: v.png" in said.out


def test_axes_over_what_a_function_takes(neurojax, unexplained, neuron):
    file = neuron.partition(":")[0]
    said = neurojax("sweep", f"{file}:slow", "over.ratio=[1,2]", "over.current=[0.1,0.2]", "duration=1", "dt=0.05", "store=slow.zarr")
    assert said.code == 0
    tau = neurojax("sweep", neuron, "over.tau=[10.0,20.0]", "over.current=[0.1,0.2]", "duration=1", "dt=0.05", "store=tau.zarr")
    assert tau.code == 0
    np.testing.assert_allclose(nj.load("slow.zarr")["mean.v"], nj.load("tau.zarr")["mean.v"], rtol=1e-5)


def test_interrupted(neurojax, unexplained, monkeypatch):
    def stopped(*arguments, **settings):
        raise nj.SweepInterrupted(perform(*arguments, **settings), "run it again", signal.SIGINT)

    perform = sweep.perform
    monkeypatch.setattr(sweep, "perform", stopped)
    said = neurojax("sweep", "kuramoto", *SMALL, "over.coupling=[1.0,2.0]")
    assert said.code == 130
    assert "the rest: neurojax resume runs/kuramoto-1.zarr" in said.err
    assert "neurojax sweep --config runs/kuramoto-1.config.yaml" in said.err
