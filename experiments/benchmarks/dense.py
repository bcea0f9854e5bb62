"""Networks of 1,000 nodes shared by 64 lanes: the share of the machine's matrix-product rate that a run reaches."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import neurojax as nj
from experiments.benchmarks.case import DT, HALF_WIDTH, STRONGEST, cores, enough

N, LANES, DEGREE = 1000, 64, 10
ROUNDS = 5


def networks(seconds: float, n: int = N, lanes: int = LANES) -> dict[str, Any]:
    """Best rates over interleaved rounds: GFLOP/s of the dense run and of bare products, oscillator-steps/s of the sparse run."""
    nj.use_cpus(cores())
    flop = 4 * n * n * lanes  # two products of n^2 weights per lane and step, each a multiplication and an addition
    # Drawn beforehand: a recipe would be drawn again by every call.
    dense = nj.ErdosRenyi(p=0.5, seed=0, layout="dense").draw(None, n)
    sparse = nj.ErdosRenyi(p=DEGREE / n, seed=0, layout="sparse").draw(None, n)
    weights = nj.adjacency(dense)
    calls = {
        "dense": _run(dense, n, lanes),
        "matmul": _products(weights, 2 * lanes, len(jax.devices())),
        "matmul_one_device": _products(weights, 2 * lanes, 1),
        "numpy": _numpy_products(weights, 2 * lanes),
        "sparse": _run(sparse, n, lanes),
    }
    steps = {name: _steps(call, seconds) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            times[name].append(_timed(call, steps[name]) / steps[name])
    work = dict.fromkeys(calls, flop / 1e9) | {"sparse": n * lanes / 1e6}
    return {name: work[name] / min(times[name]) for name in calls}


def _timed(call: Callable[[int], Any], steps: int) -> float:
    began = time.perf_counter()
    call(steps)
    return time.perf_counter() - began


def _steps(call: Callable[[int], Any], seconds: float) -> int:
    call(1)
    return enough(lambda steps: _timed(call, steps), seconds, _timed(call, 1))


def _run(graph: Any, n: int, lanes: int) -> Callable[[int], Any]:
    model = nj.Kuramoto(n=n, frequencies=nj.Uniform(HALF_WIDTH), graph=graph, windings=False)

    def run(steps: int) -> None:
        nj.sweep(
            model,
            over={"coupling": np.linspace(0, STRONGEST, lanes)},
            dt=DT,
            steps=steps,
            method=nj.EulerMaruyama(),
            record={"r": nj.Mean(nj.order_parameter)},
            options=nj.SweepOptions(progress=False),
        )

    return run


def _products(weights: np.ndarray, rows: int, devices: int) -> Callable[[int], Any]:
    """Products `x W^T` one after the other, the rows of x divided among the devices; W's rows sum to one, so that x stays in range."""
    mesh = Mesh(np.asarray(jax.devices()[:devices]), ("device",))
    split, whole = PartitionSpec("device"), PartitionSpec()
    transposed = jax.device_put(jnp.asarray(weights.T, jnp.float32), NamedSharding(mesh, whole))
    ones = jax.device_put(jnp.ones((rows, len(weights)), jnp.float32), NamedSharding(mesh, split))

    def local(x, transposed, count):
        return jax.lax.fori_loop(0, count, lambda _, x: jnp.matmul(x, transposed, precision="highest"), x)

    program = jax.jit(jax.shard_map(local, mesh=mesh, in_specs=(split, whole, whole), out_specs=split, check_vma=False))
    return lambda count: program(ones, transposed, jnp.asarray(count, jnp.int32)).block_until_ready()


def _numpy_products(weights: np.ndarray, rows: int) -> Callable[[int], Any]:
    transposed = np.asarray(weights.T, np.float32, order="C")

    def run(count: int) -> None:
        x = np.ones((rows, len(weights)), np.float32)
        other = np.empty_like(x)
        for _ in range(count):
            np.matmul(x, transposed, out=other)
            x, other = other, x

    return run
