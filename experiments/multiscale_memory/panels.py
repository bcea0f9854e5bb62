"""The static pictures of a run. A panel of one's own is a function (outcome, axes) in `PANELS`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import MaxNLocator

from experiments.multiscale_memory.outcome import Outcome
from experiments.multiscale_memory.pages import Missing, draw_all
from neurojax.multiscale import plot

SIZE = (5.2, 3.6)
NOT_RECORDED = "this kind of run does not record it"
NORM = r"$\|J - k H\|^2$"


def record(outcome: Outcome, name: str, why: str = NOT_RECORDED) -> xr.DataArray:
    """A trace, or the reason why there is none."""
    if name not in outcome.data:
        raise Missing(why)
    return outcome.trace(name)


def whole_ticks(*axes: Axis) -> None:
    """Ticks at whole numbers."""
    for axis in axes:
        axis.set_major_locator(MaxNLocator(integer=True, nbins=8))


def _distance(outcome: Outcome) -> xr.DataArray:
    """D; a run's first sample is J0 and stays in."""
    return record(outcome, "D")


def neural_activities(outcome: Outcome, ax: Axes) -> None:
    plot.plot_neurons(record(outcome, "s"), ax=ax)
    whole_ticks(ax.yaxis)
    ax.set_title("neural activities")


def external_fields(outcome: Outcome, ax: Axes) -> None:
    plot.plot_neurons(record(outcome, "field")[1:], label="$h_i$", ax=ax)  # before the first step nothing is shown
    whole_ticks(ax.yaxis)
    ax.set_title("external fields")


def overlaps(outcome: Outcome, ax: Axes) -> None:
    m = record(outcome, "m")
    if m.sizes["pattern"] <= 10 and m.sizes["time"] <= 400:
        plot.plot_overlaps(m, ax=ax)
        if ax.get_legend():
            ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize="x-small")
    else:
        bound = max(1.0, float(np.abs(m.values).max()))
        mesh = ax.pcolormesh(
            m["time"].values,
            np.arange(m.shape[1]) + 1,
            m.values.T,
            cmap="RdBu_r",
            vmin=-bound,
            vmax=bound,
            shading="nearest",
            rasterized=True,
        )
        ax.figure.colorbar(mesh, ax=ax, label=r"overlap $m_\mu$")
        ax.set(xlabel=plot.TIME, ylabel=r"pattern $\mu$")
        whole_ticks(ax.yaxis)
    ax.set_title("overlaps with the patterns")


def energy(outcome: Outcome, ax: Axes) -> None:
    plot.plot_energy(record(outcome, "energy")[1:], ax=ax)  # nothing is shown yet in the first sample
    ax.set_title("energy (Lyapunov function at held field)")


def seed_energy(outcome: Outcome, ax: Axes) -> None:
    plot.plot_energy(record(outcome, "seed_energy")[1:], label=r"$-\frac{1}{2} s^T J s - h \cdot s$", ax=ax)
    ax.set_title("energy as the seed has it")


def energy_landscape(outcome: Outcome, ax: Axes) -> None:
    """Energy of the final J, without field, over the plane of two patterns; the run's way in it."""
    if "J" not in outcome.data:
        raise Missing(NOT_RECORDED)
    J, (one, *rest) = outcome.data["J"].values, np.sign(outcome.targets)
    other = rest[0] if rest else np.where(np.arange(len(one)) % 2, one, -one)
    side = np.linspace(-1, 1, 61)
    x, y = np.meshgrid(side, side)
    states = np.clip(x[..., None] * one + y[..., None] * other, -1, 1)
    values = -0.5 * np.einsum("abi,ij,abj->ab", states, J, states, optimize=True) / len(one)
    filled = ax.contourf(side, side, values, 24, cmap="viridis")
    ax.figure.colorbar(filled, ax=ax, label="$-s^T J s / 2N$", format="%.2g")
    ax.set(xlabel=r"share of $\xi_1$", ylabel=r"share of $\xi_2$", aspect="equal", title="energy landscape of the final $J$")


def autocorrelation(outcome: Outcome, ax: Axes) -> None:
    """Of the mean activity, as the seed has it, and of D with its theory, both of `Outcome.settled`."""
    activity = record(outcome, "activity").values[outcome.settled]
    residuals = outcome.residuals.values[outcome.settled]
    spacing = float(np.diff(outcome.residuals["time"].values[:2])[0])
    left = outcome.expected.left
    span = int(np.ceil(5 / max(-np.log(left), 1e-9))) if 0 < left < 1 else 20
    lags = np.arange(max(2, min(len(residuals) // 3, max(span, 20))))
    ax.plot(lags * spacing, correlation(activity, len(lags)), lw=1, color="C1", label="mean activity")
    ax.plot(lags * spacing, correlation(residuals, len(lags)), lw=1, color="C0", label="$D$")
    ax.plot(lags * spacing, left**lags, "k--", lw=1.2, label="theory of $D$", gid="theory")
    ax.axhline(0, color="0.7", lw=0.8, zorder=0)
    ax.set(xlabel="lag (time)", ylabel="autocorrelation")
    ax.set_title(f"autocorrelation {outcome.of_what}", fontsize="medium")
    ax.legend(frameon=False, fontsize="small")


def correlation(values: np.ndarray, lags: int) -> np.ndarray:
    """Autocorrelation at lags 0 to lags - 1; NaN of what does not vary."""
    away = values - values.mean()
    size = float(np.mean(away**2))
    if size == 0:
        return np.full(lags, np.nan)
    return np.array([np.mean(away[lag:] * away[: len(away) - lag]) for lag in range(lags)]) / size


def stationarity(outcome: Outcome, ax: Axes) -> None:
    _distance(outcome)
    found = outcome.stationarity
    if isinstance(found, str):
        raise Missing(found)
    significance = float(outcome.setup.job.config["stationarity_analysis"]["significance"])
    ax.semilogy(found.ends, np.maximum(found.unit_root, 1e-12), "o-", ms=3, lw=1, label="of a unit root (ADF)")
    ax.semilogy(found.ends, found.level, "s-", ms=3, lw=1, label="of one level (KPSS, 0.01 to 0.1)")
    ax.axhline(significance, color="k", ls="--", lw=1, label=f"p = {significance:g}")
    if found.settled is not None:
        ax.axvline(found.settled, color="k", ls=":", lw=1, label=f"settled from sample {found.settled}")
    ax.set(xlabel="end of the window (samples)", ylabel="p", title="stationarity of $D$", ylim=(3e-13, 3))
    ax.legend(frameon=False, fontsize="x-small")


def synaptic_weights(outcome: Outcome, ax: Axes) -> None:
    plot.plot_couplings(_final(outcome) / outcome.k, ax=ax)
    whole_ticks(ax.xaxis, ax.yaxis)
    ax.set_title("final synaptic weights")


def synaptic_hebb_difference(outcome: Outcome, ax: Axes) -> None:
    plot.plot_couplings(_final(outcome) / outcome.k - outcome.hebb, label="$J_{ij} / k - H_{ij}$", ax=ax)
    whole_ticks(ax.xaxis, ax.yaxis)
    ax.set_title("difference to Hebb")


def _final(outcome: Outcome) -> np.ndarray:
    if "J" not in outcome.data:
        raise Missing(NOT_RECORDED)
    return outcome.data["J"].values


def synaptic_hebb_F_norm_difference(outcome: Outcome, ax: Axes) -> None:
    plot.plot_distance(_distance(outcome) * outcome.k**2, ax=ax)
    ax.set(ylabel=NORM, title="distance to $k H$")


def deltaFnorm2_k(outcome: Outcome, ax: Axes) -> None:
    plot.plot_distance(_distance(outcome), asymptote=outcome.expected.average, ax=ax)
    ax.set_title("distance to Hebb, its limit")


def deltaFnorm2_kt(outcome: Outcome, ax: Axes) -> None:
    distance, found, deviation = _distance(outcome), outcome.expected, outcome.deviation
    known = deviation if np.any(np.isfinite(deviation)) else None
    plot.plot_distance(distance, found.mean, known, asymptote=found.average, ax=ax)
    _clip(ax, outcome)
    ax.set_title("distance to Hebb" if found.holds else "distance to Hebb\n(theory of fast neurons in a strong field)", fontsize="medium")


def _clip(ax: Axes, outcome: Outcome) -> None:
    """Mean less deviation may reach zero, which a logarithmic scale would follow without end."""
    low = float(np.nanmin(outcome.trace("D").values))
    if low > 0:
        ax.set_ylim(bottom=max(0.1 * low, 0.5 * min(low, float(np.nanmin(outcome.expected.mean)), outcome.expected.average)))
    ax.legend(frameon=False, fontsize="small", loc="upper right")
    if outcome.setup.job.config["visualizations"]["log_X"]:
        ax.set_xscale("log")


def deltaFnorm2_kt_no_theoretical(outcome: Outcome, ax: Axes) -> None:
    plot.plot_distance(_distance(outcome), ax=ax)
    ax.set_title("distance to Hebb")


def deltaFnorm2_kt_residuals(outcome: Outcome, ax: Axes) -> None:
    _distance(outcome)
    known = outcome.deviation if np.any(np.isfinite(outcome.deviation)) else None
    plot.plot_residuals(outcome.residuals, known, ax=ax)
    ax.set_title("residuals")


def deltaFnorm2_kt_residuals_hist(outcome: Outcome, ax: Axes) -> None:
    _distance(outcome)
    values = outcome.residuals.values[outcome.settled]
    known = outcome.stationary_deviation if np.isfinite(outcome.stationary_deviation) and outcome.stationary_deviation > 0 else None
    if len(values) < 3 or np.ptp(values) == 0:
        raise Missing("residuals do not vary")
    plot.plot_residual_histogram(values, known, bins=int(outcome.setup.job.config["stationarity_analysis"]["bins"]), ax=ax)
    ax.set_title(f"residuals {outcome.of_what}, {ax.get_title()}", fontsize="medium")


def transients(outcome: Outcome, ax: Axes) -> None:
    """Theory's deviation with its exact and its approximate transient (`simulation.use_transients`)."""
    _distance(outcome)
    found, times = outcome.expected, outcome.trace("D")["time"].values
    if not np.any(np.isfinite(found.approximate)):
        raise Missing("no transient of the deviation in closed form")
    ax.plot(times, found.exact, "k--", lw=1.2, label="exact, this $J(0)$", gid="theory")
    ax.plot(times, found.approximate, color="C1", lw=1.2, label=r"approximate, $\sigma_\infty (1 - a^{2n})$")
    ax.axhline(found.deviation, color="0.5", lw=0.8, label=r"stationary, $\sigma_\infty$")
    ax.set(xlabel=plot.TIME, ylabel=r"$\sqrt{\mathrm{Var}\,D}$", title="deviation of $D$ in theory")
    ax.set_xlim(-0.02 * times[-1], min(times[-1], 1.5 * found.settled or times[-1]))
    ax.legend(frameon=False, fontsize="small")


def pattern_probabilities(outcome: Outcome, ax: Axes) -> None:
    found = outcome.inferred
    if found is None:
        raise Missing("the final couplings were not kept, or do not tell the patterns' weights apart")
    p = np.asarray(outcome.data["made.probabilities"], float)
    number = np.arange(1, len(p) + 1)
    ax.bar(number, found.probabilities, color="C0", alpha=0.5, label="inferred from $J$")
    ax.plot(number, p, "k_", ms=14, label="of the stream")
    top = 1.25 * float(max(p.max(), found.probabilities.max()))
    title = f"patterns' probabilities; {found.error:.2g} of $|J|$ unexplained"
    ax.set(xlabel=r"pattern $\mu$", ylabel=r"$p_\mu$", title=title, ylim=(0, top))
    whole_ticks(ax.xaxis)
    ax.legend(frameon=False, fontsize="small", loc="upper center", ncols=2)


def large_deviations(outcome: Outcome, ax: Axes) -> None:
    if "events.count" not in outcome.data:
        raise Missing("large_deviations_callback.activate=false")
    times = outcome.data["events.time"].values
    kept = np.isfinite(times)
    found = outcome.expected
    known = outcome.deviation if np.any(np.isfinite(outcome.deviation)) else None
    plot.plot_distance(_distance(outcome), found.mean, known, ax=ax)
    ax.plot(times[kept], np.interp(times[kept], outcome.trace("D")["time"], outcome.trace("D")), "v", color="C3", ms=6, label="events kept")
    _clip(ax, outcome)
    ax.set_title(f"large deviations: {int(outcome.data['events.count'])}, {int(kept.sum())} kept")


def similarities(outcome: Outcome, ax: Axes) -> None:
    """Of a memory of rows: cosine of every pattern with the row that is nearest to it at the end."""
    if "similarity" not in outcome.data:
        raise Missing("only of MemoryMatrixAssociativeMemory")
    values = outcome.data["similarity"]
    times = values[str(values.dims[0])].values
    for pattern, row in enumerate(values.values[-1].argmax(axis=0)):
        ax.plot(times, values.values[:, row, pattern], lw=1, label=rf"$\mu$ = {pattern + 1}, row {row + 1}")
    ax.set(xlabel=plot.TIME, ylabel="cosine", title="rows and their patterns", ylim=(-0.3, 1.05))
    ax.legend(frameon=False, fontsize="small", loc="lower right")


def transition_matrix(outcome: Outcome, ax: Axes) -> None:
    if "transitions" not in outcome.data:
        raise Missing("only of MemoryMatrixAssociativeMemory with tau_T")
    from neurojax.multiscale.sequences import by_pattern

    try:
        shown = by_pattern(outcome.data["transitions"].values, outcome.data["similarity"].values[-1])
    except ValueError as error:
        raise Missing(str(error)) from error
    image = ax.imshow(shown, vmin=0, vmax=1, cmap="viridis")
    ax.figure.colorbar(image, ax=ax, label="probability")
    ticks = np.arange(len(shown))
    ax.set(xticks=ticks, yticks=ticks, xticklabels=ticks + 1, yticklabels=ticks + 1)
    for (i, j), value in np.ndenumerate(shown):
        ax.text(j, i, f"{value:.2f}", ha="center", va="center", color="w" if value < 0.6 else "k", fontsize="small")
    ax.set(xlabel="next pattern", ylabel="pattern", title="transitions learned")


PANELS: dict[str, Callable[[Outcome, Axes], None]] = {
    one.__name__: one
    for one in (
        neural_activities,
        external_fields,
        overlaps,
        energy,
        seed_energy,
        energy_landscape,
        autocorrelation,
        stationarity,
        synaptic_weights,
        synaptic_hebb_difference,
        synaptic_hebb_F_norm_difference,
        deltaFnorm2_k,
        deltaFnorm2_kt,
        deltaFnorm2_kt_no_theoretical,
        deltaFnorm2_kt_residuals,
        deltaFnorm2_kt_residuals_hist,
        transients,
        pattern_probabilities,
        large_deviations,
        similarities,
        transition_matrix,
    )
}


def draw(outcome: Outcome, names: Sequence[str], folder: Path, title: str) -> tuple[list[str], dict[str, str]]:
    """Every panel as PDF and PNG, and all on one page, `selected_results`; the names drawn, and those that were not with the reason."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {name: lambda figure, place, name=name: PANELS[name](outcome, figure.add_subplot(*place)) for name in names}
    drawn, missing = draw_all(pictures, folder, "selected_results", SIZE, title)
    return list(drawn), missing
