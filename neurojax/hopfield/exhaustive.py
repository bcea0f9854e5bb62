"""Where every one of the 2^n states of a small memory ends: exact basins, batched on the device."""

from __future__ import annotations

import time
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from neurojax.engine.checks import check_count
from neurojax.engine.loop import clock_at, make
from neurojax.engine.numerics import cast
from neurojax.hopfield.model import Hopfield
from neurojax.hopfield.patterns import low_of
from neurojax.hopfield.recall import CYCLE, FIXED, MOVING, RecallState

LARGEST = 30  # units; 2^30 states are an hour's work


class Basins(NamedTuple):
    """How many of the 2^n initial states end where.

    patterns, negatives: (P,), at each pattern and at its negative (in bits 0). others: at other fixed points. cycles: in cycles of two
    states. moving: nowhere within the steps allowed. zero_fields: of those on whose way some unit has felt exactly 0, so that the answer
    to that decides. seconds: of the run, without compilation.
    """

    patterns: Int[np.ndarray, " P"]
    negatives: Int[np.ndarray, " P"]
    others: int
    cycles: int
    moving: int
    zero_fields: int
    seconds: float

    @property
    def states(self) -> int:
        """2^n."""
        return int(self.patterns.sum() + self.negatives.sum()) + self.others + self.cycles + self.moving

    @property
    def states_per_second(self) -> float:
        """Initial states followed to their ends in a second."""
        return self.states / self.seconds


def all_basins(memory: Hopfield, *, steps: int = 100, batch: int = 1 << 14, device: Any = None) -> Basins:
    """Follow every state of a memory without noise to its end.

    Arguments:
        memory: patterns and couplings that need no seed, `Threshold` units, an order that is not drawn, at most 30 units.
        steps: at most, of each state. batch: states at a time, at most; they go on until the slowest of them is done.
        device: a `jax.Device`; None takes JAX's default.

    Returns exact counts. Raises `ValueError` for a memory that draws, or is too large.

    >>> import neurojax as nj
    >>> found = nj.hopfield.all_basins(nj.Hopfield(9, [[1, 1, 1, -1, 1, -1, 1, 1, 1]]))
    >>> found.patterns.tolist(), found.negatives.tolist()
    ([256], [256])
    """
    memory.check()
    n = memory.n
    if n > LARGEST:
        raise ValueError(f"all_basins: n={n} units have 2^{n} states; take at most {LARGEST}, or a sweep over random cues")
    if memory.draws():
        drawn = " and ".join(sorted(memory.draws()))
        raise ValueError(f"all_basins: a step of this memory draws {drawn}; take nj.Threshold() and an order that is not random")
    for name, value in (("steps", steps), ("batch", batch)):
        check_count("all_basins", name, value)
    size = min(1 << (int(batch).bit_length() - 1), 2**n)  # a divisor of the number of states
    with jax.default_device(device):
        realised = cast(memory.realise(jax.random.key(0)), np.dtype("float32"))
        program = jax.jit(partial(_batch, steps=steps, size=size)).lower(realised, jnp.asarray(0, jnp.uint32)).compile()
        began = time.perf_counter()
        parts = [program(realised, jnp.asarray(start, jnp.uint32)) for start in range(0, 2**n, size)]
        patterns, negatives, rest = (np.sum([np.asarray(one, np.int64) for one in ones], axis=0) for ones in zip(*parts, strict=True))
        seconds = time.perf_counter() - began
    return Basins(patterns, negatives, *(int(x) for x in rest), seconds=seconds)


def all_states(start: Any, size: int, n: int, low: float) -> Float[Array, "size n"]:
    """States number start to start + size - 1: unit i is up where bit i of the number is set."""
    number = jnp.asarray(start, jnp.uint32) + lax.iota(jnp.uint32, size)
    bits = (number[:, None] >> lax.iota(jnp.uint32, n)[None, :]) & np.uint32(1)
    return jnp.where(bits == 1, 1.0, low).astype(jnp.float32)


def _batch(memory: Hopfield, start: Array, *, steps: int, size: int) -> tuple[Array, Array, Array]:
    s = all_states(start, size, memory.n, low_of(memory.code))
    state = RecallState(s, s, jnp.zeros(size, jnp.int32), jnp.full(size, MOVING, jnp.int32))
    dt = jnp.asarray(1.0, jnp.float32)
    step = eqx.filter_vmap(lambda one, number: make(memory, one, clock_at(number, dt), {})[0], in_axes=(0, None))

    def going_on(at):
        state, _, number = at
        return jnp.any(state.outcome == MOVING) & (number < steps)

    def go_on(at):
        state, silent, number = at
        return step(state, number), silent | jnp.any(jax.vmap(memory.fields)(state.s) == 0, axis=1), number + 1

    end, silent, _ = lax.while_loop(going_on, go_on, (state, jnp.zeros(size, bool), jnp.asarray(0, jnp.int32)))
    known = jnp.asarray(memory.patterns)
    fixed = end.outcome == FIXED
    signed = memory.code == "signs"
    sums = end.s @ known.T if signed else (2 * end.s - 1) @ (2 * known - 1).T
    there = fixed[:, None] & jnp.any(known != 0, axis=1)[None, :]
    at_pattern, at_negative = there & (sums == memory.n), there & (sums == -memory.n) & signed
    other = fixed & ~jnp.any(at_pattern | at_negative, axis=1)
    rest = jnp.stack([jnp.sum(x) for x in (other, end.outcome == CYCLE, end.outcome == MOVING, silent)])
    return jnp.sum(at_pattern, axis=0), jnp.sum(at_negative, axis=0), rest
