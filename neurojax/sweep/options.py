"""How a sweep is computed."""

from __future__ import annotations

import dataclasses
from typing import Any

from neurojax.engine.numerics import floating


@dataclasses.dataclass(frozen=True)
class SweepOptions:
    """How a sweep is computed.

    Arguments:
        rng: "paired" gives every grid point the same draws for a seed (differences between points are sharper, and noise is drawn
            once per seed); "independent" folds the coordinates' values into initial state and draws. What is realised (frequencies,
            graphs) belongs to the seed in both.
        dtype: "float32" (None) or "float64".
        devices: how many, which, or None for all local ones.
        lanes: lanes per kernel; None chooses by cache and by the compiled program's memory. Equal lanes give equal bits.
        max_memory: bytes that a device may use; None takes half of what is free.
        progress: a bar with the time left; None shows one on a terminal.
    """

    rng: str = "paired"
    dtype: str | None = None
    devices: Any = None
    lanes: int | None = None
    max_memory: int | None = None
    progress: bool | None = None

    def __post_init__(self):
        if self.rng not in ("paired", "independent"):
            raise ValueError(f"rng={self.rng!r}: choose 'paired' or 'independent'")
        floating(self.dtype)
        for name in ("lanes", "max_memory"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise ValueError(f"{name}={value!r}: a whole number of at least 1, or None to choose")
