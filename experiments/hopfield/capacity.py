"""How much is recalled: over load by every rule, over load and temperature, from cues of every level."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

import neurojax as nj
from experiments.hopfield.common import AGS, ELSEWHERE, at_most, near, of_rules, recalls
from experiments.study import Study
from experiments.table import Row, mean_and_error
from neurojax.hopfield import measures, plot, theory
from neurojax.sweep.plot import new_axes, save

N = 200  # of the comparison of rules
RULES: dict[str, Any] = {
    "Hebb": nj.Hebb(),
    "Storkey": nj.Storkey(),
    "unlearning, 600 dreams": nj.Unlearning(600, 0.01, relaxation=12),
    "dreaming, t = 10": nj.Dreaming(10.0),
    "pseudo-inverse": nj.PseudoInverse(),
    "pseudo-inverse with diagonal": nj.PseudoInverse(diagonal=True),
    "perceptron, margin 0.5": nj.Perceptron(0.5, sweeps=100),
}
SEEN = {  # overlaps from 10 % flips, N = 200, by load
    ("Hebb", 0.3): 0.424,
    ("Hebb", 0.5): 0.354,
    ("Storkey", 0.3): 0.995,
    ("Storkey", 0.5): 0.685,
    ("pseudo-inverse", 0.5): 0.856,
    ("pseudo-inverse", 0.7): 0.019,
    ("pseudo-inverse with diagonal", 0.5): 0.874,
    ("pseudo-inverse with diagonal", 0.7): 0.809,
}


def capacity(study: Study) -> list[Row]:
    """Overlap at the end over load: Hebb's rule at three sizes beside theory, and all rules from 10 % flips."""
    rows = _sizes(study)
    loads = np.array(study.pick([*np.arange(0.05, 0.31, 0.025), *np.arange(0.35, 1.01, 0.05)], [0.1, 0.3, 0.5, 0.7]))
    memory = nj.Hopfield(N, nj.RandomPatterns(N, stored=1), nj.Flips(0.1))
    seeds = study.pick(24, 6)
    m = of_rules(study, "rules", memory, RULES, {"patterns.stored": np.round(loads * N)}, seeds, 60)
    m = m.rename({"patterns.stored": "load"}).assign_coords(load=loads)
    newest = _newest(study, loads, seeds)
    shown = xr.concat([m, newest.expand_dims(rule=["palimpsest, its newest"])], "rule")
    ax = new_axes(None, (6.4, 4.2))
    for rule in shown["rule"].values:
        plot.plot_capacity(shown.sel(rule=rule, drop=True), label=str(rule), ax=ax)
    ax.legend(frameon=False, fontsize="x-small", loc="upper left", bbox_to_anchor=(1.0, 1.0))
    ax.set_title(f"from 10 % flips, N = {N}, in step, {seeds} seeds", fontsize="small")
    save(ax, study.figures("capacity"), "rules", shown)
    for (rule, load), seen in SEEN.items():
        mean, error = mean_and_error(m.sel(rule=rule).sel(load=load, method="nearest").values)
        rows.append(Row(f"{rule}: m at alpha = {load}, N = {N}, from 10 % flips", mean, error, seen, 0.06, ELSEWHERE))
    for rule in shown["rule"].values:
        rows.append(Row(f"{rule}: load up to which m > 0.9", _reach(loads, shown.sel(rule=rule).mean("seed").values), 0.0, None))
    return rows


def _newest(study: Study, loads: np.ndarray, seeds: int) -> xr.DataArray:
    """The palimpsest's newest pattern, however many came before it."""
    memory = nj.Hopfield(N, nj.RandomPatterns(N, stored=1), nj.Flips(0.1), nj.Palimpsest(0.5))
    stored = np.round(loads * N)
    data = recalls(study, "palimpsest", memory, {"load": nj.zip({"patterns.stored": stored, "cue.which": stored - 1})}, seeds, 60)
    return data["m"].drop_vars(["patterns.stored", "cue.which"], errors="ignore").assign_coords(load=loads)


def _sizes(study: Study) -> list[Row]:
    """Hebb's rule from the pattern at sizes that differ by four times: below capacity one curve, above it the larger the less."""
    loads, ax, curves = np.arange(0.04, 0.2001, 0.01), new_axes(None), []
    for n in study.pick((250, 1000, 2000), (250,)):
        memory = nj.Hopfield(n, nj.RandomPatterns(round(0.2 * n), stored=1), nj.Flips(0.0))
        data = recalls(study, f"size_{n}", memory, {"patterns.stored": np.round(loads * n)}, study.pick(16, 4), 120)
        m = data["m"].rename({"patterns.stored": "load"}).assign_coords(load=loads)
        plot.plot_capacity(m, label=f"N = {n}", ax=ax)
        curves.append(m.expand_dims(n=[n]))
    shown: xr.DataArray = xr.concat(curves, "n")  # pyright: ignore[reportAssignmentType]
    save(ax, study.figures("capacity"), "sizes", shown)
    last = shown.isel(n=-1)
    rows = []
    for load in (0.06, 0.1):
        m = last.sel(load=load, method="nearest").values
        name = f"m at alpha = {load}, N = {int(shown['n'].values[-1])}, T = 0"
        rows.append(near(name, m, theory.overlap(load), study.pick(0.003, 0.02), AGS))
    if not study.quick:
        beyond = np.asarray(shown.sel(load=0.18, method="nearest").mean("seed"))
        rows.append(at_most("m at alpha = 0.18: N = 2000 over N = 250", beyond[-1] / beyond[0], 0.75, "no recall for N to infinity"))
    return rows


def _reach(loads: np.ndarray, m: np.ndarray) -> float:
    """The load where a curve first falls to RECALLED, by straight lines."""
    below = np.flatnonzero(m < 0.9)
    if not len(below):
        return float(loads[-1])
    k = below[0]
    return float(loads[0] if k == 0 else loads[k - 1] + (m[k - 1] - 0.9) / (m[k - 1] - m[k]) * (loads[k] - loads[k - 1]))


def phases(study: Study) -> list[Row]:
    """Overlap over load and temperature, Glauber one unit after the other from the pattern, beside T_M, T_c and T_g."""
    n, seeds = study.pick((500, 4), (200, 2))
    loads = np.arange(0.01, 0.1601, study.pick(0.015, 0.05))
    temperatures = np.arange(0.05, 1.0501, study.pick(0.0625, 0.25))
    memory = nj.Hopfield(n, nj.RandomPatterns(round(0.16 * n), stored=1), nj.Flips(0.0), units=nj.Glauber(), updates=nj.Asynchronous())
    record = {"m": nj.Mean(measures.target_overlap, warmup=study.pick(40.0, 20.0))}
    over = {"patterns.stored": np.round(loads * n), "temperature": temperatures}
    m = recalls(study, "phases", memory, over, seeds, study.pick(80, 30), record)["m"]
    m = m.rename({"patterns.stored": "load"}).assign_coords(load=loads)
    ax = plot.plot_phases(m)
    ax.set_title(f"from the pattern, N = {n}, {seeds} seeds", fontsize="small")
    save(ax, study.figures("phases"), "phases", m)
    mean = m.mean("seed").values
    known = theory.overlap(loads[:, None], temperatures[None, :])
    end = theory.retrieval_temperature(loads)[:, None]
    # Closer to capacity some of the networks of this size fall, at T = 0 too.
    inside = (temperatures < 0.75 * end) & (loads[:, None] < 0.105)
    outside = temperatures > 1.3 * end + 0.05
    edges = [_edge(temperatures, one, bound) for one, bound in zip(mean, _half(loads), strict=True)]
    rows = [
        at_most(
            f"largest |m - theory| of {inside.sum()} points below 0.75 T_M and alpha = 0.105, N = {n}",
            np.abs(mean - known)[inside].max(),
            0.01,
            AGS,
        ),
        at_most(f"largest m of {outside.sum()} points above 1.3 T_M", mean[outside].max(), 0.5, f"{AGS}; finite size"),
    ]
    for load in (0.025, 0.055, 0.1):
        k = int(np.argmin(np.abs(loads - load)))
        name = f"T at which m falls to half of its value at T_M, alpha = {loads[k]:.2g} (T_M = {end[k, 0]:.3f})"
        rows.append(Row(name, edges[k], 0.0, None, source=AGS))
    return rows


def _half(loads: np.ndarray) -> np.ndarray:
    """Half of the overlap at the end of the retrieval states."""
    return np.array([0.5 * float(theory.overlap(load, theory.retrieval_temperature(load) * (1 - 1e-6))) for load in loads])


def _edge(temperatures: np.ndarray, m: np.ndarray, bound: float) -> float:
    below = np.flatnonzero(m < bound)
    if not len(below) or below[0] == 0:
        return float("nan")
    k = below[0]
    return float(temperatures[k - 1] + (m[k - 1] - bound) / (m[k - 1] - m[k]) * (temperatures[k] - temperatures[k - 1]))


def cues(study: Study) -> list[Row]:
    """How far a cue may lie from its pattern: share recalled by its overlap, in step and one after the other."""
    n = study.pick(1000, 200)
    edges = {0.05: (0.17, 0.18), 0.08: (0.25, 0.27), 0.10: (0.32, 0.345), 0.12: (0.44, 0.49)}
    rows, ax, kept = [], new_axes(None), []
    for color, (load, seen) in enumerate(edges.items()):
        levels = np.arange(max(0.04, seen[0] - 0.16), seen[1] + 0.24, 0.03)
        for updates, reference, style in zip((nj.Synchronous(), nj.Asynchronous()), seen, ("-", "--"), strict=True):
            memory = nj.Hopfield(n, nj.RandomPatterns(round(load * n)), updates=updates)
            recalled = measures.recall_by_cue(memory, levels, seeds=study.pick(48, 8), steps=50)
            name = "in step" if style == "-" else "one by one"
            plot.plot_basin(recalled, label=rf"$\alpha$ = {load}, {name}", ax=ax)
            ax.lines[-1].set(color=f"C{color}", linestyle=style)
            kept.append(recalled.mean("seed").expand_dims(load=[load], updates=[name]).rename("recalled"))
            edge = measures.basin_edge(recalled)
            # Levels are 0.03 apart, and the other program's edges are known to 0.03.
            tolerance = study.pick(0.04, 0.12)
            rows.append(Row(f"edge of the basin, alpha = {load}, N = {n}, {name}", edge, 0.0, reference, tolerance, ELSEWHERE))
    ax.legend(frameon=False, fontsize="x-small", loc="upper left", bbox_to_anchor=(1.0, 1.0))
    shown = xr.merge([one.to_dataset() for one in kept], join="outer", compat="no_conflicts")["recalled"]
    save(ax, study.figures("cues"), "cues", shown)  # pyright: ignore[reportArgumentType]
    return rows
