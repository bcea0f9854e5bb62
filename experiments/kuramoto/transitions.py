"""Order parameter against coupling, for every distribution that has a closed form."""

from __future__ import annotations

import numpy as np

import neurojax as nj
from experiments.kuramoto.sizes import DT, NOISY_DT, STEP_BIAS, sized_rows
from experiments.study import Study
from experiments.table import Row, mean_and_error
from neurojax.kuramoto import plot, theory
from neurojax.sweep.plot import completed, trace_of


def branch(
    study: Study, name: str, sizes: tuple[int, int], coupling: list[float], seeds: int, *, label: str, source: str, **model
) -> list[Row]:
    """r(K) at two sizes, from a coherent start, so that the transient falls onto the branch and does not have to grow from noise."""
    duration = study.pick(200.0, 80.0)
    record = {"r": nj.Mean(nj.order_parameter, warmup=duration / 2)}
    small, large = (
        study.sweep(
            f"{name}_{n}",
            nj.Kuramoto(n, initial=nj.Cluster(1.0), windings=False, **model),
            {"coupling": coupling},
            dt=NOISY_DT if "noise" in model else DT,
            duration=duration,
            seeds=seeds,
            record=record,
        )
        for n in sizes
    )
    plot.draw(large, study.figures(name))
    d = float(theory.diffusion(model.get("noise", 0.0)))
    reference = theory.order_parameter(np.asarray(coupling), model["frequencies"], d)
    return sized_rows(small, large, "r", label, reference, source)


def gaussian(study: Study) -> list[Row]:
    """Normal frequencies, at quantiles and drawn."""
    coupling = [1.7, 2.0, 2.5, 3.0, 4.0]
    sizes = study.pick((1000, 4000), (500, 2000))
    source = "Kuramoto 1975"
    rows = branch(
        study,
        "gaussian_quantiles",
        sizes,
        coupling,
        8,
        label=f"r, normal at quantiles, N = {sizes[1]}",
        source=source,
        frequencies=nj.Normal(1.0, placement="quantiles"),
    )
    sizes = study.pick((5000, 20000), (250, 1000))
    label = f"r, normal drawn, N = {sizes[1]}"
    return rows + branch(study, "gaussian_drawn", sizes, coupling, 16, label=label, source=source, frequencies=nj.Normal(1.0))


def lorentzian(study: Study) -> list[Row]:
    """Lorentzian frequencies, gamma = 0.5: r = sqrt(1 - 2 gamma / K)."""
    sizes = study.pick((1000, 4000), (500, 2000))
    return branch(
        study,
        "lorentzian",
        sizes,
        [1.2, 1.5, 2.0, 3.0, 4.0],
        8,
        label=f"r, Lorentzian gamma = 0.5, N = {sizes[1]}",
        source="Kuramoto 1975",
        frequencies=nj.Lorentzian(0.5, placement="quantiles"),
    )


def identical(study: Study) -> list[Row]:
    """Identical oscillators with noise, D = 0.5: r = I1(K r / D) / I0(K r / D)."""
    d, ratios = 0.5, np.array([2.5, 3.0, 4.0, 6.0, 10.0])
    sizes = study.pick((500, 2000), (125, 500))
    return branch(
        study,
        "identical_noisy",
        sizes,
        list(ratios * d),
        8,
        label=f"r, identical, D = 0.5, N = {sizes[1]}",
        source="Sakaguchi 1988",
        frequencies=nj.Delta(0.0),
        noise=np.sqrt(2 * d),
    )


def lorentzian_noisy(study: Study) -> list[Row]:
    """Lorentzian frequencies with noise, gamma = D = 0.5."""
    sizes = study.pick((500, 2000), (125, 500))
    return branch(
        study,
        "lorentzian_noisy",
        sizes,
        [2.2, 2.5, 3.0, 4.0, 5.0],
        8,
        label=f"r, Lorentzian gamma = D = 0.5, N = {sizes[1]}",
        source="Sakaguchi 1988",
        frequencies=nj.Lorentzian(0.5, placement="quantiles"),
        noise=1.0,
    )


def uniform(study: Study) -> list[Row]:
    """Uniform frequencies on [-1, 1]: incoherence below K_c = 4/pi, and the height pi/4 to which r jumps there."""
    frequencies = nj.Uniform(1.0, placement="quantiles")
    onset = float(theory.critical_coupling(frequencies))
    n, seeds = study.pick(4000, 1000), study.pick(8, 4)
    settings = {"dt": 0.1, "duration": study.pick(800.0, 400.0), "seeds": seeds}
    record = {"r": nj.Mean(nj.order_parameter, warmup=study.pick(400.0, 200.0))}
    model = nj.Kuramoto(n, frequencies=frequencies, windings=False)
    data = study.sweep("uniform_below", model, {"coupling": [1.2, 1.25, 1.3, 1.4]}, record=record, **settings)
    plot.draw(data, study.figures("uniform"))
    r = completed(data, "r").values
    floor = float(theory.finite_size_floor(n))
    rows = [
        Row(f"r, uniform, K = {k:g} below the jump, N = {n}", *mean_and_error(r[i]), 0.0, 2 * floor, "Pazó 2005")
        for i, k in enumerate((1.2, 1.25))
    ]
    # This jump has no hysteresis: the branch above it is reached from the coherent side as well, where nothing has to grow.
    above = onset * (1 + np.array([0.002, 0.004, 0.007, 0.01, 0.015, 0.02]))
    found = []
    for size in (n // 4, n):
        start = nj.Kuramoto(size, frequencies=frequencies, initial=nj.Cluster(1.0), windings=False)
        data = study.sweep(f"uniform_above_{size}", start, {"coupling": above}, record=record, **settings)
        found.append([jump_height(above, onset, values) for values in completed(data, "r").values.T])
    small, large = np.asarray(found)
    own_bias = abs(jump_height(above, onset, theory.order_parameter(above, frequencies)) - np.pi / 4)
    bias = own_bias + abs(large.mean() - small.mean()) + STEP_BIAS
    quantity = f"jump of r at K_c, fit of r in (K - K_c)^(2/3), K/K_c 1.002 to 1.02, N = {n}"
    rows.append(Row(quantity, *mean_and_error(large), np.pi / 4, bias, "Pazó 2005"))
    return [*rows, ramp_row(study, model, onset)]


def jump_height(coupling: np.ndarray, onset: float, r: np.ndarray) -> float:
    """r just above the onset, from a parabola in (K - K_c)^(2/3), the power of the jump's upper branch (Pazó 2005)."""
    return float(np.polyfit((coupling - onset) ** (2 / 3), r, 2)[-1])


def ramp_row(study: Study, model: nj.Kuramoto, onset: float) -> Row:
    """Coupling at which r passes half its jump while K rises slowly; incoherence has to grow out of its noise first, so K_c is overshot."""
    crossings = []
    for duration in study.pick((4000.0, 16000.0), (600.0, 2400.0)):
        ramp = nj.Ramp(1.2, 1.4, end=duration)
        ramped = nj.Kuramoto(model.n, coupling=ramp, frequencies=model.frequencies, windings=False)
        run = nj.simulate(ramped, dt=0.1, duration=duration, record={"r": nj.Trace(nj.order_parameter, every=20)})
        r = trace_of(run, "r")
        crossings.append(1.2 + 0.2 * float(r.time[int(np.argmax(r.values > np.pi / 8))]) / duration)
    fast, slow = crossings
    # The overshoot of a linear ramp falls like the square root of its rate, so a four times slower one halves it.
    return Row(f"K at the jump, ramp extrapolated to rate 0, N = {model.n}", 2 * slow - fast, 0.0, onset, abs(fast - slow), "Kuramoto 1975")
