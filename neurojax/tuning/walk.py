"""The host loop of a tuning: iterations, progress, writing, stopping."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from neurojax.engine.compile import compiled, split
from neurojax.engine.drive import stoppable
from neurojax.tuning.march import March
from neurojax.tuning.options import TuneOptions
from neurojax.tuning.problem import Given, Problem, iterate
from neurojax.tuning.store import save

LOOK = 10  # iterations between two looks at what gradients have promised and what has come of it
MANY = 1000  # numbers of a start up to which the history keeps them


def walk(
    problem: Problem,
    given: Given,
    words: np.ndarray,
    march: March,
    iterations: int,
    options: TuneOptions,
    store: str | os.PathLike | None,
    described: dict[str, Any],
    doubt: Callable[[], None],
) -> int | None:
    """Iterate until all starts have come to their end; the number of the signal if one has stopped it before.

    doubt: called once, if gradients do not foretell what comes of moves.

    A signal stops it after an iteration, and what was computed is written; the second one at once, and the last write remains.
    """
    step, (arrays, static) = compiled(iterate, ("static", "problem", "keep")), split(given)
    keep, written, doubted = march.free.shape[1] <= MANY, march.iteration, False
    bar = _bar(iterations, march.iteration) if (sys.stderr.isatty() if options.progress is None else options.progress) else None
    with stoppable() as asked:
        try:
            while march.iteration < iterations and march.running.any() and not asked():
                free, memory, row = step(
                    arrays, static, words, march.free, march.memory, march.running, np.int32(march.iteration), problem=problem, keep=keep
                )
                march.note(free, memory, row, options.patience, options.tolerance)
                if march.iteration == 1 and not np.any(np.asarray(row.gradient_norm)) and np.isfinite(np.asarray(row.value)).any():
                    _say_flat()
                if not doubted and march.iteration % LOOK == 0 and march.doubtful().any():
                    doubted = True
                    doubt()
                if store is not None and march.iteration - written >= options.every:
                    save(store, described, march)
                    written = march.iteration
                if bar:
                    bar.set_postfix(best=f"{np.min(march.best_value):.4g}", running=int(march.running.sum()), refresh=False)
                    bar.update(1)
            if not doubted and not asked() and march.doubtful().any():
                doubt()
            if store is not None and march.iteration > written:
                save(store, described, march)
        finally:
            if bar:
                bar.close()
    return asked.signal if march.iteration < iterations and march.running.any() else None


def _say_flat() -> None:
    warnings.warn(
        "tune: the gradient is exactly 0 at every start, so nothing will move: the objective is flat there, or a step has no "
        "derivative (for units that take signs give a surrogate, or use nj.Tanh)",
        stacklevel=4,
    )


def _bar(total: int, done: int) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, initial=done, unit="iteration", dynamic_ncols=True)
