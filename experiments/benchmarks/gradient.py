"""What a gradient through a run costs, in time and in memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import neurojax as nj
from experiments.benchmarks.case import DT

N, STEPS = 2000, 1000
LENGTHS = (250, 1000, 4000)
COUPLING = 1.5


def gradients(n: int = N, steps: int = STEPS, lengths: tuple[int, ...] = LENGTHS, rounds: int = 7) -> dict[str, Any]:
    """Best seconds of a Heun run, of its value and gradient, and of its tangent by K; bytes of the gradient by run length."""

    def order(coupling: Any, length: int = steps) -> Any:
        model = nj.Kuramoto(n=n, coupling=coupling, frequencies=frequencies, windings=False)
        run = nj.simulate(model, dt=DT, steps=length, method=nj.Heun(), record={"r": nj.Mean(nj.order_parameter)})
        return run.records["r"]

    def tangent(coupling: Any) -> Any:
        return jax.jvp(order, (coupling,), (jnp.ones_like(coupling),))

    frequencies = jnp.asarray(np.random.default_rng(0).standard_cauchy(n) * 0.5, jnp.float32)
    coupling = jnp.asarray(COUPLING, jnp.float32)
    calls: dict[str, Callable[[], Any]] = {
        "forward": _bound(jax.jit(order), coupling),
        "gradient": _bound(jax.jit(jax.value_and_grad(order)), coupling),
        "tangent": _bound(jax.jit(tangent), coupling),
        "host": lambda: order(COUPLING),
    }
    values = {name: jax.tree.map(float, call()) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            began = time.perf_counter()
            jax.block_until_ready(call())
            times[name].append(time.perf_counter() - began)
    memory = {}
    for length in lengths:
        compiled = jax.jit(jax.grad(lambda k, length=length: order(k, length))).lower(coupling).compile()
        sizes: Any = compiled.memory_analysis()
        memory[str(length)] = int(sizes.temp_size_in_bytes)
    return {"seconds": {name: min(own) for name, own in times.items()}, "bytes": memory, "values": values, "lane_bytes": 4 * n}


def _bound(function: Callable, *arguments: Any) -> Callable[[], Any]:
    return lambda: function(*arguments)
