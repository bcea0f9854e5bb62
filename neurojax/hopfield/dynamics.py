"""How units answer their fields, and in which order they are asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, Scalar

from neurojax.engine.checks import check_count, check_number, not_negative, positive
from neurojax.engine.signals import Signal, at
from neurojax.engine.system import Draw, check_part
from neurojax.engine.types import Draws
from neurojax.learning import Couplings

Answer = Callable[[Array, Array, Any], Array]  # (states, fields, uniform draws or None) -> states


class Units(eqx.Module):
    """What a unit in state s, of lower state `low` and upper state 1, does at a field h."""

    @property
    def settles(self) -> bool:
        """Whether a state that a step leaves as it is stays for ever, as long as nothing else changes."""
        return True

    def draws(self, n: int) -> Draws:
        """The random numbers of a step of n units."""
        return {}

    def answer(self, s: Float[Array, " b"], h: Float[Array, " b"], uniform: Any, time: Float[Scalar, ""], low: float) -> Float[Array, " b"]:
        """The new states. uniform: one number in (0, 1) for each unit that draws, or None."""
        raise NotImplementedError(f"{type(self).__name__} must define answer(self, s, h, uniform, time, low)")

    def check(self) -> None:
        """Raise `ValueError` for concrete parameters that make no sense."""


class Threshold(Units):
    """The upper state for h > 0, the lower for h < 0.

    Arguments:
        zero: at h = 0 "keep" the state (for which the energy never rises and synchronous cycles have length 2 at most), take "zero" as
            NumPy's sign does, which leaves the two states, or "+1", the upper state, which breaks the symmetry between a pattern and
            its negative.
        surrogate: None, or a gain: derivatives are then those of `Tanh(surrogate)`, though the value is that of the threshold. The
            threshold itself has none.
    """

    zero: Literal["keep", "zero", "+1"] = eqx.field(static=True, default="keep")
    surrogate: Any = None

    def __check_init__(self):
        if self.zero not in ("keep", "zero", "+1"):
            raise ValueError(f"Threshold(zero={self.zero!r}): choose 'keep', 'zero' or '+1'")

    def check(self):
        """The gain is positive."""
        if self.surrogate is not None:
            check_number("Threshold", "surrogate", self.surrogate, positive, "a positive gain, for example 1.0, or None")

    def answer(self, s, h, uniform, time, low):
        """The sign of the field."""
        ties = {"keep": s, "zero": jnp.zeros_like(s), "+1": jnp.ones_like(s)}[self.zero]
        hard = jnp.where(h > 0, jnp.ones_like(s), jnp.where(h < 0, jnp.full_like(s, low), ties))
        if self.surrogate is None:
            return hard
        soft = _soft(h, self.surrogate, low)
        return lax.stop_gradient(hard - soft) + soft


class Tanh(Units):
    """Graded states, `s = tanh(gain h)` in signs and `1 / (1 + exp(-gain h))` in bits: the mean field of `Glauber(1 / gain)`.

    Arguments:
        gain: > 0, 1 / field; a number, a `Signal` or a function of time.

    Source: Hopfield 1984.
    """

    gain: Any = 1.0

    @property
    def settles(self):
        """Unless the gain is a function of time."""
        return not callable(self.gain)

    def check(self):
        """The gain is positive."""
        _check_signal("Tanh", "gain", self.gain, positive, "a positive gain, for example 4.0")

    def answer(self, s, h, uniform, time, low):
        """The mean state at this field."""
        return _soft(h, at(self.gain, time), low)


class Thermal(Units):
    """Units that draw their states at a temperature T >= 0: a number, a `Signal` (`Ramp` anneals) or a function of time.

    T is in units of the field: with couplings of 1/n that of statistical physics. At T = 0 the threshold, which keeps ties. States that
    are drawn have no derivatives.
    """

    temperature: Any = 0.1

    @property
    def settles(self):
        """Noise goes on."""
        return False

    def draws(self, n):
        """One uniform number for each unit."""
        return {"thermal": Draw("thermal", "uniform", (n,))}

    def check(self):
        """Not below zero."""
        name = type(self).__name__
        _check_signal(name, "temperature", self.temperature, not_negative, "a temperature of at least 0, for example 0.4")


class Glauber(Thermal):
    """The upper state with probability `1 / (1 + exp(-(1 - low) h / T))`, whatever the state was: a heat bath.

    One after the other it samples exp(-E / T); synchronously it is Little's model. Source: Glauber 1963; Little 1974.
    """

    def answer(self, s, h, uniform, time, low):
        """u < 1 / (1 + exp(-x / T)) as x > T ln(u / (1 - u)), which T = 0 leaves whole."""
        gap = (1.0 - low) * h - at(self.temperature, time) * (jnp.log(uniform) - jnp.log1p(-uniform))
        return jnp.where(gap > 0, jnp.ones_like(s), jnp.where(gap < 0, jnp.full_like(s, low), s))


class Metropolis(Thermal):
    """The other state with probability `min(1, exp(-(E' - E) / T))`, `E' - E = (s - s') h`.

    Samples exp(-E / T) one after the other, not synchronously. Source: Metropolis et al. 1953.
    """

    def answer(self, s, h, uniform, time, low):
        """u < exp(-d / T) as d < -T ln u."""
        # A unit in neither state (unknown in a cue) is asked for the one that its field is for.
        other = jnp.where(s == 1.0, low, jnp.where((s == low) | (h > 0), 1.0, low)).astype(s.dtype)
        return jnp.where((s - other) * h < -at(self.temperature, time) * jnp.log(uniform), other, s)


class Updates(eqx.Module):
    """The order in which the units of a step are asked."""

    @property
    def periodic(self) -> bool:
        """Whether a state that comes back will come back again."""
        return True

    def draws(self, n: int) -> Draws:
        """The random numbers of a step of n units."""
        return {}

    def sweep(
        self, couplings: Couplings, bias: Float[Array, " n"], s: Float[Array, " n"], answer: Answer, drawn: dict[str, Array]
    ) -> Float[Array, " n"]:
        """The state after every unit was asked once."""
        raise NotImplementedError


class Synchronous(Updates):
    """All units at once."""

    def sweep(self, couplings, bias, s, answer, drawn):
        """Every unit hears the old state."""
        return answer(s, couplings.fields(s) + bias, drawn.get("thermal"))


class Asynchronous(Updates):
    """One unit after the other, each once a step (n updates).

    Arguments:
        random: in an order that is drawn anew for every step; False: from the first to the last.
    """

    random: bool = eqx.field(static=True, default=True)

    @property
    def block(self) -> int:
        """Units asked at once."""
        return 1

    @property
    def periodic(self) -> bool:
        """In a fixed order a state that comes back will again."""
        return not self.random

    def draws(self, n):
        """What the order is sorted by."""
        return {"order": Draw("order", "uniform", (n,))} if self.random else {}

    def sweep(self, couplings, bias, s, answer, drawn):
        """Every block hears what those before it have become."""
        n, size = s.shape[0], min(self.block, s.shape[0])
        order = _order(drawn["order"]) if self.random else jnp.arange(n)
        # A last block that is not full asks unit n - 1 some more, and drops the answer.
        index = jnp.concatenate([order.astype(jnp.int32), jnp.full((-n % size,), n, jnp.int32)]).reshape(-1, size)
        unit = jnp.minimum(index, n - 1)
        rows = couplings.rows(unit)
        uniform = drawn["thermal"][unit] if "thermal" in drawn else None

        def ask(kept, block):
            rows, own, bias, uniform, there = block
            new = jnp.where(there, answer(own, couplings.field(kept, rows, own) + bias, uniform), own)
            return couplings.moved(kept, rows, new - own), new

        _, new = lax.scan(ask, couplings.gather(s), (rows, s[unit], bias[unit], uniform, index < n))
        return jnp.zeros_like(s).at[index.reshape(-1)].set(new.reshape(-1), mode="drop")


class Blocks(Asynchronous):
    """Blocks of units, one block after the other, the units of a block at once.

    Arguments:
        size: units of a block, >= 1, static; 1 is `Asynchronous`, n is `Synchronous`. The last block may be smaller.
        random: which units make a block is drawn anew for every step; False: neighbours, from the first to the last.
    """

    size: int = eqx.field(static=True, default=2)

    def __check_init__(self):
        check_count("Blocks", "size", self.size, "a block has a whole number of units, at least 1")

    @property
    def block(self) -> int:
        """Units asked at once."""
        return int(self.size)


def _order(uniform: Float[Array, " n"]) -> Int[Array, " n"]:
    """The places of the numbers in their order.

    Numbers and places in one word, where that leaves 20 bits for the numbers: XLA's CPU compiler sorts it in a fifth of the time of
    `argsort`. Numbers that are equal in those bits stand in the order of their places.
    """
    n = uniform.shape[0]
    bits = (n - 1).bit_length()
    if bits > 12:
        return jnp.argsort(uniform)
    word = (uniform * 2.0**24).astype(jnp.uint32) >> max(0, bits - 8)
    return (lax.sort((word << bits) | lax.iota(jnp.uint32, n)) & np.uint32((1 << bits) - 1)).astype(jnp.int32)


def _soft(h: Array, gain: Any, low: float) -> Array:
    half = 0.5 * (1.0 - low)
    return 0.5 * (1.0 + low) + half * jnp.tanh(half * gain * h)


def _check_signal(owner: str, name: str, value: Any, holds: Any, mend: str) -> None:
    if isinstance(value, Signal):
        check_part(value)
    elif not callable(value):
        check_number(owner, name, value, holds, mend)
