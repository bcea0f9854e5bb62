"""Sweeps on disk: one zarr v3 group, a flat table of lanes, `status` written last."""

from __future__ import annotations

import datetime
import functools
import hashlib
import inspect
import json
import os
import platform
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.storage import MemoryStore

SCHEMA = 1
TO_DO, DONE, DIVERGED, PADDING = 0, 1, 2, 3  # values of `status`


class Store:
    """Records by lane, in rows; a tile's rows are one storage chunk with one writer.

    Rows of a tile beyond its real lanes are padding (`status` 3). `status` is the commit record: a row counts once it is not 0.
    """

    def __init__(self, group: zarr.Group):
        self.group = group

    @classmethod
    def create(
        cls, path: str | os.PathLike | None, rows: int, chunk: int, columns: Mapping[str, Any], fields: Mapping[str, Field], header: dict
    ) -> Store:
        """A new store on disk, or in memory where `path` is None. Complete, but for what lanes compute, once its header is written."""
        target = MemoryStore() if path is None else str(path)
        group = zarr.open_group(target, mode="w-", zarr_format=3)
        store = cls(group)
        for name, values in columns.items():
            store._array(name, values.shape, values.dtype, chunk, ["point"])[...] = values
        store._array("status", (rows,), np.int8, chunk, ["point"], fill=TO_DO)
        store._array("bad_step", (rows,), np.int32, chunk, ["point"], fill=-1)
        for name, field in fields.items():
            store._array(name, (rows, *field.shape), field.dtype, chunk, ["point", *field.dims])
            for dim, axis in field.coordinates.items():
                if dim not in group:
                    group.create_array(dim, shape=axis.shape, dtype=axis.dtype, dimension_names=[dim])[...] = axis  # type: ignore[index]
        group.attrs.update({"schema": SCHEMA, "format": "neurojax sweep", **header})
        return store

    @classmethod
    def open(cls, path: str | os.PathLike, mode: str = "r") -> Store:
        """An existing store. Errors: FileNotFoundError, or ValueError where it is something else."""
        if not Path(path).exists():
            raise FileNotFoundError(f"store={str(path)!r}: there is nothing there")
        try:
            group = zarr.open_group(str(path), mode=mode, zarr_format=3, use_consolidated=False)  # type: ignore[arg-type]
        except Exception as error:
            raise ValueError(
                f"store={str(path)!r} is not a zarr group ({type(error).__name__}); give the path that nj.sweep wrote"
            ) from error
        if group.attrs.get("format") != "neurojax sweep":
            raise ValueError(
                f"store={str(path)!r} is a zarr group, but no finished header of a neurojax sweep is in it; choose another path"
            )
        if int(group.attrs["schema"]) > SCHEMA:  # type: ignore[arg-type]
            raise ValueError(f"store={str(path)!r} has schema {group.attrs['schema']}, this version reads up to {SCHEMA}; update neurojax")
        return cls(group)

    def _array(self, name: str, shape: tuple[int, ...], dtype: Any, chunk: int, dims: list[str], fill: Any = None) -> zarr.Array:
        dtype = np.dtype(dtype)
        if fill is None:
            fill = np.nan if dtype.kind == "f" else 0
        chunks = (min(chunk, max(shape[0], 1)), *(max(n, 1) for n in shape[1:]))
        return self.group.create_array(name, shape=shape, dtype=dtype, chunks=chunks, dimension_names=dims, fill_value=fill)

    @property
    def header(self) -> dict[str, Any]:
        """The attributes."""
        return dict(self.group.attrs)

    def read(self, name: str) -> np.ndarray:
        """One array of the table."""
        return np.asarray(self.group[name][...])  # type: ignore[index]

    def commit(self, rows: slice, results: Mapping[str, np.ndarray], status: np.ndarray, bad_step: np.ndarray) -> None:
        """Write a tile: its records first, its status last."""
        for name, values in results.items():
            self.group[name][rows] = values  # type: ignore[index]
        self.group["bad_step"][rows] = bad_step  # type: ignore[index]
        self.group["status"][rows] = status  # type: ignore[index]

    def note(self, **attributes: Any) -> None:
        """Add attributes."""
        self.group.attrs.update(attributes)


class Field:
    """Shape of one record in the table: dimensions beyond the lane, their names, and coordinates along them."""

    def __init__(self, shape: tuple[int, ...], dtype: Any, dims: tuple[str, ...], coordinates: Mapping[str, np.ndarray] | None = None):
        self.shape, self.dtype, self.dims, self.coordinates = shape, np.dtype(dtype), dims, dict(coordinates or {})


def fingerprint(description: Any) -> str:
    """Hash of what a sweep computes: model and run settings, not the values of its axes."""
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()


def describe(value: Any) -> Any:
    """JSON for a model, a record, a setting: class names and fields, hashes of arrays, qualified names of functions."""
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(k): describe(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [describe(v) for v in value]
    if hasattr(value, "__array__"):
        array = np.asarray(value)
        if array.ndim == 0:
            return array.item()
        return {"array": list(array.shape), "dtype": str(array.dtype), "sha256": hashlib.sha256(array.tobytes()).hexdigest()}
    if isinstance(value, functools.partial):
        return {"partial": describe(value.func), "args": describe(value.args), "keywords": describe(value.keywords)}
    fields = getattr(value, "__dataclass_fields__", None)
    if fields is not None and not isinstance(value, type):
        kind = type(value)
        ours = kind.__module__.split(".")[0] == "neurojax"
        return {
            "class": kind.__qualname__ if ours else f"{kind.__module__}.{kind.__qualname__}",
            **{name: describe(getattr(value, name)) for name in fields},
        }
    if callable(value) and hasattr(value, "__qualname__"):
        return _function(value)
    text = repr(value)
    if " at 0x" in text:
        return {"indescribable": f"{type(value).__module__}.{type(value).__qualname__}"}
    return text


def _function(function: Any) -> Any:
    """A function by its name, its text, and the values that it has closed over."""
    home = function.__module__ or ""
    name = f"{home}.{function.__qualname__}"
    inner = inspect.unwrap(function)
    code = getattr(inner, "__code__", None)
    if code is None or home.split(".")[0] == "neurojax":
        return name
    try:
        text = inspect.getsource(inner)
    except (OSError, TypeError):
        text = code.co_code.hex() + repr(code.co_consts)
    cells = [cell.cell_contents for cell in inner.__closure__ or ()]
    closed = [c.__qualname__ if callable(c) and hasattr(c, "__qualname__") else describe(c) for c in cells]
    return {
        "function": name,
        "text": hashlib.sha256(text.encode()).hexdigest(),
        "closed over": closed,
        "defaults": describe(inner.__defaults__),
    }


def provenance(devices: list[Any], dtype: str) -> dict[str, Any]:
    """Who computed this, with what, when."""
    versions = {name: _version(name) for name in ("neurojax", "jax", "jaxlib", "numpy", "equinox", "zarr")}
    return {
        "versions": {**versions, "python": platform.python_version()},
        "device": f"{len(devices)} x {devices[0].device_kind} ({devices[0].platform})",
        "dtype": dtype,
        "command": Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "",
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "unknown"
