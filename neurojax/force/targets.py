"""What networks are trained to produce: signals of time, a value for each output."""

from __future__ import annotations

import wave
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from neurojax.engine.checks import check_count, check_number, positive
from neurojax.engine.signals import Sampled, Signal, Sinusoid, at

LONGEST_STEP = 0.02  # of Lorenz's time: RK4 follows the attractor, whose fastest direction falls by exp(-15 t)
SIXTEEN_SEED = 16  # of the amplitudes of `sixteen_sines`, which the paper does not give


class Periodic(Signal):
    """A signal that repeats itself every `period`, in units of time, > 0."""

    period: Any

    def check(self):
        """The period is positive."""
        check_number(type(self).__name__, "period", self.period, positive, "a period is positive, for example 600.0")


class Sines(Periodic):
    """`amplitude * sum_k weights_k sin(2 pi k t / period)`, k = 1, 2, ...

    Arguments:
        period: in units of time, > 0. weights: (harmonics,). amplitude: factor on all.
    """

    weights: Any = (1.0,)
    amplitude: Any = 1.0

    def check(self):
        """The period, and one axis of weights."""
        super().check()
        check_number("Sines", "amplitude", self.amplitude, np.isfinite, "a finite number")
        check_number("Sines", "weights", self.weights, np.isfinite, "finite numbers, one for each harmonic", shapes=None)
        if jnp.ndim(jnp.asarray(self.weights)) != 1:
            raise ValueError(f"Sines(weights={self.weights!r}): one axis of numbers, one for each harmonic, for example (1.0, 0.5)")

    def __call__(self, time: Float[ArrayLike, ""]) -> Float[Array, ""]:
        """Value at `time`."""
        weights = jnp.asarray(self.weights)
        turns = jnp.arange(1, len(weights) + 1, dtype=weights.dtype) * (time / self.period)
        return self.amplitude * jnp.sum(weights * jnp.sin(2 * np.pi * (turns - jnp.floor(turns))))


class Triangle(Periodic):
    """A triangle wave between -amplitude and amplitude that starts at 0 and rises."""

    amplitude: Any = 1.0

    def __call__(self, time: Float[ArrayLike, ""]) -> Float[Array, ""]:
        """Value at `time`."""
        turn = time / self.period + 0.25
        return self.amplitude * (1 - 4 * jnp.abs(turn - jnp.floor(turn) - 0.5))


class Square(Periodic):
    """amplitude in the first half of each period, -amplitude in the second."""

    amplitude: Any = 1.0

    def __call__(self, time: Float[ArrayLike, ""]) -> Float[Array, ""]:
        """Value at `time`."""
        turn = time / self.period
        return self.amplitude * jnp.where(turn - jnp.floor(turn) < 0.5, 1.0, -1.0)


class Together(Signal):
    """Several signals as the outputs of one network: their values, one after the other."""

    parts: tuple[Any, ...]

    def __check_init__(self):
        if not self.parts:
            raise ValueError("Together(parts=()): give at least one signal")

    def check(self):
        """Check the parts."""
        for part in self.parts:
            if isinstance(part, Signal):
                type(part).check(part)

    def __call__(self, time: Float[ArrayLike, ""]) -> Float[Array, " outputs"]:
        """Values at `time`."""
        return jnp.concatenate([jnp.atleast_1d(at(part, time)) for part in self.parts])


def four_sines(period: float = 1200.0, amplitude: float = 1.3 / 1.5) -> Sines:
    """The paper's periodic target, weights 1, 1/2, 1/6, 1/3. Source: Sussillo and Abbott 2009, figure 2D and force_external.m."""
    return Sines(period, (1.0, 1 / 2, 1 / 6, 1 / 3), amplitude)


def notebook_periodic(period: float = 600.0, amplitude: float = 3.0) -> Sines:
    """The notebook's periodic target: weights 1, 1/2, 1/3, 1/4. Its amplitude of 3 saturates the rates, and
    takes six times the notebook's 4 periods."""
    return Sines(period, (1.0, 1 / 2, 1 / 3, 1 / 4), amplitude)


def notebook_cosine(period: float = 600.0, amplitude: float = 3.0) -> Sinusoid:
    """The notebook's cosine."""
    return Sinusoid(0.0, amplitude, period, np.pi / 2)


def notebook_complicated(period: float = 600.0, amplitude: float = 1.0, seed: int = 0) -> Sines:
    """The notebook's complicated target: six sines with whole amplitudes from 1 to 4 at frequencies from 1 to 9 over the period, drawn,
    here scaled to a largest value of `amplitude`; the notebook's own reaches 10, saturates the rates, and is never learned."""
    rng = np.random.default_rng(seed)
    weights = np.bincount(rng.integers(1, 10, 6), weights=rng.integers(1, 5, 6), minlength=10)[1:]
    return Sines(period, _scaled(weights), amplitude)


def _scaled(weights: Float[np.ndarray, " harmonics"]) -> tuple[float, ...]:
    """Weights of sines whose sum is 1 at its largest."""
    turns = np.arange(4096)[:, None] / 4096 * np.arange(1, len(weights) + 1)
    return tuple((weights / np.abs(np.sin(2 * np.pi * turns) @ weights).max()).tolist())


def sixteen_sines(period: float = 1200.0, amplitude: float = 1.0) -> Sines:
    """Sixteen harmonics with weights uniform in [-1, 1], scaled to a largest value of `amplitude`; figure 2E's own are unpublished."""
    return Sines(period, _scaled(np.random.default_rng(SIXTEEN_SEED).uniform(-1, 1, 16)), amplitude)


def lorenz(duration: float, dt: float, *, scale: float = 0.1, pace: float = 0.01, start: Sequence[float] = (1.0, 1.0, 20.0)) -> Sampled:
    """The x of Lorenz's attractor (sigma 10, beta 8/3, rho 28), times `scale`; `pace` is Lorenz's time per unit of ours.

    Integrated by RK4 in steps of `dt * pace`, after a transient of 20 of Lorenz's units. Source: Sussillo and Abbott 2009, figure 2H.
    """
    for name, value in (("duration", duration), ("dt", dt), ("pace", pace)):
        check_number("lorenz", name, value, positive, "a positive number")
    step, state = dt * pace, np.asarray(start, float)
    if step > LONGEST_STEP:
        raise ValueError(f"lorenz(dt={dt!r}, pace={pace!r}): a step of {step:g} of Lorenz's time is long; give dt * pace <= {LONGEST_STEP}")

    def slope(s: np.ndarray) -> np.ndarray:
        x, y, z = s
        return np.array([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])

    skip, count = round(20 / step), round(duration / dt) + 1
    values = np.empty(count)
    for i in range(skip + count):
        if i >= skip:
            values[i - skip] = scale * state[0]
        a = slope(state)
        b = slope(state + step / 2 * a)
        c = slope(state + step / 2 * b)
        state = state + step / 6 * (a + 2 * b + 2 * c + slope(state + step * c))
    return Sampled(values, dt)


def noisy(signal: Signal, noise: float, duration: float, dt: float, *, seed: int = 0) -> Sampled:
    """A signal of one output with white noise of deviation `noise` at every step. Source: Sussillo and Abbott 2009, figure 2F."""
    import jax

    times = np.arange(round(duration / dt) + 1) * dt
    clean = np.asarray(jax.vmap(signal)(jnp.asarray(times)), float)
    return Sampled(clean + noise * np.random.default_rng(seed).standard_normal(len(times)), dt)


def recording(path: str | Path, spacing: float, *, amplitude: float | None = 1.0, turns: int = 1) -> Sampled:
    """A recorded signal from a file, joined by lines from sample to sample; columns, or channels of a sound, are outputs.

    Arguments:
        path: .npy, .csv or .txt (numbers in columns, split by commas or blanks, # comments), or .wav (PCM of 8, 16 or 32 bits).
        spacing: time from sample to sample, > 0, in the run's units. amplitude: the mean of each column is taken off, and all are scaled
            to this largest value; None leaves them as they are. turns: how often the series is played, end to end.

    Errors: FileNotFoundError; ValueError naming the file or the argument.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"recording(path={str(path)!r}): there is no such file; check the path (now in {Path.cwd()})")
    check_number("recording", "spacing", spacing, positive, "a positive time from sample to sample")
    check_count("recording", "turns", turns)
    if amplitude is not None:
        check_number("recording", "amplitude", amplitude, positive, "a positive number, or None to leave the values as they are")
    if path.suffix.lower() not in READERS:
        raise ValueError(f"recording(path={str(path)!r}): unknown suffix {path.suffix!r}; known are {' '.join(READERS)}")
    try:
        values = np.asarray(READERS[path.suffix.lower()](path))
        if values.dtype.kind not in "buif":
            raise ValueError(f"its numbers are {values.dtype}")
        values = values.astype(float)
    except Exception as error:
        raise ValueError(f"recording(path={str(path)!r}): it cannot be read as {path.suffix} ({error})") from error
    if values.ndim not in (1, 2) or len(values) < 2 or not values.size:
        raise ValueError(f"recording(path={str(path)!r}): numbers of shape {values.shape}; give (samples,) or (samples, outputs)")
    if not np.isfinite(values).all():
        raise ValueError(f"recording(path={str(path)!r}): sample {int(np.argwhere(~np.isfinite(values))[0][0])} is not finite")
    if amplitude is not None:
        values = values - values.mean(axis=0)
        largest = np.abs(values).max()
        if not largest:
            raise ValueError(f"recording(path={str(path)!r}): it is constant; nothing to scale to amplitude={amplitude!r}")
        values = values * (amplitude / largest)
    return Sampled(np.concatenate([values] * turns), spacing, "linear")


def _read_text(path: Path) -> Any:
    lines = [line.strip() for line in path.read_text().rstrip().splitlines()]
    if "" in lines:
        raise ValueError(f"line {lines.index('') + 1} is empty")
    return np.loadtxt(lines, delimiter="," if any("," in line.partition("#")[0] for line in lines) else None)


def _read_sound(path: Path) -> Any:
    with wave.open(str(path)) as sound:
        width, channels = sound.getsampwidth(), sound.getnchannels()
        if width == 3:
            raise ValueError("24 bits a sample; 8, 16 and 32 can be read")
        raw = np.frombuffer(sound.readframes(sound.getnframes()), {1: "u1", 2: "<i2", 4: "<i4"}[width])
        if raw.size != sound.getnframes() * channels:
            raise ValueError(f"it breaks off after {raw.size // channels} of {sound.getnframes()} samples")
    return raw.reshape(-1, channels)


READERS: dict[str, Callable[[Path], Any]] = {
    ".npy": lambda path: np.load(path, allow_pickle=False),
    ".csv": _read_text,
    ".txt": _read_text,
    ".wav": _read_sound,
}
