"""The studies' own arithmetic, and one small study from the command line to its table."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments import table
from experiments.hopfield import basins, capacity, common, notebook, physics
from neurojax.hopfield import theory

ROOT = Path(__file__).parents[2]


def test_whole_numbers_are_shown_whole():
    text = table.show([table.Row("x", 8_974_874.0, 0.0, 8_974_875.0)])
    assert "| x | 8974874 | 8974875 | 0 | OFF |" in text


def test_what_is_lacking_is_off():
    assert common.at_least("x", 0.97, 0.98, "").agrees is False
    assert common.at_least("x", 0.99, 0.98, "").agrees
    assert common.at_least("x", np.nan, 0.98, "").agrees is False


def test_the_notebooks_loop():
    """A fixed point takes no step; two units with J = -1 never rest and stop after 20."""
    couplings = notebook.LETTERS.T @ notebook.LETTERS - 3 * np.eye(25)
    end, steps = notebook.notebook_run(couplings, notebook.LETTERS[0])
    assert steps == 0
    assert np.array_equal(end, notebook.LETTERS[0])
    assert notebook.notebook_run(np.array([[0, -1], [-1, 0]]), np.ones(2))[1] == 20


def test_where_a_curve_falls():
    loads = np.array([0.1, 0.2, 0.3])
    assert capacity._reach(loads, np.array([1.0, 0.95, 0.85])) == pytest.approx(0.25)
    assert capacity._reach(loads, np.array([1.0, 1.0, 1.0])) == 0.3
    assert capacity._reach(loads, np.array([0.5, 0.4, 0.3])) == 0.1


def test_the_surface_has_its_rests_where_the_mean_field_has():
    """m = tanh(2 m), m = 0.95750: the gradient vanishes there and at the saddle."""
    m = float(theory.overlap(0.0, 0.5))
    for place in (m, 0.0):
        slope = (basins.surface(place + 1e-4, place) - basins.surface(place - 1e-4, place)) / 2e-4
        assert slope == pytest.approx(0.0, abs=1e-5)
    assert basins.surface(m, m) < basins.surface(0.0, 0.0) < basins.surface(m, -m)


def test_half_of_small_networks_hold():
    """Storkey's rule on 100 units: 31 measured elsewhere, within three of the errors and 3 %."""
    half, error = physics.storkey_half(100, 24)
    assert half == pytest.approx(31, abs=3 * error + 0.93)


def test_a_study_runs_from_the_command_line(tmp_path):
    command = [sys.executable, "-m", "experiments.hopfield", "two_units", "--quick", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "7 of 7 rows agree" in done.stdout
    with (tmp_path / "hopfield_quick" / "two_units.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["measured"]) for row in rows[:4]] == [1.0, 2.0, 2.0, 2.0]
    assert (tmp_path / "hopfield_quick" / "figures" / "two_units" / "surface.png").is_file()
