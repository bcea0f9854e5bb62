"""Softmax retrieval: that it is attention, at which beta it sets in, and its bound."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

import neurojax as nj
from experiments.hopfield.common import at_most, near
from experiments.study import Study
from experiments.table import Row
from neurojax.hopfield import measures, theory
from neurojax.sweep.plot import new_axes, save

RAMSAUER = "Ramsauer et al. 2021"
D = 64


def attention(study: Study) -> list[Row]:
    """A step of several heads against attention written by others; 2,000 patterns on the sphere from noisy ones, over beta."""
    number = study.pick(2000, 200)
    betas = np.geomspace(0.03, 2.0, study.pick(25, 7))
    betas = np.sort(np.append(betas, [0.125, 0.25]))
    memory = nj.ModernHopfield(D, nj.SpherePatterns(number), nj.GaussianCue(0.5, graded=True), beta=betas)
    record = {"q": nj.Trace(measures.units), "e": nj.Trace(measures.energy)}
    runs = [nj.simulate(memory, steps=60, dt=1.0, seed=seed, record=record) for seed in range(study.pick(8, 2))]
    x = np.asarray(runs[0].system.patterns)
    q = np.asarray(runs[0].records["q"])  # (step, head, unit)
    keys = jnp.asarray(x)[None, :, None]
    apart = []
    for head, beta in enumerate(betas):
        theirs = jax.nn.dot_product_attention(jnp.asarray(q[0, head])[None, None, None], keys, keys, scale=float(beta))[0, 0, 0]
        apart.append(np.abs(np.asarray(theirs) - q[1, head]).max())
    rises = max(float(np.diff(np.asarray(run.records["e"], float), axis=0).max()) for run in runs)
    found = np.array([np.linalg.norm(run.final_state.state.s - run.system.patterns[0], axis=-1) / np.sqrt(D) for run in runs])
    far = xr.DataArray(found, {"seed": range(len(runs)), "beta": betas}, ("seed", "beta"), "distance")
    moved, bound = _bounds(x, betas)
    _draw(study, far, moved, bound)
    low, high = (far.sel(beta=beta).values for beta in (0.125, 0.25))
    return [
        at_most(f"largest difference from jax.nn.dot_product_attention, {len(betas)} heads", max(apart), 1e-5, "float32, |x| = 8"),
        at_most("largest rise of the energy", rises, 1e-3, f"{RAMSAUER}, theorem 1; float32 of energies of 100"),
        near("distance from the pattern over sqrt(d), beta = 0.125: the mean of all", low, 1.0, 0.02, "measured elsewhere"),
        at_most("distance from the pattern over sqrt(d), beta = 0.25: the pattern", high.max(), 0.005, "measured elsewhere: 0.0012"),
        at_most("a stored pattern moves beyond its bound by, over |x|", np.max(moved - bound), 1e-5, f"{RAMSAUER}, theorem 4"),
    ]


def _bounds(x: np.ndarray, betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far a step moves the patterns, and how far it may: for each beta the pattern nearest to its bound, over the radius."""
    moved, bound = [], []
    for beta in betas:
        memory = nj.ModernHopfield(x.shape[1], x, beta=float(beta))
        step = np.linalg.norm(np.asarray(memory.attention(jnp.asarray(x))) @ x - x, axis=1)
        most = theory.modern_bound(x, float(beta))
        worst = int(np.argmax(step - most))
        moved.append(step[worst])
        bound.append(most[worst])
    return np.array(moved) / np.sqrt(D), np.array(bound) / np.sqrt(D)


def _draw(study: Study, far: xr.DataArray, moved: np.ndarray, bound: np.ndarray) -> None:
    ax = new_axes(None)
    betas = far["beta"].values
    ax.loglog(betas, far.mean("seed").values, "o-", ms=3.5, lw=1, label="noisy cue, at rest")
    ax.loglog(betas, np.maximum(moved, 1e-8), "s-", ms=3, lw=1, label="stored pattern, one step")
    ax.loglog(betas, bound, "k--", lw=1, label="its bound")
    ax.set(xlabel=r"$\beta$", ylabel=r"distance from the pattern $/ \sqrt{d}$", ylim=(1e-8, 30))
    ax.legend(frameon=False, fontsize="small", loc="lower left")
    save(ax, study.figures("attention"), "attention", far)
