"""Kinds of values that have a description: for each tag how such values are known, written, built again, and said."""

from __future__ import annotations

import argparse
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import inspect
import json
import math
import operator
import pathlib
import re
import types
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from neurojax.engine.numerics import is_key
from neurojax.sweep import texts

OF_CLASS = ("class", "class text", "class uses")  # in the description of an object, beside its fields
MARKS = ("indescribable", "untold")  # of what has no description: of a sweep's own, and of what functions find around them


class Kind(NamedTuple):
    """What a tag stands for.

    holds: whether a value is of this kind. write: (what describes the parts, value, whether a run casts it) to the description.
    build: (what builds the parts, description) to the value. say: description to a text.
    """

    holds: Callable[[Any], bool]
    write: Callable[[Any, Any, bool], Any]
    build: Callable[[Any, Mapping[str, Any]], Any]
    say: Callable[[Mapping[str, Any]], str]


class Made(NamedTuple):
    """A type of Python's or NumPy's whose values are made from a few arguments."""

    type: type
    arguments: Callable[[Any], Any]
    make: Callable[..., Any]


def _reduced(value: Any) -> Any:
    return value.__reduce__()[1]


MADE = {
    "complex": Made(complex, lambda value: (value.real, value.imag), complex),
    "bytes": Made(bytes, lambda value: (value.hex(),), bytes.fromhex),
    "dtype": Made(np.dtype, lambda value: (value.descr if value.names else str(value),), np.dtype),
    "Path": Made(type(pathlib.Path()), lambda value: (str(value),), pathlib.Path),
    "Pattern": Made(re.Pattern, lambda value: (value.pattern, value.flags), re.compile),
    "deque": Made(collections.deque, lambda value: (list(value), value.maxlen), collections.deque),
    "SimpleNamespace": Made(types.SimpleNamespace, lambda value: (vars(value),), lambda held: types.SimpleNamespace(**held)),
    "Namespace": Made(argparse.Namespace, lambda value: (vars(value),), lambda held: argparse.Namespace(**held)),
} | {
    one.__name__: Made(one, _reduced, one)
    for kinds in (
        (range, slice, fractions.Fraction, decimal.Decimal),
        (datetime.date, datetime.datetime, datetime.time, datetime.timedelta),
        (operator.itemgetter, operator.attrgetter, operator.methodcaller),
    )
    for one in kinds
}
_NAMES = {made.type: name for name, made in MADE.items()}


def _name_of(value: Any) -> str | None:
    return "dtype" if isinstance(value, np.dtype) else _NAMES.get(type(value))


def _made(write: Any, value: Any, _: bool) -> Any:
    name = str(_name_of(value))
    return {"made": name, "with": write(tuple(MADE[name].arguments(value)))}


def _make(build: Any, description: Mapping[str, Any]) -> Any:
    try:
        return MADE[description["made"]].make(*build(description["with"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"a {description['made']} cannot be made ({error})") from error


def is_plain(value: Any) -> bool:
    """Whether JSON has a value as it is."""
    plain = isinstance(value, bool | int | float | str) and not isinstance(value, enum.Enum)
    return value is None or (plain and not (isinstance(value, float) and not math.isfinite(value)))


def is_array(value: Any) -> bool:
    """Whether a value is an array whose numbers are all that there is to it."""
    return isinstance(value, np.ndarray | np.generic | jax.Array) and not isinstance(value, np.ma.MaskedArray)


def is_function(value: Any) -> bool:
    """Whether a value is a class, a function, or one of NumPy's and JAX's that are objects."""
    return isinstance(value, type | jax.numpy.ufunc) or (callable(value) and hasattr(value, "__qualname__"))


def _like(write: Any, value: Any, _: bool) -> Any:
    """A table, or an array with more to it, by its numbers and its labels."""
    labels = [getattr(value, name, None) for name in ("axes", "indexes", "mask")]
    own = write([None if callable(label) else label for label in labels])
    return {"like": texts.named(type(value)), "values": write(np.asarray(value)), "labels": own}


def _objects(build: Any, description: Mapping[str, Any]) -> np.ndarray:
    flat = np.empty(len(description["held"]), object)
    flat[:] = build(description["held"])
    return flat.reshape(description["objects"])


def _partial(build: Any, description: Mapping[str, Any]) -> Any:
    function, given, keywords = (build(description[name]) for name in ("partial", "args", "keywords"))
    return (jax.tree_util.Partial if description.get("tree") else functools.partial)(function, *given, **keywords)


def _none(*_: Any) -> bool:
    return False


def _cannot(_: Any, description: Mapping[str, Any]) -> Any:
    raise ValueError(f"a {description[tag_of(description)]} cannot be built from its description")


def _dict(write: Any, value: Mapping[str, Any], cast: bool) -> Any:
    """A dict, whose order is kept: that of a schedule's phases matters."""
    order = {"order": list(value)} if list(value) != sorted(value) else {}
    return {"dict": {name: write(item, cast) for name, item in value.items()}} | order


def _say_object(description: Mapping[str, Any]) -> str:
    fields = (f"{name}={said(value)}" for name, value in description.items() if name not in OF_CLASS and value is not None)
    return f"{description['class']}({', '.join(fields)})"


def _listed(described: Any, brackets: str = "[]") -> str:
    return f"{brackets[0]}{', '.join(map(said, described))}{brackets[1]}"


def _paired(described: Any) -> str:
    return f"{{{', '.join(f'{said(name)}: {said(item)}' for name, item in described)}}}"


def _set(kind: type) -> Kind:
    tag = kind.__name__
    return Kind(
        lambda value: isinstance(value, kind),
        lambda write, value, _: {tag: sorted(map(write, value), key=json.dumps)},  # each process has an order of its own
        lambda build, description: kind(map(build, description[tag])),
        lambda description: _listed(description[tag], "{}"),
    )


# A value is of the first kind that holds it, and a description of the first whose tag it has: only that of an object may have others.
KINDS = {
    "class": Kind(
        lambda value: (
            not isinstance(value, type) and (dataclasses.is_dataclass(value) or (isinstance(value, tuple) and hasattr(value, "_fields")))
        ),
        lambda write, value, cast: write.object(value, cast),
        lambda build, description: build.object(description),
        _say_object,
    ),
    "enum": Kind(
        lambda value: isinstance(value, enum.Enum),
        lambda write, value, _: write.member(value),
        lambda build, description: build.member(description),
        lambda description: f"{description['enum']}.{description['member']}",
    ),
    "float": Kind(
        lambda value: isinstance(value, float),
        lambda _, value, __: {"float": str(value)},
        lambda _, description: float(description["float"]),
        lambda description: description["float"],
    ),
    "made": Kind(
        lambda value: _name_of(value) is not None,
        _made,
        _make,
        lambda description: f"{description['made']}({', '.join(map(said, description['with']))})",
    ),
    "method": Kind(
        inspect.ismethod,
        lambda write, value, _: {"method": value.__name__, "self": write(value.__self__)},
        lambda build, description: getattr(build(description["self"]), description["method"]),
        lambda description: f"{said(description['self'])}.{description['method']}",
    ),
    "function": Kind(
        is_function,
        lambda write, value, _: write.kind(value) if isinstance(value, type) else write.function(value),
        lambda build, description: build.found(description),
        lambda description: description["function"] + (f" ({description['text'][:8]})" if "text" in description else ""),
    ),
    "dict": Kind(
        lambda value: isinstance(value, Mapping) and all(type(name) is str for name in value),
        _dict,
        lambda build, one: {name: build(one["dict"][name]) for name in one.get("order", one["dict"])},
        lambda description: _paired(description["dict"].items()),
    ),
    "items": Kind(
        lambda value: isinstance(value, Mapping),
        lambda write, value, cast: {"items": [[write(name), write(item, cast)] for name, item in value.items()]},
        lambda build, description: {build(name): build(item) for name, item in description["items"]},
        lambda description: _paired(description["items"]),
    ),
    "list": Kind(
        lambda value: isinstance(value, list),
        lambda write, value, cast: {"list": [write(item, cast) for item in value]},
        lambda build, description: list(map(build, description["list"])),
        lambda description: _listed(description["list"]),
    ),
    "set": _set(set),
    "frozenset": _set(frozenset),
    "key": Kind(
        is_key,
        lambda write, value, _: {"key": str(jax.random.key_impl(value)), "words": write(np.asarray(jax.random.key_data(value)))},
        lambda build, description: jax.random.wrap_key_data(build(description["words"]), impl=description["key"]),
        lambda description: f"{{key={description['key']}, words={said(description['words'])}}}",
    ),
    "array": Kind(
        is_array,
        lambda write, value, cast: write.array(np.asarray(value), cast),
        lambda build, description: np.asarray(build.arrays[description["sha256"]]),
        lambda description: f"array of shape {tuple(description['array'])} ({description['sha256'][:8]})",
    ),
    "whole": Kind(  # of those that are arrays
        _none,
        _none,
        lambda _, description: np.dtype(description["dtype"]).type(description["whole"]),
        lambda description: f"{description['dtype']}({description['whole']})",
    ),
    "objects": Kind(  # of those that are arrays
        _none,
        _none,
        _objects,
        lambda description: f"array of shape {tuple(description['objects'])} {_listed(description['held'])}",
    ),
    "like": Kind(
        lambda value: hasattr(value, "__array__"),
        _like,
        _cannot,
        lambda description: f"{description['like']}({said(description['values'])})",
    ),
    "partial": Kind(
        lambda value: isinstance(value, functools.partial),
        lambda write, value, _: (
            {"partial": write(value.func), "args": write(value.args), "keywords": write(value.keywords)}
            | ({"tree": True} if isinstance(value, jax.tree_util.Partial) else {})
        ),
        _partial,
        lambda one: f"partial({said(one['partial'])}, {said(one['args'])}, {said(one['keywords'])})",
    ),
    "long": Kind(_none, _none, _cannot, lambda description: f"a long value ({description['long'][:8]})"),
    "indescribable": Kind(_none, _none, _cannot, lambda description: description["text"] or f"a {description['indescribable']}"),
    "untold": Kind(_none, _none, _cannot, lambda description: f"a {description['untold']}"),
}


def tag_of(description: Any) -> str:
    """The tag of a description, "" where it is none (a plain value, a tuple, some descriptions by name)."""
    return next((tag for tag in KINDS if tag in description), "") if isinstance(description, Mapping) else ""


def said(description: Any) -> str:
    """A description on one line, as its user would write it."""
    if isinstance(description, list):
        return _listed(description)
    if tag := tag_of(description):
        return KINDS[tag].say(description)
    return _paired(description.items()) if isinstance(description, Mapping) else str(description)
