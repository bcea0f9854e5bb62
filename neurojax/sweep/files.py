"""Files that are there whole or not at all, and attributes that are known to be what was written."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neurojax.sweep.spec import fingerprint


def full(path: str | os.PathLike) -> Path:
    """A path that stays the same when the process changes its folder."""
    return Path(path).expanduser().absolute()


def holds_something(path: str | os.PathLike) -> bool:
    """Whether a path is taken: an empty folder is not."""
    path = full(path)
    return path.exists() and not (path.is_dir() and not any(path.iterdir()))


def reason(error: BaseException) -> str:
    """An error in a few words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{type(error).__name__}: {error}".split("\n")[0][:200]


def sealed(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes with their checksum, as JSON gives them back."""
    plain = json.loads(json.dumps(attributes))
    return plain | {"checksum": fingerprint(plain)}


def check_seal(attributes: Mapping[str, Any], where: str) -> None:
    """Refuse attributes that are not those that were written."""
    rest = {name: value for name, value in attributes.items() if name != "checksum"}
    if attributes.get("checksum") != fingerprint(rest):
        raise ValueError(
            f"{where} were changed after they were written (their checksum differs); undo the change, or bring zarr.json back from a copy. "
            "The numbers are untouched: xarray.open_zarr reads the flat table"
        )


def clear_away(place: Path) -> None:
    """Remove what processes left that were killed while they made this store. One that is still at it is not an hour old."""
    for left in place.parent.glob(f".{place.name}.*.new"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > 3600:
                shutil.rmtree(left)


def group_text(attributes: Mapping[str, Any]) -> str:
    """The `zarr.json` of a group that holds attributes only."""
    return json.dumps({"zarr_format": 3, "node_type": "group", "attributes": attributes}, indent=1)


def write_whole(target: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        with open(scratch, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, target)
    finally:
        scratch.unlink(missing_ok=True)


def write_once(target: Path, text: str) -> bool:
    """Write a file into a folder of its own, whole and once; False, and nothing written, where another process has.

    A folder is never moved onto one that holds something: of those who try at once, one succeeds, on every file system.
    """
    scratch = target.parent.with_name(f".{target.parent.name}.{uuid.uuid4().hex[:8]}.part")
    write_whole(scratch / target.name, text)
    try:
        os.rename(scratch, target.parent)
    except OSError:
        if not target.exists():
            raise
        return False
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return True
