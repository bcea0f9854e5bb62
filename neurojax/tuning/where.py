"""Which parameters are tuned: names, or functions of the model, and the bounds of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from neurojax.engine.paths import get, is_static, replace, resolve
from neurojax.engine.simulate import cast_system
from neurojax.engine.system import Flow, Recipe, System
from neurojax.sweep.axes import Axis
from neurojax.tuning.bounds import Bound, Free, check_start


@dataclasses.dataclass(frozen=True)
class Space:
    """The tuned parameters: full names, bounds, shapes; and attribute paths in the model, None where a function builds it."""

    names: tuple[str, ...]
    bounds: tuple[Bound, ...]
    shapes: tuple[tuple[int, ...], ...]
    paths: tuple[tuple[str, ...], ...] | None

    @property
    def sizes(self) -> list[int]:
        """Free numbers of each parameter."""
        return [bound.size(shape) for bound, shape in zip(self.bounds, self.shapes, strict=True)]

    def values(self, free: Float[Array, " size"]) -> dict[str, Array]:
        """The parameters that free numbers stand for."""
        ends = np.cumsum(self.sizes)
        each = zip(self.names, self.bounds, self.shapes, self.sizes, ends, strict=True)
        return {name: bound.forward(free[end - size : end], shape) for name, bound, shape, size, end in each}

    def free(self, values: Mapping[str, np.ndarray], dtype: np.dtype) -> Float[Array, " size"]:
        """The free numbers of parameters."""
        each = zip(self.names, self.bounds, strict=True)
        return jnp.concatenate([bound.inverse(jnp.asarray(values[name], dtype)) for name, bound in each])

    def put(self, model: Any, values: Mapping[str, Any], check: bool = False) -> Any:
        """The model with these values: those of a system replaced, or built by the function."""
        if self.paths is None:
            return model(**values)
        for name, path in zip(self.names, self.paths, strict=True):
            model = replace(model, path, values[name], check=check)
        return model


class _Place:
    """Stands for a leaf and knows where it is."""

    def __init__(self, path: Any):
        self.path = path


def check_where(model: Any, where: Any) -> tuple[list[str], list[Bound], list[tuple[str, ...]] | None]:
    """Names, bounds and paths of what is to be tuned."""
    if not isinstance(where, Mapping):
        chosen = [where] if isinstance(where, str) or callable(where) else where
        if not isinstance(chosen, Sequence) or not all(isinstance(one, str) or callable(one) for one in chosen):
            raise TypeError(f"where={where!r}: give bounds by parameter, for example {{'coupling': nj.Interval(0, 4)}}")
        where = dict.fromkeys(chosen, Free())
    if not where:
        raise ValueError("where={}: give at least one parameter and its bound, for example {'coupling': nj.Positive()}")
    for key, bound in where.items():
        if not isinstance(bound, Bound):
            example = f"nj.Interval({bound[0]!r}, {bound[1]!r})" if isinstance(bound, tuple) and len(bound) == 2 else "nj.Positive()"
            raise TypeError(f"where[{key!r}]={bound!r}: give a bound, for example {example}, or nj.Free()")
    if not isinstance(model, System | Flow):
        if any(not isinstance(key, str) for key in where):
            raise TypeError("where: a function that builds the model is tuned by the names of its arguments; give them")
        return list(where), list(where.values()), None
    chosen = [
        (path, bound) for key, bound in where.items() for path in (_named(model, key) if isinstance(key, str) else _picked(model, key))
    ]
    paths = [path for path, _ in chosen]
    for one in paths:
        if sum(other[: len(one)] == one for other in paths) > 1:
            raise ValueError(f"where: {'.'.join(one)!r} is given twice, or a part of it is; give each parameter once")
    return [".".join(path) for path in paths], [bound for _, bound in chosen], paths


def _named(model: Any, name: str) -> list[tuple[str, ...]]:
    try:
        path = resolve(model, name)
    except ValueError as error:
        raise ValueError(f"where[{name!r}]: {error}") from None
    _check_leaf(model, path)
    return [path]


def _picked(model: Any, function: Callable) -> list[tuple[str, ...]]:
    """Paths of the leaves that a function of the model gives."""
    marked = jax.tree_util.tree_map_with_path(lambda path, _: _Place(path), model)
    try:
        given = function(marked)
    except Exception as error:
        raise ValueError(f"where: its function fails on {type(model).__name__} ({error}); give one such as lambda m: m.coupling") from error
    places = list(given) if isinstance(given, tuple | list) else [given]
    paths = []
    for place in places:
        if not isinstance(place, _Place):
            said = "None, which has no value; give the model a number there first" if place is None else f"{type(place).__name__}"
            raise ValueError(f"where: its function gives {said}; give parameters, for example lambda m: (m.coupling, m.noise)")
        if not all(isinstance(key, jax.tree_util.GetAttrKey) for key in place.path):
            raise ValueError(f"where: {jax.tree_util.keystr(place.path)} is no attribute; tune a function that builds the model instead")
        paths.append(tuple(key.name for key in place.path))
        _check_leaf(model, paths[-1])
    return paths


def _check_leaf(model: Any, path: tuple[str, ...]) -> None:
    """Refuse what has no derivative."""
    name, value = ".".join(path), get(model, path)
    if any(isinstance(get(model, path[:k]), Recipe) for k in range(1, len(path))):
        raise ValueError(f"where[{name!r}]: it is drawn on the host and has no derivative; tune another parameter, or sweep over it")
    if is_static(model, path):
        raise ValueError(f"where[{name!r}]={value!r}: it is a size or a kind and has no derivative; sweep over it instead")
    if value is None:
        raise ValueError(f"where[{name!r}]: it is None in the model; give it a number to start from")
    if isinstance(value, eqx.Module):
        parts = ", ".join(f"{name}.{field.name}" for field in dataclasses.fields(value)) or "nothing"
        raise ValueError(f"where[{name!r}]: it is a {type(value).__name__}, not a number; tune a part of it: {parts}; or realise the model")
    whole = isinstance(value, np.ndarray | np.generic | jax.Array) and value.dtype.kind not in "f"
    if isinstance(value, bool) or whole or not isinstance(value, int | float | np.ndarray | np.generic | jax.Array):
        raise ValueError(f"where[{name!r}]={value!r}: only floats have derivatives; tune another parameter, or sweep over it")


def check_starts(
    model: Any, names: list[str], bounds: list[Bound], paths: list[tuple[str, ...]] | None, starts: Any, seed: int
) -> tuple[Space, list[dict[str, np.ndarray]]]:
    """The space, and the values of every start."""
    own = None if paths is None else {name: get(model, path) for name, path in zip(names, paths, strict=True)}
    count, columns = 1, {}
    if isinstance(starts, Mapping | Axis):
        given = starts.columns if isinstance(starts, Axis) else starts
        columns = {_meant(model, names, paths, key): _column(key, values) for key, values in given.items()}
        lengths = {len(values) for values in columns.values()}
        if len(lengths) != 1:
            raise ValueError(f"starts: its parameters have {sorted(lengths)} values; give equally many for each")
        count = lengths.pop()
    elif starts is not None and (isinstance(starts, bool) or not isinstance(starts, int | np.integer) or starts < 1):
        raise ValueError(
            f"starts={starts!r}: give how many (1, 2, ...), or the values of each parameter, for example {{'coupling': [1, 3]}}"
        )
    missing = [name for name in names if name not in columns]
    if own is None and missing:
        raise ValueError(f"starts: {missing[0]!r} has no value; the model is built by a function, so give starts={{{missing[0]!r}: [...]}}")
    rows = [{name: columns[name][i] if name in columns else np.asarray(own[name], float) for name in names} for i in range(count)]  # type: ignore[index]
    rows = [{name: check_start(name, bound, row[name]) for name, bound in zip(names, bounds, strict=True)} for row in rows]
    if isinstance(starts, int | np.integer):
        generator = np.random.default_rng(seed)
        each = list(zip(names, bounds, strict=True))
        rows += [{name: bound.scatter(generator, rows[0][name]) for name, bound in each} for _ in range(int(starts) - 1)]
    shapes = [np.shape(rows[0][name]) for name in names]
    if own is not None:
        for name, shape in zip(names, shapes, strict=True):
            if shape != np.shape(own[name]):
                raise ValueError(f"starts: {name} has shape {shape}; that of the model has {np.shape(own[name])}; give that")
    return Space(tuple(names), tuple(bounds), tuple(shapes), None if paths is None else tuple(paths)), rows


def _meant(model: Any, names: list[str], paths: Any, key: str) -> str:
    name = key if paths is None or key in names else ".".join(resolve(model, key))
    if name not in names:
        raise ValueError(f"starts[{key!r}]: it is not tuned; tuned are {', '.join(names)}")
    return name


def _column(name: str, values: Any) -> np.ndarray:
    try:
        column = np.asarray(values, float)
    except (TypeError, ValueError):
        raise TypeError(f"starts[{name!r}]={values!r}: give a list of values, all of one shape") from None
    if column.ndim == 0 or len(column) == 0:
        raise ValueError(f"starts[{name!r}]={values!r}: give a list, a value for each start")
    return column


def as_model(space: Space, model: Any, values: Mapping[str, np.ndarray]) -> Any:
    """The user's model with concrete values, checked."""
    plain = {name: value.item() if value.ndim == 0 else value for name, value in values.items()}
    return space.put(model, plain, check=True)


def cast_model(model: Any, dtype: np.dtype) -> Any:
    """A model's numbers in the run's dtype; a function as it is."""
    return cast_system(model, dtype) if isinstance(model, System | Flow) else model
