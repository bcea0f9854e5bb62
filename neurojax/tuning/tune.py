"""`tune`: from a question to an optimum with an error bar, by gradients through the simulation."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from neurojax.engine.checks import check_count
from neurojax.engine.compile import precision
from neurojax.engine.integrators import Integrator
from neurojax.engine.record import Record
from neurojax.engine.schedule import Schedule
from neurojax.engine.system import Flow, System
from neurojax.tuning.estimators import Estimator
from neurojax.tuning.horizon import Horizon, horizon_of
from neurojax.tuning.march import March
from neurojax.tuning.options import STATUSES, Tuned, TuneInterrupted, TuneOptions
from neurojax.tuning.problem import optimizer_of
from neurojax.tuning.question import Question, ask
from neurojax.tuning.store import described, restore
from neurojax.tuning.walk import walk


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
    estimator: Estimator | None = None,
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
        estimator: of the gradient: `nj.Pathwise()` by default; `nj.Score` where units or events are drawn by comparing,
            `nj.EvolutionStrategies` where the objective is rough or the run chaotic, `nj.Implicit` at a state of rest, `nj.Differences`.
        optimizer: of optax, `optax.adam(0.05)` by default; learning rates are in the free coordinates.
        iterations: at most so many; a start that converges or diverges stops, and leaves the others alone.
        store: a file that keeps where the tuning stands. The same call goes on from it, to the same bits as without a stop, and one with
            more iterations goes further.
        options: `TuneOptions`.

    Returns: `Tuned`. Its value at the best was picked on the seeds of the tuning, and is too good by that; `fresh_value` is not.

    Errors: ValueError or TypeError naming the argument, before anything is compiled. A run that diverges is no error: that seed does not
    count, and a start with no sound seed left, or whose gradient is not finite, is "diverged". A gradient of exactly 0 is a warning,
    and so are gradients of a chaotic run, with their growth, its Lyapunov time, and remedies.
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
    check_count("", "iterations", iterations, "a whole number of at least 0", least=0)
    run = {"dt": dt, "duration": duration, "steps": steps, "method": method}
    asked = ask(system, objective, where, run, record, seeds, starts, estimator, options)
    optimizer = optimizer_of(optimizer, 0.05, asked.options.clip)
    with precision(asked.dtype):
        problem, given, words = asked.program(asked.seeds, optimizer)
        march = _begin(asked.free(), optimizer)
        settings = {}
        if store is not None:
            settings = described(asked, optimizer)
            march = restore(store, settings, march)
        horizons: list[Horizon] = []
        stopped = walk(problem, given, words, march, iterations, asked.options, store, settings, lambda: _look(asked, march, horizons))
        best = int(np.argmin(march.best_value))
        judged = asked.judged(march.best[best]) if stopped is None and np.isfinite(march.best_value[best]) else None
        found = asked.parameters(march.best[best])
        bests, lasts = asked.values(march.best), asked.values(march.last)
    tuned = Tuned(
        parameters=found,
        system=asked.space.put(system, found),
        value=float(march.best_value[best]),
        error=float(march.best_error[best]),
        fresh_value=judged[0] if judged else None,
        fresh_error=judged[1] if judged else None,
        start=best,
        statuses=tuple(STATUSES[one] for one in march.status),
        best=bests,
        last=lasts,
        best_value=march.best_value,
        history=march.history(),
        iterations=march.iteration,
        mode=asked.mode,
        horizon=horizons[0] if horizons else None,
    )
    if stopped is not None:
        raise TuneInterrupted(tuned, iterations, store, stopped)
    return tuned


def _look(asked: Question, march: March, horizons: list[Horizon]) -> None:
    """See whether chaos is why gradients do not foretell what comes of moves; if so, say it, unless they are truncated to where they
    grow by less than 1,000."""
    if not (asked.simulated and asked.estimator.derives):
        return
    worst = int(np.flatnonzero(march.doubtful())[0])
    horizons.append(horizon_of(asked, march.last[worst]))
    window, needed = asked.options.checkpoint.window, horizons[0].window
    if needed is not None and (window is None or window > 3 * needed):
        warnings.warn(f"tune: gradients do not foretell what comes of moves: {horizons[0]}", stacklevel=4)


def _begin(free: Any, optimizer: Any) -> March:
    at, count = np.asarray(free), len(free)
    nothing, zeros = np.full(count, np.inf), np.zeros(count, np.int64)
    return March(free, at, at, nothing, np.full(count, np.nan), -nothing, np.zeros(count), zeros, zeros, jax.vmap(optimizer.init)(free))
