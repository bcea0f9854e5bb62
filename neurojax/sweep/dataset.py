"""From the flat table of a store to the labelled grid."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from neurojax.sweep.store import PADDING, TO_DO, Store

if TYPE_CHECKING:
    import xarray as xr


def load(path: str | os.PathLike) -> xr.Dataset:
    """A sweep from its store, whole or still being written, as a labelled grid.

    Returns: a dataset with a dimension for each axis and "seed". Points to do are NaN (0 in integer records), with `status` 0.

    Errors: FileNotFoundError where there is nothing, ValueError where it is no sweep.
    """
    return labelled(Store.open(path))


def labelled(store: Store) -> xr.Dataset:
    """The labelled grid of a store."""
    import xarray as xr

    header = store.header
    axes: dict[str, dict[str, Any]] = header["axes"]
    seeds = np.asarray(header["seeds"], np.int64)
    status = store.read("status")
    table_seeds = store.read("seed")
    real = np.flatnonzero((status != PADDING) & (table_seeds >= 0))
    place = {dimension: _places(store, columns, real) for dimension, columns in axes.items()}
    place["seed"] = _where(seeds, table_seeds[real])
    dims = list(place)
    shape = (*(len(next(iter(_values(c).values()))) for c in axes.values()), len(seeds))
    flat = np.ravel_multi_index(tuple(place.values()), shape) if len(real) else np.zeros(0, int)
    done = status[real] != TO_DO
    data: dict[str, Any] = {}
    extra: dict[str, Any] = {}

    def grid(values: np.ndarray, blank: Any) -> np.ndarray:
        table = np.full((int(np.prod(shape)), *values.shape[1:]), blank, values.dtype)
        table[flat[done]] = values[real[done]]
        return table.reshape(*shape, *values.shape[1:])

    data["status"] = (dims, grid(status, TO_DO))
    data["bad_step"] = (dims, grid(store.read("bad_step"), -1))
    for name, own in header["records"].items():
        values = store.read(name)
        blank = np.nan if values.dtype.kind == "f" else 0
        data[name] = ([*dims, *own], grid(values, blank))
        extra |= {dim: store.read(dim) for dim in own if dim in store.group}
    coords: dict[str, Any] = {"seed": seeds}
    for dimension, columns in axes.items():
        coords |= {name: ((dimension,), values) for name, values in _values(columns).items()}
    attributes = {name: json.dumps(header[name]) for name in ("what", "provenance")}
    return xr.Dataset(data, coords=coords | {dim: ((dim,), values) for dim, values in extra.items()}, attrs=attributes)


def _values(columns: dict[str, Any]) -> dict[str, np.ndarray]:
    return {name: np.asarray(v["labels"] if isinstance(v, dict) else v) for name, v in columns.items()}


def _places(store: Store, columns: dict[str, Any], real: np.ndarray) -> np.ndarray:
    """Index along one dimension of each real row, from the values in its columns."""
    known, rows = [], []
    for name, values in columns.items():
        axis = np.arange(len(values["labels"])) if isinstance(values, dict) else np.asarray(values)
        uniques, codes = np.unique(axis, return_inverse=True)
        known.append(codes)
        rows.append(_where(uniques, store.read(name)[real]))
    size = tuple(int(codes.max()) + 1 for codes in known)
    return _where(*(np.asarray(np.ravel_multi_index(tuple(codes), size)) for codes in (known, rows)))


def _where(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Position in `values` of each wanted one, all of which occur."""
    order = np.argsort(values, kind="stable")
    return order[np.searchsorted(values[order], wanted)]
