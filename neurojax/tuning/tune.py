"""`tune`: from a question to an optimum with an error bar, by gradients through the simulation."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from neurojax.engine.checks import check_count
from neurojax.engine.compile import compiled, precision, split
from neurojax.engine.integrators import Integrator
from neurojax.engine.numerics import floating
from neurojax.engine.record import Record
from neurojax.engine.schedule import Schedule, check_step, plan
from neurojax.engine.simulate import check_phases, check_records, integrated, watch_bounds
from neurojax.engine.system import Flow, System, check_part
from neurojax.sweep.axes import check_seeds
from neurojax.sweep.spec import describe
from neurojax.tuning.march import March
from neurojax.tuning.options import STATUSES, Tuned, TuneInterrupted, TuneOptions
from neurojax.tuning.problem import FEW, Given, Length, Problem, evaluate, host_draws, words_of
from neurojax.tuning.store import described, restore
from neurojax.tuning.walk import walk
from neurojax.tuning.where import as_model, cast_model, check_starts, check_where


def tune(
    system: System | Flow | Callable,
    objective: Callable,
    *,
    where: Any,
    dt: float | None = None,
    duration: float | Schedule | None = None,
    steps: int | None = None,
    method: Integrator | None = None,
    record: Mapping[str, Record] | None = None,
    seeds: Any = 8,
    starts: Any = None,
    optimizer: Any = None,
    iterations: int = 100,
    store: str | os.PathLike | None = None,
    options: TuneOptions | None = None,
) -> Tuned:
    """Parameters that make an objective small, by gradients through the simulation.

    It minimises `(1 / R) sum_r f(records of seed r)` over the R seeds, whose numbers stay the same throughout (common random numbers, so
    that two places differ by their parameters alone), in free coordinates u with `parameter = bound(u)`.

    Arguments:
        system: a model, or a function that builds it from the values in `where`, by name: what it computes of them is differentiated too.
        objective: a function of the records of one run, a dict, that gives one number, smaller is better. Without `duration` and `steps`
            nothing is simulated, and it is a function of the model: theory.
        where: bounds by parameter: names as in `nj.sweep`'s `over`, or functions of the model, `{lambda m: m.graph.weights:
            nj.Symmetric()}`. Names or such a function alone leave them free. Only floats have derivatives.
        dt, duration, steps, method, record: of each run, as in `nj.simulate`.
        seeds: how many, or a list.
        starts: None starts at the model's values; a number adds random ones to these, of the options' `start_seed`; a dict or axis
            (`nj.latin_hypercube`) has the values of each start. All starts and seeds are one batch.
        optimizer: of optax, `optax.adam(0.05)` by default; learning rates are in the free coordinates.
        iterations: at most so many; a start that converges or diverges stops, and leaves the others alone.
        store: a file that keeps where the tuning stands. The same call goes on from it, to the same bits as without a stop, and one with
            more iterations goes further.
        options: `TuneOptions`.

    Returns: `Tuned`. Its value at the best was picked on the seeds of the tuning, and is too good by that; `fresh_value` is not.

    Errors: ValueError or TypeError naming the argument, before anything is compiled. A run that diverges is no error: that seed does not
    count, and a start with no sound seed left, or whose gradient is not finite, is "diverged". A gradient of exactly 0 is a warning.
    `TuneInterrupted` on Ctrl-C or SIGTERM, after the iteration at hand; a second one stops at once.

    Source: Glasserman, Monte Carlo Methods in Financial Engineering (2004), 7.2 (pathwise derivatives, common random numbers).

    The coupling at which the order parameter of infinitely many oscillators is 1/2, `sqrt(1 - 2 gamma / K) = 1/2` at K = 8/3 for gamma = 1:

    >>> import optax, neurojax as nj
    >>> from neurojax.kuramoto import theory
    >>> wanted = lambda model: (theory.order_parameter(model.coupling, nj.Lorentzian(1.0)) - 0.5) ** 2
    >>> model, bounds = nj.Kuramoto(10, coupling=4.0), {"coupling": nj.Interval(2, 8)}
    >>> tuned = nj.tune(model, wanted, where=bounds, optimizer=optax.adam(0.1), iterations=60)
    >>> round(tuned.parameters["coupling"], 2)
    2.67
    """
    options = options or TuneOptions()
    if not isinstance(options, TuneOptions):
        raise TypeError(f"options={options!r}: give nj.TuneOptions(...)")
    if not callable(objective):
        raise TypeError(
            f"objective={objective!r}: give a function of the records (or of the model, without a duration) that returns a number"
        )
    check_count("", "iterations", iterations, "a whole number of at least 0", least=0)
    builds = not isinstance(system, System | Flow)
    if builds and (isinstance(system, type) or not callable(system)):
        integrated(system, method)  # raises the right error
    names, bounds, paths = check_where(system, where)
    space, rows = check_starts(system, names, bounds, paths, starts, options.start_seed)
    seeds_used, records = check_seeds(seeds), check_records(record)
    simulated = duration is not None or steps is not None
    optimizer, dtype = _optimizer(optimizer, options.clip), floating(options.dtype)
    models = [_concrete(space, system, row) for row in rows]
    if simulated:
        dt = _check_runs(models, dt, duration, steps, method, records)
    elif dt is not None or method is not None or record is not None:
        raise ValueError("duration=None, steps=None: nothing is simulated, so give no dt, method or record; or give a length")
    mode = options.mode or ("forward" if sum(space.sizes) <= FEW else "reverse")
    if sum(space.sizes) == 0:
        raise ValueError(f"where: {', '.join(names)} hold no free number; tune another parameter")

    with precision(dtype):

        def program(seeds: np.ndarray) -> tuple[Problem, Given, np.ndarray]:
            drawn = host_draws(models[0], seeds, dtype) if simulated else ((), (), False)
            length = Length.of(duration, steps) if simulated else None
            problem = Problem(
                space,
                objective,
                optimizer,
                mode,
                dtype.name,
                cast(Callable, system) if builds else None,
                dt,
                length,
                records,
                options.checkpoint,
                drawn[0],
                drawn[2],
            )
            return problem, Given(None if builds else cast_model(system, dtype), method, drawn[1]), words_of(seeds)

        problem, given, words = program(seeds_used)
        free = jnp.stack([space.free(row, dtype) for row in rows])
        march = _begin(free, optimizer)
        settings = {}
        if store is not None:
            run = {"dt": describe(dt), "duration": describe(duration), "steps": describe(steps), "method": describe(method)}
            settings = described(system, objective, space, rows, run, records, seeds_used, optimizer, mode, options)
            march = restore(store, settings, march)
        stopped = walk(problem, given, words, march, iterations, options, store, settings)
        best = int(np.argmin(march.best_value))
        judged = None
        if simulated and stopped is None and options.fresh and np.isfinite(march.best_value[best]):
            fresh = np.setdiff1d(np.arange(len(seeds_used) + options.fresh), seeds_used)[: options.fresh]
            problem, given, words = program(fresh)
            arrays, static = split(given)
            found = compiled(evaluate, ("static", "problem"))(arrays, static, words, march.best[best], problem=problem)
            judged = float(found[0]), float(found[1])
        values = [
            {name: np.asarray(one, float) for name, one in space.values(jnp.asarray(at)).items()} for at in (*march.best, *march.last)
        ]
    stacked = [{name: np.stack([one[name] for one in part]) for name in names} for part in (values[: len(rows)], values[len(rows) :])]
    found = {name: value.item() if value.ndim == 0 else value for name, value in values[best].items()}
    tuned = Tuned(
        parameters=found,
        system=space.put(system, found),
        value=float(march.best_value[best]),
        error=float(march.best_error[best]),
        fresh_value=judged[0] if judged else None,
        fresh_error=judged[1] if judged else None,
        start=best,
        statuses=tuple(STATUSES[one] for one in march.status),
        best=stacked[0],
        last=stacked[1],
        best_value=march.best_value,
        history=march.history(),
        iterations=march.iteration,
        mode=mode,
    )
    if stopped is not None:
        raise TuneInterrupted(tuned, iterations, store, stopped)
    return tuned


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


def _check_runs(models: list[Any], dt: Any, duration: Any, steps: Any, method: Any, records: Any) -> float:
    """Check all that a run is made of, at every start."""
    if dt is None:
        raise ValueError("dt=None: give the time step of the runs, for example dt=0.05")
    dt = check_step(dt)
    phases = plan(duration, steps, dt)
    if not records:
        raise ValueError("record={}: the objective is a function of records; give some, for example {'r': nj.Mean(nj.order_parameter)}")
    watch_bounds(records, phases, 0, dt)
    for model in models:
        check_phases(integrated(model, method), phases, dt)
    return dt


@functools.lru_cache(maxsize=32)
def _optimizer(given: Any, clip: float | None) -> Any:
    """Of optax, with the gradient clipped before, and deaf to what it has no use for; made once, so that it retraces nothing."""
    import optax

    if given is None:
        given = optax.adam(0.05)
    if not (hasattr(given, "init") and hasattr(given, "update")):
        raise TypeError(f"optimizer={given!r}: give one of optax, for example optax.adam(0.05)")
    clipped = given if clip is None else optax.chain(optax.clip_by_global_norm(clip), given)
    return optax.with_extra_args_support(clipped)


def _begin(free: Any, optimizer: Any) -> March:
    at, count = np.asarray(free), len(free)
    nothing, zeros = np.full(count, np.inf), np.zeros(count, np.int64)
    return March(free, at, at, nothing, np.full(count, np.nan), -nothing, np.zeros(count), zeros, zeros, jax.vmap(optimizer.init)(free))
