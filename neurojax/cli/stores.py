"""`neurojax figures` and `neurojax info`: what a store holds."""

from __future__ import annotations

import datetime
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import neurojax as nj
from neurojax.cli.config import Request
from neurojax.cli.job import config_path
from neurojax.cli.sweep import draw
from neurojax.engine.paths import nearest
from neurojax.sweep.store import DIVERGED, DONE, TO_DO, Store


def figures(request: Request) -> int:
    """`neurojax figures STORE [out=folder]`."""
    path = _store(request, "figures")
    for name, _ in request.overrides:
        if name != "out":
            raise ValueError(f"neurojax figures has no setting {name!r}; {nearest(name, ['out'])}")
    folder = dict(request.overrides).get("out") or f"{path.with_suffix('')}-figures"
    drawn = draw(nj.load(path), folder)
    print("\n".join(map(str, drawn)) or "no figure suits this sweep: it has no axes, or no record of one number")
    return 0


def info(request: Request) -> int:
    """`neurojax info STORE`."""
    path = _store(request, "info")
    if request.overrides:
        raise ValueError(f"neurojax info has no settings, but {request.overrides[0][0]!r} was given")
    print(described(path))
    return 0


def described(path: Path) -> str:
    """What a store holds, which may still be being written."""
    store = Store.open(path)
    header = store.header
    what = header["what"]
    # Rows that only fill up a tile have no seed.
    status = store.read("status")[store.read("seed") >= 0]
    count = {name: int((status == value).sum()) for name, value in (("done", DONE), ("to do", TO_DO), ("diverged", DIVERGED))}
    files = [file.stat().st_size for file in path.rglob("*") if file.is_file()]
    seeds = header["seeds"]
    lines = [
        f"{path}: {_system(what['system'])}",
        *(f"  axis    {name}: {_range(values)}" for columns in header["axes"].values() for name, values in columns.items()),
        f"  seeds   {len(seeds)} ({_few(seeds)})",
        f"  lanes   {len(status)}: " + ", ".join(f"{number} {name}" for name, number in count.items()),
        *(f"  record  {_record(store, name, own, what)}" for name, own in header["records"].items()),
        f"  run     {_settings(what)}",
        *_provenance(header),
        f"  disk    {sum(files):,} bytes in {len(files)} files",
    ]
    config = config_path(path)
    again = [f"  repeat  neurojax sweep --config {config}"] if config.is_file() else []
    return "\n".join(lines + again)


def _store(request: Request, command: str) -> Path:
    if len(request.words) != 1:
        raise ValueError(f"which store? for example `neurojax {command} runs/kuramoto-1.zarr`")
    path = Path(request.words[0])
    if not path.exists():
        near = [str(one) for one in sorted(path.parent.glob("*.zarr"))]
        raise FileNotFoundError(f"there is no store {str(path)!r}" + (f"; {nearest(str(path), near)}" if near else ""))
    return path


def _system(system: Any) -> str:
    """Class and fields on one line."""
    if not isinstance(system, Mapping):
        return str(system)
    if "array" in system:
        return f"array of shape {tuple(system['array'])}"
    own = ", ".join(f"{name}={_system(value)}" for name, value in system.items() if name != "class" and value is not None)
    return f"{system['class']}({own})" if "class" in system else f"{{{own}}}"


def _range(values: Any) -> str:
    if isinstance(values, Mapping):
        return f"{len(values['labels'])} values ({_few(values['labels'])})"
    numbers = np.asarray(values)
    return f"{len(numbers)} from {numbers.min():g} to {numbers.max():g}"


def _few(values: list[Any]) -> str:
    return ", ".join(map(str, values if len(values) <= 6 else [*values[:3], "...", values[-1]]))


def _record(store: Store, name: str, own: list[str], what: Mapping[str, Any]) -> str:
    """Name, shape, what it is; the first line of the measure's docstring has its unit."""
    array: Any = store.group[name]
    shape = f"{array.dtype} " + (" x ".join(f"{size} {dim}" for size, dim in zip(array.shape[1:], own, strict=True)) or "number")
    record = what["records"].get(name) or what["records"].get(name.partition(".")[0]) or {}
    measure = record.get("measure")
    return f"{name}: {shape}, {_system(record)}" + (f": {_said(measure)}" if isinstance(measure, str) and _said(measure) else "")


def _said(measure: str) -> str:
    """Docstring of a measure by its full name, where its module is loaded."""
    module, _, name = measure.rpartition(".")
    return (inspect.getdoc(getattr(sys.modules.get(module), name, None)) or "").split("\n")[0] if module in sys.modules else ""


def _settings(what: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_system(value)}" for name, value in {**what["run"], **what["options"]}.items() if value is not None)


def _provenance(header: Mapping[str, Any]) -> list[str]:
    by = header["provenance"]
    versions = ", ".join(f"{name} {version}" for name, version in by["versions"].items())
    started = datetime.datetime.fromisoformat(by["started"]).strftime("%Y-%m-%d %H:%M UTC")
    seconds = f", {header['seconds']:.1f} s" if "seconds" in header else ", not finished yet"
    return [f"  with    {versions}", f"  on      {by['device']}, started {started}{seconds}"]
