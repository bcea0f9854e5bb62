"""The nine checks that the model must pass: maps and flows against exact recursions, D against its theory, energy, lock-in, parity."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np
from scipy.integrate import solve_ivp

import neurojax as nj
from experiments.multiscale_memory.physics.common import DOUBLE, at_least, at_most, initial, lanes, seed_map, signs, within
from experiments.multiscale_memory.physics.energy import SETTINGS, rises
from experiments.multiscale_memory.physics.tables import moments
from experiments.study import Study
from experiments.table import Row
from neurojax.multiscale import measures, theory


def acceptance(study: Study) -> list[Row]:
    """T1 to T9, at their tolerances."""
    rows = [*_recursion(), *_flow()]
    rows += [dataclasses.replace(row, quantity=f"T3 {row.quantity}") for row in moments(study, "N = 10, K = 3, a = 1/e")]
    rows += [*_averages(study), *_energies(), *_lock_in(study), *_probabilities(), *_parity()]
    return rows


def traced(model: Any, steps: int, **record: Any) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, np.ndarray]:
    """Records of a float64 run, s and J at its start, its patterns."""
    run = nj.simulate(model, steps=steps + 1, dt=1.0, record=record, options=DOUBLE, seed=1)
    start = nj.simulate(model, steps=0, dt=1.0, record={}, options=DOUBLE, seed=1)
    with jax.enable_x64(True):
        J = np.asarray(model.couplings(start.final_state.state))
    return dict(run.records), np.asarray(start.final_state.state.s), J, np.asarray(run.system.stream.patterns)


def _recursion() -> list[Row]:
    """T1: in a strong field the map is `J <- a J + (1 - a) k xi xi'`."""
    model = nj.Multiscale(30, nj.Stream(nj.RademacherPatterns(4)), tau_J=20.0)
    found, _, J, patterns = traced(model, 400, J=nj.Last(measures.couplings), shown=nj.Trace(measures.shown))
    k, a = np.tanh(1.0), 1 - 1 / 20
    for which in found["shown"][1:]:
        J = a * J + (1 - a) * k * np.outer(patterns[which], patterns[which])
        np.fill_diagonal(J, 0.0)
    return [at_most("T1 map against the recursion, 400 steps: largest difference in J", np.abs(found["J"] - J).max(), 1e-12, "asked for")]


TIMES = [(1.0, 20.0, 20.0), (1.0, 5.0, 1.0), (1.0, 3.0, 2.5)]  # tau, tau', tau_h


def _flow() -> list[Row]:
    """T2: the equations by our integrator, and the exact map from redraw to redraw, against an adaptive solver of SciPy's."""
    n, epochs, rows = 6, 4, []
    for tau_s, tau_J, tau_h in TIMES:
        stream = nj.Stream(signs(3, n, 4), tau_h=tau_h)
        kept: dict[str, Any] = {"beta": 1.0, "u": 60.0, "tau_s": tau_s, "tau_J": tau_J}
        marks = tuple(tau_h * np.arange(epochs + 1))
        names = {"s": measures.neurons, "J": measures.couplings}
        record = {"shown": nj.Trace(measures.shown, every=200)} | {name: nj.At(one, marks) for name, one in names.items()}
        flow = nj.Multiscale(n, stream, method=nj.RK4(), **kept)
        ours = nj.simulate(flow, steps=200 * epochs + 1, dt=tau_h / 200, record=record, options=DOUBLE).records
        record = {"shown": nj.Trace(measures.shown)} | {name: nj.Trace(one) for name, one in names.items()}
        events = nj.simulate(nj.EventMap(n, stream, **kept), steps=epochs + 1, dt=1.0, record=record, options=DOUBLE).records
        for label, found in (("RK4, 200 steps to a redraw", ours), ("event map", events)):
            s, J, worst = found["s"][0], found["J"][0], 0.0
            for epoch in range(epochs):
                s, J = _adaptive(s, J, stream.patterns[found["shown"][epoch + 1]], tau_h, **kept)
                worst = max(worst, np.abs(found["J"][epoch + 1] - J).max(), np.abs(found["s"][epoch + 1] - s).max())
            name = f"T2 {label} against DOP853, (tau, tau', tau_h) = ({tau_s:g}, {tau_J:g}, {tau_h:g}): largest difference"
            rows.append(at_most(name, worst, 1e-6, "asked for"))
    return rows


def _adaptive(s: np.ndarray, J: np.ndarray, h: np.ndarray, time: float, *, beta: float, u: float, tau_s: float, tau_J: float) -> Any:
    """s and J after `time` in the field h, by DOP853 at a relative tolerance of 1e-11."""
    n, k = len(s), np.tanh(beta)

    def slope(_, y):
        s, J = y[:n], y[n:].reshape(n, n)
        toward = k * np.outer(s, s)
        np.fill_diagonal(toward, 0.0)
        return np.concatenate([(np.tanh(beta * (J @ s + u * h)) - s) / tau_s, ((toward - J) / tau_J).ravel()])

    end = solve_ivp(slope, (0, time), np.concatenate([s, J.ravel()]), "DOP853", rtol=1e-11, atol=1e-13).y[:, -1]
    return end[:n], end[n:].reshape(n, n)


def _averages(study: Study) -> list[Row]:
    """T4, T5: D over time in units of V by exponential Euler, which is exact for J under neurons that are fast as their field."""
    patterns = signs(4, 12, 3)
    V, rows = theory.scalars(theory.Ensemble.of(patterns)).spread, []
    for name, redraws, wanted in (("T4 tau_h = tau'", 20.0, np.exp(-1)), ("T5 Poisson, mean tau'", nj.Poisson(20.0), 0.5)):
        stream = nj.Stream(patterns, tau_h=redraws)
        model = nj.Multiscale(12, stream, k=1.0, tau_s=0.01, tau_J=20.0, J0=0.0, method=nj.ExponentialEuler())
        record = {"D": nj.Mean(measures.distance, warmup=160.0)}
        runs, steps = study.pick((2000, 1600), (300, 800))
        data = lanes(study, f"average_{name[:2]}", model, runs, steps, record, 0.5)
        rows.append(
            within(f"{name}: D / V over time", data["D"].values.mean() / V, wanted, study.pick(0.01, 0.05), "1 - (1 - e^-x) / x; 1/2")
        )
    return rows


def _energies() -> list[Row]:
    """T6: of the Lyapunov function between redraws."""
    rows = []
    for beta, u, tau_J in SETTINGS:
        found = rises(beta, u, tau_J)
        name = f"T6 largest rise of L between redraws over |L|, beta = {beta:g}, u = {u:g}, tau' = {tau_J:g}"
        rows.append(at_most(name, found.lyapunov, 1e-8, "Dong and Hopfield 1992"))
    return rows


def _lock_in(study: Study) -> list[Row]:
    """T7: fields above and far below k (N - 1)."""
    model = nj.Multiscale(40, nj.Stream(nj.RademacherPatterns(4)), 100.0, tau_J=20.0)
    bound = theory.lock_in_field(40)
    record = {"t": nj.Mean(measures.tracking, warmup=1000.0)}
    t = study.sweep("fields", model, {"u": [0.3 * bound, 1.2 * bound]}, seeds=16, steps=1500, dt=1.0, record=record)["t"].values
    return [
        at_least("T7 u = 1.2 k (N - 1): tracking fraction of the worst of 16 runs", t[1].min(), 1.0, "u > k (N - 1) is safe"),
        at_most(
            "T7 u = 0.3 k (N - 1): tracking fraction of the best of 16 runs",
            t[0].max(),
            0.6,
            "locked: its own pattern is shown 1/4 of the time",
        ),
    ]


def _probabilities() -> list[Row]:
    """T8: p from the mean couplings."""
    targets, p = signs(8, 40, 6), np.random.default_rng(6).dirichlet(np.ones(8))
    J = theory.mean_weights(targets, p, 0.999, 1e5, J0=initial(40, 6, 0.3), k=0.8)
    found = theory.infer_probabilities(J, targets, 0.8)
    return [at_most("T8 p by least squares from the mean J: largest error", np.abs(found.probabilities - p).max(), 1e-12, "exact")]


def _parity() -> list[Row]:
    """T9: the map in both forms against the equations in plain NumPy; a field of the order of the couplings."""
    rows = []
    for label, form in (("direct", {}), ("deferred, blocks of 7", {"block": 7, "tally": True})):
        stream = nj.Stream(nj.RademacherPatterns(4), tau_h=3.0)
        model = nj.Multiscale(30, stream, 0.7, 1.5, None, 2.0, 20.0, **form)
        last = {"J": nj.Last(measures.couplings), "s": nj.Last(measures.neurons)}
        found, s, J, _ = traced(model, 500, h=nj.Trace(measures.field), **last)
        s, J = seed_map(s, J, found["h"][1:], beta=0.7, u=1.5, k=np.tanh(0.7), tau_s=2.0, tau_J=20.0)
        name = f"T9 seed's map, 500 steps, {label}: largest difference in J and s"
        rows.append(at_most(name, max(np.abs(found["J"] - J).max(), np.abs(found["s"] - s).max()), 1e-12, "plain NumPy, float64"))
    return rows
