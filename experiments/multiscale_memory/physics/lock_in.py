"""When a network stops to follow its field: tracking over field and largest weight, with the boundary that the weights alone predict."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import xarray as xr

import neurojax as nj
from experiments.multiscale_memory.physics.common import ELSEWHERE, THEORY, at_least, at_most, lanes
from experiments.study import Study
from experiments.table import Row, mean_and_error
from neurojax.multiscale import measures, plot, theory
from neurojax.sweep.plot import save

N, K, TAU_J = 40, 4, 20.0
STEPS, LAST = 2000, 500  # of a run, and those of them over which tracking is averaged


def memory(field: float, weight: float) -> nj.Multiscale:
    """field: u / k (N - 1). weight: the largest p; the others share the rest."""
    p = np.full(K, (1 - weight) / (K - 1))
    p[0] = weight
    return nj.Multiscale(N, nj.Stream(nj.RademacherPatterns(K), p), 100.0, field * theory.lock_in_field(N), 1.0, tau_J=TAU_J)


def weights_alone(weight: float) -> nj.CoefficientMap:
    """What the weights of patterns in J do while the field is followed: K numbers."""
    follows = memory(2.0, weight)
    return nj.CoefficientMap(N, follows.stream, follows.beta, follows.u, 1.0, tau_J=TAU_J, grid=1.0)


def largest(view: Any) -> Any:
    """The largest weight of a pattern in J."""
    return jnp.max(jnp.asarray(view.state.weights))


def lock_in(study: Study) -> list[Row]:
    """The phase diagram, in one sweep; numbers measured elsewhere."""
    fields = np.round(np.linspace(*study.pick((0.10, 1.20, 45), (0.2, 1.2, 6))), 6)
    weights = np.round(np.linspace(*study.pick((0.25, 0.95, 15), (0.25, 0.95, 3))), 6)
    seeds = study.pick(8, 2)
    over = {"field": fields, "weight": weights}
    record = {"tracked": nj.Mean(measures.tracking, warmup=float(STEPS - LAST)), "size": nj.Last(measures.square_norm)}
    data = study.sweep("phases", memory, over, seeds=seeds, steps=STEPS, dt=1.0, record=record)
    tracked = data["tracked"].transpose("field", "weight", "seed")
    record = {"largest": nj.Maximum(largest)}
    alone = study.sweep("weights", weights_alone, {"weight": weights}, seeds=seeds, steps=STEPS, dt=1.0, record=record)
    predicted = alone["largest"].transpose("weight", "seed").values
    _draw(study, tracked, predicted)
    values, field, weight = tracked.values, fields[:, None, None], weights[None, :, None]
    followed = values > 0.99
    # A run that loses its field at `edge` follows it in all stronger ones of the grid.
    edges = np.array([[_edge(fields, followed[:, w, s]) for s in range(seeds)] for w in range(len(weights))])
    off = edges - predicted
    source = "the largest weight that its patterns reach, from K numbers and the same draws"
    rows = [
        Row(f"lanes of one sweep: {len(fields)} fields, {len(weights)} weights, {seeds} seeds", values.size, 0.0, None),
        at_least("tracking fraction of the worst lane with u > k (N - 1)", np.min(values[(field > 1.001).ravel()]), 1.0, "always safe"),
        at_most("share of lanes with u < 0.9 k (N - 1) p_max that follow", np.mean(followed[(field < 0.9 * weight)[..., 0]]), 0.01, THEORY),
        Row("edge of tracking in u / k (N - 1), less the predicted: mean", float(off.mean()), 0.0, 0.0, study.pick(0.025, 0.1), source),
        Row("the same: root mean square", float(np.sqrt(np.mean(off**2))), 0.0, 0.0, study.pick(0.04, 0.2), source),
    ]
    return [*rows, *_line(study), *_introduction(study)]


def _edge(fields: np.ndarray, followed: np.ndarray) -> float:
    """Half way between the strongest field that is lost and the next."""
    lost = np.flatnonzero(~followed)
    if not len(lost):
        return float(fields[0])
    return float(fields[-1] if lost[-1] + 1 == len(fields) else 0.5 * (fields[lost[-1]] + fields[lost[-1] + 1]))


def _line(study: Study) -> list[Row]:
    """Even p at four fields: tracking and D over the last 500 of 1,500 steps."""
    model = nj.Multiscale(N, nj.Stream(nj.RademacherPatterns(K)), 100.0, tau_J=TAU_J, tally=True)
    record = {"t": nj.Mean(measures.tracking, warmup=1000.0), "D": nj.Mean(measures.distance, warmup=1000.0)}
    fields = [15.0, 20.0, 30.0, 39.5]
    data = study.sweep("line", model, {"u": fields}, seeds=study.pick(64, 8), steps=1500, dt=1.0, record=record)
    t, D = data["t"].transpose("u", "seed").values, data["D"].transpose("u", "seed").values
    rows = [
        at_most("u = 15 of k (N - 1) = 39: tracking", t[0].mean(), 0.5, f"{ELSEWHERE}: .015"),
        Row("u = 20: tracking, metastable", *mean_and_error(t[1]), 0.96, 0.05, ELSEWHERE),
        at_least("u = 30: tracking", t[2].mean(), 0.999, f"{ELSEWHERE}: 1.00"),
        at_least("u = 39.5: tracking", t[3].mean(), 1.0, f"{ELSEWHERE}: 1.00"),
        Row("u = 15: D", *mean_and_error(D[0]), 0.82, 0.1, ELSEWHERE),
        Row("u = 20: D", *mean_and_error(D[1]), None, source=f"{ELSEWHERE}: .050, of its few runs"),
    ]
    # E over random signs of 1 - |H|^2 is 1 - 1/K, as products of different patterns have no mean.
    wanted = float(theory.sums(1 - 1 / TAU_J, 2)) * (1 - 1 / K)
    return rows + [Row(f"u = {fields[i]:g}: D", *mean_and_error(D[i]), wanted, 0.0, THEORY) for i in (2, 3)]


def _introduction(study: Study) -> list[Row]:
    """The parameters of the seed's introductory figure, to T = 4000 instead of 200."""
    rows = []
    for u in (2.0, 12.0, 200.0):
        model = nj.Multiscale(16, nj.Stream(nj.RademacherPatterns(4), tau_h=10.0), 1.0, u, tau_s=10.0, tau_J=130.0)
        record = {"size": nj.Last(measures.square_norm), "D": nj.Last(measures.distance), "locked": nj.Last(measures.locked)}
        data = lanes(study, f"introduction_{u:g}", model, study.pick(64, 8), 4001, record)
        size, D = (mean_and_error(data[name].values) for name in ("size", "D"))
        if u == 2.0:
            rows.append(Row("N = 16, u = 2, tau = 10, tau' = 130, tau_h = 10, T = 4000: |J/k|^2, rank one", *size, 1.0, 0.02, ELSEWHERE))
            rows.append(Row("the same: D", *D, 0.86, 0.12, f"{ELSEWHERE}, one run"))
        else:
            rows.append(Row(f"the same with u = {u:g}: D", *D, 0.09, 0.05, f"{ELSEWHERE}, one run"))
    return rows


def _draw(study: Study, tracked: xr.DataArray, predicted: np.ndarray) -> None:
    ax = plot.plot_lock_in(tracked)
    middle, low, high = (np.quantile(predicted, share, axis=1) for share in (0.5, 0.0, 1.0))
    weights = tracked["weight"].values
    ax.plot(middle, weights, "r-", lw=1.8, label="predicted: largest weight reached, median", gid="predicted")
    ax.fill_betweenx(weights, low, high, color="r", alpha=0.25, lw=0)
    # Legible on both colours.
    ax.legend(loc="upper left", fontsize="x-small", framealpha=0.75, facecolor="0.2", labelcolor="w")
    ax.set_title(
        rf"N = {N}, K = {K}, $\tau'$ = {TAU_J:g}, $\beta$ = 100; {tracked.size} lanes, {tracked.sizes['seed']} seeds", fontsize="small"
    )
    save(ax, study.figures("lock_in"), "lock_in", tracked)
