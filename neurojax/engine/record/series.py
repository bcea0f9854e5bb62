"""Records in time: traces, values at given times, autocorrelation, spectrum."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from neurojax.engine.record.base import Record, inexact


@dataclasses.dataclass(frozen=True)
class Trace(Record):
    """The measure at every `every`-th step: shape (samples, ...), at `run.times[name]`.

    The engine keeps the samples itself (a block's worth on the device, the rest on the host).
    """


@dataclasses.dataclass(frozen=True)
class At(Record):
    """The measure at given times (each at the step nearest to it): shape (len(times), ...); NaN (0 for integers) if never reached."""

    times: tuple[float, ...] = ()

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "times", tuple(float(t) for t in self.times))
        if not self.times or not np.all(np.isfinite(self.times)) or min(self.times) < 0:
            raise ValueError(f"At(times={self.times!r}): give at least one time, each finite and at least 0")

    def axis(self, dt):
        """The times, at the steps nearest to them."""
        return "time", np.round(np.asarray(self.times) / dt) * dt

    def start(self, value, dt):
        """An empty table."""

        def empty(leaf):
            blank = jnp.nan if jnp.issubdtype(leaf.dtype, jnp.inexact) else 0
            return jnp.full((len(self.times), *leaf.shape), blank, leaf.dtype)

        return jax.tree.map(empty, value)

    def update(self, carry, value, clock):
        """Fill the rows whose time it is."""
        hit = jnp.round(jnp.asarray(self.times, clock.time.dtype) / clock.dt).astype(clock.step.dtype) == clock.step

        def fill(table):
            return jax.tree.map(lambda t, v: jnp.where(hit.reshape(-1, *[1] * v.ndim), v[None], t), table, value)

        return lax.cond(jnp.any(hit), fill, lambda table: table, carry)


@dataclasses.dataclass(frozen=True)
class Autocorrelation(Record):
    """Autocorrelation of the measure at lags 0..lags-1 (in units of `every` steps), streamed: shape (lags, ...).

    C(k) = <(x_t - a_k)(x_{t-k} - b_k)> / C(0) with the means a_k, b_k over the same pairs; `normalise=False` leaves out the division.
    """

    lags: int = 100
    normalise: bool = True

    def __post_init__(self):
        super().__post_init__()
        if self.lags < 1:
            raise ValueError(f"Autocorrelation(lags={self.lags!r}): at least one lag (lag 0) is needed")

    def axis(self, dt):
        """Lags in time units."""
        return "lag", np.arange(self.lags) * self.every * dt

    def start(self, value, dt):
        """Ring of the last values about the first, sums by lag, count."""
        value = inexact(value)
        table = jax.tree.map(lambda v: jnp.zeros((self.lags, *v.shape), v.dtype), value)
        return value, (table,) * 4, jnp.asarray(0)

    def update(self, carry, value, clock):
        """Multiply the newest value with the ring."""
        first, (ring, products, heads, tails), count = carry
        value = inexact(value)
        first = jax.tree.map(lambda f, v: jnp.where(count == 0, v, f), first, value)
        value = jax.tree.map(jnp.subtract, value, first)
        known = jnp.arange(self.lags) <= count

        def one(ring, products, heads, tails, v):
            ring = jnp.roll(ring, 1, axis=0).at[0].set(v)
            seen = known.reshape(-1, *[1] * v.ndim)
            return (
                ring,
                products + jnp.where(seen, ring * v[None], 0),
                heads + jnp.where(seen, v[None], 0),
                tails + jnp.where(seen, ring, 0),
            )

        groups = jax.tree.map(one, ring, products, heads, tails, value)
        parts = jax.tree.transpose(jax.tree.structure(value), jax.tree.structure((0,) * 4), groups)
        return first, parts, count + 1

    def finish(self, carry):
        """Covariances by lag over the variance."""
        _, (_, products, heads, tails), count = carry
        pairs = count - jnp.arange(self.lags)

        def one(p, a, b):
            n = pairs.reshape(-1, *[1] * (p.ndim - 1)).astype(p.dtype)
            covariance = jnp.where(n > 0, p / n - (a / n) * (b / n), jnp.nan)
            if not self.normalise:
                return covariance
            varies = jnp.isfinite(covariance[:1]) & (covariance[:1] != 0)  # else NaN, but no derivative that is
            return jnp.where(varies, covariance / jnp.where(varies, covariance[:1], 1), jnp.nan)

        return jax.tree.map(one, products, heads, tails)


@dataclasses.dataclass(frozen=True)
class Spectrum(Record):
    """Power spectral density by Welch's method, streamed: Hann windows of `length` samples without overlap, each with its mean removed.

    One-sided density, shape (length // 2 + 1, ...), per unit of ordinary frequency (cycles per time unit); its integral is the
    variance.  Source: Welch 1967. NaN until one window is full.
    """

    length: int = 256

    def __post_init__(self):
        super().__post_init__()
        if self.length < 2:
            raise ValueError(f"Spectrum(length={self.length!r}): a window needs at least 2 samples")

    def axis(self, dt):
        """Frequencies in cycles per time unit."""
        return "frequency", np.fft.rfftfreq(self.length, dt * self.every)

    def start(self, value, dt):
        """Window being filled, power, windows done, place."""
        value = inexact(value)
        window = jax.tree.map(lambda v: jnp.zeros((self.length, *v.shape), v.dtype), value)
        power = jax.tree.map(lambda v: jnp.zeros((self.length // 2 + 1, *v.shape), v.dtype), value)
        return window, power, jnp.asarray(0), jnp.asarray(dt)

    def update(self, carry, value, clock):
        """Put the value into the window; add a full window's power."""
        window, power, count, dt = carry
        place = count % self.length
        window = jax.tree.map(lambda w, v: lax.dynamic_update_index_in_dim(w, v, place, 0), window, inexact(value))
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.length) / self.length)
        sides = np.full(self.length // 2 + 1, 2.0)
        sides[0] = 1
        if self.length % 2 == 0:
            sides[-1] = 1

        def add(power):
            def one(p, w):
                shape = (-1, *[1] * (w.ndim - 1))
                tapered = (w - w.mean(axis=0, keepdims=True)) * jnp.asarray(hann, w.dtype).reshape(shape)
                density = jnp.square(jnp.abs(jnp.fft.rfft(tapered, axis=0))) * (dt * self.every / np.sum(hann**2))
                return p + (density * jnp.asarray(sides, w.dtype).reshape(shape)).astype(p.dtype)

            return jax.tree.map(one, power, window)

        power = lax.cond(place == self.length - 1, add, lambda p: p, power)
        return window, power, count + 1, dt

    def finish(self, carry):
        """Mean over the windows."""
        _, power, count, _ = carry
        windows = count // self.length
        return jax.tree.map(lambda p: jnp.where(windows > 0, p / windows, jnp.nan), power)
