"""Refusals that the parts of the family share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jax.core import Tracer


def check_number(owner: str, name: str, value: Any, holds: Callable[[np.ndarray], Any], mend: str, *, shape: tuple[int, ...] = ()) -> None:
    """Raise unless a concrete value is a number, or an array of `shape`, finite, and `holds`; traced values pass."""
    if isinstance(value, Tracer):
        return
    try:
        numbers = np.asarray(value, float)
    except (TypeError, ValueError):
        raise TypeError(f"{owner}({name}={value!r}): {mend}") from None
    if numbers.shape != shape:
        raise ValueError(f"{owner}({name}): has shape {numbers.shape}, not {shape}; {mend}")
    if not np.all(np.isfinite(numbers) & holds(numbers)):
        raise ValueError(f"{owner}({name}={value!r}): {mend}")


def check_count(owner: str, name: str, value: Any, mend: str = "a whole number of at least 1") -> None:
    """Raise unless a value is a positive whole number."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{owner}({name}={value!r}): {mend}")
