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
from omegaconf import OmegaConf

import neurojax as nj
from experiments.multiscale_memory.composing import done, folder_asked_for
from experiments.multiscale_memory.tables import Table
from neurojax.multiscale import theory


def main(arguments: Sequence[str] | None = None) -> int:
    """0 done, 2 for a mistake in what was asked."""
    return done("retrieve", retrieve, arguments)


def run_folder(options: dict[str, Any]) -> Path:
    """The folder of a single run: `dir`, or the run `path` before the newest."""
    known = sorted(file.parents[1] for file in Path(options["root"]).glob("*/*/store/*.zarr"))
    folder = folder_asked_for(options, "run", known, "run python -m experiments.multiscale_memory first")
    if not (folder / "store" / "0.zarr").is_dir():
        raise FileNotFoundError(f"{folder}: holds no store/0.zarr; give the folder of a run that was made with save.enabled=true")
    return folder


def learned(folder: Path) -> dict[str, Any]:
    """Final couplings, those of large deviations, Hebb's, and the patterns of a run: J by name, `patterns` (K, n)."""
    data = nj.load(folder / "store" / "0.zarr").isel(job=0, seed=0)
    if "J" not in data:
        raise ValueError(f"{folder}: its run kept no couplings; give a run of model_class=default")
    config: Any = OmegaConf.load(folder / ".hydra" / "config.yaml")
    model = config.model
    k = float(np.tanh(model.beta)) if model.k is None else float(model.k)
    patterns = data["made.patterns"].values
    hebb = k * theory.hebbian(theory.saturated(patterns, float(model.beta), float(model.u)), data["made.probabilities"].values)
    found, called = {"final": data["J"].values, "hebb": np.asarray(hebb)}, {"final": "at the end", "hebb": "Hebb's"}
    if "events.snapshot" in data:
        times = data["events.time"].values
        found |= {f"event_{i}": data["events.snapshot"].values[i] for i in range(len(times)) if np.isfinite(times[i])}
        called |= {f"event_{i}": f"event {i}, D {data['events.value'].values[i]:+.1f} s.d." for i in range(len(times))}
    return {"couplings": found, "called": called, "patterns": patterns, "beta": float(model.beta)}


def retrieve(options: dict[str, Any], out: Path) -> None:
    """Recall from every pattern asked for by every J asked for, into a folder."""
    folder = run_folder(options)
    found = learned(folder)
    known, patterns = found["couplings"], found["patterns"]
    names = list(known) if options["couplings"] == "all" else list(options["couplings"])
    for name in names:
        if name not in known:
            raise ValueError(f"couplings={options['couplings']}: the run has {', '.join(known)}")
    which = list(range(len(patterns))) if options["patterns"] == "all" else [int(one) - 1 for one in options["patterns"]]
    if any(not 0 <= one < len(patterns) for one in which):
        raise ValueError(f"patterns={options['patterns']}: give all, or numbers from 1 to {len(patterns)}")
    qualities = [1 - 2 * float(level) for level in options["noise_levels"]] if options["noise"] == "flips" else options["noise_levels"]
    model, simulation = options["model"], options["simulation"]
    beta = found["beta"] if model["beta"] is None else float(model["beta"])
    settings = {"copies": options["M"], "beta": beta, "tau_s": float(model["tau_s"])}
    settings |= {"duration": float(simulation["T"]), "dt": float(simulation["dt"])}
    parts = []
    for name in names:
        each = [nj.multiscale.retrieval(known[name], patterns, qualities, which=one, **settings) for one in which]
        parts.append(xr.concat(each, pd.Index([one + 1 for one in which], name="cued")))
    overlaps: Any = xr.concat(parts, pd.Index(names, name="couplings"))
    table = summary(overlaps)
    (data := out / "data").mkdir(parents=True, exist_ok=True)
    table.to_csv(data / "retrieval.csv", index=False)
    draw(table, found["called"], out / "static_vis", folder)
    print(f"{len(names)} couplings of {folder}, {len(which)} patterns, {options['M']} copies at each of {len(qualities)} levels")
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
    for number, (name, own) in enumerate(table.groupby("couplings", sort=False)):
        for ax, column in ((first, "target"), (second, "other")):
            ax.errorbar(
                own["quality"],
                own[column],
                own[f"{column}_error"],
                fmt="o-",
                color=f"C{number}",
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
