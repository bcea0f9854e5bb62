"""The order parameter made to follow 0.7, then 0.42, by the coupling, K within [0, 10].

Lorentzian frequencies at quantiles, gamma = 0.5, D = 0.1, N = 1000, from incoherence; 80 time units, the target falls at 40. IAE is the
mean of |r - target| over all of them, TV the total variation of K.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from matplotlib.figure import Figure

import neurojax as nj
from experiments.study import Study
from experiments.table import Row, mean_and_error
from neurojax.sweep.plot import completed, save

GAMMA, DIFFUSION = 0.5, 0.1
DT, SPAN = 0.02, 80.0
LOW, HIGH = 0.0, 10.0
ONSET = 2 * (GAMMA + DIFFUSION)  # the coupling of the baselines without an error
BASELINES = {
    "P(10)": ((10.0,), 0.056),
    "PI(10, 5)": ((10.0, 5.0), 0.0196),
    "PI(20, 10)": ((20.0, 10.0), 0.0135),
    "PID(20, 10, 1)": ((20.0, 10.0, 1.0), 0.0134),
}
FRESH = 100  # first of the seeds that no training has seen
SHORT = {"rise": 4.0, "high": 8.0, "fall": 4.0, "low": 8.0}  # a training run, and what of the whole task each part stands for
WHOLE = {"rise": 4.0, "high": 36.0, "fall": 4.0, "low": 36.0}
MOMENTS = 16  # of the mean field; the last is below 0.7^16 = 0.003
FLUCTUATION = 0.0225  # noise of r (1/sqrt(time)) in training: with it r has the scatter under PI(20, 10) that 1000 oscillators have
ALLOWED = 195.0  # total variation of K that training leaves free; PI(20, 10) has about 209


class MeanField(nj.Flow):
    """Moments `z_m = <e^{i m theta}>` of infinitely many oscillators, all real:

        dz_m/dt = -(m gamma + m^2 D) z_m + m K / 2 z_1 (z_{m-1} - z_{m+1}),   z_0 = 1,

    exact for Lorentzian frequencies (Ott and Antonsen 2008, with noise); z_1 is r, to which noise is added for finitely many.
    """

    coupling: Any = ONSET
    start: float = 0.03

    def init(self, key: Any) -> jax.Array:
        size = jnp.sqrt(-2 * jnp.log(jax.random.uniform(key, minval=1e-6)))
        return jnp.zeros(MOMENTS).at[0].set(self.start * size)

    def drift(self, state: Any, clock: nj.Clock) -> jax.Array:
        m = jnp.arange(1, MOMENTS + 1).astype(state.dtype)
        below, above = jnp.concatenate([jnp.ones_like(state[:1]), state[:-1]]), jnp.concatenate([state[1:], jnp.zeros_like(state[:1])])
        return -(m * GAMMA + m * m * DIFFUSION) * state + m * (self.coupling / 2 * state[0]) * (below - above)

    def diffusion(self, state: Any, clock: nj.Clock) -> jax.Array:
        return jnp.zeros_like(state).at[0].set(FLUCTUATION)


def first_moment(view: nj.View) -> jax.Array:
    """r of the mean field."""
    return jnp.abs(view.state[0])


class Switch(nj.Signal):
    """One value before a time, another from it on."""

    at: Any
    before: Any = 0.7
    after: Any = 0.42

    def __call__(self, time: Any) -> Any:
        return jnp.where(time < self.at, self.before, self.after)


def error(view: nj.View) -> jax.Array:
    """`|r - target|`, by what is observed."""
    loop = view.system
    r = loop.observe(nj.View(loop.model, view.state.model, view.clock))
    return jnp.abs(r - loop.controller.target(view.clock.time))


def oscillators(n: int) -> nj.Kuramoto:
    frequencies = nj.Lorentzian(GAMMA, placement="quantiles")
    return nj.Kuramoto(n, frequencies=frequencies, noise=np.sqrt(2 * DIFFUSION), windings=False)


def baseline(model: nj.Kuramoto, gains: tuple[float, ...]) -> nj.control.ClosedLoop:
    pid = nj.control.PID(*gains, target=Switch(SPAN / 2), low=LOW, high=HIGH, bias=ONSET)
    return nj.control.ClosedLoop(model, pid, nj.order_parameter, "coupling")


def policy(target: Switch) -> nj.control.Policy:
    """Eight units that see the error, three averages of it, and the target."""
    scale = np.array([5.0, 5.0, 5.0, 5.0, 3.0])
    return nj.control.Policy.drawn(times=[0.05, 0.15, 0.5], width=8, scale=scale, target=target, informed=True, low=LOW, high=HIGH)


def objective(records: Any) -> jax.Array:
    """100 IAE of the whole task, estimated from a short one; and what the variation of K is beyond what is allowed."""
    whole = sum(time * records[f"error_{part}"] for part, time in WHOLE.items()) / SPAN
    variation = sum(time * records[f"variation_{part}"] for part, time in WHOLE.items()) / DT
    return 100 * whole + 0.01 * jnp.maximum(variation - ALLOWED, 0.0)


def learned(study: Study) -> nj.Tuned:
    """The policy, by gradients through the mean field and its noise: through the oscillators themselves they lead nowhere (see README)."""
    iterations, measures = study.pick(300, 2), {"error": error, "variation": nj.control.variation}
    return nj.tune(
        nj.control.ClosedLoop(MeanField(), policy(Switch(SHORT["rise"] + SHORT["high"])), first_moment, "coupling"),
        objective,
        where="controller.weights",
        dt=DT,
        duration=nj.Schedule({part: nj.Phase(time) for part, time in SHORT.items()}),
        record={f"{name}_{part}": nj.Mean(measure, phase=part) for part in SHORT for name, measure in measures.items()},
        seeds=16,
        iterations=iterations,
        optimizer=optax.adam(optax.cosine_decay_schedule(0.03, iterations)),
        store=study.out / "tracking_policy.npz",
        options=nj.TuneOptions(mode="reverse", clip=1.0, fresh=0, patience=None),
    )


def track(study: Study) -> list[Row]:
    """The reference baselines, and the learned controller, on the same fresh seeds."""
    n, seeds = study.pick((1000, 6), (200, 2))
    model = oscillators(n)
    record = {"iae": nj.Mean(error), "variation": nj.Mean(nj.control.variation)}
    settings: dict[str, Any] = {"dt": DT, "duration": SPAN, "record": record, "seeds": range(FRESH, FRESH + seeds)}
    rows, finite, allowed = [], study.pick(1.0, 8.0), 0.0

    def measured(name: str, system: Any) -> tuple[np.ndarray, np.ndarray]:
        data = study.sweep(f"tracking_{name}", system, {}, **settings)
        return completed(data, "iae").values, completed(data, "variation").values * SPAN / DT

    for name, (gains, reference) in BASELINES.items():
        iae, variation = measured("_".join(["pid", *(f"{gain:g}" for gain in gains)]), baseline(model, gains))
        rows.append(Row(f"IAE, {name}", *mean_and_error(iae), reference, finite * max(0.0005, 0.06 * reference), "reference table"))
        rows.append(Row(f"total variation of K, {name}", *mean_and_error(variation), None))
        if name == "PI(20, 10)":
            allowed = float(variation.mean())
    controller = eqx.tree_at(lambda one: one.target, learned(study).system.controller, Switch(SPAN / 2))
    loop = nj.control.ClosedLoop(model, controller, nj.order_parameter, "coupling")
    iae, variation = measured("learned", loop)
    asked = (0.0135, allowed) if not study.quick else (None, None)
    rows.append(Row("IAE, learned", *mean_and_error(iae), asked[0], source="asked for", bound=True))
    rows.append(Row("total variation of K, learned (at most that of PI(20, 10))", *mean_and_error(variation), asked[1], bound=True))
    _draw(study, {"PI(20, 10)": baseline(model, (20.0, 10.0)), "learned": loop})
    return rows


def _draw(study: Study, loops: dict[str, nj.control.ClosedLoop]) -> None:
    """r(t) and K(t) about both steps of the target, for one fresh seed."""
    record = {"r": nj.Trace(nj.order_parameter, of="model"), "K": nj.Trace(nj.control.command)}
    runs = {name: nj.simulate(loop, dt=DT, duration=SPAN, seed=FRESH, record=record) for name, loop in loops.items()}
    time = next(iter(runs.values())).times["r"]
    figure = Figure(figsize=(8.0, 4.2), layout="constrained")
    axes = figure.subplots(2, 2, sharex="col", sharey="row")
    for name, run in runs.items():
        for column in (0, 1):
            axes[0, column].plot(time, run.records["r"], lw=1, label=name)
            axes[1, column].plot(time, run.records["K"], lw=1)
    for column, start in enumerate((0.0, SPAN / 2 - 1)):
        axes[0, column].plot(time, np.where(time < SPAN / 2, 0.7, 0.42), "k--", lw=1)
        axes[1, column].set(xlim=(start, start + 5), xlabel="time $t$")
    axes[0, 0].set(ylabel="order parameter $r$", ylim=(0, 1))
    axes[1, 0].set(ylabel="coupling $K$ (1/time)", ylim=(-0.3, HIGH + 0.3))
    axes[0, 0].legend(frameon=False, fontsize="small")
    shown = np.stack([[run.records["r"], run.records["K"]] for run in runs.values()])
    coordinates = {"loop": list(runs), "what": ["r", "K"], "time": time}
    save(axes[0, 0], study.figures("control"), "tracking", xr.DataArray(shown, coordinates, ("loop", "what", "time"), name="value"))
