"""How long patterns last, and which follows which: D under every statistics of redraws against its closed forms."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import neurojax as nj
from experiments.multiscale_memory.physics.common import THEORY, at_most, four_sigma, signs
from experiments.multiscale_memory.physics.tables import at_ends, whole
from experiments.study import Study
from experiments.table import Row
from neurojax.multiscale import measures, theory
from neurojax.sweep.plot import save

MEAN = 5.0  # time of a pattern
KINDS: dict[str, Any] = {"fixed": 5.0, "Poisson": nj.Poisson(5.0), "1 to 9": nj.RandomPeriod(1, 10)}
CHAINS: dict[str, Any] = {"independent": None, "repeating, 0.5": nj.Repeating(0.5), "cyclic, 0.9": nj.Cyclic(0.9)}


def expected(patterns: np.ndarray, tau_J: float, redraws: Any, follow: Any) -> tuple[float, float]:
    """Stationary D of the flow at the ends of patterns' times, and over time."""
    ensemble, fade = theory.Ensemble.of(patterns), theory.fading(tau_J, redraws)
    if follow is None:
        return float(theory.mean_distance(ensemble, fade)), float(theory.time_average(ensemble, tau_J, redraws))
    with jax.enable_x64(True):
        matrix = np.asarray(follow.matrix(jnp.full(len(patterns), 1 / len(patterns))))
    return float(theory.markov_distance(ensemble, fade, matrix)), float(theory.time_average(ensemble, tau_J, redraws, None, matrix))


def redraws(study: Study) -> list[Row]:
    """Three kinds of times by three successions: the whole network at tau' = E tau_h, K numbers a run over two decades of tau'."""
    patterns, rows, found = signs(4, 12, 3), [], []
    for number, (kind, times) in enumerate(KINDS.items()):
        for place, (chain, follow) in enumerate(CHAINS.items()):
            data = whole(study, f"whole_{number}{place}", times, MEAN, 0.125, study.pick(2000, 300), patterns, follow)
            end, error, _ = at_ends(data)
            wanted, over_time = expected(patterns, MEAN, times, follow)
            D = data["D"].values
            # Poisson times are rounded to steps of tau'/40.
            bias = 0.002 if kind == "Poisson" else 0.0
            rows.append(four_sigma(f"{kind}, {chain}: D at the end of a pattern, tau' = E tau_h", end, error, wanted, bias=bias))
            # Samples are steps apart, which costs a share (dt/tau')^2 / 12 of so curved an average.
            label = f"{kind}, {chain}: D over time, tau' = E tau_h"
            rows.append(four_sigma(label, D.mean(), D.std(ddof=1) / np.sqrt(len(D)), over_time, bias=bias + 0.0005))
            found.append(_curve(study, f"curve_{number}{place}", times, follow, patterns))
            worst = np.abs((found[-1][:, 0] - found[-1][:, 2]) / found[-1][:, 1]).max()
            rows.append(
                at_most(
                    f"{kind}, {chain}: largest difference over E tau_h / tau', in standard errors", worst, 4.0, f"{THEORY}; K numbers a run"
                )
            )
    ratios = _ratios(study)
    curves = xr.DataArray(
        np.reshape(found, (len(KINDS), len(CHAINS), 2, len(ratios), 3)),
        {"kind": list(KINDS), "chain": list(CHAINS), "when": ["end", "over time"], "ratio": ratios, "what": ["D", "error", "theory"]},
        ("kind", "chain", "when", "ratio", "what"),
        "D",
    )
    _draw(study, curves / theory.scalars(theory.Ensemble.of(patterns)).spread)
    return rows


def _ratios(study: Study) -> np.ndarray:
    return np.geomspace(0.05, 5.0, study.pick(13, 4))


def _curve(study: Study, name: str, times: Any, follow: Any, patterns: np.ndarray) -> np.ndarray:
    """D, its standard error and its closed form at ends (first rows) and over time, by `CoefficientMap` in the flow."""
    ratios = _ratios(study)
    model = nj.CoefficientMap(12, nj.Stream(patterns, tau_h=times, transitions=follow), k=1.0, J0=0.0)
    record = {
        "D": nj.Mean(measures.distance, warmup=150.0),
        "area": nj.Mean(measures.distance_integral, warmup=150.0),
        "time": nj.Mean(measures.duration, warmup=150.0),
    }
    data = study.sweep(name, model, {"tau_J": MEAN / ratios}, seeds=study.pick(1000, 200), steps=400, dt=1.0, record=record)
    D, area, time = (data[one].transpose("tau_J", "seed").values.astype(float) for one in record)
    runs = D.shape[1]
    average = area.mean(1) / time.mean(1)
    error = (area - average[:, None] * time).std(1, ddof=1) / time.mean(1) / np.sqrt(runs)
    wanted = np.array([expected(patterns, MEAN / ratio, times, follow) for ratio in ratios])
    end = np.stack([D.mean(1), D.std(1, ddof=1) / np.sqrt(runs), wanted[:, 0]], 1)
    return np.concatenate([end, np.stack([average, error, wanted[:, 1]], 1)])


def _draw(study: Study, curves: xr.DataArray) -> None:
    figure = Figure(figsize=(9.6, 3.6), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for ax, when in zip(axes, curves["when"].values, strict=True):
        for k, kind in enumerate(curves["kind"].values):
            for marker, chain in zip("os^", curves["chain"].values, strict=True):
                one = curves.sel(when=when, kind=kind, chain=chain)
                ax.loglog(one["ratio"], one.sel(what="D"), marker, ms=3.5, color=f"C{k}", label=f"{kind}, {chain}")
                ax.loglog(one["ratio"], one.sel(what="theory"), "--", lw=1, color=f"C{k}")
        ax.set(xlabel=r"$\langle\tau_h\rangle / \tau'$", title=f"$D / V$, {'at the end of a pattern' if when == 'end' else when}")
    axes[1].legend(frameon=False, fontsize="x-small", title="dashed: closed form", title_fontsize="x-small")
    save(axes[0], study.figures("redraws"), "redraws", curves)
