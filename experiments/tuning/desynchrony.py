"""Synchrony taken away by a common force, u cos theta_i on every oscillator, that comes late.

Lorentzian frequencies at quantiles, gamma = 1 about omega_0 = 2 pi (a period of 1), K = 4, N = 1000, from near synchrony.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr

import neurojax as nj
from experiments.study import Study
from experiments.table import Row, mean_and_error
from neurojax.kuramoto import theory
from neurojax.sweep.plot import completed, new_axes, save

COUPLING, GAMMA, OMEGA = 4.0, 1.0, 2 * np.pi
DT = 1 / 80
WARMUP = 30.0
FORCE = nj.control.Force(nj.common_force)
GAINS = {
    0.0: (0.706, 0.0),
    1.0: (0.576, None),
    1.5: (0.444, None),
    2.0: (0.099, None),
    2.5: (0.012, 0.0022),
    3.0: (0.012, 0.0031),
    4.0: (0.013, None),
}
MOST_R, MOST_EFFORT = 0.02, 0.0022  # what a controller is to reach, and at what mean u^2
LAGS = (5, 10, 20, 30, 40)  # decisions, of 1 / 40 each
FRESH = 100  # first of the seeds that no training has seen


def sine_field(view: nj.View) -> jax.Array:
    """Im z."""
    return nj.mean_field(view)[1]


def squared_order(view: nj.View) -> jax.Array:
    """r^2 of the loop's model."""
    return nj.squared_order(view.state.model)


class Scattered(nj.Frequencies):
    """Lorentzian quantiles about a centre that each seed has its own of, uniform within `spread` of omega_0: a policy that is trained on
    one centre alone falls for another delay, as both turn the field that it sees."""

    spread: float = 0.1

    def draw(self, key: Any, n: int) -> jax.Array:
        own = nj.Lorentzian(GAMMA, placement="quantiles").draw(key, n)
        return own + OMEGA * (1 + self.spread * (2 * jax.random.uniform(key) - 1))


def oscillators(n: int) -> nj.Kuramoto:
    frequencies = nj.Lorentzian(GAMMA, OMEGA, placement="quantiles")
    return nj.Kuramoto(n, COUPLING, frequencies=frequencies, initial=nj.Cluster(0.2), windings=False)


def steps(delay: float) -> int:
    return round(delay / DT)


def proportional(model: nj.Kuramoto, gain: float = 2.5, delay: float = 0.0) -> nj.control.ClosedLoop:
    """`u = -2 G Im z(t - delay)`."""
    return nj.control.ClosedLoop(model, nj.control.PID(2 * gain), sine_field, FORCE, delay=steps(delay))


def predicting(model: nj.Kuramoto, gain: float, delay: float) -> nj.control.ClosedLoop:
    """`u = -2 G Im [e^{i omega_0 delay} z(t - delay)]`: the field turned by what it has turned since."""
    turned = 2 * gain * jnp.stack([jnp.sin(jnp.asarray(OMEGA * delay)), jnp.cos(jnp.asarray(OMEGA * delay))])
    return nj.control.ClosedLoop(model, nj.control.LinearFeedback(turned), nj.mean_field, FORCE, delay=steps(delay))


def answering(model: nj.Kuramoto, policy: nj.control.Controller, delay: float = 0.25) -> nj.control.ClosedLoop:
    """A policy in the loop, which decides at every second step."""
    return nj.control.ClosedLoop(model, policy, nj.mean_field, FORCE, delay=steps(delay), interval=2)


def objective(records: Any) -> jax.Array:
    """r^2 from the start, so that there is a slope where all is synchronous; late r^2, dear; late u^2."""
    return records["early"] + 50 * records["late"] + records["effort"]


def learned(study: Study, model: nj.Kuramoto) -> nj.Tuned:
    """A network of eight units that sees z late, now and at five times within the last period, and knows nothing of omega_0.

    By gradients through 40 time units of oscillators with scattered centres, back through five of them at a time.
    """
    iterations, span = study.pick((80, 40.0), (2, 25.0))
    model = eqx.tree_at(lambda one: one.frequencies, model, Scattered())
    record = {
        "early": nj.Mean(squared_order, warmup=4.0),
        "late": nj.Mean(squared_order, warmup=20.0),
        "effort": nj.Mean(nj.control.effort, warmup=20.0),
    }
    return nj.tune(
        answering(model, nj.control.Policy.drawn(seen=2, lags=LAGS, width=8, gain=0.3)),
        objective,
        where="controller.weights",
        dt=DT,
        duration=span,
        record=record,
        seeds=4,
        iterations=iterations,
        optimizer=optax.adam(optax.cosine_decay_schedule(0.03, iterations)),
        store=study.out / "desynchrony_policy.npz",
        options=nj.TuneOptions(mode="reverse", clip=1.0, checkpoint=nj.Checkpoint(window=400), fresh=0, patience=None),
    )


def desynchronise(study: Study) -> list[Row]:
    """Proportional feedback against the averaged theory and the reference table; then with delays; then the two that stand a delay."""
    n, seeds, span = study.pick((1000, 6, 60.0), (200, 2, 35.0))
    model = oscillators(n)
    record = {"r": nj.Mean(nj.order_parameter, of="model", warmup=WARMUP), "effort": nj.Mean(nj.control.effort, warmup=WARMUP)}
    settings: dict[str, Any] = {"dt": DT, "duration": span, "record": record, "seeds": range(FRESH, FRESH + seeds)}
    finite = study.pick(1.0, 5.0)

    def measured(name: str, system: Any, over: dict[str, Any]) -> xr.Dataset:
        return study.sweep(f"desynchrony_{name}", system, over, **settings)

    rows = []
    data = measured("gains", proportional(model), {"controller.proportional": 2 * np.array(list(GAINS))})
    for i, (gain, (r, effort)) in enumerate(GAINS.items()):
        one = data.isel({"controller.proportional": i})
        if study.quick and gain >= 2:
            r, effort = None, None  # what is left of synchrony is of the size of 1 / sqrt n
        rows.append(
            _row(f"r, proportional, G = {gain:g}", one, "r", r, finite * (0.01 if gain == 2.0 else 0.004), "reference table" if r else "")
        )
        if gain < 2:
            exact = float(theory.order_parameter(COUPLING - gain, nj.Lorentzian(GAMMA)))
            rows.append(_row(f"r, proportional, G = {gain:g}, by averaging", one, "r", exact, finite * 0.006, "K - G in Kuramoto 1975"))
        if effort:
            rows.append(_row(f"mean u², proportional, G = {gain:g}", one, "effort", effort, finite * 0.0008, "reference table"))
    for delay, r in ((0.1, None), (0.25, 0.80), (0.5, 0.84)):
        one = measured(f"late_{delay:g}", proportional(model, delay=delay), {})
        rows.append(_row(f"r, proportional, G = 2.5, delay {delay:g}", one, "r", r, finite * 0.02, "reference table" if r else ""))
    predicted = measured("predicting", lambda gain: predicting(model, gain, 0.25), {"gain": [2.2, 2.3, 2.5, 3.0]})
    for i, gain in enumerate(predicted.gain.values):
        one = predicted.isel(gain=i)
        rows.append(_row(f"r, turned by ω₀τ, G = {gain:g}, delay 0.25", one, "r", None))
        rows.append(_row(f"mean u², turned by ω₀τ, G = {gain:g}, delay 0.25", one, "effort", None))
    policy = learned(study, model).system.controller
    for delay in (0.25, 0.2, 0.225, 0.275, 0.3):
        one = measured(f"learned_{delay:g}", answering(model, policy, delay), {})
        asked = (MOST_R, MOST_EFFORT) if delay == 0.25 and not study.quick else (None, None)
        rows.append(_row(f"r, learned, delay {delay:g}", one, "r", asked[0], source="asked for" if asked[0] else "", bound=True))
        rows.append(_row(f"mean u², learned, delay {delay:g}", one, "effort", asked[1], source="asked for" if asked[1] else "", bound=True))
    _draw(study, model, policy)
    return rows


def _row(
    quantity: str, data: xr.Dataset, name: str, reference: float | None, bias: float = 0.0, source: str = "", bound: bool = False
) -> Row:
    return Row(quantity, *mean_and_error(completed(data, name).values.ravel()), reference, bias, source, bound)


def _draw(study: Study, model: nj.Kuramoto, policy: nj.control.Controller) -> None:
    """r(t) of the loops, on logarithmic axes; beside it their commands in the last period."""
    loops: dict[str, Callable[[], nj.control.ClosedLoop]] = {
        "proportional, no delay": lambda: proportional(model),
        "proportional, delay 0.25": lambda: proportional(model, delay=0.25),
        "turned by ω₀τ, delay 0.25": lambda: predicting(model, 2.5, 0.25),
        "learned, delay 0.25": lambda: answering(model, policy),
    }
    record = {"r": nj.Trace(nj.order_parameter, of="model", every=4)}
    runs = [nj.simulate(make(), dt=DT, duration=40.0, seed=FRESH, record=record) for make in loops.values()]
    shown = xr.DataArray(
        np.stack([run.records["r"] for run in runs]), {"loop": list(loops), "time": runs[0].times["r"]}, ("loop", "time"), name="r"
    )
    ax = new_axes(None, (6.0, 3.6))
    for name in loops:
        ax.plot(shown.time, shown.sel(loop=name), lw=1, label=name)
    ax.axhline(MOST_R, color="k", ls="--", lw=1)
    ax.set(xlabel="time $t$ (periods)", ylabel="order parameter $r$", yscale="log", ylim=(2e-3, 1.3), xlim=(0, 40))
    ax.legend(frameon=False, fontsize="small")
    save(ax, study.figures("control"), "desynchrony", shown)
