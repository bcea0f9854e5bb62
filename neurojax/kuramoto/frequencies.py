"""Natural frequencies: distributions as recipes, drawn by inversion so that gradients reach their parameters."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.special
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray, Real

from neurojax.engine.checks import check_count, check_number, not_negative, positive


def arrays(*values: Any) -> tuple[Any, ...]:
    """The namespace that values ask for, and the values in it.

    NumPy and float64 where all are host numbers, so that closed forms keep their digits; JAX and its default float dtype as soon as
    one is a JAX array, so that they can be traced and differentiated.
    """
    if any(isinstance(value, jax.Array) for value in values):
        return jnp, *(jnp.asarray(value, jnp.result_type(float)) for value in values)
    return np, *(np.asarray(value, np.float64) for value in values)


def require_count(owner: str, n: Any) -> None:
    """Raise `ValueError` unless `n` is a positive Python integer."""
    check_count(f"{owner}.draw", "n", n, "n, the number of oscillators, must be a positive integer")


def open_uniform(key: PRNGKeyArray, n: int) -> Float[Array, " {n}"]:
    """Uniform draws in the open interval (0, 1), symmetric about 1/2, on a grid of 2^24; the same numbers in float32 and float64."""
    words = jax.random.bits(key, (n,), jnp.uint32) >> jnp.uint32(8)
    return words.astype(jnp.result_type(float)) * 2.0**-24 + 2.0**-25


def given_values(owner: str, values: Any, n: int) -> None:
    """Raise `ValueError` unless `values` are `n` finite numbers along one axis."""
    if np.ndim(values) != 1 or np.shape(values)[0] < 1:
        raise ValueError(f"{owner}(values of shape {np.shape(values)}): values must be one axis of numbers, one for each oscillator")
    if np.shape(values)[0] != n:
        raise ValueError(f"{owner}({np.shape(values)[0]} values).draw(n={n}): give one value for each of the {n} oscillators")
    check_number(owner, "values", values, np.isfinite, "values must be finite numbers", shapes=None)


def as_vector(values: Any) -> Any:
    """A list of numbers as a float64 array; arrays as they are."""
    return values if isinstance(values, np.ndarray | jax.Array) else np.asarray(values, np.float64)


class Frequencies(eqx.Module):
    """A recipe for natural frequencies omega_i, in radians per unit of time.

    `density`, `cdf` and `quantile` compute in NumPy float64 when all numbers are host numbers, else in JAX.
    """

    @property
    def mean(self) -> Any:
        """The centre, from which theory measures frequencies."""
        raise NotImplementedError(f"{type(self).__name__} must define mean, a field or a property")

    def draw(self, key: PRNGKeyArray, n: int) -> Float[Array, " {n}"]:
        """Frequencies of `n` oscillators in the default float dtype."""
        raise NotImplementedError(f"{type(self).__name__} must define draw(self, key, n)")

    def density(self, omega: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
        """Probability density g(omega), shape of `omega`."""
        raise ValueError(f"{type(self).__name__} has no density: use Normal, Lorentzian, Uniform or Bimodal where one is needed")

    def cdf(self, omega: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
        """Probability of a frequency <= `omega`, shape of `omega`."""
        raise NotImplementedError(f"{type(self).__name__} must define cdf(self, omega)")

    def quantile(self, u: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
        """Inverse of `cdf` for 0 < u < 1, shape of `u`."""
        raise NotImplementedError(f"{type(self).__name__} must define quantile(self, u)")

    def check(self) -> None:
        """Raise `ValueError` for concrete parameters that make no sense; traced ones pass."""


class SymmetricFrequencies(Frequencies):
    """A density that is symmetric about `mean`: a subclass defines `density`, `cdf` and `deviation`.

    `placement="random"` draws each frequency independently. `placement="quantiles"` sets omega_i = F^-1((i + 1/2)/n), which ignores the
    key and removes the sample scatter; the frequencies then rise with i, so that on a graph neighbours in i are alike.
    """

    placement: str = eqx.field(static=True, default="random", kw_only=True)

    def __check_init__(self):
        if self.placement not in ("random", "quantiles"):
            raise ValueError(f"{type(self).__name__}(placement={self.placement!r}): placement must be 'random' or 'quantiles'")

    def draw(self, key: PRNGKeyArray, n: int) -> Float[Array, " {n}"]:
        """Frequencies of `n` oscillators, differentiable in the parameters: a fixed standard sample is shifted and stretched.

        Raises `ValueError` for bad parameters or n < 1.
        """
        require_count(type(self).__name__, n)
        self.check()
        u = (np.arange(n) + 0.5) / n if self.placement == "quantiles" else open_uniform(key, n)
        return jnp.asarray(self.quantile(u), jnp.result_type(float))

    def quantile(self, u: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
        """Inverse of `cdf` for 0 < u < 1, shape of `u`: mean + sign(u - 1/2) deviation(1/2 - |u - 1/2|)."""
        # The distance to the nearer end is taken before any cast to float32: the outermost quantiles keep their digits.
        side = (u if isinstance(u, jax.Array) else np.asarray(u, np.float64)) - 0.5
        tail = 0.5 - abs(side)
        deviation = self.deviation(tail)
        xp, side, deviation, mean = arrays(side, deviation, self.mean)
        return mean + xp.sign(side) * deviation

    def deviation(self, tail: Any) -> Any:
        """The x >= 0 with P(omega - mean > x) = `tail`, for 0 < tail <= 1/2."""
        raise NotImplementedError(f"{type(self).__name__} must define deviation(self, tail)")


class Normal(SymmetricFrequencies):
    """Gaussian frequencies, g(omega) = exp(-(omega - mean)^2 / (2 scale^2)) / (scale sqrt(2 pi)).

    scale: standard deviation, > 0, rad per unit of time. mean: any, the same unit.
    """

    scale: Any = 1.0
    mean: Any = 0.0

    def check(self) -> None:
        """Raise `ValueError` unless scale > 0 and mean is finite."""
        _check_scale(self, "scale", "the standard deviation")

    def density(self, omega: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
        """Probability density g(omega), shape of `omega`."""
        xp, omega, mean, scale = arrays(omega, self.mean, self.scale)
        return xp.exp(-0.5 * ((omega - mean) / scale) ** 2) / (scale * np.sqrt(2 * np.pi))

    def cdf(self, omega: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
        """Probability of a frequency <= `omega`, shape of `omega`."""
        xp, omega, mean, scale = arrays(omega, self.mean, self.scale)
        return _special(xp).ndtr((omega - mean) / scale)

    def deviation(self, tail: Any) -> Any:
        """The x >= 0 with P(omega - mean > x) = `tail`."""
        xp, tail, scale = arrays(tail, self.scale)
        return -scale * _special(xp).ndtri(tail)


class Lorentzian(SymmetricFrequencies):
    """Lorentzian (Cauchy) frequencies, g(omega) = (scale / pi) / ((omega - mean)^2 + scale^2).

    scale: half width at half maximum gamma, > 0, rad per unit of time. mean: the centre, any, the same unit.
    """

    scale: Any = 1.0
    mean: Any = 0.0

    def check(self) -> None:
        """Raise `ValueError` unless scale > 0 and mean is finite."""
        _check_scale(self, "scale", "the half width at half maximum")

    def density(self, omega: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
        """Probability density g(omega), shape of `omega`."""
        _, omega, mean, scale = arrays(omega, self.mean, self.scale)
        return (scale / np.pi) / ((omega - mean) ** 2 + scale**2)

    def cdf(self, omega: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
        """Probability of a frequency <= `omega`, shape of `omega`."""
        xp, omega, mean, scale = arrays(omega, self.mean, self.scale)
        return xp.arctan2(scale, mean - omega) / np.pi

    def deviation(self, tail: Any) -> Any:
        """The x >= 0 with P(omega - mean > x) = `tail`."""
        xp, tail, scale = arrays(tail, self.scale)
        return scale / xp.tan(np.pi * tail)


class Uniform(SymmetricFrequencies):
    """Uniform frequencies, g(omega) = 1 / (2 width) for |omega - mean| <= width.

    width: half width, > 0, rad per unit of time. mean: any, the same unit.
    """

    width: Any = 1.0
    mean: Any = 0.0

    def check(self) -> None:
        """Raise `ValueError` unless width > 0 and mean is finite."""
        _check_scale(self, "width", "the half width")

    def density(self, omega: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
        """Probability density g(omega), shape of `omega`."""
        xp, omega, mean, width = arrays(omega, self.mean, self.width)
        return xp.where(abs(omega - mean) <= width, 0.5 / width, 0.0)

    def cdf(self, omega: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
        """Probability of a frequency <= `omega`, shape of `omega`."""
        xp, omega, mean, width = arrays(omega, self.mean, self.width)
        return xp.clip(0.5 + 0.5 * (omega - mean) / width, 0.0, 1.0)

    def deviation(self, tail: Any) -> Any:
        """The x >= 0 with P(omega - mean > x) = `tail`."""
        _, tail, width = arrays(tail, self.width)
        return width * (1 - 2 * tail)


class Bimodal(SymmetricFrequencies):
    """Two equal peaks, g(omega) = [p(omega - mean - separation/2) + p(omega - mean + separation/2)] / 2.

    separation: distance 2 omega_0 of the peaks, >= 0, rad per unit of time. scale: half width (kind "lorentzian") or standard deviation
    (kind "normal") of a peak p, > 0. mean: midpoint, any. One maximum is left where omega_0 <= scale / sqrt(3) (Lorentzian peaks) or
    omega_0 <= scale (normal peaks).

    Source: Martens et al., Phys. Rev. E 79, 026204 (2009) (there Delta = scale).
    """

    separation: Any = 2.0
    scale: Any = 0.5
    mean: Any = 0.0
    kind: str = eqx.field(static=True, default="lorentzian")

    def __check_init__(self):
        if self.kind not in ("lorentzian", "normal"):
            raise ValueError(f"Bimodal(kind={self.kind!r}): kind must be 'lorentzian' or 'normal'")

    def check(self) -> None:
        """Raise `ValueError` unless separation >= 0, scale > 0 and mean is finite."""
        _check_scale(self, "scale", "the width of a peak")
        mend = "separation, the distance of the two peaks, must be >= 0"
        check_number("Bimodal", "separation", self.separation, not_negative, mend)

    def density(self, omega: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
        """Probability density g(omega), shape of `omega`."""
        left, right = self._peaks()
        return 0.5 * (left.density(omega) + right.density(omega))

    def cdf(self, omega: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
        """Probability of a frequency <= `omega`, shape of `omega`."""
        left, right = self._peaks()
        return 0.5 * (left.cdf(omega) + right.cdf(omega))

    def deviation(self, tail: Any) -> Any:
        """The x >= 0 with P(omega - mean > x) = `tail`."""
        xp, tail, scale, separation = arrays(tail, self.scale, self.separation)
        solve = _lorentzian_pair if self.kind == "lorentzian" else _normal_pair
        return solve(xp, tail, scale, 0.5 * separation)

    def _peaks(self) -> tuple[SymmetricFrequencies, SymmetricFrequencies]:
        peak = Lorentzian if self.kind == "lorentzian" else Normal
        _, scale, mean, half = arrays(self.scale, self.mean, 0.5 * self.separation)
        return peak(scale, mean - half), peak(scale, mean + half)


class Delta(Frequencies):
    """Identical oscillators, omega_i = value (any finite number, rad per unit of time)."""

    value: Any = 0.0

    @property
    def mean(self) -> Any:
        """The common frequency."""
        return self.value

    def check(self) -> None:
        """Raise `ValueError` unless value is finite."""
        check_number("Delta", "value", self.value, np.isfinite, "value, the common frequency, must be a finite number")

    def draw(self, key: PRNGKeyArray, n: int) -> Float[Array, " {n}"]:
        """The common frequency `n` times; the key is not used. Raises `ValueError` for a bad value or n < 1."""
        require_count("Delta", n)
        self.check()
        return jnp.full(n, jnp.asarray(self.value, jnp.result_type(float)))

    def cdf(self, omega: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
        """1 from `value` on, else 0; shape of `omega`."""
        xp, omega, value = arrays(omega, self.value)
        return xp.where(omega >= value, 1.0, 0.0)

    def quantile(self, u: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
        """`value` for every u, shape of `u`."""
        xp, u, value = arrays(u, self.value)
        return value + xp.zeros_like(u)


class Given(Frequencies):
    """Frequencies that are known: measured, or made elsewhere.

    values: shape (n,), rad per unit of time, finite.
    """

    values: Any = eqx.field(converter=as_vector)

    @property
    def mean(self) -> Any:
        """Mean of the values."""
        return self.values.mean()

    def check(self) -> None:
        """Raise `ValueError` unless values are one axis of finite numbers."""
        given_values("Given", self.values, np.size(self.values))

    def draw(self, key: PRNGKeyArray, n: int) -> Float[Array, " {n}"]:
        """The values; the key is not used. Raises `ValueError` unless there are `n` finite ones."""
        require_count("Given", n)
        given_values("Given", self.values, n)
        return jnp.asarray(self.values, jnp.result_type(float))

    def cdf(self, omega: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
        """Fraction of the values <= `omega`, shape of `omega`."""
        xp, points, values = arrays(omega, self.values)
        return xp.mean(values <= points[..., None], axis=-1)

    def quantile(self, u: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
        """The values in rising order, the ceil(n u)-th at u; shape of `u`."""
        xp, u, values = arrays(u, self.values)
        place = xp.clip(xp.ceil(u * values.size) - 1, 0, values.size - 1).astype(int)
        return xp.sort(values)[place]


def _check_scale(frequencies: Any, name: str, what: str) -> None:
    owner = type(frequencies).__name__
    check_number(owner, name, getattr(frequencies, name), positive, f"{name}, {what}, must be positive")
    check_number(owner, "mean", frequencies.mean, np.isfinite, "mean, the centre, must be a finite number")


def _special(xp: Any) -> Any:
    return jax.scipy.special if xp is jnp else scipy.special


def _lorentzian_pair(xp: Any, tail: Any, scale: Any, half: Any) -> Any:
    # With phi = 2 pi tail, arctan addition turns the two-peak cdf into a quadratic, x^2 sin phi - 2 x scale cos phi = (scale^2 + half^2)
    # sin phi; the two forms of its root avoid cancellation on either side of phi = pi/2.
    sine, cosine = xp.sin(2 * np.pi * tail), xp.cos(2 * np.pi * tail)
    root = xp.sqrt(scale**2 + (half * sine) ** 2)
    outer = (root + scale * xp.maximum(cosine, 0.0)) / sine
    inner = (scale**2 + half**2) * sine / (root - scale * xp.minimum(cosine, 0.0))
    return xp.where(cosine > 0, outer, inner)


def _normal_pair(xp: Any, tail: Any, scale: Any, half: Any) -> Any:
    ndtr, ndtri = _special(xp).ndtr, _special(xp).ndtri

    def beyond(x: Any) -> Any:
        return 0.5 * (ndtr((half - x) / scale) + ndtr((-half - x) / scale))

    def halve(_: Any, bracket: tuple[Any, Any]) -> tuple[Any, Any]:
        low, high = bracket
        middle = 0.5 * (low + high)
        more = beyond(middle) > tail
        return xp.where(more, middle, low), xp.where(more, high, middle)

    bracket = (xp.zeros_like(tail), half - scale * ndtri(tail))
    if xp is np:
        for step in range(64):
            bracket = halve(step, bracket)
        return bracket[0]
    x = jax.lax.stop_gradient(jax.lax.fori_loop(0, 64, halve, bracket)[0])
    # Implicit differentiation: a term of value zero whose derivative is -(d beyond / d parameter) / (d beyond / dx).
    slope = jax.lax.stop_gradient(0.5 * (Normal(scale, half).density(x) + Normal(scale, -half).density(x)))
    here = beyond(x)
    return x + (here - jax.lax.stop_gradient(here)) / jnp.maximum(slope, jnp.finfo(x.dtype).tiny)


__all__ = ["Bimodal", "Delta", "Frequencies", "Given", "Lorentzian", "Normal", "SymmetricFrequencies", "Uniform"]
