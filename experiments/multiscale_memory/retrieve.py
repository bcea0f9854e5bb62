"""`python -m experiments.multiscale_memory.retrieve [dir=...]`: what a run's couplings, frozen, recall from noisy copies of patterns."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

import neurojax as nj
from experiments.multiscale_memory.checks import listed, number, whole, word
from experiments.multiscale_memory.composing import done, folder_asked_for
from experiments.multiscale_memory.outcome import targets_of
from experiments.multiscale_memory.places import FILE, jobs_below, stored_run
from experiments.multiscale_memory.tables import Table
from neurojax.multiscale import theory


def main(arguments: Sequence[str] | None = None) -> int:
    """0 done, 2 for a mistake in what was asked."""
    return done("retrieve", retrieve, arguments)


def run_folder(options: dict[str, Any]) -> Path:
    """The folder of a job: `dir`, or the single run `path` before the newest."""
    known = sorted({file.parents[1] for file in Path(options["root"]).glob("*/*/store/*.zarr")})
    folder = folder_asked_for(options, "run", known, "run python -m experiments.multiscale_memory first")
    if (folder / FILE).is_file():
        return folder
    if below := jobs_below(folder):
        shown = ", ".join(f"dir={one}" for one in below[:3]) + (", ..." if len(below) > 3 else "")
        raise ValueError(f"{folder}: holds {len(below)} jobs; give the folder of one: {shown}")
    raise FileNotFoundError(f"{folder}: holds no {FILE}; give the folder of a run that was made with save.enabled=true")


def learned(folder: Path) -> dict[str, Any]:
    """Final couplings, those of large deviations, Hebb's, and the patterns of a run: J by name, `patterns` (K, n)."""
    data, own = stored_run(folder)
    if "J" not in data:
        raise ValueError(f"{folder}: its run kept no couplings; give a run of model_class=default, of N^2 up to storage.Js_size")
    patterns = data["made.patterns"].values
    hebb = own["k"] * theory.hebbian(targets_of(patterns, own["beta"], own["u"], own["activation"]), data["made.probabilities"].values)
    found, called = {"final": data["J"].values, "hebb": np.asarray(hebb)}, {"final": "at the end", "hebb": "Hebb's"}
    if "events.snapshot" in data:
        times = data["events.time"].values
        found |= {f"event_{i}": data["events.snapshot"].values[i] for i in range(len(times)) if np.isfinite(times[i])}
        called |= {f"event_{i}": f"event {i}, D {data['events.value'].values[i]:+.1f} s.d." for i in range(len(times))}
    return {"couplings": found, "called": called, "patterns": patterns, "beta": own["beta"]}


def levels(options: dict[str, Any]) -> list[float]:
    """Overlaps of the copies, by what `noise` says the levels are."""
    flips = word("noise", options["noise"], ("quality", "flips")) == "flips"
    given = [number("noise_levels", one, 0 if flips else -1, 1) for one in listed(options["noise_levels"])]
    return [1 - 2 * one for one in given] if flips else given


def retrieve(options: dict[str, Any], out: Path) -> None:
    """Recall from every pattern asked for by every J asked for, into a folder."""
    qualities, copies = levels(options), whole("M", options["M"], 1)
    folder = run_folder(options)
    found = learned(folder)
    known, patterns = found["couplings"], found["patterns"]
    names = list(known) if options["couplings"] == "all" else listed(options["couplings"])
    for name in names:
        if name not in known:
            raise ValueError(f"couplings={options['couplings']}: the run has {', '.join(known)}")
    every = options["patterns"] == "all"
    which = list(range(len(patterns))) if every else [whole("patterns", one, 1) - 1 for one in listed(options["patterns"])]
    if any(one >= len(patterns) for one in which):
        raise ValueError(f"patterns={options['patterns']}: give all, or numbers from 1 to {len(patterns)}")
    model, simulation = options["model"], options["simulation"]
    beta = found["beta"] if model["beta"] is None else number("model.beta", model["beta"])
    settings: dict[str, Any] = {"copies": copies, "beta": beta, "tau_s": number("model.tau_s", model["tau_s"])}
    settings |= {"duration": number("simulation.T", simulation["T"]), "dt": number("simulation.dt", simulation["dt"])}
    parts = []
    for name in names:
        each = [nj.multiscale.retrieval(known[name], patterns, qualities, which=one, **settings) for one in which]
        parts.append(xr.concat(each, pd.Index([one + 1 for one in which], name="cued")))
    overlaps: Any = xr.concat(parts, pd.Index(names, name="couplings"))
    table = summary(overlaps)
    (data := out / "data").mkdir(parents=True, exist_ok=True)
    table.to_csv(data / "retrieval.csv", index=False)
    draw(table, found["called"], out / "static_vis", folder)
    print(f"{len(names)} couplings of {folder}, {len(which)} patterns, {copies} copies at each of {len(qualities)} levels")
    for name, own in table.groupby("couplings", sort=False):
        half = own.iloc[int(np.argmin(np.abs(own["quality"] - 0.5)))]
        shown = f"overlap {half['target']:.3f} ± {half['target_error']:.3f} from copies of overlap {half['quality']:g}"
        print(f"{found['called'][name]}: {shown}; with another pattern {half['other']:.3f}")
    print(f"outputs: {out}")


def summary(overlaps: xr.DataArray) -> Table:
    """Means over patterns and copies: overlap with the pattern that was cued, largest size of another's, each with its standard error."""
    cued = overlaps["cued"].values - 1
    target = xr.concat([overlaps.isel(cued=i, pattern=one, drop=True) for i, one in enumerate(cued)], "cued")
    others = [abs(overlaps.isel(cued=i)).drop_isel(pattern=int(one)) for i, one in enumerate(cued)]
    other = xr.concat([part.max("pattern") for part in others], "cued") if overlaps.sizes["pattern"] > 1 else 0 * target
    dims = ("cued", "copy")
    rows, root = [], np.sqrt(overlaps.sizes["cued"] * overlaps.sizes["copy"])
    for name in overlaps["couplings"].values:
        for quality in overlaps["quality"].values:
            at = {"couplings": name, "quality": quality}
            m, rest = target.sel(at), other.sel(at)
            row = {"target": float(m.mean(dims)), "target_error": float(m.std(dims)) / root, "recalled": float((m > 0.9).mean(dims))}
            rows.append(at | row | {"other": float(rest.mean(dims)), "other_error": float(rest.std(dims)) / root})
    return pd.DataFrame(rows)


def draw(table: Table, called: dict[str, str], folder: Path, run: Path) -> None:
    """Overlap at the end over that of the copies: with the pattern cued, and the largest with another."""
    folder.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(9.0, 3.8), layout="constrained")
    first, second = figure.subplots(1, 2)
    for place, (name, own) in enumerate(table.groupby("couplings", sort=False)):
        for ax, column in ((first, "target"), (second, "other")):
            ax.errorbar(
                own["quality"],
                own[column],
                own[f"{column}_error"],
                fmt="o-",
                color=f"C{place}",
                ms=3.5,
                lw=1,
                capsize=2,
                label=called[str(name)],
            )
    side = np.array([table["quality"].min(), table["quality"].max()])
    first.plot(side, side, color="0.6", lw=0.8, label="no better than the copy", zorder=0)
    first.set(xlabel="overlap of the copy, $r$", ylabel="overlap with the pattern cued", ylim=(-0.25, 1.1))
    second.set(xlabel="overlap of the copy, $r$", ylabel="largest overlap with another", ylim=(-0.05, 1.1))
    first.legend(frameon=False, fontsize="small")
    figure.suptitle(f"frozen couplings of {run}, mean ± s.e.", fontsize="medium")
    for kind in ("pdf", "png"):
        figure.savefig(folder / f"retrieval.{kind}", dpi=110)


if __name__ == "__main__":
    sys.exit(main())
