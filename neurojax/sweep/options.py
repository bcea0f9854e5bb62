"""How a sweep is computed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from neurojax.engine.checks import check_count, is_whole
from neurojax.engine.numerics import floating
from neurojax.engine.simulate import check_invariant
from neurojax.engine.system import View


@dataclasses.dataclass(frozen=True)
class SweepOptions:
    """How a sweep is computed.

    Arguments:
        rng: "paired" gives every grid point the same draws for a seed (differences between points are sharper, and noise is drawn
            once per seed); "independent" folds the coordinates' values into initial state and draws. What is realised (frequencies,
            graphs) belongs to the seed in both.
        dtype: "float32" (None) or "float64".
        devices: how many, which, or None for all: of this process, or of all processes that `jax.distributed` joins.
        lanes: lanes per kernel; None chooses by cache and by the compiled program's memory. Equal lanes give equal bits.
        max_memory: bytes that a device may use; None takes half of what is free.
        invariant: a function of the view, true or false, that must hold after every step of every lane; a lane that breaks it is frozen
            and marked as one that is not finite. It costs a look at every step.
        shard: (i, n) computes the i-th of n parts of a store's chunks, i from 0; n processes so fill one store together, in any order.
        retry: "diverged" computes the chunks again that hold diverged lanes.
        progress: a bar with the time left; None shows one on a terminal.
    """

    rng: str = "paired"
    dtype: str | None = None
    devices: Any = None
    lanes: int | None = None
    max_memory: int | None = None
    invariant: Callable[[View], Any] | None = None
    shard: tuple[int, int] | None = None
    retry: str | None = None
    progress: bool | None = None

    def __post_init__(self):
        if self.rng not in ("paired", "independent"):
            raise ValueError(f"rng={self.rng!r}: choose 'paired' or 'independent'")
        floating(self.dtype)
        check_invariant(self.invariant)
        if self.retry not in (None, "diverged"):
            raise ValueError(f"retry={self.retry!r}: choose 'diverged', or None")
        if self.shard is not None:
            object.__setattr__(self, "shard", _shard(self.shard))
        for name in ("lanes", "max_memory"):
            value = getattr(self, name)
            if value is None:
                continue
            check_count("", name, value, "a whole number of at least 1, or None to choose")
            object.__setattr__(self, name, int(value))


def _shard(given: Any) -> tuple[int, int]:
    try:
        number, count = given
        whole = is_whole(number) and is_whole(count)
    except (TypeError, ValueError):
        number, count, whole = 0, 0, False
    if not whole or not 0 <= number < count:
        raise ValueError(f"shard={given!r}: give (i, n), the i-th of n parts with i from 0 to n - 1, for example (0, 4)")
    return int(number), int(count)
