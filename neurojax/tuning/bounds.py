"""Where a parameter may go: maps between what an optimiser moves freely and values that make sense."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from neurojax.engine.types import Arrays

CLOSE = 1e-5  # relative; what a start in float32 may be off a constraint that is an equation


class Bound(eqx.Module):
    """A one-to-one map from free numbers to a set of values; subclass and give these methods for a set of one's own."""

    def forward(self, free: Float[Array, " size"], shape: tuple[int, ...]) -> Float[Array, "*shape"]:
        """The value of this shape that free numbers stand for; differentiable."""
        raise NotImplementedError

    def inverse(self, value: Float[Arrays, "*shape"]) -> Float[Array, " size"]:
        """The free numbers of a value within the bound."""
        raise NotImplementedError

    def size(self, shape: tuple[int, ...]) -> int:
        """How many free numbers a value of this shape has."""
        return int(np.prod(shape, dtype=np.int64))

    def wrong(self, value: np.ndarray) -> str | None:
        """What is wrong with a finite value, and the mend; None if it lies within the bound."""
        return None

    def scatter(self, generator: np.random.Generator, value: np.ndarray) -> np.ndarray:
        """A random value within the bound, to start from: about `value`, by one standard normal for each free number."""
        free = np.asarray(self.inverse(jnp.asarray(value)), float)
        moved = jnp.asarray(free + generator.standard_normal(free.shape), jnp.result_type(float))
        return np.asarray(self.forward(moved, value.shape), float)


class Free(Bound):
    """No bound, `x = u`."""

    def forward(self, free, shape):
        """`u`, in shape."""
        return free.reshape(shape)

    def inverse(self, value):
        """`x`, flat."""
        return jnp.ravel(value)


class Positive(Bound):
    """Values above `low`, `x = low + exp(u)`: equal steps of u are equal factors of x - low.

    low: a finite number, in the unit of the parameter; 0 by default.
    """

    low: float = eqx.field(static=True, default=0.0)

    def __check_init__(self):
        _check_end("Positive", "low", self.low)

    def forward(self, free, shape):
        """`low + exp(u)`."""
        return (self.low + jnp.exp(free)).reshape(shape)

    def inverse(self, value):
        """`log(x - low)`."""
        return jnp.log(jnp.ravel(value) - self.low)

    def wrong(self, value):
        """`x > low`."""
        return None if np.all(value > self.low) else f"it has {np.min(value):g}; values must be above {self.low:g}, not on it"


class Interval(Bound):
    """Values between two ends, `x = low + (high - low) / (1 + exp(-u))`.

    low, high: finite numbers, low < high, in the unit of the parameter. The ends themselves are not reached.
    """

    low: float = eqx.field(static=True)
    high: float = eqx.field(static=True)

    def __check_init__(self):
        _check_end("Interval", "low", self.low)
        _check_end("Interval", "high", self.high)
        if not self.low < self.high:
            raise ValueError(f"Interval(low={self.low!r}, high={self.high!r}): give low < high")

    def forward(self, free, shape):
        """`low + (high - low) sigmoid(u)`."""
        return (self.low + (self.high - self.low) * jax.nn.sigmoid(free)).reshape(shape)

    def inverse(self, value):
        """`log((x - low) / (high - x))`."""
        flat = jnp.ravel(value)
        return jnp.log(flat - self.low) - jnp.log(self.high - flat)

    def wrong(self, value):
        """`low < x < high`."""
        outside = ~((value > self.low) & (value < self.high))
        return (
            f"it has {value[outside][0]:g}; values must lie between {self.low:g} and {self.high:g}, not on them" if outside.any() else None
        )

    def scatter(self, generator, value):
        """Uniform in the interval."""
        return np.asarray(self.low + (self.high - self.low) * generator.uniform(0.01, 0.99, value.shape))


class Simplex(Bound):
    """A vector of positive numbers with a given sum, `x_i = total exp(u_i) / sum_j exp(u_j)`: shares of a budget, probabilities.

    total: the sum, > 0; 1 by default. What all u_i have in common does not count, and the inverse gives it as 0.
    """

    total: float = eqx.field(static=True, default=1.0)

    def __check_init__(self):
        _check_end("Simplex", "total", self.total)
        if not self.total > 0:
            raise ValueError(f"Simplex(total={self.total!r}): the sum of positive numbers is positive")

    def forward(self, free, shape):
        """`total softmax(u)`."""
        return self.total * jax.nn.softmax(free).reshape(shape)

    def inverse(self, value):
        """`log x` less its mean."""
        logs = jnp.log(jnp.ravel(value))
        return logs - jnp.mean(logs)

    def wrong(self, value):
        """One axis, `x > 0`, the sum."""
        if value.ndim != 1:
            return f"it has shape {value.shape}; a simplex holds vectors"
        if not np.all(value > 0):
            return f"it has {np.min(value):g}; all must be above 0"
        if abs(value.sum() - self.total) > CLOSE * self.total:
            return f"its sum is {value.sum():g}; multiply it by {self.total / value.sum():g} to make it {self.total:g}"
        return None


class Symmetric(Bound):
    """Symmetric matrices, `x_ij = x_ji = u_ij` for i <= j, or for i < j alone and zeros on the diagonal.

    hollow: keep the diagonal at 0, as for couplings without self-coupling.
    """

    hollow: bool = eqx.field(static=True, default=False)

    def size(self, shape):
        """n (n + 1) / 2, or n (n - 1) / 2."""
        return shape[0] * (shape[0] + (-1 if self.hollow else 1)) // 2

    def forward(self, free, shape):
        """The upper triangle, mirrored."""
        rows, columns = self._upper(shape[0])
        half = jnp.zeros(shape, free.dtype).at[rows, columns].set(free)
        return half.at[columns, rows].set(free)

    def inverse(self, value):
        """The upper triangle."""
        rows, columns = self._upper(value.shape[0])
        return jnp.asarray(value)[rows, columns]

    def _upper(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        return np.triu_indices(n, 1 if self.hollow else 0)

    def wrong(self, value):
        """Square, `x = x'`, the diagonal."""
        if value.ndim != 2 or value.shape[0] != value.shape[1]:
            return f"it has shape {value.shape}; a symmetric matrix is square"
        if np.max(np.abs(value - value.T), initial=0.0) > CLOSE * np.max(np.abs(value), initial=0.0):
            return "it is not symmetric; take (x + x.T) / 2"
        if self.hollow and np.any(np.diag(value) != 0):
            return f"its diagonal has {np.diag(value)[np.diag(value) != 0][0]:g}; set it to 0, or leave hollow out"
        return None


class SpectralRadius(Bound):
    """Square matrices whose largest |eigenvalue| is `radius`, `x = radius u / rho(u)`: the direction is free, the scale is not.

    radius: > 0. On the CPU alone: XLA has no eigenvalues of general matrices elsewhere. u is any multiple of x, and the inverse gives x.
    Where two eigenvalues that are no conjugate pair are largest together, rho has a kink, and the gradient is one of those beside it.
    """

    radius: float = eqx.field(static=True)

    def __check_init__(self):
        _check_end("SpectralRadius", "radius", self.radius)
        if not self.radius > 0:
            raise ValueError(f"SpectralRadius(radius={self.radius!r}): give a positive number")

    def forward(self, free, shape):
        """`radius u / rho(u)`."""
        matrix = free.reshape(shape)
        return self.radius * matrix / jnp.max(jnp.abs(jnp.linalg.eigvals(matrix)))

    def inverse(self, value):
        """`x`, flat."""
        return jnp.ravel(value)

    def wrong(self, value):
        """Square, and of this radius."""
        if value.ndim != 2 or value.shape[0] != value.shape[1]:
            return f"it has shape {value.shape}; a matrix with a spectral radius is square"
        rho = float(np.max(np.abs(np.linalg.eigvals(value)), initial=0.0))
        if rho <= 1e-12 * np.max(np.abs(value), initial=0.0):
            return "its spectral radius is 0, which no factor changes; take another matrix"
        if abs(rho - self.radius) > CLOSE * self.radius:
            return f"its spectral radius is {rho:g}; multiply it by {self.radius / rho:g} to make it {self.radius:g}"
        return None


def check_start(name: str, bound: Bound, value: Any) -> np.ndarray:
    """A start as float64, within its bound.

    Errors: TypeError for what is no number, ValueError for one that is not finite or out of bounds.
    """
    try:
        numbers = np.asarray(value, float)
    except (TypeError, ValueError):
        raise TypeError(f"starts: {name} = {value!r} is no number; give one, or an array of them") from None
    if not np.all(np.isfinite(numbers)):
        raise ValueError(f"starts: {name} has {numbers[~np.isfinite(numbers)].ravel()[0]}; a start is finite")
    if said := bound.wrong(numbers):
        shown = f" = {numbers.item():g}" if numbers.ndim == 0 else ""
        raise ValueError(f"starts: {name}{shown} is not within {bound!r}: {said}")
    return numbers


def _check_end(owner: str, name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{owner}({name}={value!r}): give one number")
    if not np.isfinite(value):
        raise ValueError(f"{owner}({name}={value!r}): give a finite number; for a side without an end nj.Positive or nj.Free")
