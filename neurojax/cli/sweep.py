"""`neurojax sweep`: a grid of runs into a store, with its figure; `neurojax resume`: what a store still lacks."""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import neurojax as nj
from neurojax.cli.config import Request, as_yaml, from_file
from neurojax.cli.drawing import draw_one
from neurojax.cli.job import Job, axes, check_suffix, config_path, initial, keep_config, options, prepared, swept
from neurojax.cli.models import read
from neurojax.cli.stores import store_named
from neurojax.sweep.files import holds_something
from neurojax.sweep.plan import Request as Asked
from neurojax.sweep.run import perform, planned
from neurojax.sweep.store import DIVERGED, TO_DO, Store

if TYPE_CHECKING:
    import xarray as xr

FLAGS = ("--cfg", "--config", "--explain", "--retry")
RESUME_SETTINGS = ("shard", "cpus", "figure")


def command(request: Request) -> int:
    """Do it; 130 or 143 where it was stopped."""
    _use_cpus(request)
    job = prepared("sweep", request)
    config = job.config
    check_suffix("figure", config["figure"], (".png", ".pdf"))
    asked = _asked(job, request)
    if "--cfg" in request.flags:
        print(as_yaml(config), end="")
        return 0
    if config["shard"] is not None and config["store"] is None:
        raise ValueError(f"shard={config['shard']}: the parts meet in one store; give store=...")
    plan = planned(asked, config["store"])
    print(plan.text(), flush=True)
    if "--explain" in request.flags:
        return 0
    store = config["store"] = config["store"] or free_store(job.model.short)
    kept, source = config | {"shard": None}, request.flags.get("--config")
    if not holds_something(store):
        keep_config(kept, store, source)

    def compute() -> xr.Dataset:
        data = perform(plan, store, config=as_yaml(kept | {"store": None}))
        keep_config(kept, store, source)
        return data

    return _done(compute, store, config["figure"], f"neurojax sweep --config {source or config_path(store)}")


def resume(request: Request) -> int:
    """`neurojax resume STORE`: from the configuration in the store, or from the model that it describes."""
    path = store_named(request, "resume")
    sys.path.insert(0, os.getcwd())  # where a model of one's own may lie
    for name, _ in request.overrides:
        if name not in RESUME_SETTINGS:
            raise ValueError(f"neurojax resume has no setting {name!r}; it takes {', '.join(RESUME_SETTINGS)}: the rest is the store's own")
    figure = dict(request.overrides).get("figure")
    check_suffix("figure", figure, (".png", ".pdf"))
    config = Store.open(path).header.get("config")
    _use_cpus(request)
    if config is None:
        chosen = nj.SweepOptions(shard=shard_of(dict(request.overrides).get("shard")), retry=request.flags.get("--retry"))
        return _done(lambda: nj.resume(path, options=chosen), path, figure, f"neurojax resume {path}")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.yaml").write_text(config)
        flags = {**request.flags, "--config": str(Path(folder) / "config.yaml")}
        again = Request([], [(name, value) for name, value in request.overrides if name != "figure"], flags)
        asked = _asked(prepared("sweep", again), again)
    return _done(lambda: perform(planned(asked, path), path, whole=True), path, figure, f"neurojax resume {path}")


def shard_of(text: str | None) -> tuple[int, int] | None:
    """`0/4` as (0, 4)."""
    if text in (None, "null"):
        return None
    number, slash, count = str(text).partition("/")
    if not slash or not number.strip().isdigit() or not count.strip().isdigit():
        raise ValueError(f"shard={text}: give i/n, the i-th of n parts with i from 0 to n - 1, as in shard=0/4")
    return int(number), int(count)


def _asked(job: Job, request: Request) -> Asked:
    """The arguments of `nj.sweep`."""
    over = axes(job)
    given = options(job, nj.SweepOptions)
    changed = {"shard": shard_of(job.config["shard"]) or given.shard, "retry": request.flags.get("--retry", given.retry)}
    seeds = read("seeds", job.config["seeds"], job.known)
    chosen = dataclasses.replace(given, **changed)
    return Asked(swept(job, over), over, **job.arguments, seeds=seeds, state=initial(job), options=chosen)


def _done(compute: Callable[[], xr.Dataset], store: str | os.PathLike, figure: str | None, repeat: str) -> int:
    """Compute, and say what came of it."""
    began = time.perf_counter()
    try:
        data = compute()
    except nj.SweepInterrupted as error:
        said = f"{str(error).partition(';')[0]}; the rest: neurojax resume {store} (or the same command: {repeat})"
        print(f"neurojax: {said}", file=sys.stderr)
        return 128 + error.signal
    except (nj.SweepFailed, nj.StoreError) as error:
        print(f"neurojax: {error}", file=sys.stderr)
        return 1
    bad = int((data.status == DIVERGED).sum())
    left = int((data.status == TO_DO).sum())
    notes = [f"{bad} of {data.status.size} lanes diverged"] * (bad > 0) + [f"{left} of the grid to do"] * (left > 0)
    print(f"store: {store}" + (f" ({', '.join(notes)})" if notes else ""))
    if figure:
        print(f"figure: {draw_one(data, figure) or 'no figure suits this sweep'}")
    else:
        print(f"figures: neurojax figures {store}")
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
