"""Figure 7: outputs that inputs control. Four bits remembered, and five patterns of which an input chooses one."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import neurojax as nj
from experiments.force.common import DT, PAPER, counted, schedule
from experiments.study import Study
from experiments.table import Row
from neurojax.force import measures, tasks
from neurojax.sweep.plot import save

EVERY = 10  # steps between samples of the test


def bit_memory(study: Study) -> list[Row]:
    """7D: pulses set and clear four bits; 1,000 units with feedback from the outputs, 200 s of training, tested on pulses not seen."""
    train, test = study.pick(200_000, 20_000) * DT, study.pick(100_000, 10_000) * DT
    task = tasks.bit_memory(train + test, DT, amplitude=1.0)
    system = nj.Training(
        nj.RateNetwork(study.pick(1000, 300), outputs=4, gain=1.0, inputs=task.inputs), task.target, nj.RLS(1.0, method="block")
    )
    record = {"z": nj.Trace(measures.output, phase="test", every=EVERY)}
    data = study.sweep("bit_memory", system, {}, seeds=study.pick(10, 2), dt=DT, duration=schedule(train, test), record=record)
    target = np.asarray(task.target.values)[round(train / DT) :][: round(test / DT) : EVERY]
    share = np.array([tasks.bit_accuracy(z, target) for z in data["z"].values])
    _draw_bits(study, data["z"].values[0], np.asarray(task.inputs.values)[round(train / DT) :][: round(test / DT) : EVERY], target)
    return [
        counted("7D four bits: bit accuracy at least 0.98 on new pulses", share >= 0.98, 0.7),
        Row("7D four bits: bit accuracy, median", float(np.median(share)), 0.0, None, source=PAPER),
        Row("7D four bits: bit accuracy, smallest", float(share.min()), 0.0, None, source=PAPER),
    ]


def _draw_bits(study: Study, z: np.ndarray, inputs: np.ndarray, target: np.ndarray) -> None:
    shown = slice(0, 1500)
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots(4, 1, sharex=True)
    time = np.arange(len(z))[shown] * EVERY * DT / 1000
    for bit, ax in enumerate(axes):
        for channel, colour in ((bit, "C2"), (bit + 4, "C3")):
            ax.fill_between(time, -1.3, 1.3, where=inputs[shown, channel] > 0, color=colour, alpha=0.4, lw=0)
        ax.plot(time, target[shown, bit], "--", color="0.4", lw=1.2)
        ax.plot(time, z[shown, bit], lw=1)
        ax.set(ylim=(-1.4, 1.4), ylabel=f"bit {bit + 1}")
    axes[-1].set_xlabel("time after learning (s); green sets, red clears")
    values = xr.DataArray([z[shown], target[shown]], {"series": ["z", "f"], "time": time}, ("series", "time", "bit"), "value")
    save(axes[0], study.figures("bit_memory"), "bit_memory", values)


def selectable(study: Study) -> list[Row]:
    """7B: five patterns of 600 ms; a steady input chooses, a first one starts. Trained for 300 s, tested on new turns."""
    train, test = study.pick(300_000, 30_000) * DT, study.pick(60_000, 12_000) * DT
    rng = np.random.default_rng(5)
    turns = 2 * np.pi * np.arange(600)[:, None] / 600 * np.arange(1, 5)
    patterns = np.stack([np.sin(turns + rng.uniform(0, 2 * np.pi, 4)) @ (rng.normal(size=4) / np.arange(1, 5)) for _ in range(5)])
    patterns /= np.abs(patterns).max(axis=1, keepdims=True)
    task = tasks.selectable(patterns, train + test, DT, every=3000.0)
    network = nj.RateNetwork(study.pick(1000, 500), gain=1.5, inputs=task.inputs)
    record = {"z": nj.Trace(measures.output, phase="test")}
    system = nj.Training(network, task.target, nj.RLS(1.0, method="block"))
    data = study.sweep("selectable", system, {}, seeds=study.pick(5, 2), dt=DT, duration=schedule(train, test), record=record)
    f = np.asarray(task.target.values)[round(train / DT) :][: round(test / DT), 0]
    z = data["z"].values[:, :, 0]
    correlations = np.array([np.corrcoef(one, f)[0, 1] for one in z])
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    ax = figure.add_subplot()
    time = np.arange(15_000)[: len(f)] * DT / 1000
    ax.plot(time, f[: len(time)], "--", color="0.4", lw=1.2)
    ax.plot(time, z[0, : len(time)], lw=1)
    ax.set(xlabel="time after learning (s), a new pattern every 3 s", ylabel="output, target dashed")
    values = xr.DataArray([z[0, : len(time)], f[: len(time)]], {"series": ["z", "f"], "time": time}, ("series", "time"), "value")
    save(ax, study.figures("selectable"), "selectable", values)
    return [
        counted("7B five patterns: correlation with the target at least 0.95", correlations >= 0.95, 0.6),
        Row("7B five patterns: correlation, median", float(np.median(correlations)), 0.0, None, source=PAPER),
    ]
