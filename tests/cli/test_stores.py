import shutil

import numpy as np
import pytest

import neurojax as nj
from neurojax.cli import stores
from neurojax.sweep.store import Store


@pytest.fixture
def store(neurojax, unexplained):
    words = [
        "over.coupling=[1.0,2.0,4.0]",
        "seeds=3",
        "n=10",
        "duration=1",
        "dt=0.05",
        "record.t=Trace(mean_phase, every=4)",
        "method=EulerMaruyama",
        "store=a.zarr",
    ]
    assert neurojax("sweep", "kuramoto", *words).code == 0
    return "a.zarr"


def test_info(neurojax, store):
    said = neurojax("info", store)
    assert said.code == 0
    for line in (
        "  axis    coupling: 3 from 1 to 4",
        "  seeds   3 (0, 1, 2)",
        "  lanes   9: 9 done, 0 to do, 0 diverged",
        "  record  t: float32 5 t_time, Trace(measure=neurojax.kuramoto.measures.mean_phase, every=4, warmup=0.0): Phase psi",
        "  run     dt 0.05, duration 1.0, method EulerMaruyama(), rng paired, dtype float32",
        "  repeat  neurojax sweep --config a.config.yaml",
    ):
        assert line in said.out
    assert "(rad)" in said.out


def test_info_of_a_store_still_being_written(neurojax, store):
    group = Store.open(store, mode="r+").group
    status = group["status"][...]
    group["status"][...] = 0  # as it is before the first commit, padding included
    assert "lanes   9: 0 done, 9 to do, 0 diverged" in (said := neurojax("info", store)).out
    assert "resume  neurojax resume a.zarr" in said.out
    status[:1] = 2
    group["status"][...] = status
    assert "8 done, 0 to do, 1 diverged" in neurojax("info", store).out


def test_figures(neurojax, store, tmp_path):
    said = neurojax("figures", store, "out=drawn")
    assert said.code == 0
    assert "drawn/transition.png" in said.out  # from the family's own plots
    assert (tmp_path / "drawn" / "transition.png").is_file()
    assert neurojax("figures", store).out.startswith("a-figures/")
    assert neurojax("figures", store, "folder=x").code == 2


def test_figures_of_any_model(neurojax, unexplained, neuron):
    assert neurojax("sweep", neuron, "over.tau=[5.0,10.0]", "duration=1", "dt=0.05", "store=b.zarr").code == 0
    drawn = stores.draw(nj.load("b.zarr"), "drawn")
    assert "mean.v.png" in [path.name for path in drawn]


def test_a_part_of_a_store_is_drawn_finished_and_exported(neurojax, tmp_path):
    """One of two shards: info and figures of what is there; resume does the rest from the configuration in the store; CSV of it all."""
    words = ["over.coupling=[1.0,2.0,3.0,4.0]", "seeds=4", "n=10", "duration=1", "dt=0.05", "options.lanes=2", "store=half.zarr"]
    assert "needs" in neurojax("sweep", "kuramoto", *words, "--retry").err
    said = neurojax("sweep", "kuramoto", *words, "shard=0/2")
    assert said.code == 0
    assert "8 of the grid to do" in said.out
    assert "  lanes   16: 8 done, 8 to do, 0 diverged" in neurojax("info", "half.zarr").out
    assert "transition.png" in neurojax("figures", "half.zarr").out
    (tmp_path / "half.config.yaml").unlink()
    said = neurojax("resume", "half.zarr", "figure=whole.png")
    assert said.code == 0
    assert "figure: whole.png" in said.out
    assert "  lanes   16: 16 done, 0 to do, 0 diverged" in neurojax("info", "half.zarr").out
    assert neurojax("export", "half.zarr", "half.csv").out == "half.csv\n"
    assert len((tmp_path / "half.csv").read_text().splitlines()) == 17
    for words, answer in (
        (("resume",), "which store?"),
        (("resume", "hlaf.zarr"), "did you mean 'half.zarr'"),
        (("resume", "half.zarr", "seeds=3"), "has no setting 'seeds'"),
        (("resume", "half.zarr", "shard=2/2"), "from 0 to n - 1"),
        (("resume", "half.zarr", "shard=one"), "give i/n"),
        (("resume", "half.zarr", "--retry", "all"), "choose 'diverged'"),
        (("export", "half.zarr"), "which store, and which file?"),
        (("sweep", "kuramoto", "n=10", "duration=1", "shard=0/2"), "the parts meet in one store"),
    ):
        said = neurojax(*words)
        assert said.code == 2
        assert answer in said.err


def test_a_store_of_a_script_is_resumed_too(neurojax):
    """Its model is built again from the description: shipped classes and measures are imported by name."""
    options = nj.SweepOptions(lanes=2, shard=(0, 2))
    record = {"r": nj.Mean(nj.order_parameter)}
    model = nj.Kuramoto(10, noise=0.1, frequencies=nj.Lorentzian(0.5))
    nj.sweep(model, {"coupling": [1.0, 2.0, 3.0]}, seeds=4, steps=9, dt=0.1, record=record, store="own.zarr", options=options)
    assert neurojax("resume", "own.zarr").code == 0
    whole = nj.sweep(model, {"coupling": [1.0, 2.0, 3.0]}, seeds=4, steps=9, dt=0.1, record=record, options=nj.SweepOptions(lanes=2))
    assert np.array_equal(nj.load("own.zarr").r, whole.r)


def test_nearest_store(neurojax, store):
    shutil.copytree(store, "phases.zarr")
    assert "did you mean 'phases.zarr'" in neurojax("info", "phase.zarr").err
