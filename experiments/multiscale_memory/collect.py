"""`python -m experiments.multiscale_memory.collect [path=1] [dir=...]`: a multirun in one table, its runs compared, and their scaling."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.multiscale_memory import comparisons, fluctuations, tables
from experiments.multiscale_memory.checks import flag, whole
from experiments.multiscale_memory.composing import done, folder_asked_for
from experiments.multiscale_memory.outputs import chosen
from experiments.multiscale_memory.tables import Table

PARAMETERS = ("N", "K", "beta", "k", "u", "tau_s", "tau_J", "tau_h", "rho", "pattern_distribution", "pattern_scale", "prob_distribution")
PARAMETERS += ("transitions", "noise", "activation", "method", "dtype", "model_class", "dt", "T", "seed")
NEEDED = ("time", "diff_normF2_k", "theoretical_y", "residuals")


def main(arguments: Sequence[str] | None = None) -> int:
    """0 done, 2 for a mistake in what was asked."""
    return done("collect", collect, arguments)


def multirun_folder(options: dict[str, Any]) -> Path:
    """The folder asked for: `dir`, or the multirun `path` before the newest by the names of its date and time."""
    known = sorted(file.parent for file in Path(options["root"]).glob("*/*/multirun.yaml"))
    return folder_asked_for(options, "multirun", known, "run python -m experiments.multiscale_memory model.K=5,10 --multirun first")


def statistics(folder: Path) -> Table:
    """The rows of all runs below a folder, in the order of their numbers; `run` is their path there."""
    files = sorted(folder.rglob("run_stats.csv"), key=lambda file: [(len(part), part) for part in file.relative_to(folder).parts])
    if not files:
        raise FileNotFoundError(f"{folder}: holds no run_stats.csv; its jobs have not finished, or ran with save.enabled=false")
    rows = [pd.read_csv(file).assign(run=str(file.parent.parent.relative_to(folder))) for file in files]
    return pd.concat(rows, ignore_index=True)


def labels(rows: Table) -> tuple[list[str], list[str]]:
    """Names of the parameters that vary, and what to call each run by their values."""
    varying = [name for name in PARAMETERS if name in rows and tables.varies(rows[name])]

    def one(row: Any) -> str:
        named = [f"{tables.SYMBOLS.get(name, name.replace('_', ' '))} = {_short(row[name])}" for name in varying]
        return ", ".join(named) or str(row["run"])

    return varying, [one(row) for _, row in rows.iterrows()]


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def series(folder: Path, rows: Table, name: str) -> Table:
    """The samples of all runs, one below the other."""
    parts = []
    for run in rows["run"]:
        files = sorted((folder / run).glob(f"*/{name}"))
        if not files:
            raise FileNotFoundError(f"csv_filename={name}: {folder / run} holds no such file")
        own = pd.read_csv(files[0])
        if lacking := [column for column in NEEDED if column not in own]:
            raise ValueError(f"{files[0]}: has no column {lacking[0]!r}; needs {', '.join(NEEDED)}")
        parts.append(own.assign(run=run))
    return pd.concat(parts, ignore_index=True)


def collect(options: dict[str, Any], out: Path) -> None:
    """Tables and pictures of a multirun into a folder."""
    static = chosen("visualizations.static", options["visualizations"]["static"], comparisons.COMPARISONS)
    fluct = chosen("visualizations.fluct", options["visualizations"]["fluct"], fluctuations.PLOTS)
    whole("max_runs_to_process", options["max_runs_to_process"], 0)
    for name in ("recompute_theoretical_std", "show_theoretical", "log_scale", "merge_tex"):
        flag(name, options[name])
    for group in ("errorbars", "fit3d"):
        for name, value in options["visualizations"][group].items():
            flag(f"visualizations.{group}.{name}", value)
    folder, rows = _rows(options)
    (data := out / "data").mkdir(parents=True, exist_ok=True)
    (pictures := out / "static_vis").mkdir(parents=True, exist_ok=True)
    rows.to_csv(data / "combined_run_stats.csv", index=False)
    if options["merge_tex"]:
        (data / "combined_table.tex").write_text(tables.latex(rows))
    print(f"{len(rows)} runs of {folder or options['combined_stats_path']}")
    if "residuals_variance" not in rows:
        print(f"left out: all pictures: these runs have no D\noutputs: {out}")
        return
    rows = rows[rows["residuals_variance"].notna()]
    missing = _compare(options, folder, rows, static, data, pictures) if folder is not None and static else {}
    drawn, lacking, fits = fluctuations.draw(rows, fluct, options, pictures)
    if len(fits):
        fits.to_csv(data / "scaling_fits.csv", index=False)
    print(f"fluctuation analysis: {', '.join(drawn) or 'nothing'}")
    asked = options["visualizations"]["fluct"] != "all"
    for name, why in missing.items() | (lacking.items() if asked or not drawn else set()):
        print(f"left out: {name}: {why}")
    if lacking and drawn and not asked:
        print(f"left out, since what they are drawn over does not vary: {', '.join(lacking)}")
    print(f"outputs: {out}")


def _rows(options: dict[str, Any]) -> tuple[Path | None, Table]:
    """The statistics asked for, and the multirun they are of, None for a file of them."""
    given = options["combined_stats_path"]
    folder = None if given is not None else multirun_folder(options)
    rows = _table("combined_stats_path", given) if folder is None else statistics(folder)
    if options["append_combined_stats_path"] is not None:
        rows = pd.concat([rows, _table("append_combined_stats_path", options["append_combined_stats_path"])], ignore_index=True)
    return folder, fluctuations.with_typical(rows) if options["recompute_theoretical_std"] else rows


def _table(name: str, path: Any) -> Table:
    if not Path(path).is_file():
        raise FileNotFoundError(f"{name}={path}: there is no such file (now in {Path.cwd()})")
    rows = pd.read_csv(path)
    for column in ("N", "K", "tau_J", "rho", "residuals_variance"):
        if column not in rows:
            raise ValueError(f"{name}={path}: has no column {column!r}; give a combined_run_stats.csv of an earlier collection")
    return rows


def _compare(options: dict[str, Any], folder: Path, rows: Table, names: Sequence[str], data: Path, pictures: Path) -> dict[str, str]:
    """The samples of all runs as one file, and the runs beside each other, unless there are too many."""
    most = options["max_runs_to_process"]
    if len(rows) > most:
        print(f"left out: comparisons of single runs, {len(rows)} runs, max_runs_to_process={most}: {', '.join(names)}")
        return {}
    own = rows[[(folder / run).is_dir() for run in rows["run"]]]
    together = series(folder, own, options["csv_filename"])
    varying, called = labels(own)
    together.to_csv(data / f"cdata_{'-'.join(varying) or 'runs'}.csv", index=False)
    drawn, missing = comparisons.draw(comparisons.Compared(together, own, called, options), names, pictures)
    print(f"comparisons: {', '.join(drawn)}")
    return missing


if __name__ == "__main__":
    sys.exit(main())
