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
from typing import TYPE_CHECKING

import neurojax as nj

if TYPE_CHECKING:
    import xarray as xr


def draw(data: xr.Dataset, folder: str | os.PathLike) -> list[Path]:
    """All figures that suit a sweep: those of its model's family, or those that any sweep has."""
    system = json.loads(data.attrs["what"])["system"]
    shipped = getattr(nj, system["class"], None) if isinstance(system, Mapping) else None
    family = f"{getattr(shipped, '__module__', '').rpartition('.')[0]}.plot"
    own = family.startswith("neurojax.") and find_spec(family) is not None
    plot = import_module(family if own else "neurojax.sweep.plot")
    return plot.draw(data, folder)


def draw_one(data: xr.Dataset, file: str) -> str | None:
    """The first figure, under the name given; None where none suits."""
    with tempfile.TemporaryDirectory() as folder:
        drawn = [path for path in draw(data, folder) if path.suffix == Path(file).suffix.lower()]
        if not drawn:
            return None
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(drawn[0], file)
    return file
