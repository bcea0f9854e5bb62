"""`neurojax train`: a network learns and runs on by itself; how well, as a table, a file, a figure."""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

import neurojax as nj
from neurojax.cli import run as single
from neurojax.cli.config import Request, as_yaml
from neurojax.cli.job import Job, initial, options, prepared
from neurojax.cli.models import read
from neurojax.engine.simulate import DIVERGED
from neurojax.force import measures

FLAGS = single.FLAGS


def command(request: Request) -> int:
    """Do it; 1 where the run diverged, 130 where it was interrupted."""
    job = prepared("train", request)
    config = job.config
    if not isinstance(job.system, nj.Training | nj.FullForce):
        raise ValueError(f"{job.model.name} does not learn: give `force`, or a function of your own that returns nj.Training(...)")
    single.check_files(config)
    if "--cfg" in request.flags:
        print(as_yaml(config), end="")
        return 0
    began = time.perf_counter()
    settings = {"seed": read("seed", config["seed"], job.known), "state": initial(job)}
    try:
        run = nj.simulate(job.system, **job.arguments, **settings, options=options(job, nj.Options, progress=sys.stderr.isatty()))
    except nj.Interrupted as error:
        return single.stopped(job, error.run, request, "train", _rest(job, error.run))
    print(single.table(job, run))
    single.write(job, run, request, "train", _draw)
    for line in judged(job, run):
        print(line)
    print(f"{'diverged' if run.status == DIVERGED else 'done'}: {single.length_of(job, run)} in {time.perf_counter() - began:.1f} s")
    if run.status == DIVERGED:
        print(f"neurojax train: diverged at step {run.bad_step}, where the state is no longer finite", file=sys.stderr)
        return 1
    return 0


def judged(job: Job, run: nj.Run) -> list[str]:
    """How well each output keeps to its target in the test, of the records z and f, where both are traces with the same times."""
    test = job.arguments["duration"].phases.get("test")
    if test is None or any(not isinstance(job.arguments["record"].get(name), nj.Trace) for name in ("z", "f")):
        return []
    times, others = (np.asarray(run.times[name], float) for name in ("z", "f"))
    late = times > run.final_state.step * job.arguments["dt"] - test.duration - job.arguments["dt"] / 2
    if not np.array_equal(times, others) or late.sum() < 2:
        return []
    z, f = (np.asarray(run.records[name], float)[late].reshape(late.sum(), -1) for name in ("z", "f"))
    f = np.broadcast_to(f, z.shape)
    lines = [f"test: mean |z - f| = {np.abs(z - f).mean():.4g}, of mean |f| = {np.abs(f).mean():.4g}"]
    samples = float(getattr(job.system.target, "period", 0)) / (times[1] - times[0])
    period = round(samples)
    if not 0 < period <= len(z) or abs(samples - period) > 1e-3:
        return lines
    for number in range(z.shape[1]):
        one = measures.accuracy(z[:, number], f[:, number], period)
        name = f"output {number + 1}: " if z.shape[1] > 1 else ""
        lines.append(
            f"test: {name}{one.aligned:.4g} up to drift, {one.first_period:.4g} in the first period, "
            f"amplitude {one.amplitude:.3f} and frequency {one.frequency:.4f} of the target's"
        )
    return lines


def _draw(data: Any, path: str) -> None:
    """The figure of the family where z, f and dw are recorded, else that of any run."""
    from neurojax.cli.picture import draw
    from neurojax.force.plot import draw_training

    if all(name in data and data[name].ndim for name in ("z", "f", "dw")):
        draw_training(data["z"], data["f"], data["dw"]).savefig(path, dpi=150)
    else:
        draw(data, path)


def _rest(job: Job, run: nj.Run) -> str:
    """What is left to do of both parts."""
    begun = 0 if job.config["state"] is None else initial(job).step
    left = {name: phase.duration for name, phase in job.arguments["duration"].phases.items()}
    done = (run.final_state.step - begun) * job.arguments["dt"]
    learn = max(0.0, left.get("train", 0.0) - done)
    test = left.get("test", 0.0) - max(0.0, done - left.get("train", 0.0))
    return f"learn={learn:.10g} test={test:.10g}"
