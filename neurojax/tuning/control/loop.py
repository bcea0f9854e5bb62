"""A model and its controller, which sees it late and through noise, as one System."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from neurojax.engine.checks import check_count, check_number, not_negative
from neurojax.engine.integrators import Heun, Integrated, Integrator
from neurojax.engine.numerics import cast as cast_tree
from neurojax.engine.random import draw_empty
from neurojax.engine.signals import History
from neurojax.engine.system import Clock, Draw, Flow, Step, System, View, check_part
from neurojax.tuning.control.actuators import Actuator, actuator, rest
from neurojax.tuning.control.controller import Controller


class LoopState(NamedTuple):
    """State: the model's; the controller's memory; what was seen over the loop delay (None without one); the command that holds."""

    model: Any
    controller: PyTree
    past: History | None
    command: Float[Array, "*m"]


class Decision(NamedTuple):
    """What a step shows beside the state: what the controller saw, and its command; and what the model itself shows."""

    seen: Float[Array, "*d"]
    command: Float[Array, "*m"]
    model: PyTree


class ClosedLoop(System):
    """A model in closed loop with a controller: at every `interval`-th step n

        y_n = observe(x_n) + noise xi_n,   u_n = controller(y_{n - delay}, y_{n - delay - interval}, ...),

    and the model makes its steps under u_n until the next decision. Before the run began, what is seen is the initial state, without
    noise. Records `of="model"` show the model; `nj.control.command`, `effort` and `variation` what is done to it.

    Arguments:
        model: a `Flow` or a `System`; realised by the same draws, and driven by the same noise, as without a controller.
        controller: a `PID`, `LinearFeedback`, `DelayedFeedback`, `Policy`, or one's own `Controller`.
        observe: what is seen: a measure, function of the model's `View`, for example `nj.order_parameter`, `nj.mean_field`,
            `nj.phases`. One array keeps its shape, several are joined to one vector.
        actuate: what the command acts on: the name of a parameter that it sets, an actuator (`Parameter`, `Force`), or any function
            `(model, command) -> model`.
        delay: loop delay in steps, a whole number >= 0.
        interval: steps between decisions, >= 1; the command holds in between.
        noise: standard deviation of the error of each observation, >= 0, a number or of the shape of what is seen; None for none. It is
            independent from step to step, so that a smaller dt averages over more of it.
        method: integrator of a model that is a `Flow`.

    Errors: ValueError or TypeError naming the argument, before anything is compiled. Source: Astrom and Murray, Feedback Systems (2008),
    10.4 (a controller as a program).

    >>> import neurojax as nj
    >>> model = nj.Kuramoto(50, frequencies=nj.Lorentzian(0.5))
    >>> pid = nj.control.PID(10.0, 5.0, target=0.7, low=0.0, high=10.0)
    >>> loop = nj.control.ClosedLoop(model, pid, observe=nj.order_parameter, actuate="coupling")
    >>> run = nj.simulate(loop, dt=0.02, duration=20.0, record={"r": nj.Mean(nj.order_parameter, of="model", warmup=10.0)})
    >>> abs(run.records["r"] - 0.7) < 0.05
    True
    """

    model: System | Flow
    controller: Controller
    observe: Callable
    actuate: Any
    delay: int = eqx.field(static=True, default=0)
    interval: int = eqx.field(static=True, default=1)
    noise: Any = None
    method: Integrator = Heun()

    def __check_init__(self):
        check_count("ClosedLoop", "delay", self.delay, "a whole number of steps, at least 0: the time of the delay over dt", least=0)
        check_count("ClosedLoop", "interval", self.interval, "a whole number of steps, at least 1")
        for name, kind, example in (
            ("model", System | Flow, "nj.Kuramoto(100)"),
            ("controller", Controller, "nj.control.PID(10.0)"),
            ("method", Integrator, "nj.Heun()"),
        ):
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise TypeError(f"ClosedLoop({name}={value!r}): give one such as {example}")
        if not callable(self.observe):
            raise TypeError(f"ClosedLoop(observe={self.observe!r}): give a measure of the model, for example nj.order_parameter")
        if not callable(actuator(self.actuate)):
            raise TypeError(
                f"ClosedLoop(actuate={self.actuate!r}): give the name of a parameter, nj.control.Parameter(...), nj.control.Force(...) or "
                "a function (model, command) -> model"
            )

    def check(self):
        """Check the model, the controller, the actuator and the noise."""
        check_part(self.model)
        check_part(self.controller)
        if isinstance(self.model, System) and type(self.model).elapsed is not System.elapsed:
            raise ValueError(
                f"ClosedLoop(model={type(self.model).__name__}): it has a clock of its own, which no controller sees; take another"
            )
        if not isinstance(self.model, Flow) and not isinstance(self.method, Heun):
            raise ValueError(f"ClosedLoop(method={self.method!r}): {type(self.model).__name__} makes its own steps; leave method out")
        actuate = actuator(self.actuate)
        if isinstance(actuate, Actuator):
            actuate.check(self.model)
        if self.noise is not None:
            check_number("ClosedLoop", "noise", self.noise, not_negative, "a standard deviation of at least 0, or None", shapes=None)

    def check_dt(self, dt):
        """As the model says."""
        self.model.check_dt(dt)

    def realise(self, key):
        """Realise the model, as it would be alone, and the controller."""
        parts = self.model.realise(key), self.controller.realise(jax.random.fold_in(key, 17))
        return eqx.tree_at(lambda loop: (loop.model, loop.controller), self, parts)

    def init(self, key):
        """The model's initial state, seen for as long as the delay; no memory; the command that leaves the model as it is."""
        model, seen = self._first(key)
        memory = self.controller.init(seen)
        drawn = jax.tree.map(lambda pair: pair[0], draw_empty(self.controller.draws(), np.dtype(seen.dtype)))
        command = eqx.filter_eval_shape(lambda: self.controller.act(memory, seen, _start(), drawn)[0])
        held = rest(actuator(self.actuate), self.model, jnp.zeros(command.shape, command.dtype))
        return LoopState(model, memory, History.filled(seen, self.delay) if self.delay else None, held)

    def draws(self):
        """What the model draws, the error of the observation, and what the controller draws."""
        drawn: dict[str, Any] = {"model": self._moving(self.model).draws(), "controller": self.controller.draws()}
        if self.noise is not None:
            _, seen = eqx.filter_eval_shape(lambda loop: loop._first(jax.random.key(0)), self)
            drawn["seen"] = Draw("measurement error", "normal", seen.shape)
        return drawn

    def step(self, state, clock, drawn):
        """See, decide, move."""
        seen = self._look(state.model, clock, drawn["model"])
        if self.noise is not None:
            seen = seen + self.noise * drawn["seen"]
        past = state.past
        if past is not None:
            past = past.push(clock.step, seen)
            seen = past.read(clock.step, self.delay)
        decided = clock._replace(dt=self.interval * clock.dt)

        def act(memory, _):
            command, memory = self.controller.act(memory, seen, decided, drawn["controller"])
            return command.astype(state.command.dtype), memory

        if self.interval == 1:
            command, memory = act(state.controller, None)
        else:
            due = clock.step % self.interval == 0
            command, memory = jax.lax.cond(due, act, lambda memory, held: (held, memory), state.controller, state.command)
        moved = self._moving(actuator(self.actuate)(self.model, command)).step(state.model, clock, drawn["model"])
        moved, shown = moved if isinstance(moved, Step) else (moved, None)
        return Step(LoopState(moved, memory, past, command), Decision(seen, command, shown))

    def _first(self, key: Any) -> tuple[Any, Float[Array, "*d"]]:
        """The model's initial state, and what is seen of it."""
        model = self._moving(self.model).init(key)
        return model, self._look(cast_tree(model, np.dtype(jnp.result_type(float))), _start(), None)

    def _moving(self, model: Any) -> System:
        """The model as it makes its steps."""
        return Integrated(model, self.method) if isinstance(model, Flow) else cast(System, model)

    def _look(self, state: Any, clock: Clock, drawn: Any) -> Float[Array, "*d"]:
        """What is there to be seen, as one array."""
        leaves = [jnp.asarray(leaf) for leaf in jax.tree.leaves(self.observe(View(self.model, state, clock, drawn)))]
        if not leaves:
            raise ValueError(f"ClosedLoop(observe={self.observe!r}): it sees nothing; return an array")
        return leaves[0] if len(leaves) == 1 else jnp.concatenate([jnp.ravel(leaf) for leaf in leaves])


def _start() -> Clock:
    """The clock of what is seen before the run begins."""
    return Clock(jnp.asarray(0, jnp.int32), jnp.zeros(()), jnp.ones(()))
