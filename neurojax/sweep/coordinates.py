"""From the values on axes to what a store holds of them, and back to places on a grid."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from neurojax.sweep.axes import Axis
from neurojax.sweep.spec import Arrays, describe, fingerprint, rebuild
from neurojax.sweep.store import Batch

Columns = dict[str, dict[str, Any]]  # by dimension and name, as a batch has them: numbers as arrays, objects described


class Column(NamedTuple):
    """One column of an axis: what the table holds for each place on it, and how the place is labelled."""

    keys: np.ndarray
    labels: np.ndarray


def is_plain(values: Any) -> bool:
    """Whether a column is one of numbers, which are their own label."""
    return isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "fiu"


def described(axes: Mapping[str, Axis], arrays: dict[str, np.ndarray]) -> Columns:
    """Axes as a batch has them."""

    def column(values: Any) -> Any:
        if is_plain(values):
            return values
        if isinstance(values, np.ndarray):
            content = [fingerprint(describe(value, cast=True)) for value in values]
            return {"labels": list(range(len(values))), "content": content, "values": describe(values, arrays, cast=True)}
        whole = [describe(value, arrays, cast=True) for value in values]
        labels = list(map(_label, values))
        return {"labels": labels, "content": [fingerprint(one) for one in whole], "values": whole}

    made = {dimension: {name: column(values) for name, values in axis.columns.items()} for dimension, axis in axes.items()}
    for columns in made.values():
        if any(isinstance(values, Mapping) for values in columns.values()):
            _check_once(columns)
    return made


def _check_once(columns: Mapping[str, Any]) -> None:
    """Refuse an axis with objects on which a place is there twice (one of numbers alone has looked itself)."""
    rows = list(zip(*(values["content"] if isinstance(values, Mapping) else values.tolist() for values in columns.values()), strict=True))
    seen: dict[Any, int] = {}
    for place, row in enumerate(rows):
        if row in seen:
            raise ValueError(
                f"over[{', '.join(columns)!r}]: places {seen[row]} and {place} have the same value; "
                "give each once (for repetitions use seeds)"
            )
        seen[row] = place


def _label(value: Any) -> str | bool:
    if isinstance(value, enum.Enum):
        return str(value) if isinstance(value, str) else f"{type(value).__name__}.{value.name}"
    return value if isinstance(value, str | bool) else repr(value)


def contents(axes: Iterable[Columns]) -> dict[str, list[str]]:
    """What the table counts by: contents of each column of objects, in order of appearance."""
    known: dict[str, dict[str, None]] = {}
    for columns in axes:
        for column in columns.values():
            for name, values in column.items():
                if isinstance(values, Mapping):
                    known.setdefault(name, {}).update(dict.fromkeys(values["content"]))
    return {name: list(found) for name, found in known.items()}


def keys(values: Any, known: Sequence[str]) -> np.ndarray:
    """What the table holds for a column: the numbers, or places among the known contents."""
    if isinstance(values, Mapping):
        place = {content: i for i, content in enumerate(known)}
        return np.array([place.get(content, -1) for content in values["content"]], np.int64)
    return np.asarray(values, np.float64)


def merged(batches: Sequence[Batch]) -> dict[str, dict[str, Column]]:
    """The axes of a whole store: every value once, ascending where all batches are, else in order of appearance."""
    known = contents(batch.axes for batch in batches)
    axes: dict[str, dict[str, Column]] = {}
    for dimension, first in batches[0].axes.items():
        table = np.concatenate(
            [np.stack([keys(b.axes[dimension][name], known.get(name, [])) for name in first], axis=1) for b in batches]
        ).astype(float)
        where = np.arange(len(table)) if len(batches) == 1 else np.sort(np.unique(table, axis=0, return_index=True)[1])
        lengths = [len(_labels(next(iter(b.axes[dimension].values())))) for b in batches]
        parts = np.split(table, np.cumsum(lengths)[:-1])
        if table.shape[1] == 1 and all(np.all(np.diff(part[:, 0]) > 0) for part in parts):
            where = where[np.argsort(table[where, 0], kind="stable")]
        axes[dimension] = {}
        for i, name in enumerate(first):
            labels = np.concatenate([_labels(b.axes[dimension][name]) for b in batches])[where]
            if isinstance(first[name], Mapping) and isinstance(first[name]["values"], Mapping):
                labels = np.arange(len(where))  # arrays have no name but their number
            axes[dimension][name] = Column(table[where, i], labels)
    return axes


def labelled_axes(axes: Columns, known: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Column]]:
    """The axes of one call, in its own order."""
    return {
        dimension: {name: Column(keys(values, known.get(name, [])), _labels(values)) for name, values in columns.items()}
        for dimension, columns in axes.items()
    }


def _labels(values: Any) -> np.ndarray:
    return np.asarray(values["labels"]) if isinstance(values, Mapping) else values


def same(one: Columns, other: Columns) -> bool:
    """Whether two calls have the same axes in the same order, by which points are numbered."""

    def parts(axes: Columns) -> list[Any]:
        return [(dim, name, values) for dim, columns in axes.items() for name, values in columns.items()]

    def equal(here: Any, there: Any) -> bool:
        return type(here) is type(there) and (np.array_equal(here, there) if isinstance(here, np.ndarray) else here == there)

    ours, theirs = parts(one), parts(other)
    return len(ours) == len(theirs) and all(a[:2] == b[:2] and equal(a[2], b[2]) for a, b in zip(ours, theirs, strict=True))


def places(axis: Sequence[np.ndarray], rows: Sequence[np.ndarray]) -> np.ndarray:
    """Position along an axis of each row of the table, column by column; -1 where it is not on the axis."""
    codes, wanted = np.zeros(len(axis[0]), np.int64), np.zeros(len(rows[0]), np.int64)
    for values, given in zip(axis, rows, strict=True):
        uniques, own = np.unique(np.asarray(values), return_inverse=True)
        at = _searched(uniques, given)
        wanted = np.where((uniques[at] == given) & (wanted >= 0), wanted * len(uniques) + at, -1)
        # Numbered afresh after each column, for the product of all their lengths may pass 2^63.
        known, codes = np.unique(codes * len(uniques) + own, return_inverse=True)
        at = _searched(known, wanted)
        wanted = np.where(known[at] == wanted, at, -1)
    order = np.argsort(codes, kind="stable")
    at = _searched(codes[order], wanted)
    return np.where(codes[order][at] == wanted, order[at], -1)


def _searched(ascending: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where each wanted value is or would be; a million of them are found several times faster in their own order."""
    order, at = np.argsort(wanted), np.empty(len(wanted), np.int64)
    at[order] = np.searchsorted(ascending, wanted[order])
    return np.minimum(at, len(ascending) - 1)


def grid_places(axes: Mapping[str, Mapping[str, Column]], seeds: np.ndarray, read: Callable[[str], np.ndarray]) -> np.ndarray:
    """Number in the grid (axes in C order, then seeds) of each row of a table; -1 for rows that are not on it."""
    number, inside = 0, True
    for columns in axes.values():
        size = len(next(iter(columns.values())).keys)
        at = places([column.keys for column in columns.values()], [read(name) for name in columns])
        number, inside = number * size + at, inside & (at >= 0)
    at = places([seeds], [read("seed")])
    return np.where(inside & (at >= 0), number * len(seeds) + at, -1)


def axes_of(batch: Batch, given: Mapping[str, Axis], arrays: Arrays) -> dict[str, Axis]:
    """The axes of a batch again: objects from those of the present call that are the same, else built from their description."""

    def column(dimension: str, name: str, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        own = list(given[dimension].columns[name]) if dimension in given else []
        at_hand = {fingerprint(describe(value, cast=True)): value for value in own}
        stacked = isinstance(values["values"], Mapping)
        try:
            if stacked and not all(content in at_hand for content in values["content"]):
                return rebuild(values["values"], arrays)
            described = values["content"] if stacked else values["values"]
            found = [at_hand[c] if c in at_hand else rebuild(d, arrays) for c, d in zip(values["content"], described, strict=True)]
        except ValueError as error:
            raise ValueError(f"over[{dimension!r}]: {error}; run the call that brought these values once more") from error
        return np.stack(found) if stacked else found

    return {dim: Axis({name: column(dim, name, values) for name, values in columns.items()}) for dim, columns in batch.axes.items()}
