"""How a tuning is computed, and what comes of it."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from neurojax.engine.checks import check_count, check_number, not_negative, positive
from neurojax.engine.loop import Checkpoint
from neurojax.engine.numerics import floating

if TYPE_CHECKING:
    from neurojax.tuning.horizon import Horizon

RUNNING, CONVERGED, DIVERGED, STALLED = "running", "converged", "diverged", "stalled"
STATUSES = (RUNNING, CONVERGED, DIVERGED, STALLED)
LONG = 3  # times its patience that a start waits for progress where its gradient has not become small


@dataclasses.dataclass(frozen=True)
class TuneOptions:
    """How a tuning is computed.

    Arguments:
        dtype: "float32" (None) or "float64".
        mode: "forward" (one tangent per number tuned, no trajectory kept) or "reverse" (one pass for all of them, by checkpoints); None
            takes forward up to 8 numbers.
        checkpoint: how reverse mode trades time for memory, and the truncation window of the gradient.
        clip: largest norm of the gradient, in the free coordinates; a longer one is scaled down to it. None leaves it.
        patience: iterations without progress, an improvement by a share `tolerance` of the best value, after which a start may have come to
            its end; None lets it go on.
        tolerance: >= 0. A start has "converged" when throughout these iterations its gradient was at most sqrt(tolerance) times the longest
            that it has met, and all its moves together promised, to first order, at most `tolerance` of what it has gained; a start
            of which that is not true goes on for 3 times its patience, and has then "stalled".
        start_seed: of the random starts.
        fresh: seeds that the tuning has not seen, on which the best is judged at the end; 0 for none.
        every: iterations between two writes of the store.
        progress: a bar with the time left; None shows one on a terminal.
    """

    dtype: str | None = None
    mode: str | None = None
    checkpoint: Checkpoint = dataclasses.field(default_factory=Checkpoint)
    clip: float | None = None
    patience: int | None = 20
    tolerance: float = 1e-4
    start_seed: int = 0
    fresh: int = 16
    every: int = 10
    progress: bool | None = None

    def __post_init__(self):
        floating(self.dtype)
        if self.mode not in (None, "forward", "reverse"):
            raise ValueError(f"mode={self.mode!r}: choose 'forward', 'reverse', or None for automatic")
        if not isinstance(self.checkpoint, Checkpoint):
            raise TypeError(f"checkpoint={self.checkpoint!r}: give nj.Checkpoint(levels=..., window=...)")
        if self.clip is not None:
            check_number("", "clip", self.clip, positive, "the largest norm of the gradient, above 0, or None")
        if self.patience is not None:
            check_count("", "patience", self.patience, "a whole number of iterations, at least 1, or None")
        check_number("", "tolerance", self.tolerance, not_negative, "a share of the value, at least 0")
        check_count("", "start_seed", self.start_seed, "a whole number, at least 0", least=0)
        check_count("", "fresh", self.fresh, "a whole number of seeds, at least 0", least=0)
        check_count("", "every", self.every, "a whole number of iterations, at least 1")


@dataclasses.dataclass(frozen=True)
class History:
    """What each iteration found, before it moved: arrays (iterations, starts), NaN where a start had come to its end.

    value: mean of the objective over the seeds. error: its standard error (NaN for one seed, 0 without a simulation). gradient_norm: in the
    free coordinates, not clipped. promised: what the move that followed changes to first order, gradient times move. sound: seeds whose run
    did not diverge; the others do not count. parameters: values by name, (iterations, starts, ...), or None where a start has more than
    1,000 numbers.
    """

    value: np.ndarray
    error: np.ndarray
    gradient_norm: np.ndarray
    promised: np.ndarray
    sound: np.ndarray
    parameters: dict[str, np.ndarray] | None


class TuneInterrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM during a tuning: `.tuned` is what was found until then; the same call on the same store does the rest."""

    def __init__(self, tuned: Tuned, iterations: int, store: str | os.PathLike | None, signal: int):
        kept = "nothing was stored (give store=): its best is in error.tuned" if store is None else f"the same call goes on from {store}"
        super().__init__(f"stopped after {tuned.iterations} of {iterations} iterations; {kept}")
        self.tuned, self.signal = tuned, signal


@dataclasses.dataclass(frozen=True)
class Tuned:
    """What `tune` returns.

    parameters: the best values by full name. system: the model with them. value, error: of the objective there, on the seeds of the tuning.
    fresh_value, fresh_error: on seeds that it has not seen; None if there are none, or after Ctrl-C. start: which start it is.
    statuses: of each start, "converged", "stalled" (no progress, where its gradient does not say that it is at an optimum: the objective is
    rough, or the optimizer's steps are too long), "diverged" (its value or gradient was not finite; it stays where it was) or "running"
    (the iterations ran out). best, last: values by name, (starts, ...), where each start was best, and where it was last.
    best_value: (starts,). history: a `History`. iterations: made in all. mode: of the derivatives, "forward" or "reverse", or "values" if
    there are none. horizon: of the gradients, a `Horizon`, where they did not foretell what came of moves; else None.
    """

    parameters: dict[str, Any]
    system: Any
    value: float
    error: float
    fresh_value: float | None
    fresh_error: float | None
    start: int
    statuses: tuple[str, ...]
    best: dict[str, np.ndarray]
    last: dict[str, np.ndarray]
    best_value: np.ndarray
    history: History
    iterations: int
    mode: str
    horizon: Horizon | None = None

    def __repr__(self):
        shown = ", ".join(
            f"{name}={value}" if np.ndim(value) == 0 else f"{name}{np.shape(value)}" for name, value in self.parameters.items()
        )
        judged = "" if self.fresh_value is None else f", on fresh seeds {self.fresh_value:.4g} +- {self.fresh_error:.2g}"
        found = f"{self.value:.4g} +- {self.error:.2g}{judged}"
        return f"Tuned({shown}; value {found}; {self.iterations} iterations, {self.mode}, {', '.join(self.statuses)})"
