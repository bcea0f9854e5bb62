"""The host loop between compiled blocks: pace, progress, faults, samples, stopping."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neurojax.engine.loop import NEVER, Carry, samples
from neurojax.engine.record import Trace

FIRST_BLOCK = 32  # steps: short enough to learn the pace from
TRACE_BYTES = 64 << 20  # samples kept on the device between two visits of the host


class Advance(NamedTuple):
    """The compiled block of a batch of lanes, and what the host needs to know of it."""

    call: Callable[..., tuple[Carry, dict[str, Any], Any]]  # (carry, phase, start, stop, room, guarded)
    traces: dict[str, Trace]
    bounds: dict[str, tuple[int, int]]
    sample_bytes: dict[str, int]  # of all lanes together
    lane_axes: int  # leading axes of every array that count lanes


def drive(
    advance: Advance,
    carry: Carry,
    start: int,
    phases: Sequence[int],
    *,
    seconds: float = 1.0,
    report: Callable[[int], None] | None = None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> tuple[Carry, dict[str, Any], int]:
    """Run the phases (lengths in steps) block by block: the last carry, the traces' samples on the host, the step reached.

    A block takes about `seconds`, so that stopping and progress do not have to wait longer. A lane that comes out of a block
    with a non-finite state is run again from the block's beginning with a look at every step, and frozen before the bad one.
    """
    room, longest = room_for(advance, sum(phases))
    kept: dict[str, list[Any]] = {name: [] for name in advance.traces}
    step, length = start, FIRST_BLOCK
    for phase, steps in enumerate(phases):
        end = step + steps
        while step < end:
            size = min(length, longest, end - step)
            began = time.perf_counter()
            new, traces, sound = advance.call(carry, phase, step, step + size, room, False)
            fresh = ~np.asarray(sound) & (np.asarray(carry.bad) == NEVER)
            if fresh.any():
                careful, slow_traces, _ = advance.call(carry, phase, step, step + size, room, True)
                new, traces = _choose(fresh, (careful, slow_traces), (new, traces))
            for name, trace in advance.traces.items():
                low, high = advance.bounds[name]
                count = len(samples(trace.every, max(low, step), min(high, step + size)))
                take = (slice(None),) * advance.lane_axes + (slice(0, count),)
                kept[name].append(jax.tree.map(lambda t, cut=take: np.asarray(t)[cut], traces[name]))
            carry, step = new, step + size
            if report is not None:
                report(step - start)
            if stop_requested():
                return carry, _joined(advance, kept, carry, start, step), step
            took = time.perf_counter() - began
            length = min(int(size * min(8.0, max(0.25, seconds / max(took, 1e-4)))) + 1, 2**30)
    return carry, _joined(advance, kept, carry, start, step), step


def room_for(advance: Advance, steps: int) -> tuple[dict[str, int], int]:
    """Samples per block for each trace, and the longest block that fits them."""
    if not advance.traces:
        return {}, max(steps, 1)
    per_step = sum(advance.sample_bytes[name] / trace.every for name, trace in advance.traces.items())
    longest = max(1, min(steps, int(TRACE_BYTES / max(per_step, 1e-9))))
    longest = 1 << (longest - 1).bit_length()  # few sizes, few compilations
    return {name: longest // trace.every + 1 for name, trace in advance.traces.items()}, longest


def _choose(mask: np.ndarray, then: Any, otherwise: Any) -> Any:
    def one(a, b):
        return jnp.where(mask.reshape(mask.shape + (1,) * (jnp.ndim(a) - mask.ndim)), a, b)

    return jax.tree.map(one, then, otherwise)


def _joined(advance: Advance, kept: dict[str, list[Any]], carry: Carry, start: int, stop: int) -> dict[str, Any]:
    """Samples of all blocks along one axis; those from a lane's bad step on are blanked, for the frozen state was stepped on."""
    bad, joined = np.asarray(carry.bad), {}
    for name, parts in kept.items():
        if parts:
            low, high = advance.bounds[name]
            steps = samples(advance.traces[name].every, max(low, start), min(high, stop))
            whole = jax.tree.map(lambda *leaves: np.concatenate(leaves, advance.lane_axes), *parts)
            joined[name] = blanked(whole, steps, bad) if np.any(bad != NEVER) else whole
    return joined


def blanked(trace: Any, steps: np.ndarray, bad: Any) -> Any:
    """A trace with NaN (0 in integers) from each lane's bad step on; lanes lead, then samples at `steps`."""
    void = (bad[..., None] != NEVER) & (steps.astype(np.int32) >= bad[..., None])

    def one(leaf):
        blank = np.nan if jnp.issubdtype(leaf.dtype, jnp.inexact) else 0
        return (np if isinstance(leaf, np.ndarray) else jnp).where(void.reshape(void.shape + (1,) * (leaf.ndim - void.ndim)), blank, leaf)

    return jax.tree.map(lambda leaf: one(leaf).astype(leaf.dtype), trace)


class ctrl_c:
    """While entered in the main thread, the first Ctrl-C asks the host loop to stop at the end of its block; the second raises."""

    def __enter__(self):
        self.asked = False
        self.previous = None
        if threading.current_thread() is threading.main_thread():
            self.previous = signal.getsignal(signal.SIGINT)
            signal.signal(signal.SIGINT, self._ask)
        return lambda: self.asked

    def _ask(self, *_):
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def __exit__(self, *_):
        if self.previous is not None:
            signal.signal(signal.SIGINT, self.previous)
