"""Where a tuning stands, and how an iteration moves it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from neurojax.tuning.options import CONVERGED, DIVERGED, RUNNING, STATUSES, History
from neurojax.tuning.problem import Row


@dataclasses.dataclass
class March:
    """All starts after some iterations: where they are (starts, size), were last judged, and were best; the optimiser's memory.

    since: iterations without progress. status: index into `STATUSES`. rows: the history, by name.
    """

    free: Any
    last: np.ndarray
    best: np.ndarray
    best_value: np.ndarray
    best_error: np.ndarray
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
        value, fine = np.asarray(row.value, float), np.asarray(row.fine)
        counts = running & fine
        progress = counts & ~(value >= self.best_value - tolerance * np.where(np.isfinite(self.best_value), np.abs(self.best_value), 0))
        better = counts & (value < self.best_value)
        self.last = np.where(running[:, None], here, self.last)
        self.best = np.where(better[:, None], here, self.best)
        self.best_value = np.where(better, value, self.best_value)
        self.best_error = np.where(better, np.asarray(row.error, float), self.best_error)
        self.since = np.where(progress, 0, self.since + 1)
        self.status = np.where(running & ~fine, STATUSES.index(DIVERGED), self.status)
        if patience is not None:
            self.status = np.where(counts & (self.since >= patience), STATUSES.index(CONVERGED), self.status)
        found = {"value": row.value, "error": row.error, "gradient_norm": row.gradient_norm, "sound": row.sound}
        for name, values in found.items():
            shown = np.asarray(values, float)
            self.rows.setdefault(name, []).append(np.where(running, shown, np.nan))
        for name, values in (row.parameters or {}).items():
            self.rows.setdefault(f"parameters/{name}", []).append(np.asarray(values))
        self.free, self.memory, self.iteration = free, memory, self.iteration + 1

    def history(self) -> History:
        """As arrays."""
        empty = np.zeros((0, len(self.status)))
        plain = [np.stack(self.rows[name]) if self.rows.get(name) else empty for name in ("value", "error", "gradient_norm", "sound")]
        prefix = "parameters/"
        kept = {name.removeprefix(prefix): np.stack(rows) for name, rows in self.rows.items() if name.startswith(prefix)}
        return History(*plain, parameters=kept or None)
