"""What a J that has been learned remembers: neurons alone, from noisy copies of a pattern."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from neurojax.engine.checks import check_count, check_number, not_negative, positive
from neurojax.engine.record import Last
from neurojax.engine.system import Flow
from neurojax.engine.types import Arrays
from neurojax.multiscale.measures import recalled
from neurojax.sweep import SweepOptions, sweep

if TYPE_CHECKING:
    import xarray as xr


QUALITIES = tuple(round(0.1 * number, 1) for number in range(11))


class FrozenMemory(Flow):
    """Neurons with couplings that do not change and no field, `tau ds/dt = -s + tanh(beta J s)`, from a noisy copy of a pattern.

    J is a parameter, which lanes share, and not a part of the state as in `Multiscale(tau_J=inf)`.

    Arguments:
        J: (n, n). patterns: (K, n), what may be remembered. beta: gain, >= 0. tau_s: > 0.
        which: the pattern that is cued, from 0. quality: r in [-1, 1]; a neuron starts as in the pattern with probability (1 + r) / 2, else
            at its negative, so that r is the mean overlap of a cue.
    """

    J: Any
    patterns: Any
    beta: Any = 1.0
    tau_s: Any = 10.0
    which: Any = 0.0
    quality: Any = 1.0

    @property
    def n(self) -> int:
        """Neurons."""
        return int(np.shape(self.J)[0])

    def check(self):
        """Refuse values that make no sense."""
        if np.ndim(self.patterns) != 2 or np.shape(self.J) != (np.shape(self.patterns)[1],) * 2:
            raise ValueError(
                f"FrozenMemory(J, patterns): have shapes {np.shape(self.J)} and {np.shape(self.patterns)}; give (n, n), (K, n)"
            )
        check_number("FrozenMemory", "J", self.J, np.isfinite, "finite numbers (n, n)", shapes=None)
        check_number("FrozenMemory", "patterns", self.patterns, np.isfinite, "finite numbers (K, n)", shapes=None)
        check_number("FrozenMemory", "beta", self.beta, not_negative, "a gain of at least 0")
        check_number("FrozenMemory", "tau_s", self.tau_s, positive, "a positive time")
        mend = f"the number of a pattern, 0 to {np.shape(self.patterns)[0] - 1}"
        check_number("FrozenMemory", "which", self.which, lambda x: (x >= 0) & (x < np.shape(self.patterns)[0]) & (x == np.round(x)), mend)
        check_number("FrozenMemory", "quality", self.quality, lambda x: np.abs(x) <= 1, "a mean overlap from -1 to 1")

    def init(self, key):
        """The cue (n,)."""
        target = jnp.take(jnp.asarray(self.patterns), jnp.asarray(self.which).astype(jnp.int32), axis=0)
        same = jax.random.uniform(key, (self.n,)) < 0.5 * (1 + self.quality)
        return jnp.where(same, target, -target)

    def drift(self, state, clock):
        """`(-s + tanh(beta J s)) / tau`."""
        return (jnp.tanh(self.beta * (jnp.asarray(self.J) @ state)) - state) / self.tau_s

    def linear(self, state, clock):
        """The decay, -1 / tau."""
        return -jnp.ones_like(state) / self.tau_s


def retrieval(
    J: Float[Arrays, "n n"],
    patterns: Float[Arrays, "K n"],
    qualities: Sequence[float] | Float[Arrays, " levels"] = QUALITIES,
    *,
    which: int = 0,
    copies: int = 100,
    beta: float = 1.0,
    tau_s: float = 10.0,
    duration: float = 100.0,
    dt: float = 1.0,
    options: SweepOptions | None = None,
) -> xr.DataArray:
    """Overlaps with all patterns that runs from noisy copies of one end with, (quality, copy, pattern): J's memory of it, and of others.

    Arguments:
        J: learned, or that of an event, or `theory.hebbian`. qualities: overlaps r of the copies, -1 to 1. which: the pattern that is cued.
        copies: of each quality. beta, tau_s: of the neurons. duration, dt: of the runs. options: of the sweep that this is.
    """
    levels = np.asarray(qualities, float)
    if levels.ndim != 1 or not len(levels):
        raise ValueError(f"retrieval(qualities={qualities!r}): give overlaps from -1 to 1, for example np.linspace(0, 1, 11)")
    check_count("retrieval", "copies", copies)
    check_number("retrieval", "dt", dt, positive, "a positive time step")
    check_number("retrieval", "duration", duration, not_negative, "a time of at least 0")
    memory = FrozenMemory(np.asarray(J, float), np.asarray(patterns, float), beta, tau_s, float(which))
    steps = round(duration / dt) + 1  # a record sees a step's beginning
    record = {"m": Last(recalled)}
    data = sweep(
        memory, {"quality": levels}, dt=dt, steps=steps, seeds=copies, record=record, options=options or SweepOptions(progress=False)
    )
    import xarray as xr

    values = data["m"].transpose("quality", "seed", ...).values
    return xr.DataArray(
        values,
        {"quality": levels, "copy": data["seed"].values, "pattern": np.arange(values.shape[2])},
        ("quality", "copy", "pattern"),
        "overlap",
    )


__all__ = ["FrozenMemory", "retrieval"]
