"""The moving pictures of a run: at most `visualizations.frames` frames, so that memory does not grow with the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from experiments.multiscale_memory.outcome import Outcome
from experiments.multiscale_memory.pages import Missing
from experiments.multiscale_memory.panels import record, whole_ticks
from neurojax.multiscale import plot
from neurojax.sweep.film import camera, write_film

RATE = 10.0  # frames per second
SIZE, DPI = (4.4, 3.6), 80


def thinned(values: xr.DataArray, most: int) -> xr.DataArray:
    """At most so many samples, evenly."""
    return values[:: max(1, -(-values.sizes["time"] // most))]


def _frames(outcome: Outcome) -> int:
    return int(outcome.setup.job.config["visualizations"]["frames"])


def neural_activities_gif(outcome: Outcome, path: Path) -> None:
    """Every neuron as a dot, the field's sign as a tick above or below."""
    s = thinned(record(outcome, "s"), _frames(outcome))
    field = record(outcome, "field").sel(time=s["time"], method="nearest")
    write_film(path, _dots(s, field), RATE)


def _dots(s: xr.DataArray, field: xr.DataArray) -> Iterator[np.ndarray]:
    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
    ax = figure.add_subplot()
    number = np.arange(s.shape[1])
    (ticks,) = ax.plot(number, 1.12 * np.sign(field.values[0]), "k_", ms=3, label="field")
    (dots,) = ax.plot(number, s.values[0], "o", ms=3, color="C0", label="neuron")
    ax.set(xlabel="neuron $i$", ylabel="$s_i$", ylim=(-1.25, 1.45))
    ax.legend(frameon=False, fontsize="small", loc="upper left", ncols=2)
    said = ax.text(0.98, 0.98, "$t$ = 0", transform=ax.transAxes, ha="right", va="top")
    shot = camera(figure, [(ax, ticks), (ax, dots), (ax, said)])
    for now, state, shown in zip(s["time"].values, s.values, field.values, strict=True):
        dots.set_ydata(state)
        ticks.set_ydata(1.12 * np.sign(shown))
        said.set_text(f"$t$ = {now:g}")
        yield shot()


def synaptic_weights_gif(outcome: Outcome, path: Path) -> None:
    J = thinned(record(outcome, "film"), _frames(outcome))
    write_film(path, _matrices(J["time"].values, J.values / outcome.k, "$J_{ij} / k$"), RATE)


def synaptic_hebb_difference_gif(outcome: Outcome, path: Path) -> None:
    J = thinned(record(outcome, "film"), _frames(outcome))
    write_film(path, _matrices(J["time"].values, J.values / outcome.k - outcome.hebb, "$J_{ij} / k - H_{ij}$"), RATE)


def _matrices(times: np.ndarray, matrices: np.ndarray, label: str) -> Iterator[np.ndarray]:
    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
    ax = figure.add_subplot()
    extent = float(np.quantile(np.abs(matrices), 0.999)) or 1.0
    plot.plot_couplings(matrices[0], label=label, extent=extent, ax=ax)
    whole_ticks(ax.xaxis, ax.yaxis)
    said = ax.text(0.02, 1.02, "$t$ = 0", transform=ax.transAxes, va="bottom")
    image = ax.images[0]
    shot = camera(figure, [(ax, image), (ax, said)])
    for now, matrix in zip(times, matrices, strict=True):
        image.set_data(matrix)
        said.set_text(f"$t$ = {now:g}")
        yield shot()


def phase_space_gif(outcome: Outcome, path: Path) -> None:
    """The two neurons of a network of two; of more, the overlaps with the first two patterns."""
    most = _frames(outcome)
    if outcome.setup.model.n == 2:
        s = thinned(record(outcome, "s"), most)
        write_film(path, _plane(s["time"].values, s.values, "$s_{}$", tail=60), RATE)
        return
    m = record(outcome, "m")
    if m.sizes["pattern"] < 2:
        raise Missing("a phase space needs two patterns, or two neurons")
    m = thinned(m, most)
    write_film(path, _plane(m["time"].values, m.values[:, :2], "overlap $m_{}$"), RATE)


def _plane(times: np.ndarray, x: np.ndarray, label: str, tail: int = 20) -> Iterator[np.ndarray]:
    """A point in the plane and its last samples. label: with a place for the axis's number."""
    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
    ax = figure.add_subplot()
    (line,) = ax.plot(x[:1, 0], x[:1, 1], lw=0.7, color="C0")
    (dot,) = ax.plot(x[:1, 0], x[:1, 1], "o", color="C0")
    bound = 1.08 * max(1.0, float(np.abs(x).max()))
    ax.set(xlabel=label.format(1), ylabel=label.format(2), xlim=(-bound, bound), ylim=(-bound, bound), aspect="equal")
    said = ax.text(0.02, 1.02, "$t$ = 0", transform=ax.transAxes, va="bottom")
    shot = camera(figure, [(ax, line), (ax, dot), (ax, said)])
    for end, now in enumerate(times, start=1):
        part = x[max(0, end - tail) : end]
        line.set_data(part[:, 0], part[:, 1])
        dot.set_data(part[-1:, 0], part[-1:, 1])
        said.set_text(f"$t$ = {now:g}")
        yield shot()


FILMS: dict[str, Callable[[Outcome, Path], None]] = {
    one.__name__: one for one in (neural_activities_gif, synaptic_weights_gif, synaptic_hebb_difference_gif, phase_space_gif)
}


def film(outcome: Outcome, names: Sequence[str], folder: Path, form: str) -> tuple[list[str], dict[str, str]]:
    """Films by name, as GIF or MP4; the names made, and those that were not with the reason."""
    made, missing = [], {}
    for name in names:
        try:
            FILMS[name](outcome, folder / f"{name.removesuffix('_gif')}.{form}")
        except Missing as error:
            missing[name] = str(error)
            continue
        made.append(name)
    return made, missing
