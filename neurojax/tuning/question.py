"""What is asked of an objective: the checked arguments that `tune`, `gradient`, `search` and `gradient_horizon` share."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, cast

import jax.numpy as jnp
import numpy as np

from neurojax.engine.compile import compiled, split
from neurojax.engine.numerics import floating
from neurojax.engine.record import Record
from neurojax.engine.schedule import check_step, plan
from neurojax.engine.simulate import check_phases, check_records, integrated, watch_bounds
from neurojax.engine.system import Flow, System, check_part
from neurojax.sweep.axes import check_seeds
from neurojax.tuning.estimators import Estimator, Pathwise
from neurojax.tuning.options import TuneOptions
from neurojax.tuning.problem import FEW, Given, Length, Problem, evaluate, host_draws, words_of
from neurojax.tuning.where import Space, as_model, cast_model, check_starts, check_where


@dataclasses.dataclass(frozen=True)
class Question:
    """An objective of a model's runs, the parameters in question, and places to start from.

    models: at every start. run: `dt`, `duration`, `steps` and `method`. simulated: False for an objective of the model alone.
    """

    system: Any
    objective: Callable
    space: Space
    rows: list[dict[str, np.ndarray]]
    models: list[Any]
    run: dict[str, Any]
    records: tuple[tuple[str, Record], ...]
    seeds: np.ndarray
    estimator: Estimator
    options: TuneOptions
    simulated: bool

    @property
    def dtype(self) -> np.dtype:
        """Of the runs."""
        return floating(self.options.dtype)

    @property
    def mode(self) -> str:
        """Of the derivatives: "forward", "reverse", or "values" where there are none."""
        if not self.estimator.derives:
            return "values"
        return self.options.mode or ("forward" if sum(self.space.sizes) <= FEW else "reverse")

    def program(self, seeds: np.ndarray, optimizer: Any = None) -> tuple[Problem, Given, np.ndarray]:
        """What a compiled program of these seeds is made of: its static part, its arrays, key words."""
        builds = not isinstance(self.system, System | Flow)
        drawn = host_draws(self.models[0], seeds, self.dtype) if self.simulated else ((), (), False)
        problem = Problem(
            self.space,
            self.objective,
            optimizer,
            self.estimator,
            self.mode,
            self.dtype.name,
            cast(Callable, self.system) if builds else None,
            self.run["dt"],
            Length.of(self.run["duration"], self.run["steps"]) if self.simulated else None,
            self.records,
            self.options.checkpoint,
            drawn[0],
            drawn[2],
        )
        return problem, Given(None if builds else cast_model(self.system, self.dtype), self.run["method"], drawn[1]), words_of(seeds)

    def free(self) -> Any:
        """Free numbers of the starts (starts, size)."""
        return jnp.stack([self.space.free(row, self.dtype) for row in self.rows])

    def values(self, free: Any) -> dict[str, np.ndarray]:
        """Parameters by name, of the shape (..., their own) for free numbers (..., size)."""
        each = [self.space.values(jnp.asarray(at)) for at in np.asarray(free).reshape(-1, np.shape(free)[-1])]
        stacked = {name: np.stack([np.asarray(one[name], float) for one in each]) for name in self.space.names}
        return {name: values.reshape((*np.shape(free)[:-1], *values.shape[1:])) for name, values in stacked.items()}

    def parameters(self, free: Any) -> dict[str, Any]:
        """Parameters by name at one place, numbers as floats."""
        return {name: value.item() if value.ndim == 0 else value for name, value in self.values(free).items()}

    def judged(self, free: Any) -> tuple[float, float] | None:
        """The objective and its error on seeds that were not used; None if there are none."""
        if not (self.simulated and self.options.fresh):
            return None
        fresh = np.setdiff1d(np.arange(len(self.seeds) + self.options.fresh), self.seeds)[: self.options.fresh]
        problem, given, words = self.program(fresh)
        arrays, static = split(given)
        found = compiled(evaluate, ("static", "problem"))(arrays, static, words, free, problem=problem)
        return float(found[0]), float(found[1])


def ask(
    system: Any,
    objective: Any,
    where: Any,
    run: dict[str, Any],
    record: Mapping[str, Record] | None,
    seeds: Any,
    starts: Any,
    estimator: Any,
    options: TuneOptions | None,
) -> Question:
    """A question whose arguments make sense.

    Errors: ValueError or TypeError naming the argument.
    """
    options = options or TuneOptions()
    if not isinstance(options, TuneOptions):
        raise TypeError(f"options={options!r}: give nj.TuneOptions(...)")
    if not callable(objective):
        raise TypeError(
            f"objective={objective!r}: give a function of the records (or of the model, without a duration) that returns a number"
        )
    estimator = Pathwise() if estimator is None else estimator
    if not isinstance(estimator, Estimator):
        raise TypeError(f"estimator={estimator!r}: give nj.Pathwise() or another Estimator, for example nj.EvolutionStrategies(0.1)")
    if not isinstance(system, System | Flow) and (isinstance(system, type) or not callable(system)):
        integrated(system, run["method"])  # raises the right error
    names, bounds, paths = check_where(system, where)
    space, rows = check_starts(system, names, bounds, paths, starts, options.start_seed)
    seeds, records = check_seeds(seeds), check_records(record)
    models = [_concrete(space, system, row) for row in rows]
    simulated = run["duration"] is not None or run["steps"] is not None
    if simulated:
        run = run | {"dt": _check_runs(models, run, records)}
    elif record is not None or any(value is not None for value in run.values()):
        raise ValueError("duration=None, steps=None: nothing is simulated, so give no dt, method or record; or give a length")
    elif estimator.simulates:
        raise ValueError(f"estimator={estimator!r}: it is one for runs; give a length, or leave it out")
    if not estimator.derives and options.mode is not None:
        raise ValueError(f"options: mode={options.mode!r}, but {type(estimator).__name__} takes no derivatives; leave mode out")
    if sum(space.sizes) == 0:
        raise ValueError(f"where: {', '.join(names)} hold no free number; tune another parameter")
    estimator.check(models, run | {"records": records})
    return Question(system, objective, space, rows, models, run, records, seeds, estimator, options, simulated)


def _concrete(space: Any, system: Any, row: dict[str, np.ndarray]) -> Any:
    """The model at a start, which must stand its own checks."""
    try:
        model = as_model(space, system, row)
        if isinstance(model, System | Flow):
            check_part(model)
        return model
    except (ValueError, TypeError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"starts: at {_said(row)}: {error}") from error


def _said(row: dict[str, np.ndarray]) -> str:
    return ", ".join(f"{name}={value.item():g}" if value.ndim == 0 else f"{name}{value.shape}" for name, value in row.items())


def _check_runs(models: list[Any], run: dict[str, Any], records: Any) -> float:
    """Check all that a run is made of, at every start; the step."""
    if run["dt"] is None:
        raise ValueError("dt=None: give the time step of the runs, for example dt=0.05")
    dt = check_step(run["dt"])
    phases = plan(run["duration"], run["steps"], dt)
    if not records:
        raise ValueError("record={}: the objective is a function of records; give some, for example {'r': nj.Mean(nj.order_parameter)}")
    watch_bounds(records, phases, 0, dt)
    for model in models:
        check_phases(integrated(model, run["method"]), phases, dt)
    return dt
