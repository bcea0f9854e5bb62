"""Closed forms for attractor memories of n units and P = alpha n patterns; no simulation. NumPy float64, on the host.

Temperatures are in the units of couplings 1/n, `J_ij = (1/n) sum_mu xi_i xi_j`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float, Real
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.special import erf

from neurojax.engine.checks import check_count, fraction, is_whole, not_negative, positive
from neurojax.hopfield import replicas
from neurojax.hopfield.replicas import Order, error_tail


class Mixture(NamedTuple):
    """A symmetric mixture of patterns: its overlap with each, and its energy per unit."""

    overlap: float
    energy: float


def retrieval_state(load: float, temperature: float = 0.0) -> Order | None:
    """Overlap m, Edwards-Anderson q and noise r of the stable retrieval state for n -> infinity; None where there is none.

        m = <tanh x>, q = <tanh^2 x>, r = q / (1 - (1 - q) / T)^2,  x = (m + sqrt(alpha r) z) / T

    load: alpha >= 0. temperature: T >= 0. Replica-symmetric, unstable only below T = 0.02. Raises `ValueError` outside.

    Source: Amit, Gutfreund and Sompolinsky, Phys. Rev. Lett. 55, 1530 (1985); Ann. Phys. 173, 30 (1987).
    """
    load, temperature = _number("load", load), _number("temperature", temperature)
    if load == 0:
        m = _unloaded(temperature)
        return None if m == 0 else Order(m, m * m, m * m / (1 - (1 - m * m) / temperature) ** 2 if temperature > 0 else 1.0)
    return replicas.retrieval(load, temperature)


def overlap(load: Real[ArrayLike, "*#s"], temperature: Real[ArrayLike, "*#s"] = 0.0) -> Float[Any, "*#s"]:
    """Overlap m of the retrieval state, 0 where there is none. Broadcast. Errors and source: `retrieval_state`.

    At T = 0 the larger root of `erf(y) = y (sqrt(2 alpha) + 2 exp(-y^2) / sqrt(pi))`, m = erf(y).
    """
    return np.vectorize(lambda a, t: getattr(retrieval_state(a, t), "m", 0.0), otypes=[float])(load, temperature)[()]


def capacity(temperature: Real[ArrayLike, "*s"] = 0.0) -> Float[Any, "*s"]:
    """alpha_c(T), the load at which retrieval ends, 0.1379 at T = 0; 0 from T = 1 on. temperature: >= 0, any shape."""
    return np.vectorize(_capacity, otypes=[float])(temperature)[()]


def _capacity(temperature: float) -> float:
    temperature = _number("temperature", temperature)
    most = replicas.cold_summit()[1]
    if temperature == 0:
        return most
    if temperature >= 1:
        return 0.0
    low, high = 1e-6, most * (1 - 1e-9)
    if (coolest := replicas.hottest(low)[1]) < temperature:
        return low * ((1 - temperature) / (1 - coolest)) ** 2  # T_M = 1 - 1.95 sqrt(alpha)
    if replicas.hottest(high)[1] > temperature:
        return most
    return replicas.root(lambda load: replicas.hottest(load)[1] - temperature, low, high, xtol=1e-9)


def retrieval_temperature(load: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
    """T_M(alpha), above which there is no retrieval state: 1 at load 0, 0 from alpha_c on. load: >= 0, any shape."""

    def one(load: float) -> float:
        load = _number("load", load)
        return 1.0 if load == 0 else 0.0 if load >= replicas.cold_summit()[1] else replicas.hottest(load)[1]

    return np.vectorize(one, otypes=[float])(load)[()]


def critical_temperature(load: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
    """T_c(alpha), below which retrieval states are the global minima of the free energy; 1 at load 0, 0 where they never are.

    At T = 0 they are up to a load of 0.0519 (Amit, Gutfreund and Sompolinsky quote 0.051). The replica-symmetric line bends back: between
    there and 0.053 they are within a range of temperatures, of which this is the upper end. load: >= 0, any shape.
    """
    return np.vectorize(_critical_temperature, otypes=[float])(load)[()]


def _critical_temperature(load: float) -> float:
    load = _number("load", load)
    if load == 0:
        return 1.0
    if load >= replicas.cold_summit()[1]:
        return 0.0

    def advantage(temperature: float) -> float:
        order = replicas.retrieval(load, temperature)
        assert order is not None
        glass = replicas.free_energy(replicas.glass(load, temperature), load, temperature)
        return glass - replicas.free_energy(order, load, temperature)

    # The line bends back, so that the advantage may be lost towards low temperatures too.
    temperatures = np.linspace(5e-3, replicas.hottest(load)[1] * (1 - 1e-7), 40)
    ahead = np.flatnonzero([advantage(temperature) > 0 for temperature in temperatures])
    return replicas.root(advantage, *temperatures[ahead[-1] : ahead[-1] + 2], xtol=1e-10) if len(ahead) else 0.0


def glass_temperature(load: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
    """T_g = 1 + sqrt(alpha), below which overlaps freeze at random. load: >= 0."""
    return 1 + np.sqrt(_numbers("load", load))[()]


def first_step(overlap: Real[ArrayLike, "*#s"], load: Real[ArrayLike, "*#s"]) -> Float[Any, "*#s"]:
    """Overlap after one synchronous step at T = 0 from an overlap m0: `m1 = erf(m0 / sqrt(2 alpha))`, exact for n -> infinity.

    overlap: m0 in [-1, 1], of a cue drawn without regard to the other patterns. load: > 0. Source: Kinzel 1985.
    """
    start = _numbers("overlap", overlap, lambda x: np.abs(x) <= 1, "from -1 to 1")
    return erf(start / np.sqrt(2 * _positive("load", load)))[()]


def sequence_overlap(load: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
    """Overlap with the pattern whose turn it is in a cycle of patterns that call each other, synchronously at T = 0; 0 where it is lost.

    m = erf(y) at the larger root of `alpha = [erf(y)^2 - (4 y^2 / pi) exp(-2 y^2)] / (2 y^2)`. load: > 0. Source: Duering, Coolen and
    Sherrington, J. Phys. A 31, 8607 (1998).
    """
    top, most = _sequence_summit()

    def one(alpha: float) -> float:
        if alpha >= most:
            return 0.0
        return float(erf(replicas.root(lambda y: _sequence_load(y) - alpha, top, 1 / np.sqrt(2 * alpha) + 1)))

    return np.vectorize(one, otypes=[float])(_positive("load", load))[()]


def sequence_capacity() -> float:
    """The load up to which a cycle of patterns is recited, 0.269. Source: as `sequence_overlap`."""
    return _sequence_summit()[1]


def _sequence_load(y: float) -> float:
    return float((erf(y) ** 2 - 4 * y * y / np.pi * np.exp(-2 * y * y)) / (2 * y * y))


@cache
def _sequence_summit() -> tuple[float, float]:
    found: Any = minimize_scalar(lambda y: -_sequence_load(y), bounds=(0.3, 3.0), method="bounded", options={"xatol": 1e-12})
    return float(found.x), _sequence_load(float(found.x))


def bit_error(load: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
    """Share of the units of a stored pattern that one step changes, `erfc(1 / sqrt(2 alpha)) / 2`. load: > 0."""
    return error_tail(1 / np.sqrt(2 * _positive("load", load)))[()]


def sparse_bit_error(load: Real[ArrayLike, "*#s"], activity: Real[ArrayLike, "*#s"]) -> Float[Any, "*#s"]:
    """The same of sparse patterns in bits, with the covariance rule and a threshold of 1/2 - a: `erfc(1 / (2 sqrt(2 alpha a))) / 2`.

    load: > 0. activity: a in (0, 1). Source: Tsodyks and Feigelman 1988.
    """
    a = _numbers("activity", activity, lambda x: (x > 0) & (x < 1), "between 0 and 1")
    return error_tail(0.5 / np.sqrt(2 * _positive("load", load) * a))[()]


def sparse_capacity(activity: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
    """Leading order for a -> 0 of the capacity of the covariance rule in bits, `1 / (2 a |ln a|)`. Source: Tsodyks and Feigelman 1988."""
    a = _numbers("activity", activity, lambda x: (x > 0) & (x < 1), "between 0 and 1")
    return (0.5 / (a * np.abs(np.log(a))))[()]


def mixture_state(count: int) -> Mixture:
    """A symmetric mixture of an odd number of patterns at T = 0 and load 0: overlap `C(k-1, (k-1)/2) / 2^(k-1)`, energy `-k m^2 / 2`.

    Three mix below T = 0.46 only. Source: Amit, Gutfreund and Sompolinsky, Phys. Rev. A 32, 1007 (1985).
    """
    if not is_whole(count, 1) or count % 2 == 0:
        raise ValueError(f"mixture_state(count={count!r}): an odd number of patterns, for example 3")
    m = math.comb(count - 1, (count - 1) // 2) / 2 ** (count - 1)
    return Mixture(m, -0.5 * count * m * m)


def pattern_energy(n: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
    """Mean energy per unit of a stored random pattern, Hebb's rule without diagonal: `-(1 - 1/n) / 2` at any load. n: >= 1."""
    return (-0.5 * (1 - 1 / _numbers("n", n, lambda x: x >= 1, "at least 1")))[()]


def perfect_capacity(n: Real[ArrayLike, "*s"]) -> tuple[Float[Any, "*s"], Float[Any, "*s"]]:
    """Patterns that Hebb's rule holds without any error: between `n / (4 ln n)` (all of them) and `n / (2 ln n)` (nearly all).

    n: > 1. Source: McEliece, Posner, Rodemich and Venkatesh 1987.
    """
    units = _numbers("n", n, lambda x: x > 1, "above 1")
    return (units / (4 * np.log(units)))[()], (units / (2 * np.log(units)))[()]


def storkey_capacity(n: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
    """Patterns that Storkey's rule holds without error, `n / sqrt(2 ln n)`. n: > 1. Source: Storkey and Valabregue 1999."""
    units = _numbers("n", n, lambda x: x > 1, "above 1")
    return (units / np.sqrt(2 * np.log(units)))[()]


def pseudo_inverse_stability(load: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
    """Mean field `xi_i h_i` of a stored pattern, pseudo-inverse without diagonal: `1 - alpha`, exact at any n. load: 0 to 1."""
    return 1 - _numbers("load", load, fraction, "from 0 to 1")[()]


def gardner_capacity(margin: Real[ArrayLike, "*s"] = 0.0) -> Float[Any, "*s"]:
    """Largest load at which any couplings hold random patterns with a margin kappa: `1 / integral_(-kappa)^inf Dz (z + kappa)^2`; 2 at 0.

    margin: >= 0. Source: Gardner, J. Phys. A 21, 257 (1988).
    """

    def one(kappa: float) -> float:
        density = lambda z: np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi) * (z + kappa) ** 2  # noqa: E731
        return 1 / quad(density, -kappa, np.inf, epsabs=1e-13)[0]

    return np.vectorize(one, otypes=[float])(_numbers("margin", margin))[()]


def dense_bit_error(n: int, count: Real[ArrayLike, "*s"], degree: int) -> Float[Any, "*s"]:
    """Share of the units of a stored pattern that one step changes in a dense memory `F(x) = x^d`:

        erfc(sqrt(n^(d-1) / (2 P (2d - 3)!!))) / 2

    n: units. count: P > 0. degree: d >= 2. Source: Krotov and Hopfield 2016, equation 7.
    """
    n, degree = _dense(n, degree)
    signal = float(n) ** (degree - 1) / (2 * _positive("count", count) * _double_factorial(2 * degree - 3))
    return error_tail(np.sqrt(signal))[()]


def dense_capacity(n: int, degree: int) -> float:
    """Patterns that a dense memory `F(x) = x^d` holds without error, `n^(d-1) / (2 (2d - 3)!! ln n)`. Source: as `dense_bit_error`."""
    n, degree = _dense(n, degree)
    return float(n) ** (degree - 1) / (2 * _double_factorial(2 * degree - 3) * np.log(n))


def exponential_capacity(n: int, rate: float = 0.5 * np.log(2)) -> float:
    """Patterns exp(alpha n) of a memory `F(x) = exp(x)`, for rates alpha below ln(2) / 2. Source: Demircigil et al. 2017."""
    return float(np.exp(_number("rate", rate) * float(_positive("n", n))))


def modern_bound(patterns: Float[np.ndarray, "P n"], beta: float) -> Float[np.ndarray, " P"]:
    """How far one step of softmax retrieval moves each stored pattern at most: `2 (P - 1) exp(-beta D_mu) R`.

    D_mu = min over nu of `x^mu . (x^mu - x^nu)` is how far the pattern is from the others, R the largest length. patterns: P >= 2 rows.
    beta: > 0. Infinite where the separation is negative and large. Source: Ramsauer et al. 2021, theorem 4.
    """
    x = np.asarray(patterns, float)
    if x.ndim != 2 or len(x) < 2:
        raise ValueError(f"modern_bound(patterns): has shape {x.shape}; give two patterns at least, (P, n)")
    beta = float(_positive("beta", beta))
    gram = x @ x.T
    gap = np.diag(gram)[:, None] - gram
    np.fill_diagonal(gap, np.inf)
    with np.errstate(over="ignore"):
        return 2 * (len(x) - 1) * np.exp(-beta * gap.min(axis=1)) * np.sqrt(np.diag(gram).max())


def spectral_edges(load: Real[ArrayLike, "*s"]) -> tuple[Float[Any, "*s"], Float[Any, "*s"]]:
    """Ends of the continuous spectrum of Hebb's J without diagonal, `(1 -+ sqrt(alpha))^2 - alpha`; n - P more eigenvalues lie at -alpha.

    load: >= 0. Source: Marchenko and Pastur 1967.
    """
    alpha = _numbers("load", load)
    return ((1 - np.sqrt(alpha)) ** 2 - alpha)[()], ((1 + np.sqrt(alpha)) ** 2 - alpha)[()]


@cache
def _unloaded(temperature: float) -> float:
    """m = tanh(m / T)."""
    if temperature >= 1:
        return 0.0
    if temperature == 0:
        return 1.0
    return replicas.root(lambda m: np.tanh(m / temperature) - m, 1e-9, 1.0) if temperature < 1 - 1e-12 else 0.0


def _dense(n: Any, degree: Any) -> tuple[int, int]:
    for name, value in (("n", n), ("degree", degree)):
        check_count("", name, value, "a whole number of at least 2", least=2)
    return int(n), int(degree)


def _double_factorial(k: int) -> float:
    return float(math.prod(range(k, 0, -2)))


def _numbers(name: str, value: Any, holds: Callable[[np.ndarray], Any] = not_negative, mend: str = "at least 0") -> np.ndarray:
    numbers = np.asarray(value, np.float64)
    if not np.all(np.isfinite(numbers) & holds(numbers)):
        raise ValueError(f"{name}={value!r}: must be finite and {mend}")
    return numbers


def _positive(name: str, value: Any) -> np.ndarray:
    return _numbers(name, value, positive, "above 0")


def _number(name: str, value: Any) -> float:
    return float(_numbers(name, value))


__all__ = [
    "Mixture",
    "Order",
    "bit_error",
    "capacity",
    "critical_temperature",
    "dense_bit_error",
    "dense_capacity",
    "exponential_capacity",
    "first_step",
    "gardner_capacity",
    "glass_temperature",
    "mixture_state",
    "modern_bound",
    "overlap",
    "pattern_energy",
    "perfect_capacity",
    "pseudo_inverse_stability",
    "retrieval_state",
    "retrieval_temperature",
    "sequence_capacity",
    "sequence_overlap",
    "sparse_bit_error",
    "sparse_capacity",
    "spectral_edges",
    "storkey_capacity",
]
