"""Where a run stands: saved to one file, loaded without unpickling, continued exactly."""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree, UInt32

from neurojax.engine.numerics import cast, is_key, keys_like
from neurojax.engine.types import Arrays

SCHEMA = 1


class Snapshot(eqx.Module):
    """The state of a lane after `step` steps, with the words of its key: all that a continued run needs beside its system."""

    state: PyTree
    key: UInt32[Arrays, "2"]
    step: int = eqx.field(static=True)


def save_state(path: str | os.PathLike, snapshot: Snapshot) -> Path:
    """Write a snapshot to one `.npz` file: arrays by their path in the state (the words of keys), and a JSON header.

    Written beside the target and renamed, so that a kill leaves the old file or the new one.
    """
    if not isinstance(snapshot, Snapshot):
        raise TypeError(f"snapshot: got {type(snapshot).__name__}; give run.final_state")
    leaves = jax.tree_util.tree_leaves_with_path(snapshot.state)
    names = [jax.tree_util.keystr(where) for where, _ in leaves]
    header = {"schema": SCHEMA, "step": snapshot.step, "leaves": names, "fixed": _fixed(snapshot.state)}
    arrays = {f"leaf{i}": np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf) for i, (_, leaf) in enumerate(leaves)}
    return write_arrays(path, header, {"key": np.asarray(snapshot.key), **arrays})


def write_arrays(path: str | os.PathLike, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Path:
    """Write named arrays and a JSON header to one `.npz` file, beside the target and then renamed."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, header=np.array(json.dumps(header)), **arrays)  # pyright: ignore[reportArgumentType]
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
    return path


def read_arrays(path: str | os.PathLike, schema: int, kind: str, mend: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header and the arrays of such a file. schema: the newest that is read. kind: of the file. mend: where it is none."""
    path = Path(path)
    try:
        with open(path, "rb") as handle, np.load(handle, allow_pickle=False) as file:
            header = json.loads(str(file["header"]))
            arrays = {name: file[name] for name in file.files if name != "header"}
            found = header["schema"]
    except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"path={str(path)!r} is not a {kind} of neurojax, or is damaged ({error}); {mend}") from error
    if found > schema:
        raise ValueError(f"path={str(path)!r} has schema {found}, this version reads up to {schema}; update neurojax")
    return header, arrays


def _fixed(part: Any, where: str = "") -> dict[str, Any]:
    """Static numbers and names inside a state, by their paths: what its arrays mean may hang on them."""
    if isinstance(part, dict):
        inner = [(part[key], f"{where}[{key!r}]") for key in part]
    elif hasattr(part, "_fields"):
        inner = [(getattr(part, name), f"{where}.{name}") for name in part._fields]
    elif isinstance(part, list | tuple):
        inner = [(one, f"{where}[{i}]") for i, one in enumerate(part)]
    elif isinstance(part, eqx.Module):
        fields = [
            (field.metadata.get("static", False), getattr(part, field.name), f"{where}.{field.name}") for field in dataclasses.fields(part)
        ]
        own = {path: value for static, value, path in fields if static and isinstance(value, bool | int | float | str)}
        return own | {path: one for static, value, under in fields if not static for path, one in _fixed(value, under).items()}
    else:
        return {}
    return {path: one for value, under in inner for path, one in _fixed(value, under).items()}


def load_state(path: str | os.PathLike, system: Any) -> Snapshot:
    """Read a snapshot back into the shape of `system`'s state (a system or a flow; it need not be realised)."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path={str(path)!r}: no such state file")
    header, arrays = read_arrays(path, SCHEMA, "state file", "write one with nj.save_state")
    parts = [f"leaf{i}" for i in range(len(header.get("leaves", ())))]
    if "leaves" not in header or not {"key", *parts} <= arrays.keys():
        raise ValueError(f"path={str(path)!r} is not a state file of neurojax, or is damaged; write one with nj.save_state")
    leaves = [arrays[part] for part in parts]

    realised = system.realise(jax.random.key(0))  # outside of the shape evaluation: a graph is drawn on the host
    template = eqx.filter_eval_shape(lambda: cast(realised.init(jax.random.key(0)), np.dtype("float32")))
    known = [jax.tree_util.keystr(where) for where, _ in jax.tree_util.tree_leaves_with_path(template)]
    if known != header["leaves"]:
        raise ValueError(
            f"path={str(path)!r} holds the state {header['leaves']}, but {type(system).__name__} has {known}; give the system it came from"
        )
    for name, own in _fixed(template).items():
        if (found := header.get("fixed", {}).get(name, own)) != own:
            raise ValueError(
                f"path={str(path)!r}: {name} is {found!r}, but {type(system).__name__} has {own!r}; give the system it came from"
            )
    owns = jax.tree.leaves(template)
    for name, leaf, own in zip(known, leaves, owns, strict=True):
        want = jax.eval_shape(jax.random.key_data, own) if is_key(own) else own
        if is_key(own) and leaf.dtype != want.dtype:
            raise ValueError(f"path={str(path)!r}: {name or 'the state'} holds {leaf.dtype}, but {type(system).__name__} has keys")
        if leaf.shape != want.shape:
            raise ValueError(
                f"path={str(path)!r}: {name or 'the state'} has shape {leaf.shape}, but {type(system).__name__} has {want.shape}"
            )
    leaves = [keys_like(own, leaf) if is_key(own) else leaf for own, leaf in zip(owns, leaves, strict=True)]
    return Snapshot(jax.tree.unflatten(jax.tree.structure(template), leaves), jnp.asarray(arrays["key"]), header["step"])
