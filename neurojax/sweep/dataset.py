"""From the flat table of a store to the labelled grid."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from neurojax.sweep.coordinates import Column, grid_places, merged
from neurojax.sweep.store import TO_DO, Store

if TYPE_CHECKING:
    import xarray as xr


def load(path: str | os.PathLike) -> xr.Dataset:
    """A sweep from its store, whole or still being written, as a labelled grid.

    Records are read from the disk when they are used, and then only the chunks that are needed: `load(path).r_mean.sel(noise=0.1)`.

    Returns: a dataset with a dimension for each axis and "seed". Points to do are NaN (0 in integer records), with `status` 0.

    Errors: FileNotFoundError where there is nothing, ValueError where it is no sweep. Chunks that are gone or damaged are shown as lanes
    to do, with a warning.
    """
    return labelled(Store.open(path))


def labelled(store: Store, axes: Mapping[str, Mapping[str, Column]] | None = None, seeds: np.ndarray | None = None) -> xr.Dataset:
    """The labelled grid of a store: all of it, or the given axes and seeds."""
    import xarray as xr

    batches = store.batches
    if axes is None or seeds is None:
        axes = merged(batches)
        seeds = np.array(list(dict.fromkeys(seed for batch in batches for seed in batch.seeds)), np.int64)
    shape = (*(len(next(iter(columns.values())).keys) for columns in axes.values()), len(seeds))
    dims = [*axes, "seed"]
    count = store.row_count(batches)
    status = store.status(count)
    numbers = grid_places(axes, seeds, lambda name: store.read(name, count))
    rows = np.flatnonzero(numbers >= 0)
    row_of = np.full(int(np.prod(shape)), -1, np.int64)
    row_of[numbers[rows]] = np.where(status[rows] != TO_DO, rows, -1)
    row_of = row_of.reshape(shape)
    data: dict[str, Any] = {"status": (dims, np.where(row_of >= 0, status[row_of], TO_DO).astype(status.dtype))}
    extra: dict[str, Any] = {}
    for name, own in [("bad_step", []), *store.header["records"].items()]:
        data[name] = ([*dims, *own], _lazy(store, name, row_of))
        extra |= {dim: _samples(store, dim) for dim in own if dim in store.group}
    coords: dict[str, Any] = {"seed": seeds}
    for dimension, columns in axes.items():
        coords |= {name: ((dimension,), column.labels) for name, column in columns.items()}
    found = xr.Dataset(data, coords=coords | {dim: ((dim,), values) for dim, values in extra.items()}, attrs=_attributes(store))
    return found if store.path is not None else found.load()


def _samples(store: Store, dim: str) -> np.ndarray:
    """Coordinates along a record's own dimension: from the header, which is sealed."""
    held = store.header.get("samples", {}).get(dim)
    return np.asarray(store.group[dim][...] if held is None else held)  # type: ignore[index]


def _attributes(store: Store) -> dict[str, str]:
    runs = store.runs
    provenance = store.header["provenance"] | {"runs": len(runs)}
    return {"what": json.dumps(store.header["what"]), "provenance": json.dumps(provenance)}


def _lazy(store: Store, name: str, row_of: np.ndarray) -> Any:
    """An array of the table on the grid, read when it is used, and then kept."""
    from xarray.core import indexing

    lazy: Any = indexing.LazilyIndexedArray(_rows_type()(store, name, row_of))
    cached: Any = indexing.MemoryCachedArray(lazy)
    return indexing.CopyOnWriteArray(cached)


@functools.cache
def _rows_type() -> Any:
    """The class of lazy arrays, made when xarray is needed at last."""
    from xarray.backends import BackendArray
    from xarray.core import indexing

    class Rows(BackendArray):
        """Rows of a table by their place on a grid."""

        def __init__(self, store: Store, name: str, row_of: np.ndarray):
            self.store, self.name, self.row_of = store, name, row_of
            self.shape, self.dtype = (*row_of.shape, *store.array(name).shape[1:]), store.array(name).dtype

        def __getitem__(self, key: Any) -> Any:
            return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self.read)

        def __reduce__(self) -> Any:
            return _again, (self.store.path, self.name, self.row_of)

        def read(self, key: tuple[Any, ...]) -> np.ndarray:
            """The values at indices of every dimension, from the chunks that hold them."""
            dims = self.row_of.ndim
            taken = self.row_of
            for axis in reversed(range(dims)):
                taken = taken[(slice(None),) * axis + (key[axis],)]
            values = np.asarray(_read(self.store, self.name, np.asarray(taken)))
            for axis in reversed(range(len(self.shape) - dims)):
                values = values[(slice(None),) * (np.ndim(taken) + axis) + (key[dims + axis],)]
            return values

    return Rows


def _again(path: Any, name: str, row_of: np.ndarray) -> Any:
    """A lazy array in another process."""
    return _rows_type()(Store.open(path), name, row_of)


def _read(store: Store, name: str, wanted: np.ndarray) -> np.ndarray:
    """Rows of an array of the table, -1 blank; those that are wanted were there when the store was loaded."""
    array = store.array(name)
    blank = -1 if name == "bad_step" else np.nan if array.dtype.kind in "fc" else 0
    values = np.full((wanted.size, *array.shape[1:]), blank, array.dtype)
    there = np.flatnonzero(wanted.ravel() >= 0)
    rows = wanted.ravel()[there]
    chunks, place = np.unique(rows // store.chunk, return_inverse=True)
    if store.path is not None and not store.older and not store.has_chunks(name, chunks):
        raise FileNotFoundError(f"store={str(store.path)!r}: chunks of {name!r} that it held when it was loaded are gone; load it again")
    if len(chunks) * store.chunk >= array.shape[0]:
        values[there] = store.read(name, int(rows.max()) + 1)[rows]
    elif len(chunks):
        values[there] = store.read_chunks(name, chunks.tolist())[place * store.chunk + rows % store.chunk]
    return values.reshape((*wanted.shape, *array.shape[1:]))
