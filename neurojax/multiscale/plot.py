"""Figures of memories that learn while they run. Nothing in `import neurojax` imports this module."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float, Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from neurojax.multiscale.settling import Stationarity
from neurojax.sweep import plot as generic
from neurojax.sweep.film import camera, write_film
from neurojax.sweep.plot import draw_mesh, new_axes, over_seeds

TIME, DISTANCE, RESIDUAL = "time $t$", r"$D = |J/k - H|^2$", r"$D - \mathbb{E}\,D$"


def plot_neurons(s: xr.DataArray, *, label: str = "$s_i$", ax: Axes | None = None) -> Axes:
    """Neurons, or their field, over time: blue below zero, red above. s: dimensions (time, neuron), a `Trace` of `neurons` or `field`."""
    ax = new_axes(ax)
    values = np.asarray(s.values, float)
    extent = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    mesh = ax.pcolormesh(
        s["time"].values, np.arange(values.shape[1]), values.T, cmap="RdBu_r", vmin=-extent, vmax=extent, shading="nearest", rasterized=True
    )
    ax.figure.colorbar(mesh, ax=ax, label=label)
    ax.set(xlabel=TIME, ylabel="neuron $i$")
    return ax


def plot_overlaps(m: xr.DataArray, *, ax: Axes | None = None) -> Axes:
    """Overlap with every pattern over time. m: dimensions (time, pattern)."""
    ax = new_axes(ax)
    for k, one in enumerate(np.asarray(m.values).T):
        ax.plot(m["time"].values, one, lw=0.8, label=rf"$\mu$ = {k + 1}")
    ax.set(xlabel=TIME, ylabel=r"overlap $m_\mu$", ylim=(-1.05, 1.05))
    if m.shape[1] <= 10:
        ax.legend(frameon=False, fontsize="small", ncols=2)
    return ax


def plot_energy(energy: xr.DataArray, *, label: str = "$L(s, J)$", ax: Axes | None = None) -> Axes:
    """An energy over time, one line for each run. energy: dimensions (time,) or (time, seed)."""
    ax = new_axes(ax)
    rows = energy.transpose("time", ...).values.reshape(energy.sizes["time"], -1)
    ax.plot(energy["time"].values, rows, lw=0.8, color="C0", alpha=1.0 if rows.shape[1] == 1 else 0.4)
    ax.set(xlabel=TIME, ylabel=label)
    return ax


def plot_distance(
    distance: xr.DataArray,
    mean: Real[np.ndarray, " times"] | None = None,
    deviation: Real[np.ndarray, " times"] | None = None,
    *,
    asymptote: float | None = None,
    log: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """D over time, a single run or the mean of seeds with a band of one standard deviation; theory dashed, its deviation dotted.

    Arguments:
        distance: dimensions (time,) or (time, seed). mean, deviation: of the theory at these times, from `theory.mean_distance` and
            the root of `theory.distance_variance`, or None. asymptote: the stationary mean, or None. log: a logarithmic scale of D.
    """
    ax = new_axes(ax)
    times, spread = distance["time"].values, over_seeds(distance)
    count = int(spread.seeds.max())
    ax.plot(times, spread.mean, lw=0.9, color="C0", label="one run" if count == 1 else f"mean ± s.d., n = {count} seeds")
    if count > 1:
        low = np.asarray(spread.mean - spread.deviation)
        ax.fill_between(times, np.maximum(low, 1e-12) if log else low, spread.mean + spread.deviation, color="C0", alpha=0.25, lw=0)
    if mean is not None:
        ax.plot(times, mean, "k--", lw=1.2, label="theory", gid="theory")
    if mean is not None and deviation is not None:
        for sign in (-1, 1):
            ax.plot(times, mean + sign * deviation, "k:", lw=0.8, label="± its s.d." if sign > 0 else "_")
    if asymptote is not None:
        ax.axhline(asymptote, color="0.5", lw=0.8, label="for ever")
    ax.set(xlabel=TIME, ylabel=DISTANCE, yscale="log" if log else "linear")
    ax.legend(frameon=False, fontsize="small")
    return ax


def plot_residuals(residuals: xr.DataArray, deviation: Any = None, *, ax: Axes | None = None) -> Axes:
    """D without its mean over time. residuals: dimensions (time,) or (time, seed). deviation: theory's, a number or (times,), dashed."""
    ax = new_axes(ax)
    times = residuals["time"].values
    rows = residuals.transpose("time", ...).values.reshape(len(times), -1)
    ax.plot(times, rows, lw=0.6, color="C0", alpha=1.0 if rows.shape[1] == 1 else 0.3)
    if deviation is not None:
        for sign in (-1, 1):
            ax.plot(times, sign * np.broadcast_to(deviation, times.shape), "k--", lw=1.0, label="theory, ± s.d." if sign > 0 else "_")
        ax.legend(frameon=False, fontsize="small")
    ax.axhline(0, color="0.7", lw=0.8, zorder=0)
    ax.set(xlabel=TIME, ylabel=RESIDUAL)
    return ax


def plot_residual_histogram(
    residuals: Real[np.ndarray, " values"], deviation: float | None = None, *, bins: int = 50, ax: Axes | None = None
) -> Axes:
    """Histogram of residuals as a density; dashed the normal one of their own mean and deviation, dotted that of the theory's deviation.

    An inset has their quantiles against normal ones, and the title Shapiro and Wilk's W of (at most 5,000 of) them: 1 for a normal law.
    """
    ax = new_axes(ax)
    values = np.asarray(residuals, float).ravel()
    if len(values) < 3 or np.ptp(values) == 0:
        raise ValueError(f"plot_residual_histogram(residuals): {len(values)} values that do not differ; give at least 3 that do")
    ax.hist(values, bins, density=True, color="C0", alpha=0.5)
    fine = np.linspace(values.min(), values.max(), 200)
    ax.plot(fine, stats.norm.pdf(fine, values.mean(), values.std()), "k--", lw=1.2, label="normal, fitted")
    if deviation is not None:
        ax.plot(fine, stats.norm.pdf(fine, 0, deviation), "k:", lw=1.2, label="normal, s.d. of theory")
    inset = ax.inset_axes((0.64, 0.55, 0.33, 0.4))
    order = np.linspace(0, len(values) - 1, min(len(values), 400)).astype(int)
    inset.plot(stats.norm.ppf((order + 0.5) / len(values)), np.sort((values - values.mean()) / values.std())[order], ".", ms=2)
    inset.axline((0, 0), slope=1, color="k", lw=0.8, ls="--")
    inset.set(xticks=[], yticks=[])
    w = stats.shapiro(values[np.linspace(0, len(values) - 1, min(len(values), 5000)).astype(int)]).statistic
    ax.set(xlabel=RESIDUAL, ylabel="density", title=f"W = {w:.3f}")
    ax.legend(frameon=False, fontsize="small", loc="upper left")
    return ax


def plot_autocorrelation(correlation: xr.DataArray, left: float | None = None, *, ax: Axes | None = None) -> Axes:
    """Autocorrelation of D by lag, a record `Autocorrelation`; dashed the theory `left^lag`, left = E a^2 of the time between samples."""
    ax = new_axes(ax)
    (dim,) = (str(dim) for dim in correlation.dims)
    ax.plot(correlation[dim].values, correlation.values, "o-", ms=3, lw=1)
    if left is not None:
        ax.plot(correlation[dim].values, left ** np.arange(len(correlation)), "k--", lw=1.2, label="theory", gid="theory")
        ax.legend(frameon=False, fontsize="small")
    ax.axhline(0, color="0.7", lw=0.8, zorder=0)
    ax.set(xlabel="lag (time)", ylabel="autocorrelation of $D$")
    return ax


def plot_couplings(
    J: Float[np.ndarray, "n n"], *, label: str = "$J_{ij} / k$", extent: float | None = None, ax: Axes | None = None
) -> Axes:
    """Couplings, or their difference to Hebb's, as an image: blue below zero, red above. extent: of the colours, None for the largest."""
    ax = new_axes(ax, (4.4, 3.6))
    values = np.asarray(J, float)
    bound = extent or float(np.abs(values).max()) or 1.0
    image = ax.imshow(values, cmap="RdBu_r", vmin=-bound, vmax=bound, interpolation="nearest")
    ax.figure.colorbar(image, ax=ax, label=label)
    ax.set(xlabel="neuron $j$", ylabel="neuron $i$")
    return ax


def plot_stationarity(found: Stationarity, significance: float = 0.01, *, ax: Axes | None = None) -> Axes:
    """The p-values of a rolling test; dashed the significance, dotted where the series has settled (times in samples)."""
    ax = new_axes(ax)
    ax.semilogy(found.ends, np.maximum(found.pvalues, 1e-12), "o-", ms=3, lw=1)
    ax.axhline(significance, color="k", ls="--", lw=1, label=f"p = {significance:g}")
    if found.settled is not None:
        ax.axvline(found.settled, color="k", ls=":", lw=1, label=f"settled from sample {found.settled}")
    ax.set(xlabel="end of the window (samples)", ylabel="p of a unit root")
    ax.legend(frameon=False, fontsize="small")
    return ax


def plot_lock_in(tracked: xr.DataArray, *, ax: Axes | None = None) -> Axes:
    """Tracking fraction over the field u / k(N - 1) and the largest weight of a pattern, with the lines between which it is metastable.

    tracked: dimensions "field" and "weight", and perhaps "seed". Right of the dashed line (field 1) the field wins whatever was shown; left
    of the dotted one (field = weight) it loses to the mean couplings already.
    """
    if not {"field", "weight"} <= set(tracked.dims):
        raise ValueError(f"plot_lock_in: tracked has the axes {list(tracked.dims)}; name them 'field' and 'weight'")
    ax = new_axes(ax)
    draw_mesh(ax, over_seeds(tracked).mean.transpose("field", "weight"), label="tracking fraction", cmap="viridis", vmin=0, vmax=1)
    limits = ax.get_xlim(), ax.get_ylim()
    ax.axvline(1.0, color="w", ls="--", lw=1.5, label="$u = k(N-1)$", gid="safe")
    ax.plot(limits[1], limits[1], "w:", lw=1.5, label=r"$u = k(N-1)\,p_\max$", gid="lost")
    ax.set(xlabel="field $u / k(N-1)$", ylabel=r"largest weight $p_\max$", xlim=limits[0], ylim=limits[1])
    ax.legend(frameon=False, labelcolor="w", fontsize="small")
    return ax


def plot_phase_space(s: xr.DataArray, *, targets: Real[np.ndarray, "K 2"] | None = None, ax: Axes | None = None) -> Axes:
    """The path of two neurons. s: dimensions (time, neuron), the first two neurons. targets: patterns, marked."""
    ax = new_axes(ax, (4.0, 3.8))
    ax.plot(s.values[:, 0], s.values[:, 1], lw=0.7, color="C0")
    ax.plot(*s.values[-1, :2], "o", color="C0", ms=6)
    if targets is not None:
        ax.plot(targets[:, 0], targets[:, 1], "k*", ms=9)
    ax.set(xlabel="$s_1$", ylabel="$s_2$", xlim=(-1.08, 1.08), ylim=(-1.08, 1.08), aspect="equal")
    return ax


def animate_memory(
    s: xr.DataArray,
    J: xr.DataArray,
    reference: Float[np.ndarray, "n n"],
    distance: xr.DataArray,
    path: str | os.PathLike,
    *,
    rate: float = 10.0,
    **film: Any,
) -> Path:
    """A film: neurons, couplings, their difference to Hebb's, and D; one frame for each sample.

    Arguments:
        s: (time, neuron), J: (time, neuron, neuron) in units of k, distance: (time,), with the same times. reference: H.
        path: ends in .gif or .mp4; written by `sweep.film.write_film`, whose errors it has. rate: frames per second.
    """
    return write_film(path, _frames(s, J, reference, distance), rate, **film)


def _frames(s: xr.DataArray, J: xr.DataArray, reference: np.ndarray, distance: xr.DataArray) -> Iterator[np.ndarray]:
    figure = Figure(figsize=(8.0, 6.4), dpi=80, layout="constrained")
    (first, second), (third, last) = figure.subplots(2, 2)
    plot_couplings(J.values[0], extent=float(np.abs(J.values).max()), ax=second)
    plot_couplings(J.values[0] - reference, label="$J_{ij} / k - H_{ij}$", extent=float(np.abs(J.values - reference).max()), ax=third)
    plot_distance(distance, ax=last)
    (dots,) = first.plot(np.arange(s.shape[1]), s.values[0], "o", ms=4)
    first.set(xlabel="neuron $i$", ylabel="$s_i$", ylim=(-1.08, 1.08))
    times = s["time"].values
    mark = last.axvline(times[0], color="k", lw=1)
    images = [second.images[0], third.images[0]]
    shot = camera(figure, [(first, dots), (second, images[0]), (third, images[1]), (last, mark)])
    for now, state, couplings in zip(times, s.values, J.values, strict=True):
        dots.set_ydata(state)
        images[0].set_data(couplings)
        images[1].set_data(couplings - reference)
        mark.set_xdata([now, now])
        yield shot()


def animate_phase_space(s: xr.DataArray, path: str | os.PathLike, *, tail: int = 60, rate: float = 10.0, **film: Any) -> Path:
    """A film of two neurons and where they have lately been. s: (time, neuron). tail: samples shown behind. Written by `write_film`."""
    return write_film(path, _paths(s, tail), rate, **film)


def _paths(s: xr.DataArray, tail: int) -> Iterator[np.ndarray]:
    ax = plot_phase_space(s[:1])
    line, dot = ax.lines[:2]
    figure = ax.get_figure(root=True)
    assert figure is not None
    shot = camera(figure, [(ax, line), (ax, dot)])
    for end in range(1, len(s) + 1):
        part = s.values[max(0, end - tail) : end]
        line.set_data(part[:, 0], part[:, 1])
        dot.set_data(part[-1:, 0], part[-1:, 1])
        yield shot()


def draw(data: xr.Dataset, folder: str | os.PathLike) -> list[Path]:
    """Figures of a sweep: those that any sweep has."""
    return generic.draw(data, folder)


__all__: Sequence[str] = [
    "animate_memory",
    "animate_phase_space",
    "draw",
    "plot_autocorrelation",
    "plot_couplings",
    "plot_distance",
    "plot_energy",
    "plot_lock_in",
    "plot_neurons",
    "plot_overlaps",
    "plot_phase_space",
    "plot_residual_histogram",
    "plot_residuals",
    "plot_stationarity",
]
