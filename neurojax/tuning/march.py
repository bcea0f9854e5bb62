"""Where a tuning stands, and how an iteration moves it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from neurojax.tuning.options import CONVERGED, DIVERGED, LONG, RUNNING, STALLED, STATUSES, History
from neurojax.tuning.problem import Row

FEWEST = 4  # moves that are needed to doubt gradients
FOUND = ("value", "error", "gradient_norm", "promised", "sound")  # of each start, by iteration


@dataclasses.dataclass
class March:
    """All starts after some iterations: where they are (starts, size), were last judged, and were best; the optimiser's memory.

    worst, steepest: the largest value and the longest gradient of each. since: iterations without progress. status: index into `STATUSES`.
    rows: the history, by name.
    """

    free: Any
    last: np.ndarray
    best: np.ndarray
    best_value: np.ndarray
    best_error: np.ndarray
    worst: np.ndarray
    steepest: np.ndarray
    since: np.ndarray
    status: np.ndarray
    memory: Any
    rows: dict[str, list[np.ndarray]] = dataclasses.field(default_factory=dict)
    iteration: int = 0

    @property
    def running(self) -> np.ndarray:
        """Which starts go on."""
        return self.status == STATUSES.index(RUNNING)

    def note(self, free: Any, memory: Any, row: Row, patience: int | None, tolerance: float) -> None:
        """Take an iteration down: its findings at the places it started from, and where it went."""
        running, here = self.running, np.asarray(self.free)
        value, slope, fine = np.asarray(row.value, float), np.asarray(row.gradient_norm, float), np.asarray(row.fine)
        counts = running & fine
        progress = counts & ~(value >= self.best_value - tolerance * np.where(np.isfinite(self.best_value), np.abs(self.best_value), 0))
        better = counts & (value < self.best_value)
        self.last = np.where(running[:, None], here, self.last)
        self.best = np.where(better[:, None], here, self.best)
        self.best_value = np.where(better, value, self.best_value)
        self.best_error = np.where(better, np.asarray(row.error, float), self.best_error)
        self.worst = np.where(counts, np.maximum(value, self.worst), self.worst)
        self.steepest = np.where(counts, np.maximum(slope, self.steepest), self.steepest)
        self.since = np.where(progress, 0, self.since + 1)
        self.status = np.where(running & ~fine, STATUSES.index(DIVERGED), self.status)
        for name in FOUND:
            self.rows.setdefault(name, []).append(np.where(running, np.asarray(getattr(row, name), float), np.nan))
        for name, values in (row.parameters or {}).items():
            self.rows.setdefault(f"parameters/{name}", []).append(np.asarray(values))
        self.free, self.memory, self.iteration = free, memory, self.iteration + 1
        if patience is not None:
            self._judge(counts, patience, tolerance)

    def _judge(self, counts: np.ndarray, patience: int, tolerance: float) -> None:
        """Which of the starts that made no progress have come to their end.

        Patience alone would take an optimiser that has run past a valley, and comes back, for one that has arrived.
        """
        slopes, promised = (np.stack(self.rows[name][-patience:]) for name in ("gradient_norm", "promised"))
        level = (slopes <= np.sqrt(tolerance) * self.steepest).all(axis=0) & (self.steepest > 0)
        gained = np.where(np.isfinite(self.best_value), self.worst - self.best_value, 0)
        spent = np.abs(promised).sum(axis=0) <= tolerance * gained
        self.status = np.where(counts & (self.since >= LONG * patience), STATUSES.index(STALLED), self.status)
        self.status = np.where(counts & (self.since >= patience) & level & spent, STATUSES.index(CONVERGED), self.status)

    def doubtful(self) -> np.ndarray:
        """Which starts' gradients do not foretell what comes of moves, as those of a chaotic run do not.

        Of the moves that promised more than a thousandth of all that the objective has gone through, half at least changed it by less than
        a tenth or by more than ten times of that, or the other way; or the gradient was not finite where the objective was.
        """
        if self.iteration == 0:
            return np.zeros(len(self.status), bool)
        value, slope, promised = (np.stack(self.rows[name]) for name in ("value", "gradient_norm", "promised"))
        lost = (np.isfinite(value) & ~np.isfinite(slope)).any(axis=0)
        change, promised = np.diff(value, axis=0), promised[:-1]
        gone = np.nanmax(value, axis=0, initial=-np.inf) - np.nanmin(value, axis=0, initial=np.inf)
        large = np.isfinite(change) & (np.abs(promised) > 1e-3 * gone)
        ratio = np.divide(change, promised, out=np.ones_like(change), where=large)
        false = (ratio < 0.1) | (ratio > 10)
        return lost | ((large.sum(axis=0) >= FEWEST) & (2 * false.sum(axis=0) >= large.sum(axis=0)))

    def history(self) -> History:
        """As arrays."""
        empty = np.zeros((0, len(self.status)))
        plain = {name: np.stack(self.rows[name]) if self.rows.get(name) else empty for name in FOUND}
        prefix = "parameters/"
        kept = {name.removeprefix(prefix): np.stack(rows) for name, rows in self.rows.items() if name.startswith(prefix)}
        return History(**plain, parameters=kept or None)
