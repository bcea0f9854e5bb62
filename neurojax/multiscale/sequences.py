"""A memory that keeps patterns as the rows of a matrix, changes the row nearest to what it sees, and learns what follows what."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from neurojax.engine.checks import check_count, check_number, not_negative, positive
from neurojax.engine.signals import History
from neurojax.engine.system import Step, System
from neurojax.engine.types import Arrays
from neurojax.multiscale.redraws import check_time
from neurojax.multiscale.stream import Shown, Stream, whole


class PatternMatrixState(NamedTuple):
    """State: neurons s (n,); the rows Xi (M, n); transitions T (M, M) and past winners, or None; what was shown last."""

    s: Float[Arrays, " n"]
    rows: Float[Arrays, "M n"]
    transitions: Float[Arrays, "M M"] | None
    past: History | None
    shown: Shown


class Winner(NamedTuple):
    """What a step shows beside the state: w (M,) by which rows have changed, and q (M,) by which they were recalled."""

    weights: Float[Array, " M"]
    recalled: Float[Array, " M"]


class PatternMatrix(System):
    """Neurons under a stream of patterns, and a matrix Xi of M rows, of which the winner by softmax follows them:

        tau ds/dt = -s + tanh[beta (u h + recall Xi' q)],   w = softmax(sharpness Xi s)
        tau_Xi dXi_k/dt = w_k (s - Xi_k),   tau_T dT_m/dt = w_m(t - delay) (w(t) - T_m)

    q = w, or with transitions T what they expect from the winners of a while ago, `q = T' w(t - delay)`: without a field the memory then
    replays what it has learned, at its pace. Rows of T stay probabilities, and tend to those of a Markov chain of patterns whose time is
    `delay` steps. Each part moves by its exact relaxation towards what is held through the step, s first, the others by the new s.

    Arguments:
        n: neurons. stream: what the field h shows. rows: M, as many as patterns if None; static.
        sharpness: of the softmax, > 0, dimensionless; a product Xi s is up to n.
        beta, u: gain, strength of the field, >= 0. recall: strength of what is recalled, >= 0, on the scale of u.
        tau_s, tau_Xi, tau_T: time constants, > 0, infinity for what does not learn. tau_T None: without transitions.
        delay: steps between a pattern and what follows it, >= 1, static.
        rows0: initial Xi, (M, n), None for uniform in (-1, 1). T begins as the identity.

    The rule of the rows is that of softmax synapses (Lotito 2025): `theory.row_similarity` says how fast a row learns.
    Errors: ValueError naming the argument. Source: arXiv 2503.19922; the "MemoryMatrix" model of the seed, whose rates were upside down.
    """

    n: int = eqx.field(static=True)
    stream: Stream = Stream()
    rows: int | None = eqx.field(static=True, default=None)
    sharpness: Any = 2.0
    beta: Any = 1.0
    u: Any = 200.0
    recall: Any = 0.0
    tau_s: Any = 1.0
    tau_Xi: Any = 250.0
    tau_T: Any = eqx.field(default=None, kw_only=True)
    delay: int = eqx.field(static=True, default=1, kw_only=True)
    rows0: Any = eqx.field(converter=whole, default=None, kw_only=True)

    def __check_init__(self):
        check_count("PatternMatrix", "n", self.n, "a whole number of neurons, at least 1")
        if self.rows is not None:
            check_count("PatternMatrix", "rows", self.rows, "a whole number of rows, at least 1, or None")
        check_count("PatternMatrix", "delay", self.delay, "a whole number of steps, at least 1")

    def check(self):
        """Refuse values that make no sense."""
        if not isinstance(self.stream, Stream):
            raise TypeError(f"PatternMatrix(stream={self.stream!r}): give a nj.Stream, for example nj.Stream(nj.RademacherPatterns(4))")
        self.stream.check(self.n)
        check_number("PatternMatrix", "sharpness", self.sharpness, positive, "a positive number")
        for name in ("beta", "u", "recall"):
            check_number("PatternMatrix", name, getattr(self, name), not_negative, "a number of at least 0")
        for name in ("tau_s", "tau_Xi", "tau_T"):
            if getattr(self, name) is not None:
                check_time("PatternMatrix", name, getattr(self, name))
        if self.rows0 is not None:
            check_number("PatternMatrix", "rows0", self.rows0, np.isfinite, "finite numbers, or None", shapes=((self.count(), self.n),))

    def check_dt(self, dt):
        """A pattern lasts a step at least."""
        self.stream.check_dt(dt)

    def count(self) -> int:
        """M, rows."""
        return self.stream.count(self.n) if self.rows is None else int(self.rows)

    def realise(self, key):
        """Draw the stream."""
        return dataclasses.replace(self, stream=self.stream.realise(key, self.n))

    def draws(self):
        """The stream's."""
        return self.stream.draws(self.n)

    def init(self, key):
        """Random neurons and rows; nothing shown, nothing won yet."""
        one, other = jax.random.split(key)
        like, count = jnp.result_type(float), self.count()
        s = jax.random.uniform(one, (self.n,), like, -1.0, 1.0)
        rows = jax.random.uniform(other, (count, self.n), like, -1.0, 1.0) if self.rows0 is None else jnp.asarray(self.rows0, like)
        shown = self.stream.init(self.n)
        if self.tau_T is None:
            return PatternMatrixState(s, rows, None, None, shown)
        return PatternMatrixState(s, rows, jnp.eye(count, dtype=like), History.filled(jnp.zeros(count, like), self.delay), shown)

    def winners(self, s: Float[Arrays, " n"], rows: Float[Arrays, "M n"]) -> Float[Array, " M"]:
        """w = softmax(sharpness Xi s)."""
        return jax.nn.softmax(self.sharpness * (jnp.asarray(rows) @ s))

    def step(self, state, clock, drawn):
        """Redraw if it is time; then the neurons, the rows, the transitions."""
        shown, dt = self.stream.following(state.shown, clock.dt, drawn), clock.dt
        past, transitions = state.past, state.transitions
        # The winners `delay` steps before what this step makes, 0 before the start.
        earlier = None if past is None else past.read(clock.step + 1, self.delay)
        q = self.winners(state.s, state.rows) if earlier is None else earlier @ transitions
        pull = jnp.tanh(self.beta * (self.u * self.stream.field(shown) + self.recall * (q @ state.rows)))
        s = state.s - jnp.expm1(-dt / self.tau_s) * (pull - state.s)
        w = self.winners(s, state.rows)
        rows = state.rows - jnp.expm1(-dt * w / self.tau_Xi)[:, None] * (s[None, :] - state.rows)
        if past is not None and earlier is not None:
            transitions = transitions - jnp.expm1(-dt * earlier / self.tau_T)[:, None] * (w[None, :] - transitions)
            past = past.push(clock.step + 1, w)
        return Step(PatternMatrixState(s, rows, transitions, past, shown), Winner(w, q))


def by_pattern(transitions: Float[Arrays, "M M"], similarity: Float[Arrays, "M K"]) -> Float[np.ndarray, "K K"]:
    """Learned transitions between patterns, each stood for by the row most like it. On the host.

    Raises `ValueError` where two patterns have the same row.
    """
    which = np.argmax(np.asarray(similarity), axis=0)
    if len(set(which.tolist())) < len(which):
        raise ValueError(
            f"similarity: patterns are most like rows {which.tolist()}; a row that stands for two knows no transitions between them"
        )
    return np.asarray(transitions)[np.ix_(which, which)]


__all__ = ["PatternMatrix", "PatternMatrixState", "by_pattern"]
