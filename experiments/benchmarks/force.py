"""FORCE: milliseconds for a step of one network in training, beside a NumPy loop, other programs, and what the memory allows."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from experiments.benchmarks.case import peak_memory
from experiments.benchmarks.table import Line, below

DT, TAU, PERIOD = 1.0, 10.0, 1200.0
LEAST, MOST = 400, 40_000  # steps of a call

Run = Callable[[int], Any]  # trains for so many steps


@dataclasses.dataclass(frozen=True)
class Job:
    """What is trained: `lanes` networks of n units with `outputs` readouts, an update every `interval` steps, on so many threads.

    sparse: J is kept by its rows (`FixedIndegree`), else whole.
    """

    label: str
    program: str = "ours"
    n: int = 1000
    interval: int = 2
    lanes: int = 1
    outputs: int = 1
    method: str = "potter"
    sparse: bool = False
    dtype: str = "float32"
    threads: int = 1


def ours(job: Job) -> Run:
    """`nj.sweep` over seeds."""
    import jax.numpy as jnp

    import neurojax as nj

    nj.use_cpus(job.threads if job.lanes > 1 else 1)
    sizes = jnp.linspace(0.5, 1.0, job.outputs)

    def target(time):
        return sizes * jnp.sin(2 * np.pi * time / PERIOD)

    recurrent = nj.force.FixedIndegree(0.1) if job.sparse else nj.SparseGaussian(0.1)
    system = nj.Training(nj.RateNetwork(job.n, outputs=job.outputs, recurrent=recurrent), target, nj.RLS(method=job.method), job.interval)  # type: ignore[arg-type]
    record = {"z": nj.Last(nj.force.measures.output)}
    options = nj.SweepOptions(dtype=job.dtype, progress=False)
    return lambda steps: nj.sweep(system, {}, seeds=job.lanes, steps=steps, dt=DT, record=record, options=options)


def numpy_loop(job: Job) -> Run:
    """The loop that one writes first, float64, dense: products of J and P with a vector, one update of rank one."""
    n, rng = job.n, np.random.default_rng(0)
    weights = 1.5 * rng.normal(size=(n, n)) * (rng.random((n, n)) < 0.1) / np.sqrt(0.1 * n)
    back, x = rng.uniform(-1, 1, n), 0.5 * rng.normal(size=n)

    def run(steps: int) -> None:
        state, readout, inverse, z = x.copy(), np.zeros(n), np.eye(n), 0.0
        for step in range(steps):
            rates = np.tanh(state)
            if step % job.interval == 0:
                image = inverse @ rates
                total = 1 + rates @ image
                inverse -= np.outer(image, image / total)
                readout -= (z - np.sin(2 * np.pi * step / PERIOD)) / total * image
            state = state + DT / TAU * (-state + weights @ rates + back * z)
            z = readout @ np.tanh(state)

    return run


def plain_jax(job: Job) -> Run:
    """The same loop in `jax.lax.fori_loop`, float32, jitted once."""
    import jax
    import jax.numpy as jnp

    n, rng = job.n, np.random.default_rng(0)
    weights = jnp.asarray(1.5 * rng.normal(size=(n, n)) * (rng.random((n, n)) < 0.1) / np.sqrt(0.1 * n), jnp.float32)
    back, x = (jnp.asarray(a, jnp.float32) for a in (rng.uniform(-1, 1, n), 0.5 * rng.normal(size=n)))

    def step(number, carry):
        state, readout, inverse, z = carry
        rates = jnp.tanh(state)

        def learn(readout, inverse):
            image = inverse @ rates
            total = 1 + rates @ image
            return readout - (z - jnp.sin(2 * np.pi * number / PERIOD)) / total * image, inverse - jnp.outer(image, image / total)

        readout, inverse = jax.lax.cond(number % job.interval == 0, learn, lambda *same: same, readout, inverse)
        state = state + DT / TAU * (-state + weights @ rates + back * z)
        return state, readout, inverse, readout @ jnp.tanh(state)

    start = (x, jnp.zeros(n), jnp.eye(n), jnp.zeros(()))
    whole = jax.jit(lambda steps: jax.lax.fori_loop(0, steps, step, start))
    return lambda steps: jax.block_until_ready(whole(steps))


def reservoirpy(job: Job) -> Run:
    """`Reservoir >> RLS`, `partial_fit` on a series: it learns at every step, in float64, without feedback."""
    nodes: Any = importlib.import_module("reservoirpy.nodes")

    model = nodes.Reservoir(job.n, lr=DT / TAU, sr=1.5, rc_connectivity=0.1, seed=0) >> nodes.RLS(alpha=1.0)

    def run(steps: int) -> None:
        series = np.sin(2 * np.pi * np.arange(steps + 1) / PERIOD)[:, None]
        model.partial_fit(series[:-1], series[1:])

    return run


def brainpy(job: Job) -> Run:
    """`ForceTrainer` of a leaky reservoir and a dense readout, float32: it learns at every step, without feedback."""
    bp: Any = importlib.import_module("brainpy")
    bm = bp.math

    class Net(bp.DynamicalSystem):
        def __init__(self):
            super().__init__(mode=bm.batching_mode)
            self.reservoir = bp.dyn.Reservoir(1, job.n, leaky_rate=DT / TAU, spectral_radius=1.5, rec_connectivity=0.1, in_connectivity=1.0)
            self.readout = bp.dnn.Dense(job.n, 1, mode=bm.training_mode)

        def update(self, signal):
            return self.readout(self.reservoir(signal))

    with bm.environment(bm.batching_mode):
        net = Net()
    net.reset(1)
    trainer = bp.ForceTrainer(net, alpha=1.0, progress_bar=False)

    def run(steps: int) -> None:
        series = bm.sin(2 * np.pi * bm.arange(steps + 1) / PERIOD)[None, :, None]
        trainer.fit([series[:, :-1], series[:, 1:]])
        np.asarray(net.readout.W.value)  # wait for it

    return run


PROGRAMS = {"ours": ours, "numpy": numpy_loop, "plain_jax": plain_jax, "reservoirpy": reservoirpy, "brainpy": brainpy}


def missing(program: str) -> str | None:
    """What to install, if anything."""
    absent = program in ("reservoirpy", "brainpy") and importlib.util.find_spec(program) is None
    return f"not installed: pip install {program}" if absent else None


def measured(run: Run, lanes: int, seconds: float, rounds: int = 3) -> dict[str, float]:
    """Milliseconds for a step of one network: of the steps that a longer warm call makes beyond a shorter one, the best round."""

    def took(count: int) -> float:
        began = time.perf_counter()
        run(count)
        return time.perf_counter() - began

    def beyond(steps: int) -> float:
        """Seconds that so many steps take, of calls whose programs are compiled."""
        return took(LEAST + steps) - took(LEAST)

    steps = LEAST
    for count in (LEAST, LEAST + steps):
        run(count)
    while (once := beyond(steps)) < seconds and steps < MOST:
        steps = min(MOST, LEAST * max(2 * steps // LEAST, int(1.2 * seconds / max(once, 0.02) * steps / LEAST)))
        run(LEAST + steps)
    best = (min(took(LEAST + steps) for _ in range(rounds)) - min(took(LEAST) for _ in range(rounds))) / steps
    return {"ms": 1e3 * best / lanes, "steps": steps, "peak_mb": peak_memory() / 1e6}


def bandwidth(n: int, rounds: int = 200) -> dict[str, float]:
    """Milliseconds to read a float32 matrix in a product with a vector, and to add a number to it in place; the best of many."""
    matrix, vector = np.ones((n, n), np.float32), np.ones(n, np.float32)
    out = np.empty(n, np.float32)
    works: dict[str, Callable[[], Any]] = {
        "read": lambda: np.dot(matrix, vector, out=out),
        "write": lambda: np.add(matrix, np.float32(1e-9), out=matrix),
    }
    found = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, work in works.items():
            began = time.perf_counter()
            work()
            found[name] = min(found[name], 1e3 * (time.perf_counter() - began))
    return found


def child(job: Job, seconds: float) -> dict[str, Any]:
    """One measurement, in this process, on so many cores; `runner.child` limits the threads of BLAS."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: job.threads])
    if job.program == "bandwidth":
        return bandwidth(job.n)
    return measured(PROGRAMS[job.program](job), job.lanes, seconds)


BASE = "NumPy loop, float64"
JOBS = (
    Job(BASE, "numpy"),
    Job("plain JAX loop, float32", "plain_jax"),
    Job("neurojax, potter (default), dense J"),
    Job("neurojax, block, dense J", method="block"),
    Job("neurojax, potter (default)", sparse=True),
    Job("neurojax, block", method="block", sparse=True),
    Job("neurojax, symmetric", method="symmetric", sparse=True),
    Job("neurojax, symmetric, float64", method="symmetric", dtype="float64", sparse=True),
    Job("neurojax, block, float64", method="block", dtype="float64", sparse=True),
    Job("neurojax, potter, 2 threads", threads=2, sparse=True),
    Job("neurojax, block, 2 threads", method="block", threads=2, sparse=True),
    Job("neurojax, block, 4 networks", method="block", lanes=4, sparse=True),
    Job("neurojax, block, 4 networks, 2 threads", method="block", lanes=4, threads=2, sparse=True),
    Job("neurojax, block, 95 outputs", method="block", outputs=95, sparse=True),
    Job("neurojax, block, 4 networks, dense J", method="block", lanes=4),
    Job("neurojax, potter, 95 outputs, dense J", outputs=95),
    Job("neurojax, block, 95 outputs, dense J", method="block", outputs=95),
    Job("neurojax, block, n = 300", method="block", n=300),
    Job("neurojax, block, n = 300, 64 networks", method="block", n=300, lanes=64),
    Job("NumPy loop, update at every step", "numpy", interval=1),
    Job("neurojax, potter, update at every step", interval=1, sparse=True),
    Job("neurojax, block, update at every step", method="block", interval=1, sparse=True),
    Job("BrainPy ForceTrainer, update at every step", "brainpy", interval=1),
    Job("reservoirpy RLS, update at every step", "reservoirpy", interval=1),
)


def table(found: dict[str, dict[str, float]], notes: dict[str, str], memory: dict[str, float]) -> tuple[str, list[Line]]:
    """The measurements in Markdown, and what is asked of them."""
    rows = [
        "| n = 1,000, one thread, sparse J, if nothing is said | ms a step and network | / NumPy loop | share of the bound | peak MB |",
        "|---|--:|--:|--:|--:|",
    ]
    for job in JOBS:
        if job.label not in found:
            rows.append(f"| {job.label} | {notes.get(job.label, '')} | | | |")
            continue
        one = found[job.label]
        base = found.get(BASE if job.interval == 2 else "NumPy loop, update at every step")
        ratio = f"{one['ms'] / base['ms']:.3f}" if base and job.n == 1000 else ""
        share = (
            f"{bound(memory, job.interval) / one['ms']:.2f}"
            if job.n == 1000 and job.dtype == "float32" and job.program in ("ours", "plain_jax", "brainpy") and job.threads == 1
            else ""
        )
        rows.append(f"| {job.label} | {one['ms']:.4f} | {ratio} | {share} | {one['peak_mb']:.0f} |")
    ms = {label: one["ms"] for label, one in found.items()}
    asked = (
        ("potter / NumPy loop", 0.25, "neurojax, potter (default)", BASE),
        ("block / NumPy loop", 0.15, "neurojax, block", BASE),
        ("symmetric in float64 / NumPy loop", 0.40, "neurojax, symmetric, float64", BASE),
        (
            "block / BrainPy, update at every step",
            1 / 1.8,
            "neurojax, block, update at every step",
            "BrainPy ForceTrainer, update at every step",
        ),
        ("4 networks, each / one", 1.2, "neurojax, block, 4 networks, dense J", "neurojax, block, dense J"),
        ("64 networks of 300, each / one", 1.5, "neurojax, block, n = 300, 64 networks", "neurojax, block, n = 300"),
        ("95 outputs / one, potter", 1.15, "neurojax, potter, 95 outputs, dense J", "neurojax, potter (default), dense J"),
        ("95 outputs / one, block", 1.15, "neurojax, block, 95 outputs, dense J", "neurojax, block, dense J"),
    )
    lines = [below(what, most, ms[one] / ms[other]) for what, most, one, other in asked if one in ms and other in ms]
    return "\n".join(rows), lines


def bound(memory: dict[str, float], interval: int) -> float:
    """Milliseconds of a step that reads J, and at an update reads P and writes it anew, float32, at the speed of the memory."""
    return memory["read"] + (memory["read"] + memory["write"]) / interval
