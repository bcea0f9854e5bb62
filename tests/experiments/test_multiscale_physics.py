"""The studies' own arithmetic, and one small study from the command line to its table."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from experiments.multiscale_memory.physics import common, lock_in, plasticity, redraws, sequences, tables
from neurojax.multiscale import theory

ROOT = Path(__file__).parents[2]


def test_the_equations_as_a_loop():
    """Of two neurons by hand: s first, then J with the new s; no diagonal."""
    s, J = common.seed_map(np.zeros(2), np.zeros((2, 2)), np.array([[1.0, -1.0]]), beta=1.0, u=0.5, k=2.0, tau_s=2.0, tau_J=4.0)
    half = np.tanh(0.5) / 2
    assert np.allclose(s, [half, -half])
    assert np.allclose(J, [[0, -(half**2) / 2], [-(half**2) / 2, 0]])


def test_ends_of_patterns_times():
    """Mean and variance over ends, whatever their number in a run; its error from runs as wholes."""
    D = np.random.default_rng(0).normal(3.0, 2.0, (400, 10))
    ends = np.random.default_rng(1).random(D.shape) < 0.3
    parts = np.stack([ends.mean(1), (ends * D).mean(1), (ends * D**2).mean(1)], 1)
    mean, error, variance = tables.at_ends(xr.Dataset({"end": (("seed", "part"), parts)}))
    assert mean == pytest.approx(D[ends].mean())
    assert variance == pytest.approx(D[ends].var())
    assert error == pytest.approx(2.0 / np.sqrt(ends.sum()), rel=0.1)


def test_the_edge_of_tracking():
    fields = np.array([0.1, 0.2, 0.3, 0.4])
    assert lock_in._edge(fields, np.array([False, True, False, True])) == pytest.approx(0.35)
    assert lock_in._edge(fields, np.ones(4, bool)) == 0.1
    assert lock_in._edge(fields, np.zeros(4, bool)) == 0.4


def test_the_nearest_of_several():
    """1 for a perfect cue, chance for none, and for two patterns the normal distribution of the difference of their overlaps."""
    assert sequences.nearest(1.0, 8) == pytest.approx(1.0)
    assert sequences.nearest(0.0, 8) == pytest.approx(1 / 8)
    from scipy.stats import norm

    assert sequences.nearest(0.3, 2) == pytest.approx(norm.cdf(0.3 / np.sqrt((2 - 0.09) / 64)), abs=1e-6)


def test_the_draw_whose_best_rate_is_known():
    """0.0414 by the closed form, which is flat there."""
    patterns, J0 = plasticity.case()
    best, mean = plasticity.optimum(patterns, J0), plasticity.exact(patterns, J0)
    assert best == pytest.approx(0.0414, abs=5e-5)
    assert mean(best) < min(mean(0.99 * best), mean(1.01 * best))


def test_what_is_expected_of_redraws():
    """A chain that forgets at once is no chain; of a fixed time tanh(1/2) V and V/e."""
    patterns = common.signs(4, 12, 3)
    V = theory.scalars(theory.Ensemble.of(patterns)).spread
    assert redraws.expected(patterns, 5.0, 5.0, None) == pytest.approx((np.tanh(0.5) * V, V / np.e))
    assert redraws.expected(patterns, 5.0, 5.0, redraws.nj.Repeating(0.0)) == pytest.approx((np.tanh(0.5) * V, V / np.e))


def test_a_study_runs_from_the_command_line(tmp_path):
    command = [sys.executable, "-m", "experiments.multiscale_memory.physics", "energy", "--quick", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "5 of 5 rows agree" in done.stdout
    folder = tmp_path / "multiscale_memory.physics_quick"
    with (folder / "energy.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert float(rows[0]["measured"]) < 0 < float(rows[3]["measured"])
    assert (folder / "figures" / "energy" / "energy.png").is_file()
