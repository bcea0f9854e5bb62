"""Derivatives through recall: couplings learned beyond Hebb's capacity, and the slope of the overlap at a fixed point."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr

import neurojax as nj
from experiments.hopfield.common import ELSEWHERE, at_least, meaned
from experiments.study import Study
from experiments.table import Row
from neurojax.sweep.plot import draw_spread, new_axes, save

N, LOAD, GAIN = 100, 0.30, 3.0
SHARES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)


def symmetric(free: jax.Array) -> jax.Array:
    """Couplings without diagonal of free parameters."""
    return jnp.where(jnp.eye(len(free), dtype=bool), 0.0, 0.5 * (free + free.T))


def recalled(couplings: Any, xi: np.ndarray, cues: jax.Array, units: Any, steps: int) -> jax.Array:
    """Overlap of every pattern's cue at the end with the pattern."""

    def end(cue):
        memory = nj.Hopfield(xi.shape[1], xi, cue, couplings, units)
        return nj.simulate(memory, steps=steps, dt=1.0).final_state.state.s

    return jnp.mean(jax.vmap(end)(cues) * xi, axis=1)


def noisy(xi: np.ndarray, key: jax.Array, share: float) -> jax.Array:
    return jnp.where(jax.random.bernoulli(key, share, xi.shape), -xi, xi)


def learned(xi: np.ndarray, seed: int, rounds: int) -> tuple[jax.Array, jax.Array]:
    """Couplings from Hebb's on, by Adam through four steps of tanh(3 h) from 20 % flips, and the losses."""
    optimizer = optax.adam(0.001)
    start = symmetric(jnp.asarray(xi.T @ xi) / xi.shape[1])

    def loss(free, key):
        return -jnp.mean(recalled(symmetric(free), xi, noisy(xi, key, 0.2), nj.Tanh(GAIN), 4))

    def improve(carry, key):
        free, moments = carry
        value, slope = jax.value_and_grad(loss)(free, key)
        change, moments = optimizer.update(slope, moments)
        return (free + jnp.asarray(change), moments), value

    keys = jax.random.split(jax.random.key(seed), rounds)
    (free, _), losses = jax.lax.scan(improve, (start, optimizer.init(start)), keys)
    return symmetric(free), losses


def gradients(study: Study) -> list[Row]:
    """Learned symmetric couplings at a load of 0.3 beside Hebb's and the pseudo-inverse; dm/dbeta in three ways."""
    seeds, rounds = study.pick(8, 2), study.pick(600, 150)
    found: dict[str, list] = {"Hebb, tanh(3 h)": [], "Hebb": [], "pseudo-inverse": [], "learned": []}
    learn = jax.jit(learned, static_argnums=(1, 2))
    ends = jax.jit(recalled, static_argnums=(3, 4))
    for seed in range(seeds):
        xi = np.random.default_rng(seed).choice([-1.0, 1.0], (round(LOAD * N), N)).astype(np.float32)
        hebb = nj.Hebb().learn(xi).matrix()
        own, _ = learn(xi, seed, rounds)
        ways = {
            "Hebb, tanh(3 h)": (hebb, nj.Tanh(GAIN)),
            "Hebb": (hebb, nj.Threshold()),
            "pseudo-inverse": (nj.PseudoInverse().learn(xi).matrix(), nj.Threshold()),
            "learned": (own, nj.Threshold()),
        }
        for name, (couplings, units) in ways.items():
            keys = jax.random.split(jax.random.key(1000 + seed), len(SHARES))
            cues = [noisy(xi, key, share) for key, share in zip(keys, SHARES, strict=True)]
            found[name].append([float(ends(couplings, xi, one, units, 30).mean()) for one in cues])
    values = np.array(list(found.values())).transpose(0, 2, 1)
    m = xr.DataArray(values, {"way": list(found), "share": list(SHARES), "seed": range(seeds)}, ("way", "share", "seed"), "m")
    _draw(study, m)
    at = {name: m.sel(share=0.1, way=name).values for name in found}
    rows = [
        meaned("Hebb, tanh(3 h): m from 10 % flips, alpha = 0.3, N = 100", at["Hebb, tanh(3 h)"], 0.374, 0.03, ELSEWHERE),
        meaned("Hebb, threshold: the same", at["Hebb"], 0.54, 0.03, "mean of 200 networks"),
        meaned("pseudo-inverse: the same", at["pseudo-inverse"], 1.0, 0.01, ELSEWHERE),
    ]
    rows.append(at_least(f"learned, {rounds} steps of Adam: the same", at["learned"].mean(), study.pick(0.98, 0.9), "asked for: 0.98"))
    rows.append(Row(f"learned: the smallest of {seeds} networks", float(at["learned"].min()), 0.0, None))
    return [*rows, *_slope()]


def _slope() -> list[Row]:
    """d m / d beta at `s = tanh(beta J s)`: implicit `(1 - beta D J)^-1 D J s`, D = 1 - s^2, through 60 steps, and a difference."""
    n, beta = 60, 2.0
    xi = np.random.default_rng(13).choice([-1.0, 1.0], (5, n))
    couplings = xi.T @ xi / n
    np.fill_diagonal(couplings, 0)

    def end(gain):
        memory = nj.Hopfield(n, xi, xi[0], couplings, nj.Tanh(gain))
        return nj.simulate(memory, steps=60, dt=1.0, options=nj.Options(dtype="float64")).final_state.state.s

    def m(gain):
        return jnp.mean(end(gain) * xi[0])

    with jax.enable_x64(True):
        unrolled = float(jax.jit(jax.grad(m))(jnp.asarray(beta)))
        s = np.asarray(jax.jit(end)(jnp.asarray(beta)))
        difference = float(m(beta + 1e-5) - m(beta - 1e-5)) / 2e-5
    slope = (1 - s**2)[:, None] * couplings
    implicit = float(np.mean(xi[0] * np.linalg.solve(np.eye(n) - beta * slope, slope @ s)))
    return [
        Row("dm/dbeta at a fixed point, through 60 steps", unrolled, 0.0, implicit, 1e-6 * abs(implicit), "implicit differentiation"),
        Row("dm/dbeta at a fixed point, central difference", difference, 0.0, implicit, 1e-4 * abs(implicit), "implicit differentiation"),
    ]


def _draw(study: Study, m: xr.DataArray) -> None:
    ax = new_axes(None)
    for name in m["way"].values:
        one = m.sel(way=name)
        count = np.full(len(SHARES), one.sizes["seed"])
        draw_spread(ax, np.array(SHARES), one.mean("seed").values, one.std("seed", ddof=1).values, count, label=str(name))
    title = rf"$\alpha$ = {LOAD}, N = {N}, {m.sizes['seed']} networks"
    ax.set(xlabel="share of units flipped", ylabel="overlap at the end", title=title, ylim=(0, 1.03))
    ax.legend(frameon=False, fontsize="small", loc="lower left")
    save(ax, study.figures("gradients"), "learned", m)
