"""Mean and variance of D, by many runs of the whole N x N network, against the closed forms."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import neurojax as nj
from experiments.multiscale_memory.physics.common import THEORY, four_sigma, initial, lanes, signs, within
from experiments.study import Study
from experiments.table import Row
from neurojax.multiscale import measures, theory
from neurojax.sweep.plot import save


@dataclasses.dataclass(frozen=True)
class Case:
    """tau_J: of the map that leaves `a` of J in a step. after: patterns shown. runs: such that the variance's own error is below 1.5 %."""

    n: int
    count: int
    tau_J: float
    after: tuple[int, ...]
    runs: int
    graded: bool = False
    even: bool = False


CASES = {
    "N = 10, K = 3, a = 1/e": Case(10, 3, 1 / (1 - np.exp(-1)), (1, 3, 100), 20_000),
    "N = 20, K = 5, tau' = 20": Case(20, 5, 20.0, (5, 30, 100), 60_000),
    "N = 12, K = 4, a = e^-0.1, Gaussian": Case(12, 4, 1 / (1 - np.exp(-0.1)), (10,), 20_000, graded=True),
    "N = 20, K = 4, tau' = 20, p even": Case(20, 4, 20.0, (60, 150), 40_000, even=True),
}


def moments(study: Study, label: str) -> list[Row]:
    """One line of the table: p from a Dirichlet law and a random J0, or even p and the seed's J0."""
    case, number = CASES[label], list(CASES).index(label)
    rng = np.random.default_rng(100 + number)
    patterns = rng.normal(size=(case.count, case.n)) if case.graded else rng.choice([-1.0, 1.0], (case.count, case.n))
    p = np.full(case.count, 1 / case.count) if case.even else rng.dirichlet(np.ones(case.count))
    # Graded neurons that the couplings cannot move: a small gain in a strong field.
    beta, u, k = (1e-6, 1e6, 1.0) if case.graded else (1.0, 200.0, float(np.tanh(1.0)))
    J0 = initial(case.n, 200 + number, k / np.sqrt(case.count))
    model = nj.Multiscale(case.n, nj.Stream(patterns, p), beta, u, k, tau_J=case.tau_J, J0=J0, tally=True)
    runs = study.pick(case.runs, 2000)
    record = {"D": nj.At(measures.distance, case.after)}
    D = lanes(study, f"table_{number}", model, runs, max(case.after) + 1, record)["D"].values
    ensemble = theory.Ensemble.of(theory.saturated(patterns, beta, u), p, J0, k)
    fade, rows = theory.fading(case.tau_J, 1.0, 1.0), []
    for values, after in zip(D.T, case.after, strict=True):
        mean, variance = theory.mean_distance(ensemble, fade, after), theory.distance_variance(ensemble, fade, after)
        rows.append(four_sigma(f"{label}: mean of D after {after}", values.mean(), np.sqrt(variance / runs), mean))
        rows.append(within(f"{label}: variance of D after {after}", values.var(), variance, study.pick(0.05, 0.3)))
    return rows


KINDS: dict[str, Any] = {"tau_h = tau'": 20.0, "Poisson, mean tau'": nj.Poisson(20.0), "1 to 9, tau' = 20": nj.RandomPeriod(1, 10)}
PRINTED = {"tau_h = tau'": (0.46212, 0.36788), "Poisson, mean tau'": (0.5, 0.5), "1 to 9, tau' = 20": (0.1510, 0.141)}


def ended(view: Any) -> Any:
    """1, D and D^2 where the pattern's time is over, else 0."""
    D = measures.distance(view)
    over = (view.state.shown.left < 0.5).astype(D.dtype)
    return over * jnp.stack([jnp.ones_like(D), D, D * D])


def at_ends(data: xr.Dataset) -> tuple[float, float, float]:
    """Mean of D at the ends of patterns' times, its standard error over runs, variance."""
    count, first, second = data["end"].values.T
    mean = first.mean() / count.mean()
    error = (first - mean * count).std(ddof=1) / np.sqrt(len(count)) / count.mean()
    return float(mean), float(error), float(second.mean() / count.mean() - mean**2)


def whole(
    study: Study, name: str, redraws: Any, tau_J: float, dt: float, runs: int, patterns: np.ndarray, follow: Any = None
) -> xr.Dataset:
    """The network with tau_J in units of time, at steps that leave exactly as much of J as the flow does; five tau_J are skipped."""
    stream = nj.Stream(patterns, tau_h=redraws, transitions=follow)
    model = nj.Multiscale(patterns.shape[1], stream, k=1.0, tau_s=dt, tau_J=dt / -np.expm1(-dt / tau_J), J0=0.0, tally=True)
    record = {"D": nj.Mean(measures.distance, warmup=8 * tau_J), "end": nj.Mean(ended, warmup=8 * tau_J)}
    return lanes(study, name, model, runs, round(16 * tau_J / dt), record, dt)


def redrawn(study: Study) -> list[Row]:
    """D at the ends of patterns' times and over time, in units of V, for patterns that last a fixed, a Poisson and a whole random time."""
    patterns, rows = signs(4, 12, 3), []
    ensemble = theory.Ensemble.of(patterns)
    V = theory.scalars(ensemble).spread
    share, runs = study.pick(0.05, 0.3), study.pick(20_000, 1000)
    for name, redraws in KINDS.items():
        dt = 1.0 if isinstance(redraws, nj.RandomPeriod) else 0.5
        data = whole(study, f"redrawn_{list(KINDS).index(name)}", redraws, 20.0, dt, runs, patterns)
        mean, error, variance = at_ends(data)
        fade = theory.fading(20.0, redraws)
        printed, over_time = PRINTED[name]
        # Poisson times are rounded to steps of tau'/40.
        bias = 0.002 if isinstance(redraws, nj.Poisson) else 0.0
        rows.append(
            four_sigma(f"{name}: D / V at the end of a pattern", mean / V, error / V, theory.mean_distance(ensemble, fade) / V, bias=bias)
        )
        rows.append(within(f"{name}: closed form of it", theory.mean_distance(ensemble, fade) / V, printed, 0.0005, "printed"))
        rows.append(within(f"{name}: variance of D there", variance, theory.distance_variance(ensemble, fade), share))
        average = data["D"].values.mean() / V
        rows.append(within(f"{name}: D / V over time", average, theory.time_average(ensemble, 20.0, redraws) / V, 0.01))
        rows.append(
            within(f"{name}: closed form of D / V over time", theory.time_average(ensemble, 20.0, redraws) / V, over_time, 0.003, "printed")
        )
    return [*rows, *_seeds_map(study, patterns)]


def _seeds_map(study: Study, patterns: np.ndarray) -> list[Row]:
    """The range again by the seed's own map, tau_J = 20 and steps of 1, which leaves (19/20)^T of J and not e^(-T/20)."""
    ensemble, redraws = theory.Ensemble.of(patterns), KINDS["1 to 9, tau' = 20"]
    V, fade = theory.scalars(ensemble).spread, theory.fading(20.0, redraws, 1.0)
    model = nj.Multiscale(12, nj.Stream(patterns, tau_h=redraws), k=1.0, tau_J=20.0, J0=0.0, tally=True)
    data = lanes(study, "redrawn_map", model, study.pick(20_000, 1000), 320, {"end": nj.Mean(ended, warmup=160.0)})
    mean, error, _ = at_ends(data)
    name = "1 to 9, tau' = 20, the seed's map of steps of 1: D / V at the end of a pattern"
    return [
        four_sigma(name, mean / V, error / V, theory.mean_distance(ensemble, fade) / V),
        within(
            "1 to 9, tau' = 20, the seed's map of steps of 1: closed form of it",
            theory.mean_distance(ensemble, fade) / V,
            0.1547,
            0.0005,
            "derived: .1510 is the flow's",
        ),
    ]


def tables(study: Study) -> list[Row]:
    """Every line of both tables."""
    rows = [row for label in CASES for row in moments(study, label)]
    _draw(study)
    return rows + redrawn(study)


def _draw(study: Study) -> None:
    """One case over time: mean and deviation of D from its start on."""
    patterns, p = signs(5, 20, 1), np.random.default_rng(5).dirichlet(np.ones(5))
    J0, times = initial(20, 9, np.tanh(1.0) / np.sqrt(5)), np.arange(0, 101, 2)
    model = nj.Multiscale(20, nj.Stream(patterns, p), tau_J=20.0, J0=J0, tally=True)
    data = lanes(study, "transient", model, study.pick(4000, 500), 101, {"D": nj.At(measures.distance, tuple(times.tolist()))})
    D = data["D"].values
    ensemble, fade = theory.Ensemble.of(patterns, p, J0, np.tanh(1.0)), theory.fading(20.0, 1.0, 1.0)
    mean, deviation = theory.mean_distance(ensemble, fade, times), np.sqrt(theory.distance_variance(ensemble, fade, times))
    figure = Figure(figsize=(8.4, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for ax, found, wanted, label in (
        (left, D.mean(0), mean, "mean of $D$"),
        (right, D.std(0, ddof=1), deviation, "standard deviation of $D$"),
    ):
        ax.plot(times, found, "o", ms=3, label=f"{len(D)} runs")
        ax.plot(times, wanted, "k--", lw=1.2, label=THEORY)
        ax.set(xlabel="patterns shown $n$", ylabel=label, yscale="log" if ax is left else "linear")
        ax.legend(frameon=False)
    left.set_title("N = 20, K = 5, tau' = 20", fontsize="small")
    shown = xr.DataArray(np.stack([D.mean(0), mean, D.std(0, ddof=1), deviation]), dims=("curve", "n"), name="D")
    save(left, study.figures("tables"), "transient", shown.assign_coords(curve=["mean", "theory", "sd", "theory sd"], n=times))
