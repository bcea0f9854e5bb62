"""Outputs that inputs control: a movement made once (figure 2J), four bits and five patterns (figure 7), many joints (figure 8)."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import neurojax as nj
from experiments.force.common import DT, PAPER, SUCCESS, counted, schedule
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


def _inside(study: Study, task: tasks.Task, gain: float, outputs: int, own: bool) -> nj.RateNetwork:
    """A network that learns inside and hears its inputs alone, none of its outputs. own: a P for each of the units that learn, 100 of 200;
    else all of 500 learn on synapses from all, with one P."""
    n, units = (study.pick(200, 60), study.pick(100, 20)) if own else (study.pick(500, 100),) * 2
    synapses = nj.PlasticSynapses(units, units if own else n, shared=not own)
    return nj.RateNetwork(n, outputs=outputs, gain=gain, feedback=None, inputs=task.inputs, synapses=synapses)


def inside(study: Study) -> list[Row]:
    """7D and 7B as the paper has them: learning inside the network, and no feedback from the outputs. alpha = 40 in 7D, 80 in 7B."""
    rows = []
    for own, label in ((False, "500 units, one P"), (True, "200 units, 100 of which learn on 100 synapses, a P each")):
        train, test = study.pick(100_000, 10_000) * DT, study.pick(100_000, 10_000) * DT
        task = tasks.bit_memory(train + test, DT, amplitude=1.0)
        system = nj.Training(_inside(study, task, 1.0, 4, own), task.target, nj.RLS(40.0, method="block"))
        record = {"z": nj.Trace(measures.output, phase="test", every=EVERY)}
        name, seeds = f"bit_memory_inside_{'own' if own else 'shared'}", study.pick(4 if own else 10, 2)
        data = study.sweep(name, system, {}, seeds=seeds, dt=DT, duration=schedule(train, test), record=record)
        target = np.asarray(task.target.values)[round(train / DT) :][: round(test / DT) : EVERY]
        share = np.array([tasks.bit_accuracy(z, target) for z in data["z"].values])
        if not own:
            rows.append(counted(f"7D learned inside, {label}: bit accuracy at least 0.98", share >= 0.98, 0.7))
        rows.append(Row(f"7D learned inside, {label}: bit accuracy, median", float(np.median(share)), 0.0, None, source=PAPER))
    return rows + _patterns_inside(study)


def _patterns_inside(study: Study) -> list[Row]:
    """7B, learned inside 500 units with one P: 150 s of training."""
    train, test = study.pick(150_000, 30_000) * DT, study.pick(60_000, 12_000) * DT
    task = tasks.selectable(_five_patterns(), train + test, DT, every=3000.0)
    rows = []
    for alpha in (80.0, 1.0):
        system = nj.Training(_inside(study, task, 1.5, 1, own=False), task.target, nj.RLS(alpha, method="block"))
        record = {"z": nj.Trace(measures.output, phase="test")}
        settings: dict[str, Any] = {"dt": DT, "duration": schedule(train, test), "record": record}
        data = study.sweep(f"selectable_inside_{alpha:g}", system, {}, seeds=study.pick(5, 2), **settings)
        f = np.asarray(task.target.values)[round(train / DT) :][: round(test / DT), 0]
        correlations = np.array([np.corrcoef(one, f)[0, 1] for one in data["z"].values[:, :, 0]])
        label = f"7B learned inside, 500 units, one P, alpha = {alpha:g}: correlation with the target"
        if alpha == 1:
            rows.append(counted(f"{label} at least 0.95", correlations >= 0.95, 0.6))
        rows.append(Row(f"{label}, median", float(np.median(correlations)), 0.0, None, source=PAPER))
    return rows


def _five_patterns() -> np.ndarray:
    """Sums of four harmonics with random phases and sizes, the largest value 1: (5, 600)."""
    rng = np.random.default_rng(5)
    turns = 2 * np.pi * np.arange(600)[:, None] / 600 * np.arange(1, 5)
    patterns = np.stack([np.sin(turns + rng.uniform(0, 2 * np.pi, 4)) @ (rng.normal(size=4) / np.arange(1, 5)) for _ in range(5)])
    return patterns / np.abs(patterns).max(axis=1, keepdims=True)


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
    task = tasks.selectable(_five_patterns(), train + test, DT, every=3000.0)
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


def one_shot(study: Study) -> list[Row]:
    """2J: a pulse calls for a movement of 800 ms, at times that nothing foretells; then the network rests at a fixed point again."""
    train, test = study.pick(120_000, 12_000) * DT, study.pick(40_000, 6_000) * DT
    turns = np.arange(800) / 800
    movement = np.sin(np.pi * turns) * (np.sin(6 * np.pi * turns) + 0.5 * np.sin(10 * np.pi * turns + 1.0))
    task = tasks.one_shot(movement, train + test, DT)
    network = nj.RateNetwork(study.pick(1000, 300), gain=1.5, outputs=2, inputs=task.inputs)
    record = {"z": nj.Trace(measures.output, phase="test")}
    system = nj.Training(network, task.target, nj.RLS(1.0, method="block"))
    data = study.sweep("one_shot", system, {}, seeds=study.pick(10, 2), dt=DT, duration=schedule(train, test), record=record)
    f = np.asarray(task.target.values)[round(train / DT) :][: round(test / DT)]
    z = data["z"].values
    moving = f[:, 0] < 0.5
    error, size = np.abs(z - f)[:, :, 1], np.abs(f[moving, 1]).mean()
    good = (error[:, moving].mean(axis=1) < SUCCESS * size) & (error[:, ~moving].mean(axis=1) < SUCCESS * size)
    shown = slice(0, 10_000)
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    ax = figure.add_subplot()
    time = np.arange(len(f))[shown] * DT / 1000
    ax.plot(time, f[shown, 1], "--", color="0.4", lw=1.2)
    ax.plot(time, z[0, shown, 1], lw=1)
    ax.set(xlabel="time after learning (s)", ylabel="output, target dashed")
    values = xr.DataArray([z[0, shown], f[shown]], {"series": ["z", "f"], "time": time}, ("series", "time", "output"), "value")
    save(ax, study.figures("one_shot"), "one_shot", values)
    return [
        counted(f"2J one shot: mean error below {SUCCESS} of mean |f|, moving and at rest", good, 0.7),
        Row("2J one shot: mean error of the movement, median", float(np.median(error[:, moving].mean(axis=1))), 0.0, None, source=PAPER),
    ]


def joints(study: Study) -> list[Row]:
    """8: two movements of 95 joints, synthetic, chosen by an input; one network, 95 readouts that are fed back. Tested on new turns."""
    train, test = study.pick(120_000, 12_000) * DT, study.pick(24_000, 6_000) * DT
    count = study.pick(95, 10)
    task = tasks.selectable(tasks.gaits(2, 1000, count), train + test, DT, every=4000.0, channels=50, strength=(2.0, 0.25))
    network = nj.RateNetwork(study.pick(1000, 300), outputs=count, gain=1.5, feedback=5 / count**0.5, inputs=task.inputs)
    record = {"z": nj.Trace(measures.output, phase="test", every=EVERY)}
    system = nj.Training(network, task.target, nj.RLS(1.0, method="block"))
    data = study.sweep("joints", system, {}, seeds=study.pick(5, 2), dt=DT, duration=schedule(train, test), record=record)
    f = np.asarray(task.target.values)[round(train / DT) :][: round(test / DT) : EVERY]
    z = data["z"].values
    correlations = np.array([[np.corrcoef(one[:, joint], f[:, joint])[0, 1] for joint in range(count)] for one in z])
    figure = Figure(figsize=(8, 4), layout="constrained")
    ax = figure.add_subplot()
    shown = slice(0, 1600)
    time = np.arange(len(f))[shown] * EVERY * DT / 1000
    for place, joint in enumerate(range(0, count, max(1, count // 6))):
        ax.plot(time, f[shown, joint] - 1.5 * place, "--", color="0.4", lw=1.2)
        ax.plot(time, z[0, shown, joint] - 1.5 * place, lw=1)
    ax.set(xlabel="time after learning (s), a new turn every 4 s", ylabel="angles of some joints, targets dashed", yticks=[])
    values = xr.DataArray([z[0, shown], f[shown]], {"series": ["z", "f"], "time": time}, ("series", "time", "joint"), "value")
    save(ax, study.figures("joints"), "joints", values)
    return [
        counted(f"8 joints: median correlation over {count} joints at least 0.95", np.median(correlations, axis=1) >= 0.95, 0.6),
        Row("8 joints: correlation, median over joints and networks", float(np.median(correlations)), 0.0, None, source=PAPER),
        Row(
            "8 joints: correlation, worst joint of the median network", float(np.median(correlations.min(axis=1))), 0.0, None, source=PAPER
        ),
    ]
