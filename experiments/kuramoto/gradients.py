"""The slope dr/dK, by differentiating the simulation."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

import neurojax as nj
from experiments.study import Study
from experiments.table import Row, mean_and_error
from neurojax.kuramoto import theory
from neurojax.sweep.plot import completed


def gradients(study: Study) -> list[Row]:
    """Reverse and forward mode through 60 time units, r averaged over the last 40, Lorentzian gamma = 1, K = 4; central differences beside.

    Frequencies are drawn: at fixed ones r(K) is a fine staircase, every oscillator giving a step as it locks, and the slope at one K is
    not that of the curve (quantiles, N = 2000, this window: 0.097 at K = 4, while differences over 0.2 give 0.0882). Draws average over
    the stairs; what is left is the scatter of the seeds, which is the tolerance.
    """
    n, seeds = study.pick((2000, 64), (500, 8))
    exact = float(theory.order_parameter_gradient(4.0, 1.0))
    recipe = {"frequencies": nj.Lorentzian(1.0), "initial": nj.WrappedCauchy(2**-0.5), "windings": False}
    record = {"r": nj.Mean(nj.order_parameter, warmup=20.0)}

    def r(coupling: jax.Array, key: jax.Array) -> jax.Array:
        run = nj.simulate(nj.Kuramoto(n, coupling=coupling, **recipe), dt=0.02, duration=60.0, seed=key, record=record)
        return run.records["r"]

    def forward(coupling: jax.Array, key: jax.Array) -> jax.Array:
        return jax.jvp(lambda k: r(k, key), (coupling,), (jnp.ones_like(coupling),))[1]

    modes: dict[str, Callable] = {"reverse (jax.grad)": jax.grad(r), "forward (jax.jvp)": forward}
    rows, slopes = [], []
    for name, slope in modes.items():
        compiled = jax.jit(slope)
        values = np.array([compiled(jnp.float32(4.0), jax.random.key(seed)) for seed in range(seeds)])
        slopes.append(values)
        rows.append(Row(f"dr/dK, {name}, N = {n}, {seeds} seeds", *mean_and_error(values), exact, source="Kuramoto 1975, derived"))
    data = study.sweep("slope", nj.Kuramoto(n, **recipe), {"coupling": [3.9, 4.1]}, dt=0.02, duration=60.0, seeds=seeds, record=record)
    low, high = completed(data, "r").values.astype(float)
    rows.append(
        Row("dr/dK, difference of K = 4.1 and 3.9, same seeds", *mean_and_error((high - low) / 0.2), exact, source="Kuramoto 1975, derived")
    )
    apart = float(np.max(np.abs(slopes[0] - slopes[1])) / exact)
    rows.append(
        Row("largest distance of reverse and forward, over dr/dK, by seed", apart, 0.0, 1e-3, source="float32 rounding", bound=True)
    )
    return rows
