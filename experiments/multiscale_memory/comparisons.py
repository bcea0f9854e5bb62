"""The runs of a multirun beside each other: a line, or a histogram, for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

from experiments.multiscale_memory.fluctuations import LABELS, OPEN, SYMBOLS, beside, called, draw_points, law_of, points, telling
from experiments.multiscale_memory.outcome import past
from experiments.multiscale_memory.pages import Missing, draw_all
from experiments.multiscale_memory.tables import Table
from neurojax.multiscale.plot import DISTANCE, RESIDUAL, TIME

MOST_IN_LEGEND = 12


class Compared:
    """series: the runs' samples, by run. rows: their statistics, in the same order. labels, colours: of each run."""

    def __init__(self, series: Table, rows: Table, labels: Sequence[str], options: Mapping[str, Any]):
        self.series, self.rows, self.labels, self.options = series, rows, list(labels), options
        places = np.linspace(0.05, 0.9, max(len(self.labels), 2))
        self.colours = [mpl.colormaps["viridis"](place) for place in places]

    def runs(self) -> list[tuple[str, Any, Table]]:
        """Label, colour and samples of each run."""
        by_run = dict(list(self.series.groupby("run", sort=False)))
        return [(label, colour, by_run[run]) for run, label, colour in zip(self.rows["run"], self.labels, self.colours, strict=False)]


def _legend(ax: Axes, count: int) -> None:
    if count <= MOST_IN_LEGEND:
        ax.legend(frameon=False, fontsize="x-small", loc="center left", bbox_to_anchor=(1.0, 0.5))
    else:
        ax.set_title(f"{count} runs, first to last from dark to light", fontsize="small")


def deltaFnorm2_kt(compared: Compared, ax: Axes) -> None:
    for label, colour, own in compared.runs():
        ax.plot(own["time"], own["diff_normF2_k"], lw=0.8, color=colour, label=label)
        if compared.options["show_theoretical"]:
            width = 0.9 if len(compared.labels) <= MOST_IN_LEGEND else 0.3
            ax.plot(own["time"], own["theoretical_y"], "k--", lw=width, zorder=3, gid="theory")
    if compared.options["show_theoretical"]:
        ax.plot([], [], "k--", lw=1.1, label="theory")
    ax.set(xlabel=TIME, ylabel=DISTANCE, yscale="log")
    _legend(ax, len(compared.labels))


def residuals(compared: Compared, ax: Axes) -> None:
    for label, colour, own in compared.runs():
        ax.plot(own["time"], own["residuals"], lw=0.6, color=colour, label=label)
    ax.axhline(0, color="0.7", lw=0.8, zorder=0)
    ax.set(xlabel=TIME, ylabel=RESIDUAL)
    _legend(ax, len(compared.labels))


def fnorm_residuals_hist(compared: Compared, ax: Axes) -> None:
    settled, halves = dict(zip(compared.rows["run"], compared.rows["settled"], strict=True)), 0
    for label, colour, own in compared.runs():
        which, said = past(own["time"].to_numpy(), settled[own["run"].iloc[0]])
        halves += "half" in said
        kept = own["residuals"][which]
        if np.ptp(kept) > 0:
            ax.hist(kept, 40, density=True, histtype="step", color=colour, label=label)
    ax.set(xlabel=RESIDUAL, ylabel="density")
    _legend(ax, len(compared.labels))
    if halves:
        ax.set_title(f"{halves} of {len(compared.labels)} runs shorter than their transient: last halves", fontsize="small")


def energy(compared: Compared, ax: Axes) -> None:
    if "energies" not in compared.series:
        raise Missing("the runs have no energies")
    for label, colour, own in compared.runs():
        ax.plot(own["time"].iloc[1:], own["energies"].iloc[1:], lw=0.7, color=colour, label=label)
    ax.set(xlabel=TIME, ylabel="$L(s, J)$")
    _legend(ax, len(compared.labels))


def _scaling(compared: Compared, ax: Axes, value: str) -> None:
    """Against the parameter with most values, all else averaged over, with a power law and its confidence interval."""
    rows, said = telling(compared.rows)
    x = max(("N", "K", "tau_J", "rho"), key=lambda name: rows[name].nunique())
    if rows[x].nunique() < 2:
        left = f" among the runs that tell its variance (left out: {', '.join(said)})" if said else ""
        raise Missing(f"none of N, K, tau_J and rho varies{left}")
    table, others = points(rows, [x], value), beside(rows, [x])
    if (table[x] > 0).all():
        law = law_of(table[[x]].to_numpy(float), table["value"].to_numpy(float), table["error"].to_numpy(float))
        fine = np.geomspace(table[x].min(), table[x].max(), 60)
        ax.plot(fine, law(fine[:, None]), ":", color="C0", lw=1.2, label=law.text([SYMBOLS[x]]))
        if compared.options["log_scale"]:
            ax.set(xscale="log", yscale="log")
    draw_points(ax, x, table, "C0", "runs")
    if compared.options["show_theoretical"]:
        ax.plot(table[x], table["theory"], "k--", lw=1.2, label="theory", gid="theory")
    title = [f"mean over {', '.join(map(called, others))}"] if others else []
    title += [] if rows["holds"].all() else [OPEN]
    ax.set_title("; ".join([*title, *(f"without {one}" for one in said)]), fontsize="small")
    ax.set(xlabel=f"${SYMBOLS[x]}$", ylabel=LABELS[value])
    ax.legend(frameon=False, fontsize="small")


def fluctuation_scaling_std(compared: Compared, ax: Axes) -> None:
    _scaling(compared, ax, "std")


def fluctuation_scaling_variance(compared: Compared, ax: Axes) -> None:
    _scaling(compared, ax, "var")


COMPARISONS: dict[str, Callable[[Compared, Axes], None]] = {
    one.__name__: one
    for one in (deltaFnorm2_kt, residuals, fnorm_residuals_hist, energy, fluctuation_scaling_std, fluctuation_scaling_variance)
}


def draw(compared: Compared, names: Sequence[str], folder: Path) -> tuple[list[str], dict[str, str]]:
    """Every comparison as PDF and PNG, and all on a page, `comparison_plots`; names drawn, and those not drawn with the reason."""
    pictures = {name: lambda figure, place, name=name: COMPARISONS[name](compared, figure.add_subplot(*place)) for name in names}
    drawn, missing = draw_all(pictures, folder, "comparison_plots", (5.6, 3.9))
    return list(drawn), missing
