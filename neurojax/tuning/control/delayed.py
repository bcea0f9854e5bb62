"""Delayed feedback."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from neurojax.engine.checks import check_count, check_number
from neurojax.engine.signals import History
from neurojax.tuning.control.controller import Controller, check_fits, check_limits, fed, limited


class DelayedMemory(eqx.Module):
    """What was seen at the last decisions, and how many were made."""

    past: History
    count: Any


class DelayedFeedback(Controller):
    """Feedback of what was seen `lag` decisions ago: `u = K [y(t - lag) - y(t)]` (Pyragas), or `u = K y(t - lag)` (Rosenblum, Pikovsky).

    The first is 0 on every orbit whose period is the lag, and so changes its stability, not the orbit. The second, with the mean field
    as y and a force on all oscillators, synchronises or desynchronises them by the phase of the lag.

    Arguments:
        gain: K: a number, a vector over what is seen (one command), or a matrix (commands, seen).
        lag: in decisions, a whole number >= 1; the loop's own delay comes on top.
        difference: the first form; False for the second.
        low, high: limits of the command; None for none.

    Errors: ValueError naming the argument. Source: Pyragas 1992, eq. 2; Rosenblum and Pikovsky 2004, eq. 2.
    """

    gain: Any
    lag: int = eqx.field(static=True)
    difference: bool = eqx.field(static=True, default=True)
    low: Any = None
    high: Any = None

    def __check_init__(self):
        check_count("DelayedFeedback", "lag", self.lag, "a whole number of decisions, at least 1: the time of the lag over theirs")
        if not isinstance(self.difference, bool):
            raise TypeError(f"DelayedFeedback(difference={self.difference!r}): True or False")

    def check(self):
        """The gain is finite, the limits are in order."""
        check_number("DelayedFeedback", "gain", self.gain, np.isfinite, "finite, a number, a vector or a matrix", shapes=None)
        check_limits("DelayedFeedback", self.low, self.high)

    def init(self, seen: Float[Array, "*d"]):
        """The first observation, as if it had always been so."""
        check_fits("DelayedFeedback", self.gain, seen)
        return DelayedMemory(History.filled(seen, self.lag), np.int32(0))

    def act(self, memory, seen, clock, drawn):
        """The command, and one more observation."""
        past = memory.past.push(memory.count, seen)
        old = past.read(memory.count, self.lag)
        command = fed(self.gain, old - seen if self.difference else old)
        # Modulo the ring's length, so that a run of any length counts.
        return limited(command, self.low, self.high), DelayedMemory(past, (memory.count + 1) % (self.lag + 1))
