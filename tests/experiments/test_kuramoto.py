"""The studies' bookkeeping, and one small study from the command line to its table."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import neurojax as nj
from experiments import table
from experiments.kuramoto import notebook, onset, transitions
from neurojax.kuramoto import theory

ROOT = Path(__file__).parents[2]


def test_a_row_agrees_within_three_errors_and_the_bias():
    row = table.Row("x", 1.35, 0.1, 1.0, bias=0.05)
    assert row.tolerance == pytest.approx(0.35)
    assert table.Row("x", 1.34, 0.1, 1.0, bias=0.05).agrees
    assert not table.Row("x", 1.36, 0.1, 1.0, bias=0.05).agrees
    assert not table.Row("x", np.nan, 0.1, 1.0, bias=0.05).agrees
    assert table.Row("x", 0.9, 0.0, 1.0, bound=True).agrees
    assert not table.Row("x", 1.1, 0.5, 1.0, bound=True).agrees


def test_the_table_shows_what_is_off():
    text = table.show([table.Row("x", 2.0, 0.1, 1.0, source="someone")])
    assert "| x | 2 ± 0.1 | 1 | 0.3 | OFF | someone |" in text


def test_the_onset_fit_is_exact_for_the_closed_form():
    # A cubic in (K r)^2 over the window: off by less than 1e-3 for normal frequencies, whose K_c is 1.595769.
    frequencies = nj.Normal(1.0)
    coupling = 1.5957691216 * onset.WINDOW
    r = theory.order_parameter(coupling, frequencies)
    assert onset.extrapolated(coupling, r**2) == pytest.approx(1.5957691216, abs=1e-3)


def test_the_jumps_height_is_read_off_the_closed_form():
    # pi / 4 at K_c = 4 / pi (Pazo 2005).
    onset_of_uniform = 4 / np.pi
    coupling = onset_of_uniform * np.array([1.001, 1.002, 1.003, 1.004])
    r = theory.order_parameter(coupling, nj.Uniform(1.0))
    assert transitions.jump_height(coupling, onset_of_uniform, r) == pytest.approx(np.pi / 4, abs=2e-3)


def test_the_notebooks_sum_is_a_negative_coupling():
    given = notebook.drawn(30, 1.0, 0)
    theirs = notebook.notebook_run(given, 3.0, 2.0, 0.01, overwrite=False)
    assert notebook.apart(theirs, notebook.ours(given, -3.0, 2.0, 0.01, nj.EulerMaruyama())) < 1e-9
    assert notebook.apart(theirs, notebook.ours(given, 3.0, 2.0, 0.01, nj.EulerMaruyama())) > 0.1


def test_a_study_runs_from_the_command_line(tmp_path):
    command = [sys.executable, "-m", "experiments.kuramoto", "fluctuations", "--quick", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "3 of 3 rows agree" in done.stdout
    with (tmp_path / "kuramoto_quick" / "fluctuations.csv").open() as file:
        rows = list(csv.DictReader(file))
    # N <r^2> = 1 / (1 - K / K_c) at K / K_c = -1, 0, 0.5 (Daido 1990).
    assert [float(row["reference"]) for row in rows] == [0.5, 1.0, 2.0]
    assert (tmp_path / "kuramoto_quick" / "fluctuations.zarr").is_dir()


def test_an_unknown_study_is_named():
    command = [sys.executable, "-m", "experiments.kuramoto", "gausian"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no study 'gausian'" in done.stderr
