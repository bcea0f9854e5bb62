"""Sweeps in other formats."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

FORMATS = (".nc", ".csv")


def export(data: xr.Dataset | str | os.PathLike, path: str | os.PathLike) -> Path:
    """Write a sweep as netCDF (`.nc`: the labelled grid) or CSV (`.csv`: one line per lane, records of several numbers left out).

    Arguments:
        data: from `sweep` or `load`, or the path of a store.
        path: the file to write; written beside and renamed, so that a kill leaves the old file or the new one.

    Errors: ValueError for another ending, or a CSV of a sweep without a record of one number; ImportError naming the extra to install.
    """
    from neurojax.sweep.dataset import load

    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"path={str(path)!r}: give a name that ends in {' or '.join(FORMATS)}")
    whole = load(data) if isinstance(data, str | os.PathLike) else data
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        (_netcdf if path.suffix.lower() == ".nc" else _csv)(whole, scratch)
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)
    return path


def _netcdf(data: xr.Dataset, path: Path) -> None:
    try:
        import h5netcdf  # noqa: F401
        import h5py  # noqa: F401
    except ImportError as error:
        raise ImportError("netCDF files need h5netcdf and h5py: pip install 'neurojax[netcdf]'") from error
    parts: dict[str, Any] = {}
    for name, values in data.data_vars.items():
        if values.dtype.kind == "c":  # not every reader of netCDF knows complex numbers
            parts[f"{name}.modulus"], parts[f"{name}.angle"] = np.abs(values), values.copy(data=np.angle(values.values))
        else:
            parts[str(name)] = values
    type(data)(parts, coords=data.coords, attrs=data.attrs).to_netcdf(path, engine="h5netcdf")


def _csv(data: xr.Dataset, path: Path) -> None:
    lanes = set(data["status"].dims)
    columns = [name for name in data.data_vars if set(data[name].dims) == lanes]
    if not set(columns) - {"status", "bad_step"}:
        raise ValueError(f"path={str(path)!r}: no record of this sweep is one number per lane; write netCDF ('.nc'), which holds them all")
    order = list(data["status"].dims)
    data[columns].to_dataframe(dim_order=order).reset_index().to_csv(path, index=False)
