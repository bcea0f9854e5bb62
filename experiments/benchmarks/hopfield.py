"""Attractor memories: seconds of recall for 512 networks of 500 units, beside a line of NumPy, other programs, and the product's limit.

Storing and drawing patterns are outside the clock on all sides: of ours, a call without steps is taken off a call with all. Both are calls
of the public sweep, warm.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from experiments.benchmarks.case import peak_memory
from experiments.benchmarks.table import Line, at_least

N, SEEDS, SHARE, MOST = 500, 32, 0.1, 100  # units; networks at each load; share of a cue that is flipped; steps at most
PAIRS = 6  # of calls without steps and with all, one after the other
LOADS = tuple(round(load) for load in np.linspace(0.05, 0.2, 16) * N)  # patterns
BUCKETS = (40, 60, 80, 100)  # rows that the loads are padded to
SHOWN = (LOADS[0], LOADS[8], LOADS[-1])  # loads whose mean overlap is shown
UNITS, STORED, TEMPERATURES = 500, 25, np.linspace(0.1, 0.3, 16)  # of the memory with noise


@dataclasses.dataclass(frozen=True)
class Job:
    """What is measured: a program at a task, on so many threads.

    task: "one" recalls one cue of every network, "all" every pattern of every network, "noise" asks units one after the other at a
    temperature, "limit" multiplies. seeds: networks at each load; what they take is scaled to all 32.
    """

    label: str
    program: str
    task: str = "one"
    threads: int = 1
    seeds: int = SEEDS

    @property
    def scale(self) -> float:
        """All networks over those measured."""
        return SEEDS / self.seeds


def ours(job: Job) -> dict[str, Any]:
    """`nj.sweep` over loads, cues and seeds."""
    return _ours(job, leave=True)


def ours_without(job: Job) -> dict[str, Any]:
    """The same memory, but it never says that it is done."""
    return _ours(job, leave=False)


def _ours(job: Job, *, leave: bool) -> dict[str, Any]:
    import neurojax as nj
    from neurojax.hopfield import measures

    nj.use_cpus(job.threads)

    class Endless(nj.Hopfield):
        done = nj.System.done

    model = nj.Hopfield if leave else Endless

    def memory(load: float, which: float = 0.0) -> Any:
        rows = next(rows for rows in BUCKETS if rows >= load)
        return model(N, nj.RandomPatterns(rows, stored=load), nj.Flips(SHARE, which=which))

    cues = [(float(load), float(which)) for load in LOADS for which in range(load if job.task == "all" else 1)]
    loads, which = zip(*cues, strict=True)
    record = {"m": nj.Last(measures.target_overlap), "steps": nj.Last(measures.step_count), "settled": nj.Last(measures.settled)}
    options = nj.SweepOptions(progress=False)

    def call(steps: int) -> tuple[float, Any]:
        began = time.perf_counter()
        data = nj.sweep(
            memory, {"cue": nj.zip(load=loads, which=which)}, seeds=job.seeds, steps=steps, dt=1.0, record=record, options=options
        )
        return time.perf_counter() - began, data

    for steps in (0, MOST):
        call(steps)
    pairs = [(call(0)[0], call(MOST)) for _ in range(PAIRS)]
    least, (took, data) = min(pair[0] for pair in pairs), min((pair[1] for pair in pairs), key=lambda one: one[0])
    taken = data.steps.values + data.settled.values  # the step that finds nothing changed is one, too
    means = data.m.mean("seed").values
    overlaps = [float(means[np.asarray(loads) == load].mean()) for load in SHOWN]
    flops = float((4.0 * N * np.asarray(loads)[:, None] * taken).sum())
    return _found(job, took - least, int(taken.sum()), overlaps, flops, took)


def networks(job: Job) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Patterns and damaged cues (one, or all) of network after network, by load; float32."""
    rng = np.random.default_rng(0)
    for load in LOADS:
        for _ in range(job.seeds):
            patterns = (2 * rng.integers(0, 2, (load, N)) - 1).astype(np.float32)
            cued = patterns if job.task == "all" else patterns[:1]
            yield load, patterns, np.where(rng.random(cued.shape) < SHARE, -cued, cued)


def _recalled(job: Job, store: Callable[[np.ndarray], Any], recall: Callable[[Any, np.ndarray], tuple[np.ndarray, int]]) -> dict[str, Any]:
    """Seconds of `recall(what `store` made, cues) -> (ends, lane-steps)` alone, over all networks."""
    seconds, steps, flops, ends = 0.0, 0, 0.0, {load: [] for load in LOADS}
    for load, patterns, cues in networks(job):
        held = store(patterns)
        began = time.perf_counter()
        states, taken = recall(held, cues)
        seconds += time.perf_counter() - began
        steps, flops = steps + taken, flops + 4.0 * N * load * taken
        ends[load].append(np.mean(np.sum(states * patterns[: len(cues)], axis=1) / N))
    return _found(job, seconds, steps, [float(np.mean(ends[load])) for load in SHOWN], flops)


def _found(job: Job, seconds: float, steps: int, overlaps: list[float], flops: float, whole: float | None = None) -> dict[str, Any]:
    return {
        "seconds": seconds * job.scale,
        "steps": steps * job.scale,
        "gflops": flops / seconds / 1e9,
        "flops": flops * job.scale,
        "whole": whole,
        "overlaps": overlaps,
        "peak_mb": peak_memory() / 1e6,
    }


def low_rank(job: Job) -> dict[str, Any]:
    """`x' (x s) - P s` in float32 until a state stays or comes back, one cue after the other."""

    def recall(x: np.ndarray, cues: np.ndarray) -> tuple[np.ndarray, int]:
        back, count, ends, total = x.T, len(x), [], 0
        for s in cues:
            before = s
            for _ in range(MOST):
                h = back @ (x @ s) - count * s
                new = np.where(h == 0, s, np.sign(h))
                total += 1
                if (new == s).all() or (new == before).all():
                    break
                before, s = s, new
            ends.append(s)
        return np.array(ends), total

    return _recalled(job, lambda x: x, recall)


def low_rank_together(job: Job) -> dict[str, Any]:
    """The same for all cues of a network as one product, of which those that have come to rest are left out."""

    def recall(x: np.ndarray, cues: np.ndarray) -> tuple[np.ndarray, int]:
        ends, places, s, total = cues.copy(), np.arange(len(cues)), cues, 0
        before = s
        for _ in range(MOST):
            h = (s @ x.T) @ x - len(x) * s
            new = np.where(h == 0, s, np.sign(h))
            total += len(s)
            ends[places] = new
            going = ~((new == s).all(axis=1) | (new == before).all(axis=1))
            before, s, places = s[going], new[going], places[going]
            if not len(s):
                break
        return ends, total

    return _recalled(job, lambda x: x, recall)


def notebook(job: Job) -> dict[str, Any]:
    """The matrix as a sum of outer products, and `np.sign(J @ s)`, in float64."""

    def store(x: np.ndarray) -> np.ndarray:
        weights = np.zeros((N, N))
        for pattern in x.astype(float):
            weights += np.outer(pattern, pattern)
        np.fill_diagonal(weights, 0)
        return weights / len(x)

    def recall(weights: np.ndarray, cues: np.ndarray) -> tuple[np.ndarray, int]:
        s = before = cues[0].astype(float)
        for step in range(MOST):
            new = np.sign(weights @ s)
            if np.array_equal(new, s) or np.array_equal(new, before):
                return new[None], step + 1
            before, s = s, new
        return s[None], MOST

    return _recalled(job, store, recall)


def hopfieldnetwork(job: Job) -> dict[str, Any]:
    """Synchronous updates until a fixed point or a cycle of two; its steps are not counted as ours, so that they are left out."""
    program: Any = importlib.import_module("hopfieldnetwork")

    def store(x: np.ndarray) -> Any:
        network = program.HopfieldNetwork(N)
        network.train_pattern(x.T.astype(float))
        return network

    def recall(network: Any, cues: np.ndarray) -> tuple[np.ndarray, int]:
        network.set_initial_neurons_state(cues[0].astype(float))
        network.update_neurons(1, "sync", run_max=True)
        return network.S[None], 0

    return _recalled(job, store, recall)


def hopfieldkit(job: Job) -> dict[str, Any]:
    """One unit after the other, the only dynamics that it has."""
    program: Any = importlib.import_module("hopfieldkit")

    def recall(network: Any, cues: np.ndarray) -> tuple[np.ndarray, int]:
        return network.recall(cues[0], seed=0)[None], 0

    return _recalled(job, lambda x: program.HopfieldNetwork(N).fit(x), recall)


def limit(job: Job) -> dict[str, Any]:
    """GFLOP/s of the products that recall is made of, 80 cues and 80 patterns, by NumPy and by jnp.matmul; the faster."""
    import jax
    import jax.numpy as jnp

    import neurojax as nj

    nj.use_cpus(job.threads)
    cues, count = np.ones((80, N), np.float32), 400
    rates = [_rate(lambda: [(cues @ cues.T) @ cues for _ in range(count)], 4.0 * 80 * 80 * N * count)]
    program = jax.jit(lambda s, x: jax.lax.fori_loop(0, count, lambda _, s: jnp.sign((s @ x.T) @ x), s))
    devices = jax.devices()[: job.threads]
    held = [[jax.device_put(cues, device) for _ in range(2)] for device in devices]
    rates.append(_rate(lambda: jax.block_until_ready([program(*one) for one in held]), 4.0 * 80 * 80 * N * count * len(devices)))
    return {"gflops": max(rates), "rates": rates}


def _rate(call: Callable[[], Any], flops: float) -> float:
    call()
    times = []
    for _ in range(5):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return flops / min(times) / 1e9


def noise(job: Job) -> dict[str, Any]:
    """Glauber dynamics by `nj.sweep`: 16 temperatures and 4 networks, or one lane where `seeds` is 1."""
    import neurojax as nj
    from neurojax.hopfield import measures

    nj.use_cpus(job.threads)
    seeds, temperatures = (1, TEMPERATURES[:1]) if job.seeds == 1 else (4, TEMPERATURES)
    model = nj.Hopfield(UNITS, nj.RandomPatterns(STORED), nj.Flips(0.0), units=nj.Glauber(0.2), updates=nj.Asynchronous())
    record, options = {"m": nj.Mean(measures.target_overlap)}, nj.SweepOptions(progress=False)

    def took(steps: int) -> float:
        began = time.perf_counter()
        nj.sweep(model, {"temperature": temperatures}, seeds=seeds, steps=steps, dt=1.0, record=record, options=options)
        return time.perf_counter() - began

    few, many = 2, 402 if job.seeds == 1 else 102
    for steps in (few, many):
        took(steps)
    seconds = min(took(many) for _ in range(3)) - min(took(few) for _ in range(3))
    return {"updates": (many - few) * UNITS * seeds * len(temperatures) / seconds, "peak_mb": peak_memory() / 1e6}


def noise_numba(job: Job) -> dict[str, Any]:
    """The same in numba: sums over the patterns kept up to date, one network."""
    numba: Any = importlib.import_module("numba")

    @numba.njit(fastmath=True)
    def run(columns, s, sums, temperature, sweeps):
        n, count = columns.shape
        for _ in range(sweeps):
            for i in np.random.permutation(n):  # noqa: NPY002 (numba's own)
                h = np.float32(0)
                for k in range(count):
                    h += columns[i, k] * sums[k]
                h = (h - count * s[i]) / n
                new = np.float32(1) if np.random.random() < 1 / (1 + np.exp(-2 * h / temperature)) else np.float32(-1)  # noqa: NPY002
                if new != s[i]:
                    change = new - s[i]
                    s[i] = new
                    for k in range(count):
                        sums[k] += change * columns[i, k]

    columns = (2 * np.random.default_rng(0).integers(0, 2, (UNITS, STORED)) - 1).astype(np.float32)
    s = columns[:, 0].copy()
    sums = columns.T @ s
    run(columns, s, sums, 0.2, 2)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        run(columns, s, sums, 0.2, 1000)
        times.append(time.perf_counter() - began)
    return {"updates": 1000 * UNITS / min(times), "peak_mb": peak_memory() / 1e6}


PROGRAMS = {
    one.__name__: one
    for one in (ours, ours_without, low_rank, low_rank_together, notebook, hopfieldnetwork, hopfieldkit, limit, noise, noise_numba)
}
NEEDS = {"hopfieldnetwork": "hopfieldnetwork", "hopfieldkit": "hopfieldkit", "noise_numba": "numba"}


def missing(program: str) -> str | None:
    """What to install, if anything."""
    needed = NEEDS.get(program)
    return f"not installed: pip install {needed}" if needed and importlib.util.find_spec(needed) is None else None


def child(job: Job) -> dict[str, Any]:
    """One measurement, in this process, on so many cores; `runner.child` limits the threads of BLAS."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: job.threads])
    return PROGRAMS[job.program](job)


def _both(label: str, program: str, task: str = "one", seeds: int = SEEDS) -> tuple[Job, Job]:
    return Job(label, program, task, 1, seeds), Job(f"{label}, 2 threads", program, task, 2, seeds)


JOBS = (
    *_both("product's limit", "limit", "limit"),
    *_both("neurojax", "ours"),
    Job("neurojax, no lane is left", "ours_without"),
    *_both("low-rank NumPy", "low_rank"),
    Job("plain NumPy", "notebook", seeds=4),
    Job("hopfieldnetwork", "hopfieldnetwork", seeds=4),
    Job("hopfieldkit, asynchronous", "hopfieldkit", seeds=1),
    *_both("neurojax, all cues", "ours", "all"),
    Job("neurojax, all cues, no lane is left", "ours_without", "all", seeds=4),
    *_both("low-rank NumPy, all cues", "low_rank", "all", 4),
    *_both("low-rank NumPy, all cues of a network together", "low_rank_together", "all", 8),
    *_both("neurojax, noise, 64 lanes", "noise", "noise"),
    Job("neurojax, noise, one lane", "noise", "noise", seeds=1),
    Job("numba, noise", "noise_numba", "noise"),
)


def faster(one: dict[str, Any], other: dict[str, Any] | None) -> bool:
    """Whether one measurement of a job is better than another."""
    if other is None or "seconds" not in one:
        return other is None or max(one.get(key, 0.0) for key in ("gflops", "updates")) > max(
            other.get(key, 0.0) for key in ("gflops", "updates")
        )
    return one["seconds"] < other["seconds"]


def said(one: dict[str, Any]) -> str:
    """A measurement in a word."""
    return f"{one['seconds']:.3g} s" if "seconds" in one else f"{one.get('gflops', one.get('updates')):.4g}"


def table(found: dict[str, dict[str, Any]], notes: dict[str, str]) -> tuple[str, list[Line]]:
    """The measurements in Markdown, and what is asked of them."""
    shown = ", ".join(f"{load / N:.2g}" for load in SHOWN)
    parts = []
    for task, title in (("one", "one cue of each of 512 networks"), ("all", "all 32,000 patterns as cues")):
        rows = [
            f"| {title} | recall, s | / low-rank NumPy | us a lane-step | GFLOP/s | whole call, s | peak MB | overlap at loads {shown} |",
            "|---|--:|--:|--:|--:|--:|--:|---|",
        ]
        for job in JOBS:
            if job.task == task:
                rows.append(_row(job, found, notes))
        parts.append("\n".join(rows))
    rows = [f"| {UNITS} units, {STORED} patterns, Glauber, one unit at a time | M updates/s | peak MB |", "|---|--:|--:|"]
    for job in JOBS:
        if job.task == "noise":
            one = found.get(job.label)
            rows.append(
                f"| {job.label} | {one['updates'] / 1e6:.3g} | {one['peak_mb']:.0f} |" if one else f"| {job.label} | {notes[job.label]} | |"
            )
    parts.append("\n".join(rows))
    limits = [f"{job.label}: {found[job.label]['gflops']:.0f} GFLOP/s" for job in JOBS if job.task == "limit" and job.label in found]
    return "\n\n".join([*parts, "; ".join(limits)]), _lines(found)


def _row(job: Job, found: dict[str, dict[str, Any]], notes: dict[str, str]) -> str:
    if job.label not in found:
        return f"| {job.label} | {notes.get(job.label, '')} | | | | | | |"
    one = found[job.label]
    base = found.get(_line_beside(job))
    ratio = f"{one['seconds'] / base['seconds']:.3g}" if base else ""
    step, flops = (f"{1e6 * one['seconds'] / one['steps']:.2f}", f"{one['gflops']:.1f}") if one["steps"] else ("", "")
    whole = f"{one['whole']:.2f}" if one["whole"] else ""
    overlaps = ", ".join(f"{m:.3f}" for m in one["overlaps"])
    return f"| {job.label} | {one['seconds']:.3g} | {ratio} | {step} | {flops} | {whole} | {one['peak_mb']:.0f} | {overlaps} |"


def _line_beside(job: Job) -> str:
    """The line of NumPy at the same task on as many threads."""
    return f"low-rank NumPy{', all cues' if job.task == 'all' else ''}{', 2 threads' if job.threads == 2 else ''}"


def _lines(found: dict[str, dict[str, Any]]) -> list[Line]:
    """Asked: faster than each for one cue; for all cues three times the line of NumPy, or the product's limit if that comes first."""
    lines = []

    def ratio(one: str, other: str) -> float:
        return found[other]["seconds"] / found[one]["seconds"] if one in found and other in found else float("nan")

    for threads in ("", ", 2 threads"):
        lines.append(at_least(f"times low-rank NumPy, one cue{threads}", 1.0, ratio(f"neurojax{threads}", f"low-rank NumPy{threads}")))
    for other in ("plain NumPy", "hopfieldnetwork", "hopfieldkit, asynchronous"):
        lines.append(at_least(f"times {other}, one cue", 1.0, ratio("neurojax", other)))
    for threads in ("", ", 2 threads"):
        ours, line, limit = f"neurojax, all cues{threads}", f"low-rank NumPy, all cues{threads}", f"product's limit{threads}"
        asked = 3.0
        if {ours, line, limit} <= found.keys():
            asked = min(asked, found[line]["seconds"] / (found[ours]["flops"] / found[limit]["gflops"] / 1e9))
        lines.append(at_least(f"times low-rank NumPy, all cues{threads}", asked, ratio(ours, line)))
        share = found[ours]["gflops"] / found[limit]["gflops"] if {ours, limit} <= found.keys() else float("nan")
        lines.append(at_least(f"share of the product's limit, all cues{threads}", 0.0, share))
    lines.append(at_least("times no lane is left, one cue", 1.0, ratio("neurojax", "neurojax, no lane is left")))
    lines.append(at_least("times no lane is left, all cues", 1.0, ratio("neurojax, all cues", "neurojax, all cues, no lane is left")))
    noise = [found[label]["updates"] if label in found else float("nan") for label in ("neurojax, noise, 64 lanes", "numba, noise")]
    lines.append(at_least("share of numba's updates with noise", 0.0, noise[0] / noise[1]))
    return lines
