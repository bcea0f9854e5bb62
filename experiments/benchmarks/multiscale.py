"""Multiscale memory: seconds for a run of 2,000 steps of 150 neurons, beside loops of NumPy and JAX, and what the cache allows.

Of every program what a longer warm call takes beyond a shorter one: drawing, planning and compiling are outside the clock on all sides.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from experiments.benchmarks.case import peak_memory
from experiments.benchmarks.force import bandwidth
from experiments.benchmarks.table import Line, at_least, below

N, K, STEPS, LEAST = 150, 8, 2000, 200  # neurons; patterns; steps of a run; steps of the shorter call
BETA, U, TAU_J = 1.0, 200.0, 1000.0
BATCH, MANY, BLOCK, ROUNDS = 16, 1024, 16, 5
LONG = 100_000  # steps of a call where a run takes less than what is around it

Run = Callable[[int], float]  # makes so many steps, of all lanes; D at their end, the lanes' mean


@dataclasses.dataclass(frozen=True)
class Job:
    """What is run. each: D is recorded at every step, else at the last. block, tally: of `Multiscale`.

    kernel: lanes that are computed together, None where the sweep may choose. steps: of the longer call beyond the shorter.
    """

    label: str
    program: str = "ours"
    each: bool = False
    block: int | None = None
    tally: bool = False
    lanes: int = BATCH
    threads: int = 1
    kernel: int | None = None
    steps: int = STEPS


def ours(job: Job) -> Run:
    """`nj.sweep` over seeds."""
    return _swept(job, _model(job))


def _model(job: Job) -> Any:
    import neurojax as nj

    return nj.Multiscale(N, nj.Stream(nj.RademacherPatterns(K)), BETA, U, tau_J=TAU_J, block=job.block, tally=job.tally)


def events(job: Job) -> Run:
    """`nj.CoefficientMap` in the same way: K numbers instead of J, exact in this field."""
    import neurojax as nj

    return _swept(job, nj.CoefficientMap(N, nj.Stream(nj.RademacherPatterns(K)), BETA, U, tau_J=TAU_J, grid=1.0))


def _swept(job: Job, model: Any) -> Run:
    import neurojax as nj

    nj.use_cpus(job.threads)
    record, options = _record(job), nj.SweepOptions(progress=False, lanes=job.kernel)

    def run(steps: int) -> float:
        data = nj.sweep(model, {}, seeds=job.lanes, steps=steps, dt=1.0, record=record, options=options)
        return float(data.D.values.reshape(job.lanes, -1)[:, -1].mean())

    return run


def _record(job: Job) -> dict[str, Any]:
    import neurojax as nj
    from neurojax.multiscale import measures

    return {"D": nj.Trace(measures.distance) if job.each else nj.Last(measures.distance)}


def memory(job: Job) -> dict[str, float]:
    """Bytes for a lane by XLA's own account: of the loop, and of all with the state before and after it. Not run."""
    import neurojax as nj
    from neurojax.sweep.machine import Machine
    from neurojax.sweep.plan import Plan, Request

    def needs(lanes: int) -> tuple[int, int]:
        options = nj.SweepOptions(lanes=lanes)
        plan = Plan(Request(_model(job), {}, 1.0, steps=STEPS, seeds=lanes, record=_record(job), options=options))
        sizes = Machine(plan.parts[0], plan.common, sketch=True).lowered().compile().memory_analysis()
        return sizes.temp_size_in_bytes, sizes.temp_size_in_bytes + sizes.argument_size_in_bytes + sizes.output_size_in_bytes

    loop, whole = ((many - few) / (LARGE - SMALL) for few, many in zip(needs(SMALL), needs(LARGE), strict=True))
    return {"loop": loop, "whole": whole}


class Start:
    """Patterns (K, N), H (N, N), s (N,), J (N, N), and what is shown at each of many steps."""

    def __init__(self, seed: int, steps: int):
        rng = np.random.default_rng(seed)
        self.k = float(np.tanh(BETA))
        self.patterns = 2.0 * rng.integers(0, 2, (K, N)) - 1
        self.hebb = self.patterns.T @ self.patterns / K
        np.fill_diagonal(self.hebb, 0)
        upper = np.triu(rng.normal(size=(N, N)), 1) * self.k / np.sqrt(K)
        self.s, self.J = rng.uniform(-1, 1, N), upper + upper.T
        self.which = rng.integers(0, K, steps)


def numpy_loop(job: Job) -> Run:
    """A lean loop in float64: J changed in place, nothing allocated; D of two passes over J and a product."""
    start, share = Start(0, LEAST + job.steps), 1 / TAU_J
    field, k, hebb = U * start.patterns, start.k, start.hebb
    spare, x, g, kept = np.empty((N, N)), np.empty(N), np.empty(N), np.empty(LEAST + job.steps)

    def distance(J: np.ndarray) -> float:
        np.multiply(J, 1 / k, out=spare)
        np.subtract(spare, hebb, out=spare)
        flat = spare.ravel()
        return float(flat @ flat) / (N * (N - 1))

    def run(steps: int) -> float:
        s, J = start.s.copy(), start.J.copy()
        own = np.einsum("ii->i", J)
        for step in range(steps):
            if job.each:
                kept[step] = distance(J)
            np.dot(J, s, out=x)
            np.add(x, field[start.which[step]], out=x)
            np.multiply(x, BETA, out=x)
            np.tanh(x, out=s)
            np.multiply(s, share * k, out=g)
            np.multiply(g[:, None], s, out=spare)
            np.multiply(J, 1 - share, out=J)
            np.add(J, spare, out=J)
            own[:] = 0
        return distance(J)

    return run


def plain_jax(job: Job) -> Run:
    """The same loop in `jax.lax.scan`, float32, vmapped over the batch and jitted once."""
    import jax
    import jax.numpy as jnp

    import neurojax as nj

    nj.use_cpus(1)
    starts = [Start(seed, LEAST + job.steps) for seed in range(job.lanes)]
    k, share, away = starts[0].k, 1 / TAU_J, 1 - jnp.eye(N)

    def distance(J, hebb):
        return jnp.sum((J / k - hebb) ** 2) / (N * (N - 1))

    def lane(patterns, hebb, s, J, which):
        def step(carry, shown):
            s, J = carry
            seen = distance(J, hebb) if job.each else jnp.zeros(())
            s = jnp.tanh(BETA * (J @ s + U * patterns[shown]))
            return (s, J + share * (k * jnp.outer(s, s) * away - J)), seen

        (_, J), seen = jax.lax.scan(step, (s, J), which)
        return distance(J, hebb), seen

    whole = jax.jit(jax.vmap(lane))
    given = [jnp.asarray(np.stack([getattr(one, name) for one in starts]), jnp.float32) for name in ("patterns", "hebb", "s", "J")]
    shown = jnp.asarray(np.stack([one.which for one in starts]), jnp.int32)
    return lambda steps: float(jax.block_until_ready(whole(*given, shown[:, :steps]))[0].mean())


PROGRAMS = {"ours": ours, "events": events, "numpy": numpy_loop, "plain_jax": plain_jax}


def missing(program: str) -> str | None:
    """What to install: nothing."""
    return None


def measured(run: Run, job: Job) -> dict[str, float]:
    """Seconds for a run of one lane, the best of several rounds, and of the whole longer call for it."""

    def took(steps: int) -> tuple[float, float]:
        began = time.perf_counter()
        distance = run(steps)
        return time.perf_counter() - began, distance

    for steps in (LEAST, LEAST + job.steps):
        run(steps)
    pairs = [(took(LEAST)[0], *took(LEAST + job.steps)) for _ in range(ROUNDS)]
    least, most = (min(pair[place] for pair in pairs) for place in (0, 1))
    lanes = 1 if job.program == "numpy" else job.lanes
    scale = STEPS / job.steps / lanes
    return {"seconds": (most - least) * scale, "whole": most / lanes, "distance": pairs[-1][2], "peak_mb": peak_memory() / 1e6}


def child(job: Job) -> dict[str, Any]:
    """One measurement, in this process, on so many cores; `runner.child` limits the threads of BLAS."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: job.threads])
    if job.program == "bandwidth":
        return bandwidth(N)
    if job.program == "memory":
        return memory(job)
    return measured(PROGRAMS[job.program](job), job)


def _both(label: str, **options: Any) -> tuple[Job, Job]:
    return Job(label, **options), Job(f"{label}, 2 threads", threads=2, **options)


SMALL, LARGE = 16, 64  # lanes of the kernels whose memory is compared
JOBS = (
    *_both("NumPy loop, float64, D at every step", program="numpy", each=True),
    *_both("NumPy loop, float64", program="numpy"),
    *_both("plain JAX loop, float32, D at every step", program="plain_jax", each=True),
    *_both("plain JAX loop, float32", program="plain_jax"),
    *_both("neurojax, direct", block=None),
    Job("neurojax, direct, D at every step", each=True, steps=400),
    *_both("neurojax, direct, tally, D at every step", each=True, tally=True),
    *_both("neurojax, deferred", block=BLOCK),
    Job("neurojax, deferred, D at every step", each=True, block=BLOCK, steps=400),
    *_both("neurojax, deferred, tally, D at every step", each=True, block=BLOCK, tally=True),
    *_both("neurojax, coefficients", program="events", lanes=MANY, steps=LONG),
    *_both("neurojax, coefficients, D at every step", program="events", lanes=MANY, each=True, kernel=64, steps=LONG // 5),
    *(
        Job(f"memory, {label}", "memory", block=block, tally=tally)
        for label, block, tally in (
            ("direct", None, False),
            ("direct, tally", None, True),
            ("deferred", BLOCK, False),
            ("deferred, tally", BLOCK, True),
        )
    ),
    Job("cache", "bandwidth"),
)


def faster(one: dict[str, Any], other: dict[str, Any] | None) -> bool:
    """Whether one measurement of a job is better than another."""
    return other is None or any(one[key] < other[key] for key in ("seconds", "read") if key in one)


def said(one: dict[str, Any]) -> str:
    """A measurement in a word."""
    if "seconds" in one:
        return f"{1e3 * one['seconds']:.3g} ms"
    return f"{one['loop'] / 1e3:.4g} kB in the loop" if "loop" in one else f"{1e6 * one['read']:.3g} us to read a matrix"


def passes(job: Job) -> float:
    """Over J in a step, as XLA compiles it: one reads it for J s; the direct update reads and writes it; gathered ones are multiplied,
    which writes a matrix, and added, which reads two and writes one. D without a tally comes on top."""
    return 3.0 if job.block is None else 1 + 4 / job.block


def table(found: dict[str, dict[str, Any]], notes: dict[str, str]) -> tuple[str, list[Line]]:
    """The measurements in Markdown, and what is asked of them."""
    cache = found.get("cache")
    columns = (
        "ms a run",
        "NumPy loop / it",
        "us a step",
        "passes over J",
        "share of the bound",
        "whole call, ms a run",
        "D at the end",
        "peak MB",
    )
    head = f"| N = {N}, K = {K}, T = {STEPS:,}, batch of {BATCH} | {' | '.join(columns)} |"
    rows = [head, "|---|" + "--:|" * len(columns)]
    for job in JOBS:
        if job.program in ("memory", "bandwidth"):
            continue
        one = found.get(job.label)
        if one is None:
            rows.append(f"| {job.label} | {notes.get(job.label, '')} | | | | | | | |")
            continue
        ratio, step, own = _times(found, job), one["seconds"] / STEPS, job.program == "ours"
        share = f"{bound(cache, job) / job.threads / step:.2f}" if cache and own and not (job.each and not job.tally) else ""
        over = f"{passes(job):.3g}" if own else ""
        cells = (f"{1e3 * one['seconds']:.3g}", f"{ratio:,.3g}", f"{1e6 * step:.3g}", over, share, f"{1e3 * one['whole']:.3g}")
        rows.append(f"| {job.label} | {' | '.join(cells)} | {one['distance']:.2e} | {one['peak_mb']:.0f} |")
    by_label = {job.label: job for job in JOBS}
    lines = []
    for label, asked in (
        ("direct", 15.0),
        ("direct, tally, D at every step", 15.0),
        ("deferred", 15.0),
        ("deferred, tally, D at every step", 15.0),
    ):
        lines.append(at_least(f"times the NumPy loop, {label}, 2 threads", asked, _times(found, by_label[f"neurojax, {label}, 2 threads"])))
    for label in ("coefficients", "coefficients, D at every step"):
        lines.append(
            at_least(f"times the NumPy loop, {label}, 2 threads", 2000.0, _times(found, by_label[f"neurojax, {label}, 2 threads"]))
        )
    rows += ["", "| memory of a lane, in matrices of N x N float32 | the loop | with the state before and after it |", "|---|--:|--:|"]
    for job in JOBS:
        one = found.get(job.label)
        if job.program != "memory" or one is None:
            continue
        rows.append(f"| {job.label.removeprefix('memory, ')} | {one['loop'] / (4 * N * N):.2f} | {one['whole'] / (4 * N * N):.2f} |")
        if job.tally:
            what, held = ("J and a block", N * (N + job.block)) if job.block else ("J", N * N)
            lines.append(
                below(f"memory of a lane in the loop / ({what}), {job.label.removeprefix('memory, ')}", 1.05, one["loop"] / (4 * held))
            )
    return "\n".join(rows), lines


def _times(found: dict[str, dict[str, Any]], job: Job) -> float:
    """A run of the NumPy loop, with D as often, on the threads that suit it best, over one of a job."""
    label = f"NumPy loop, float64{', D at every step' if job.each else ''}"
    loops = [found[one]["seconds"] for one in (label, f"{label}, 2 threads") if one in found]
    return min(loops) / found[job.label]["seconds"] if loops and job.label in found else float("nan")


def bound(cache: dict[str, float], job: Job) -> float:
    """Seconds of a step that reads J for J s, and writes it anew as often as it does, float32, at the speed of NumPy in the cache."""
    return 1e-3 * (cache["read"] + cache["write"] / (job.block or 1))
