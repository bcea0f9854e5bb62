"""The scaling study's parts, and its example of shards as the jobs of a Hydra multirun."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import neurojax as nj
from experiments.scaling import __main__ as study
from experiments.scaling import extrapolate, overhead

ROOT = Path(__file__).parents[2]


def test_a_store_is_measured_and_extrapolated(tmp_path):
    """Two shards of 64 lanes; then by hand: 10^9 lanes at 10 bytes are 0.01 TB, in chunks of 1,024 rows 976,563 files of each array."""
    point = study.measure("processes", 2, 64, tmp_path / "two.zarr")
    assert int((nj.load(tmp_path / "two.zarr").status == 1).sum()) == 64
    assert 0 < point.compute < point.seconds
    study.measure("devices", 2, 64, tmp_path / "one.zarr")
    costs = extrapolate.measured(tmp_path / "one.zarr")
    assert (costs.lanes, costs.arrays) == (64, 5)
    assert costs.seconds_per_lane > 0
    found = extrapolate.layouts(extrapolate.Costs(64, 5, 10.0, 1e-3, 1e-3, 1e-4))
    assert found[0].terabytes == pytest.approx(0.01)
    assert (found[0].files, found[0].largest_folder) == (5 * 976_563, 976_563)
    assert [one.serves for one in found] == [False, False, True, True]
    assert "| 1,000 | 65,536 |" in extrapolate.show(found)


def test_overhead_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(nj, "use_cpus", lambda count: None)
    found = overhead.main(tmp_path, 400, 30)
    assert found["lanes"] == 400
    assert 0 < found["host share"] < 1
    assert found["store bytes / raw bytes"] < 2


def test_shards_as_the_jobs_of_a_multirun(tmp_path):
    words = [
        "--multirun",
        "shard=0,1",
        "shards=2",
        "points=5",
        "seeds=4",
        f"hydra.sweep.dir={tmp_path}/multirun",
        f"store={tmp_path}/hydra.zarr",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-m", "experiments.scaling.hydra_job", *words], cwd=tmp_path, env=environment, check=True)
    assert done.returncode == 0
    data = nj.load(tmp_path / "hydra.zarr")
    assert bool((data.status == 1).all())
    assert data.status.shape == (5, 4)
