"""Full-FORCE beside FORCE: the oscillation task, in small networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import neurojax as nj
from experiments.force.common import DT, SUCCESS, at_most, counted
from experiments.study import Study
from experiments.table import Row
from neurojax.force import measures, tasks
from neurojax.force.measures import accuracy
from neurojax.sweep.plot import save

FULL = "DePasquale et al. 2018"
TURN = 2000  # steps
SETTLE = 5  # turns before learning
GAIN = 1.5


def full(study: Study) -> list[Row]:
    """The oscillation of their figure 2: full-FORCE, FORCE with the same networks, and two controls; 300 units, ten networks each."""
    n, seeds, train, test = study.pick(300, 150), study.pick(10, 2), study.pick(50, 20), study.pick(20, 5)
    task = tasks.oscillation((SETTLE + train + test) * TURN * DT, DT)
    own: dict[str, Any] = {"recurrent": nj.SparseGaussian(1.0), "inputs": task.inputs, "input_weights": nj.UniformWeights(), "gain": GAIN}
    network = nj.RateNetwork(n, **own)
    systems = {
        "full-FORCE": nj.FullForce(network, task.target, nj.RLS(1.0, method="block")),
        "FORCE": nj.Training(network, task.target, nj.RLS(1.0, method="block")),
        "no target in the driven network": nj.FullForce(nj.RateNetwork(n, feedback=0.0, **own), task.target, nj.RLS(1.0, method="block")),
    }
    held: dict[str, Any] = {"learning": False}
    learned = {"settle": nj.Phase(SETTLE * TURN * DT, held), "train": train * TURN * DT, "test": nj.Phase(test * TURN * DT, held)}
    record = {"z": nj.Trace(measures.output, phase="test")}
    f = np.asarray(task.target.values)[:TURN, 0]
    found, shown = {}, {}
    for name, system in [*systems.items(), ("no learning", systems["full-FORCE"])]:
        phases = {**learned, "train": nj.Phase(train * TURN * DT, held)} if name == "no learning" else learned
        count = seeds if name in ("full-FORCE", "FORCE") else 2
        data = study.sweep(f"full_{name.replace(' ', '_')}", system, {}, seeds=count, dt=DT, duration=nj.Schedule(phases), record=record)
        shown[name] = z = data["z"].values[:, :, 0]
        aim = np.tile(f, test)
        found[name] = (
            np.array([accuracy(one, aim, TURN).aligned for one in z]),
            np.sum((z - aim) ** 2, axis=1) / np.sum(aim**2),
        )
    _draw(study, {name: shown[name] for name in systems}, f)
    aligned, normalised = found["full-FORCE"]
    rows = [
        counted(f"full-FORCE, {n} units: aligned error below {SUCCESS}", aligned < SUCCESS, 0.8, FULL),
        counted(f"full-FORCE, {n} units: squared error below 0.05 of f's", normalised < 0.05, 0.8, FULL),
        at_most("full-FORCE: squared error over that of f, median", np.median(normalised), 0.02, FULL),
        Row(f"FORCE, {n} units: networks of {seeds} within {SUCCESS}", float((found["FORCE"][0] < SUCCESS).sum()), 0.0, None, source=FULL),
        Row("FORCE: squared error over that of f, median", float(np.median(found["FORCE"][1])), 0.0, None, source=FULL),
    ]
    for name in ("no target in the driven network", "no learning"):
        good = (found[name][0] < SUCCESS).sum()
        rows.append(at_most(f"networks of {len(found[name][0])} that succeed, {name} (control)", good, 0, FULL))
    return rows


def _draw(study: Study, shown: dict[str, np.ndarray], f: np.ndarray) -> None:
    turns = 2
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots(len(shown), 1, sharex=True)
    time, aim = np.arange(turns * TURN) * DT / 1000, np.tile(f, turns)
    for ax, (name, z) in zip(axes, shown.items(), strict=True):
        ax.plot(time, aim, "--", color="0.4", lw=1.2)
        ax.plot(time, z[0, -turns * TURN :], lw=1)
        ax.set(ylabel="output", title=name, ylim=(-1.6, 1.6))
    axes[-1].set_xlabel("time, the last turns of the test (s); target dashed")
    last = np.stack([z[0, -turns * TURN :] for z in shown.values()])
    save(axes[0], study.figures("full"), "full", xr.DataArray(last, {"network": [*shown], "time": time}, ("network", "time"), "z"))
