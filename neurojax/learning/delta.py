"""Rules that correct by the error or the reward at this step alone, without a matrix P."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax.numpy as jnp

from neurojax.engine.checks import check_number, positive
from neurojax.engine.signals import at
from neurojax.learning.rule import Correction, Rule


class LMS(Rule):
    """Least mean squares, `w <- w - rate e r'`; `normalised` divides the rate by `floor + r' r`.

    Arguments:
        rate: of an update, dimensionless, > 0, or a function of time. Stable below 2 / (r' r), below 2 if normalised.

    Source: Widrow and Hoff 1960.
    """

    rate: Any = 0.01
    normalised: bool = eqx.field(static=True, default=False)
    floor: Any = 1e-6

    def check(self):
        """The rate is positive."""
        if not callable(self.rate):
            check_number("LMS", "rate", self.rate, positive, "give a positive number, for example 0.01")
        check_number("LMS", "floor", self.floor, positive, "give a positive number, for example 1e-6")

    def correct(self, kept, occasion):
        """No state; a step down the gradient of e^2."""
        rates, rate = occasion.rates, jnp.asarray(at(self.rate, occasion.time))
        scale = rate / (self.floor + rates @ rates) if self.normalised else rate
        return kept, Correction(scale * (occasion.target - occasion.output), rates)


class DeltaRule(Rule):
    """The delta rule with a rate of its own for each output, which falls as the error does:

        w <- w - eta e r',   tau d eta/dt = eta (-eta + |e|^exponent)

    Arguments:
        rate: eta at the start, > 0. exponent: in [1, 2]. tau: in units of time, > 0.

    Source: Sussillo and Abbott 2009, supplementary figure 1.
    """

    rate: Any = 0.1
    exponent: Any = 1.5
    tau: Any = 10.0

    def check(self):
        """Positive rate and time, exponent in [1, 2]."""
        for name, example in (("rate", "0.1"), ("tau", "10.0")):
            check_number("DeltaRule", name, getattr(self, name), positive, f"give a positive number, for example {example}")
        check_number("DeltaRule", "exponent", self.exponent, lambda x: (x >= 1) & (x <= 2), "give a number in [1, 2], for example 1.5")

    def init(self, n, outputs, interval=1):
        """eta (outputs,)."""
        return jnp.full((outputs,), self.rate, jnp.result_type(float))

    def correct(self, kept, occasion):
        """A step down the gradient of e^2; then eta moves for the time between updates, by its closed form at a constant error."""
        error = occasion.output - occasion.target
        span, goal = occasion.elapsed / self.tau, jnp.maximum(jnp.abs(error), 1e-12) ** self.exponent
        eta = kept / (jnp.exp(-goal * span) + kept * -jnp.expm1(-goal * span) / goal)
        return eta, Correction(-kept * error, occasion.rates)


class RewardHebbian(Rule):
    """Reward-modulated Hebbian learning: whether the outputs did better than lately is all that is known, not by how much or which way.

        w <- w + rate(t) M (z - zbar) r',   M = 1 where -|z - f|^2 exceeds its own running mean, else 0

    zbar and the mean performance follow z and the performance with the time constant `tau`. What makes z differ from zbar is
    `Training(exploration=...)`; that must be more than what z does by itself within `tau`, or the rule follows dz/dt.

    Arguments:
        rate: of an update, > 0, or a function of time. tau: in units of time, > 0.

    Source: Hoerzer, Legenstein and Maass 2014, equations 6 to 9.
    """

    rate: Any = 5e-4
    tau: Any = 5.0

    @property
    def explores(self):
        """From nothing else."""
        return True

    def check(self):
        """Positive rate and time."""
        if not callable(self.rate):
            check_number("RewardHebbian", "rate", self.rate, positive, "give a positive number, for example 5e-4")
        check_number("RewardHebbian", "tau", self.tau, positive, "give a positive number, for example 5.0")

    def init(self, n, outputs, interval=1):
        """Mean output (outputs,) and mean performance."""
        return jnp.zeros((outputs,)), jnp.zeros(())

    def correct(self, kept, occasion):
        """Along what was tried, if it did better than the mean."""
        mean, usual = kept
        performance = -jnp.sum((occasion.output - occasion.target) ** 2)
        better = jnp.where(performance > usual, at(self.rate, occasion.time), 0.0)
        correction = Correction(better * (occasion.output - mean), occasion.rates)
        share = -jnp.expm1(-occasion.elapsed / self.tau)
        return (mean + share * (occasion.output - mean), usual + share * (performance - usual)), correction
