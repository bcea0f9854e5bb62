"""What the studies share: the schedule, and how a frozen test is judged. Times in ms, tau = 10 ms, Euler's method with dt = 1."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import xarray as xr

import neurojax as nj
from experiments.study import Study
from experiments.table import Row
from neurojax.force import measures
from neurojax.force.measures import accuracy

DT = 1.0
PERIOD = 1200  # steps of the four-sine target
PERIODS = 12  # of training, and of the test after it
SUCCESS = 0.05  # largest aligned error of a network that has learned
SILENCE = 0.6165  # mean |f| of the four-sine target
PAPER = "Sussillo and Abbott 2009"


def schedule(train: float, test: float) -> nj.Schedule:
    """Training, then a test with the weights held."""
    return nj.Schedule({"train": nj.Phase(train), "test": nj.Phase(test, {"learning": False})})


def values(signal: Any, start: float, count: int) -> np.ndarray:
    """A signal at `count` steps from a time on."""
    return np.asarray(jax.vmap(signal)(np.arange(start, start + count * DT, DT, dtype=np.float32)))


def judged(data: xr.Dataset, signal: Any, period: int, start: float) -> np.ndarray:
    """Accuracy of the recorded test output `z` of each lane, an array of objects (axes of the sweep, seed)."""
    z = np.asarray(data["z"].values)[..., 0]
    f = values(signal, start, z.shape[-1])
    found = np.empty(z.shape[:-1], object)
    for lane in np.ndindex(found.shape):
        found[lane] = accuracy(z[lane], f, period)
    return found


def column(found: np.ndarray, name: str) -> np.ndarray:
    """One of the numbers of every `Accuracy`."""
    return np.vectorize(lambda one: getattr(one, name), otypes=[float])(found)


def counted(label: str, good: np.ndarray, least: float, source: str = PAPER) -> Row:
    """A row that counts failures: at most so many that a share `least` of the networks succeeds."""
    count = good.size
    quantity = f"failures of {count} networks ({int(good.sum())} succeed), {label}"
    return Row(quantity, float(count - good.sum()), 0.0, float(np.floor((1 - least) * count + 1e-9)), source=source, bound=True)


def at_most(label: str, measured: float, bound: float, source: str = PAPER) -> Row:
    """A row with an upper bound."""
    return Row(label, float(measured), 0.0, bound, source=source, bound=True)


def succeeded(
    study: Study, name: str, system: nj.Training, seeds: int | None = None, periods: int = PERIODS, most: float = SUCCESS
) -> np.ndarray:
    """Which networks run on with an aligned error below `most` from a target of PERIOD steps, for as many periods as they were trained."""
    span = periods * PERIOD * DT
    settings: dict[str, Any] = {"dt": DT, "duration": schedule(span, span), "record": test_trace()}
    data = study.sweep(name, system, {}, seeds=seeds or study.pick(10, 2), **settings)
    return column(judged(data, system.target, PERIOD, span), "aligned") < most


def test_trace() -> dict[str, Any]:
    """Record of the output in the test."""
    return {"z": nj.Trace(measures.output, phase="test")}
