"""Figures of phase oscillators. Nothing in `import neurojax` imports this module."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float, Real
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.quiver import Quiver

from neurojax.engine.signals import at
from neurojax.kuramoto import theory
from neurojax.kuramoto.frequencies import Bimodal, Delta, Frequencies, Lorentzian, Normal, Uniform
from neurojax.sweep import plot as generic
from neurojax.sweep.film import camera, write_film
from neurojax.sweep.plot import completed, draw_mesh, draw_spread, new_axes, over_seeds, save

COUPLING, NOISE, ORDER, TIME = "coupling $K$ (1/time)", r"noise $\sigma$ (rad/$\sqrt{\mathrm{time}}$)", "order parameter $r$", "time $t$"
SORTED = "oscillator, sorted by natural frequency"
DISTRIBUTIONS = {kind.__name__: kind for kind in (Bimodal, Delta, Lorentzian, Normal, Uniform)}
MOST_CURVES = 4  # noise levels for which r(K) is drawn


class Theory(NamedTuple):
    """What the mean-field theory of a sweep needs: the distribution of natural frequencies, and D = sigma^2 / 2."""

    frequencies: Frequencies
    diffusion: float


def plot_order_trace(r: xr.DataArray, *, n: int | None = None, warmup: float = 0.0, ax: Axes | None = None) -> Axes:
    """Order parameter in time, one line per seed, and, where there is a warm-up, the mean after it.

    r: dimensions (time,) or (time, seed) in any order; the one whose name ends in "time" is time. n: number of oscillators, for the
    dotted floor sqrt(pi / 4n) of incoherence. warmup: time units, shaded.
    """
    time = _time_dimension(r)
    rows = r.transpose(time, ...).values.reshape(r.sizes[time], -1)
    times = r[time].values
    ax = new_axes(ax)
    seeds = rows.shape[1]
    lines = ax.plot(times, rows, color="C0", lw=1, alpha=1.0 if seeds == 1 else 0.5)
    lines[0].set_label(f"n = {seeds} seed{'s' * (seeds > 1)}")
    after = times >= warmup
    if warmup > 0 and after.any():
        mean = float(np.mean(rows[after]))
        ax.plot(times[after][[0, -1]], [mean, mean], color="C1", lw=1.5, label=f"mean after the warm-up, {mean:.3f}")
    if n is not None:
        _draw_floor(ax, n)
    if warmup > 0:
        ax.axvspan(times[0], warmup, color="0.9", lw=0, zorder=0, label="warm-up")
    ax.set(xlabel=TIME, ylabel=ORDER, xlim=(times[0], times[-1]), ylim=(0, 1))
    ax.legend(frameon=False)
    return ax


def plot_transition(
    r: xr.DataArray,
    *,
    frequencies: Frequencies | None = None,
    diffusion: float = 0.0,
    n: int | None = None,
    label: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Synchronisation transition r(K): means over seeds with a band (or bars), theory dashed, its K_c dotted.

    Called again on its own axes it adds a curve.

    r: dimensions (coupling, seed) or (coupling,), time means. frequencies: distribution that theory takes; None draws no theory.
    diffusion: D. n: number of oscillators, for the floor of incoherence. label: what is said of this curve.
    """
    dim = _dimension(r, "coupling")
    if dim is None or len(generic.axes_of(r)) != 1:
        raise ValueError(f"plot_transition: r has the axes {generic.axes_of(r)}; give one that is the coupling")
    r = r.sortby(dim)
    coupling = r[dim].values
    spread = over_seeds(r)
    ax = new_axes(ax)
    points = draw_spread(ax, coupling, *(np.asarray(part) for part in spread), label=label, linestyle="none")
    if frequencies is not None:
        _draw_theory(ax, coupling, frequencies, diffusion, points.get_color() if label else "k")
    if n is not None:
        _draw_floor(ax, n)
    ax.set(xlabel=COUPLING, ylabel=ORDER, ylim=(0, 1))
    seeds = int(spread.seeds.max())
    ax.legend(
        frameon=False, fontsize="small", title=f"mean ± s.d., n = {seeds} seeds" if label and seeds > 1 else None, title_fontsize="small"
    )
    return ax


def plot_phase_diagram(r: xr.DataArray, *, frequencies: Frequencies | None = None, ax: Axes | None = None) -> Axes:
    """Order parameter over coupling and noise, mean over seeds, with the onset K_c(D = sigma^2 / 2) dashed; grey where nothing is known.

    r: dimensions (coupling, noise, seed) in any order, time means. frequencies: distribution that the onset is drawn for, or None.
    """
    coupling, noise = _dimension(r, "coupling"), _dimension(r, "noise")
    if coupling is None or noise is None:
        raise ValueError(f"plot_phase_diagram: r has the axes {generic.axes_of(r)}; give those of coupling and noise")
    spread = over_seeds(r)
    ax = new_axes(ax)
    label = f"{ORDER}, mean of {int(spread.seeds.max())} seeds"
    draw_mesh(ax, spread.mean.transpose(coupling, noise), label=label, cmap="viridis", vmin=0, vmax=1)
    limits = ax.get_xlim(), ax.get_ylim()
    if frequencies is not None:
        sigma = np.linspace(max(0.0, limits[1][0]), limits[1][1], 200)
        onset = theory.onset_line(theory.diffusion(sigma), frequencies)
        ax.plot(onset, sigma, "w--", lw=1.8, label=r"theory $K_c(\sigma^2/2)$")
        ax.legend(loc="upper left", labelcolor="w", frameon=False)
    ax.set(xlabel=COUPLING, ylabel=NOISE, xlim=limits[0], ylim=limits[1])
    return ax


def plot_differences(
    theta: Real[np.ndarray, " n"], frequencies: Real[np.ndarray, " n"], *, kind: Literal["cos", "sin"] = "cos", ax: Axes | None = None
) -> Axes:
    """Phase differences of all pairs, rows and columns sorted by natural frequency.

    theta: phases (rad). frequencies: natural frequencies, whose order sorts. kind: "cos" is coherence (1 in phase, -1 in antiphase);
    "sin" shows who leads, and is zero for both.
    """
    if kind not in ("cos", "sin"):
        raise ValueError(f"kind={kind!r}: choose 'cos' (coherence) or 'sin' (who leads)")
    phases = np.asarray(theta, float)[np.argsort(np.asarray(frequencies), kind="stable")]
    ax = new_axes(ax, (4.6, 3.8))
    values = getattr(np, kind)(phases[:, None] - phases[None, :])
    image = ax.imshow(values, cmap="RdBu_r", vmin=-1, vmax=1, origin="lower", interpolation="nearest")
    ax.set(xlabel=f"{SORTED}, $j$", ylabel="$i$, likewise")
    ax.figure.colorbar(image, ax=ax, label=rf"$\{kind}(\theta_i - \theta_j)$")
    return ax


def plot_raster(theta: xr.DataArray, frequencies: Real[np.ndarray, " n"], *, ax: Axes | None = None) -> Axes:
    """Phases in time as colour, one row per oscillator, sorted by natural frequency.

    theta: dimensions (time, oscillator) (rad, wrapped), evenly sampled. frequencies: natural frequencies.
    """
    time = _time_dimension(theta)
    rows = theta.transpose(time, ...).values[:, np.argsort(np.asarray(frequencies), kind="stable")]
    times = theta[time].values
    ax = new_axes(ax, (6.0, 3.4))
    extent = (times[0], times[-1], -0.5, rows.shape[1] - 0.5)
    image = ax.imshow(rows.T, cmap="twilight", aspect="auto", origin="lower", interpolation="nearest", extent=extent)
    image.set_clim(-np.pi, np.pi)
    ax.set(xlabel=TIME, ylabel=SORTED)
    bar = ax.figure.colorbar(image, ax=ax, label=r"phase $\theta$ (rad)")
    bar.set_ticks([-np.pi, 0, np.pi], labels=[r"$-\pi$", "0", r"$\pi$"])
    return ax


class Circle(NamedTuple):
    """What moves on a phase circle."""

    dots: PathCollection
    arrow: Quiver

    def show(self, theta: Float[np.ndarray, " n"]) -> float:
        """Put the phases, and return their order parameter."""
        points = np.column_stack([np.cos(theta), np.sin(theta)])
        self.dots.set_offsets(points)
        self.arrow.set_UVC(*points.mean(axis=0))
        return float(np.hypot(*points.mean(axis=0)))


def plot_circle(theta: Real[np.ndarray, " n"], frequencies: Real[np.ndarray, " n"], *, ax: Axes | None = None) -> Axes:
    """Phases on the unit circle, coloured by natural frequency, and the mean field r e^{i psi} as an arrow.

    theta: phases (rad). frequencies: natural frequencies (rad/time).
    """
    ax = new_axes(ax, (4.4, 3.8))
    r = draw_circle(ax, np.asarray(frequencies)).show(np.asarray(theta, float))
    ax.set_title(f"$r$ = {r:.2f}, $N$ = {len(theta)}")
    return ax


def draw_circle(ax: Axes, frequencies: np.ndarray) -> Circle:
    """A circle without phases yet; the colours span the middle three quarters of the frequencies, as heavy tails would bleach them."""
    angle = np.linspace(0, 2 * np.pi, 200)
    ax.plot(np.cos(angle), np.sin(angle), color="0.8", lw=1, zorder=0)
    centre = np.median(frequencies)
    extent = float(np.quantile(np.abs(frequencies - centre), 0.75)) or 1.0
    style = {"cmap": "RdBu_r", "vmin": centre - extent, "vmax": centre + extent, "edgecolors": "0.35", "linewidths": 0.3}
    dots = ax.scatter(np.zeros(len(frequencies)), np.zeros(len(frequencies)), c=frequencies, s=22, **style)
    arrow = ax.quiver([0], [0], [0], [0], angles="xy", scale_units="xy", scale=1, width=0.014, color="k", zorder=3)
    ax.set(xlim=(-1.15, 1.15), ylim=(-1.15, 1.15), aspect="equal", xlabel=r"$\cos\,\theta$", ylabel=r"$\sin\,\theta$")
    ax.set_xticks([-1, 0, 1])
    ax.set_yticks([-1, 0, 1])
    ax.figure.colorbar(dots, ax=ax, label=r"natural frequency $\omega$ (rad/time)", extend="both")
    return Circle(dots, arrow)


def animate_circle(
    theta: xr.DataArray,
    frequencies: Real[np.ndarray, " n"],
    path: str | os.PathLike,
    *,
    coupling: Any = None,
    turning: float = 0.0,
    rate: float = 25.0,
    colours: int = 64,
) -> Path:
    """A film of the phase circle beside the growing r(t): GIF, or MP4 where ffmpeg is installed, by the path's ending.

    theta: dimensions (time, oscillator) (rad), one sample per frame, two or more. frequencies: natural frequencies (rad/time).
    coupling: K, or a function K(t) such as a `Signal`, to be written on the frames. turning: frequency of the frame of reference
    (rad/time). rate: frames per second, above 0, up to 50 (a GIF counts hundredths of a second). colours: of a GIF's one palette,
    2 to 256. Returns the path.

    Raises ValueError for another ending or numbers outside, RuntimeError for an MP4 without ffmpeg.
    """
    time = _time_dimension(theta)
    return write_film(path, _circle_frames(theta.transpose(time, ...), np.asarray(frequencies), coupling, turning), rate, colours)


def _circle_frames(theta: xr.DataArray, frequencies: np.ndarray, coupling: Any, turning: float) -> Iterator[np.ndarray]:
    times = theta[theta.dims[0]].values
    phases = theta.values - turning * times[:, None]
    figure = Figure(figsize=(7.2, 3.2), dpi=100, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    circle = draw_circle(left, frequencies)
    (trace,) = right.plot([], [], color="C0", lw=1.5)
    _draw_floor(right, len(frequencies))
    right.set(xlabel=TIME, ylabel=ORDER, xlim=(times[0], times[-1]), ylim=(0, 1.02))
    text = left.text(-1.1, 1.1, "", fontsize="small", va="top")
    shot = camera(figure, ((left, circle.dots), (left, circle.arrow), (left, text), (right, trace)))
    order: list[float] = []
    for time, now in zip(times, phases, strict=True):
        order.append(circle.show(now))
        text.set_text(f"t = {time:.1f}" + ("" if coupling is None else f"\nK = {float(at(coupling, time)):.2f}") + f"\nr = {order[-1]:.2f}")
        trace.set_data(times[: len(order)], order)
        yield shot()


def draw(data: xr.Dataset, folder: str | os.PathLike) -> list[Path]:
    """Figures of a sweep of Kuramoto oscillators, chosen by its axes.

    Time means of the order parameter over coupling and noise give the phase diagram and r(K) at up to four noise levels, over coupling
    alone the transition; theory is added where the oscillators are coupled all to all without lag and their distribution is a known one.
    Traces of a sweep without axes are drawn in time. Anything else gets the figures that any model has.

    data: from `nj.sweep` or `nj.load`, whole or not. folder: made if need be. Returns the files written: PNG, PDF, and CSV.
    """
    what = json.loads(data.attrs.get("what", "{}"))
    system = what.get("system")
    known = theory_of(system)
    n = system.get("n") if isinstance(system, Mapping) else None
    means = [name for name in generic.scalar_records(data) if _is_order(what, name, "Mean")]
    if not generic.axes_of(data["status"]):
        return _draw_traces(data, what, n, Path(folder))
    if not means:
        return generic.draw(data, folder)
    r = completed(data, means[0])
    axes = {axis: dim for axis in ("coupling", "noise") if (dim := _dimension(r, axis)) is not None}
    if set(axes.values()) != set(generic.axes_of(r)) or "coupling" not in axes:
        return generic.draw(data, folder)
    if "noise" not in axes:
        ax = plot_transition(r, **(known._asdict() if known else {}), n=n)
        ax.set_title(_caption(what, system), fontsize="small")
        return save(ax, folder, "transition", r, data.attrs)
    ax = plot_phase_diagram(r, frequencies=known.frequencies if known else None)
    ax.set_title(_caption(what, system), fontsize="small")
    files = save(ax, folder, "phase_diagram", r, data.attrs)
    levels = r.sizes[axes["noise"]]
    chosen = r.sortby(axes["noise"]).isel(
        {axes["noise"]: np.unique(np.linspace(0, levels - 1, min(levels, MOST_CURVES)).round().astype(int))}
    )
    ax = new_axes(None)
    for sigma in chosen[axes["noise"]].values:
        theirs = {"frequencies": known.frequencies, "diffusion": float(theory.diffusion(sigma))} if known else {}
        plot_transition(chosen.sel({axes["noise"]: sigma}), **theirs, label=rf"$\sigma$ = {sigma:.3g}", ax=ax)
    ax.set_title(_caption(what, system), fontsize="small")
    return files + save(ax, folder, "transitions", chosen, data.attrs)


def theory_of(system: Any) -> Theory | None:
    """The theory that holds for a model as `attrs["what"]` describes it; None unless all to all, without lag, of a known distribution."""
    if not isinstance(system, Mapping) or system.get("class") != "Kuramoto" or system.get("graph") is not None or system.get("lag"):
        return None
    described, noise = dict(system.get("frequencies") or {}), system.get("noise") or 0.0
    kind = DISTRIBUTIONS.get(described.pop("class", None))
    if kind is None or not isinstance(noise, int | float) or not all(isinstance(v, int | float | str) for v in described.values()):
        return None
    return Theory(kind(**described), float(theory.diffusion(noise)))


def _draw_theory(ax: Axes, coupling: np.ndarray, frequencies: Frequencies, diffusion: float, colour: Any) -> None:
    said = ax.get_legend_handles_labels()[1]
    onset = float(theory.critical_coupling(frequencies, diffusion))
    if coupling[0] < onset < coupling[-1]:
        label = f"$K_c$ = {onset:.3f}" if colour == "k" else "_" if "onset $K_c$" in said else "onset $K_c$"
        ax.axvline(onset, color=colour, lw=1, ls=":", label=label)
    if isinstance(frequencies, Bimodal):
        return  # with two maxima no steady state stands for all
    near = onset * (1 + np.append(0, np.geomspace(1e-4, 1, 40))) if onset > 0 else np.empty(0)
    grid = np.unique(np.concatenate([np.linspace(coupling[0], coupling[-1], 80), near]))
    grid = grid[(grid >= coupling[0]) & (grid <= coupling[-1])]
    r = theory.order_parameter(grid, frequencies, diffusion)
    ax.plot(grid, r, color=colour, ls="--", lw=1.2, label="_" if "theory" in said else "theory", zorder=1)


def _draw_floor(ax: Axes, n: int) -> None:
    ax.axhline(float(theory.finite_size_floor(n)), color="0.4", lw=1, ls=":", label=rf"$\sqrt{{\pi/4N}}$, $N$ = {n}")


def _draw_traces(data: xr.Dataset, what: Mapping[str, Any], n: int | None, folder: Path) -> list[Path]:
    files: list[Path] = []
    for name in map(str, data.data_vars):
        if _is_order(what, name, "Trace") and data[name].dtype.kind == "f" and completed(data, name).notnull().any():
            r = completed(data, name).dropna("seed", how="all")
            files += save(plot_order_trace(r, n=n), folder, f"{name}_trace", r, data.attrs)
    return files


def _is_order(what: Mapping[str, Any], name: str, kind: str) -> bool:
    record = what.get("records", {}).get(name, {})
    return record.get("class") == kind and (record.get("measure") or {}).get("function", "").endswith(".order_parameter")


def _dimension(record: xr.DataArray, parameter: str) -> str | None:
    """The dimension of a parameter swept over numbers, which may go by its full path."""
    dims = [dim for dim in generic.axes_of(record) if dim.split(".")[-1] == parameter and dim in record.coords]
    return dims[0] if dims and record[dims[0]].dtype.kind in "fiu" else None


def _time_dimension(record: xr.DataArray) -> str:
    dims = [str(dim) for dim in record.dims if str(dim).endswith("time")]
    if len(dims) != 1:
        raise ValueError(f"the dimensions {record.dims} have no time: name one of them 'time', as `neurojax.sweep.plot.trace_of` does")
    return dims[0]


def _caption(what: Mapping[str, Any], system: Any) -> str:
    if not isinstance(system, Mapping):
        return ""
    described: Any = system.get("frequencies")
    described = described if isinstance(described, Mapping) else {}
    placed = {"quantiles": " at quantiles", "random": " drawn"}.get(described.get("placement", ""), "")
    kind, run = described.get("class", "given frequencies"), what.get("run", {})
    return f"$N$ = {system.get('n')}, {kind}{placed}, $T$ = {run.get('duration')}, $dt$ = {run.get('dt')}"
