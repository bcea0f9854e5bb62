"""What a key of the configuration may be: its value, or a ValueError that names the key, the value and the mend."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from neurojax.engine.paths import nearest


def number(name: str, value: Any, least: float = -np.inf, most: float = np.inf) -> float:
    """A number, or a word for infinity, from `least` to `most`."""
    found = None
    if isinstance(value, str) and value.lower() in ("inf", "infinity"):
        found = float("inf")
    elif not isinstance(value, bool) and value is not None:
        with contextlib.suppress(TypeError, ValueError):
            found = float(value)
    if found is None:
        raise ValueError(f"{name}={value!r}: give a number")
    if not np.isnan(found) and not least <= found <= most:
        span = f"of at least {least:g}" if np.isinf(most) else f"from {least:g} to {most:g}"
        raise ValueError(f"{name}={value!r}: a number {span}")
    return found


def whole(name: str, value: Any, least: int) -> int:
    """A whole number of at least `least`."""
    found = number(name, value)
    if not np.isfinite(found) or found != np.round(found) or found < least:
        raise ValueError(f"{name}={value!r}: a whole number of at least {least}")
    return int(found)


def flag(name: str, value: Any) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{name}={value!r}: give true or false")
    return value


def word(name: str, value: Any, known: Mapping[str, Any] | tuple[str, ...]) -> str:
    """One of the words known."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name}={value!r}: {nearest(str(value), list(known))}")
    return value


def listed(value: Any) -> list[Any]:
    """A list; one thing alone as a list of it."""
    return list(value) if isinstance(value, list | tuple) else [value]


def check_flags(config: Mapping[str, Any], known: Mapping[str, Any], prefix: str = "") -> None:
    """Every key whose default is true or false is one of them. known: the configuration without overrides."""
    for key, default in known.items():
        if isinstance(default, bool):
            flag(prefix + key, config[key])
        elif isinstance(default, Mapping) and isinstance(config.get(key), Mapping):
            check_flags(config[key], default, f"{prefix}{key}.")
