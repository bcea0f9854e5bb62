"""Axes of a sweep: what varies, over which values."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neurojax.engine.checks import check_count, is_whole


@dataclasses.dataclass(frozen=True)
class Axis:
    """Parameters that move together along one dimension of the grid.

    columns: the values of each parameter, by name (an attribute path or a unique end of one), all of one length. A value is a
    number, an array (the column is then an array with the values along its first axis), or an object such as a graph recipe.
    """

    columns: Mapping[str, Any]

    def __post_init__(self):
        made = {name: _column(name, values) for name, values in self.columns.items()}
        if not made:
            raise ValueError("Axis(columns={}): give at least one parameter and its values")
        lengths = {name: len(values) for name, values in made.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"axis: its parameters have different numbers of values, {lengths}; they walk together, so give equally many")
        object.__setattr__(self, "columns", made)
        if all(isinstance(values, np.ndarray) and values.ndim == 1 for values in made.values()):
            rows, counts = np.unique(np.stack([np.asarray(values, float) for values in made.values()], axis=1), axis=0, return_counts=True)
            if counts.max() > 1:
                row = rows[counts.argmax()]
                twice = f"the value {row[0]}" if len(row) == 1 else f"the point {dict(zip(made, row.tolist(), strict=True))}"
                raise ValueError(f"over[{', '.join(made)!r}]: {twice} occurs twice; give each once (for repetitions use seeds)")

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


def _column(name: str, values: Any) -> Any:
    if isinstance(values, str | bytes) or not hasattr(values, "__iter__"):
        raise TypeError(f"over[{name!r}]={values!r}: give a list or array of values; a single value belongs in the model")
    values = _on_host(values)
    if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind not in "fiu":
        values = values.tolist()
    values = values if isinstance(values, np.ndarray) else [_on_host(value) for value in values]
    if len(values) == 0:
        raise ValueError(f"over[{name!r}] is empty: give at least one value")
    if isinstance(values, list) and all(map(_is_number, values)):
        whole = all(isinstance(v, int | np.integer) for v in values)
        values = np.asarray(values, dtype=np.int64 if whole else np.float64)
    elif isinstance(values, list) and all(isinstance(v, np.ndarray) for v in values) and len({v.shape for v in values}) == 1:
        values = np.stack(values)
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiu" and not np.all(np.isfinite(values)):
        raise ValueError(f"over[{name!r}]={values.ravel()[~np.isfinite(values.ravel())][0]}: every value of an axis must be finite")
    return values


def _on_host(value: Any) -> Any:
    return np.asarray(value) if isinstance(value, jax.Array) and not jnp.issubdtype(value.dtype, jax.dtypes.prng_key) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool | enum.Enum)


def zip_axes(columns: Mapping[str, Any] | None = None, **more: Any) -> Axis:
    """Parameters that walk together: `nj.zip(coupling=[1, 2], noise=[0.1, 0.2])` is two points, not four.

    Names with dots go into a dict: `nj.zip({"flow.coupling": [1, 2]})`. In `over` the axis stands under the name of its dimension.
    """
    return Axis({**(columns or {}), **more})


def random_axis(ranges: Mapping[str, tuple[float, float]], count: int, *, seed: int = 0, log: Sequence[str] = ()) -> Axis:
    """`count` points uniform in a box: `nj.random_axis({"coupling": (0, 4), "noise": (0.01, 1)}, 200, log=["noise"])`.

    Parameters named in `log` are uniform in their logarithm. The points depend on `seed` alone, and the first k of a longer
    axis are those of a shorter one.
    """
    _check_ranges("random_axis", ranges, count, log)
    unit = np.stack([np.random.default_rng([seed, i]).random(count) for i in range(len(ranges))], axis=1)
    return _scaled(ranges, unit, log)


def latin_hypercube(ranges: Mapping[str, tuple[float, float]], count: int, *, seed: int = 0, log: Sequence[str] = ()) -> Axis:
    """`count` points of a Latin hypercube: each of `count` equal slices of every range holds one. Source: McKay et al. 1979."""
    _check_ranges("latin_hypercube", ranges, count, log)
    from scipy.stats import qmc

    unit = qmc.LatinHypercube(len(ranges), rng=np.random.default_rng(seed)).random(count)
    return _scaled(ranges, unit, log)


def _check_ranges(name: str, ranges: Mapping[str, tuple[float, float]], count: int, log: Sequence[str]) -> None:
    if not ranges:
        raise ValueError(f"{name}(ranges={{}}): give (low, high) for at least one parameter")
    check_count(name, "count", count, "a whole number of points, at least 1")
    for parameter, pair in ranges.items():
        if len(pair) != 2 or not np.all(np.isfinite(pair)) or not pair[0] < pair[1]:
            raise ValueError(f"{name}: the range of {parameter!r} is {pair!r}; give (low, high) with low < high, both finite")
        if parameter in log and pair[0] <= 0:
            raise ValueError(f"{name}: {parameter!r} is in log, but its range starts at {pair[0]!r}; a logarithm needs low > 0")
    for parameter in log:
        if parameter not in ranges:
            raise ValueError(f"{name}(log={list(log)!r}): {parameter!r} has no range")


def _scaled(ranges: Mapping[str, tuple[float, float]], unit: np.ndarray, log: Sequence[str]) -> Axis:
    columns = {}
    for i, (name, (low, high)) in enumerate(ranges.items()):
        if name in log:
            columns[name] = np.exp(np.log(low) + (np.log(high) - np.log(low)) * unit[:, i])
        else:
            columns[name] = low + (high - low) * unit[:, i]
    return Axis(columns)


def check_over(over: Mapping[str, Any]) -> dict[str, Axis]:
    """Axes by dimension."""
    if not isinstance(over, Mapping):
        raise TypeError(f"over={over!r}: give a dict of values by parameter, for example {{'coupling': np.linspace(0, 4, 9)}}")
    axes = {name: values if isinstance(values, Axis) else Axis({name: values}) for name, values in over.items()}
    seen: dict[str, str] = {}
    for dimension, axis in axes.items():
        if dimension in ("seed", "status", "bad_step", "point"):
            raise ValueError(
                f"over[{dimension!r}]: this name is taken" + ("; give seeds=..." if dimension == "seed" else "; choose another")
            )
        for name in axis.columns:
            if name in seen:
                raise ValueError(f"over: {name!r} is on two axes, {seen[name]!r} and {dimension!r}; keep one, or zip them")
            seen[name] = dimension
    return axes


def check_seeds(seeds: int | Sequence[int]) -> np.ndarray:
    """Seeds as int64."""
    if isinstance(seeds, bool | float | str) or not (isinstance(seeds, int | np.integer) or hasattr(seeds, "__iter__")):
        raise TypeError(f"seeds={seeds!r}: give how many (0 .. seeds - 1) or a list of integers")
    values = list(range(seeds)) if isinstance(seeds, int | np.integer) else list(seeds)
    if not values:
        raise ValueError(f"seeds={seeds!r}: at least one seed is needed")
    for value in values:
        if not is_whole(value) or value >= 2**63:
            raise ValueError(f"seeds: {value!r} is no seed; seeds are integers from 0 to 2**63 - 1")
    if len(set(values)) < len(values):
        raise ValueError(f"seeds={seeds!r}: a seed occurs twice; the same seed gives the same numbers")
    return np.asarray(values, np.int64)
