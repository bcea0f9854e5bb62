"""Figures of attractor memories. Nothing in `import neurojax` imports this module."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurojax.hopfield import theory
from neurojax.hopfield.report import shape_of
from neurojax.sweep import plot as generic
from neurojax.sweep.film import camera, write_film
from neurojax.sweep.plot import completed, draw_mesh, draw_spread, new_axes, over_seeds, save

MOST_LINES = 6  # patterns that get a colour each
MOST_IMAGES = 8  # in a row of a figure of one recall
RECALLED = 0.9  # overlap at the end of a run that has recalled its pattern
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
    """Overlaps with the patterns, step by step; of more than six, the nearest at the end before the others in grey.

    m: dimensions (time, pattern), a `Trace` of `overlaps`. names: of the patterns.
    """
    ax = new_axes(ax)
    values = np.asarray(m.values).reshape(m.shape[0], -1)
    nearest = int(np.argmax(np.abs(values[-1])))
    many = values.shape[1] > MOST_LINES
    for k in range(values.shape[1]):
        (line,) = ax.plot(m["time"].values, values[:, k], "o-", ms=3, lw=1)
        if many and k != nearest:
            line.set(color="0.75", zorder=1)
        else:
            line.set_label(names[k] if k < len(names) else f"pattern {k}")
    ax.axhline(0, color="0.7", lw=0.8)
    ax.set(xlabel=STEP, ylabel=OVERLAP, ylim=(-1.05, 1.05))
    ax.legend(frameon=False, fontsize="small", loc="lower right")
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
        label: what is said of this curve. temperature: T of the theory of Hebb's rule; None draws none.
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
        ax.plot(fine, theory.overlap(fine * (1 - 1e-9), temperature), "k--", lw=1.2, label="Hebb, theory", gid="theory")
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


def draw_run(data: xr.Dataset, system: Any) -> Figure | None:
    """One recall: what is stored, the states from cue to end, and below them overlaps and energy step by step; None without traces.

    data: the records of a run, of which traces of `units`, `overlaps` and `energy` are drawn. system: the memory as it was asked for.
    """
    traces = _traces(data)
    lower = [name for name in ("overlaps", "energy") if name in traces]
    if "units" in traces:
        traces = {name: one.sel(time=slice(None, _rest(traces["units"]) + 2)) for name, one in traces.items()}
    shape = shape_of(system) if hasattr(system, "patterns") else None
    images = _stations(traces["units"], system, shape) if "units" in traces and shape else []
    if not images and not lower:
        return None
    size = shape or (1, 1)
    wide = min(len(images), MOST_IMAGES)
    rows = -(-len(images) // MOST_IMAGES) if images else 0
    figure = Figure(figsize=(7.2, 1.2 * rows + (2.6 if lower else 0)), layout="constrained")
    parts = figure.subfigures(2, 1, height_ratios=(1.2 * rows, 2.6), squeeze=False)[:, 0] if rows and lower else [figure, figure]
    if rows:
        for ax, image in zip(
            parts[0].subplots(rows, wide, squeeze=False).ravel(), [*images, *[None] * (rows * wide - len(images))], strict=True
        ):
            if image is None:
                ax.axis("off")
            else:
                plot_pattern(image[1], size, title=image[0], ax=ax)
                ax.title.set_fontsize("x-small")
    if lower:
        for ax, name in zip(parts[1].subplots(1, len(lower), squeeze=False)[0], lower, strict=True):
            (plot_recall if name == "overlaps" else plot_energy)(traces[name], ax=ax)
    return figure


def _traces(data: xr.Dataset) -> dict[str, xr.DataArray]:
    """Traces of a run by what they measure, their first dimension "time", of several heads the first."""
    records = json.loads(data.attrs["what"])["arguments"]["record"]["dict"]
    found = {}
    for name, record in records.items():
        if (kind := _function(record)) and record.get("class") == "Trace" and name in data:
            values = data[name]
            flat = 1 if kind == "energy" else 2
            while values.ndim > flat:
                values = values[:, 0]
            found[kind] = values.rename({values.dims[0]: "time"}).assign_coords(time=data[values.dims[0]].values)
    return found


def _rest(s: xr.DataArray) -> float:
    """The time from which on nothing changes."""
    moved = np.flatnonzero((s.values[1:] != s.values[:-1]).any(axis=1))
    return float(s["time"][moved[-1] + 1 if len(moved) else 0])


def _stations(s: xr.DataArray, system: Any, shape: tuple[int, int]) -> list[tuple[str, np.ndarray]]:
    """Patterns where they are given, and the states until nothing changes, or a few of them."""
    stored = () if hasattr(system.patterns, "draw") else np.asarray(system.patterns, float).reshape(-1, shape[0] * shape[1])[:MOST_IMAGES]
    values, last = np.asarray(s.values), int(np.searchsorted(s["time"].values, _rest(s)))
    steps = np.unique(np.linspace(0, last, min(last + 1, MOST_IMAGES)).round().astype(int))
    names = ["cue", *(f"step {s['time'].values[step]:g}" for step in steps[1:])]
    return [*((f"stored {k}", one) for k, one in enumerate(stored)), *zip(names, values[steps], strict=True)]


def draw(data: xr.Dataset, folder: str | os.PathLike) -> list[Path]:
    """Figures of a sweep of memories, chosen by its axes, of the overlap with the cued pattern (`Last` or `Mean` of `target_overlap`).

    Over the load, one curve for each rule if rules are the other axis, beside the theory of Hebb's rule; over load and temperature the
    phase diagram; over the share of flipped units the share of runs that end above 0.9. Other records, and other axes, get the figures
    that any model has.

    data: from `nj.sweep` or `nj.load`, whole or not. folder: made if need be. Returns the files written: PNG, PDF, and CSV.
    """
    what = json.loads(data.attrs.get("what", "{}"))
    name = next((name for name in generic.scalar_records(data) if _measures(what, name) == "target_overlap"), None)
    drawn = _own(completed(data, name), what) if name else None
    if name is None or drawn is None:
        return generic.draw(data, folder)
    title, ax = drawn
    return save(ax, folder, title, data[name], data.attrs) + generic.draw(data.drop_vars(name), folder)


def _own(m: xr.DataArray, what: Any) -> tuple[str, Axes] | None:
    """Name and axes of the figure that suits the axes of the sweep."""
    known = _system(what.get("system"))
    dims = {_meaning(generic.coordinate(m, dim)[0]): dim for dim in generic.axes_of(m)}
    if len(dims) != len(generic.axes_of(m)):
        return None
    if "load" in dims:
        values = m[generic.coordinate(m, dims["load"])[0]].values.astype(float)
        by_count = generic.coordinate(m, dims["load"])[0].endswith("stored")
        m = m.assign_coords({dims["load"]: values / known.n if by_count and known.n else values})
        if by_count and not known.n:
            return None
    if set(dims) == {"load"}:
        return "capacity", plot_capacity(m, temperature=known.temperature if known.hebb else None)
    if set(dims) == {"load", "rule"}:
        ax = new_axes(None)
        labels = generic.coordinate(m, dims["rule"])[2] or []
        for number, label in enumerate(labels):
            plot_capacity(m.isel({dims["rule"]: number}, drop=True), label=label, temperature=known.temperature, ax=ax)
        return "capacity", ax
    if set(dims) == {"load", "temperature"}:
        return "phases", plot_phases(m.rename({dim: kind for kind, dim in dims.items()}))
    if set(dims) == {"share"}:
        cues = m.assign_coords({dims["share"]: 1 - 2 * m[dims["share"]].values.astype(float)}).rename({dims["share"]: "overlap"})
        return "basin", plot_basin((cues > RECALLED).where(cues.notnull()))
    return None


class _Known(NamedTuple):
    """What the description of a sweep tells: units; whether the couplings are Hebb's; the temperature, None where it is not one."""

    n: int | None
    hebb: bool
    temperature: float | None


def _system(system: Any) -> _Known:
    if not isinstance(system, dict):
        return _Known(None, False, None)
    built = system.get("class") == "Building"
    values = system.get("values", {}).get("dict", {}) if built else system
    rule = values.get("rule" if built else "couplings", {"class": "Hebb"})
    parts = values.get("dynamics", []) if built else [values.get("units"), values.get("updates")]
    temperature = 0.0
    for part in parts if isinstance(parts, list) else [parts]:
        kind = part.get("class") if isinstance(part, dict) else None
        if isinstance(part, dict) and kind in ("Glauber", "Metropolis"):
            temperature = part.get("temperature", 0.1)
        elif kind == "Tanh":
            temperature = None
    temperature = float(temperature) if isinstance(temperature, int | float) else None
    n = values.get("n")
    hebb = isinstance(rule, dict) and rule.get("class") == "Hebb" and rule.get("per", "unit") == "unit"
    return _Known(n if isinstance(n, int) else None, hebb, temperature)


def _meaning(name: str) -> str:
    last = name.rpartition(".")[2]
    return {"stored": "load", "couplings": "rule"}.get(last, last)


def _measures(what: Any, name: str) -> str:
    """The measure of a record, where it is one of ours."""
    record = what.get("records", {}).get(name, {})
    return _function(record) if record.get("class") in ("Last", "Mean") else ""


def _function(record: Any) -> str:
    """Name of a measure of ours, "" of others."""
    measure = record.get("measure") if isinstance(record, dict) else None
    function = str(measure.get("function", "")) if isinstance(measure, dict) else ""
    return function.rpartition(".")[2] if function.startswith("neurojax.hopfield.measures.") else ""


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
