"""Figure 6B, C: a network that feeds its output back through another one (B), and one that learns inside (C), from small to large."""

from __future__ import annotations

import numpy as np
import xarray as xr

import neurojax as nj
from experiments.force.common import SUCCESS, counted, succeeded
from experiments.study import Study
from experiments.table import Row
from neurojax.force import plot
from neurojax.force.targets import four_sines
from neurojax.sweep.plot import save

LEAST = 0.8  # share of networks that a size must bring to success
FEEDBACK_SIZES = (250, 350, 500, 750, 1000)
INTERNAL_SIZES = (100, 150, 200, 300, 500)


def feedback_architecture(n: int) -> nj.RateNetwork:
    """B: 95 feedback units that hear all of the generator. The paper has 20,000 units, of which each feedback unit hears 500."""
    return nj.feedback_network(n, nj.GeneratorAndFeedback(p_fg=1.0, g_gg=1.3))


def internal_architecture(n: int) -> nj.RateNetwork:
    """C: half of the units learn, each on synapses from all. The paper has 750 units with p = 0.5, all of which learn."""
    return nj.internal_network(n, n // 2, n, gain=1.4)


def architectures(study: Study) -> list[Row]:
    """Ten networks of each size; the smallest of which 8 run on by themselves. Then synapses with a P for each unit."""
    rows, counts = [], {}
    for label, make, sizes in (("B", feedback_architecture, FEEDBACK_SIZES), ("C", internal_architecture, INTERNAL_SIZES)):
        good = {n: _succeeds(study, f"{label}_{n}", make(n)) for n in (sizes if not study.quick else sizes[:2])}
        for n, one in good.items():
            rows.append(Row(f"6{label}: networks of {one.size} that succeed, {n} units", float(one.sum()), 0.0, None))
        enough = [n for n, one in good.items() if one.mean() >= LEAST]
        largest = list(good)[-1]
        rows.append(counted(f"6{label}: aligned error below {SUCCESS}, {largest} units", good[largest], LEAST))
        rows.append(Row(f"6{label}: smallest size of which 8 of 10 succeed", float(min(enough, default=np.nan)), 0.0, None))
        counts[label] = xr.DataArray(list(good.values()), {"units": list(good)}, ("units", "seed"))
    own = {
        "B: 500 units, each feedback unit hears 250, a P each": nj.feedback_network(500, nj.GeneratorAndFeedback(p_fg=0.5, g_gg=1.3)),
        "C: 300 units, 100 learn on 150 synapses, a P each": nj.internal_network(300, 100, gain=1.3),
    }
    for number, (label, network) in enumerate(own.items()):
        one = _succeeds(study, f"own_{number}", network, seeds=study.pick(4, 2), amplitude=0.7 / 1.5)
        rows.append(Row(f"6{label}: networks of {one.size} that succeed", float(one.sum()), 0.0, None))
    axes = None
    for label, one in counts.items():
        axes = plot.plot_success(one, label=label, ax=axes)
    assert axes is not None
    axes.set_xscale("log")
    axes.set(xlabel="units", ylabel="share that succeeds")
    axes.legend(frameon=False)
    numbers = xr.concat([one.mean("seed").assign_coords(architecture=label) for label, one in counts.items()], "architecture", join="outer")
    save(axes, study.figures("architectures"), "architectures", numbers.rename("share"))
    return rows


def _succeeds(study: Study, name: str, network: nj.RateNetwork, seeds: int | None = None, amplitude: float = 1.3 / 1.5) -> np.ndarray:
    system = nj.Training(network, four_sines(amplitude=amplitude), nj.RLS(1.0, method="block"))
    return succeeded(study, f"architecture_{name}", system, seeds)
