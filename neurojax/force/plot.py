"""Figures of networks in training. Nothing in `import neurojax` imports this module."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr
from jaxtyping import Complex, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurojax.force.analysis import Components
from neurojax.force.measures import accuracy
from neurojax.sweep import plot as generic
from neurojax.sweep.film import camera, write_film
from neurojax.sweep.plot import coordinate, new_axes, save
from neurojax.sweep.store import TO_DO

SPEED = r"$|\Delta w|$ of an update"
LEARNED = 0.08  # largest aligned error, in units of mean |f|, of a network that has learned
WINDOW = 0.25  # of a film's run that its frames show


def plot_output(z: xr.DataArray, f: xr.DataArray | None = None, *, ends: float | None = None, ax: Axes | None = None) -> Axes:
    """Output z and target f over time, one colour for each output, the target dashed.

    z, f: dimensions (time, output), or (time,). ends: the time at which learning ends, marked.
    """
    ax = new_axes(ax)
    for series, settings in ((f, lambda i: {"ls": "--", "color": "0.4", "lw": 1.2}), (z, lambda i: {"color": f"C{i}", "lw": 1.0})):
        if series is None:
            continue
        values = series.values.reshape(len(series), -1)
        for i, one in enumerate(values.T):
            name = ("target $f$" if series is f else "output $z$") if i == 0 else "_"
            ax.plot(series["time"].values, one, label=name, **settings(i))
    if ends is not None:
        ax.axvline(ends, color="k", lw=1, ls=":", label="learning ends")
    ax.set(xlabel="time $t$", ylabel="output")
    ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize="small")
    return ax


def plot_raster(spikes: xr.DataArray, *, most: int = 50, ax: Axes | None = None) -> Axes:
    """A dot for every spike of the first neurons.

    spikes: of booleans, dimensions (time, neuron), a `Trace` of `measures.spikes` at every step. most: neurons shown.
    """
    ax = new_axes(ax)
    when, which = np.nonzero(spikes.values[:, :most])
    ax.plot(spikes["time"].values[when], which, "|", color="k", ms=3, mew=0.7)
    ax.set(xlabel="time $t$", ylabel="neuron", ylim=(-0.5, min(most, spikes.shape[1]) - 0.5))
    return ax


def plot_success(succeeded: xr.DataArray, *, label: str | None = None, ax: Axes | None = None) -> Axes:
    """The share of networks that succeed, over one axis, with Wilson's interval of one standard error.

    succeeded: of booleans or of 1, 0 and NaN (not known), dimensions (axis, seed).
    """
    (dim,) = (str(dim) for dim in succeeded.dims if dim != "seed")
    if dim in succeeded.coords and succeeded[dim].dtype.kind in "iuf":
        succeeded = succeeded.sortby(dim)
    name, places, labels = coordinate(succeeded, dim)
    most, count = succeeded.sizes["seed"], np.maximum(1, succeeded.notnull().sum("seed").values)
    share = succeeded.mean("seed").values
    centre, half = (share + 0.5 / count) / (1 + 1 / count), np.sqrt(share * (1 - share) / count + 0.25 / count**2) / (1 + 1 / count)
    ax = new_axes(ax)
    (line,) = ax.plot(places, share, "o-", ms=3.5, lw=1, label=label or f"n = {most} networks each")
    ax.fill_between(places, centre - half, centre + half, color=line.get_color(), alpha=0.25, lw=0)
    ax.set(xlabel=name, ylabel="share that succeeds", ylim=(-0.03, 1.03))
    if labels is not None:
        ax.set_xticks(places, labels)
    ax.legend(frameon=False, fontsize="small")
    return ax


def plot_spectrum(*spectra: Complex[np.ndarray, " n"], labels: tuple[str, ...] = ("before", "after"), ax: Axes | None = None) -> Axes:
    """Eigenvalues in the complex plane; left of the dashed line the state of no activity is stable."""
    ax = new_axes(ax, (4.2, 4.0))
    for values, label, marker in zip(spectra, labels, ".x", strict=True):
        ax.plot(np.real(values), np.imag(values), marker, ms=4, label=label)
    ax.axvline(1.0, color="k", lw=1, ls="--")
    ax.set(xlabel="real part", ylabel="imaginary part", aspect="equal")
    ax.legend(frameon=False, fontsize="small", loc="upper left")
    return ax


def plot_variances(*found: Components, labels: tuple[str, ...] = ("before", "after"), most: int = 100, ax: Axes | None = None) -> Axes:
    """Variances of the principal components, from the largest down, on a logarithmic scale."""
    ax = new_axes(ax)
    for one, label in zip(found, labels, strict=True):
        share = one.variances[:most] / one.variances.sum()
        ax.semilogy(np.arange(1, len(share) + 1), share, ".-", ms=4, lw=0.8, label=f"{label}, PR = {one.participation_ratio:.1f}")
    ax.set(xlabel="principal component", ylabel="share of the variance", ylim=(1e-8, 1.5))
    ax.legend(frameon=False, fontsize="small")
    return ax


def draw_training(z: xr.DataArray, f: xr.DataArray, change: xr.DataArray) -> Figure:
    """Output over target in the last third of a run, and the size of the updates through all of it; learning ends at the last one.

    z, f: time first, (time, output) or (time,). change: |dw| at each time.
    """
    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    top, bottom = figure.subplots(2, 1)
    z, f, change = (one.rename({one.dims[0]: "time"}) for one in (z, f, change))
    learned = change[change.values > 0]
    ends = float(learned["time"][-1]) if len(learned) else None
    late = slice(-max(2, len(z) // 3), None)
    inside = ends is not None and ends > float(z["time"][late][0]) and ends < float(z["time"][-1])
    plot_output(z[late], f[late], ends=ends if inside else None, ax=top)
    bottom.semilogy(learned["time"].values, learned.values, color="C3", lw=0.6)
    if ends is not None:
        bottom.axvline(ends, color="k", lw=1, ls=":")
    bottom.set(xlim=tuple(float(change["time"][i]) for i in (0, -1)), xlabel="time $t$", ylabel=SPEED)
    return figure


def draw(data: xr.Dataset, folder: str | os.PathLike) -> list[Path]:
    """Figures of a sweep of networks in training: over one axis, the share that succeeds, where the outputs and a periodic target are
    recorded at the same steps of the test (`Trace(output, phase="test")`, `Trace(target, phase="test")`), a period whole samples long:
    the aligned error of each output is below 8 % of mean |f|, a twelfth of silence's. Then those that any sweep has.

    data: from `nj.sweep` or `nj.load`; lanes still to do are left out. folder: made if need be. Returns the files written.
    """
    files: list[Path] = []
    if (shown := _tests(data)) is not None:
        succeeded = _succeeded(*shown).where(data["status"] != TO_DO)
        files += save(plot_success(succeeded), folder, "success", succeeded.rename("success"), data.attrs)
    return files + (generic.draw(data, folder) if generic.scalar_records(data) else [])


def _succeeded(z: xr.DataArray, f: xr.DataArray, period: int) -> xr.DataArray:
    """1 for lanes all of whose outputs keep to their targets, else 0."""
    lanes = [str(dim) for dim in z.dims[:-2]]
    good = np.zeros([z.sizes[dim] for dim in lanes])
    for lane in np.ndindex(good.shape):
        one, other = z.values[lane], np.broadcast_to(f.values[lane], z.shape[-2:])
        if np.isfinite(one).all():
            kept = [accuracy(*pair, period).aligned < LEARNED * np.abs(pair[1]).mean() for pair in zip(one.T, other.T, strict=True)]
            good[lane] = all(kept)
    return xr.DataArray(good, {dim: z[dim] for dim in lanes if dim in z.coords}, lanes)


def _tests(data: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray, int] | None:
    """Traces of output and target by lane, and the samples of a period, if there are such and one axis that leaves the target alone."""
    what = json.loads(data.attrs.get("what", "{}"))
    found = {}
    for name, record in what.get("records", {}).items():
        told = record.get("measure")
        function = str(told.get("function")) if isinstance(told, dict) else ""
        if record.get("class") == "Trace" and record.get("phase") == "test" and function.startswith("neurojax.force.measures."):
            found[function.rpartition(".")[2]] = data[name]
    system, axes = what.get("system"), generic.axes_of(data["status"])
    target = system.get("target") if isinstance(system, dict) else None
    period = target.get("period") if isinstance(target, dict) else None
    one_axis = len(axes) == 1 and not any("target" in axis or "period" in axis for axis in axes)
    if not {"output", "target"} <= set(found) or not isinstance(period, int | float) or not one_axis:
        return None
    z, f = found["output"], found["target"]
    times, others = (one[one.dims[-2]].values for one in (z, f))
    samples = float(period) / float(times[1] - times[0]) if len(times) > 1 else 0.0
    whole = 0.5 < samples <= len(times) and abs(samples - round(samples)) < 1e-3
    return (z, f, round(samples)) if whole and np.array_equal(times, others) else None


def animate_training(
    z: xr.DataArray,
    f: xr.DataArray,
    change: xr.DataArray,
    rates: xr.DataArray,
    path: str | os.PathLike,
    *,
    ends: float | None = None,
    frames: int = 80,
    rate: float = 12.0,
    colours: int = 32,
) -> Path:
    """A film of learning: output over target above the size of the updates, sample rates beside them.

    z, f, change: dimensions (time,). rates: (time, unit), a few units. All with the same times. ends: the time at which learning ends.
    Written by `sweep.film.write_film`, whose errors it has.
    """
    return write_film(path, _training_frames(z, f, change, rates, ends, frames), rate, colours)


def _training_frames(
    z: xr.DataArray, f: xr.DataArray, change: xr.DataArray, rates: xr.DataArray, ends: float | None, count: int
) -> Iterator[np.ndarray]:
    times: Float[np.ndarray, " t"] = np.asarray(z["time"].values, float)
    width = WINDOW * (times[-1] - times[0])
    figure = Figure(figsize=(7.2, 3.6), dpi=90, layout="constrained")
    grid = figure.subplots(2, 2, width_ratios=(2, 1))
    (top, right), (bottom, last) = grid
    last.axis("off")
    limit = 1.1 * float(np.abs(np.concatenate([z.values, f.values])).max())
    top.set(xlim=(-width, 0), ylim=(-limit, limit), ylabel="output", xlabel="time before now")
    bottom.set(xlim=(times[0], times[-1]), ylabel=SPEED, xlabel="time $t$", yscale="log")
    seen = change.values[change.values > 0]
    bottom.set_ylim(seen.min() / 2, seen.max() * 2)
    if ends is not None:
        bottom.axvline(ends, color="k", lw=1, ls=":")
    offsets = 2.2 * np.arange(rates.shape[1])
    right.set(xlim=(-width, 0), ylim=(-1.3, offsets[-1] + 1.3), yticks=[], title="rates")
    (target,) = top.plot([], [], ls="--", color="0.4", lw=1.2)
    (shown,) = top.plot([], [], color="C0", lw=1.2)
    (speed,) = bottom.plot([], [], color="C3", lw=0.8)
    traces = [right.plot([], [], lw=0.9)[0] for _ in offsets]
    text = last.text(0.05, 0.6, "", fontsize="medium", transform=last.transAxes)
    shot = camera(figure, [(top, target), (top, shown), (bottom, speed), *((right, one) for one in traces), (last, text)])
    for now in np.linspace(times[0] + 0.02 * width, times[-1], count):
        inside, past = (times > now - width) & (times <= now), times <= now
        target.set_data(times[inside] - now, f.values[inside])
        shown.set_data(times[inside] - now, z.values[inside])
        learned = past & (change.values > 0)
        speed.set_data(times[learned], change.values[learned])
        for trace, offset, one in zip(traces, offsets, rates.values.T, strict=True):
            trace.set_data(times[inside] - now, one[inside] + offset)
        text.set_text(f"t = {now:.0f}\n" + ("learning" if ends is None or now <= ends else "weights held"))
        yield shot()
