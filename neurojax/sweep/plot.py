"""Figures of any sweep: a record against one axis, or over two. Nothing in `import neurojax` imports this module."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from neurojax.sweep.store import DONE

DPI = 200
MOST_RECORDS = 4  # that `draw` gives a figure each
FEW_POINTS = 8  # fewer get error bars, as a band would say something of what lies between
TO_DO_GREY = "0.88"


class Spread(NamedTuple):
    """A record over its seeds: mean, standard deviation (divisor n - 1; NaN below two seeds), and the number of seeds that count."""

    mean: xr.DataArray
    deviation: xr.DataArray
    seeds: xr.DataArray


def over_seeds(record: xr.DataArray) -> Spread:
    """Mean and deviation over the dimension "seed", leaving out lanes that are NaN; NaN where no lane is left."""
    if "seed" not in record.dims:
        record = record.expand_dims("seed")
    seeds = record.notnull().sum("seed")
    mean = record.sum("seed") / seeds.where(seeds > 0)
    squares = ((record - mean) ** 2).sum("seed")
    return Spread(mean, (squares / (seeds - 1).where(seeds > 1)) ** 0.5, seeds)


def completed(data: xr.Dataset, name: str) -> xr.DataArray:
    """One record of a sweep, NaN where its lane is still to do or diverged."""
    return data[name].where(data["status"] == DONE)


def trace_of(run: Any, name: str) -> xr.DataArray:
    """A `Trace` of a single run as a labelled array, with the dimension "time" first."""
    values = np.asarray(run.records[name])
    dims = ["time", *(f"component_{i}" for i in range(values.ndim - 1))]
    return xr.DataArray(values, dims=dims, coords={"time": np.asarray(run.times[name])}, name=name)


def axes_of(record: xr.DataArray) -> list[str]:
    """Dimensions of a record but "seed"."""
    return [str(dim) for dim in record.dims if dim != "seed"]


def new_axes(ax: Axes | None, size: tuple[float, float] = (5.2, 3.6)) -> Axes:
    """The axes given, or those of a figure of its own, which pyplot does not know."""
    return Figure(figsize=size, layout="constrained").add_subplot() if ax is None else ax


def plot_curve(record: xr.DataArray, *, ax: Axes | None = None) -> Axes:
    """A record against its one axis: points are means over seeds, the band (or bars) one standard deviation.

    record: dimensions (axis, seed), or (axis,). An axis of labels (graphs, rules) is drawn at equal distances.

    Raises ValueError for another number of axes.
    """
    (dim,) = _dimensions(record, 1, "plot_curve")
    name, places, labels = coordinate(record, dim)
    order = np.argsort(places)
    ax = new_axes(ax)
    draw_spread(ax, places[order], *(np.asarray(part)[order] for part in over_seeds(record)))
    ax.set_xlabel(name)
    ax.set_ylabel(str(record.name))
    if labels is not None:
        ax.set_xticks(places, labels, rotation=30, ha="right")
    ax.legend(frameon=False)
    return ax


def draw_spread(
    ax: Axes, x: np.ndarray, mean: np.ndarray, deviation: np.ndarray, seeds: np.ndarray, *, label: str | None = None, linestyle: str = "-"
) -> Line2D:
    """Points at the means, which are returned, and a band (or bars, for few points) of one standard deviation."""
    count = int(seeds.max())
    said = f"mean ± s.d., n = {count} seeds" if count > 1 else "n = 1 seed"
    (points,) = ax.plot(x, mean, "o", ls=linestyle, ms=3.5, lw=1, label=label or said)
    if count > 1 and len(x) < FEW_POINTS:
        ax.errorbar(x, mean, deviation, fmt="none", ecolor=points.get_color(), elinewidth=1, capsize=2.5)
    elif count > 1:
        ax.fill_between(x, mean - deviation, mean + deviation, color=points.get_color(), alpha=0.25, lw=0)
    return points


def plot_map(record: xr.DataArray, *, ax: Axes | None = None) -> Axes:
    """A record over its two axes, the mean over seeds as colour; grey where nothing is known yet.

    record: dimensions (x, y, seed), or (x, y). Signed values get a diverging map, symmetric about zero.

    Raises ValueError for another number of axes.
    """
    dims = _dimensions(record, 2, "plot_map")
    mean = over_seeds(record).mean.transpose(*dims)
    values = np.asarray(mean)
    signed = bool(np.nanmin(values, initial=0.0) < 0)
    extent = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    limits = {"cmap": "RdBu_r", "vmin": -extent, "vmax": extent} if signed else {"cmap": "viridis"}
    ax = new_axes(ax)
    draw_mesh(ax, mean, label=f"{record.name}, mean of {int(over_seeds(record).seeds.max())} seeds", **limits)
    return ax


def draw_mesh(ax: Axes, mean: xr.DataArray, *, label: str, **limits: Any) -> None:
    """Two-dimensional values as a mesh with a colour bar: the first dimension runs to the right, the second up."""
    values, ticks = np.asarray(mean), []
    places = []
    for number, dim in enumerate(mean.dims):
        name, place, labels = coordinate(mean, str(dim))
        order = np.argsort(place)
        values = np.take(values, order, axis=number)
        places.append(place[order])
        ticks.append((name, place, labels))
    ax.set_facecolor(TO_DO_GREY)
    mesh = ax.pcolormesh(*places, np.ma.masked_invalid(values.T), shading="nearest", rasterized=True, **limits)
    (x_name, x_place, x_labels), (y_name, y_place, y_labels) = ticks
    ax.set_xlabel(x_name)
    ax.set_ylabel(y_name)
    if x_labels is not None:
        ax.set_xticks(x_place, x_labels, rotation=30, ha="right")
    if y_labels is not None:
        ax.set_yticks(y_place, y_labels)
    ax.figure.colorbar(mesh, ax=ax, label=label)


def coordinate(record: xr.DataArray, dim: str) -> tuple[str, np.ndarray, list[str] | None]:
    """Name, places, and tick labels (None for numbers) along a dimension; of parameters that move together, the first."""
    name = next((str(n) for n, c in record.coords.items() if c.dims == (dim,)), dim)
    if name not in record.coords:
        return name, np.arange(record.sizes[dim]), None
    values = np.asarray(record.coords[name])
    if values.dtype.kind in "fiu":
        return name, values, None
    return name, np.arange(len(values)), [str(value) for value in values]


def draw(data: xr.Dataset, folder: str | os.PathLike) -> list[Path]:
    """Figures of a sweep of any model: its first scalar records, each against its one axis or over the first two.

    Further axes are averaged over, which the title says. Every figure comes as PNG, as PDF, and as a CSV of what it shows.

    data: from `nj.sweep` or `nj.load`, whole or not. folder: made if need be. Returns the files written; none for a sweep without axes.
    """
    files: list[Path] = []
    for name in scalar_records(data)[:MOST_RECORDS]:
        record = completed(data, name)
        shown, averaged = axes_of(record)[:2], axes_of(record)[2:]
        if not shown:
            continue
        record = record.mean(averaged) if averaged else record
        ax = (plot_curve if len(shown) == 1 else plot_map)(record)
        if averaged:
            ax.set_title(f"mean over {', '.join(averaged)}")
        files += save(ax, folder, name, record, data.attrs)
    return files


def scalar_records(data: xr.Dataset) -> list[str]:
    """Names of the records that have one number per lane."""
    return [
        str(name) for name, values in data.items() if name not in ("status", "bad_step") and set(values.dims) == set(data["status"].dims)
    ]


def save(ax: Axes, folder: str | os.PathLike, name: str, shown: xr.DataArray, attributes: Mapping[str, Any] | None = None) -> list[Path]:
    """Write a figure as PNG and PDF, with where its data come from in the metadata, and what it shows as CSV, one row per value."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    png, pdf, table = (folder / f"{name.replace('/', '_')}.{kind}" for kind in ("png", "pdf", "csv"))
    attributes = attributes or {}
    origin = json.dumps({key: json.loads(attributes[key]) for key in ("provenance", "what") if key in attributes})
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.savefig(png, dpi=DPI, metadata={"Title": name, "Description": origin})
    figure.savefig(pdf, dpi=DPI, metadata={"Title": name, "Subject": origin})
    shown.to_dataframe(name=shown.name or name).to_csv(table)
    return [png, pdf, table]


def _dimensions(record: xr.DataArray, count: int, owner: str) -> list[str]:
    dims = axes_of(record)
    if len(dims) != count:
        mend = "select or average the others first, for example record.isel(noise=0)"
        raise ValueError(f"{owner}: the record {record.name!r} has the axes {dims}, {count} are drawn; {mend}")
    return dims
