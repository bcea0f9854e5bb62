"""What is recorded of a run. A measure of one's own is a function of the view that stands here, or in neurojax, and in `records_of`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import neurojax as nj
from experiments.multiscale_memory.expected import settling_time
from neurojax.engine.system import View
from neurojax.multiscale import measures

MANY = 2**30  # steps between samples of which there is to be one


def made(view: View) -> dict[str, Any]:
    """Patterns (K, n), their probabilities (K,), and <X_m, X_n> (K, K): what this seed has drawn."""
    stream = view.system.stream
    drawn = {"patterns": stream.patterns, "probabilities": stream.probabilities}
    reference = getattr(view.system, "reference", None)
    return drawn if reference is None else drawn | {"gram": reference.gram}


def origin(view: View) -> dict[str, Any]:
    """<J0/k, X_mu> (K,) and |J0/k|^2, in the first sample."""
    return {"projections": view.system.projections(view.state), "square": view.system.square(view.state)}


def transitions(view: View) -> Any:
    """T (M, M) of a `PatternMatrix`."""
    return view.state.transitions


def records_of(
    config: Mapping[str, Any], model: Any, steps: int, dt: float, every: int, detail: bool
) -> tuple[dict[str, nj.Record], list[str]]:
    """Records by name, and what is left out of them, and why. detail: what pictures and films need, too."""
    n, kind, storage = model.n, config["model_class"], config["storage"]
    record: dict[str, nj.Record] = {"made": nj.Last(made)}
    left_out: list[str] = []
    thinned = every * max(1, -(-steps // every) * n // int(storage["max_size"]))  # of (n,) numbers a sample
    if kind == "MemoryMatrixAssociativeMemory":
        record |= {"similarity": nj.Trace(measures.similarities, every=thinned), "m": nj.Trace(measures.overlaps, every=every)}
        if model.tau_T is not None:
            record["transitions"] = nj.Last(transitions)
        pictured = {"s": nj.Trace(measures.neurons, every=thinned), "field": nj.Trace(measures.field, every=thinned)}
        return record | (pictured if detail else {}), left_out
    record |= {
        "D": nj.Trace(measures.distance, every=every),
        "locked": nj.Last(measures.locked),
        "origin": nj.Trace(origin, every=MANY),
    }
    if kind == "coefficients":
        return record, left_out
    record |= {
        "energy": nj.Trace(measures.lyapunov, every=every),
        "seed_energy": nj.Trace(measures.seed_energy, every=every),
        "tracking": nj.Mean(measures.tracking),
    }
    if n * n <= storage["Js_size"] or detail:
        record["J"] = nj.Last(measures.couplings)
    else:
        left_out.append(f"final couplings of {n} neurons (storage.Js_size={storage['Js_size']:g} numbers)")
    callback = config["large_deviations_callback"]
    if callback["activate"]:
        record["events"] = _events(callback, model, steps * dt)
        if n > callback["max_N"]:
            left_out.append(f"snapshots of large deviations: {n} neurons, large_deviations_callback.max_N={callback['max_N']}")
    if detail:
        record |= {
            "s": nj.Trace(measures.neurons, every=thinned),
            "field": nj.Trace(measures.field, every=thinned),
            "m": nj.Trace(measures.overlaps, every=every),
            "activity": nj.Trace(measures.mean_activity, every=every),
        }
        frames = min(int(config["visualizations"]["frames"]), int(storage["Js_size"]) // (n * n))
        if config["visualizations"]["dynamic"] and frames >= 2:
            record["film"] = nj.Trace(measures.couplings, every=-(-steps // frames))
        elif config["visualizations"]["dynamic"]:
            left_out.append(f"films: two frames of {n} x {n} couplings are more than storage.Js_size={storage['Js_size']:g} numbers")
    return record, left_out


def _events(callback: Mapping[str, Any], model: Any, duration: float) -> nj.Record:
    if model.stream.transitions is not None:
        raise ValueError("large_deviations_callback.activate=true: needs patterns drawn independently; leave model.transitions out")
    return nj.Excursions(
        measures.deviation,
        width=float(callback["width"]),
        cooldown=float(callback["cooldown"]),
        most=int(callback["max_points"]),
        snapshot=measures.couplings if model.n <= callback["max_N"] else None,
        warmup=min(settling_time(model), 0.5 * duration),
    )
