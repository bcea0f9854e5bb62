"""How far back gradients reach: their growth with the length of a run, and whether it is that of chaos."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt32

from neurojax.engine.compile import Static, compiled, join, precision, split
from neurojax.engine.integrators import Integrator
from neurojax.engine.loop import Checkpoint
from neurojax.engine.record import Trace
from neurojax.engine.schedule import Schedule, plan
from neurojax.engine.system import Flow, System, View
from neurojax.engine.types import Arrays
from neurojax.tuning.estimators import Pathwise
from neurojax.tuning.options import TuneOptions
from neurojax.tuning.problem import Problem, built
from neurojax.tuning.question import Question, ask

SAMPLES = 64  # of the norm along a run
SHADOWS = 16  # random projections of the state: the mean of their squares is its squared norm, to about a third
DIRECTIONS = 4  # in the space of parameters, where that has more
POWER = 5.0  # powers of e that a run's growth has at its rate beyond which it is no power of time: t^3 seems to have 4.2


@dataclasses.dataclass(frozen=True)
class Horizon:
    """How gradients grow along a run.

    times: (samples,), in the unit of time. norms: (seeds, samples), of d state(t) / d parameters, NaN from where a run diverged.
    exponents: (seeds,), growth rates of their logarithms over the second half of the run, in 1 / time: in a chaotic run the largest
    Lyapunov exponent; in a regular one what is left of growth by a power of time, or negative. duration, dt: of the run.
    """

    times: np.ndarray
    norms: np.ndarray
    exponents: np.ndarray
    duration: float
    dt: float

    @property
    def chaotic(self) -> np.ndarray:
        """Which seeds' gradients would grow by exp(5) or more over the run at their rate, which is no power of time."""
        return self.exponents * self.duration > POWER

    @property
    def lyapunov_time(self) -> float:
        """Time in which gradients grow by e, by the mean exponent of the chaotic seeds; infinite without any."""
        return 1 / float(np.mean(self.exponents[self.chaotic])) if self.chaotic.any() else math.inf

    @property
    def window(self) -> int | None:
        """Steps of a truncation window within which they grow by 10; None where none is needed."""
        return max(1, round(math.log(10) * self.lyapunov_time / self.dt)) if self.chaotic.any() else None

    @property
    def advice(self) -> str:
        """What to do about it."""
        if not self.chaotic.any():
            return "none is needed"
        folds = 2 * self.duration / self.lyapunov_time
        more = f"by {math.exp(folds):.1g}" if folds < 600 else "beyond all numbers"
        return (
            f"truncate gradients, TuneOptions(checkpoint=nj.Checkpoint(window={self.window})) or shorter; or shorten the run to a "
            f"few times {self.lyapunov_time:.3g}; or smooth the objective, estimator=nj.EvolutionStrategies(...); more seeds lower "
            f"a variance that has grown {more} by no more than their number"
        )

    def __str__(self):
        at = [len(self.times) * share // 8 for share in (1, 2, 4)] + [len(self.times) - 1]
        longest = np.max(np.where(np.isnan(self.norms), 0.0, self.norms), axis=0)
        shown = ", ".join(f"{longest[i]:.2g} at t = {self.times[i]:.4g}" for i in at)
        count = f"{int(self.chaotic.sum())} of {len(self.exponents)} seeds chaotic"
        time = f", Lyapunov time {self.lyapunov_time:.3g} of a run of {self.duration:.4g}" if self.chaotic.any() else ""
        return f"{count}{time}; the longest gradient of a seed is {shown}. Remedy: {self.advice}"


def gradient_horizon(
    system: System | Flow | Callable,
    *,
    where: Any,
    at: Mapping[str, Any] | None = None,
    dt: float,
    duration: float | Schedule | None = None,
    steps: int | None = None,
    method: Integrator | None = None,
    seeds: Any = 4,
    options: TuneOptions | None = None,
) -> Horizon:
    """How the derivatives of a run's state by parameters grow with its length, whether the run is chaotic, and what to do about it.

        n(t) = |d x(t) / dp|,   n(t) ~ exp(t / Lyapunov time) in a chaotic run

    A pathwise gradient of what happens at t is as large, and says nothing of more than a few Lyapunov times. Tangents go along with the
    run: it costs a few runs, of which 64 samples of 16 random projections of the state are kept.

    Arguments:
        where: parameters, as in `gradient`; of more than 4 numbers random directions are taken. at: values by name; None for the
            model's own.
        system, dt, duration, steps, method, seeds: as in `tune`. options: `TuneOptions`, of which dtype counts.

    Returns: `Horizon`; `str` of it is a report. Errors: as `tune`.

    Source: Metz, Freeman, Schoenholz and Kachman 2021, "Gradients are not all you need"; Benettin et al. 1980.
    """
    run = {"dt": dt, "duration": duration, "steps": steps, "method": method}
    starts = None if at is None else {name: [value] for name, value in at.items()}
    asked = ask(system, _nothing, where, run, {"shadow": Trace(shadow)}, seeds, starts, None, options)
    return horizon_of(asked, np.asarray(asked.free()[0]))


def horizon_of(asked: Question, free: np.ndarray) -> Horizon:
    """Of the runs in question, at these free numbers."""
    total = sum(count for _, count, _ in plan(asked.run["duration"], asked.run["steps"], asked.run["dt"]))
    every = max(1, total // SAMPLES)
    options = dataclasses.replace(asked.options, checkpoint=Checkpoint(levels=1), mode=None)
    records = (("shadow", Trace(shadow, every=every)),)
    asked = dataclasses.replace(asked, objective=_nothing, records=records, options=options, estimator=Pathwise())
    along = np.eye(len(free)) if len(free) <= DIRECTIONS else np.random.default_rng(0).standard_normal((DIRECTIONS, len(free)))
    along = along / np.linalg.norm(along, axis=1, keepdims=True)
    with precision(asked.dtype):
        problem, given, words = asked.program(asked.seeds)
        arrays, static = split(given)
        program = compiled(growth, ("static", "problem"))
        norms = np.asarray(program(arrays, static, words, free, along.astype(asked.dtype), problem=problem), float)
    times = every * asked.run["dt"] * np.arange(norms.shape[1])
    exponents = np.array([_slope(times, one) for one in norms])
    return Horizon(times, norms, exponents, total * asked.run["dt"], asked.run["dt"])


def growth(
    arrays: list[Any],
    static: Static,
    words: UInt32[Arrays, "seeds 2"],
    free: Float[Arrays, " size"],
    along: Float[Arrays, "directions size"],
    problem: Problem,
) -> Float[Array, "seeds samples"]:
    """The compiled norms of the derivatives of the state along some directions, for each seed."""
    given = join(arrays, static)
    parts, fixed = split(given.drawn)

    def one(words, parts):
        def shadows(free):
            system = built(problem, given, free, join(parts, fixed))
            return problem.estimator.run(problem, given, system, words, dict(problem.records)).records["shadow"]

        moved = jax.vmap(lambda tangent: jax.jvp(shadows, (jnp.asarray(free),), (tangent,))[1])(jnp.asarray(along))
        return jnp.sqrt(jnp.sum(jnp.mean(moved**2, axis=-1), axis=0))

    return jax.vmap(one, (0, 0 if problem.per_seed else None))(words, parts)


def shadow(view: View) -> Float[Array, " 16"]:
    """Sums of the state's floats with random signs."""
    floats = jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(eqx.filter(view.state, eqx.is_inexact_array))])
    signs = jax.random.rademacher(jax.random.key(0), (SHADOWS, floats.size), floats.dtype)
    return signs @ floats


def _nothing(_: Any) -> Float[Array, ""]:
    return jnp.zeros(())


def _slope(times: np.ndarray, norms: np.ndarray) -> float:
    """Of the logarithm over the second half of what is finite and above 0."""
    well = np.flatnonzero(np.isfinite(norms) & (norms > 0))
    well = well[len(well) // 2 :]
    return float(np.polyfit(times[well], np.log(norms[well]), 1)[0]) if len(well) > 2 else math.nan
