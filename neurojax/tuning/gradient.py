"""`gradient`: how an objective changes with parameters, with error bars."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from neurojax.engine.compile import compiled, precision, split
from neurojax.engine.integrators import Integrator
from neurojax.engine.record import Record
from neurojax.engine.schedule import Schedule
from neurojax.engine.system import Flow, System
from neurojax.tuning.bounds import Free
from neurojax.tuning.estimators import Estimator
from neurojax.tuning.options import TuneOptions
from neurojax.tuning.problem import slopes
from neurojax.tuning.question import ask


@dataclasses.dataclass(frozen=True)
class Gradient:
    """What `gradient` returns.

    value, error: mean of the objective over the seeds, and its standard error. by: the gradient, by full name, each of its parameter's
    shape. errors: standard errors of `by`. sound: seeds that count.
    """

    value: float
    error: float
    by: dict[str, Any]
    errors: dict[str, Any]
    sound: int

    def __repr__(self):
        each = [(name, value, self.errors[name]) for name, value in self.by.items()]
        shown = ", ".join(f"{name}: {v:.4g} +- {e:.2g}" if np.ndim(v) == 0 else f"{name}: {np.shape(v)}" for name, v, e in each)
        return f"Gradient({shown}; value {self.value:.4g} +- {self.error:.2g}, {self.sound} seeds)"


def gradient(
    system: System | Flow | Callable,
    objective: Callable,
    *,
    where: Any,
    at: Mapping[str, Any] | None = None,
    dt: float | None = None,
    duration: float | Schedule | None = None,
    steps: int | None = None,
    method: Integrator | None = None,
    record: Mapping[str, Record] | None = None,
    seeds: Any = 8,
    estimator: Estimator | None = None,
    options: TuneOptions | None = None,
) -> Gradient:
    """The gradient of an objective's mean over seeds by parameters, and how well it is known.

    Arguments:
        where: names, or a function of the model that picks leaves, as in `tune`, without bounds: it is the gradient by the parameters
            themselves, and distances of `EvolutionStrategies` and `Differences` are in their units.
        at: values by name; None for the model's own.
        system, objective, dt, duration, steps, method, record, seeds, estimator: as in `tune`.
        options: `TuneOptions`, of which dtype, mode and checkpoint count.

    Returns: `Gradient`. Errors: as `tune`.

    >>> import neurojax as nj
    >>> nj.gradient(nj.Kuramoto(10, coupling=3.0), lambda model: model.coupling**2, where="coupling").by
    {'coupling': 6.0}
    """
    if isinstance(where, Mapping) and any(not isinstance(bound, Free) for bound in where.values()):
        raise ValueError("where: a gradient is by the parameters themselves; give names without bounds, for example ['coupling', 'noise']")
    if not isinstance(system, System | Flow) and not isinstance(where, Mapping | str) and callable(where):
        raise TypeError("where: a function that builds the model is derived by the names of its arguments; give them")
    run = {"dt": dt, "duration": duration, "steps": steps, "method": method}
    starts = None if at is None else {name: [value] for name, value in at.items()}
    asked = ask(system, objective, where, run, record, seeds, starts, estimator, options)
    with precision(asked.dtype):
        problem, given, words = asked.program(asked.seeds)
        arrays, static = split(given)
        (value, error, sound), by, errors = compiled(slopes, ("static", "problem"))(arrays, static, words, asked.free()[0], problem=problem)
        by, errors = asked.parameters(by), asked.parameters(errors)
    return Gradient(float(value), float(error), by, errors, int(sound))
