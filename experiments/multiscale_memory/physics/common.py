"""What the studies share: rows of each kind, runs that differ in their seeds alone, the equations as a loop in plain NumPy."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import xarray as xr

import neurojax as nj
from experiments.study import Study
from experiments.table import Row
from neurojax.multiscale import theory

THEORY = "closed form"
ELSEWHERE = "measured elsewhere, in NumPy"
DOUBLE = nj.Options(dtype="float64")


def lanes(
    study: Study, name: str, model: Any, seeds: int, steps: int, record: dict[str, Any], dt: float = 1.0, **settings: Any
) -> xr.Dataset:
    """Runs of one model, kept in the store `name`. Raises `RuntimeError` if one has diverged."""
    data = study.sweep(name, model, {}, seeds=seeds, steps=steps, dt=dt, record=record, **settings)
    if not bool((data.status == 1).all()):
        raise RuntimeError(f"{name}: {int((data.status != 1).sum())} runs diverged")
    return data


def signs(count: int, n: int, seed: int) -> np.ndarray:
    """Patterns of -1 and 1, (count, n)."""
    return np.random.default_rng(seed).choice([-1.0, 1.0], (count, n))


def initial(n: int, seed: int, deviation: float) -> np.ndarray:
    """Symmetric couplings of Gaussian entries without diagonal."""
    upper = np.triu(np.random.default_rng(seed).normal(0, deviation, (n, n)), 1)
    return upper + upper.T


def seed_map(s: np.ndarray, J: np.ndarray, fields: np.ndarray, *, beta: float, u: float, k: float, tau_s: float, tau_J: float) -> Any:
    """s and J after an Euler step of 1 for s, then one for J with the new s, for each row of `fields`."""
    s, J = s.copy(), J.copy()
    for h in fields:
        s += (np.tanh(beta * (J @ s + u * h)) - s) / tau_s
        J += (k * np.outer(s, s) - J) / tau_J
        np.fill_diagonal(J, 0.0)
    return s, J


def stationary(view: Any) -> Any:
    """E D and the standard deviation of D of a run's own patterns, by the closed forms at its step."""
    p = jnp.asarray(view.system.stream.probabilities)
    ensemble, fade = theory.Ensemble(jnp.asarray(view.system.reference.gram), p, 0 * p, 0 * p[0]), view.system.fading(view.clock.dt)
    return jnp.stack([theory.mean_distance(ensemble, fade), jnp.sqrt(theory.distance_variance(ensemble, fade))])


def four_sigma(quantity: str, measured: float, error: float, reference: float, source: str = THEORY, bias: float = 0.0) -> Row:
    """Agrees within four standard errors, and what the bias is known to be."""
    return Row(quantity, float(measured), float(error), float(reference), float(error) + bias, source)


def within(quantity: str, measured: float, reference: float, share: float, source: str = THEORY) -> Row:
    """Agrees within a share of the reference."""
    return Row(quantity, float(measured), 0.0, float(reference), share * abs(float(reference)), source)


def at_most(quantity: str, measured: Any, bound: float, source: str) -> Row:
    return Row(quantity, float(measured), 0.0, bound, source=source, bound=True)


def at_least(quantity: str, measured: Any, bound: float, source: str) -> Row:
    return Row(quantity, float(measured), 0.0, bound, source=source, floor=True)
