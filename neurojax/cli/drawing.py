"""The figures of a sweep."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import neurojax as nj

if TYPE_CHECKING:
    import xarray as xr


def draw(data: xr.Dataset, folder: str | os.PathLike) -> list[Path]:
    """All figures that suit a sweep: those of its model's family, or those that any sweep has."""
    plot = import_module(family_of(json.loads(data.attrs["what"])["system"]) or "neurojax.sweep.plot")
    return plot.draw(data, folder)


def draw_run(data: xr.Dataset, system: Any, path: str) -> None:
    """The figure of a single run: its family's own, or a panel for each record. system: as it was asked for, not as it was drawn."""
    from neurojax.cli import picture

    own = family_of(json.loads(data.attrs["what"])["system"])
    figure = getattr(import_module(own), "draw_run", lambda *_: None)(data, system) if own else None
    if figure is None:
        picture.draw(data, path)
    else:
        figure.savefig(path, dpi=150)


def family_of(system: Any) -> str | None:
    """The module of the figures of a system that is described, or of what a function of ours builds; None where there is none."""
    if not isinstance(system, Mapping):
        return None
    made = (system.get("model") or {}).get("make", {}).get("function", "") if system.get("class") == "Building" else ""
    home = made.rpartition(".")[0] or getattr(getattr(nj, str(system.get("class")), None), "__module__", "")
    family = f"{home.rpartition('.')[0]}.plot"
    return family if family.startswith("neurojax.") and find_spec(family) is not None else None


def draw_one(data: xr.Dataset, file: str) -> str | None:
    """The first figure, under the name given; None where none suits."""
    with tempfile.TemporaryDirectory() as folder:
        drawn = [path for path in draw(data, folder) if path.suffix == Path(file).suffix.lower()]
        if not drawn:
            return None
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(drawn[0], file)
    return file
