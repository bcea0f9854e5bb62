"""What every contender is asked to do, and how it is timed."""

from __future__ import annotations

import dataclasses
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

DT = 0.05
SIGMA = math.sqrt(2 * 0.1)  # D = 0.1
HALF_WIDTH = 0.5  # frequencies are uniform on [-0.5, 0.5]
STRONGEST = 4.0  # couplings of the lanes run from 0 to this
LONG = 30.0  # seconds of a first call that is its own measurement: compiling is a small part of it
BLOCK = 100  # steps of one compiled call, for contenders that need a fixed number

Run = Callable[[int], float]  # advances every lane by so many steps and returns the mean order parameter


@dataclasses.dataclass(frozen=True)
class Case:
    """Lanes of n mean-field oscillators, Euler-Maruyama, dt = 0.05, the order parameter averaged over all steps."""

    n: int
    lanes: int
    noise: bool

    @property
    def couplings(self) -> np.ndarray:
        """One coupling per lane; a single lane gets the middle one."""
        return np.linspace(0, STRONGEST, self.lanes) if self.lanes > 1 else np.array([STRONGEST / 2])

    def start(self) -> tuple[np.ndarray, np.ndarray]:
        """Natural frequencies (n,) and initial phases (lanes, n), for contenders that do not draw their own."""
        rng = np.random.default_rng(0)
        return rng.uniform(-HALF_WIDTH, HALF_WIDTH, self.n), rng.uniform(-np.pi, np.pi, (self.lanes, self.n))


def timed(run: Run, steps: int) -> tuple[float, float]:
    """Wall time and result of one call."""
    began = time.perf_counter()
    result = run(steps)
    return time.perf_counter() - began, result


def few_steps(n: int) -> int:
    """Steps to begin with where each costs n^2: a second or so."""
    return max(1, min(BLOCK, 10**8 // n**2))


def measure(run: Run, case: Case, grain: int, seconds: float, repeats: int = 2) -> dict[str, float]:
    """Oscillator-steps per second of warm calls that take about `seconds` each, and the time of the first call of all.

    Calls make a multiple of `grain` steps, the first one `grain`.
    """
    first, order = timed(run, grain)
    steps, took, fixed = grain, first, 0.0
    if first < LONG:
        fixed, order = timed(run, grain)
        steps = grain * enough(lambda factor: timed(run, grain * factor)[0], seconds, fixed)
        took, order = min(timed(run, steps) for _ in range(repeats))
    return {
        "rate": case.n * case.lanes * steps / took,
        "seconds": took,
        "steps": steps,
        "first_call": first,
        "least_call": fixed,
        "order": order,
        "peak_mb": peak_memory() / 1e6,
    }


def enough(call: Callable[[int], float], seconds: float, fixed: float) -> int:
    """Factor by which the least call, of `fixed` seconds, has to grow to take `seconds` more; 1 if it takes several times that anyway."""
    factor, took = 1, fixed
    while took < min(fixed, 2 * seconds) + seconds:
        factor = max(factor + 1, int(factor * min(8.0, max(1.5, 1.1 * (fixed + seconds) / took))))
        took = call(factor)
    return factor


def peak_memory() -> int:
    """Most bytes of memory that this process has held."""
    status = Path("/proc/self/status")
    if status.exists():
        # ru_maxrss would do, but Linux lets a child inherit it from the process that started it.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) << 10
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << (0 if sys.platform == "darwin" else 10)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
