"""The figure of a single run: one panel for each record that has an axis."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

MOST_LINES = 12  # components drawn as lines; more make an image


def draw(data: xr.Dataset, path: str | os.PathLike) -> None:
    """Draw the records of a run; those that are one number are said in the title.

    Errors: ValueError where no record has an axis.
    """
    from matplotlib.figure import Figure

    shown = [str(name) for name, values in data.items() if values.ndim and values.size]
    if not shown:
        raise ValueError("figure: no record has an axis to draw along; record a trace, for example record.r='Trace(order_parameter)'")
    numbers = [f"{name} = {float(values):.4g}" for name, values in data.items() if not values.ndim]
    figure = Figure(figsize=(6.4, 1 + 2.2 * len(shown)), layout="constrained")
    panels = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    for ax, name in zip(panels, shown, strict=True):
        plot_record(data[name], ax=ax)
    figure.suptitle(", ".join(numbers), fontsize="medium")
    figure.savefig(path, dpi=150)


def plot_record(values: xr.DataArray, *, ax: Axes) -> Axes:
    """A record along its first axis: a line for each component, or an image (viridis) of many."""
    dim = str(values.dims[0])
    along = values[dim].to_numpy() if dim in values.coords else np.arange(values.shape[0])
    table = values.to_numpy().reshape(values.shape[0], -1)
    if table.shape[1] <= MOST_LINES:
        ax.plot(along, table, lw=1)
        ax.set_ylabel(str(values.name))
    else:
        image = ax.pcolormesh(along, np.arange(table.shape[1]), table.T, cmap="viridis", shading="nearest", rasterized=True)
        ax.figure.colorbar(image, ax=ax, label=str(values.name))
        ax.set_ylabel("component")
    ax.set_xlabel(_axis_label(dim))
    return ax


def _axis_label(dim: str) -> str:
    kind = dim.rsplit("_", 1)[-1]
    labels = {"time": "time", "lag": "lag (time)", "frequency": "frequency (1/time)", "bin": "value"}
    return labels.get(kind, "component")
