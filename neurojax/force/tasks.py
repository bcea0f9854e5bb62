"""Tasks with inputs: what goes into a network, and what is to come out."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from neurojax.engine.signals import Sampled


class Task(NamedTuple):
    """Inputs (channels,) and target (outputs,) of a network, signals of time."""

    inputs: Sampled
    target: Sampled


def _steps(duration: float, dt: float, **lengths: float) -> list[int]:
    for name, value in {"dt": dt, "duration": duration, **lengths}.items():
        if not value > 0:
            raise ValueError(f"{name}={value!r}: give a positive time")
        if round(value / dt) < 1:
            raise ValueError(f"{name}={value!r}: less than a step of dt={dt!r}")
    return [round(value / dt) for value in (duration, *lengths.values())]


def bit_memory(
    duration: float, dt: float, *, bits: int = 4, every: float = 500.0, length: float = 100.0, amplitude: float = 0.375, seed: int = 0
) -> Task:
    """Pulses that switch bits on or off, which the outputs remember as 1 and -1.

    Every `every` (units of time), one bit is drawn and gets a pulse of `length` on its on- or its off-channel; its output is to keep that
    until its next pulse. Each bit is off at first, and the outputs move in half of a pulse, by a straight line.

    Arguments:
        bits: outputs; there are 2 bits channels, on-channels first. amplitude: of the pulses. seed: of the order.

    Source: Sussillo and Abbott 2009, figure 7D.
    """
    if isinstance(bits, bool) or not isinstance(bits, int | np.integer) or bits < 1:
        raise ValueError(f"bits={bits!r}: a whole number of at least 1")
    steps, gap, pulse = _steps(duration, dt, every=every, length=length)
    if not pulse < gap:
        raise ValueError(f"length={length}: a pulse must be shorter than the time between pulses, {every}")
    rng = np.random.default_rng(seed)
    inputs, target = np.zeros((steps + 1, 2 * bits)), -np.ones((steps + 1, bits))
    rise = max(1, pulse // 2)
    for start in range(0, steps + 1, gap):
        bit, on = int(rng.integers(bits)), bool(rng.integers(2))
        inputs[start : start + pulse, bit + (0 if on else bits)] = amplitude
        goal = 1.0 if on else -1.0
        ramp = np.linspace(target[start, bit], goal, rise + 1)[1:]
        target[start:, bit] = np.concatenate([ramp, np.full(max(0, steps + 1 - start - rise), goal)])[: steps + 1 - start]
    return Task(Sampled(inputs, dt), Sampled(target, dt))


def selectable(
    patterns: Float[np.ndarray, "patterns samples"],
    duration: float,
    dt: float,
    *,
    every: float,
    channels: int = 100,
    start: float = 100.0,
    strength: tuple[float, float] = (2.0, 0.5),
    seed: int = 0,
) -> Task:
    """Several periodic outputs, of which a steady input chooses one.

    In turns of `every` (units of time), a pattern is drawn; its control input, uniform in [-strength[1], strength[1]] by channel, is on
    throughout, and for the first `start` its initial input, uniform in [-strength[0], strength[0]], sets the network on its way; the
    target starts over with it.

    Arguments:
        patterns: one period of each, at steps of dt. channels: of the input. seed: of inputs and order.

    Source: Sussillo and Abbott 2009, figure 7B.
    """
    patterns = np.asarray(patterns, float)
    if patterns.ndim != 2 or not patterns.size:
        raise ValueError(f"patterns have shape {patterns.shape}: give (patterns, samples of one period)")
    steps, turn, first = _steps(duration, dt, every=every, start=start)
    if not first < turn:
        raise ValueError(f"start={start}: the first input must end before the turn does, {every}")
    if channels < 1:
        raise ValueError(f"channels={channels!r}: at least 1")
    rng = np.random.default_rng(seed)
    setting, holding = (rng.uniform(-s, s, (len(patterns), channels)) for s in strength)
    inputs, target = np.zeros((steps + 1, channels)), np.zeros((steps + 1, 1))
    for begin in range(0, steps + 1, turn):
        which, end = int(rng.integers(len(patterns))), min(begin + turn, steps + 1)
        inputs[begin:end] = holding[which]
        inputs[begin : min(begin + first, end)] += setting[which]
        target[begin:end, 0] = patterns[which][np.arange(end - begin) % patterns.shape[1]]
    return Task(Sampled(inputs, dt), Sampled(target, dt))


def oscillation(
    duration: float, dt: float, *, period: float = 2000.0, pulse: float = 50.0, frequencies: tuple[float, float] = (0.001, 0.003)
) -> Task:
    """A sine that quickens and slows down again, in turns of `period`; a pulse of height 1 and length `pulse` starts each.

    In the first half of a turn `f = sin(2 pi (a + (b - a) t / half) t)`, (a, b) = `frequencies` in 1 / time; in the second, minus the
    same backwards.

    Source: DePasquale et al. 2018, the oscillation task of figure 2 and of their program (demo_oscillation.m).
    """
    steps, turn, first = _steps(duration, dt, period=period, pulse=pulse)
    if turn % 2 or not first < turn:
        raise ValueError(f"period={period}: give an even number of steps of dt={dt}, more than the pulse of {pulse} has")
    time, half = np.arange(turn // 2) * dt, turn // 2 * dt
    low, high = frequencies
    rising = np.sin(2 * np.pi * (low + (high - low) * time / half) * time)
    place = np.arange(steps + 1) % turn
    return Task(Sampled((place < first).astype(float)[:, None], dt), Sampled(np.concatenate([rising, -rising[::-1]])[place][:, None], dt))


def bit_accuracy(z: Float[Any, "samples bits"], target: Float[Any, "samples bits"]) -> float:
    """Share of samples and bits at which the output has the target's sign, where the target is within 0.01 of 1 or -1."""
    z, target = np.asarray(z, float), np.asarray(target, float)
    settled = np.abs(target) > 0.99
    return float((np.sign(z) == np.sign(target))[settled].mean())
