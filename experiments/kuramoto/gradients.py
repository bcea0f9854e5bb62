"""The slope dr/dK, by differentiating the simulation."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

import neurojax as nj
from experiments.kuramoto.study import Study
from experiments.kuramoto.table import Row, mean_and_error
from neurojax.kuramoto import theory


def gradients(study: Study) -> list[Row]:
    """Reverse and forward mode through 60 time units, r averaged over the last 40, Lorentzian gamma = 1, K = 4.

    Single trajectories' slopes carry the drifting oscillators', which decay only slowly in the mean: the tolerance is 15 %.
    """
    n, seeds = study.pick((2000, 16), (500, 3))
    exact = float(theory.order_parameter_gradient(4.0, 1.0))

    def r(coupling: jax.Array, key: jax.Array) -> jax.Array:
        model = nj.Kuramoto(n, coupling=coupling, frequencies=nj.Lorentzian(1.0, placement="quantiles"), windings=False)
        run = nj.simulate(model, dt=0.02, duration=60.0, seed=key, record={"r": nj.Mean(nj.order_parameter, warmup=20.0)})
        return run.records["r"]

    def forward(coupling: jax.Array, key: jax.Array) -> jax.Array:
        return jax.jvp(lambda k: r(k, key), (coupling,), (jnp.ones_like(coupling),))[1]

    modes: dict[str, Callable] = {"reverse (jax.grad)": jax.grad(r), "forward (jax.jvp)": forward}
    rows, slopes = [], []
    for name, slope in modes.items():
        compiled = jax.jit(slope)
        values = np.array([compiled(jnp.float32(4.0), jax.random.key(seed)) for seed in range(seeds)])
        slopes.append(values)
        rows.append(Row(f"dr/dK, {name}, N = {n}", *mean_and_error(values), exact, 0.15 * exact, "Kuramoto 1975, derived"))
    apart = float(np.max(np.abs(slopes[0] - slopes[1]) / np.abs(slopes[1])))
    rows.append(
        Row("largest relative |reverse - forward|, by seed", apart, 0.0, 0.01, source="same derivative, float32 rounding", bound=True)
    )
    return rows
