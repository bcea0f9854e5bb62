"""Figures that show what the model does."""

from __future__ import annotations

import numpy as np

import neurojax as nj
from experiments.study import Study
from experiments.table import Row
from neurojax.kuramoto import plot, theory
from neurojax.sweep.plot import completed, new_axes, save, trace_of


def phase_diagram(study: Study) -> list[Row]:
    """Order parameter over coupling and noise for normal frequencies; the share of clear points on the right side of the onset line."""
    n, seeds = study.pick(1000, 200), study.pick(4, 2)
    coupling, noise = np.linspace(0, 4, study.pick(33, 17)), np.linspace(0, 1.6, study.pick(25, 9))
    frequencies = nj.Normal(1.0, placement="quantiles")
    model = nj.Kuramoto(n, noise=0.0, frequencies=frequencies, windings=False)
    record = {"r": nj.Mean(nj.order_parameter, warmup=30.0)}
    over = {"coupling": coupling, "noise": noise}
    data = study.sweep("phase_diagram", model, over, dt=0.05, duration=60.0, seeds=seeds, record=record)
    plot.draw(data, study.figures("phase_diagram"))
    r = completed(data, "r").mean("seed").transpose("coupling", "noise").values
    relative = coupling[:, None] / theory.onset_line(theory.diffusion(noise), frequencies)
    floor = float(theory.finite_size_floor(n))
    wrong = ((relative < 0.7) & (r > 3 * floor)) | ((relative > 1.3) & (r < 0.5))
    clear = (relative < 0.7) | (relative > 1.3)
    share = float(wrong.sum() / clear.sum())
    quantity = f"share of points on the wrong side of the onset line (r > 3 floor below 0.7 K_c, r < 0.5 above 1.3 K_c), N = {n}"
    return [Row(quantity, share, 0.0, 0.0, source="Sakaguchi 1988", bound=True)]


def transition_curves(study: Study) -> list[Row]:
    """r(K) of three distributions in one figure."""
    n, seeds = study.pick(2000, 500), study.pick(8, 4)
    coupling = np.linspace(0.6, 4, study.pick(35, 18))
    kinds = {
        "Lorentzian, gamma = 0.5": nj.Lorentzian(0.5),
        "normal, s = 1": nj.Normal(1.0),
        "uniform on [-1.5, 1.5]": nj.Uniform(1.5),
    }
    ax = new_axes(None)
    worst = 0.0
    for i, (label, frequencies) in enumerate(kinds.items()):
        model = nj.Kuramoto(n, frequencies=frequencies, windings=False)
        record = {"r": nj.Mean(nj.order_parameter, warmup=100.0)}
        data = study.sweep(f"curve_{i}", model, {"coupling": coupling}, dt=0.1, duration=200.0, seeds=seeds, record=record)
        r = completed(data, "r")
        plot.plot_transition(r, frequencies=frequencies, label=label, ax=ax)
        far = coupling > 1.3 * float(theory.critical_coupling(frequencies))
        exact = theory.order_parameter(coupling[far], frequencies)
        worst = max(worst, float(np.abs(r.mean("seed").values[far] - exact).max()))
        save(ax, study.figures("transition_curves"), f"curves_{i}", r, data.attrs)
    bound = 3 * 0.75 / np.sqrt(n * seeds)
    quantity = f"largest distance of r from theory above 1.3 K_c, three distributions drawn, N = {n}, {seeds} seeds"
    return [Row(quantity, worst, 0.0, bound, source="Kuramoto 1975", bound=True)]


def portraits(study: Study) -> list[Row]:
    """One run under the notebook's envelope of the coupling: film of the circle, raster of phases, differences as it falls."""
    period, n = 60.0, 200
    schedule = nj.Sinusoid(1.0, 1.0, period=period)
    frequencies = nj.Normal(0.5)
    model = nj.Kuramoto(n, coupling=schedule, noise=0.1, frequencies=frequencies, windings=False)
    record = {"theta": nj.Trace(nj.phases, every=20), "r": nj.Trace(nj.order_parameter)}
    run = nj.simulate(model, dt=0.05, duration=period, record=record)
    omega, theta, r = np.asarray(run.system.frequencies), trace_of(run, "theta"), trace_of(run, "r")
    folder = study.figures("portraits")
    plot.animate_circle(theta, omega, folder / "circle.gif", coupling=schedule, rate=10, colours=32)
    save(plot.plot_raster(theta, omega), folder, "raster", theta)
    save(plot.plot_order_trace(r, n=n), folder, "order", r)
    falling = theta.sel(time=0.6 * period, method="nearest")
    for kind in ("cos", "sin"):
        save(plot.plot_differences(falling.values, omega, kind=kind), folder, f"differences_{kind}", falling)
    save(plot.plot_circle(falling.values, omega), folder, "circle", falling)
    identity = float(np.abs(np.abs(np.exp(1j * theta.values).mean(axis=1)) - r.values[::20]).max())
    return [Row("largest distance of r by the phases drawn from r recorded", identity, 0.0, 1e-5, source="same state, float32", bound=True)]
