"""`neurojax sweep`: a grid of runs into a store, with its figure."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import neurojax as nj
from neurojax.cli.config import Request, as_yaml, from_file
from neurojax.cli.job import axes, check_suffix, config_path, initial, keep_config, options, prepared, swept
from neurojax.cli.models import read
from neurojax.sweep.store import DIVERGED

if TYPE_CHECKING:
    import xarray as xr

FLAGS = ("--cfg", "--config", "--explain")


def command(request: Request) -> int:
    """Do it; 130 where it was interrupted."""
    _use_cpus(request)
    job = prepared("sweep", request)
    config = job.config
    check_suffix("figure", config["figure"], (".png", ".pdf"))
    over = axes(job)
    arguments = {
        **job.arguments,
        "seeds": read("seeds", config["seeds"], job.known),
        "state": initial(job),
        "options": options(job, nj.SweepOptions),
    }
    system = swept(job, over)
    if "--cfg" in request.flags:
        print(as_yaml(config), end="")
        return 0
    print(nj.explain(system, over, **arguments), flush=True)
    if "--explain" in request.flags:
        return 0
    config["store"] = config["store"] or free_store(job.model.short)
    repeat = f"neurojax sweep --config {keep_config(config, config['store'], request.flags.get('--config'))}"
    began = time.perf_counter()
    try:
        data = nj.sweep(system, over, store=config["store"], **arguments)
    except nj.SweepInterrupted as error:
        print(f"neurojax sweep: {str(error).partition(';')[0]}; the same command does the rest: {repeat}", file=sys.stderr)
        return 130
    bad = int((data.status == DIVERGED).sum())
    print(f"store: {config['store']}" + (f" ({bad} of {data.status.size} lanes diverged)" if bad else ""))
    if config["figure"]:
        print(f"figure: {draw_one(data, config['figure']) or 'no figure suits this sweep'}")
    else:
        print(f"figures: neurojax figures {config['store']}")
    print(f"repeat: {repeat}")
    print(f"done in {time.perf_counter() - began:.1f} s")
    return 0


def free_store(name: str) -> str:
    """The next free `runs/<name>-<number>.zarr`. Its configuration is made on the spot, so that two sweeps started at once differ."""
    folder = Path("runs")
    folder.mkdir(exist_ok=True)
    number = 1
    while True:
        store = folder / f"{name}-{number}.zarr"
        try:
            if not store.exists():
                config_path(store).touch(exist_ok=False)
                return str(store)
        except FileExistsError:
            pass
        number += 1


def draw(data: xr.Dataset, folder: str | os.PathLike) -> list[Path]:
    """All figures that suit a sweep: those of its model's family, or those that any sweep has."""
    import json
    from importlib import import_module
    from importlib.util import find_spec

    system = json.loads(data.attrs["what"])["system"]
    shipped = getattr(nj, system["class"], None) if isinstance(system, Mapping) else None
    family = f"{getattr(shipped, '__module__', '').rpartition('.')[0]}.plot"
    own = family.startswith("neurojax.") and find_spec(family) is not None
    plot = import_module(family if own else "neurojax.sweep.plot")
    return plot.draw(data, folder)


def draw_one(data: xr.Dataset, file: str) -> str | None:
    """The first figure, under the name given; None where none suits."""
    with tempfile.TemporaryDirectory() as folder:
        drawn = [path for path in draw(data, folder) if path.suffix == Path(file).suffix.lower()]
        if not drawn:
            return None
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(drawn[0], file)
    return file


def _use_cpus(request: Request) -> None:
    """Make devices of the cores before a user's file, which may use JAX at once, is loaded."""
    given: Any = from_file(request.flags.get("--config")).get("cpus")
    for name, value in request.overrides:
        if name == "cpus":
            given = value
    count = read("cpus", given, {"null": None})
    try:
        nj.use_cpus(_own_cores() if count is None else count)
    except RuntimeError:
        # Called from Python, after JAX has started: its devices serve as well, unless others were asked for.
        if count is not None:
            raise


def _own_cores() -> int:
    """Cores that this process may run on, which on a shared machine are fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
