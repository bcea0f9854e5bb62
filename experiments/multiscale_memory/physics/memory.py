"""What can be read from learned couplings: how often each pattern was shown, and the patterns themselves from noisy cues."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

import neurojax as nj
from experiments.multiscale_memory.physics.common import ELSEWHERE, THEORY, at_least, at_most, lanes, signs
from experiments.study import Study
from experiments.table import Row
from neurojax.multiscale import measures, theory
from neurojax.sweep.plot import new_axes, save

TAU_J = 500.0


def probabilities(study: Study) -> list[Row]:
    """p by least squares from J of the whole network, over the number of patterns; what the first of them alone leave of J."""
    n, counts, runs = 40, study.pick((2, 4, 8, 16, 32, 64, 128), (2, 8, 32)), study.pick(128, 16)
    rows, errors, rests = [], [], []
    for count in counts:
        targets, p = signs(count, n, count), np.random.default_rng(count).dirichlet(np.full(count, 3.0))
        model = nj.Multiscale(n, nj.Stream(targets, p), tau_J=TAU_J, J0=0.0)
        J = lanes(study, f"learned_{count}", model, runs, study.pick(4000, 2500), {"J": nj.Last(measures.couplings)})["J"].values
        k = float(np.tanh(1.0))
        found = [theory.infer_probabilities(one, targets, k) for one in J]
        weights = np.array([one.weights for one in found])
        wanted = np.sqrt(np.sum(p * (1 - p)) / count * theory.sums(1 - 1 / TAU_J, 2))
        squares = np.mean((weights - p) ** 2, axis=1)
        errors.append((np.sqrt(squares.mean()), wanted))
        # Relative errors of a mean square over runs, carried to its root.
        error = squares.std(ddof=1) / np.sqrt(runs) / 2 / np.sqrt(squares.mean())
        rows.append(
            Row(
                f"K = {count}, N = {n}: error of p, root mean square",
                np.sqrt(squares.mean()),
                error,
                wanted,
                0.02 * wanted,
                "fluctuations of J: p (1 - p) S_2 / K",
            )
        )
        worst = max(one.error for one in found)
        rows.append(at_most(f"K = {count}: what all patterns leave of J, worst run", worst, 1e-3, "J is made of its patterns"))
        exact = theory.infer_probabilities(theory.mean_weights(targets, p, 0.0), targets)
        rows.append(at_most(f"K = {count}: from the mean J, largest error of p", np.abs(exact.probabilities - p).max(), 1e-12, "exact"))
        known = np.unique(np.round(np.linspace(1, count, 9)).astype(int)) if count >= 8 else np.arange(1, count + 1)
        order = np.argsort(-p)
        rests.append(
            (count, known / count, [np.mean([theory.infer_probabilities(one, targets[order[:m]], k).error for one in J]) for m in known])
        )
    figure = Figure(figsize=(8.6, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.loglog(counts, [one for one, _ in errors], "o", ms=4, label=f"{runs} runs")
    left.loglog(counts, [one for _, one in errors], "k--", lw=1, label=THEORY)
    left.set_xticks(counts, [str(count) for count in counts])
    left.xaxis.set_minor_locator(NullLocator())
    left.set(xlabel="patterns $K$", ylabel=r"rms error of $p_\mu$", title=rf"N = {n}, $\tau'$ = {TAU_J:g}")
    for count, share, rest in rests:
        right.plot(share, rest, "o-", ms=3, lw=1, label=f"K = {count}")
    right.set(xlabel="share of patterns known, likeliest first", ylabel=r"$|J/k - \sum_\mu w_\mu X_\mu| \, / \, |J/k|$")
    for ax in (left, right):
        ax.legend(frameon=False, fontsize="x-small")
    save(
        left,
        study.figures("probabilities"),
        "probabilities",
        xr.DataArray(errors, {"K": list(counts), "what": ["measured", "theory"]}, ("K", "what"), "error"),
    )
    return rows


def weights(view: Any) -> Any:
    """What a pattern weighs in J."""
    return view.state.weights


def learned(patterns: np.ndarray) -> dict[str, np.ndarray]:
    """J of the whole network after 5 tau', that of ten times slower synapses by K numbers, and Hebb's."""
    n = patterns.shape[1]
    model = nj.Multiscale(n, nj.Stream(patterns), u=2.0 * n, tau_J=1000.0)
    run = nj.simulate(model, steps=5000, dt=1.0, record={"J": nj.Last(measures.couplings)})
    slow = nj.CoefficientMap(n, nj.Stream(patterns), u=2.0 * n, tau_J=10_000.0, J0=0.0, grid=1.0)
    found = nj.simulate(slow, steps=100_000, dt=1.0, record={"w": nj.Last(weights)})
    slower = theory.hebbian(patterns, found.records["w"])
    return {"learned, tau' = 1000": run.records["J"], "learned, tau' = 10000": slower, "Hebb's": theory.hebbian(patterns)}


def retrieval(study: Study) -> list[Row]:
    """A J that a network has learned is frozen; neurons alone, from copies of a pattern of quality r."""
    n, copies, cued = study.pick((400, 50, 6), (100, 20, 2))
    qualities = np.round(np.linspace(0.0, 0.6, study.pick(13, 7)), 3)
    rows, found, ax = [], [], new_axes(None, (6.4, 4.0))
    loads = (0.02, 0.05, 0.08)
    for color, load, seen in zip(("C0", "C1", "C2"), loads, (None, 0.17, 0.25), strict=True):
        patterns = signs(round(load * n), n, round(load * n))
        for (kind, J), style in zip(learned(patterns).items(), ("o-", "^:", "s--"), strict=True):
            per = [nj.multiscale.retrieval(J, patterns, qualities, which=mu, copies=copies) for mu in range(cued)]
            share = np.mean([(one.sel(pattern=mu) > 0.9).mean("copy").values for mu, one in enumerate(per)], axis=0)
            found.append(share)
            ax.plot(qualities, share, style, ms=3.5, lw=1, color=color, label=rf"$\alpha$ = {load:g}, {kind}".replace("tau'", r"$\tau'$"))
            edge = float(np.interp(0.5, np.maximum.accumulate(share), qualities))
            # Near their capacity fast synapses forget what was not shown of late.
            held = load < 0.08 or kind != "learned, tau' = 1000"
            label = f"alpha = {load:g}, N = {n}, {kind}: quality at which half of the copies are recalled"
            rows.append(Row(label, edge, 0.0, seen if held else None, 0.05, f"{ELSEWHERE}, N = 1000" if held and seen else ""))
            recalled, label = float(share[np.argmin(np.abs(qualities - 0.5))]), f"alpha = {load:g}, {kind}: share recalled from quality 0.5"
            rows.append(at_least(label, recalled, 0.98, "inside of the basin") if held else Row(label, recalled, 0.0, None))
    title = f"N = {n}, {cued} patterns, {copies} copies each"
    ax.set(xlabel="quality $r$ of a copy: its mean overlap", ylabel="share recalled ($m$ > 0.9)", title=title)
    ax.legend(frameon=False, fontsize="x-small", loc="upper left", bbox_to_anchor=(1.0, 1.0))
    kinds = ["learned, tau' = 1000", "learned, tau' = 10000", "Hebb's"]
    shares = np.reshape(found, (len(loads), len(kinds), len(qualities)))
    shown = xr.DataArray(shares, {"load": list(loads), "J": kinds, "quality": qualities}, ("load", "J", "quality"), "share")
    save(ax, study.figures("retrieval"), "retrieval", shown)
    return rows
