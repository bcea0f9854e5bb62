"""The replica-symmetric equations of Hebb's memory near saturation, on which `theory` stands. Source: Amit, Gutfreund and Sompolinsky 1987.

With `u = m / T` and `v = sqrt(alpha r) / T` the local field over T is u + v z, z normal, and everything else follows:

    m = <tanh(u + v z)>,   q = <tanh^2(u + v z)>,   C = (1 - q) / T,   r = q / (1 - C)^2

    T = m / u,   alpha = v^2 T^2 (1 - C)^2 / q

so that a pair (u, v) gives (T, alpha) without iteration, near the end of the retrieval states too. On a line of constant
y = u / (v sqrt 2) alpha rises with v from 0 to its value at T = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar, root_scalar
from scipy.special import erf, erfc

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(240)
_HERMITE, _HERMITE_WEIGHTS = np.polynomial.hermite_e.hermegauss(120)
_REACH = 20.0  # tanh x is 1 to the last bit beyond
_NARROW = 1.0  # below this v the normal density is narrower than tanh, and Hermite's nodes are taken
_STEEPEST = 1e7  # v that stands for T = 0


class Averages(NamedTuple):
    """<tanh x>, <1 - tanh^2 x>, <ln 2 cosh x> for x = u + v z."""

    tanh: float
    slack: float
    logcosh: float


class Order(NamedTuple):
    """A replica-symmetric state: overlap m, Edwards-Anderson parameter q, noise r of the other patterns."""

    m: float
    q: float
    r: float


def root(function: Callable[[float], float], low: float, high: float, xtol: float = 1e-13) -> float:
    """Where a function that changes its sign between two places is 0."""
    return float(root_scalar(function, bracket=(low, high), xtol=xtol).root)


def averages(u: float, v: float) -> Averages:
    """Gaussian averages at u >= 0, v > 0, of 1e-12; the rest of a step function where the density is wide."""
    if v < _NARROW:
        x, w = u + v * _HERMITE, _HERMITE_WEIGHTS / np.sqrt(2 * np.pi)
        tanh = np.tanh(x)
        return Averages(float(w @ tanh), float(w @ (1 - tanh**2)), float(w @ (np.abs(x) + np.log1p(np.exp(-2 * np.abs(x))))))
    x, w = 0.5 * _REACH * (_NODES + 1), 0.5 * _REACH * _WEIGHTS
    near, far = (np.exp(-0.5 * ((x - sign * u) / v) ** 2) / (v * np.sqrt(2 * np.pi)) for sign in (1, -1))
    y = u / (v * np.sqrt(2))
    decay = np.exp(-2 * x)
    tanh = erf(y) - w @ (2 * decay / (1 + decay) * (near - far))
    slack = w @ (4 * decay / (1 + decay) ** 2 * (near + far))
    sharp = v * np.sqrt(2 / np.pi) * np.exp(-(y**2)) + u * erf(y)
    return Averages(float(tanh), float(slack), float(sharp + w @ (np.log1p(decay) * (near + far))))


def point(y: float, v: float) -> tuple[float, float, Order]:
    """Temperature, load and order of the retrieval state (u = y v sqrt 2, v)."""
    u = y * v * np.sqrt(2)
    tanh, slack, _ = averages(u, v)
    temperature = tanh / u
    q = 1 - slack
    rest = 1 - slack / temperature
    r = q / rest**2
    return float(temperature), float(v**2 * temperature**2 / r), Order(tanh, q, float(r))


def cold_load(y: float) -> float:
    """Load of the retrieval state y at T = 0: `erf(y) = y (sqrt(2 alpha) + 2 exp(-y^2) / sqrt(pi))`; 0 where there is none."""
    rest = erf(y) / y - 2 / np.sqrt(np.pi) * np.exp(-(y**2))
    return 0.5 * max(rest, 0.0) ** 2


@cache
def cold_summit() -> tuple[float, float]:
    """y and load where retrieval ends at T = 0."""
    found: Any = minimize_scalar(lambda y: -cold_load(y), bounds=(1.0, 2.5), method="bounded", options={"xatol": 1e-12})
    return float(found.x), cold_load(float(found.x))


def cold_root(load: float) -> float:
    """y of the retrieval state at T = 0, the larger root."""
    top, most = cold_summit()
    if load >= most:
        return np.nan
    return root(lambda y: cold_load(y) - load, top, 1 / np.sqrt(2 * load) + 1)


def warm(y: float, load: float) -> tuple[float, Order]:
    """Temperature and order of the retrieval state of ratio y at a load below `cold_load(y)`."""
    low, high = 1e-5, 2.0
    while point(y, high)[1] < load and high < _STEEPEST:
        low, high = high, 4 * high
    log_v = root(lambda x: point(y, np.exp(x))[1] - load, np.log(low), np.log(high)) if high < _STEEPEST else np.log(high)
    temperature, _, order = point(y, float(np.exp(log_v)))
    return temperature, order


@cache
def hottest(load: float) -> tuple[float, float]:
    """y and temperature where retrieval ends at a load."""
    end, start = cold_root(load), _least(load)
    found: Any = minimize_scalar(lambda y: -warm(y, load)[0], bounds=(start, end), method="bounded", options={"xatol": 1e-9})
    return float(found.x), -float(found.fun)


def _least(load: float) -> float:
    """The smaller y at which a retrieval state exists at T = 0."""
    top, _ = cold_summit()
    low = 1e-3
    return root(lambda y: cold_load(y) - load, low, top) if cold_load(low) < load else low


def retrieval(load: float, temperature: float) -> Order | None:
    """The stable retrieval state, or None where there is none."""
    end = cold_root(load)
    if np.isnan(end):
        return None
    if temperature == 0:
        return Order(float(erf(end)), 1.0, float((erf(end) / end) ** 2 / (2 * load)))
    top, most = hottest(load)
    if temperature > most:
        return None
    # Far from its end the state attracts iteration; near it, where that crawls, the line of (u, v) is well conditioned.
    m, q = 1.0, 1.0
    for _ in range(200):
        old = m, q
        r = q / (1 - (1 - q) / temperature) ** 2
        m, slack, _ = averages(m / temperature, np.sqrt(load * r) / temperature)
        q = 1 - slack
        if abs(m - old[0]) + abs(q - old[1]) < 1e-13:
            return Order(m, q, q / (1 - slack / temperature) ** 2)
    return warm(root(lambda y: warm(y, load)[0] - temperature, top, end * (1 - 1e-12)), load)[1]


def glass(load: float, temperature: float) -> Order:
    """The spin-glass state m = 0: `T = <1 - tanh^2> + sqrt(alpha q) / v`."""
    if temperature >= 1 + np.sqrt(load):
        return Order(0.0, 0.0, 0.0)

    def heat(log_v: float) -> float:
        slack = averages(0.0, float(np.exp(log_v))).slack
        return slack + np.sqrt(load * (1 - slack)) / np.exp(log_v)

    v = float(np.exp(root(lambda x: heat(x) - temperature, np.log(1e-4), np.log(_STEEPEST))))
    q = 1 - averages(0.0, v).slack
    return Order(0.0, q, (v * temperature) ** 2 / load)


def free_energy(order: Order, load: float, temperature: float) -> float:
    """Free energy per unit, `alpha/2 + m^2/2 + (alpha/2) [T ln(1 - C) - q / (1 - C) + r (1 - q) / T] - T <ln 2 cosh>`."""
    m, q, r = order
    rest = 1 - (1 - q) / temperature
    logcosh = averages(m / temperature, max(np.sqrt(load * r) / temperature, 1e-12)).logcosh
    noise = temperature * np.log(rest) - q / rest + r * (1 - q) / temperature
    return 0.5 * load + 0.5 * m**2 + 0.5 * load * noise - temperature * logcosh


def error_tail(x: Any) -> Any:
    """erfc(x) / 2, the share of a unit normal beyond x sqrt 2."""
    return 0.5 * erfc(x)
