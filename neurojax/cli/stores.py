"""`neurojax figures` and `neurojax info`: what a store holds."""

from __future__ import annotations

import datetime
import inspect
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import neurojax as nj
from neurojax.cli.config import Request
from neurojax.cli.drawing import draw
from neurojax.cli.job import config_path
from neurojax.engine.paths import nearest
from neurojax.sweep.coordinates import merged
from neurojax.sweep.spec import said
from neurojax.sweep.store import DIVERGED, DONE, Batch, Store


def figures(request: Request) -> int:
    """`neurojax figures STORE [out=folder]`."""
    path = store_named(request, "figures")
    for name, _ in request.overrides:
        if name != "out":
            raise ValueError(f"neurojax figures has no setting {name!r}; {nearest(name, ['out'])}")
    folder = dict(request.overrides).get("out") or f"{path.with_suffix('')}-figures"
    drawn = draw(nj.load(path), folder)
    print("\n".join(map(str, drawn)) or "no figure suits this sweep: it has no axes, or no record of one number")
    return 0


def info(request: Request) -> int:
    """`neurojax info STORE`."""
    path = store_named(request, "info")
    if request.overrides:
        raise ValueError(f"neurojax info has no settings, but {request.overrides[0][0]!r} was given")
    print(described(path))
    return 0


def described(path: Path) -> str:
    """What a store holds, which may still be being written."""
    store = Store.open(path)
    header, what, batches = store.header, store.header["what"], store.batches
    # Rows that only fill up a chunk have a seed of -1, and are marked as padding once their chunk is written.
    rows = store.row_count(batches)
    status = store.status(rows)
    lanes = sum(_lanes(batch) for batch in batches) if len(batches) == 1 else int((store.read("seed", rows) >= 0).sum())
    count = {name: int((status == value).sum()) for name, value in (("done", DONE), ("diverged", DIVERGED))}
    count = {"done": count["done"], "to do": lanes - sum(count.values()), "diverged": count["diverged"]}
    size, files = _disk(path)
    axes = merged(batches)
    seeds = list(dict.fromkeys(seed for batch in batches for seed in batch.seeds))
    lines = [
        f"{path}: {said(what['system'])}",
        *(f"  axis    {name}: {_range(column.labels)}" for columns in axes.values() for name, column in columns.items()),
        f"  seeds   {len(seeds)} ({_few(seeds)})",
        f"  lanes   {lanes}: " + ", ".join(f"{number} {name}" for name, number in count.items()),
        *(f"  record  {_record(store, name, own, what)}" for name, own in header["records"].items()),
        f"  run     {_settings(what)}",
        *_faults(store, status),
        *_provenance(store, count["to do"]),
        f"  disk    {size:,} bytes in {files:,} files, {store.chunk} rows a chunk, {header['lanes']} lanes a kernel",
    ]
    config = config_path(path)
    if count["to do"]:
        lines.append(f"  resume  neurojax resume {path}")
    if config.is_file():
        lines.append(f"  repeat  neurojax sweep --config {config}")
    return "\n".join(lines)


def _lanes(batch: Batch) -> int:
    points = [len(values["labels"] if isinstance(values, Mapping) else values) for c in batch.axes.values() for values in [*c.values()][:1]]
    return int(np.prod([*points, len(batch.seeds)], dtype=np.int64))


def _disk(path: Path) -> tuple[int, int]:
    """Bytes and files of a folder."""
    size, files, folders = 0, 0, [str(path)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    size, files = size + entry.stat().st_size, files + 1
    return size, files


def _faults(store: Store, status: np.ndarray) -> list[str]:
    """The first diverged lanes, and how to look into one."""
    rows = np.flatnonzero(status == DIVERGED)
    if not rows.size:
        return []
    steps = store.read_chunks("bad_step", sorted({int(row) // store.chunk for row in rows[:4]}))
    at = {chunk: i for i, chunk in enumerate(sorted({int(row) // store.chunk for row in rows[:4]}))}
    shown = ", ".join(f"row {row} at step {steps[at[row // store.chunk] * store.chunk + row % store.chunk]}" for row in rows[:4].tolist())
    return [f"  faults  {shown}{', ...' if rows.size > 4 else ''}; nj.replay({str(store.path)!r}, {rows[0]}) runs one again"]


def store_named(request: Request, command: str) -> Path:
    """The path of a store, as the first word."""
    if len(request.words) != 1:
        raise ValueError(f"which store? for example `neurojax {command} runs/kuramoto-1.zarr`")
    path = Path(request.words[0])
    if not path.exists():
        near = [str(one) for one in sorted(path.parent.glob("*.zarr"))]
        raise FileNotFoundError(f"there is no store {str(path)!r}" + (f"; {nearest(str(path), near)}" if near else ""))
    return path


def _range(labels: np.ndarray) -> str:
    if labels.dtype.kind not in "fiu":
        return f"{len(labels)} values ({_few(labels.tolist())})"
    return f"{len(labels)} from {labels.min():g} to {labels.max():g}"


def _few(values: list[Any]) -> str:
    return ", ".join(map(str, values if len(values) <= 6 else [*values[:3], "...", values[-1]]))


def _record(store: Store, name: str, own: list[str], what: Mapping[str, Any]) -> str:
    """Name, shape, what it is; the first line of the measure's docstring has its unit."""
    array: Any = store.group[name]
    shape = f"{array.dtype} " + (" x ".join(f"{size} {dim}" for size, dim in zip(array.shape[1:], own, strict=True)) or "number")
    record = what["records"].get(name) or what["records"].get(name.partition(".")[0]) or {}
    measure = (record.get("measure") or {}).get("function", "")
    return f"{name}: {shape}, {said(record)}" + (f": {_first_line(measure)}" if _first_line(measure) else "")


def _first_line(measure: str) -> str:
    """Docstring of a measure by its full name, where its module is loaded."""
    module, _, name = measure.rpartition(".")
    return (inspect.getdoc(getattr(sys.modules.get(module), name, None)) or "").split("\n")[0] if module in sys.modules else ""


def _settings(what: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {said(value)}" for name, value in {**what["run"], **what["options"]}.items() if value is not None)


def _provenance(store: Store, left: int) -> list[str]:
    """Versions, and the last runs: when, where, how long, how fast."""
    runs = store.runs
    by = runs[-1] if runs else store.header["provenance"]
    lines = ["  with    " + ", ".join(f"{name} {version}" for name, version in by["versions"].items())]
    lines += [f"  code    revision {by['revision']}"] if "revision" in by else []
    for run in runs[-3:]:
        seconds, lanes = run.get("seconds", {}), run.get("lanes", 0)
        started = datetime.datetime.fromisoformat(run["started"]).strftime("%Y-%m-%d %H:%M UTC")
        state = "" if "ended" in run else ", still running or killed"
        spent = f"{lanes} lanes in {seconds.get('total', 0):.1f} s ({seconds.get('compile', 0):.1f} s of it compiling)"
        shard = f", shard {run['shard'][0]}/{run['shard'][1]}" if "shard" in run else ""
        lines.append(f"  on      {run['device']}, started {started}{shard}: {spent}{state}")
    if len(runs) > 3:
        lines.append(f"          and {len(runs) - 3} earlier runs")
    if max((run.get("halvings", 0) for run in runs), default=0):
        lines.append("          kernels were halved for lack of memory: from then on lanes are equal to rounding only")
    rate = sum(run.get("lanes", 0) for run in runs) / max(sum(run.get("seconds", {}).get("total", 0) for run in runs), 1e-9)
    if left and rate > 0:
        lines.append(f"          {left} lanes to do: about {datetime.timedelta(seconds=round(left / rate))} for one such process")
    return lines


def export(request: Request) -> int:
    """`neurojax export STORE FILE`."""
    if len(request.words) != 2 or request.overrides:
        raise ValueError("which store, and which file? for example `neurojax export runs/kuramoto-1.zarr phase.nc`")
    path = store_named(request._replace(words=request.words[:1]), "export")
    print(nj.export(path, request.words[1]))
    return 0
