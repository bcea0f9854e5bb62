"""The host loop between compiled blocks: pace, progress, faults, samples, stopping."""

from __future__ import annotations

import dataclasses
import signal
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neurojax.engine.loop import LOOK, NEVER, Carry, Settings, samples

TRACE_BYTES = 64 << 20  # samples kept on the device between two visits of the host, unless one look takes more


class Advance(NamedTuple):
    """The compiled block of a batch of lanes, and what the host needs to know of it."""

    call: Callable[..., tuple[Carry, dict[str, Any]]]  # (carry, phase, start, stop, room, guarded)
    settings: Settings
    bounds: dict[str, tuple[int, int]]
    sample_bytes: dict[str, int]  # of all lanes together
    lane_axes: int  # leading axes of every array that count lanes
    fetch: Callable[[Any], np.ndarray] = np.asarray  # a device array on the host
    agree: Callable[[Sequence[float]], Sequence[float]] | None = None  # largest values among the processes of one program


@dataclasses.dataclass
class Pace:
    """How many steps a block makes, learned from the last one, and the seconds that blocks have taken.

    clock: seconds from somewhere on; one that stands still while JAX compiles leaves compilation out.
    """

    length: int = LOOK
    seconds: float = 0.0
    clock: Callable[[], float] = time.perf_counter


def drive(
    advance: Advance,
    carry: Carry,
    start: int,
    phases: Sequence[int],
    *,
    seconds: float = 1.0,
    pace: Pace | None = None,
    report: Callable[[int], None] | None = None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> tuple[Carry, dict[str, Any], int]:
    """Run the phases (lengths in steps) block by block: the last carry, the traces' samples on the host, the step reached.

    A block takes about `seconds`, so that stopping and progress do not have to wait longer. A lane whose state is not finite at a look
    within it is run again from the block's beginning, with a look at every step since the last one, and frozen before the bad
    one; where an invariant is to hold, every step is looked at in the first place. Blocks end at looks, so that what is found does not
    depend on how long they are.
    """
    pace = pace or Pace()
    agree = advance.agree or (lambda values: values)
    always = advance.settings.invariant is not None
    room, longest = room_for(advance, sum(phases))
    kept: dict[str, list[Any]] = {name: [] for name in advance.settings.traces}
    step = start
    for phase, steps in enumerate(phases):
        end = step + steps
        while step < end:
            size = _to_a_look(step, min(pace.length, longest), end) - step
            began = pace.clock()
            new, traces = advance.call(carry, phase, step, step + size, room, always)
            spoiled = bool(np.any((advance.fetch(new.since) != NEVER) & (advance.fetch(carry.bad) == NEVER))) and not always
            if agree([spoiled])[0]:
                careful = advance.call(carry._replace(since=new.since), phase, step, step + size, room, True)
                new, traces = _choose((new.since != NEVER) & (carry.bad == NEVER), careful, (new, traces))
            jax.block_until_ready(new)
            took = pace.clock() - began
            pace.seconds += took
            for name, trace in advance.settings.traces.items():
                low, high = advance.bounds[name]
                count = len(samples(trace.every, max(low, step), min(high, step + size)))
                take = (slice(None),) * advance.lane_axes + (slice(0, count),)
                kept[name].append(jax.tree.map(lambda t, cut=take: advance.fetch(t)[cut], traces[name]))
            carry, step = new, step + size
            if report is not None:
                report(step - start)
            stop, slowest = agree([stop_requested(), took])
            pace.length = min(int(size * min(8.0, max(0.25, seconds / max(slowest, 1e-4)))) + 1, 2**30)
            if stop:
                return carry, _joined(advance, kept, carry, start, step), step
    return carry, _joined(advance, kept, carry, start, step), step


def _to_a_look(step: int, length: int, end: int) -> int:
    """Where a block of about `length` steps ends: at a look, or at the end of the phase."""
    return min(end, max((step + length) // LOOK, step // LOOK + 1) * LOOK)


def room_for(advance: Advance, steps: int) -> tuple[dict[str, int], int]:
    """Samples per block for each trace, and the longest block that fits them: one look at least, however large the samples of a step are.

    Shorter blocks would be looked at where others are not, and find what others do not. What does not fit so needs fewer lanes.
    """
    traces = advance.settings.traces
    if not traces:
        return {}, max(steps, 1)
    per_step = sum(advance.sample_bytes[name] / trace.every for name, trace in traces.items())
    longest = max(1, min(steps, max(LOOK, int(TRACE_BYTES / max(per_step, 1e-9)))))
    longest = 1 << (longest - 1).bit_length()  # few sizes, few compilations
    return {name: longest // trace.every + 1 for name, trace in traces.items()}, longest


def _choose(mask: Any, then: Any, otherwise: Any) -> Any:
    def one(a, b):
        return jnp.where(mask.reshape(mask.shape + (1,) * (jnp.ndim(a) - mask.ndim)), a, b)

    return jax.tree.map(one, then, otherwise)


def _joined(advance: Advance, kept: dict[str, list[Any]], carry: Carry, start: int, stop: int) -> dict[str, Any]:
    """Samples of all blocks along one axis; those from a lane's bad step on are blanked, for the frozen state was stepped on."""
    bad, joined = advance.fetch(carry.bad), {}
    for name, parts in kept.items():
        if parts:
            low, high = advance.bounds[name]
            steps = samples(advance.settings.traces[name].every, max(low, start), min(high, stop))
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


class stoppable:
    """While entered in the main thread, the first Ctrl-C or SIGTERM asks the host loop to stop at the end of its block; the second raises.

    Gives a function that says whether it was asked; `.signal` is which signal it was.
    """

    def __enter__(self) -> stoppable:
        self.signal: int | None = None
        self.previous: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self.previous[number] = signal.getsignal(number)
                signal.signal(number, self._ask)
        return self

    def __call__(self) -> bool:
        """Whether it was asked to stop."""
        return self.signal is not None

    def _ask(self, number: int, _: Any) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number

    def __exit__(self, *_):
        for number, handler in self.previous.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
