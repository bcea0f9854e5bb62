"""What a memory stores: letters, text grids, images, random patterns, arrays of one's own.

Patterns are rows of a float array (P, n), in signs (-1, +1), in bits (0, 1), or real for continuous memories. A row of zeros is
no pattern: memories of several loads fit one shape.
"""

from __future__ import annotations

from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from neurojax.engine.checks import check_count, check_number
from neurojax.engine.types import Arrays
from neurojax.hopfield.glyphs import GLYPHS

Code = Literal["signs", "bits", "real"]
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LOW = {"signs": -1.0, "bits": 0.0, "real": -1.0}
PARENT = 2**31 - 1  # number of the parent of correlated patterns, beyond all others


def low_of(code: Code) -> float:
    """The lower of the two states: -1 in signs, 0 in bits; the upper one is 1. (Real patterns are damaged like signs.)"""
    if code not in LOW:
        raise ValueError(f"code={code!r}: choose 'signs' (-1, +1) or 'bits' (0, 1)")
    return LOW[code]


def letters(text: str = "XO+", code: Code = "signs") -> Float[np.ndarray, "P 25"]:
    """Letters, digits and signs on 5 x 5, one pattern for each character; lower case is upper case.

    text: characters of A to Z, 0 to 9 and `+-=/\\#?!.` and space. Raises `ValueError` for others.

    >>> letters("X")[0].reshape(5, 5)[1].tolist()
    [-1.0, 1.0, -1.0, 1.0, -1.0]
    """
    unknown = [letter for letter in text.upper() if letter not in GLYPHS]
    if unknown or not text:
        raise ValueError(f"text={text!r}: has no letter for {unknown}; known are {''.join(GLYPHS)!r}, others are drawn with from_text")
    return np.concatenate([from_text(GLYPHS[letter].replace(" ", "\n"), code=code) for letter in text.upper()])


def from_text(*grids: str, code: Code = "signs", up: str = "#", down: str = ".") -> Float[np.ndarray, "P n"]:
    """Patterns drawn as text, one string for each: rows on lines, `up` for the upper state, `down` for the lower.

    >>> from_text('''
    ... #.
    ... .#''').tolist()
    [[1.0, -1.0, -1.0, 1.0]]

    Raises `ValueError` for rows or grids of unequal sizes and for other characters.
    """
    low, made = low_of(code), []
    for grid in grids:
        rows = [line.strip() for line in grid.splitlines() if line.strip()]
        if len({len(row) for row in rows}) != 1:
            raise ValueError(f"grid {grid!r}: rows of lengths {[len(row) for row in rows]}; draw all rows equally long")
        odd = sorted(set("".join(rows)) - {up, down})
        if odd:
            raise ValueError(f"grid {grid!r}: has {odd}; use {up!r} and {down!r}, or say up= and down=")
        made.append([1.0 if mark == up else low for row in rows for mark in row])
    if len({len(one) for one in made}) != 1:
        raise ValueError(f"grids of {[len(one) for one in made]} units: give at least one, and all of one size")
    return np.asarray(made)


def from_images(
    images: ArrayLike,
    *,
    shape: tuple[int, int] | None = None,
    method: Literal["threshold", "dither"] = "threshold",
    threshold: float | None = None,
    code: Code = "signs",
) -> Float[np.ndarray, "P n"]:
    """Patterns of grey images: resized, then made of two values.

    Arguments:
        images: (rows, columns) or (P, rows, columns), any range; bright is the upper state.
        shape: rows and columns to resize to (linear, antialiased); None keeps them.
        method: "threshold" compares with a level, "dither" spreads what a unit cannot show to its neighbours (Floyd and Steinberg 1976).
        threshold: level, in the units of the image; None for the middle of each image's range.

    Raises `ValueError` for other shapes, values that are not finite, an unknown method.
    """
    low = low_of(code)
    grey = np.asarray(images, float)
    if grey.ndim not in (2, 3) or 0 in grey.shape:
        raise ValueError(f"images has shape {grey.shape}: give (rows, columns) or (P, rows, columns)")
    if not np.all(np.isfinite(grey)):
        raise ValueError("images has values that are not finite: clean them first")
    if method not in ("threshold", "dither"):
        raise ValueError(f"method={method!r}: choose 'threshold' or 'dither'")
    grey = grey.reshape(-1, *grey.shape[-2:])
    if shape is not None:
        if len(shape) != 2 or min(shape) < 1:
            raise ValueError(f"shape={shape!r}: give rows and columns, for example (16, 16)")
        grey = np.asarray(jax.image.resize(jnp.asarray(grey, jnp.float32), (len(grey), *shape), "linear"), float)
    floor, ceiling = grey.min((1, 2)), grey.max((1, 2))
    level = 0.5 * (floor + ceiling) if threshold is None else np.full(len(grey), float(threshold))
    if method == "threshold":
        up = grey > level[:, None, None]
    else:
        up = np.stack([_dithered(one, *ends) for one, ends in zip(grey, np.stack([floor, ceiling, level], axis=1), strict=True)])
    return np.where(up, 1.0, low).reshape(len(grey), -1)


def _dithered(grey: np.ndarray, floor: float, ceiling: float, level: float) -> np.ndarray:
    rows, columns = grey.shape
    rest = np.pad(grey.copy(), ((0, 1), (1, 1)))
    up = np.zeros(grey.shape, bool)
    for i in range(rows):
        for j in range(columns):
            wanted = rest[i, j + 1]
            up[i, j] = wanted > level
            error = wanted - (ceiling if up[i, j] else floor)
            rest[i, j + 2] += error * 7 / 16
            rest[i + 1, j : j + 3] += error * np.array([3, 5, 1]) / 16
    return up


def digits(
    labels: str = "0123456789",
    each: int = 1,
    *,
    shape: tuple[int, int] | None = None,
    method: Literal["threshold", "dither"] = "threshold",
    threshold: float | None = 4.0,
    code: Code = "signs",
) -> Float[np.ndarray, "P n"]:
    """Handwritten digits of 8 x 8 grey levels, those that scikit-learn ships, made of two values: 1,797 images of 43 writers.

    Arguments:
        labels: which digits, in this order. each: images of each, the first ones; the first of every label come before the second.
        shape, method, threshold: of `from_images`; ink is the upper state, and levels run from 0 to 16.

    Returns (each * len(labels), 64), or as many units as `shape` has. They resemble each other: the first ten have overlaps of 0.46 in the
    mean. Raises `ImportError` without scikit-learn, `ValueError` for others than digits, or more than there are.

    Source: Alpaydin and Kaynak 1998, in the UCI Machine Learning Repository.
    """
    if not labels or set(labels) - set("0123456789"):
        raise ValueError(f"labels={labels!r}: name digits, for example '0123456789'")
    check_count("", "each", each, "a whole number of images of each digit, at least 1")
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError("the digits come with scikit-learn: pip install 'neurojax[digits]'") from error
    images, known = load_digits(return_X_y=True)
    by_label = [np.flatnonzero(known == int(label)) for label in labels]
    if each > (most := min(map(len, by_label))):
        raise ValueError(f"each={each}: there are {most} images of each of these digits; take at most so many")
    chosen = images[np.stack([rows[:each] for rows in by_label], axis=1).ravel()]
    return from_images(chosen.reshape(-1, 8, 8), shape=shape, method=method, threshold=threshold, code=code)


def as_patterns(values: Any, n: int | None = None, code: Code = "signs") -> Float[Arrays, "P n"]:
    """An array of patterns, checked: (P, n), or (P, rows, columns), or one pattern; values in the code, rows of zeros allowed as padding.

    Raises `ValueError` that says what is wrong, and what would be right. Traced values are taken as they are.
    """
    low = low_of(code)
    array: Any = floats(values) if isinstance(values, Tracer | jax.Array) else np.asarray(values, float)
    array = array.reshape(1, -1) if array.ndim == 1 else array.reshape(array.shape[0], -1)
    if 0 in array.shape:
        raise ValueError(f"patterns has shape {array.shape}: give at least one pattern of at least one unit")
    if n is not None and array.shape[1] != n:
        raise ValueError(f"patterns has {array.shape[1]} units in each row: the model has n={n}; make them equal")
    if not isinstance(array, Tracer):
        known = np.asarray(array)
        if not known.any():
            raise ValueError("patterns holds nothing but zeros, and a row of zeros is no pattern; give one pattern at least")
        if code == "real":
            if not np.all(np.isfinite(known)):
                raise ValueError("patterns has values that are not finite: clean them first")
            return array
        wrong = known[~((known == low) | (known == 1.0) | (known == 0.0).all(axis=1, keepdims=True))]
        if wrong.size:
            other = "; bits are code='bits'" if code == "signs" and set(np.unique(known)) == {0.0, 1.0} else ""
            raise ValueError(f"patterns holds {wrong.flat[0]:g}: code={code!r} has the values {low:g} and 1{other}")
    return array


class PatternRecipe(eqx.Module):
    """How patterns are drawn, anew for every seed. count: P, rows; static."""

    count: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        check_count(type(self).__name__, "count", self.count, "a whole number of patterns, at least 1")

    def draw(self, key: PRNGKeyArray, n: int, code: Code) -> Float[Array, "P {n}"]:
        """The patterns of a memory of n units."""
        raise NotImplementedError(f"{type(self).__name__} must define draw(self, key, n, code)")

    def check(self) -> None:
        """Raise `ValueError` for concrete parameters that make no sense."""


class RandomPatterns(PatternRecipe):
    """Random patterns, a unit set with probability `activity`, any two patterns with correlation coefficient `correlation`.

    A unit of a pattern is, with probability sqrt(correlation), that of a parent that all share, else a draw of its own.

    Arguments:
        count: P, patterns, >= 1; static.
        activity: probability of the upper state, in (0, 1); 1/2 is unbiased, and small in a sparse code.
        correlation: in [0, 1), dimensionless.
        stored: how many of them are stored, 1 to `count`, the first; None for all. The others are rows of zeros, so that loads
            `stored / n` share one program: sweep this rather than `count`.

    Pattern number k does not depend on how many there are.
    """

    activity: Any = 0.5
    correlation: Any = 0.0
    stored: Any = None

    def check(self):
        """Probabilities in their ranges; no more stored than there are."""
        owner = "RandomPatterns"
        check_number(owner, "activity", self.activity, lambda x: (x > 0) & (x < 1), "a probability between 0 and 1, for example 0.5")
        check_number(owner, "correlation", self.correlation, lambda x: (x >= 0) & (x < 1), "0 to below 1, for example 0.0")
        if self.stored is not None:
            mend = f"a whole number of patterns from 1 to count={self.count}, or None for all"
            check_number(owner, "stored", self.stored, lambda x: (x >= 1) & (x <= self.count) & (x == np.round(x)), mend)

    def draw(self, key: PRNGKeyArray, n: int, code: Code) -> Float[Array, "P {n}"]:
        """The patterns (count, n)."""
        parent = chance(jax.random.fold_in(key, PARENT), self.activity, (n,))
        inherit = jnp.sqrt(self.correlation)

        def one(number):
            own, choice = jax.random.split(jax.random.fold_in(key, number))
            return jnp.where(chance(choice, inherit, (n,)), parent, chance(own, self.activity, (n,)))

        number = jnp.arange(self.count)
        made = jnp.where(jax.vmap(one)(number), 1.0, low_of(code)).astype(jnp.result_type(float))
        return made if self.stored is None else jnp.where((number.astype(made.dtype) < self.stored)[:, None], made, 0.0)


def chance(key: PRNGKeyArray, probability: Any, shape: tuple[int, ...]) -> Bool[Array, "..."]:
    """True with a probability, the same in a float64 run as in a float32 one."""
    return jax.random.bernoulli(key, jnp.asarray(probability, jnp.float32), shape)


def normal(key: PRNGKeyArray, shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Standard normal numbers, the same in a float64 run as in a float32 one."""
    return jax.random.normal(key, shape, jnp.float32).astype(jnp.result_type(float))


def floats(values: Any) -> Float[Array, "*s"]:
    """An array of floats: sums of small integers would overflow."""
    array = jnp.asarray(values)
    return array if jnp.issubdtype(array.dtype, jnp.floating) else array.astype(jnp.result_type(float))


def whole(value: Any) -> Any:
    """Lists and tuples of numbers as one array, of which a model has one parameter, not one for each number; all else as it is."""
    return np.asarray(value, float) if isinstance(value, list | tuple) else value


def stored_count(patterns: Float[Arrays, "P n"]) -> Float[Array, ""]:
    """P, rows that are patterns: those with a unit that is not 0."""
    return jnp.sum(jnp.any(jnp.asarray(patterns) != 0, axis=1).astype(jnp.result_type(float)))


def load(patterns: Float[Arrays, "P n"]) -> Float[Array, ""]:
    """alpha = P / n, dimensionless."""
    return stored_count(patterns) / patterns.shape[1]
