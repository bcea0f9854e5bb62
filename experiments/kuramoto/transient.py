"""The way to synchrony: the Ott-Antonsen equation."""

from __future__ import annotations

import numpy as np

import neurojax as nj
from experiments.kuramoto.sizes import DT
from experiments.study import Study
from experiments.table import Row, mean_and_error
from neurojax.kuramoto import plot, theory
from neurojax.sweep.plot import save


def ott_antonsen(study: Study) -> list[Row]:
    """r(t) of 10^5 oscillators from wrapped-Cauchy phases, gamma = 0.5, K = 2, r0 = 0.1."""
    n, seeds = 100_000, study.pick(8, 2)
    model = nj.Kuramoto(n, coupling=2.0, frequencies=nj.Lorentzian(0.5), initial=nj.WrappedCauchy(0.1), windings=False)
    data = study.sweep(
        "ott_antonsen",
        model,
        {},
        dt=DT,
        duration=12.0,
        seeds=seeds,
        record={"r": nj.Trace(nj.order_parameter)},
    )
    times = data.r_time.values
    exact = theory.ott_antonsen(times, 0.1, 2.0, 0.5)
    ax = plot.plot_order_trace(data.r, n=n)
    ax.plot(times, exact, "k--", lw=1.2, label="theory (Ott-Antonsen)")
    ax.legend(frameon=False)
    save(ax, study.figures("ott_antonsen"), "transient", data.r, data.attrs)
    away = np.abs(data.r.values - exact)
    source = "Ott and Antonsen 2008"
    rows = [
        Row(
            "largest distance of r from theory over 0 ≤ t ≤ 12, mean of seeds, N = 1e5",
            *mean_and_error(away.max(axis=-1)),
            0.015,
            source=source,
            bound=True,
        ),
        Row("the same, worst seed", float(away.max()), 0.0, 0.015, source=source, bound=True),
    ]
    for time in (2.0, 4.0, 6.0, 10.0):
        at = round(time / DT)
        rows.append(Row(f"r at t = {time:g}", *mean_and_error(data.r.values[:, at]), float(exact[at]), 0.7 / np.sqrt(n), source))
    return rows


def fluctuations(study: Study) -> list[Row]:
    """Below the onset: N <r^2> = 1 / (1 - K / K_c) for identical oscillators with noise, D = 0.5."""
    n, d, seeds = 1000, 0.5, study.pick(32, 16)
    model = nj.Kuramoto(n, noise=np.sqrt(2 * d), frequencies=nj.Delta(0.0), windings=False)
    load = np.array([-1.0, 0.0, 0.5])
    record = {"r2": nj.Mean(nj.squared_order, warmup=20.0)}
    duration = study.pick(220.0, 120.0)
    data = study.sweep("fluctuations", model, {"coupling": load * 2 * d}, dt=DT, duration=duration, seeds=seeds, record=record)
    rows = []
    for i, x in enumerate(load):
        mean, error = mean_and_error(n * data.r2.values[i])
        expected = float(theory.incoherent_fluctuation(x, 1.0))
        # The next order of the theory is of relative size 1 / (N (1 - K / K_c)^2).
        rows.append(Row(f"N <r²>, K/K_c = {x:g}, N = {n}", mean, error, expected, expected / (n * (1 - x) ** 2), "Daido 1990"))
    return rows
