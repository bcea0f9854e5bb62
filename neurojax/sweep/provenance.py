"""Who computed something, with what, and when."""

from __future__ import annotations

import contextlib
import datetime
import functools
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import jax

PACKAGES = ("neurojax", "jax", "jaxlib", "numpy", "equinox", "zarr")
COMPILING = "/jax/core/compile/"  # JAX's own events of tracing, lowering and compiling


def provenance(devices: list[Any], dtype: str) -> dict[str, Any]:
    """Versions, devices, precision, the command, the revision of the folder it ran in, and the time."""
    found = {
        "versions": {**{name: _version(name) for name in PACKAGES}, "python": platform.python_version()},
        "device": f"{len(devices)} x {devices[0].device_kind} ({devices[0].platform})",
        "dtype": dtype,
        "command": Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "",
        "started": now(),
    }
    revision = git_revision(os.getcwd())
    return found | ({"revision": revision} if revision else {})


def now() -> str:
    """The time, in UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


@functools.cache
def git_revision(folder: str) -> str | None:
    """The commit that a folder is at, with `+` where files have changed since; None outside of a repository."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, timeout=5, check=True)
        return done.stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "unknown"


class Compiling:
    """Seconds that JAX spends on tracing, lowering and compiling while this is entered."""

    def __init__(self):
        self.seconds = 0.0

    @contextlib.contextmanager
    def counted(self) -> Iterator[Compiling]:
        """Listen."""

        def hear(event: str, duration_secs: float, **_: str | int) -> None:
            if event.startswith(COMPILING):
                self.seconds += duration_secs

        jax.monitoring.register_event_duration_secs_listener(hear)
        try:
            yield self
        finally:
            jax.monitoring.unregister_event_duration_listener(hear)
