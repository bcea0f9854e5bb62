"""The control studies: their objectives, and a quick run from the command line to its table."""

import csv
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from experiments.tuning import desynchrony, tracking

ROOT = Path(__file__).parents[2]


def test_the_field_is_turned_by_what_it_has_turned_since():
    """z(t) = r e^{i omega_0 t}: what is seen a delay ago gives -2 G Im z(t), 1e-6."""
    model, gain, time, delay = desynchrony.oscillators(4), 2.5, 0.3, 0.2
    seen = 0.1 * np.exp(1j * desynchrony.OMEGA * (time - delay))
    controller = desynchrony.predicting(model, gain, delay).controller
    clock = nj.Clock(jnp.asarray(0), jnp.zeros(()), jnp.ones(()))
    command, _ = controller.act(None, jnp.asarray([seen.real, seen.imag], jnp.float32), clock, {})
    assert float(command) == pytest.approx(-2 * gain * 0.1 * np.sin(desynchrony.OMEGA * time), abs=1e-6)


def test_a_short_run_stands_for_the_whole_task():
    """An error of 0.1 in the first 4 time units of each half and 0.01 after is an IAE of (8 x 0.1 + 72 x 0.01) / 80 = 0.019."""
    records = {f"error_{part}": jnp.asarray(0.1 if part in ("rise", "fall") else 0.01) for part in tracking.SHORT}
    records |= {f"variation_{part}": jnp.asarray(tracking.ALLOWED / 4000) for part in tracking.SHORT}
    assert float(tracking.objective(records)) == pytest.approx(1.9, rel=1e-5)
    records |= {f"variation_{part}": jnp.asarray((tracking.ALLOWED + 10) / 4000) for part in tracking.SHORT}
    assert float(tracking.objective(records)) == pytest.approx(2.0, rel=1e-3)


@pytest.mark.slow
def test_the_study_runs_from_the_command_line(tmp_path):
    command = [sys.executable, "-m", "experiments.tuning", "control", "--quick", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with (tmp_path / "tuning_quick" / "control.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert sum("learned" in row["quantity"] for row in rows) == 12
    assert all((tmp_path / "tuning_quick" / "figures" / "control" / f"{name}.png").is_file() for name in ("desynchrony", "tracking"))
