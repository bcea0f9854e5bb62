"""The memory of rows: its pace, the transitions that it learns, what it replays, what it recalls from noisy cues."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from scipy.special import erf
from scipy.stats import norm

import neurojax as nj
from experiments.multiscale_memory.physics.common import DOUBLE, THEORY, at_least, at_most, lanes
from experiments.study import Study
from experiments.table import Row, mean_and_error
from neurojax.multiscale import measures, plot, theory
from neurojax.multiscale.measures import similarities
from neurojax.multiscale.sequences import by_pattern
from neurojax.sweep.plot import save

N = 64
HADAMARD = np.array([[(-1.0) ** (i & j).bit_count() for i in range(N)] for j in range(N)])
SIGNS = HADAMARD[[1, 7, 18, 33, 43, 52, 27, 61]]  # orthogonal, so that no row wins another's pattern
FLIPPED = SIGNS.copy()
FLIPPED[:, :20] *= -1  # rows that begin with a cosine of 24/64 to their pattern
CHAIN = np.array([[0.1, 0.8, 0.1, 0.0], [0.0, 0.2, 0.7, 0.1], [0.3, 0.0, 0.1, 0.6], [0.7, 0.1, 0.0, 0.2]])


def sequences(study: Study) -> list[Row]:
    """Pace, transitions, replay and recall."""
    figure = Figure(figsize=(10.5, 7.0), layout="constrained")
    axes = figure.subplots(2, 2).ravel()
    rows = [*_pace(study, axes[0]), *_transitions(study, axes[1]), *_replay(study, axes[2]), *_recall(study, axes[3])]
    shown = xr.DataArray([row.measured for row in rows], {"row": [row.quantity for row in rows]}, ("row",), "measured")
    save(axes[0], study.figures("sequences"), "sequences", shown)
    return rows


def _pace(study: Study, ax: Any) -> list[Row]:
    """`cos = [e c + 1 - e] / sqrt(e^2 + (1 - e)^2 + 2 e (1 - e) c)`: of a pattern that is held, exactly; of a stream on average."""
    model = nj.PatternMatrix(N, nj.Stream(SIGNS[:1]), tau_s=0.01, tau_Xi=250.0, rows0=FLIPPED[:1])
    found = nj.simulate(model, steps=1000, dt=1.0, record={"c": nj.Trace(similarities)}, options=DOUBLE).records["c"][:, 0, 0]
    wanted = theory.row_similarity(np.arange(1000.0), 250.0, 24 / N)
    rows = [
        at_most(
            "pattern held, tau_Xi = 250: cosine against its closed form, largest difference", np.abs(found - wanted).max(), 1e-9, THEORY
        )
    ]
    p, every = np.array([0.4, 0.3, 0.2, 0.1]), 20
    model = nj.PatternMatrix(N, nj.Stream(SIGNS[:4], p), tau_s=0.01, tau_Xi=250.0, rows0=FLIPPED[:4])
    record, steps, seeds = {"c": nj.Trace(similarities, every=every)}, 2000, study.pick(200, 30)
    clear = lanes(study, "pace", model, seeds, steps, record)["c"].values
    noisy = nj.PatternMatrix(N, nj.Stream(SIGNS[:4], p, noise=0.4), tau_s=0.01, tau_Xi=250.0, u=2.0, rows0=FLIPPED[:4])
    blurred = lanes(study, "pace_noise", noisy, seeds, steps, record)["c"].values
    time = np.arange(0, steps, every)
    for mu in range(4):
        wanted = theory.row_similarity(time, 250.0 / p[mu], 24 / N)
        own = clear[:, :, mu, mu]
        ax.plot(time, own.mean(0), color=f"C{mu}", lw=1.2, label=rf"$p_\mu$ = {p[mu]:g}")
        ax.fill_between(time, *np.quantile(own, (0.05, 0.95), axis=0), color=f"C{mu}", alpha=0.2, lw=0)
        ax.plot(time, blurred[:, :, mu, mu].mean(0), ":", color=f"C{mu}", lw=1.2)
        ax.plot(time, wanted, "k--", lw=1)
        # Patterns are shown for times that vary from run to run, and the closed form bends over them.
        label = f"stream, p = {p[mu]:g}: mean cosine against tau_Xi / p, largest difference over time"
        rows.append(at_most(label, np.abs(own.mean(0) - wanted).max(), 0.02, THEORY))
    ax.plot([], [], "k--", lw=1, label=r"closed form, $\tau_\Xi / p_\mu$")
    ax.plot([], [], "k:", lw=1, label="with noise of 0.4 in the field")
    ax.set(xlabel="time $t$", ylabel="cosine of row and pattern", title=rf"$\tau_\Xi$ = 250, {seeds} seeds, band: 90 %")
    ax.legend(frameon=False, fontsize="x-small")
    return rows


def _transitions(study: Study, ax: Any) -> list[Row]:
    """Patterns that follow each other by a chain: T tends to it."""
    stream, tau_T = nj.Stream(SIGNS[:4], tau_h=3.0, transitions=CHAIN), 600.0
    model = nj.PatternMatrix(N, stream, tau_s=0.01, tau_T=tau_T, delay=3, rows0=SIGNS[[2, 0, 3, 1]])
    record = {"c": nj.Last(similarities), "T": nj.Last(_learned)}
    data = lanes(study, "transitions", model, study.pick(16, 2), study.pick(30_000, 8000), record)
    learned = np.stack([by_pattern(T, c) for T, c in zip(data["T"].values, data["c"].values, strict=True)])
    mesh = ax.imshow(learned.mean(0), cmap="viridis", vmin=0, vmax=0.8)
    for m in range(4):
        for n in range(4):
            ax.text(
                n,
                m,
                f"{learned.mean(0)[m, n]:.2f}\n({CHAIN[m, n]:.1f})",
                ha="center",
                va="center",
                color="k" if CHAIN[m, n] > 0.5 else "w",
                fontsize="small",
            )
    ax.figure.colorbar(mesh, ax=ax, label="learned transition probability")
    ax.set(xlabel=r"to pattern $\nu$", ylabel=r"from pattern $\mu$", title="learned (given)")
    ax.set_xticks(range(4), range(1, 5))
    ax.set_yticks(range(4), range(1, 5))
    # A visit moves its row by 3/600 and rows are visited in turn: weights whose squares sum to 3/1200.
    bound = 4 * np.sqrt(0.25 * 3 / (2 * tau_T))
    return [
        at_most(
            "learned transitions against the chain: largest of 16 differences, worst run",
            np.abs(learned - CHAIN).max(),
            bound,
            "4 deviations",
        ),
        at_most("the same: of the mean over runs", np.abs(learned.mean(0) - CHAIN).max(), bound / np.sqrt(len(learned)), "4 deviations"),
    ]


def _learned(view: Any) -> Any:
    """T."""
    return view.state.transitions


def _replay(study: Study, ax: Any) -> list[Row]:
    """Six patterns in a cycle, 8 steps each, learned; then without a field."""
    count, period, learning, alone = 6, 8, 2400, 192
    stream = nj.Stream(SIGNS[:count], tau_h=float(period), transitions=nj.Cyclic())
    model = nj.PatternMatrix(N, stream, u=20.0, recall=20.0, tau_s=0.5, tau_Xi=20.0, tau_T=50.0, delay=period, rows0=0.2 * FLIPPED[:count])
    schedule = nj.Schedule({"shown": float(learning), "alone": nj.Phase(float(alone), {"u": 0.0, "tau_Xi": np.inf, "tau_T": np.inf})})
    record = {"m": nj.Trace(measures.overlaps), "shown": nj.Trace(measures.shown)}
    run = nj.simulate(model, duration=schedule, dt=1.0, record=record)
    m, shown = np.asarray(run.records["m"]), np.asarray(run.records["shown"])
    winner = np.argmax(m, axis=1)
    after = winner[learning + 4 :]
    rows = [
        at_least(
            "while it is shown, last 480 steps: share of steps with the pattern's overlap largest",
            np.mean(winner[learning - 480 : learning] == shown[learning - 480 : learning]),
            1.0,
            "it is shown",
        ),
        at_least(
            f"alone: share of {alone - 4 - period} steps that follow what was replayed {period} steps before",
            np.mean(after[period:] == (after[:-period] + 1) % count),
            1.0,
            "the cycle that was shown",
        ),
        at_least("alone: smallest of the largest overlaps", m[learning + 8 :].max(1).min(), 0.5, "one pattern is recalled"),
        Row(
            "alone: steps from pattern to pattern",
            float(np.diff(np.flatnonzero(np.diff(after))).mean()),
            0.0,
            float(period),
            0.0,
            "shown at this pace",
        ),
    ]
    window = slice(learning - 2 * count * period, learning + 2 * count * period)
    trace = xr.DataArray(m[window], {"time": np.arange(len(m))[window]}, ("time", "pattern"))
    plot.plot_overlaps(trace, ax=ax)
    ax.axvline(learning, color="k", lw=1)
    ax.set(title="left: shown; right: replayed without a field", ylim=(-0.7, 1.05))
    return rows


def _recall(study: Study, ax: Any) -> list[Row]:
    """A pattern in Gaussian noise is shown for 3 steps to neurons that recall nothing, then nothing is shown: the rows complete it."""
    noise = np.array(study.pick([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0], [0.5, 2.0, 8.0]))
    stream = nj.Stream(SIGNS, tau_h=np.inf, noise=0.0)
    model = nj.PatternMatrix(N, stream, u=20.0, tau_s=0.2, tau_Xi=np.inf, rows0=SIGNS)
    schedule = nj.Schedule({"cue": 3.0, "alone": nj.Phase(20.0, {"u": 0.0, "recall": 20.0})})
    record = {name: nj.At(one, (3.0, 20.0)) for name, one in {"m": measures.overlaps, "which": measures.shown}.items()}
    data = study.sweep("recall", model, {"stream.noise": noise}, seeds=study.pick(1000, 60), duration=schedule, dt=1.0, record=record)
    m, which = data["m"].transpose("stream.noise", "seed", ...).values, data["which"].transpose("stream.noise", "seed", ...).values
    own = np.take_along_axis(m, which[..., :1, None], axis=3)[..., 0]  # (noise, seed, time)
    cue, success = own[..., 0], own[..., 1] > 0.9
    with np.errstate(divide="ignore"):
        quality = erf(1 / (np.sqrt(2) * noise))
    wanted = [nearest(one, len(SIGNS)) for one in quality]
    ax.errorbar(noise, cue.mean(1), cue.std(1), fmt="o", ms=4, capsize=2, label="cue: overlap, ± s.d.")
    ax.plot(noise, quality, "k:", lw=1, label=r"$\mathrm{erf}(1/\sqrt{2}\sigma)$")
    ax.plot(noise, success.mean(1), "s", ms=4, color="C2", label="share recalled ($m$ > 0.9)")
    ax.plot(noise, wanted, "k--", lw=1, label="its own overlap is the largest")
    ax.axhline(1 / len(SIGNS), color="0.6", lw=0.8, label="chance")
    ax.set(xlabel=r"noise $\sigma$ of the cue", title=f"{len(SIGNS)} patterns, N = {N}, {cue.shape[1]} seeds")
    ax.legend(frameon=False, fontsize="x-small")
    rows = [at_least("noise of 0.5: share recalled", success[noise == 0.5].mean(), 1.0, "the cue's overlap is 0.95")]
    for i in np.flatnonzero(noise >= 2.0):
        said = f"noise of {noise[i]:g}"
        rows.append(Row(f"{said}: overlap of the cue", *mean_and_error(cue[i]), float(quality[i]), 0.0, "erf(1 / sqrt(2) sigma): signs"))
        # Overlaps are multiples of 2/64, so that some tie.
        rows.append(Row(f"{said}: share recalled", *mean_and_error(success[i]), wanted[i], 0.03, "its own overlap is the largest"))
    return rows


def nearest(quality: float, count: int) -> float:
    """Probability that of `count` normal overlaps the one of mean `quality` is the largest; variances (1 - quality^2) / N and 1 / N."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    own = quality + np.sqrt((1 - quality**2) / N) * nodes
    return float(weights @ norm.cdf(own * np.sqrt(N)) ** (count - 1) / weights.sum())
