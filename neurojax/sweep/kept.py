"""Arrays that a store's descriptions refer to, kept by the hash of their content."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import zarr

from neurojax.sweep.files import reason
from neurojax.sweep.spec import array_name


class KeptArrays:
    """The group `arrays` of a store in memory (`path` None) or on disk. Each array is written once, and is there whole or not at all."""

    def __init__(self, group: zarr.Group, path: Path | None):
        self.group, self.path = group, path

    def keep(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep arrays by their names, those that `describe` gave them."""
        for name, values in arrays.items():
            if f"arrays/{name}" in self.group:
                continue
            if self.path is None:
                self.group.create_array(f"arrays/{name}", data=values)
            else:
                _write(self.path / "arrays" / name, values)

    def __getitem__(self, name: str) -> np.ndarray:
        if f"arrays/{name}" not in self.group:
            raise ValueError("an array of its model is not in the store, which keeps those of 64 MB at most")
        try:
            found = np.asarray(self.group[f"arrays/{name}"][...])  # type: ignore[index]
        except Exception as error:
            raise ValueError(f"arrays/{name} is damaged ({reason(error)})") from error
        if array_name(found) != name:
            raise ValueError(f"arrays/{name} is damaged: its content is not what it was")
        return found


def _write(target: Path, values: np.ndarray) -> None:
    """An array made beside its place and moved there; another process may be at it, too."""
    scratch = target.with_name(f".{target.name[:8]}.{uuid.uuid4().hex[:8]}.part")
    try:
        zarr.create_array(str(scratch), data=values)
        os.rename(scratch, target)
    except OSError:
        if not target.exists():
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
