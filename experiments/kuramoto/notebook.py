"""The notebook `Neural Network Conceptualization using Kuramoto Model`: what its step does, and how to get there, or away from there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

import neurojax as nj
from experiments.study import Study
from experiments.table import Row, mean_and_error
from neurojax.kuramoto import plot, theory
from neurojax.sweep.plot import completed

FLOAT64 = nj.Options(dtype="float64")


class Given(NamedTuple):
    """Frequencies and initial phases that both sides start from."""

    frequencies: np.ndarray
    phases: np.ndarray


def drawn(n: int, scale: float, seed: int) -> Given:
    rng = np.random.default_rng(seed)
    return Given(rng.normal(0, scale, n), rng.uniform(-np.pi, np.pi, n))


def notebook_run(given: Given, slider: float, time: float, dt: float, *, overwrite: bool) -> np.ndarray:
    """Last phases of the notebook's loop, without noise. It assigns to the slider's variable before use; `overwrite=False` undoes that."""
    phases = given.phases.copy()
    for t in np.arange(round(time / dt)) * dt:
        coupling = 0.5 + 0.5 * np.sin(2 * np.pi * t / time) if overwrite else slider
        differences = np.sin(np.subtract.outer(phases, phases))
        phases = phases + dt * (given.frequencies + coupling / len(phases) * differences.sum(axis=1))
    return phases


def ours(given: Given, coupling: object, time: float, dt: float, method: nj.Integrator) -> np.ndarray:
    n = len(given.phases)
    model = nj.Kuramoto(n, coupling=coupling, frequencies=nj.GivenFrequencies(given.frequencies), initial=nj.GivenPhases(given.phases))
    return nj.simulate(model, dt=dt, duration=time, method=method, options=FLOAT64).final_state.state.theta


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """Largest distance of two sets of phases on the circle."""
    return float(np.max(np.abs(np.angle(np.exp(1j * (a - b))))))


def notebook(study: Study) -> list[Row]:
    """Each of its bugs as a number, beside what reaches the same here."""
    return repulsion(study) + noise_scale(study) + envelope(study)


def repulsion(study: Study) -> list[Row]:
    """sin(theta_i - theta_j), summed over j, pushes apart."""
    n, k, dt, time = 100, 4.0, 0.01, 30.0
    repelled, attracted, difference = [], [], 0.0
    for seed in range(study.pick(8, 2)):
        given = drawn(n, 1.0, seed)
        theirs = notebook_run(given, k, time, dt, overwrite=False)
        repelled.append(abs(np.exp(1j * theirs).mean()))
        attracted.append(abs(np.exp(1j * ours(given, k, time, dt, nj.Heun())).mean()))
        difference = max(difference, apart(theirs, ours(given, -k, time, dt, nj.EulerMaruyama())))
    exact = float(theory.order_parameter(k, nj.Normal(1.0)))
    rows = [
        Row(f"r of the notebook's sum, slider K = {k:g}, N = {n} (at most 1/√N)", float(np.mean(repelled)), 0.0, n**-0.5, bound=True),
        Row(f"r of Kuramoto(coupling={k:g}) from the same start", *mean_and_error(attracted), exact, 1 / n, "Kuramoto 1975"),
        Row(
            f"largest difference of phases, notebook - Kuramoto(coupling=-{k:g}), t = {time:g} (rad)",
            difference,
            0.0,
            1e-6,
            source="same map",
            bound=True,
        ),
    ]
    seeds = study.pick(64, 16)
    model = nj.Kuramoto(1000, noise=1.0, frequencies=nj.Delta(0.0), windings=False)
    record = {"r2": nj.Mean(nj.squared_order, warmup=10.0)}
    data = study.sweep("repelled", model, {"coupling": [-k]}, dt=0.02, duration=60.0, seeds=seeds, record=record)
    exact = float(theory.incoherent_fluctuation(-k, 1.0))
    mean, error = mean_and_error(1000 * completed(data, "r2").values[0])
    return [
        *rows,
        Row("N <r²> of coupling -4, identical, D = 0.5 (1 if free)", mean, error, exact, exact / 1000 + 0.02 * exact, "Daido 1990"),
    ]


def noise_scale(study: Study) -> list[Row]:
    """`dt sigma xi` loses its effect as dt falls; `sqrt(dt) sigma xi` does not."""
    n, level, rows = 20_000, 1.0, []
    rng = np.random.default_rng(0)
    for dt in (0.1, 0.01):
        theirs = sum(rng.normal(0, level, n) * dt for _ in range(round(1 / dt)))
        rows.append(
            Row(f"Var θ(1) of the notebook's noise, level 1, dt = {dt:g}", *variance(np.asarray(theirs)), level**2 * dt, source="σ² dt")
        )
        for label, sigma, expected in (
            ("noise=1.0", 1.0, 1.0),
            ("noise=√(2 diffusion_of_dt_scaled_noise(1, dt))", np.sqrt(2 * theory.diffusion_of_dt_scaled_noise(level, dt)), level**2 * dt),
        ):
            model = nj.Kuramoto(n, coupling=0.0, noise=float(sigma), frequencies=nj.Delta(0.0), initial=nj.Cluster(0.0))
            run = nj.simulate(model, dt=dt, duration=1.0, method=nj.EulerMaruyama())
            rows.append(Row(f"Var θ(1) of {label}, dt = {dt:g}", *variance(nj.unwrapped(run.final_state.state)), expected, source="σ² t"))
    return rows


def variance(values: npt.ArrayLike) -> tuple[float, float]:
    """Variance of normal values, and its standard error sqrt(2 / n) times itself."""
    v = float(np.var(np.asarray(values)))
    return v, v * np.sqrt(2 / np.size(values))


def envelope(study: Study) -> list[Row]:
    """The slider is overwritten by 0.5 + 0.5 sin(2 pi t / T), which is `Sinusoid(0.5, 0.5, period=T)`."""
    time, dt = study.pick(50.0, 20.0), 0.01
    given = drawn(100, 0.1, 0)
    weak, strong = (notebook_run(given, slider, time, dt, overwrite=True) for slider in (0.5, 200.0))
    repulsive = ours(given, nj.Sinusoid(-0.5, -0.5, period=time), time, dt, nj.EulerMaruyama())
    n = study.pick(400, 200)
    schedule = nj.Sinusoid(0.5, 0.5, period=time)
    model = nj.Kuramoto(
        n, coupling=schedule, frequencies=nj.Lorentzian(0.1, placement="quantiles"), initial=nj.WrappedCauchy(0.3), windings=False
    )
    record = {"r": nj.Trace(nj.order_parameter, every=20)}
    data = study.sweep("envelope", model, {}, dt=0.05, duration=time, seeds=8, record=record)
    plot.draw(data, study.figures("envelope"))
    exact = theory.ott_antonsen(data.r_time.values, 0.3, schedule, 0.1)
    away = np.abs(data.r.values.mean(axis=0) - exact)
    # The start's own scatter, grown by the coupling: r0 is known to 0.7 / sqrt(N), and r moves by a few times that.
    return [
        Row(
            "largest difference of phases, notebook with slider 0.5 and 200 (rad)",
            apart(weak, strong),
            0.0,
            0.0,
            source="slider overwritten",
            bound=True,
        ),
        Row(
            "largest difference of phases, notebook - Sinusoid(-0.5, -0.5, period=T) (rad)",
            apart(weak, repulsive),
            0.0,
            1e-6,
            source="same map",
            bound=True,
        ),
        Row(
            f"largest distance of r from theory, Sinusoid(0.5, 0.5, period=T), attractive, N = {n}",
            float(away.max()),
            0.0,
            3 / np.sqrt(n),
            bound=True,
        ),
    ]
