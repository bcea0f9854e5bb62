"""Tasks with inputs: what goes into a network, and what is to come out."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from neurojax.engine.checks import check_count
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
    check_count("", "bits", bits)
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


def one_shot(
    movement: Float[Any, " samples"] | Float[Any, "samples outputs"],
    duration: float,
    dt: float,
    *,
    rest: tuple[float, float] = (500.0, 1500.0),
    pulse: float = 50.0,
    amplitude: float = 1.0,
    seed: int = 0,
) -> Task:
    """A movement that is made once, when a pulse asks for it; between movements the network is to rest at a fixed point.

    The first output says which: 1 at rest, 0 in the movement, with straight lines of a pulse's length between; as it is fed back, it lends
    the network its fixed point. The others are the movement, and 0 at rest. How long the network rests is drawn anew each time, so that
    nothing but the pulse tells when to begin.

    Arguments:
        movement: its samples at steps of dt; begin and end it near 0. rest: shortest and longest (units of time).
        pulse: length, at the beginning of the movement, on the one input. amplitude: of the pulse. seed: of the times of rest.

    Source: after Sussillo and Abbott 2009, figure 2J.
    """
    movement = np.asarray(movement, float)
    movement = movement[:, None] if movement.ndim == 1 else movement
    if movement.ndim != 2 or not movement.size:
        raise ValueError(f"movement has shape {movement.shape}: give (samples,) or (samples, outputs)")
    steps, least, most, first = _steps(duration, dt, shortest_rest=rest[0], longest_rest=rest[1], pulse=pulse)
    if not least <= most:
        raise ValueError(f"rest={rest}: the shortest rest first, then the longest")
    if not 2 * first <= len(movement):
        raise ValueError(f"pulse={pulse}: the movement, of {len(movement)} steps, must be twice as long at least")
    rng = np.random.default_rng(seed)
    inputs, target = np.zeros((steps + 1, 1)), np.zeros((steps + 1, 1 + movement.shape[1]))
    target[:, 0] = 1.0
    begin = int(rng.integers(least, most + 1))
    ramp = np.concatenate([np.linspace(1, 0, first), np.zeros(len(movement) - 2 * first), np.linspace(0, 1, first)])
    while begin <= steps:
        end = min(begin + len(movement), steps + 1)
        inputs[begin : begin + first, 0] = amplitude
        target[begin:end, 0], target[begin:end, 1:] = ramp[: end - begin], movement[: end - begin]
        begin = end + int(rng.integers(least, most + 1))
    return Task(Sampled(inputs, dt), Sampled(target, dt))


def gaits(
    count: int = 2, samples: int = 1000, joints: int = 95, *, components: int = 5, harmonics: int = 4, seed: int = 0
) -> Float[np.ndarray, "count samples joints"]:
    """Cyclic movements of many joints, as motion capture has them: in each, every joint mixes the same few components, sums of
    sines whose amplitudes fall as 1 / harmonic; angles of mean 0, the largest of a movement 1.

    For `selectable`. Stands in for the recordings of figure 8, Sussillo and Abbott 2009 (95 angles of a walk and of a run).
    """
    for name, value in (("count", count), ("samples", samples), ("joints", joints), ("components", components), ("harmonics", harmonics)):
        check_count("", name, value)
    rng = np.random.default_rng(seed)
    number = np.arange(1, harmonics + 1)[:, None]
    turns = 2 * np.pi * np.arange(samples) / samples * number
    made = []
    for _ in range(count):
        phases, sizes = rng.uniform(0, 2 * np.pi, (components, harmonics, 1)), rng.normal(size=(components, harmonics, 1)) / number
        angles = (sizes * np.sin(turns + phases)).sum(axis=1).T @ rng.normal(size=(components, joints))
        made.append(angles / np.abs(angles).max())
    return np.stack(made)


def selectable(
    patterns: Float[np.ndarray, "patterns samples"] | Float[np.ndarray, "patterns samples outputs"],
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
        patterns: one period of each, at steps of dt, for one output or several. channels: of the input. seed: of inputs and order.

    Source: Sussillo and Abbott 2009, figures 7B and 8.
    """
    patterns = np.asarray(patterns, float)
    patterns = patterns[..., None] if patterns.ndim == 2 else patterns
    if patterns.ndim != 3 or not patterns.size:
        raise ValueError(f"patterns have shape {patterns.shape}: give (patterns, samples of one period), or with an axis of outputs")
    steps, turn, first = _steps(duration, dt, every=every, start=start)
    if not first < turn:
        raise ValueError(f"start={start}: the first input must end before the turn does, {every}")
    if channels < 1:
        raise ValueError(f"channels={channels!r}: at least 1")
    rng = np.random.default_rng(seed)
    setting, holding = (rng.uniform(-s, s, (len(patterns), channels)) for s in strength)
    inputs, target = np.zeros((steps + 1, channels)), np.zeros((steps + 1, patterns.shape[2]))
    for begin in range(0, steps + 1, turn):
        which, end = int(rng.integers(len(patterns))), min(begin + turn, steps + 1)
        inputs[begin:end] = holding[which]
        inputs[begin : min(begin + first, end)] += setting[which]
        target[begin:end] = patterns[which][np.arange(end - begin) % patterns.shape[1]]
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
    if z.shape != target.shape:
        raise ValueError(f"z has shape {z.shape}, target {target.shape}: give one shape, (samples, bits)")
    settled = np.abs(target) > 0.99
    return float((np.sign(z) == np.sign(target))[settled].mean())
