"""Learning a policy from rewards alone: no derivative of the model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from neurojax.engine.checks import check_count, check_number, positive
from neurojax.engine.compile import Static, compiled, join, precision, split
from neurojax.engine.numerics import floating
from neurojax.engine.record import Record
from neurojax.engine.simulate import DONE, Options, cast_system, check_values, simulate
from neurojax.engine.system import View
from neurojax.sweep.axes import check_seeds
from neurojax.tuning.control.loop import ClosedLoop
from neurojax.tuning.control.policy import Policy
from neurojax.tuning.problem import move, optimizer_of


class Earned(NamedTuple):
    """Means of a run: <R e> (p,), <e> (p,) and <R> of `PolicyGradient`."""

    products: Float[Array, " p"]
    traces: Float[Array, " p"]
    reward: Float[Array, ""]

    def gradient(self, baseline: Any) -> Float[Array, " p"]:
        """`<R e> - b <e>`."""
        return self.products - baseline * self.traces


@dataclasses.dataclass(frozen=True)
class PolicyGradient(Record):
    """How the mean of a reward changes with the weights of a `Policy` that explores, from the rewards that a run brings:

        e' = e^{-dt / horizon} e + d log p(u) / dw,   g = <R e> - b <e>,   the means over the steps watched,

    whose expectation is the same for any baseline b that the run has no part in; that of other runs leaves the least scatter. A reward
    counts for the decisions of about `horizon` before it: a longer one has less bias, and more scatter. Nothing but what the policy saw
    and tried is differentiated. measure: the reward R, a number, of the loop's view. Result: `Earned`.

    Errors: ValueError naming the argument. Source: Baxter and Bartlett 2001 (GPOMDP).
    """

    horizon: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        check_number("PolicyGradient", "horizon", self.horizon, positive, "a time above 0")
        if self.every != 1 or self.of is not None:
            raise ValueError(f"PolicyGradient(every={self.every}, of={self.of!r}): it needs every step of the loop; leave both out")

    def see(self, view: View):
        """The reward, and the derivative of the log probability of what was tried."""
        return jnp.asarray(super().see(view)), score(view)

    def start(self, value, dt):
        """What decisions are remembered; sums of R e, of e and of R; count."""
        reward, weights = value
        if reward.shape != ():
            raise ValueError(f"PolicyGradient(measure): the reward has shape {reward.shape}; give one number")
        zero = jnp.zeros_like(weights)
        return zero, zero, zero, jnp.zeros_like(reward), jnp.zeros_like(reward)

    def update(self, carry, value, clock):
        """One more reward."""
        (trace, products, traces, rewards, count), (reward, tried) = carry, value
        trace = jnp.exp(-clock.dt / self.horizon) * trace + tried
        return trace, products + reward * trace, traces + trace, rewards + reward, count + 1

    def finish(self, carry):
        """The means."""
        _, products, traces, rewards, count = carry
        return Earned(products / count, traces / count, rewards / count)


def score(view: View) -> Float[Array, " p"]:
    """`d log p(u) / dw` of the command that a loop's policy tried, 0 where none was due. Needs an exploration."""
    loop = view.system
    policy = getattr(loop, "controller", None)
    if not isinstance(loop, ClosedLoop) or not isinstance(policy, Policy):
        raise ValueError(f"PolicyGradient: a {type(loop).__name__} has no Policy; give a ClosedLoop with one")
    if policy.exploration is None:
        raise ValueError("PolicyGradient: Policy(exploration=None) tries nothing; give a standard deviation, for example 0.3")
    clock = view.clock._replace(dt=loop.interval * view.clock.dt)
    features, _ = policy.sense(view.state.controller, view.aux.seen, clock)
    _, pull = jax.vjp(lambda weights: policy.respond(weights, features), policy.weights)
    tried = pull(view.drawn["controller"]["exploration"] / policy.exploration)[0]
    return tried if loop.interval == 1 else jnp.where(view.clock.step % loop.interval == 0, tried, 0)


class Reinforced(NamedTuple):
    """What `reinforce` returns: the loop with the learned weights, without exploration; the mean reward of each iteration, explored."""

    system: ClosedLoop
    rewards: Float[np.ndarray, " iterations"]


@dataclasses.dataclass(frozen=True)
class _Course:
    """What the compiled iteration is made of, hashable."""

    record: PolicyGradient
    optimizer: Any
    dt: float
    duration: float
    dtype: str


def reinforce(
    loop: ClosedLoop,
    reward: Callable,
    *,
    dt: float,
    duration: float,
    horizon: float = 1.0,
    warmup: float = 0.0,
    seeds: Any = 8,
    iterations: int = 100,
    optimizer: Any = None,
    dtype: str | None = None,
) -> Reinforced:
    """Teach a loop's `Policy` to earn more, by the rewards of runs: as one does where the model has no derivative, or none is known.

    Arguments:
        loop: a `ClosedLoop` with a `Policy` that explores.
        reward: R, a measure of the loop that gives one number; its mean is to grow.
        dt, duration, warmup: of each run, and what of it does not count.
        horizon: for how long a decision is credited with rewards, see `PolicyGradient`.
        seeds: runs in each iteration, how many or a list, two at least: each is a baseline for the others. Every iteration has new ones,
            made of these and its number.
        iterations: >= 0. optimizer: of optax, `optax.adam(0.01)` by default.
        dtype: "float32" (None) or "float64".

    Returns: `Reinforced`. Errors: ValueError or TypeError naming the argument, before anything is compiled.
    """
    if not isinstance(loop, ClosedLoop) or not isinstance(loop.controller, Policy):
        raise TypeError("loop: give a nj.control.ClosedLoop whose controller is a Policy")
    if loop.controller.exploration is None:
        raise ValueError("loop: Policy(exploration=None) tries nothing; give a standard deviation, for example 0.3")
    check_count("", "iterations", iterations, "a whole number of at least 0", least=0)
    optimizer = optimizer_of(optimizer, 0.01)
    course = _Course(PolicyGradient(reward, horizon=horizon, warmup=warmup), optimizer, dt, duration, floating(dtype).name)
    check_values(loop)
    numbers, rewards = check_seeds(seeds), []
    if len(numbers) < 2:
        raise ValueError(f"seeds={seeds!r}: give at least two runs, for each is a baseline for the others")
    with precision(floating(dtype)):
        given = cast_system(loop, floating(dtype))
        arrays, static = split(given)
        weights, memory = given.controller.weights, optimizer.init(given.controller.weights)
        for iteration in range(iterations):
            words = np.stack([np.asarray([iteration, seed], np.uint32) for seed in numbers])
            weights, memory, earned = compiled(_climb, ("static", "course"))(arrays, static, words, weights, memory, course=course)
            rewards.append(float(earned))
        learned = np.asarray(weights, float)
    system = eqx.tree_at(lambda m: (m.controller.weights, m.controller.exploration), loop, (learned, None))
    return Reinforced(system, np.asarray(rewards))


def _climb(arrays: list[Any], static: Static, words: Any, weights: Any, memory: Any, course: _Course):
    """One iteration: the mean gradient of all sound runs, and a step along it."""
    loop = eqx.tree_at(lambda m: m.controller.weights, join(arrays, static), weights)

    def one(words):
        key = jax.random.wrap_key_data(words, impl="threefry2x32")
        settings = {"dt": course.dt, "duration": course.duration, "options": Options(dtype=course.dtype)}
        run = simulate(loop, seed=key, record={"earned": course.record}, **settings)
        return run.records["earned"], run.status == DONE

    runs, sound = jax.vmap(one)(words)
    rewards, count = jnp.where(sound, runs.reward, 0), jnp.sum(sound).astype(runs.reward.dtype)
    others = (jnp.sum(rewards) - rewards) / jnp.maximum(count - 1, 1)
    slopes = jax.vmap(Earned.gradient)(runs, others)
    slope = jnp.sum(jnp.where(sound[:, None], slopes, 0), axis=0) / jnp.maximum(count, 1)
    earned = jnp.sum(rewards) / jnp.maximum(count, 1)
    weights, memory = move(course.optimizer, -slope, memory, weights, -earned, None)
    return weights, memory, earned
