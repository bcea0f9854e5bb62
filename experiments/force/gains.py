"""Figure 5: for which gains learning works, how long it takes, and how large the weights become."""

from __future__ import annotations

import numpy as np
import xarray as xr

import neurojax as nj
from experiments.force.common import DT, PAPER, PERIOD, PERIODS, SILENCE, SUCCESS, at_most, column, counted, judged, schedule, test_trace
from experiments.study import Study
from experiments.table import Row
from neurojax.force import measures, plot
from neurojax.force.analysis import cycles_to_train
from neurojax.force.targets import four_sines
from neurojax.sweep.plot import new_axes, save

GAINS = (0.5, 0.75, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.56, 1.6, 1.8, 2.0)
LEARNED = 0.01  # mean error of a period in training that counts as learned
RANGE = (0.75, 1.56)  # where the paper's networks converged


def trained(study: Study, name: str, gains: tuple[float, ...], seeds: int, periods: int = PERIODS, alpha: float = 1.0) -> xr.Dataset:
    """Networks trained on the four sines for so many periods, then tested with the weights held."""
    system = nj.Training(nj.RateNetwork(study.pick(1000, 300)), four_sines(), nj.RLS(alpha, method="block" if alpha >= 0.1 else "potter"))
    record = test_trace() | {"error": nj.Trace(measures.absolute_error, phase="train"), "w": nj.Last(measures.weight_norm)}
    phases = schedule(periods * PERIOD * DT, PERIODS * PERIOD * DT)
    return study.sweep(name, system, {"network.gain": list(gains)}, seeds=seeds, dt=DT, duration=phases, record=record)


def gains(study: Study) -> list[Row]:
    """Success, cycles to train and |w| over twelve gains, 20 networks each, after 12 periods of training."""
    data = trained(study, "gains", GAINS, study.pick(20, 3))
    found = judged(data, four_sines(), PERIOD, PERIODS * PERIOD * DT)
    aligned, first = column(found, "aligned"), column(found, "first_period")
    cycles = cycles_to_train(data["error"].values, PERIOD, LEARNED)
    last = data["error"].values[..., -PERIOD:].mean(axis=-1)
    _draw(study, data, aligned, cycles)
    good, g = aligned < SUCCESS, np.asarray(GAINS)
    rows = [counted(f"gain {gain}", good[i], 0.8) for i, gain in enumerate(GAINS) if 1.2 <= gain <= 1.5]
    for gain, one in zip(GAINS, good, strict=True):
        label = f"networks of {len(one)} that succeed, gain {gain}"
        if gain <= 1.0 or gain >= 1.8:
            rows.append(at_most(f"{label} (control)", one.sum(), 0))
        elif not 1.2 <= gain <= 1.5:
            rows.append(Row(label, float(one.sum()), 0.0, None, source=PAPER))
    low, four, five, wild, quiet = (int(np.flatnonzero(g == gain)[0]) for gain in (1.1, 1.4, 1.5, 2.0, 0.5))
    w = np.median(data["w"].values, axis=1)
    rows += [
        at_most("aligned error, gain 1.4, median", np.median(aligned[four]), 0.008),
        at_most("aligned error, gain 1.4, largest", aligned[four].max(), 0.02),
        at_most("first period's error, gain 1.4, median", np.median(first[four]), 0.01),
        at_most("last period's error in training, gain 1.4, median", np.median(last[four]), 0.01),
        counted("first period's error below 0.05, gain 1.5", first[five] < 0.05, 0.9),
        at_most("last period's error in training, gain 2, median: learned, yet none runs on", np.median(last[wild]), 0.05),
        Row("test error, gain 0.5: mean |f|", float(column(found[quiet], "raw").mean()), 0.0, SILENCE, 0.01 * SILENCE, "mean |f|"),
        at_most("median cycles to learn, gains 1.3 to 1.56", np.median(cycles[(g >= 1.3) & (g <= 1.56)]), 1),
        at_most("median |w| at gain 1.5, over that at 1.1", w[five] / w[low], 0.2),
    ]
    return rows


def longer(study: Study) -> list[Row]:
    """Twice the training at gains 1.4 and 1.5, and a hundred times smaller alpha at 1.4."""
    data = trained(study, "longer", (1.4, 1.5), study.pick(10, 2), periods=2 * PERIODS)
    aligned = column(judged(data, four_sines(), PERIOD, 2 * PERIODS * PERIOD * DT), "aligned")
    rows = [counted(f"gain {gain}, 24 periods of training", aligned[i] < SUCCESS, 0.9) for i, gain in enumerate((1.4, 1.5))]
    data = trained(study, "alpha", (1.4,), study.pick(10, 2), alpha=0.01)
    found = judged(data, four_sines(), PERIOD, PERIODS * PERIOD * DT)[0]
    rows.append(counted("gain 1.4, alpha = 0.01, float32", column(found, "aligned") < SUCCESS, 0.95))
    rows.append(at_most("first period's error, gain 1.4, alpha = 0.01, median", np.median(column(found, "first_period")), 0.005))
    return rows


def _draw(study: Study, data: xr.Dataset, aligned: np.ndarray, cycles: np.ndarray) -> None:
    folder = study.figures("gains")
    coords = {"gain": list(GAINS), "seed": data["seed"].values}
    success = xr.DataArray(aligned < SUCCESS, coords, ("gain", "seed"), "success")
    ax = plot.plot_success(success)
    ax.axvspan(*RANGE, color="0.92", zorder=0)
    ax.set(xlabel="gain $g$", title="within 0.05 with weights held; grey: the paper's range")
    save(ax, folder, "success", success, data.attrs)
    panels = {
        "cycles": (np.where(np.isfinite(cycles), cycles, np.nan), "cycles to train", "median of those that learn", "linear"),
        "weights": (data["w"].values, "$|w|$ after training", "median", "log"),
    }
    for name, (values, label, middle, scale) in panels.items():
        ax = new_axes(None)
        shown = xr.DataArray(values, coords, ("gain", "seed"), name)
        ax.plot(np.repeat(GAINS, shown.shape[1]), shown.values.ravel(), ".", ms=4, alpha=0.4)
        ax.plot(GAINS, shown.median("seed").values, "k-", lw=1, label=f"{middle}, n = {shown.shape[1]} networks each")
        ax.axvspan(*RANGE, color="0.92", zorder=0)
        ax.set(xlabel="gain $g$", ylabel=label, yscale=scale)
        ax.legend(frameon=False, fontsize="small", loc="upper right")
        save(ax, folder, name, shown, data.attrs)
