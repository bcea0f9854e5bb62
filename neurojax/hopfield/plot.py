"""Figures of attractor memories. Nothing in `import neurojax` imports this module."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurojax.hopfield import theory
from neurojax.sweep.film import camera, write_film
from neurojax.sweep.plot import draw_mesh, draw_spread, new_axes, over_seeds

LOAD, OVERLAP, STEP, TEMPERATURE = r"load $\alpha = P / n$", "overlap $m$", "step", "temperature $T$"


def plot_pattern(s: Real[np.ndarray, " n"], shape: tuple[int, int], *, title: str = "", ax: Axes | None = None) -> Axes:
    """A state or pattern as an image, the upper state dark; in-between and zero states between.

    s: (n,), signs or bits. shape: rows and columns, whose product is n.
    """
    values = np.asarray(s, float)
    if values.size != shape[0] * shape[1]:
        raise ValueError(f"plot_pattern(shape={shape}): {values.size} units do not make {shape[0]} x {shape[1]}; give rows and columns")
    ax = new_axes(ax, (2.0, 2.0))
    ax.imshow(values.reshape(shape), cmap="Greys", vmin=min(0.0, values.min()), vmax=1, interpolation="nearest")
    ax.set(xticks=[], yticks=[], title=title)
    return ax


def plot_patterns(states: Real[np.ndarray, "k n"], shape: tuple[int, int], *, titles: Sequence[str] = (), columns: int = 8) -> Figure:
    """Several states side by side: stored, cue, steps, recovered. titles: one for each, or none. columns: at most."""
    known = np.asarray(states, float)
    width = min(columns, len(known))
    rows = -(-len(known) // width)
    figure = Figure(figsize=(1.3 * width, 1.5 * rows), layout="constrained")
    axes = np.atleast_1d(figure.subplots(rows, width, squeeze=False)).reshape(-1)
    for ax, s, title in zip(axes, known, [*titles, *[""] * (len(known) - len(titles))], strict=False):
        plot_pattern(s, shape, title=title, ax=ax)
    for ax in axes[len(known) :]:
        ax.axis("off")
    return figure


def plot_recall(m: xr.DataArray, *, names: Sequence[str] = (), ax: Axes | None = None) -> Axes:
    """Overlaps with the patterns, step by step.

    m: dimensions (time, pattern), a `Trace` of `overlaps`. names: of the patterns.
    """
    ax = new_axes(ax)
    values = np.asarray(m.values).reshape(m.shape[0], -1)
    for k, one in enumerate(values.T):
        ax.plot(m["time"].values, one, "o-", ms=3, lw=1, label=names[k] if k < len(names) else f"pattern {k}")
    ax.axhline(0, color="0.7", lw=0.8)
    ax.set(xlabel=STEP, ylabel=OVERLAP, ylim=(-1.05, 1.05))
    if values.shape[1] <= 10:
        ax.legend(frameon=False, fontsize="small")
    return ax


def plot_energy(energy: xr.DataArray, *, ax: Axes | None = None) -> Axes:
    """Energy step by step, one line for each run. energy: dimensions (time,) or (time, seed)."""
    ax = new_axes(ax)
    rows = energy.transpose("time", ...).values.reshape(energy.sizes["time"], -1)
    ax.plot(energy["time"].values, rows, "o-", ms=3, lw=1, color="C0", alpha=1.0 if rows.shape[1] == 1 else 0.4)
    ax.set(xlabel=STEP, ylabel="energy $E$")
    return ax


def plot_capacity(
    m: xr.DataArray,
    load: Real[np.ndarray, " k"] | None = None,
    *,
    label: str | None = None,
    temperature: float | None = 0.0,
    ax: Axes | None = None,
) -> Axes:
    """Overlap at the end against load: means over seeds with a band; dashed the theory of Hebb's rule, dotted its end.

    Called again on its own axes it adds a curve. The theory is of n -> infinity: finite networks round it off up to loads of 0.16.

    Arguments:
        m: dimensions (axis, seed) or (axis,). load: alpha along the axis; None where the axis is it.
        label: what is said of this curve. temperature: T of the theory; None draws none.
    """
    (dim,) = (str(dim) for dim in m.dims if dim != "seed")
    loads = np.asarray(m[dim].values if load is None else load, float)
    order = np.argsort(loads)
    ax = new_axes(ax)
    spread = over_seeds(m)
    count = int(spread.seeds.max())
    draw_spread(ax, loads[order], *(np.asarray(part)[order] for part in spread), label=label or f"n = {count} seeds")
    if temperature is not None and not any(line.get_gid() == "theory" for line in ax.lines):
        end = float(theory.capacity(temperature))
        fine = np.linspace(max(1e-4, loads.min()), min(end, loads.max()), 120)
        ax.plot(fine, theory.overlap(fine * (1 - 1e-9), temperature), "k--", lw=1.2, label="theory, $n \\to \\infty$", gid="theory")
        if loads.min() < end < loads.max():
            ax.axvline(end, color="k", ls=":", lw=1, label=rf"$\alpha_c$ = {end:.3f}")
    ax.set(xlabel=LOAD, ylabel=OVERLAP, ylim=(min(-0.03, ax.get_ylim()[0]), 1.03))
    ax.legend(frameon=False, fontsize="small")
    return ax


def plot_phases(m: xr.DataArray, *, ax: Axes | None = None) -> Axes:
    """Overlap over load and temperature, mean over seeds, with the lines T_M (retrieval states end), T_c (they are the global minima) and
    T_g (glass) dashed.

    m: dimensions "load", "temperature", and perhaps "seed".
    """
    if not {"load", "temperature"} <= set(m.dims):
        raise ValueError(f"plot_phases: m has the axes {list(m.dims)}; name them 'load' and 'temperature'")
    ax = new_axes(ax)
    draw_mesh(ax, over_seeds(m).mean.transpose("load", "temperature"), label=OVERLAP, cmap="viridis", vmin=0, vmax=1)
    limits = ax.get_xlim(), ax.get_ylim()
    loads = np.linspace(max(1e-4, limits[0][0]), limits[0][1], 30)
    for line, name, style in (
        (theory.retrieval_temperature, "T_M", "w--"),
        (theory.critical_temperature, "T_c", "w-."),
        (theory.glass_temperature, "T_g", "w:"),
    ):
        values = line(loads)
        ax.plot(loads, np.where(values > 0, values, np.nan), style, lw=1.5, label=f"${name}$")
    ax.set(xlabel=LOAD, ylabel=TEMPERATURE, xlim=limits[0], ylim=limits[1])
    ax.legend(frameon=False, labelcolor="w", fontsize="small")
    return ax


def plot_basin(recalled: xr.DataArray, *, label: str | None = None, ax: Axes | None = None) -> Axes:
    """Share of runs that succeed against the overlap of their cues. recalled: from `measures.recall_by_cue`."""
    ax = new_axes(ax)
    share = recalled.mean("seed")
    ax.plot(share["overlap"].values, share.values, "o-", ms=3.5, lw=1, label=label or f"n = {recalled.sizes['seed']} seeds")
    ax.set(xlabel="overlap of the cue $m_0$", ylabel="share recalled", ylim=(-0.03, 1.03))
    ax.legend(frameon=False, fontsize="small")
    return ax


def animate_recall(
    s: xr.DataArray,
    m: xr.DataArray,
    energy: xr.DataArray,
    shape: tuple[int, int],
    path: str | os.PathLike,
    *,
    rate: float = 2.0,
    **film: Any,
) -> Path:
    """A film of one recall: the state as an image, overlaps and energy beside it.

    s: (time, unit). m: (time, pattern). energy: (time,). shape: rows and columns of the image. Written by `sweep.film.write_film`.
    """
    return write_film(path, _frames(s, m, energy, shape), rate, **film)


def _frames(s: xr.DataArray, m: xr.DataArray, energy: xr.DataArray, shape: tuple[int, int]) -> Iterator[np.ndarray]:
    figure = Figure(figsize=(7.2, 2.6), dpi=90, layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    plot_pattern(s.values[0], shape, ax=left)
    plot_recall(m, ax=middle)
    plot_energy(energy, ax=right)
    image = left.images[0]
    image.set_clim(min(0.0, float(s.values.min())), 1)
    times = s["time"].values
    marks = [(ax, ax.axvline(times[0], color="k", lw=1)) for ax in (middle, right)]
    shot = camera(figure, [(left, image), *marks])
    for now, state in zip(times, s.values, strict=True):
        image.set_data(state.reshape(shape))
        for _, mark in marks:
            mark.set_xdata([now, now])
        yield shot()
