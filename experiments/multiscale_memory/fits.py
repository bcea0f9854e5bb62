"""Scaling laws: power laws in one or more variables, and polynomials, with confidence intervals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import stats

LEVEL = 0.95


class PowerLaw(NamedTuple):
    """`y = coefficient prod_j x_j^exponents_j`. intervals (d, 2), coefficient_interval (2,): at 95 %, NaN without a degree of freedom.
    r2: share of the variance of log y."""

    coefficient: float
    exponents: Float[np.ndarray, " d"]
    coefficient_interval: Float[np.ndarray, " 2"]
    intervals: Float[np.ndarray, "d 2"]
    r2: float

    def __call__(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        """y at (n, d)."""
        return self.coefficient * np.prod(np.asarray(x, float) ** self.exponents, axis=1)

    def text(self, names: list[str]) -> str:
        """In mathematics, exponents with half the width of their intervals."""
        parts = []
        for name, exponent, (low, high) in zip(names, self.exponents, self.intervals, strict=True):
            parts.append(rf"{name}^{{{exponent:.2f}" + (rf" \pm {0.5 * (high - low):.2f}" if np.isfinite(low) else "") + "}")
        if self.coefficient == 1 and np.isnan(self.coefficient_interval[0]):
            return "$" + r"\, ".join(parts) + "$"
        mantissa, mark, exponent = f"{self.coefficient:.3g}".partition("e")
        head = rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if mark else mantissa
        return "$" + r"\, ".join([head, *parts]) + "$"


def power_law(
    x: Float[np.ndarray, "n d"], y: Float[np.ndarray, " n"], error: Float[np.ndarray, " n"] | None = None, *, free: bool = True
) -> PowerLaw:
    """Least squares of log y on log x, weighted by relative errors; intervals by Student's t of the scatter about the law.

    x: (n, d) positive, every column with two values or more. free: whether a coefficient is fitted; without it is 1.
    Errors: ValueError where values are not positive, or too few.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    if x.ndim != 2 or np.any(x <= 0) or np.any(~(y > 0)):
        raise ValueError("power_law: needs positive x (n, d) and y (n,)")
    design = np.log(x) if not free else np.column_stack([np.ones(len(y)), np.log(x)])
    if len(y) < design.shape[1] or np.linalg.matrix_rank(design) < design.shape[1]:
        raise ValueError(f"power_law: {len(y)} points do not determine {design.shape[1]} numbers")
    known = error is not None and np.all(np.isfinite(error)) and np.all(np.asarray(error) > 0)
    root = y / np.asarray(error, float) if known else np.ones(len(y))
    root = root / root.mean()
    values, wide = np.log(y) * root, design * root[:, None]
    found = np.linalg.lstsq(wide, values, rcond=None)[0]
    rest = values - wide @ found
    freedom = len(y) - design.shape[1]
    inverse = np.linalg.inv(wide.T @ wide)
    spread = np.sqrt(np.diag(inverse) * (rest @ rest / freedom)) if freedom else np.full(len(found), np.nan)
    half = spread * (stats.t.ppf(0.5 + LEVEL / 2, freedom) if freedom else np.nan)
    intervals = np.column_stack([found - half, found + half])
    total = float(np.sum((np.log(y) - np.log(y).mean()) ** 2))
    r2 = 1 - float(np.sum((np.log(y) - design @ found) ** 2)) / total if total > 0 else np.nan
    if not free:
        return PowerLaw(1.0, found, np.full(2, np.nan), intervals, r2)
    return PowerLaw(float(np.exp(found[0])), found[1:], np.exp(intervals[0]), intervals[1:], r2)


class Polynomial(NamedTuple):
    """coefficients, highest power first; r2: share of the variance, criterion: Akaike's, corrected for few points."""

    coefficients: np.ndarray
    r2: float
    criterion: float


def polynomial(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], most: int = 3) -> Polynomial:
    """The polynomial of degree 1 to `most` with the least corrected criterion of Akaike: a higher degree always has the higher r2."""
    best = None
    for degree in range(1, most + 1):
        count, distinct = degree + 2, len(np.unique(x))
        if distinct <= degree or len(x) <= count + 1:
            continue
        coefficients = np.polyfit(x, y, degree)
        rest = float(np.sum((y - np.polyval(coefficients, x)) ** 2))
        criterion = len(x) * np.log(max(rest, 1e-300) / len(x)) + 2 * count + 2 * count * (count + 1) / (len(x) - count - 1)
        total = float(np.sum((y - y.mean()) ** 2))
        one = Polynomial(coefficients, 1 - rest / total if total > 0 else np.nan, criterion)
        best = one if best is None or one.criterion < best.criterion else best
    if best is None:
        raise ValueError(f"polynomial: {len(x)} points are too few")
    return best
