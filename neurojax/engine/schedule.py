"""How long a run is, and in which phases."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neurojax.engine.checks import check_count


@dataclasses.dataclass(frozen=True)
class Phase:
    """A stretch of a run in which some parameters of the system differ.

    Arguments:
        duration: length (time units, a whole number of steps).
        change: parameters by name (as in `over`) and the values they take for this phase: `{"learning": False}`.
    """

    duration: float
    change: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Phases back to back, by name: `Schedule({"train": 1000.0, "test": Phase(500.0, {"learning": False})})`.

    A bare number is the duration of a phase that changes nothing. The state and the draws run on through the phases.
    """

    phases: Mapping[str, Phase | float]

    def __post_init__(self):
        if not self.phases:
            raise ValueError("Schedule(phases={}): give at least one phase, for example {'train': 100.0}")
        made = {name: p if isinstance(p, Phase) else Phase(p) for name, p in self.phases.items()}
        object.__setattr__(self, "phases", made)


def whole_steps(duration: float, dt: float, name: str = "duration") -> int:
    """The number of steps in a duration, which must be whole to a millionth of a step (and the rounding of the quotient)."""
    if isinstance(duration, bool) or not isinstance(duration, int | float | np.integer | np.floating):
        raise TypeError(f"{name}={duration!r}: a duration is a number of time units")
    if not math.isfinite(duration) or duration < 0:
        raise ValueError(f"{name}={duration!r}: a duration is a finite time of at least 0")
    steps = round(duration / dt)
    if abs(duration / dt - steps) > 1e-6 + 4 * np.finfo(float).eps * steps:
        low = math.floor(duration / dt) * dt
        raise ValueError(f"{name}={duration!r} is not a whole number of steps of dt={dt!r}; take {low:.10g} or {low + dt:.10g}")
    if steps >= 2**31 - 1:
        raise ValueError(f"{name}={duration!r} is {steps} steps of dt={dt!r}; a run has at most 2**31 - 2 steps, continue it with state=")
    return steps


def check_step(dt: float) -> float:
    """A valid time step as a Python float."""
    if isinstance(dt, bool) or not isinstance(dt, int | float | np.integer | np.floating):
        raise TypeError(f"dt={dt!r}: the time step is one number for the whole run")
    if not math.isfinite(dt) or dt <= 0:
        raise ValueError(f"dt={dt!r}: the time step must be positive and finite, for example 0.05")
    return float(dt)


def wakes(phases: Sequence[tuple[str, int, Mapping[str, Any]]], first: int) -> list[int]:
    """The first step of each phase that makes another system of the one before, -1 for others; `first` is that of the run."""
    at, steps, before = first, [], {}
    for _, count, change in phases:
        steps.append(at if change or before else -1)
        at, before = at + count, change
    return steps


def plan(duration: float | Schedule | None, steps: int | None, dt: float) -> list[tuple[str, int, Mapping[str, Any]]]:
    """Phases as (name, steps, change); one unnamed phase where there is no schedule."""
    if (duration is None) == (steps is None):
        raise ValueError(f"duration={duration!r}, steps={steps!r}: give one of them, the length of the run in time units or in steps")
    if steps is not None:
        check_count("", "steps", steps, "a whole number of at least 0; for a time give duration=", least=0)
        if steps >= 2**31 - 1:
            raise ValueError(f"steps={steps}: a run has at most 2**31 - 2 steps, continue it with state=")
        return [("", int(steps), {})]
    if isinstance(duration, Schedule):
        return [(name, whole_steps(p.duration, dt, f"duration of phase {name!r}"), p.change) for name, p in duration.phases.items()]  # type: ignore[union-attr]
    assert duration is not None
    return [("", whole_steps(duration, dt), {})]
