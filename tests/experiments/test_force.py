"""The FORCE studies' bookkeeping, and one small study from the command line to its table."""

import numpy as np
import pytest
import xarray as xr

from experiments.benchmarks import force as speed
from experiments.benchmarks.runner import child
from experiments.force import common, gains, targets
from experiments.study import Study
from neurojax.force.targets import Sines, four_sines
from neurojax.sweep import plot


def test_failures_are_counted_against_the_share_that_must_succeed():
    good = np.array([True] * 8 + [False] * 2)
    assert common.counted("x", good, 0.8).agrees
    assert not common.counted("x", good, 0.81).agrees
    assert "8 succeed" in common.counted("x", good, 0.8).quantity


def test_lanes_are_judged_against_the_target_from_the_test_on():
    """A lane that follows the target has no error; one that is late by 30 steps has none up to drift."""
    target, times = Sines(200.0), np.arange(400)
    late = [np.sin(2 * np.pi * (times + 100 - lag) / 200) for lag in (0, 30)]
    data = xr.Dataset({"z": (("seed", "z_time", "z_1"), np.stack(late)[:, :, None])})
    found = common.judged(data, target, 200, 100.0)
    assert common.column(found, "raw") == pytest.approx([0.0, np.abs(late[0] - late[1]).mean()], abs=1e-5)
    assert common.column(found, "aligned") == pytest.approx([0.0, 0.0], abs=1e-5)


def test_silence_is_the_mean_of_the_target():
    assert np.abs(common.values(four_sines(), 0.0, 1200)).mean() == pytest.approx(common.SILENCE, abs=1e-4)


def test_the_cases_targets_repeat_themselves():
    for name, case in targets.cases().items():
        shown = common.values(case.clean or case.target, 0.0, 2 * case.period)
        assert np.allclose(shown[: case.period], shown[case.period :], atol=2e-3), name


def test_a_small_sweep_over_gains_is_stored_judged_and_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(gains, "GAINS", (0.5, 1.4))
    monkeypatch.setattr(gains, "PERIODS", 1)
    study = Study(True, tmp_path)
    monkeypatch.setattr(Study, "pick", lambda self, full, quick: {1000: 20}.get(full, 2))
    data = gains.trained(study, "g", gains.GAINS, 2, periods=1)
    aligned = common.column(common.judged(data, four_sines(), 1200, 1200.0), "aligned")
    assert aligned.shape == (2, 2)
    assert aligned[0] == pytest.approx([common.SILENCE] * 2, rel=0.05)
    gains._draw(study, data, aligned, np.array([[np.inf, np.inf], [1.0, np.inf]]))
    assert {path.name for path in (tmp_path / "figures" / "gains").glob("*.png")} == {"success.png", "cycles.png", "weights.png"}
    assert plot.completed(data, "w").shape == (2, 2)


def test_speed_is_measured_and_held_against_what_is_asked():
    one = child(["force", "--seconds", "0.1", "--job", '{"label": "x", "n": 20, "method": "block"}'])
    assert set(one) == {"ms", "steps", "peak_mb"}
    assert one["steps"] >= 2 * speed.LEAST
    found = {job.label: {"ms": 0.1 if job.program == "ours" else 1.0, "peak_mb": 1.0} for job in speed.JOBS}
    text, lines = speed.table(found, {}, {"read": 0.02, "write": 0.02})
    assert "| neurojax, block | 0.1000 | 0.100 | 0.40 | 1 |" in text
    verdicts = {line.what: line.holds for line in lines}
    assert verdicts["block / NumPy loop"]
    found["neurojax, block"]["ms"] = 0.2
    assert not {line.what: line.holds for line in speed.table(found, {}, {"read": 0.02, "write": 0.02})[1]}["block / NumPy loop"]
