"""Basins of small memories, counted: every state of the letters' 25 units, and of the two units that the notebook begins with."""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

import neurojax as nj
from experiments.hopfield.common import AGS, at_most, count, near
from experiments.study import Study
from experiments.table import Row
from neurojax.hopfield import measures, patterns, theory
from neurojax.sweep.plot import new_axes, save

COUNTED: dict[Literal["zero", "keep"], tuple[tuple[int, int, int], int]] = {
    # Basins of X, O and +, each the same as that of its negative, and cycles of two states.
    "zero": ((8_974_874, 4_816_332, 2_786_888), 398_244),
    "keep": ((8_066_878, 5_718_538, 2_991_800), 0),
}
EXACT = "counted in numba"
GAIN = 4.0  # of two graded units: J = 1/2, so that m = tanh(2 m)


def basins(study: Study) -> list[Row]:
    """All 2^25 states of X, O and +, with ties as the notebook's sign has them and with ties kept; quick: 2^16 of a smaller memory."""
    rows = []
    letters = patterns.letters("XO+")
    for zero, (wanted, cycles) in COUNTED.items():
        if study.quick:
            small = letters.reshape(3, 5, 5)[:, :3].reshape(3, 15)
            found = nj.all_basins(nj.Hopfield(15, small, units=nj.Threshold(zero)))
            same = np.abs(found.patterns - found.negatives).max()
            rows.append(count(f"sign(0) {zero}: basins of patterns less those of their negatives, 15 units", same, 0, "symmetry"))
            continue
        found = nj.all_basins(nj.Hopfield(25, letters, units=nj.Threshold(zero)))
        for letter, mine, negative, theirs in zip("XO+", found.patterns, found.negatives, wanted, strict=True):
            rows.append(count(f"sign(0) {zero}: states that end at {letter}", mine, theirs, EXACT))
            rows.append(count(f"sign(0) {zero}: states that end at the negative of {letter}", negative, theirs, EXACT))
        rows += [
            count(f"sign(0) {zero}: states that end in a cycle of two", found.cycles, cycles, EXACT),
            count(f"sign(0) {zero}: states that end elsewhere, or nowhere", found.others + found.moving, 0, EXACT),
            near(f"sign(0) {zero}: share of states that meet a field of 0", found.zero_fields / 2**25, 0.53, 0.005, EXACT),
            Row(f"sign(0) {zero}: seconds for 2^25 states (a core of numba: 30)", found.seconds, 0.0, None, source="here"),
            Row(f"sign(0) {zero}: million states per second", found.states_per_second / 1e6, 0.0, None, source="here"),
        ]
    return rows


def two_units(study: Study) -> list[Row]:
    """One pattern on two units: the four states, and the energy surface of graded units with paths down to either rest."""
    pair = np.ones((1, 2))
    step = nj.all_basins(nj.Hopfield(2, pair))
    turn = nj.all_basins(nj.Hopfield(2, pair, updates=nj.Asynchronous(False)))
    rows = [
        count("states of 4 that end at (+, +), in step", step.patterns[0], 1, "by hand"),
        count("states of 4 that swap for ever, in step", step.cycles, 2, "by hand"),
        count("states of 4 that end at (+, +), one after the other", turn.patterns[0], 2, "by hand"),
        count("states of 4 that end at (-, -), one after the other", turn.negatives[0], 2, "by hand"),
    ]
    side = np.linspace(-0.95, 0.95, study.pick(12, 6))
    starts = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    record = {"s": nj.Trace(measures.units), "e": nj.Trace(measures.graded_energy)}

    def followed(start):
        model = nj.GradedHopfield(2, pair, start, gain=GAIN)
        run = nj.simulate(model, duration=30.0, dt=0.05, method=nj.RK4(), record=record)
        return run.records["s"], run.records["e"], run.final_state.state

    s, energy, end = (np.asarray(one, float) for one in jax.jit(jax.vmap(followed))(jnp.asarray(starts, jnp.float32)))
    m = float(theory.overlap(0.0, 1 / (0.5 * GAIN)))
    decided = np.abs(starts.sum(axis=1)) > 1e-9
    rows += [
        near("graded units: |s| at rest", np.abs(end[decided]).mean(), m, 1e-4, f"m = tanh(2 m); {AGS}"),
        count("starts that end on the other side of s1 + s2 = 0", (end.sum(1) * starts.sum(1))[decided].min() < 0, 0, "symmetry"),
        at_most("largest rise of the energy on a path", np.diff(energy, axis=1).max(), 1e-6, "Hopfield 1984"),
    ]
    _draw(study, s)
    return rows


def surface(s1: np.ndarray, s2: np.ndarray) -> np.ndarray:
    """Energy of two graded units with J = 1/2."""
    entropy = sum(0.5 * ((1 + s) * np.log1p(s) + (1 - s) * np.log1p(-s)) for s in (s1, s2))
    return -0.5 * s1 * s2 + entropy / GAIN


def _draw(study: Study, paths: np.ndarray) -> None:
    side = np.linspace(-0.995, 0.995, 101)
    s1, s2 = np.meshgrid(side, side)
    shown = xr.DataArray(surface(s1, s2), {"s2": side, "s1": side}, ("s2", "s1"), "energy")
    ax = new_axes(None, (4.6, 3.8))
    levels = np.linspace(float(shown.min()), float(shown.max()), 24)
    filled = ax.contourf(side, side, shown.values, levels, cmap="viridis")
    ax.figure.colorbar(filled, ax=ax, label="energy $E$", format="%.2f")
    for path in paths:
        ax.plot(*path.T, color="w", lw=0.5, alpha=0.7)
    m = float(theory.overlap(0.0, 1 / (0.5 * GAIN)))
    ax.plot([-m, m], [-m, m], "o", color="C3", ms=6, label="rest")
    ax.plot([0], [0], "x", color="C3", ms=6, label="saddle")
    ax.plot([-1, 1], [1, -1], "w--", lw=1)
    ax.set(xlabel="$s_1$", ylabel="$s_2$", aspect="equal", title=f"two units, $J = 1/2$, gain {GAIN:g}", xlim=(-1, 1), ylim=(-1, 1))
    ax.legend(loc="lower right", fontsize="small")
    save(ax, study.figures("two_units"), "surface", shown)
