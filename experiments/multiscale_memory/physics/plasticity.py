"""The plasticity rate, tuned by derivatives through the whole network."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from scipy.optimize import minimize_scalar

import neurojax as nj
from experiments.multiscale_memory.physics.common import DOUBLE, THEORY, at_most, initial, signs, within
from experiments.study import Study
from experiments.table import Row
from neurojax.multiscale import measures, theory
from neurojax.sweep.plot import new_axes, save

N, K, STEPS = 20, 4, 60


def case() -> tuple[np.ndarray, np.ndarray]:
    """Patterns and the seed's random J0, |J0/k|^2 near 1/K, of the first draw whose best rate is 0.0414 to half of its last digit."""
    for seed in range(1000):
        patterns, J0 = signs(K, N, seed), initial(N, seed + 1000, np.tanh(1.0) / np.sqrt(K))
        if abs(optimum(patterns, J0) - 0.0414) < 5e-5:
            return patterns, J0
    raise RuntimeError("no draw has its optimum at 0.0414")


def exact(patterns: np.ndarray, J0: np.ndarray) -> Any:
    """E D after 60 steps as a function of eps = 1 / tau_J."""
    ensemble = theory.Ensemble.of(patterns, None, J0, np.tanh(1.0))
    return lambda eps: theory.mean_distance(ensemble, theory.Fading.of(1 - eps), STEPS)


def optimum(patterns: np.ndarray, J0: np.ndarray) -> float:
    found: Any = minimize_scalar(exact(patterns, J0), (0.01, 0.04, 0.2), tol=1e-10)
    return float(found.x)


def losses(patterns: np.ndarray, J0: np.ndarray, form: dict[str, Any], options: nj.Options | None = None) -> Any:
    """D after 60 steps of the runs of given keys, as a function of eps and the keys."""
    system = nj.Multiscale(N, nj.Stream(patterns), J0=J0, **form)

    def loss(eps, keys):
        model = dataclasses.replace(system, tau_J=1 / eps)
        record = {"D": nj.Last(measures.distance)}

        def one(key):
            return nj.simulate(model, steps=STEPS + 1, dt=1.0, seed=key, record=record, options=options).records["D"]

        return jax.vmap(one)(keys)

    return loss


def plasticity(study: Study) -> list[Row]:
    """Adam through the N x N network with new draws at every step; derivatives of both forms, and against the closed form's."""
    patterns, J0 = case()
    best, mean = optimum(patterns, J0), exact(patterns, J0)
    rounds, runs = study.pick((80, 2048), (20, 256))
    loss = losses(patterns, J0, {"block": 8, "tally": True})
    descend = jax.jit(jax.value_and_grad(lambda eps, keys: jnp.mean(loss(eps, keys))))
    optimizer, eps = optax.adam(optax.cosine_decay_schedule(0.008, rounds), 0.8, 0.95), jnp.asarray(0.1)
    path = [float(eps)]
    with jax.numpy_dtype_promotion("standard"):  # optax mixes kinds of numbers
        moments = optimizer.init(eps)
        for keys in jax.random.split(jax.random.key(2), (rounds, runs)):
            _, slope = descend(eps, keys)
            change, moments = optimizer.update(slope, moments)
            eps = eps + jnp.asarray(change)
            path.append(float(eps))
    tuned = float(np.mean(path[-rounds // 4 :]))
    rows = [
        within("best rate by the closed form, N = 20, K = 4, T = 60", best, 0.0414, 0.0012, "derived; the draw was chosen for it"),
        within(f"best rate by {rounds} steps of Adam through {runs} networks, mean of the last quarter", tuned, best, 0.01, THEORY),
        within("E D there over the smallest", float(mean(tuned)), float(mean(best)), 0.001, THEORY),
        *_slopes(patterns, J0, study.pick(2048, 256)),
    ]
    _draw(study, np.array(path), best, mean)
    return rows


def _slopes(patterns: np.ndarray, J0: np.ndarray, runs: int) -> list[Row]:
    """At eps = 0.05 in float64: direct against deferred and against differences; over runs against the closed form."""
    at, step = 0.05, 1e-5
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(5), runs)
        forms: dict[str, dict[str, Any]] = {"direct": {}, "deferred": {"block": 8}, "deferred with tally": {"block": 8, "tally": True}}
        slopes = {}
        for name, form in forms.items():
            loss = losses(patterns, J0, form, DOUBLE)
            slopes[name] = np.asarray(
                jax.jit(jax.vmap(jax.grad(lambda eps, key, f=loss: f(eps, key[None])[0]), (None, 0)))(jnp.asarray(at), keys)
            )
        few, direct = keys[:64], losses(patterns, J0, {}, DOUBLE)
        up, down = (np.asarray(jax.jit(direct)(jnp.asarray(at + sign * step), few)) for sign in (1, -1))
    differences = (up - down) / (2 * step)
    size = np.abs(slopes["direct"]).max()
    rows = [
        at_most(
            f"derivatives of {runs} runs, {name} against direct: largest relative difference",
            np.abs(slopes[name] - slopes["direct"]).max() / size,
            1e-9,
            "the same recursion",
        )
        for name in list(forms)[1:]
    ]
    rows.append(
        at_most(
            "64 of them against central differences: largest relative difference",
            np.abs(slopes["direct"][:64] - differences).max() / size,
            1e-6,
            "float64, 1e-5",
        )
    )
    function = exact(patterns, J0)
    wanted = float((function(at + step) - function(at - step)) / (2 * step))
    mean, error = slopes["direct"].mean(), slopes["direct"].std(ddof=1) / np.sqrt(runs)
    rows.append(Row("d E D / d eps at 0.05, mean over runs", float(mean), float(error), wanted, 0.0, THEORY))
    return rows


def _draw(study: Study, path: np.ndarray, best: float, mean: Any) -> None:
    ax = new_axes(None)
    ax.plot(path, lw=1.2, label=rf"$\epsilon = 1/\tau'$, by Adam through N = {N}")
    ax.axhline(best, color="k", ls="--", lw=1, label=f"closed form, {best:.4f}")
    ax.set(xlabel="step of Adam", ylabel=r"$\epsilon$", ylim=(0, 0.11))
    inset = ax.inset_axes((0.5, 0.62, 0.46, 0.34))
    grid = np.linspace(0.015, 0.1, 100)
    inset.plot(grid, [mean(eps) for eps in grid], "k--", lw=1)
    inset.plot(path[-1], mean(path[-1]), "o", ms=5)
    inset.set(xlabel=r"$\epsilon$", ylabel=r"$\mathbb{E}\,D_{60}$")
    ax.legend(frameon=False, fontsize="small", loc="lower right")
    save(ax, study.figures("plasticity"), "plasticity", xr.DataArray(path, {"step": np.arange(len(path))}, ("step",), "rate"))
