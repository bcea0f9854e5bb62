"""Where synchrony begins under noise, measured from the synchronised side."""

from __future__ import annotations

import numpy as np

import neurojax as nj
from experiments.kuramoto.sizes import DT
from experiments.study import Study
from experiments.table import Row, mean_and_error
from neurojax.kuramoto import theory
from neurojax.sweep.plot import completed, new_axes, save

WINDOW = np.linspace(1.05, 1.30, 9)  # K / K_c


def onset(study: Study) -> list[Row]:
    """K_c(D) for normal frequencies.

    Estimator: a steady mean field acts through K r alone, so that 1 / K is a smooth even function of K r, whatever the frequencies. It is
    fitted as a cubic in (K r)^2 over the window above the onset, for each seed, and read off at r = 0. Seeds give the error bar; a
    quarter of the oscillators, the size bias; the same fit to the closed form, the bias of the fit.
    """
    diffusion = np.array([0.0, 0.1, 0.25, 0.5, 1.0])
    frequencies = nj.Normal(1.0, placement="quantiles")
    expected = theory.onset_line(diffusion, frequencies)
    coupling = (expected[:, None] * WINDOW).ravel()
    noise = np.repeat(np.sqrt(2 * diffusion), len(WINDOW))
    sizes, seeds = study.pick((1000, 4000), (250, 1000)), study.pick(8, 4)
    warmup, duration = study.pick((100.0, 300.0), (40.0, 80.0))
    record = {"r": nj.Mean(nj.squared_order, warmup=warmup)}
    found = []
    for n in sizes:
        model = nj.Kuramoto(n, noise=0.0, frequencies=frequencies, initial=nj.Cluster(1.0), windings=False)
        over = {"place": nj.zip(coupling=coupling, noise=noise)}
        data = study.sweep(f"onset_{n}", model, over, dt=DT, duration=duration, seeds=seeds, record=record)
        squares = completed(data, "r").values.reshape(len(diffusion), len(WINDOW), seeds)
        found.append(
            [[extrapolated(k, r2) for r2 in lanes.T] for k, lanes in zip(coupling.reshape(squares.shape[:2]), squares, strict=True)]
        )
    small, large = np.asarray(found)
    rows = []
    for i, d in enumerate(diffusion):
        exact = theory.order_parameter(WINDOW * expected[i], frequencies, d) ** 2
        fit_bias = abs(extrapolated(WINDOW * expected[i], exact) - expected[i])
        size_bias = abs(large[i].mean() - small[i].mean())
        label = f"K_c, normal, D = {d:g}, r → 0 from {WINDOW[0]:g} to {WINDOW[-1]:g} K_c, N = {sizes[1]}"
        rows.append(Row(label, *mean_and_error(large[i]), float(expected[i]), fit_bias + size_bias, "Sakaguchi 1988"))
    draw(study, diffusion, large, frequencies)
    return rows


def extrapolated(coupling: np.ndarray, squares: np.ndarray) -> float:
    """K at which r would vanish."""
    return float(1 / np.polyfit(coupling**2 * squares, 1 / coupling, 3)[-1])


def draw(study: Study, diffusion: np.ndarray, found: np.ndarray, frequencies: nj.Frequencies) -> None:
    import xarray as xr

    ax = new_axes(None)
    shown = xr.DataArray(found, dims=("diffusion", "seed"), coords={"diffusion": diffusion}, name="critical_coupling")
    line = np.linspace(0, diffusion[-1] * 1.05, 200)
    ax.plot(line, theory.onset_line(line, frequencies), "k--", lw=1.2, label="theory")
    error = found.std(axis=1, ddof=1) / np.sqrt(found.shape[1])
    ax.errorbar(
        diffusion, found.mean(axis=1), error, fmt="o", ms=4, capsize=3, label=f"measured, mean ± s.e.m., n = {found.shape[1]} seeds"
    )
    ax.set(xlabel=r"diffusion $D = \sigma^2/2$ (rad$^2$/time)", ylabel="critical coupling $K_c$ (1/time)", xlim=(-0.03, line[-1]))
    ax.legend(frameon=False)
    save(ax, study.figures("onset"), "onset", shown)
