"""`search`: the same objectives without gradients, by optuna's samplers, whose suggestions are run in batches."""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, UInt32

from neurojax.engine.checks import check_count
from neurojax.engine.compile import Static, compiled, join, precision, split
from neurojax.engine.drive import stoppable
from neurojax.engine.integrators import Integrator
from neurojax.engine.record import Record
from neurojax.engine.schedule import Schedule
from neurojax.engine.system import Flow, System
from neurojax.engine.types import Arrays
from neurojax.tuning.bounds import Interval
from neurojax.tuning.options import TuneOptions
from neurojax.tuning.problem import Problem, mean
from neurojax.tuning.question import Question, ask

REACH = 3.0  # how far from the start a free coordinate without ends is searched: a factor of 20 in a positive number
MARGIN = 1e-6  # share of an interval that is left out at each end, which its bound does not reach


@dataclasses.dataclass(frozen=True)
class Searched:
    """What `search` returns.

    parameters: the best values by full name. system: the model with them. value, error: of the objective there, on the seeds of the search.
    fresh_value, fresh_error: on seeds that it has not seen; None if there are none. trials: values by name, (trials, ...). values,
    errors: (trials,), NaN of a trial with no sound seed. study: optuna's.
    """

    parameters: dict[str, Any]
    system: Any
    value: float
    error: float
    fresh_value: float | None
    fresh_error: float | None
    trials: dict[str, np.ndarray]
    values: np.ndarray
    errors: np.ndarray
    study: Any


def search(
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
    trials: int = 128,
    batch: int = 16,
    sampler: Any = None,
    study: Any = None,
    options: TuneOptions | None = None,
) -> Searched:
    """Parameters that make an objective small, by trying: for objectives without useful gradients, and to see what gradients are worth.

    Optuna suggests `batch` places at a time, which are run for all seeds as one batch. An `nj.Interval` is searched over its values, from
    end to end; every other bound over its free coordinates, to a distance of 3 from the start (a factor of 20 for `nj.Positive`).

    Arguments:
        system, objective, where, dt, duration, steps, method, record, seeds: as in `tune`.
        starts: as in `tune`; the first to be tried.
        trials: at most so many, those that the study has already included, >= 1. batch: >= 1.
        sampler: of optuna; its tree-structured Parzen estimator by default, of the options' `start_seed`.
        study: of optuna, to go on with, or with a storage of its own to be stopped and resumed: the same call does the rest.
        options: `TuneOptions`, of which dtype, fresh, start_seed count.

    Returns: `Searched`. Errors: as `tune`; ImportError that says what to install.

    Source: Akiba et al. 2019 (optuna); Bergstra et al. 2011 (the sampler).
    """
    check_count("", "trials", trials, "a whole number of at least 1")
    check_count("", "batch", batch, "a whole number of at least 1")
    run = {"dt": dt, "duration": duration, "steps": steps, "method": method}
    asked = ask(system, objective, where, run, record, seeds, starts, None, options)
    if study is not None and sampler is not None:
        raise ValueError("sampler: the study that is given has its own; leave one of them out")
    if study is not None and getattr(getattr(study, "direction", None), "name", None) != "MINIMIZE":
        raise ValueError(f"study={study!r}: give a study of optuna that minimises, optuna.create_study()")
    optuna = _optuna()
    with precision(asked.dtype), _quiet(optuna):
        problem, given, words = asked.program(asked.seeds)
        arrays, static = split(given)
        places = Places(asked, np.asarray(asked.free(), float))
        program = compiled(evaluate_all, ("static", "problem"))
        if study is None:
            study = optuna.create_study(sampler=sampler or optuna.samplers.TPESampler(seed=asked.options.start_seed, constant_liar=True))
        if not study.trials:
            for start in places.starts:
                study.enqueue_trial(start)
        with stoppable() as stopped:
            while (left := trials - _finished(study)) > 0:
                asking = [study.ask(places.distributions(optuna)) for _ in range(min(left, batch))]
                free = np.stack([places.free(one.params) for one in asking])
                free = np.concatenate([free, np.repeat(free[-1:], batch - len(asking), axis=0)]).astype(asked.dtype)
                found = [np.asarray(part) for part in program(arrays, static, words, free, problem=problem)]
                for i, one in enumerate(asking):
                    one.set_user_attr("error", float(found[1][i]))
                    well = np.isfinite(found[0][i])
                    study.tell(one, float(found[0][i]) if well else None, state=None if well else optuna.trial.TrialState.FAIL)
                if stopped() and _finished(study) < trials:
                    raise KeyboardInterrupt(
                        f"stopped after {_finished(study)} of {trials} trials; a study with a storage goes on from there"
                    )
        done = [one for one in study.trials if one.state.is_finished()]
        tried = np.stack([places.free(one.params) for one in done])
        values = np.array([np.nan if one.value is None else one.value for one in done])
        errors = np.array([one.user_attrs.get("error", np.nan) for one in done], float)
        if not np.isfinite(values).any():
            raise ValueError("search: no trial has a sound seed; bound the parameters to where runs do not diverge")
        best = int(np.nanargmin(values))
        judged = asked.judged(tried[best].astype(asked.dtype))
        named, parameters = asked.values(tried), asked.parameters(tried[best])
    whole = asked.space.put(system, parameters)
    fresh = judged or (None, None)
    return Searched(parameters, whole, float(values[best]), float(errors[best]), *fresh, named, values, errors, study)


class Places:
    """Free numbers of a question as optuna names and bounds them: one name for each, a value for a number in an interval."""

    def __init__(self, asked: Question, starts: Float[np.ndarray, "starts size"]):
        """starts: free numbers of the starts."""
        self.ends: dict[str, tuple[float, float]] = {}
        self.inside: list[Interval | None] = []
        space = asked.space
        for name, bound, size, begin in zip(space.names, space.bounds, space.sizes, np.cumsum([0, *space.sizes]), strict=False):
            for i in range(size):
                known, middle = bound if isinstance(bound, Interval) else None, starts[0, begin + i]
                off = MARGIN * (known.high - known.low) if known else 0.0
                ends = (known.low + off, known.high - off) if known else (middle - REACH, middle + REACH)
                self.ends[name if size == 1 else f"{name}[{i}]"] = ends
                self.inside.append(known)
        self.starts = [dict(zip(self.ends, self._shown(start), strict=True)) for start in starts]

    def _shown(self, free: Float[np.ndarray, " size"]) -> list[float]:
        each = zip(free, self.inside, self.ends.values(), strict=True)
        values = [(known.low + (known.high - known.low) / (1 + np.exp(-u)) if known else u, ends) for u, known, ends in each]
        return [float(np.clip(value, *ends)) for value, ends in values]

    def distributions(self, optuna: Any) -> dict[str, Any]:
        """Of optuna."""
        return {name: optuna.distributions.FloatDistribution(*ends) for name, ends in self.ends.items()}

    def free(self, chosen: Mapping[str, float]) -> Float[np.ndarray, " size"]:
        """Free numbers of a suggestion."""
        each = zip((chosen[name] for name in self.ends), self.inside, strict=True)
        return np.array([np.log(x - known.low) - np.log(known.high - x) if known else x for x, known in each])


def evaluate_all(arrays: list[Any], static: Static, words: UInt32[Arrays, "seeds 2"], free: Float[Arrays, "places size"], problem: Problem):
    """The compiled values of many places: means, standard errors and sound seeds."""
    given = join(arrays, static)
    return jax.vmap(lambda free: mean(problem, given, words, free))(jnp.asarray(free))


def _finished(study: Any) -> int:
    return sum(one.state.is_finished() for one in study.trials)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise ImportError("search needs optuna: install it with `pip install 'neurojax[search]'`") from error
    return optuna


@contextlib.contextmanager
def _quiet(optuna: Any) -> Iterator[None]:
    """Without a line for every trial, or a warning that what is used here is new to optuna."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
