"""Which run of which store a job's folder stands for, with the numbers that its couplings are read with: `stored.json`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import xarray as xr

import neurojax as nj
from experiments.multiscale_memory.batch import Place
from experiments.multiscale_memory.expected import strength
from experiments.multiscale_memory.settings import Setup

FILE = "stored.json"


def keep_place(setup: Setup, place: Place) -> None:
    """Write it into the job's folder."""
    model, folder = setup.model, setup.job.folder
    assert place.store is not None
    own: dict[str, Any] = {"store": os.path.relpath(place.store, folder), "job": place.job, "seed": place.seed, "beta": float(model.beta)}
    if hasattr(model, "activation"):
        own |= {"u": float(model.u), "k": strength(model), "activation": model.activation}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps(own, indent=1))


def jobs_below(folder: Path) -> list[Path]:
    """Folders of the jobs that lie below a folder."""
    return sorted(file.parent for file in folder.rglob(FILE) if file.parent != folder)


def stored_run(folder: Path) -> tuple[xr.Dataset, dict[str, Any]]:
    """A job's records, and its numbers."""
    own = json.loads((folder / FILE).read_text())
    return nj.load(folder / own["store"]).isel(job=own["job"]).sel(seed=own["seed"]), own
