"""A classical memory in few words, as the command line knows it: what is stored, by which rule, recalled by which dynamics."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from neurojax.engine.checks import check_number, positive
from neurojax.hopfield.cues import Flips
from neurojax.hopfield.dynamics import Asynchronous, Synchronous, Thermal, Threshold, Units, Updates
from neurojax.hopfield.model import Hopfield
from neurojax.hopfield.patterns import Code, RandomPatterns, letters, whole
from neurojax.hopfield.rules import Hebb

SMALLEST = 4  # rows of patterns are padded to n / 2^4, n / 2^3, ... n, 2 n, ..., so that loads share programs

RULE, UNITS, CUE = Hebb(), Threshold(), Flips(0.1)  # by default


def memory(
    n: int | None = None,
    patterns: Any = None,
    rule: Any = RULE,
    dynamics: Any = UNITS,
    cue: Any = CUE,
    *,
    load: float | None = None,
    field: Any = None,
    threshold: Any = None,
    code: Code = "signs",
    tolerance: float = 0.0,
) -> Hopfield:
    """A `Hopfield` memory by load, rule and dynamics.

    Arguments:
        n: units; None takes those of the patterns. patterns: an array, or a recipe; None is the letters X, O and +, or random patterns
            where `n` or `load` is given. rule: makes the couplings of the patterns, or the couplings.
        dynamics: `Synchronous`, `Asynchronous` or `Blocks`, `Threshold`, `Tanh`, `Glauber` or `Metropolis`, or one of each kind in a list.
            Units that draw are asked one after the other unless said otherwise, all others at once.
        cue: how a run starts. load: P / n of random patterns, whose rows are padded with zeros to n / 16, n / 8, n / 4, ..., so that a
            sweep over loads compiles a few times.
        field, threshold, code, tolerance: as in `Hopfield`.

    Raises `ValueError` that names the argument.

    >>> import neurojax as nj
    >>> nj.hopfield.memory(200, load=0.1, rule=nj.Storkey(), dynamics=nj.Glauber(0.2)).updates
    Asynchronous(random=True)
    """
    patterns = whole(patterns)
    if load is not None:
        patterns = _loaded(n, patterns, load)
    elif patterns is None:
        patterns = letters("XO+", code) if n is None else RandomPatterns(max(1, round(0.1 * n)))
    if n is None:
        n = _units_of(patterns)
    units, updates = _dynamics(dynamics)
    return Hopfield(n, patterns, cue, rule, units, updates, field, threshold, code, tolerance)


def _loaded(n: int | None, patterns: Any, load: float) -> RandomPatterns:
    """Random patterns of a load, rows of zeros behind them."""
    if n is None:
        raise ValueError(f"memory(load={load!r}): a load of how many units? give n, for example n=500")
    if patterns is not None and not isinstance(patterns, RandomPatterns):
        raise ValueError(f"memory(load={load!r}): patterns are given, which have a load already; leave out one of them")
    check_number("memory", "load", load, positive, "patterns per unit, above 0, for example 0.1")
    stored = max(1, round(load * n))
    doubled = max(-SMALLEST, math.ceil(math.log2(stored / n)))
    padded = max(stored, math.ceil(n * 2.0**doubled))
    return dataclasses.replace(patterns or RandomPatterns(), count=padded, stored=float(stored))


def _units_of(patterns: Any) -> int:
    shape = np.shape(patterns)
    if len(shape) < 1 or hasattr(patterns, "draw"):
        raise ValueError(f"memory(n=None, patterns={patterns!r}): patterns that are drawn have no size of their own; give n, as in n=500")
    return int(shape[0] if len(shape) == 1 else np.prod(shape[1:]))


def _dynamics(given: Any) -> tuple[Units, Updates]:
    """Units and updates, of one of them or of both; a class stands for what it makes without arguments."""
    parts = [one() if isinstance(one, type) else one for one in (given if isinstance(given, Sequence) else [given])]
    units = [one for one in parts if isinstance(one, Units)]
    updates = [one for one in parts if isinstance(one, Updates)]
    if len(units) > 1 or len(updates) > 1 or len(units) + len(updates) != len(parts) or not parts:
        known = "Threshold, Tanh, Glauber or Metropolis, Synchronous, Asynchronous or Blocks, or one of each kind in a list"
        raise ValueError(f"memory(dynamics={given!r}): give {known}")
    one = units[0] if units else Threshold()
    return one, updates[0] if updates else Asynchronous() if isinstance(one, Thermal) else Synchronous()
