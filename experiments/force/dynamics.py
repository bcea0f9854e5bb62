"""What learning does to the dynamics: figures 3 and 4, spectra and Lyapunov exponents before and after."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

import neurojax as nj
from experiments.force.common import DT, PAPER, PERIOD, PERIODS, SUCCESS, at_most, column, counted, judged, schedule, test_trace
from experiments.study import Study
from experiments.table import Row, mean_and_error
from neurojax.force import analysis, measures, plot
from neurojax.force.targets import four_sines
from neurojax.sweep.plot import new_axes, save

TAU = 10.0
SHARES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
SPARSELY = 5  # steps between samples of rates


def _system(study: Study, **network: Any) -> nj.Training:
    return nj.Training(nj.RateNetwork(study.pick(1000, 300), gain=1.4, **network), four_sines(), nj.RLS(1.0, method="block"))


def dimensions(study: Study) -> list[Row]:
    """Figure 3: how many directions the trained activity of five networks fills; which part of w learning determines (ten starts)."""
    n, span = study.pick(1000, 300), PERIODS * PERIOD * DT
    record = {"r": nj.Trace(measures.rates, every=SPARSELY, phase="test"), "z": nj.Trace(measures.output, every=SPARSELY, phase="test")}
    starts = np.random.default_rng(0).normal(size=(10, 1, n)) / np.sqrt(n)
    runs = [nj.simulate(_system(study, readout=w), duration=schedule(span, span), dt=DT, record=record) for w in starts]
    networks = [nj.simulate(_system(study), duration=schedule(span, span), dt=DT, seed=seed, record=record) for seed in range(5)]
    each = [analysis.principal_components(run.records["r"]) for run in networks]
    found = analysis.principal_components(runs[0].records["r"])
    quiet = nj.RateNetwork(n, gain=1.4, feedback=None)
    rates = {"r": nj.Trace(measures.rates, every=SPARSELY, warmup=span)}
    free = nj.simulate(quiet, duration=2 * span, dt=DT, method=nj.EulerMaruyama(), record=rates)
    spontaneous = analysis.principal_components(free.records["r"])
    ends = np.stack([np.asarray(run.final_state.state.readout.weights[0], float) for run in runs])
    pinned = (ends @ found.directions).std(axis=0) / (starts[:, 0] @ found.directions).std(axis=0)
    misses = {count: np.median([_missed(one, run, count) for one, run in zip(each, networks, strict=True)]) for count in (8, 16, 50)}
    needed = {share: np.median([one.needed(share) for one in each]) for share in (0.9, 0.95, 0.99)}
    ax = plot.plot_variances(spontaneous, found, labels=("spontaneous", "after learning"))
    both = [spontaneous.variances, found.variances]
    variances = xr.DataArray(both, {"state": ["spontaneous", "trained"]}, ("state", "component"), "variance")
    save(ax, study.figures("dimensions"), "variances", variances)
    ax = new_axes(None)
    ax.semilogy(np.arange(1, 101), pinned[:100], ".", ms=4)
    ax.set(xlabel="principal component", ylabel="deviation of $w$ over ten starts,\nafter learning / before")
    save(ax, study.figures("dimensions"), "pinned", xr.DataArray(pinned, dims="component", name="ratio"))
    rows = [
        at_most(f"components that hold {share:.0%} of the variance after learning, median of 5 networks", needed[share], most)
        for share, most in ((0.9, 5), (0.95, 9), (0.99, 16))
    ]
    rows += [
        at_most(f"z from {count} components: mean error over mean |z|, median of 5 networks", misses[count], most)
        for count, most in ((8, 0.08), (16, 0.04), (50, 0.002))
    ]
    return [
        *rows,
        at_most("components for 95 % after learning, over those before", needed[0.95] / spontaneous.needed(0.95), 1 / 3),
        at_most("deviation of w over starts, after / before, components 1 to 20, median", np.median(pinned[:20]), 0.05),
        at_most("before / after, components 80 to 100, median (not determined)", 1 / np.median(pinned[79:100]), 1.25),
    ]


def _missed(found: analysis.Components, run: nj.Run, count: int) -> float:
    """Mean |z - z from the first components|, over mean |z|; the mean rates are kept."""
    w = np.asarray(run.final_state.state.readout.weights[0], float)
    z = np.asarray(run.records["z"][:, 0], float)
    rebuilt = found.projected(run.records["r"], count) @ (found.directions[:, :count].T @ w) + found.mean @ w
    return float(np.abs(rebuilt - z).mean() / np.abs(z).mean())


def teacher(study: Study) -> list[Row]:
    """Figure 4: the more of the target itself is fed back while learning, the smaller the error in training and the worse the test."""
    span = PERIODS * PERIOD * DT
    record = test_trace() | {"last": nj.Mean(measures.absolute_error, phase="train", warmup=span - PERIOD * DT)}
    settings = {"seeds": study.pick(10, 2), "dt": DT, "duration": schedule(span, span), "record": record}
    data = study.sweep("teacher", _system(study), {"teacher": list(SHARES)}, **settings)
    good = column(judged(data, four_sines(), PERIOD, span), "aligned") < SUCCESS
    last = np.median(data["last"].values, axis=1)
    coords = {"teacher": list(SHARES), "seed": data["seed"].values}
    success = xr.DataArray(good, coords, ("teacher", "seed"), "success")
    ax = plot.plot_success(success)
    ax.plot(SHARES, last / last.max(), "s--", ms=3, lw=1, color="0.4", label=f"error in training, in units of {last.max():.3g}")
    ax.set(xlabel="share of the target in what is fed back, $\\gamma$", ylabel="share that succeeds")
    ax.legend(frameon=False, fontsize="small")
    save(ax, study.figures("teacher"), "teacher", success, data.attrs)
    rows = [counted("no target fed back, gain 1.4", good[0], 0.8)]
    for share, one in zip(SHARES, good, strict=True):
        label = f"networks of {len(one)} that succeed, share {share}"
        if share >= 0.2:
            rows.append(at_most(f"{label} (a minority)", one.sum(), (len(one) - 1) // 2))
        elif share > 0:
            rows.append(Row(label, float(one.sum()), 0.0, None, source=PAPER))
    return [*rows, at_most("error in training, share 0.5 over share 0", last[SHARES.index(0.5)] / last[0], 1.0)]


def chaos(study: Study) -> list[Row]:
    """Chaotic before, a cycle after: largest Lyapunov exponents of five networks, and the spectrum of their weights."""
    span, before, after = PERIODS * PERIOD * DT, [], []
    record = {"l": nj.Mean(nj.lyapunov_exponent, warmup=2000.0)}
    spectra: tuple[np.ndarray, ...] = ()
    for seed in range(study.pick(5, 2)):
        system = _system(study)
        run = nj.simulate(system, duration=span, dt=DT, seed=seed)
        trained = run.system.trained(run.final_state.state)
        untrained = run.system.network
        for network, found in ((untrained, before), (trained, after)):
            shadow = nj.Lyapunov(network)
            start = nj.simulate(shadow, steps=0, dt=DT, seed=seed).final_state.state._replace(state=run.final_state.state.network)
            shown = nj.simulate(shadow, duration=12_000.0, dt=DT, seed=seed, state=start, record=record)
            found.append(TAU * float(shown.records["l"]))
        spectra = spectra or (analysis.spectrum(untrained), analysis.spectrum(trained))
    mean, error = mean_and_error(before)
    parts = [[part(one) for one in spectra] for part in (np.real, np.imag)]
    coords = {"part": ["real", "imaginary"], "state": ["before", "after"]}
    numbers = xr.DataArray(parts, coords, ("part", "state", "number"), "eigenvalue")
    save(plot.plot_spectrum(*spectra), study.figures("chaos"), "spectrum", numbers)
    return [
        Row("largest Lyapunov exponent before learning, gain 1.4 (1/tau)", mean, error, None, source=PAPER),
        at_most("three standard errors of it, over it (chaos)", 3 * error / mean, 1.0),
        at_most("largest |exponent| after learning: a cycle's is 0 (1/tau)", float(np.abs(after).max()), 0.01),
    ]
