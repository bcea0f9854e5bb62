"""Proportional, integral and derivative feedback."""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from neurojax.engine.checks import check_number, not_negative, positive
from neurojax.tuning.control.controller import Controller, check_limits, check_target, limited, wanted

ANTI_WINDUP = ("conditional", "back-calculation", None)


class PIDMemory(NamedTuple):
    """The integral's share of the command, the filtered derivative's, and what was seen last."""

    integral: Float[Array, "*d"]
    derivative: Float[Array, "*d"]
    seen: Float[Array, "*d"]


class PID(Controller):
    """PID with limits, `u = clip(v, low, high)`, `v = bias + K_p e + I + D`, for the error `e = target - y`, every h:

        I' = I + h [K_i e + (u - v) / T_t]              back-calculation; or, "conditional", no (u - v), and I' = I while v is beyond
                                                        a limit and K_i e drives it further
        D' = [T_f D - K_d (y' - y)] / (T_f + h)         of what is seen, not of the target, whose steps would kick; T_f filters

    Each observation has a command of its own, of the shape of what is seen.

    Arguments:
        proportional, integral, derivative: K_p, K_i (1/time), K_d (time), numbers or one for each observation; 0 leaves one out.
        target: what is wanted: a number, an array, a `Signal` or a function of time.
        low, high: limits of the command; None for none.
        bias: the command without an error.
        filter: T_f (time, >= 0) of the derivative, commonly K_d / K_p over 2 to 20; 0 for plain differences.
        tracking: T_t (time, > 0) in which back-calculation brings the integral back from a limit.
        anti_windup: "conditional", "back-calculation", or None, with which the integral winds up at a limit.

    Errors: ValueError naming the argument. Source: Astrom and Hagglund, Advanced PID Control (2006), 3.4 (filter), 3.5 (windup).
    """

    proportional: Any
    integral: Any = 0.0
    derivative: Any = 0.0
    target: Any = 0.0
    low: Any = None
    high: Any = None
    bias: Any = 0.0
    filter: Any = 0.0
    tracking: Any = 1.0
    anti_windup: str | None = eqx.field(static=True, default="conditional")

    def __check_init__(self):
        if self.anti_windup not in ANTI_WINDUP:
            raise ValueError(f"PID(anti_windup={self.anti_windup!r}): choose 'conditional', 'back-calculation' or None")

    def check(self):
        """Gains are finite, times positive, limits in order."""
        for name in ("proportional", "integral", "derivative", "bias"):
            check_number("PID", name, getattr(self, name), np.isfinite, "finite, a number or one for each observation", shapes=None)
        check_number("PID", "filter", self.filter, not_negative, "a time constant of at least 0")
        check_number("PID", "tracking", self.tracking, positive, "a time constant above 0")
        check_limits("PID", self.low, self.high)
        check_target("PID", self.target)

    def init(self, seen):
        """Nothing integrated, no slope."""
        return PIDMemory(jnp.zeros_like(seen), jnp.zeros_like(seen), seen)

    def act(self, memory, seen, clock, drawn):
        """The command, and the integral for the next."""
        step = clock.dt
        error = wanted(self.target, clock.time, seen) - seen
        slope = (self.filter * memory.derivative - self.derivative * (seen - memory.seen)) / (self.filter + step)
        free = self.bias + self.proportional * error + memory.integral + slope
        command = limited(free, self.low, self.high)
        rise = self.integral * error
        if self.anti_windup == "back-calculation":
            rise = rise + (command - free) / self.tracking
        elif self.anti_windup == "conditional":
            rise = jnp.where((free - command) * rise > 0, 0, rise)
        return command, PIDMemory(memory.integral + step * rise, slope, seen)
