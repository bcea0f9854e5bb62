"""Derivatives of a state at rest, by the equation that it solves."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.sparse.linalg import gmres
from jaxtyping import PyTree

from neurojax.engine.checks import check_number, positive
from neurojax.engine.faults import constant, tame
from neurojax.engine.loop import clock_at, look
from neurojax.engine.numerics import finite, where
from neurojax.engine.random import stream_key
from neurojax.engine.record import Trace
from neurojax.engine.schedule import Schedule
from neurojax.engine.simulate import DONE, cast_system, integrated
from neurojax.engine.system import Step, System
from neurojax.tuning.estimators.base import Estimator, Seen


@dataclasses.dataclass(frozen=True)
class Implicit(Estimator):
    """Derivatives of the state at which a run comes to rest, `x = F(x, p)` with F one step:

        dx/dp = (I - dF/dx)^(-1) dF/dp

    The run itself is not differentiated, so that its length costs neither memory nor accuracy; the linear equation is solved by GMRES, in
    either mode. Records see the state at rest alone, whatever their warm-up. A seed that does not rest at the end of its run does not
    count. Not for models that draw at every step, nor for states that can be moved without leaving rest (the common phase of oscillators).

    Arguments:
        tolerance: what a step may still change at rest, as a share of 1 + the largest number of the state, > 0.

    Source: Pineda 1987; Almeida 1987; Bai, Kolter and Koltun 2019.
    """

    tolerance: float = 1e-5
    simulates: ClassVar[bool] = True

    def __post_init__(self):
        check_number("Implicit", "tolerance", self.tolerance, positive, "a small share above 0, for example 1e-5")

    def check(self, models, settings):
        """No draws, no schedule."""
        if isinstance(settings["duration"], Schedule):
            raise ValueError("duration: a schedule changes the model, whose state then has no one place of rest; give nj.Pathwise()")
        for model in models:
            if drawn := integrated(model, settings["method"]).draws():
                raise ValueError(
                    f"estimator=Implicit(): {type(model).__name__} draws {', '.join(drawn)} at every step and never rests; "
                    "take its noise away, or give nj.Pathwise()"
                )

    def observe(self, problem, given, system, words):
        """The records at rest."""
        end = self.run(problem, given, constant(system), words, {})
        key, dtype = jax.random.wrap_key_data(words, impl="threefry2x32"), jnp.dtype(problem.dtype)
        moving = cast_system(integrated(system, given.method).realise(stream_key(key, "structure")), dtype)
        clock = clock_at(jnp.asarray(end.final_state.step, jnp.int32), jnp.asarray(problem.dt, dtype))
        state = constant(end.final_state.state)
        well = (end.status == DONE) & finite(state)
        floats, rest = eqx.partition(where(well, state, tame(state)), eqx.is_inexact_array)

        def step(system: System, floats: PyTree) -> PyTree:
            return eqx.filter(_stepped(system, eqx.combine(floats, rest), clock).state, eqx.is_inexact_array)

        reached, fixed = step(moving, floats), constant(moving)
        off = jax.tree.map(lambda new, old: jnp.max(jnp.abs(new - old), initial=0), constant(reached), floats)
        large = jax.tree.map(lambda old: jnp.max(jnp.abs(old), initial=0), floats)
        still = jnp.stack(jax.tree.leaves(off)).max() <= self.tolerance * (1 + jnp.stack(jax.tree.leaves(large)).max())
        # What a step moves by the parameters alone, 0 as a number, and what the state moves for it to come to rest there.
        push = jax.tree.map(jnp.subtract, reached, constant(reached))
        pushed = jax.linearize(lambda floats: step(fixed, floats), floats)[1]
        gone = _solved(lambda along: jax.tree.map(jnp.subtract, along, pushed(along)), push)
        state = eqx.combine(jax.tree.map(jnp.add, floats, gone), rest)
        view = look(moving, state, clock, {}, _stepped(moving, state, clock).aux)
        return Seen({name: _once(record, view) for name, record in problem.records}, jnp.zeros((), dtype), well & still)


def _stepped(system: System, state: PyTree, clock: Any) -> Step:
    """One step, also of a state that is done."""
    out = system.step(state, clock, {})
    return out if isinstance(out, Step) else Step(out, None)


def _solved(matrix: Any, right: PyTree) -> PyTree:
    """The solution of linear equations."""
    size = sum(leaf.size for leaf in jax.tree.leaves(right))
    precision = jnp.result_type(*jax.tree.leaves(right))
    return gmres(matrix, right, tol=100 * float(jnp.finfo(precision).eps), restart=min(size, 50), maxiter=10)[0]


def _once(record: Any, view: Any) -> Any:
    """A record of this view alone."""
    value = record.see(view)
    if isinstance(record, Trace):
        return jax.tree.map(lambda v: jnp.asarray(v)[None], value)
    return record.finish(record.update(record.start(jax.tree.map(jnp.zeros_like, value), view.clock.dt), value, view.clock))
