"""Energies: the Lyapunov function of neurons and synapses falls while a field is held, the seed's energy need not."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import neurojax as nj
from experiments.multiscale_memory.physics.common import DOUBLE, at_least, at_most
from experiments.study import Study
from experiments.table import Row
from neurojax.engine.system import Clock, View
from neurojax.multiscale import MultiscaleState, measures
from neurojax.sweep.plot import save

SETTINGS = [(1.0, 2.0, 13.0), (5.0, 20.0, 20.0), (0.5, 0.7, 2.0), (2.0, 0.0, 7.0)]  # beta, u, tau'
TAU_H, DT = 5.0, 0.02


class Rises(NamedTuple):
    """Over a run: the largest rise between neighbouring samples of one pattern, of L over the largest |L|, and of the seed's energy; both
    traces, with the jumps of L at redraws taken out of it."""

    lyapunov: float
    seed: float
    curves: np.ndarray


def rises(beta: float, u: float, tau_J: float) -> Rises:
    """Six patterns of 16 neurons, in float64 by RK4."""
    model = nj.Multiscale(16, nj.Stream(nj.RademacherPatterns(4), tau_h=TAU_H), beta, u, tau_J=tau_J, method=nj.RK4())
    measured = {"L": measures.lyapunov, "seed": measures.seed_energy, "h": measures.field, "s": measures.neurons}
    record = {name: nj.Trace(one) for name, one in measured.items()}
    steps = round(6 * TAU_H / DT)
    run = nj.simulate(model, steps=steps + 1, dt=DT, record=record, options=DOUBLE)
    # A trace has the field of the step before, so that the first has none, and neighbours the same one but where the pattern changes.
    L, seed, h, s = (np.asarray(run.records[name])[1:] for name in measured)
    jump = -u * np.einsum("ti,ti->t", np.diff(h, axis=0), s[:-1])
    change, redrawn = np.diff(L) - jump, np.arange(1, steps) % round(TAU_H / DT) == 0
    return Rises(
        float(change[~redrawn].max() / np.abs(L).max()),
        float(np.diff(seed)[~redrawn].max()),
        np.stack([L, L[0] + np.append(0.0, np.cumsum(change)), seed]),
    )


def energy(study: Study) -> list[Row]:
    """Rises of both energies in four settings; dL/dt against its formula."""
    rows, curves = [], []
    settings = study.pick(SETTINGS, SETTINGS[:2])
    for beta, u, tau_J in settings:
        found = rises(beta, u, tau_J)
        curves.append(found.curves)
        said = f"beta = {beta:g}, u = {u:g}, tau' = {tau_J:g}"
        rows.append(at_most(f"largest rise of L between redraws over |L|, {said}", found.lyapunov, 1e-8, "Dong and Hopfield 1992"))
        if (beta, u, tau_J) == SETTINGS[1]:
            rows.append(at_least(f"largest rise of the seed's energy in a step of {DT:g}, {said}", found.seed, 0.1, "it may rise"))
        else:
            rows.append(Row(f"largest rise of the seed's energy in a step of {DT:g}, {said}", found.seed, 0.0, None))
    rows.append(
        at_most("dL/dt by the equations against its closed form: relative difference", _slope(), 1e-12, "sum of two squares, below 0")
    )
    _draw(study, np.stack(curves))
    return rows


def _slope() -> float:
    """Relative difference of dL/dt from its closed form:

    -(1/(beta tau)) sum (y - x)(tanh y - tanh x) - (1/(2 k tau')) sum_(i != j) (J - k s s')^2,   x = beta (J s + u h), y = atanh s
    """
    model = nj.Multiscale(12, nj.Stream(nj.RademacherPatterns(3), tau_h=np.inf), 1.5, 0.8, 0.7, 2.0, 9.0, method=nj.RK4())
    run = nj.simulate(model, steps=40, dt=0.05, options=DOUBLE)
    with jax.enable_x64(True):
        state = jax.tree.map(jnp.asarray, run.final_state.state)
        system, clock = run.system, Clock(jnp.asarray(0), jnp.asarray(0.0), jnp.asarray(0.05))
        moving = system.held(state.shown).drift(state, clock)

        def value(s, J):
            return measures.lyapunov(View(system, MultiscaleState(s, J, state.shown), clock))

        slope = float(jax.jvp(value, (state.s, state.J), (moving.s, moving.J))[1])
    s, J, h = np.asarray(state.s), np.asarray(state.J), np.asarray(system.stream.patterns)[int(state.shown.which)]
    x, y, apart = 1.5 * (J @ s + 0.8 * h), np.arctanh(s), (J - 0.7 * np.outer(s, s)) * (1 - np.eye(12))
    wanted = -np.sum((y - x) * (np.tanh(y) - np.tanh(x))) / (1.5 * 2.0) - np.sum(apart**2) / (2 * 0.7 * 9.0)
    return float(abs(slope / wanted - 1))


def _draw(study: Study, curves: np.ndarray) -> None:
    """L, L without its jumps, and the seed's energy in the setting of the strongest field."""
    chosen, time = curves[1], DT * np.arange(1, curves.shape[2] + 1)
    figure = Figure(figsize=(8.4, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(time, chosen[0], lw=1, label="$L(s, J)$")
    left.plot(time, chosen[1], lw=1, label="without the jumps at redraws")
    right.plot(time, chosen[2], lw=1, color="C3", label="the seed's $-s^TJs/2 - h^Ts$")
    for ax in (left, right):
        for redraw in np.arange(1, 6) * TAU_H:
            ax.axvline(redraw, color="0.85", lw=0.8, zorder=0)
        ax.set(xlabel="time $t$", ylabel="energy")
        ax.legend(frameon=False, fontsize="small")
    left.set_title(r"$\beta$ = 5, u = 20, $\tau'$ = 20, N = 16; lines: redraws", fontsize="small")
    coordinates = {"setting": range(len(curves)), "curve": ["L", "without jumps", "seed"], "time": time}
    save(left, study.figures("energy"), "energy", xr.DataArray(curves, coordinates, ("setting", "curve", "time"), "energy"))
