"""How the fluctuations of D scale with N, K, tau_J, rho and the load: pictures and fits of a multirun's statistics."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.multiscale_memory.fits import PowerLaw, polynomial, power_law
from experiments.multiscale_memory.pages import Missing, Place, draw_all
from experiments.multiscale_memory.tables import SYMBOLS as PRINTED
from experiments.multiscale_memory.tables import Table, varies
from neurojax.multiscale import theory

SYMBOLS = {"N": "N", "K": "K", "tau_J": r"\tau_J", "rho": r"\rho", "alpha": r"\alpha"}
# What a run's fluctuations depend on, besides its length and what its seed draws.
PHYSICS = ("N", "K", "tau_J", "rho", "beta", "k", "u", "tau_s", "tau_h", "pattern_distribution", "pattern_scale", "prob_distribution")
PHYSICS += ("transitions", "noise", "activation", "dt", "method")
OPEN = "open: theory does not hold"
MOST_LINES = 6
LEAST = 5  # independent samples of D that a run must have: fewer do not tell its variance
LABELS = {"std": r"$\sigma_D$", "var": r"$\mathrm{Var}\,D$"}


@dataclasses.dataclass(frozen=True)
class Plot:
    """value: "std" or "var". x: along the axis; by: a line for each value of it. kind: bars, slice, alpha, surface. fit: of a surface."""

    value: str
    x: str
    by: str = ""
    kind: str = "bars"
    fit: str = ""


PLOTS = {
    "N_std": Plot("std", "N", "K"),
    "N_var": Plot("var", "N", "K"),
    "K_std_N": Plot("std", "K", "N"),
    "K_std_tau_J": Plot("std", "K", "tau_J"),
    "K_var": Plot("var", "K", "N"),
    "tau_J_std": Plot("std", "tau_J", "K"),
    "tau_J_var": Plot("var", "tau_J", "K"),
    "rho_std": Plot("std", "rho", "K"),
    "rho_var": Plot("var", "rho", "K"),
    "slice_std_N": Plot("std", "N", "K", "slice"),
    "slice_std_tau_J_K": Plot("std", "tau_J", "K", "slice"),
    "slice_std_K_N": Plot("std", "K", "N", "slice"),
    "slice_std_K_tau_J": Plot("std", "K", "tau_J", "slice"),
    "slice_var_N": Plot("var", "N", "K", "slice"),
    "slice_var_K": Plot("var", "K", "N", "slice"),
    "alpha_std_fit": Plot("std", "alpha", "tau_J", "alpha"),
    "alpha_var_fit": Plot("var", "alpha", "tau_J", "alpha"),
    "3d_std": Plot("std", "N", "K", "surface"),
    "3d_var": Plot("var", "N", "K", "surface"),
    "3d_std_fit": Plot("std", "N", "K", "surface", "NK"),
    "3d_var_fit": Plot("var", "N", "K", "surface", "NK"),
    "3d_std_fit_alpha": Plot("std", "N", "K", "surface", "alpha"),
    "3d_var_fit_alpha": Plot("var", "N", "K", "surface", "alpha"),
}


def typical_deviation(K: int, tau_J: float, rho: float = 0.0, tau_h: float = 1.0, dt: float = 1.0) -> float:
    """Stationary deviation of D for signs of correlation rho, equally likely, in a strong field, their <X_m, X_n> at its mean, rho^2: some
    percent too low where few patterns are correlated, whose own <X_m, X_n> differ; `theoretical_std` of a run knows these."""
    gram = (1 - rho**2) * np.eye(K) + rho**2
    ensemble = theory.Ensemble(gram, np.full(K, 1 / K), np.zeros(K), 0.0)
    return float(np.sqrt(theory.distance_variance(ensemble, theory.fading(tau_J, tau_h, dt))))


def with_typical(rows: Table) -> Table:
    """The rows with `theoretical_std` computed anew; NaN where patterns are not signs, equally likely, or redraws not at a fixed time."""

    def one(row: Any) -> float:
        tau_h: Any = pd.to_numeric(row.get("tau_h", 1.0), errors="coerce")
        if row["pattern_distribution"] != "rademacher" or row["prob_distribution"] != "uniform" or not np.isfinite(tau_h):
            return np.nan
        return typical_deviation(int(row["K"]), float(row["tau_J"]), float(row["rho"]), float(tau_h), float(row["dt"]))

    return rows.assign(theoretical_std=[one(row) for _, row in rows.iterrows()])


def telling(rows: Table) -> tuple[Table, list[str]]:
    """Of the runs those whose fluctuations of D mean something, and how many were left out of them, and why. `holds`: theory for them."""
    rows = rows.assign(alpha=rows["K"] / rows["N"])
    holds = rows["theory_holds"].map(str) != "False" if "theory_holds" in rows else rows["K"] > 0
    rows, said = rows.assign(holds=holds), []
    still = ~(np.isfinite(rows["residuals_variance"]) & (rows["residuals_variance"] > 0))
    short = rows["independent"] < LEAST if "independent" in rows else rows["K"] < 0
    alone = rows["locked"] > 0.95 if "locked" in rows else rows["K"] < 0
    if "tracking" in rows:
        alone &= ~(rows["tracking"] >= 0.9)
    reasons = {"whose D does not fluctuate": still, f"with less than {LEAST} independent samples of D": short}
    reasons["locked in on one pattern"] = alone & ~holds
    left = still & False
    for why, which in reasons.items():
        if count := int((which & ~left).sum()):
            said.append(f"{count} run{'s' if count > 1 else ''} {why}")
        left |= which
    return rows[~left], said


def beside(rows: Table, keys: Sequence[str]) -> list[str]:
    """What varies beside some keys, seeds aside; the load is N and K. A gain that beta decides is not named."""
    known = {*keys, *(("N", "K") if "alpha" in keys else ())}
    found = [name for name in PHYSICS if name in rows and name not in known and varies(rows[name])]
    return [name for name in found if name != "k" or "beta" not in {*found, *known}]


def called(name: str) -> str:
    """A parameter in mathematics."""
    return f"${SYMBOLS[name]}$" if name in SYMBOLS else PRINTED.get(name, name.replace("_", " "))


def points(rows: Table, keys: Sequence[str], value: str) -> Table:
    """Runs with equal keys as one point: value, error, theory, runs; holds: theory for all of them. Variances are averaged, and
    deviations are their roots.

    The error is that of the mean over runs that differ in seed and length alone (by their own errors where they are fewer than five).
    Where anything else varies beside the keys, cells count equally, and so do their errors: runs of one seed see the same patterns' order.
    """
    cells = [name for name in PHYSICS if name in rows and name not in keys]
    found: list[dict[str, Any]] = []
    for key, own in rows.groupby(list(keys), sort=True):
        parts = [_cell(cell) for _, cell in own.groupby(cells, sort=False, dropna=False)]
        variance, error, expected = (np.asarray(column) for column in zip(*parts, strict=True))
        mean, spread, theory_mean = float(variance.mean()), float(error.mean()), float(expected.mean())
        one = {"value": mean, "error": spread, "theory": theory_mean}
        if value == "std":
            one = {"value": np.sqrt(mean), "error": 0.5 * spread / np.sqrt(mean), "theory": np.sqrt(theory_mean)}
        holds = bool(own["holds"].all()) if "holds" in own else True
        found.append(dict(zip(keys, key, strict=True)) | one | {"runs": len(own), "holds": holds})
    return pd.DataFrame(found)


def _cell(rows: Table) -> tuple[float, float, float]:
    """Mean variance of runs that differ in their seeds, its error, and theory's."""
    variances, count = rows["residuals_variance"], len(rows)
    own = np.sqrt(np.mean(rows["residuals_variance_error"] ** 2) / count)
    error = variances.std(ddof=1) / np.sqrt(count) if count >= 5 else own
    return float(variances.mean()), float(error), float(np.mean(rows["theoretical_std"] ** 2))


def draw_points(ax: Axes, x: str, table: Table, colour: str, label: str) -> None:
    """Points with error bars, open where theory does not hold."""
    for holds, own in table.groupby("holds"):
        fill: Any = {} if holds else {"mfc": "none"}
        ax.errorbar(own[x], own["value"], own["error"], fmt="o", color=colour, ms=4, capsize=2.5, elinewidth=1, label=label, **fill)
        label = "_nolegend_"


def law_of(x: np.ndarray, y: np.ndarray, error: np.ndarray, free: bool = True) -> PowerLaw:
    """A power law. Raises `Missing` where the points do not determine one."""
    try:
        return power_law(x, y, error, free=free)
    except ValueError as error_:
        raise Missing(str(error_)) from error_


def draw(rows: Table, names: Sequence[str], options: Mapping[str, Any], folder: Path) -> tuple[list[str], dict[str, str], Table]:
    """Pictures as PDF and PNG, one each and all on a page; the names drawn, those not drawn with the reason, and every fit."""
    rows, said = telling(rows)
    if said:
        print(f"left out of the fluctuation analysis: {', '.join(said)}")
    if rows.empty:
        return [], dict.fromkeys(names, "no run has enough of fluctuations of D"), pd.DataFrame()
    pictures = {name: lambda figure, place, name=name: _panel(figure, place, rows, PLOTS[name], options) for name in names}
    drawn, missing = draw_all(pictures, folder, "fluctuation_analysis", (5.2, 3.9))
    return list(drawn), missing, pd.DataFrame([{"picture": name} | one for name, fits in drawn.items() for one in fits])


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float | np.number) else str(value)


def _panel(figure: Figure, place: Place, rows: Table, plot: Plot, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    if rows[plot.x].nunique() < 2:
        raise Missing(f"{plot.x} has one value")
    if plot.kind == "slice" and rows[plot.by].nunique() < 2:
        raise Missing(f"{plot.by} has one value, no slices")
    if plot.kind == "surface":
        return _surface(figure, place, rows, plot, options)
    ax = figure.add_subplot(*place)
    return (_alpha if plot.kind == "alpha" else _lines)(ax, rows, plot, options)


def _lines(ax: Axes, rows: Table, plot: Plot, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A line of points with error bars for each value of `by`; theory dashed; power laws dotted."""
    table, fits = points(rows, [plot.by, plot.x], plot.value), []
    values = sorted(table[plot.by].unique())
    chosen = [values[i] for i in np.unique(np.linspace(0, len(values) - 1, min(len(values), MOST_LINES)).astype(int))]
    sliced = plot.kind == "slice"
    logarithmic = (options["log_scale"] or sliced) and bool((table[plot.x] > 0).all())
    for number, value in enumerate(chosen):
        own = table[table[plot.by] == value]
        colour, label = f"C{number}", f"${SYMBOLS[plot.by]} = {value:g}$"
        x, y, error = (own[name].to_numpy(float) for name in (plot.x, "value", "error"))
        for law, free in _laws(x, y, error, options["visualizations"]["errorbars"]):
            fine = np.geomspace(x.min(), x.max(), 60)
            ax.plot(fine, law(fine[:, None]), ":", color=colour, lw=1.2)
            label += ": " + law.text([SYMBOLS[plot.x]])
            fits.append(_row(law, [plot.x], plot, free) | {plot.by: value, "theory_holds": bool(own["holds"].all())})
        draw_points(ax, plot.x, own, colour, label)
        if sliced:
            ax.plot(x, y, "-", color=colour, lw=0.7, alpha=0.6)
        if options["show_theoretical"]:
            ax.plot(x, own["theory"], "--", color=colour, lw=1.2, gid="theory")
    _finish(ax, rows, plot, chosen, values, options, logarithmic)
    return fits


def _laws(x: np.ndarray, y: np.ndarray, error: np.ndarray, asked: Mapping[str, Any]) -> list[tuple[PowerLaw, bool]]:
    if len(np.unique(x)) < 2 or np.any(x <= 0):
        return []
    return [(law_of(x[:, None], y, error, free), free) for key, free in (("power_coeff", True), ("not_power_coeff", False)) if asked[key]]


def _row(law: PowerLaw, names: Sequence[str], plot: Plot, free: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"value": plot.value, "law": "power" if free else "power, coefficient 1", "coefficient": law.coefficient}
    row |= {"coefficient_low": law.coefficient_interval[0], "coefficient_high": law.coefficient_interval[1], "r2": law.r2}
    for name, exponent, (low, high) in zip(names, law.exponents, law.intervals, strict=True):
        row |= {f"exponent_{name}": exponent, f"exponent_{name}_low": low, f"exponent_{name}_high": high}
    return row


def _finish(
    ax: Axes, rows: Table, plot: Plot, chosen: Sequence[Any], values: Sequence[Any], options: Mapping[str, Any], logarithmic: bool
) -> None:
    others = beside(rows, (plot.x, plot.by))
    said = [f"mean over {', '.join(map(called, others))}"] if others else []
    said += [] if rows["holds"].all() else [OPEN]
    said += [f"{len(chosen)} of {len(values)} values of ${SYMBOLS[plot.by]}$"] if len(chosen) < len(values) else []
    if logarithmic:
        ax.set(xscale="log", yscale="log")
        ticks = np.unique(rows[plot.x])
        if len(ticks) <= 8:
            ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            ax.set_xticks([], minor=True)
    if options["show_theoretical"]:
        ax.plot([], [], "k--", lw=1.2, label="theory")
    ax.set(xlabel=f"${SYMBOLS[plot.x]}$", ylabel=LABELS[plot.value], title="; ".join(said))
    ax.title.set_fontsize("small")
    ax.margins(y=0.2)
    ax.legend(frameon=False, fontsize="x-small")


def _alpha(ax: Axes, rows: Table, plot: Plot, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Against the load, at each tau_J: a polynomial and a power law beside the points."""
    table, fits = points(rows, [plot.by, plot.x], plot.value), []
    values = sorted(table[plot.by].unique())
    chosen, few = [values[i] for i in np.unique(np.linspace(0, len(values) - 1, min(len(values), 3)).astype(int))], []
    for number, value in enumerate(chosen):
        own, colour = table[table[plot.by] == value], f"C{number}"
        x, y, error = (own[name].to_numpy(float) for name in (plot.x, "value", "error"))
        draw_points(ax, plot.x, own, colour, f"${SYMBOLS[plot.by]} = {value:g}$")
        if options["show_theoretical"]:
            ax.plot(x, own["theory"], "--", color=colour, lw=1.0)
        fine = np.linspace(x.min(), x.max(), 80)
        for law, free in _laws(x, y, error, {"power_coeff": True, "not_power_coeff": False}):
            ax.plot(fine, law(fine[:, None]), ":", color=colour, lw=1.2, label=law.text([SYMBOLS["alpha"]]) + f", $R^2$ = {law.r2:.2f}")
            fits.append(_row(law, ["alpha"], plot, free) | {plot.by: value})
        try:
            curve = polynomial(x, y)
        except ValueError:
            few.append(f"{value:g}")
            continue
        degree = len(curve.coefficients) - 1
        ax.plot(fine, np.polyval(curve.coefficients, fine), "-", color=colour, lw=0.9, label=f"degree {degree}, $R^2$ = {curve.r2:.2f}")
        fits.append({"value": plot.value, "law": f"polynomial of degree {degree}", "r2": curve.r2, plot.by: value})
    _finish(ax, rows, plot, chosen, values, options, logarithmic=False)
    low, high = ax.get_ylim()
    ax.set_ylim(top=high + 0.4 * (high - low))  # for the legend
    ax.legend(frameon=False, fontsize="x-small", loc="upper center", ncols=2)
    if few:
        said = f"no polynomial: fewer than 5 loads at {called(plot.by)} = {', '.join(few)}"
        ax.set_title("\n".join([*([ax.get_title()] if ax.get_title() else []), said]), fontsize="small")
    return fits


def _surface(figure: Figure, at: tuple[int, int, int], rows: Table, plot: Plot, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Over N and K, at the values of most runs in all else; with the surface of a power law in N and K, or in the load."""
    if rows["K"].nunique() < 2:
        raise Missing("K has one value")
    own, said = rows, []
    for name in beside(rows, ("N", "K")):
        if varies(own[name]):
            words = own[name].map(str)
            own = own[words == words.mode().iloc[0]]
            said.append(f"{called(name)} = {_short(own[name].iloc[0])}")
    table = points(own, ["N", "K"], plot.value)
    n, k, y, error = (table[name].to_numpy(float) for name in ("N", "K", "value", "error"))
    if len(np.unique(n)) < 2 or len(np.unique(k)) < 2:
        raise Missing("N and K do not both vary where all else is the same")
    ax: Any = figure.add_subplot(*at, projection="3d")
    holds = table["holds"].to_numpy(bool)
    ax.scatter(n[holds], k[holds], y[holds], color="C0", s=14)
    ax.scatter(n[~holds], k[~holds], y[~holds], facecolor="none", edgecolor="C0", s=14)
    said += [] if holds.all() else [OPEN]
    for a, b, low, high in zip(n, k, y - error, y + error, strict=True):
        ax.plot([a, a], [b, b], [low, high], color="C0", lw=0.9)
    fits, fine = [], np.meshgrid(np.linspace(n.min(), n.max(), 16), np.linspace(k.min(), k.max(), 16))
    names, x, grid = ["N", "K"], np.column_stack([n, k]), np.column_stack([fine[0].ravel(), fine[1].ravel()])
    if plot.fit == "alpha":
        names, x, grid = ["alpha"], (k / n)[:, None], (grid[:, 1] / grid[:, 0])[:, None]
    asked = options["visualizations"]["fit3d"]
    for key, free in (("power_coeff", True), ("not_power_coeff", False)):
        if plot.fit and asked[key]:
            law = law_of(x, y, error, free)
            ax.plot_surface(*fine, law(grid).reshape(fine[0].shape), cmap="viridis", alpha=0.45, lw=0)
            said.append(law.text([SYMBOLS[name] for name in names]))
            fits.append(_row(law, names, plot, free))
    if options["show_theoretical"] and not plot.fit:
        ax.scatter(n, k, table["theory"], color="k", marker="_", s=50, depthshade=False, label="theory")
        ax.legend(frameon=False, fontsize="small")
    ax.set(xlabel="$N$", ylabel="$K$")
    ax.set_title(f"{LABELS[plot.value]}; " + ", ".join(said) if said else LABELS[plot.value], fontsize="small")
    return fits
