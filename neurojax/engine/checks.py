"""Refusals of arguments that make no sense: whose they are, the name, the value, and what would be right."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from jax.core import Tracer

COUNT = "a whole number of at least 1"


def positive(x: np.ndarray) -> Any:
    """x > 0."""
    return x > 0


def not_negative(x: np.ndarray) -> Any:
    """x >= 0."""
    return x >= 0


def fraction(x: np.ndarray) -> Any:
    """0 <= x <= 1."""
    return (x >= 0) & (x <= 1)


def share(x: np.ndarray) -> Any:
    """0 < x <= 1."""
    return (x > 0) & (x <= 1)


def is_whole(value: Any, least: int | None = 0) -> bool:
    """Whether a value is a whole number of Python or NumPy, of at least `least`."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and (least is None or bool(value >= least))


def check_count(owner: str, name: str, value: Any, mend: str = COUNT, *, least: int = 1) -> None:
    """Raise `ValueError` unless a value is a whole number of at least `least`. owner: "" for an argument that stands alone."""
    if not is_whole(value, least):
        raise ValueError(f"{_named(owner, name, value)}: {mend}")


def check_number(
    owner: str,
    name: str,
    value: Any,
    holds: Callable[[np.ndarray], Any],
    mend: str,
    *,
    shapes: Collection[tuple[int, ...]] | None = ((),),
) -> None:
    """Raise unless a value is a number, or an array of one of the `shapes` (None: of any), finite, and `holds`; traced values pass.

    Errors: TypeError for what is no number, ValueError for the rest.
    """
    if isinstance(value, Tracer):
        return
    try:
        numbers = np.asarray("none" if value is None or isinstance(value, str) else value, float)
    except (TypeError, ValueError):
        raise TypeError(f"{_named(owner, name, value)}: {mend}") from None
    if shapes is not None and numbers.shape not in shapes:
        where, one = f"{owner}({name}):" if owner else name, "give one number: " if shapes == ((),) else ""
        raise ValueError(f"{where} has shape {numbers.shape}; {one}{mend}")
    bad = ~(np.isfinite(numbers) & holds(numbers))
    if bad.any():
        shown = numbers[bad][0].item() if numbers.ndim or isinstance(value, np.generic) else value
        raise ValueError(f"{_named(owner, name, shown)}: {mend}")


def _named(owner: str, name: str, value: Any) -> str:
    return f"{owner}({name}={value!r})" if owner else f"{name}={value!r}"
