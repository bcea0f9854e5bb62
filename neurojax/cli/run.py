"""`neurojax run`: one run, its records as a table, a file, a figure."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

import neurojax as nj
from neurojax.cli.config import Request, as_yaml
from neurojax.cli.job import Job, check_suffix, initial, keep_config, length, options, prepared
from neurojax.cli.models import read
from neurojax.engine.simulate import DIVERGED

if TYPE_CHECKING:
    import xarray as xr

FLAGS = ("--cfg", "--config")
FIGURES = (".png", ".pdf", ".svg")


def command(request: Request) -> int:
    """Do it; 1 where the run diverged, 130 where it was interrupted."""
    job = prepared("run", request)
    config = job.config
    check_files(config)
    if "--cfg" in request.flags:
        print(as_yaml(config), end="")
        return 0
    began = time.perf_counter()
    try:
        run = nj.simulate(
            job.system,
            **job.arguments,
            seed=read("seed", config["seed"], job.known),
            state=initial(job),
            options=options(job, nj.Options, progress=sys.stderr.isatty()),
        )
    except nj.Interrupted as error:
        begun = 0 if config["state"] is None else initial(job).step
        rest = length(job.arguments) - (error.run.final_state.step - begun) * job.arguments["dt"]
        return stopped(job, error.run, request, "run", f"duration={rest:.10g}")
    print(table(job, run))
    for line in told(job, run):
        print(line)
    seconds = time.perf_counter() - began
    print(f"{'diverged' if run.status == DIVERGED else 'done'}: {length_of(job, run)} in {seconds:.1f} s")
    write(job, run, request, "run", lambda data, path: _draw(data, job.system, path))
    if run.status == DIVERGED:
        hint = "" if job.model.discrete else "; a smaller dt may help"
        time_reached = run.bad_step * job.arguments["dt"]
        print(
            f"neurojax run: diverged at step {run.bad_step} (time {time_reached:g}), where the state is no longer finite{hint}",
            file=sys.stderr,
        )
        return 1
    return 0


def check_files(config: Mapping[str, Any]) -> None:
    """Refuse names of files that will not be understood."""
    for name, allowed in (("out", (".nc",)), ("save", (".npz",)), ("figure", FIGURES)):
        check_suffix(name, config[name], allowed)


def table(job: Job, run: nj.Run) -> str:
    """One line for each record: a number's value; samples, mean and last of what has an axis of its own."""
    lines = [("record", "shape", "mean", "last")]
    for name, record in job.arguments["record"].items():
        for leaf, values in leaves(name, run.records[name]):
            if values.ndim == 0:
                lines.append((leaf, "", f"{values:.6g}", ""))
            elif not values.size:
                lines.append((leaf, _shape(values), "no samples", ""))
            else:
                last = f"{values[-1]:.6g}" if isinstance(record, nj.Trace) and values.ndim == 1 else ""
                lines.append((leaf, _shape(values), f"{values.mean():.6g}", last))
    widths = [max(len(line[i]) for line in lines) for i in range(4)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def told(job: Job, run: nj.Run) -> list[str]:
    """Of a recall what was stored, the cue, the steps, and what was recovered, in words and drawn."""
    from neurojax.hopfield.recall import Memory, RecallState
    from neurojax.hopfield.report import drawing, head, report, shape_of

    state = run.final_state.state
    if not isinstance(job.system, Memory) or not isinstance(state, RecallState):
        return []
    cue = _at_start(job, run)
    which = int(getattr(job.system.cue, "which", 0))
    states = {"stored": np.asarray(run.system.patterns)[which], "cue": cue, "recovered": state.s}  # pyright: ignore[reportAttributeAccessIssue]
    shown = {title: head(s) for title, s in states.items() if s is not None}
    drawn = drawing(run.system, list(shown.values()), list(shown), shape_of(job.system))
    return ["", *report(run.system, state, cue), *([drawn] if drawn else [])]


def _at_start(job: Job, run: nj.Run) -> np.ndarray | None:
    """The state at step 0, if a trace of all units holds it."""
    for name, record in job.arguments["record"].items():
        if isinstance(record, nj.Trace) and record.measure is nj.hopfield.measures.units and run.times[name][:1].tolist() == [0.0]:
            return np.asarray(run.records[name][0])
    return None


def dataset(job: Job, run: nj.Run) -> xr.Dataset:
    """The records as an `xarray.Dataset`, a pytree by the names of its leaves, with what was run and by whom in the attributes."""
    import json

    import xarray as xr

    from neurojax.sweep.provenance import provenance
    from neurojax.sweep.spec import describe

    data, coordinates = {}, {}
    for name, record in job.arguments["record"].items():
        axis = "time" if isinstance(record, nj.Trace) else (record.axis(job.arguments["dt"]) or ("",))[0]
        for leaf, values in leaves(name, run.records[name]):
            dims = [f"{leaf}_{i}" for i in range(values.ndim)]
            if axis and values.ndim:
                dims[0] = f"{name}_{axis}"
                coordinates[dims[0]] = np.asarray(run.times[name])
            data[leaf] = (dims, values)
    arguments = {name: describe(value) for name, value in job.arguments.items()}
    what = {
        "system": describe(job.system),
        "arguments": arguments,
        "status": run.status,
        "bad_step": run.bad_step,
    }
    dtype = (job.config["options"] or {}).get("dtype") or "float32"
    attributes = {"what": json.dumps(what), "provenance": json.dumps(provenance(jax.devices()[:1], dtype)), "config": as_yaml(job.config)}
    return xr.Dataset(data, coordinates, attributes)


def leaves(name: str, value: Any) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays of a record, named as a sweep names them."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(value):
        suffix = "".join("." + str(getattr(key, "name", getattr(key, "key", getattr(key, "idx", key)))) for key in path)
        yield name + suffix, np.asarray(leaf)


def write(job: Job, run: nj.Run, request: Request, command: str, draw: Callable[[Any, str], None]) -> None:
    """The files that the configuration asks for, and the configuration beside the first of them."""
    out, figure, save = (job.config[name] for name in ("out", "figure", "save"))
    for path in filter(None, (out, figure, save)):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    if out:
        dataset(job, run).to_netcdf(out, engine="scipy")
        print(f"records: {out}")
    if save:
        nj.save_state(save, run.final_state)
        print(f"state: {save}")
    if figure:
        draw(dataset(job, run), figure)
        print(f"figure: {figure}")
    if first := out or save or figure:
        print(f"repeat: neurojax {command} --config {keep_config(job.config, first, request.flags.get('--config'))}")


def _draw(data: xr.Dataset, system: Any, path: str) -> None:
    from neurojax.cli.drawing import draw_run

    draw_run(data, system, path)


def stopped(job: Job, run: nj.Run, request: Request, command: str, rest: str) -> int:
    """Keep what an interrupted run came to, and say how to go on with the rest."""
    save = job.config["save"]
    if save is None:
        print(f"neurojax {command}: stopped after {length_of(job, run)}; with save=state.npz it could be continued", file=sys.stderr)
        return 130
    nj.save_state(save, run.final_state)
    path = keep_config(job.config, save, request.flags.get("--config"))
    again = f"neurojax {command} --config {path} state={save} {rest}"
    print(f"neurojax {command}: stopped after {length_of(job, run)}; continue: {again}", file=sys.stderr)
    return 130


def length_of(job: Job, run: nj.Run) -> str:
    """How far a run came, in words."""
    step = run.final_state.step if run.status != DIVERGED else run.bad_step
    return f"{step} steps (time {step * job.arguments['dt']:g})"


def _shape(values: Sequence[Any] | np.ndarray) -> str:
    return " x ".join(map(str, np.shape(values)))
