"""A recorded signal, feedback that comes late and bent (figure 6A), and the delta rule with a rate of its own (supplementary figure 1)."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import xarray as xr

import neurojax as nj
from experiments.force.common import DT, PERIOD, PERIODS, SUCCESS, column, counted, judged, schedule, succeeded, test_trace, values
from experiments.study import Study
from experiments.table import Row
from neurojax.force import measures, plot
from neurojax.force.targets import four_sines
from neurojax.sweep.plot import new_axes, save

BEATS = 3  # in the series
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
    """A real signal: twelve rounds of an electrocardiogram learned, then twelve with the weights held. Alone it is too quiet between its
    peaks to keep the network from chaos; further outputs, sines of its loop and of its beats, are fed back as well and lend it a clock."""
    loop = electrocardiogram()
    turns = 2 * np.pi * np.arange(len(loop)) / len(loop) * np.array([[1], [BEATS]])
    clock = np.stack([loop, *np.sin(turns), *np.cos(turns)], axis=1)
    rows, size, span = [], np.abs(loop).mean(), PERIODS * len(loop) * DT
    for name, outputs in (("alone", loop[:, None]), ("with a clock", clock)):
        target = nj.Sampled(np.tile(outputs, (2 * PERIODS + 1, 1)), DT)
        network = nj.RateNetwork(study.pick(1000, 300), gain=1.4, outputs=outputs.shape[1])
        settings: dict[str, Any] = {"dt": DT, "duration": schedule(span, span), "record": test_trace()}
        system = nj.Training(network, target, nj.RLS(1.0, method="block"))
        data = study.sweep(f"recorded_{outputs.shape[1]}", system, {}, seeds=study.pick(6, 2), **settings)
        z = data["z"].values[:, :, 0]
        f = np.tile(loop, PERIODS)
        found = [measures.accuracy(one, f, len(loop)) for one in z]
        aligned = np.array([one.aligned for one in found]) / size
        label = f"electrocardiogram, {name}"
        source = "PyWavelets' ecg"
        if len(outputs.T) > 1:
            rows.append(counted(f"{label}: aligned error below 0.35 of mean |f|", aligned < 0.35, 0.6, source))
        rows.append(Row(f"{label}: aligned error over mean |f|, median", float(np.median(aligned)), 0.0, None, source=source))
    shown = z[int(np.argsort(aligned)[len(aligned) // 2]), : 3 * len(loop)]
    time = np.arange(len(shown)) * DT
    pair = [xr.DataArray(one, {"time": time}, ("time",)) for one in (shown, f[: len(shown)])]
    ax = plot.plot_output(*pair, ax=new_axes(None, (8, 2.6)))
    ax.set(xlabel="time after learning (ms), the median network")
    save(ax, study.figures("recorded"), "recorded", xr.concat(pair, xr.DataArray(["z", "f"], dims="series")).rename("value"))
    return rows


def delayed(study: Study) -> list[Row]:
    """Figure 6A: what is fed back is 1.3 tanh(sin(pi z(t - 100 ms))). Where |z| passes 1/2 the sine turns, and two outputs feed back the
    same; a target of 0.3 of the size keeps away from that."""
    rows = []
    for gain, size, periods in ((1.3, 1.0, PERIODS), (1.5, 1.0, PERIODS), (1.5, 1.0, 2 * PERIODS), (1.5, 0.3, 2 * PERIODS)):
        network = nj.RateNetwork(study.pick(1000, 300), gain=gain, distortion=_bent, lag=round(100 / DT))
        system = nj.Training(network, four_sines(amplitude=1.3 / 1.5 * size), nj.RLS(1.0, method="block"))
        good = succeeded(study, f"delayed_{gain}_{size}_{periods}", system, periods=periods, most=SUCCESS * size)
        label = f"6A late and bent feedback, gain {gain}, {periods} periods"
        if size < 1:
            rows.append(counted(f"{label}, 0.3 of the size", good, 0.7))
        else:
            rows.append(Row(f"{label}: networks of {good.size} that succeed", float(good.sum()), 0.0, None))
    return rows


def _bent(z: Any) -> Any:
    return 1.3 * jnp.tanh(jnp.sin(jnp.pi * z))


def delta(study: Study) -> list[Row]:
    """S1: the delta rule follows its target after 600 s of learning; does it run on?"""
    target, train = four_sines(), study.pick(500, 10) * PERIOD * DT
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


def reward(study: Study) -> list[Row]:
    """Hoerzer, Legenstein and Maass 2014: learning from whether the outputs did better than lately; the readout explores."""
    target, train = four_sines(), study.pick(400, 10) * PERIOD * DT
    network = nj.RateNetwork(study.pick(1000, 300), gain=1.5, tau=50.0)
    rule = nj.RewardHebbian(rate=_falling, tau=5.0)
    system = nj.Training(network, target, rule, interval=1, exploration=0.5)
    test = PERIODS * PERIOD * DT
    record = test_trace() | {"last": nj.Mean(measures.absolute_error, phase="train", warmup=train - 10 * PERIOD * DT)}
    settings: dict[str, Any] = {"dt": DT, "duration": schedule(train, test), "record": record}
    data = study.sweep("reward", system, {}, seeds=study.pick(4, 2), **settings)
    found = judged(data, target, PERIOD, train)
    size = float(np.abs(values(target, 0.0, PERIOD)).mean())
    return [
        Row("reward alone: last ten periods' error in training over mean |f|, median", float(np.median(data["last"]) / size), 0.0, None),
        Row("reward alone: aligned error in the test over mean |f|, median", float(np.median(column(found, "aligned")) / size), 0.0, None),
        Row(f"reward alone: networks of {found.size} that run on", float((column(found, "aligned") < SUCCESS).sum()), 0.0, None),
    ]


def _falling(time: Any) -> Any:
    return 5e-4 / (1 + time / 20_000)
