"""Correlated and graded patterns, uneven probabilities: D of the whole network, each run against the theory of its own patterns."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import neurojax as nj
from experiments.multiscale_memory.physics.common import THEORY, at_most, four_sigma, stationary
from experiments.study import Study
from experiments.table import Row, mean_and_error
from neurojax.multiscale import measures
from neurojax.sweep.plot import save

N, K, TAU_J = 40, 6, 20.0
RHO = "stream.patterns.correlation"
STRONG: dict[str, Any] = {"beta": 1.0, "u": 200.0}  # signs
GRADED: dict[str, Any] = {"beta": 1e-6, "u": 1e6, "k": 1.0}  # S = tanh(xi), which the couplings cannot move


def swept(study: Study) -> dict[str, tuple[str, np.ndarray, nj.Stream, dict[str, Any]]]:
    """Axis, its values, stream and gains of each family."""
    rho = np.array(study.pick([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], [0.0, 0.4, 0.8]))
    return {
        "signs": (RHO, rho, nj.Stream(nj.RademacherPatterns(K)), STRONG),
        "Gaussian": (RHO, rho, nj.Stream(nj.GaussianPatterns(K)), GRADED),
        "uniform": (RHO, rho, nj.Stream(nj.UniformPatterns(K)), GRADED),
        "Zipf": ("stream.probabilities.exponent", rho * 2.5, nj.Stream(nj.RademacherPatterns(K), nj.Zipf()), STRONG),
        "Dirichlet": (
            "stream.probabilities.concentration",
            0.2 * 2.0 ** (10 * rho),
            nj.Stream(nj.RademacherPatterns(K), nj.Dirichlet()),
            STRONG,
        ),
    }


def correlated(study: Study) -> list[Row]:
    """Means and deviations of D over each axis."""
    rows, curves = [], {}
    for name, (axis, values, stream, gains) in swept(study).items():
        model = nj.Multiscale(N, stream, tau_J=TAU_J, tally=True, **gains)
        record = {
            "D": nj.Mean(measures.distance, warmup=200.0),
            "V": nj.Variance(measures.distance, warmup=200.0),
            "E": nj.Last(stationary),
        }
        data = study.sweep(
            f"of_{name}", model, {axis: values}, seeds=study.pick(64, 16), steps=study.pick(4000, 1000), dt=1.0, record=record
        )
        D, V = (data[one].transpose(axis, "seed").values.astype(float) for one in ("D", "V"))
        E = data["E"].transpose(axis, "seed", ...).values.astype(float)
        off = D - E[..., 0]  # of each run from its own theory
        error = off.std(1, ddof=1) / np.sqrt(off.shape[1])
        curves[name] = (axis, values, D.mean(1), E[..., 0].mean(1), np.sqrt(V).mean(1), E[..., 1].mean(1), off.shape[1])
        rows.append(
            at_most(
                f"{name}: largest difference of D over {axis.split('.')[-1]}, in standard errors",
                np.abs(off.mean(1) / error).max(),
                4.0,
                THEORY,
            )
        )
        for i in (0, len(values) // 2, len(values) - 1):
            label = f"{name}, {axis.split('.')[-1]} = {values[i]:.3g}: D"
            rows.append(four_sigma(label, D[i].mean(), error[i], E[i, :, 0].mean()))
        # A run's own variance lacks that of its mean: a share of the autocorrelation time over its length.
        lacking = (1 + 0.95**2) / (1 - 0.95**2) / study.pick(3800, 800)
        ratio = V / E[..., 1] ** 2
        for i in (0, len(values) - 1):
            label = f"{name}, {axis.split('.')[-1]} = {values[i]:.3g}: variance of D over theory's"
            rows.append(four_sigma(label, *mean_and_error(ratio[i]), 1 - lacking, bias=0.005))
    sd = curves["signs"]
    for i in (len(sd[1]) // 2, len(sd[1]) - 1):
        label = f"signs, correlation = {sd[1][i]:.3g}: deviation over that at 0"
        rows.append(Row(label, sd[4][i] / sd[4][0], 0.0, 1 - sd[1][i] ** 2, 0.1, "1 - rho^2, to leading order"))
    _draw(study, curves)
    return rows


def _draw(study: Study, curves: dict[str, Any]) -> None:
    figure = Figure(figsize=(10.5, 3.5), layout="constrained")
    axes = figure.subplots(1, 3)
    where = {"signs": 0, "Gaussian": 0, "uniform": 0, "Zipf": 1, "Dirichlet": 2}
    said = (r"correlation $\rho$", "exponent of Zipf's law", "concentration of the Dirichlet law")
    for k, (name, (_, values, D, mean, sd, deviation, _)) in enumerate(curves.items()):
        ax = axes[where[name]]
        ax.plot(values, D, "o", ms=4, color=f"C{k}", label=name)
        ax.plot(values, mean, "k--", lw=1)
        ax.plot(values, sd, "s", ms=4, mfc="w", color=f"C{k}")
        ax.plot(values, deviation, "k:", lw=1)
    for ax, label in zip(axes, said, strict=True):
        ax.set(xlabel=label, ylabel="$D$", yscale="log" if ax is axes[0] else "linear")
        ax.set_ylim(bottom=1e-4 if ax is axes[0] else 0)
        ax.legend(frameon=False, fontsize="x-small", loc="lower left", title="filled: mean, open: deviation", title_fontsize="x-small")
    axes[2].set_xscale("log")
    axes[0].set_title(f"N = {N}, K = {K}, tau' = {TAU_J:g}, {curves['signs'][6]} seeds; lines: closed form", fontsize="small")
    table = np.stack([np.stack(one[2:6]) for one in curves.values()])
    coordinates = {"family": list(curves), "what": ["D", "theory", "deviation", "theory deviation"]}
    save(axes[0], study.figures("correlated"), "correlated", xr.DataArray(table, coordinates, ("family", "what", "place"), "D"))
