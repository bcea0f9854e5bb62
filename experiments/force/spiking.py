"""Spiking networks: LIF and Izhikevich neurons that learn a sine of 5 Hz. Times in ms."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import neurojax as nj
from experiments.force.common import at_most, column, counted, judged, values
from experiments.study import Study
from experiments.table import Row
from neurojax.engine.system import View
from neurojax.force import measures, plot
from neurojax.force.targets import Sines
from neurojax.sweep.plot import save

SPIKES = "Nicola and Clopath 2017"
SINE, PERIOD = Sines(200.0), 200
SETTLE, TRAIN, SHOWN = 1000.0, 5000.0, 800.0
SHOWS = 40  # neurons in the raster
SUCCESS = 0.06  # largest aligned error of a network that has learned: a tenth of the mean of |f|


@dataclasses.dataclass(frozen=True)
class Kind:
    """A network, its step, steps between updates, alpha = 1 / P(0) in 1 / ms^2."""

    network: Any
    dt: float
    interval: int
    alpha: float

    def system(self, **network: Any) -> nj.Training:
        return nj.Training(self.network(**network), SINE, nj.RLS(self.alpha), self.interval)

    @property
    def every(self) -> int:
        """Steps of a millisecond."""
        return round(1 / self.dt)


def lif_network(**network: Any) -> nj.SpikingNetwork:
    """With G and Q of their LIF network of Q = 30; the rest are the defaults."""
    settings: dict[str, Any] = {"gain": 100.0, "feedback": 30.0}
    return nj.SpikingNetwork(**(settings | network))


KINDS = {
    "LIF": Kind(lif_network, 0.05, 50, 0.2),
    "Izhikevich": Kind(nj.izhikevich_network, 0.04, 20, 0.5),
}


def some_spikes(view: View) -> Any:
    """Of the neurons in the raster."""
    return measures.spikes(view)[:SHOWS]


def spiking(study: Study) -> list[Row]:
    """Figure 2: eight networks of each kind learn for 5 s and run on for 5 s; controls without learning, and without feedback."""
    n, seeds, test = study.pick(500, 200), study.pick(8, 2), study.pick(5000.0, 2000.0)
    rows, shown = [], {}
    for name, kind in KINDS.items():
        own = nj.Trace(measures.output, every=kind.every, phase="test")
        record = {
            "z": own,
            "before": nj.Trace(measures.output, every=kind.every, phase="train", warmup=TRAIN - SHOWN),
            "after": nj.Trace(measures.output, every=kind.every, phase="show"),
            "spikes": nj.Trace(some_spikes, phase="show"),
            "rate": nj.Mean(measures.firing_rate, phase="test"),
            "error": nj.Mean(measures.absolute_error, phase="train", warmup=TRAIN / 2),
        }
        held: dict[str, Any] = {"learning": False}
        phases = {"settle": nj.Phase(SETTLE, held), "train": TRAIN, "show": nj.Phase(SHOWN, held), "test": nj.Phase(test, held)}
        settings = {"dt": kind.dt, "duration": nj.Schedule(phases)}
        data = study.sweep(f"spiking_{name}", kind.system(n=n), {}, seeds=seeds, record=record, **settings)
        found = judged(data, SINE, PERIOD, SETTLE + TRAIN + SHOWN)
        aligned, speed = column(found, "aligned"), np.abs(column(found, "frequency") - 1)
        rows += [
            counted(f"{name}: aligned error below {SUCCESS}, {n} neurons", aligned < SUCCESS, 0.8, SPIKES),
            at_most(f"{name}: aligned error, median (mean of |f|: 0.637)", np.median(aligned), 0.05, SPIKES),
            at_most(f"{name}: frequency off by, median", np.median(speed), 0.02, SPIKES),
            Row(f"{name}: error while learning, median", float(np.median(data["error"])), 0.0, None, source=SPIKES),
            Row(f"{name}: firing rate with the weights held (Hz)", float(1000 * data["rate"].mean()), 0.0, None, source=SPIKES),
        ]
        shown[name] = data
        untaught = {"settle": nj.Phase(SETTLE + TRAIN + SHOWN, held), "test": nj.Phase(test, held)}
        controls = {
            "no learning": study.sweep(
                f"spiking_{name}_untaught", kind.system(n=n), {}, seeds=2, dt=kind.dt, duration=nj.Schedule(untaught), record={"z": own}
            ),
            "no feedback": study.sweep(f"spiking_{name}_cut", kind.system(n=n, feedback=0.0), {}, seeds=2, record={"z": own}, **settings),
        }
        for control, data in controls.items():
            wrong = column(judged(data, SINE, PERIOD, SETTLE + TRAIN + SHOWN), "aligned")
            rows.append(at_most(f"{name}: networks of 2 that succeed, {control} (control)", (wrong < SUCCESS).sum(), 0, SPIKES))
    _draw(study, shown)
    return rows


def _draw(study: Study, shown: dict[str, xr.Dataset]) -> None:
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    grid = figure.subplots(2, 2, height_ratios=(1, 1.4))
    saved = {}
    for (top, bottom), (name, data) in zip(grid.T, shown.items(), strict=True):
        z = np.concatenate([data["before"].values[0, :, 0], data["after"].values[0, :, 0]])
        time = np.arange(-SHOWN, SHOWN)
        top.plot(time, z, lw=1.0, label="output $z$")
        top.plot(time, values(SINE, SETTLE + TRAIN - SHOWN, len(z)), "--", lw=1.0, color="0.4", label="target $f$")
        top.axvline(0, color="k", lw=1, ls=":")
        top.set(ylabel="output", ylim=(-1.6, 1.6), title=f"{name} neurons", xlim=(-SHOWN, SHOWN))
        spikes = data["spikes"].isel(seed=0)
        raster = xr.DataArray(spikes.values, {"time": np.arange(len(spikes)) * KINDS[name].dt}, ("time", "neuron"))
        plot.plot_raster(raster, most=SHOWS, ax=bottom)
        bottom.set(xlabel="time after learning (ms)", xlim=(-SHOWN, SHOWN))
        saved[name] = xr.DataArray(z, {"time": time}, ("time",))
    grid[0, 0].legend(frameon=False, fontsize="small", loc="upper right", ncols=2)
    save(grid[0, 0], study.figures("spiking"), "spiking", xr.Dataset(saved).to_dataarray("neurons"))
