"""A recorded signal, feedback that comes late and bent (figure 6A), and the delta rule with a rate of its own (supplementary figure 1)."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import xarray as xr

import neurojax as nj
from experiments.force.common import DT, PERIOD, PERIODS, SUCCESS, column, counted, judged, schedule, test_trace, values
from experiments.study import Study
from experiments.table import Row
from neurojax.force import measures, plot
from neurojax.force.targets import Sines, four_sines
from neurojax.sweep.plot import new_axes, save

SPREAD = 2  # ms from sample to sample of the electrocardiogram; it was recorded at 360 Hz


def electrocardiogram() -> np.ndarray:
    """The 1,024 samples (three beats) that PyWavelets ships, closed to a loop, within -1 and 1; one value a ms."""
    import pywt  # type: ignore[import-untyped]

    series = np.asarray(pywt.data.ecg(), float)
    series = series - np.linspace(series[0], series[-1], len(series))
    series = (series - series.mean()) / np.abs(series - series.mean()).max()
    places = np.arange(len(series) * SPREAD) / SPREAD
    return np.interp(places, np.arange(len(series) + 1), np.append(series, series[0]))


def recorded(study: Study) -> list[Row]:
    """A real signal: twelve rounds of an electrocardiogram learned by networks of 1,000, then twelve with the weights held."""
    loop = electrocardiogram()
    target, span = nj.Sampled(np.tile(loop, 2 * PERIODS + 1), DT), PERIODS * len(loop) * DT
    system = nj.Training(nj.RateNetwork(study.pick(1000, 300), gain=1.4), target, nj.RLS(0.1, method="block"))
    settings: dict[str, Any] = {"dt": DT, "duration": schedule(span, span), "record": test_trace()}
    data = study.sweep("recorded", system, {}, seeds=study.pick(10, 2), **settings)
    found = judged(data, target, len(loop), span)
    size = np.abs(loop).mean()
    shown = data["z"].values[0, : 3 * len(loop), 0]
    time = np.arange(len(shown)) * DT
    pair = [xr.DataArray(one, {"time": time}, ("time",)) for one in (shown, np.tile(loop, 3))]
    ax = plot.plot_output(*pair, ax=new_axes(None, (8, 2.6)))
    ax.set(xlabel="time after learning (ms)")
    save(ax, study.figures("recorded"), "recorded", xr.concat(pair, xr.DataArray(["z", "f"], dims="series")).rename("value"))
    aligned = column(found, "aligned") / size
    return [
        counted("electrocardiogram: aligned error below 0.1 of mean |f|", aligned < 0.1, 0.7, source="PyWavelets' ecg"),
        Row("electrocardiogram: aligned error over mean |f|, median", float(np.median(aligned)), 0.0, None, source="PyWavelets' ecg"),
    ]


def delayed(study: Study) -> list[Row]:
    """Figure 6A: what is fed back is 1.3 tanh(sin(pi z(t - 100 ms)))."""
    rows = []
    for gain in (1.3, 1.5):
        network = nj.RateNetwork(study.pick(1000, 300), gain=gain, distortion=_bent, lag=round(100 / DT))
        good = _learned(study, f"delayed_{gain}", nj.Training(network, four_sines(), nj.RLS(1.0, method="block")))
        rows.append(Row(f"6A late and bent feedback, gain {gain}: networks of {good.size} that succeed", float(good.sum()), 0.0, None))
    return rows


def _bent(z: Any) -> Any:
    return 1.3 * jnp.tanh(jnp.sin(jnp.pi * z))


def _learned(study: Study, name: str, system: nj.Training) -> np.ndarray:
    span = PERIODS * PERIOD * DT
    settings: dict[str, Any] = {"dt": DT, "duration": schedule(span, span), "record": test_trace()}
    data = study.sweep(name, system, {}, seeds=study.pick(10, 2), **settings)
    return column(judged(data, system.target, PERIOD, span), "aligned") < SUCCESS


def delta(study: Study) -> list[Row]:
    """S1: the delta rule follows its target after 600 s of learning; does it run on?"""
    target, train = Sines(PERIOD * DT, (1.0, 0.5, 1 / 6, 1 / 3), 1.3 / 1.5), study.pick(500, 10) * PERIOD * DT
    system = nj.Training(nj.RateNetwork(study.pick(1000, 300), gain=1.5), target, nj.DeltaRule(rate=1e-3), interval=1)
    test = PERIODS * PERIOD * DT
    record = test_trace() | {"last": nj.Mean(measures.absolute_error, phase="train", warmup=train - PERIOD * DT)}
    settings: dict[str, Any] = {"dt": DT, "duration": schedule(train, test), "record": record}
    data = study.sweep("delta", system, {}, seeds=study.pick(4, 2), **settings)
    good = column(judged(data, target, PERIOD, train), "aligned") < SUCCESS
    size = float(np.abs(values(target, 0.0, PERIOD)).mean())
    return [
        Row("S1 delta rule: last period's error in training over mean |f|, median", float(np.median(data["last"]) / size), 0.0, None),
        Row(f"S1 delta rule: networks of {good.size} that run on", float(good.sum()), 0.0, None),
    ]
