"""Figure 2: what can be learned, from a triangle to Lorenz's attractor, and what cannot."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import neurojax as nj
from experiments.force.common import DT, PAPER, SUCCESS, column, counted, judged, schedule, values
from experiments.study import Study
from experiments.table import Row
from neurojax.engine.signals import Sinusoid
from neurojax.force import measures
from neurojax.force.targets import (
    Sines,
    Square,
    Together,
    Triangle,
    four_sines,
    lorenz,
    noisy,
    notebook_complicated,
    notebook_cosine,
    notebook_periodic,
    sixteen_sines,
)
from neurojax.learning.rls import SAFE_ALPHA
from neurojax.sweep.plot import save

SHOWN = 3  # periods of the test that a panel shows, after one of training


@dataclasses.dataclass(frozen=True)
class Case:
    """A periodic target of a network of 1,000. period: in ms. most: largest aligned error, over the mean of |f - mean f|, that counts, or
    None to report. least: share of the networks that is to succeed.

    clean: what the first output is compared with, if not the target itself.
    """

    label: str
    target: Any
    period: int
    periods: int = 12
    gain: float = 1.4
    alpha: float = 1.0
    most: float | None = SUCCESS
    least: float = 0.7
    clean: Any = None
    outputs: int = 1


def cases() -> dict[str, Case]:
    """The paper's targets, and the notebook's."""
    four, slow = four_sines(), Sines(8000.0)
    three = Together((notebook_periodic(amplitude=0.5), Triangle(600.0, 0.5), notebook_cosine(amplitude=0.5)))
    pair = Together((slow, Sinusoid(0.0, 1.0, 8000.0, np.pi / 2)))
    return {
        "triangle": Case("2A-C triangle, 600 ms", Triangle(600.0, 1.0), 600, 24),
        "sixteen": Case("2E sixteen sines, 1.2 s", sixteen_sines(1200.0, 1.0), 1200, most=None),
        "sixteen_long": Case("2E with alpha = 0.01, 24 periods", sixteen_sines(1200.0, 1.0), 1200, 24, alpha=0.01, most=None),
        "noisy": Case("2F four sines and noise of 0.1", noisy(four, 0.1, 36 * 1200.0, DT), 1200, clean=four),
        "square": Case("2G square wave, 1.2 s", Square(1200.0, 1.0), 1200, most=None),
        "square_long": Case("2G with gain 1.5, 24 periods", Square(1200.0, 1.0), 1200, 24, gain=1.5, most=0.1),
        "fast": Case("2I sine of 60 ms", Sines(60.0), 60, 240, gain=1.2),
        "slow": Case("2I sine of 8 s", slow, 8000, 10, gain=1.5, most=None),
        "slow_alpha": Case("2I sine of 8 s, alpha = 0.01", slow, 8000, 10, gain=1.5, alpha=0.01, most=None),
        "slow_pair": Case("2I sine of 8 s with its cosine", pair, 8000, 5, gain=1.5, clean=slow, outputs=2),
        "weak": Case("2K sine of amplitude 0.1 (must fail)", Sines(1200.0, (1.0,), 0.1), 1200, gain=1.5, most=None),
        "weak_raised": Case("2K the same around 1", Sinusoid(1.0, 0.1, 1200.0), 1200, gain=1.5, most=None),
        "seed_short": Case("notebook's four sines, amplitude 3, its 4 periods", notebook_periodic(), 600, 4, gain=1.5, most=None),
        "seed": Case("notebook's four sines, amplitude 3, 24 periods", notebook_periodic(), 600, 24, gain=1.5),
        "seed_half": Case("notebook's four sines, amplitude 0.5", notebook_periodic(amplitude=0.5), 600, 24),
        "seed_three": Case("notebook's three targets at once, amplitude 0.5", three, 600, 24, clean=three.parts[0], outputs=3),
        "seed_complicated": Case("notebook's complicated target, amplitude 1", notebook_complicated(), 600, 24),
        "seed_loud": Case("the same, amplitude 10", notebook_complicated(amplitude=10.0), 600, 24, gain=1.5, most=None),
    }


def targets(study: Study) -> list[Row]:
    """Ten networks for each target; the error up to drift, over the mean of |f|."""
    rows, panels = [], []
    for name, case in cases().items():
        data = _trained(study, name, case)
        found = judged(data, case.clean or case.target, case.period, case.period * case.periods * DT)
        turn = values(case.clean or case.target, 0.0, case.period)
        size = float(np.abs(turn - turn.mean()).mean())
        aligned = column(found, "aligned") / size
        if case.most is not None:
            rows.append(counted(f"{case.label}: aligned error below {case.most} of mean |f|", aligned < case.most, case.least))
        rows.append(Row(f"{case.label}: aligned error over mean |f|, median", float(np.median(aligned)), 0.0, None, source=PAPER))
        panels.append((case, data))
    _draw(study, panels)
    return rows


def _trained(study: Study, name: str, case: Case) -> xr.Dataset:
    rule = nj.RLS(case.alpha, method="block" if case.alpha >= SAFE_ALPHA else "potter")
    system = nj.Training(nj.RateNetwork(study.pick(1000, 300), outputs=case.outputs, gain=case.gain), case.target, rule)
    train = case.periods * case.period * DT
    record = {
        "z": nj.Trace(measures.output, phase="test"),
        "before": nj.Trace(measures.output, warmup=train - case.period * DT, phase="train"),
    }
    phases = schedule(train, min(case.periods, 12 * max(1, case.periods // 24)) * case.period * DT)
    return study.sweep(f"target_{name}", system, {}, seeds=study.pick(10, 2), dt=DT, duration=phases, record=record)


def _draw(study: Study, panels: list[tuple[Case, xr.Dataset]]) -> None:
    columns = 2
    figure = Figure(figsize=(10, 1.7 * -(-len(panels) // columns)), layout="constrained")
    grid = figure.subplots(-(-len(panels) // columns), columns, squeeze=False).ravel()
    for ax in grid[len(panels) :]:
        ax.axis("off")
    shown = {}
    for ax, (case, data) in zip(grid, panels, strict=False):
        z = np.concatenate([data["before"].values[0, :, 0], data["z"].values[0, : SHOWN * case.period, 0]])
        time = (np.arange(len(z)) - case.period) * DT / 1000
        f = values(case.clean or case.target, (case.periods - 1) * case.period * DT, len(z))
        ax.plot(time, f, "--", color="0.4", lw=1.2)
        ax.plot(time, z, lw=1)
        ax.axvline(0, color="k", lw=1, ls=":")
        ax.set_title(case.label, fontsize="small")
        ax.set_xlabel("time after learning (s)", fontsize="small")
        shown[case.label] = xr.DataArray([z, f], {"series": ["z", "f"], "step": np.arange(len(z)) - case.period}, ("series", "step"))
    figure.supylabel("output, target dashed", fontsize="small")
    save(grid[0], study.figures("targets"), "targets", xr.Dataset(shown).to_dataarray("case"))


def lorenz_attractor(study: Study) -> list[Row]:
    """2H: a chaotic target cannot be followed, but its statistics can: spectra of the output and of the attractor, over 10 networks.

    Windows of a second: in windows of four, halves of the target itself agree no better than 0.96.
    """
    train, test = study.pick(60_000, 6_000), study.pick(120_000, 6_000)
    target = lorenz((train + test) * DT, DT)
    system = nj.Training(nj.RateNetwork(study.pick(1000, 300), gain=1.5), target, nj.RLS(1.0, method="block"))
    record = {"z": nj.Trace(measures.output, phase="test")}
    data = study.sweep("lorenz", system, {}, seeds=study.pick(10, 2), dt=DT, duration=schedule(train * DT, test * DT), record=record)
    f = np.asarray(target.values)[train : train + test]
    reference = _power(f)
    correlations = [float(np.corrcoef(np.log(_power(z)), np.log(reference))[0, 1]) for z in data["z"].values[:, :, 0]]
    spread = data["z"].values[:, :, 0].std(axis=1) / f.std()
    rows = [
        counted(
            "2H Lorenz: correlation of log spectra at least 0.95, deviation within 10 %",
            (np.asarray(correlations) >= 0.95) & (np.abs(spread - 1) < 0.1),
            0.7,
        )
    ]
    halves = np.log([_power(part) for part in np.array_split(f, 2)])
    rows.append(
        Row("2H Lorenz: correlation of log spectra, halves of the target", float(np.corrcoef(halves)[0, 1]), 0.0, None, source=PAPER)
    )
    rows.append(Row("2H Lorenz: correlation of log spectra, median", float(np.median(correlations)), 0.0, None, source=PAPER))
    rows.append(Row("2H Lorenz: deviation over the target's, median", float(np.median(spread)), 0.0, None, source=PAPER))
    return rows


def _power(series: np.ndarray, length: int = 1024) -> np.ndarray:
    """Power below 20 Hz by Welch's method: Hann windows of 1.024 s, overlapping by half."""
    length = min(length, len(series) // 2)
    pieces = np.stack([series[i : i + length] for i in range(0, len(series) - length + 1, length // 2)])
    pieces = (pieces - pieces.mean(axis=1, keepdims=True)) * np.hanning(length)
    power = (np.abs(np.fft.rfft(pieces, axis=1)) ** 2).mean(axis=0)
    frequencies = np.fft.rfftfreq(length, DT / 1000)
    return power[(frequencies > 0) & (frequencies < 20)]
