"""What came of one recall, in words and as drawings in text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Real

from neurojax.hopfield.cues import DamagedCue
from neurojax.hopfield.measures import classify, overlaps
from neurojax.hopfield.patterns import Code, as_patterns
from neurojax.hopfield.recall import CYCLE, FIXED, RecallState

CLOSE = 0.95  # overlap from which on a state is told as the pattern
SHOWN = 8  # patterns drawn side by side
WIDEST = 32  # columns of a drawing in text


def report(system: Any, state: RecallState, cue: Real[np.ndarray, "*heads n"] | None = None) -> list[str]:
    """Lines on a recall: what is stored, the cue, how many steps it took, where it ended.

    Arguments:
        system: a memory as it was run, its patterns drawn (`run.system`). state: at the end (`run.final_state.state`).
        cue: the state at the start, where it is known. Of several heads the first is told.

    >>> import neurojax as nj
    >>> run = nj.simulate(nj.hopfield.memory(cue=nj.Flips(0.2)), steps=20, dt=1.0, seed=1)
    >>> report(run.system, run.final_state.state)[-1]
    'recovered: pattern 0, overlap 1'
    """
    stored, code, s = _stored(system), code_of(system), head(state.s)
    which = int(system.cue.which) if isinstance(system.cue, DamagedCue) else None
    lines = [f"stored: {len(stored)} patterns of {system.n} units, load {len(stored) / system.n:.3g}"]
    if cue is not None:
        before = np.asarray(overlaps(head(cue), stored, code))
        best = int(np.argmax(before))
        nearer = f"pattern {best} is {'nearest' if which is None else 'nearer'}, {before[best]:.3g}"
        meant = "" if which is None else f"overlap {before[which]:.3g} with pattern {which}"
        lines.append("cue: " + (nearer if which is None else meant if best == which else f"{meant}; {nearer}"))
    ends = {FIXED: "to a fixed point", CYCLE: "into a cycle of two states"}
    lines.append(f"steps: {int(state.steps)} {ends.get(int(state.outcome), 'that changed something, and not at rest')}")
    m = np.asarray(overlaps(s, stored, code))
    nearest = int(np.argmax(np.abs(m)))
    end = classify(state._replace(s=s), stored, least=CLOSE, code=code)
    if end.kind in ("pattern", "negative"):
        row = end.which[0]
        if end.kind == "negative":
            return [*lines, f"not recovered: the negative of pattern {row}, overlap {m[row]:.4g}"]
        if which not in (None, row):
            return [*lines, f"not recovered: pattern {row} instead, overlap {m[row]:.4g}"]
        return [*lines, f"recovered: pattern {row}, overlap {m[row]:.4g}"]
    if end.kind == "mixture":
        parts = ", ".join(f"{'-' if sign < 0 else ''}{row}" for row, sign in zip(end.which, end.signs, strict=True))
        return [*lines, f"not recovered: a mixture of the patterns {parts}"]
    kind = {"spurious": "a state that was not stored", "cycle": "a cycle", "moving": "no rest"}[end.kind]
    return [*lines, f"not recovered: {kind}; nearest is pattern {nearest}, overlap {m[nearest]:.4g}"]


def drawing(system: Any, states: Sequence[Real[np.ndarray, " n"]], titles: Sequence[str], shape: tuple[int, int] | None = None) -> str:
    """Patterns and states side by side as text, `#` for the upper state, `+` for what lies between; "" where they have no shape.

    shape: rows and columns; None takes that of the patterns given as (P, rows, columns), or a square.
    """
    shape = shape or shape_of(system)
    if shape is None or shape[1] > WIDEST:
        return ""
    low = 0.0 if code_of(system) == "bits" else -1.0
    width = max(shape[1], *map(len, titles))
    blocks = []
    for title, s in zip(titles, states, strict=True):
        marks = np.full(shape, "+")
        values = np.asarray(s, float).reshape(shape)
        # Graded units within a tenth of a state are there.
        marks[values > 1 - 0.05 * (1 - low)], marks[values < low + 0.05 * (1 - low)] = "#", "."
        blocks.append([title, *("".join(row) for row in marks)])
    return "\n".join("   ".join(line.ljust(width) for line in lines).rstrip() for lines in zip(*blocks, strict=True))


def shape_of(system: Any) -> tuple[int, int] | None:
    """Rows and columns of the patterns: as given, or of a square; None where n is none."""
    given = np.shape(system.patterns) if not hasattr(system.patterns, "draw") else ()
    if len(given) == 3:
        return given[1], given[2]
    side = math.isqrt(system.n)
    return (side, side) if side * side == system.n else None


def head(s: Any) -> np.ndarray:
    """The state of the first head."""
    return np.asarray(s).reshape(-1, np.shape(s)[-1])[0]


def code_of(system: Any) -> Code:
    """The code of the states; a memory of real patterns counts as one of signs."""
    return getattr(system, "code", "signs")


def _stored(system: Any) -> np.ndarray:
    known = np.asarray(as_patterns(np.asarray(system.patterns, float), code="real"))
    return known[np.any(known != 0, axis=1)]


__all__ = ["drawing", "report", "shape_of"]
