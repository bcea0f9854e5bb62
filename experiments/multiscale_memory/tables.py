"""The files of numbers: the series of a run, its parameters and statistics, and both as a LaTeX table (booktabs)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.multiscale_memory.expected import transition_matrix
from experiments.multiscale_memory.outcome import Outcome

Table = Any  # a pandas.DataFrame, whose types a checker does not follow

SYMBOLS = {
    "N": "$N$",
    "K": "$K$",
    "alpha": r"$\alpha$",
    "beta": r"$\beta$",
    "k": "$k$",
    "u": "$u$",
    "tau_s": r"$\tau_s$",
    "tau_J": r"$\tau_J$",
    "tau_h": r"$\tau_h$",
    "rho": r"$\rho$",
    "pattern_distribution": "patterns",
    "pattern_scale": "scale",
    "prob_distribution": r"$p_\mu$",
    "noise": "noise",
    "T": "$T$",
    "dt": r"$\Delta t$",
    "D_mean": r"$\langle D \rangle$",
    "theoretical_mean": r"$\mathbb{E}\,D$",
    "residuals_variance": r"$\mathrm{Var}\,D$",
    "residuals_std": r"$\sigma_D$",
    "residuals_std_error": r"$\pm$",
    "theoretical_std": r"$\sigma_D$ (theory)",
}
IN_TABLE = (
    "N",
    "K",
    "beta",
    "k",
    "u",
    "tau_s",
    "tau_J",
    "tau_h",
    "rho",
    "pattern_distribution",
    "pattern_scale",
    "prob_distribution",
    "transitions",
    "noise",
    "activation",
    "method",
    "dt",
    "T",
    "seed",
    "D_mean",
    "theoretical_mean",
    "residuals_std",
    "theoretical_std",
)
ESCAPES = {"\\": r"\textbackslash{}", **{mark: f"\\{mark}" for mark in "_%&#${}"}, "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def series(outcome: Outcome) -> Table:
    """D and energies with their theory, one row for each sample, every digit."""
    if "D" not in outcome.data:
        return pd.DataFrame({"time": outcome.trace("m")["time"].values} | _columns(outcome.trace("m").values, "overlap"))
    distance, found = outcome.trace("D"), outcome.expected
    columns = {
        "time": distance["time"].values,
        "diff_normF2": distance.values * outcome.k**2,
        "diff_normF2_k": distance.values,
        "horizontal_line_y": np.full(len(distance), found.average),
        "theoretical_y": found.mean,
        "theoretical_std": outcome.deviation,
        "residuals": outcome.residuals.values,
    }
    for name, column in (("energy", "energies"), ("seed_energy", "seed_energies")):
        if name in outcome.data:
            columns[column] = outcome.trace(name).values
    return pd.DataFrame(columns)


def _columns(values: np.ndarray, name: str) -> dict[str, np.ndarray]:
    return {f"{name}_{i + 1}": column for i, column in enumerate(values.T)}


def parameters(outcome: Outcome) -> dict[str, Any]:
    """What the run was asked to be."""
    model, config = outcome.setup.model, outcome.setup.job.config
    own = {name: _plain(value) for name, value in config["model"].items() if name not in ("s0", "J0")}
    count = model.stream.count(model.n)
    own |= {"N": model.n, "K": count, "alpha": count / model.n}
    if "MemoryMatrix" not in outcome.setup.kind:
        own["k"] = outcome.k
        own = {
            name: value for name, value in own.items() if name not in ("rows", "beta_Xi", "tau_Xi", "tau_T", "recall", "delay_transition")
        }
    simulation = {name: config["simulation"][name] for name in ("T", "dt", "seed", "method", "dtype")}
    return {"name": config["name"], "model_class": outcome.setup.kind, **own, **simulation}


def _plain(value: Any) -> Any:
    return value if not isinstance(value, Mapping | list) else str(value)


def statistics(outcome: Outcome) -> dict[str, Any]:
    """What came out: D past its transient against theory, whether the field was followed, what J tells of the patterns."""
    found: dict[str, Any] = {"status": int(outcome.data["status"])}
    if "D" not in outcome.data:
        return found | _learned(outcome)
    what, theory = outcome.fluctuations, outcome.expected
    difference = np.nanmax(np.abs(theory.exact - theory.approximate)) if np.any(np.isfinite(theory.approximate)) else np.nan
    found |= {
        "samples": what.samples,
        "independent": what.samples / theory.correlation_samples(),
        "settled": theory.settled,
        "D_mean": what.mean,
        "D_mean_error": what.mean_error,
        "theoretical_mean": float(np.mean(theory.mean[outcome.settled])),
        "residuals_mean": what.offset,
        "residuals_variance": what.variance,
        "residuals_variance_error": what.variance_error,
        "residuals_std": what.deviation,
        "residuals_std_error": what.deviation_error,
        "theoretical_std": outcome.stationary_deviation,
        "transients_difference": difference / theory.deviation if theory.deviation else np.nan,
        "locked": float(outcome.data["locked"]),
        "theory_holds": theory.holds,
        "theory_note": theory.note,
    }
    if "tracking" in outcome.data:
        found["tracking"] = float(outcome.data["tracking"])
    if outcome.inferred is not None:
        p = np.asarray(outcome.data["made.probabilities"], float)
        found |= {
            "inferred_probabilities_error": float(np.abs(outcome.inferred.probabilities - p).max()),
            "reconstruction_error": outcome.inferred.error,
        }
    if "events.count" in outcome.data:
        found["large_deviations"] = int(outcome.data["events.count"])
    if outcome.setup.detail and not isinstance(outcome.stationarity, str):  # seconds for many jobs
        found["stationary_from_sample"] = outcome.stationarity.settled
    return found


def _learned(outcome: Outcome) -> dict[str, Any]:
    """Of a memory of rows: the cosine of every pattern with its nearest row, and its transitions against the stream's."""
    from neurojax.multiscale.sequences import by_pattern

    similarity = outcome.data["similarity"].values[-1]
    found = {"similarity": float(similarity.max(axis=0).mean())}
    if "transitions" in outcome.data:
        p = np.asarray(outcome.data["made.probabilities"], float)
        given = transition_matrix(outcome.setup.model.stream, p)
        true = np.tile(p, (len(p), 1)) if given is None else given
        try:
            learned = by_pattern(outcome.data["transitions"].values, similarity)
        except ValueError:
            return found | {"transitions_error": np.nan}
        found["transitions_error"] = float(np.abs(learned - true).max())
    return found


def latex(rows: Table) -> str:
    """A booktabs table: columns of `IN_TABLE` that differ, or all that say something if none does; what rows share stands in a comment."""
    shown = [name for name in IN_TABLE if name in rows and not (rows[name].isna().all() or set(rows[name]) <= {"none"})]
    varying = [name for name in shown if varies(rows[name])] or shown
    shared = [name for name in shown if name not in varying]
    head = " & ".join(SYMBOLS.get(name, escape(name)) for name in varying)
    lines = [r"% needs \usepackage{booktabs}"]
    if shared:
        lines.append("% in all rows: " + ", ".join(f"{name} = {rows[name].iloc[0]}" for name in shared))
    lines += [rf"\begin{{tabular}}{{{'r' * len(varying)}}}", r"\toprule", rf"{head} \\", r"\midrule"]
    lines += [" & ".join(cell(row[name]) for name in varying) + r" \\" for _, row in rows.iterrows()]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def varies(column: Any) -> bool:
    """Whether a column has more than one value; no number is one, too."""
    return len({str(value) for value in column}) > 1


def cell(value: Any) -> str:
    """A number with four digits in mathematics, all else as text."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        return escape(str(value))
    if not np.isfinite(value):
        return r"$\infty$" if value == np.inf else "--"
    text = f"{value:.4g}"
    mantissa, mark, exponent = text.partition("e")
    return f"${mantissa} \\cdot 10^{{{int(exponent)}}}$" if mark else f"${text}$"


def escape(text: str) -> str:
    """Text that LaTeX sets as it stands."""
    return "".join(ESCAPES.get(mark, mark) for mark in text)


def write(outcome: Outcome, folder: Path) -> dict[str, Any]:
    """The three files of a run, and its patterns' probabilities; the row of its statistics."""
    folder.mkdir(parents=True, exist_ok=True)
    series(outcome).to_csv(folder / "simulation_dict.csv", index=False)
    row = parameters(outcome) | statistics(outcome)
    table = pd.DataFrame([row])
    table.to_csv(folder / "run_stats.csv", index=False)
    (folder / "latex_table.tex").write_text(latex(table))
    if "D" in outcome.data:
        table = {"time": outcome.trace("D")["time"].values, "D": outcome.trace("D").values, "theory": outcome.expected.mean}
        pd.DataFrame(table).to_csv(folder / "synaptic_hebb_normF_difference_th_k.csv", index=False)
    if outcome.inferred is not None:
        p = np.asarray(outcome.data["made.probabilities"], float)
        columns = {"probability": p, "inferred": outcome.inferred.probabilities, "weight": outcome.inferred.weights}
        pd.DataFrame(columns, index=pd.Index(range(1, len(p) + 1), name="pattern")).to_csv(folder / "pattern_probabilities.csv")
    if "events.count" in outcome.data:
        _events(outcome, folder)
    return row


def _events(outcome: Outcome, folder: Path) -> None:
    """The large deviations that were kept, and their couplings as a NumPy file."""
    times = outcome.data["events.time"].values
    kept = np.isfinite(times)
    values = outcome.data["events.value"].values[kept]
    pd.DataFrame({"time": times[kept], "deviation": values}).to_csv(folder / "large_deviations.csv", index_label="event")
    if "events.snapshot" in outcome.data:
        snapshots = outcome.data["events.snapshot"].values[kept]
        np.savez_compressed(
            folder / "large_deviations.npz", time=times[kept], deviation=values, J=snapshots, patterns=outcome.data["made.patterns"].values
        )
