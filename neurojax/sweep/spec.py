"""What a sweep computes, as JSON: described, told apart, compared, and built again from its description."""

from __future__ import annotations

import dataclasses
import enum
import functools
import hashlib
import importlib
import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import numpy as np

from neurojax.engine.schedule import Phase
from neurojax.engine.system import Recipe
from neurojax.sweep import texts
from neurojax.sweep.kinds import KINDS, MARKS, OF_CLASS, is_plain, said, tag_of

LONGEST = 1000  # characters of a value that a function uses, beyond which its hash stands for it
EXACT = 2**53  # up to which floats count
NAMED = {"class": "class uses", "enum": "class uses", "dict": "dict", "function": "uses", "": "uses"}  # what holds the user's own names


@runtime_checkable
class Arrays(Protocol):
    """Arrays by hash: a dict, or a store that reads them when they are asked for."""

    def __getitem__(self, name: str, /) -> np.ndarray:
        """One array."""
        ...


def fingerprint(description: Any) -> str:
    """Hash of a description."""
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()


def describe(value: Any, arrays: dict[str, np.ndarray] | None = None, *, cast: bool = False) -> Any:
    """JSON for a model, a record, a setting: class names and fields, hashes of arrays, names and texts of functions.

    Functions and classes that are not ours are told apart by their texts and by what these use: what a function has closed over, its
    defaults, and the values and helpers of the user's own modules. Left out of that is what says nothing of what is computed (modules,
    loggers, locks, the environment). What has no description is marked by its type, so that `marks` finds it: "indescribable" where
    it is part of the value or closed over, "untold" where a function finds it in its module, or changes it itself.

    arrays: gathers the arrays by their hash, without which `rebuild` cannot put them back.
    cast: the value is one that a run casts, as it does a state: 3 is 3.0 there, while np.int32(3) stays whole.
    """
    return _Writer(arrays)(value, cast)


@dataclasses.dataclass(frozen=True)
class _Writer:
    """Writes one description.

    met: the functions and classes met so far within the outermost one, each of which is described once, whoever calls whom.
    mark: of what has no description; None leaves it out, as within what libraries make.
    """

    arrays: dict[str, np.ndarray] | None
    met: dict[int, Any] | None = None
    mark: str | None = "indescribable"

    def __call__(self, value: Any, cast: bool = False) -> Any:
        if isinstance(value, texts.JITTED):
            return self(value.__wrapped__)  # pyright: ignore[reportAttributeAccessIssue]
        if is_plain(value):
            value = value.item() if isinstance(value, np.generic) else value
            return float(value) if cast and type(value) is int and abs(value) <= EXACT else value
        kind = next((kind for kind in KINDS.values() if kind.holds(value)), None)
        if kind is not None:
            return kind.write(self, value, cast)
        if isinstance(value, tuple):
            return [self(item, cast) for item in value]
        return self.marked(value)

    def marked(self, value: Any) -> Any:
        """What stands for a value without description."""
        if self.mark is None or (self.met is not None and texts.is_machinery(value)):
            return None
        name = texts.named(value if hasattr(value, "__qualname__") else type(value))
        return {self.mark: name} | ({"text": repr(value)} if self.mark == "indescribable" else {})

    def array(self, array: np.ndarray, cast: bool = False) -> Any:
        """An array; a number of its own as such, but for one whose being whole matters."""
        if array.ndim == 0:
            return {"whole": array.item(), "dtype": str(array.dtype)} if cast and array.dtype.kind in "iu" else self(array.item())
        if array.dtype.kind in "OT":  # whose bytes are places in memory
            return {"objects": list(array.shape), "held": [self(item) for item in array.ravel().tolist()]}
        if array.dtype.hasobject:
            return self.marked(array)
        name = array_name(array)
        if self.arrays is not None:
            self.arrays[name] = array
        return {"array": list(array.shape), "dtype": str(array.dtype), "sha256": name}

    def object(self, value: Any, cast: bool) -> Any:
        """A dataclass or named tuple by its fields."""
        if dataclasses.is_dataclass(value):
            fields = {one.name: self(getattr(value, one.name), _is_cast(value, one, cast)) for one in dataclasses.fields(value)}
        else:
            fields = {name: self(item, cast) for name, item in zip(value._fields, value, strict=True)}
        return self.of_class("class", type(value), fields)

    def member(self, value: enum.Enum) -> Any:
        """A member of an enumeration."""
        own = self(value.value)
        return self.of_class("enum", type(value)) | {"member": value.name} | ({} if any(marks(own)) else {"value": own})

    def of_class(self, key: str, kind: type, fields: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """An object: ours by the class's name alone, so that it may move between our modules; others with the text of their equations."""
        known = self.kind(kind)
        if "function" not in known:
            return known
        name = kind.__qualname__ if _is_ours(kind.__module__) else known["function"]
        return {key: name, **{f"class {part}": known[part] for part in ("text", "uses") if part in known}, **(fields or {})}

    def kind(self, kind: type) -> dict[str, Any]:
        """A class, with what its methods use by method, and the values in its body."""
        name = texts.named(kind)
        if texts.is_known(kind) or id(kind) in (self.met or {}):
            return {"function": name}
        text, inner = texts.class_text(kind), self.within(kind).around()
        if text is None:
            return self.marked(kind) or {"function": name}
        by_method, values = {}, {}
        for one in texts.own_classes(kind):
            prefix = "" if one is kind else f"{one.__qualname__}."
            for method, function in texts.methods_of(one):
                by_method[prefix + method] = by_method.get(prefix + method, {}) | inner.used_by(function)
            values |= {prefix + attribute: inner.used(value) for attribute, value in texts.attributes_of(one)}
        return {"function": name} | _told_by(text, {method: _told_by(None, uses) for method, uses in by_method.items()} | values)

    def function(self, function: Any) -> Any:
        """A function: of a known library by name, and so what is compiled."""
        name, inner = texts.named(function), texts.unwrapped(function)
        if texts.is_known(function) or id(inner) in (self.met or {}):
            return {"function": name}
        if not hasattr(inner, "__code__"):
            return {"function": name} if texts.leads_to(function) else self.marked(function)
        return {"function": name} | _told_by(texts.text_of(inner), self.within(inner).used_by(inner))

    def within(self, thing: Any) -> _Writer:
        """A writer for what a function or class uses."""
        met = {} if self.met is None else self.met
        met[id(thing)] = thing
        return _Writer(None, met, self.mark)

    def around(self) -> _Writer:
        """A writer for what functions find around them, in their modules and classes."""
        return dataclasses.replace(self, mark=self.mark and "untold")

    def used_by(self, function: Any) -> dict[str, Any]:
        """What a function uses, by name."""
        silent = dataclasses.replace(self, mark=None)
        held_by = silent if texts.text_of(function) is None else self
        held = {name: held_by.used(value) for name, value in texts.held_by(function).items()}
        around = self.around() if texts.is_users(function) else silent
        changed = texts.changed_by(function)
        return held | {
            name: around.used(value) if name not in changed else around.mark and {around.mark: "value that it changes itself"}
            for name, value in texts.globals_of(function).items()
        }

    def used(self, value: Any) -> Any:
        """A value that a function uses, by its hash where it is long."""
        try:
            described = self(value)
        except Exception:  # an array on another machine, or one that is not there any more, or what a user's class does
            if self.mark == "indescribable":
                raise
            return self.marked(value)
        plain = not isinstance(described, Mapping) or tag_of(described) in ("dict", "list", "items", "set", "frozenset", "objects")
        long = plain and len(json.dumps(described)) > LONGEST and not any(marks(described))
        return {"long": fingerprint(described)} if long else described


def _told_by(text: str | None, uses: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {} if text is None else {"text": hashlib.sha256(text.encode()).hexdigest()}
    known = {name: one for name, one in uses.items() if one is not None and one != {}}
    return told | ({"uses": known} if known else {})


def _is_cast(owner: Any, field: dataclasses.Field, around: bool) -> bool:
    """Whether a run casts the numbers in a field."""
    if isinstance(owner, Phase):
        return field.name in ("duration", "change")
    if isinstance(owner, Recipe) or field.metadata.get("static", False):
        return False
    return around or isinstance(owner, eqx.Module)


def marks(description: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Where a description holds what has none: (path, mark, type)."""
    tag = tag_of(description)
    if tag in MARKS:
        yield path, tag, description[tag]
    elif isinstance(description, list):
        for i, part in enumerate(description):
            yield from marks(part, f"{path}[{i}]")
    elif isinstance(description, Mapping):
        for name, part in description.items():
            if name == NAMED.get(tag):
                for own, inner in part.items():
                    yield from marks(inner, f"{path}.{own}")
            elif isinstance(part, Mapping | list):
                yield from marks(part, path if tag != "class" else f"{path}.{name}")


def indescribable(description: Any) -> str | None:
    """The type of the first value that cannot be told from another of its type, if there is one."""
    return next((name for _, mark, name in marks(description) if mark == "indescribable"), None)


def array_name(array: np.ndarray) -> str:
    """Hash of an array's content."""
    return hashlib.sha256(array.tobytes() + f"{array.dtype}{array.shape}".encode()).hexdigest()


def _is_ours(module: str | None) -> bool:
    return (module or "").split(".")[0] == "neurojax"


def rebuild(description: Any, arrays: Arrays) -> Any:
    """The value of a description.

    Nothing is unpickled: dataclasses, named tuples and functions are imported by name, which runs their modules, and those that are not
    ours must have the text that was described.

    Errors: ValueError saying what cannot be had (a function of a script, a class that is gone).
    """
    return _Builder(arrays)(description)


@dataclasses.dataclass(frozen=True)
class _Builder:
    """Builds values from their descriptions."""

    arrays: Arrays

    def __call__(self, description: Any) -> Any:
        if isinstance(description, list):
            return tuple(map(self, description))
        if not isinstance(description, Mapping):
            return description
        if tag := tag_of(description):
            return KINDS[tag].build(self, description)
        raise ValueError(f"{description} is no description that this version knows")

    def found(self, description: Mapping[str, Any]) -> Any:
        """A function or class by its name, still as it was described."""
        name, found = description["function"], _named(description["function"])
        if not {"text", "uses"} & description.keys() and not texts.is_harmless(name):
            raise ValueError(f"{name} has no text by which it could be told that it is still the same")
        if (here := describe(found)) != description:
            raise ValueError(f"{name} is not the function that the store was made with; {next(differences(description, here, name))}")
        return found

    def class_of(self, description: Mapping[str, Any], name: str) -> type:
        """The class of an object, still as it was described."""
        kind = _named(name)
        if not isinstance(kind, type):
            raise ValueError(f"{name} is no class")
        here = _Writer(None).of_class("class", kind)
        if description.get("class text") != here.get("class text"):
            raise ValueError(f"the text of {name} is not the one that the store was made with{_place(name)}")
        stored, own = ({"uses": one.get("class uses", {})} for one in (description, here))
        if not _are_same(stored, own):
            raise ValueError(f"{name} is not the class that the store was made with; {next(differences(stored, own, name))}")
        return kind

    def member(self, description: Mapping[str, Any]) -> Any:
        """A member of an enumeration: a flag by its value, since a union of flags has no name of its own."""
        kind, name = self.class_of(description, description["enum"]), description["member"]
        if not issubclass(kind, enum.Enum):
            raise ValueError(f"{description['enum']} is no enumeration")
        if issubclass(kind, enum.Flag):
            return kind(self(description["value"]))
        if name not in kind.__members__:
            raise ValueError(f"{description['enum']} has no member {name} (any more)")
        return kind[name]

    def object(self, description: Mapping[str, Any]) -> Any:
        """An object of a class, put together field by field."""
        kind = self.class_of(description, description["class"])
        fields = {name: self(item) for name, item in description.items() if name not in OF_CLASS}
        if issubclass(kind, tuple) and hasattr(kind, "_fields"):
            return kind(**fields)
        if not dataclasses.is_dataclass(kind):
            raise ValueError(f"{description['class']} is no dataclass")
        made = object.__new__(kind)
        for name, value in fields.items():
            object.__setattr__(made, name, value)
        return made


def _named(name: str) -> Any:
    """A class or function by its full name, or one of our classes by its own."""
    if "<" in name:
        raise ValueError(f"{name} has no name to be imported by")
    if "." not in name:
        for module in [m for key, m in sys.modules.items() if _is_ours(key)]:
            found = getattr(module, name, None)
            if isinstance(found, type) and _is_ours(found.__module__):
                return found
        raise ValueError(f"neurojax has no class {name} (any more)")
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        try:
            return functools.reduce(getattr, parts[cut:], found)
        except AttributeError:
            break
    raise ValueError(f"{name} cannot be imported here")


def differences(stored: Any, given: Any, path: str = "") -> Iterator[str]:
    """Lines that say where two descriptions differ: `system.coupling: 1.5 in the store, 2.0 here`."""
    if _have_parts(stored, given):
        for name in [*stored, *(name for name in given if name not in stored)]:
            old, new = stored.get(name), given.get(name)
            if name == NAMED.get(tag_of(stored)):
                yield from _differing(old or {}, new or {}, path)
            elif name in ("run", "records", "options") and not path:
                yield from _differing(old or {}, new or {}, name)
            elif _are_same(old, new):
                continue
            elif name == "class text" or (name == "text" and "function" in stored):
                own = given.get("class", given.get("enum", given.get("function")))
                yield f"{path or 'it'} has another text here{_place(own)}"
            else:
                yield from differences(old, new, f"{path}.{name}".strip("."))
    elif isinstance(stored, list) and isinstance(given, list) and len(stored) == len(given) <= 8:
        for i, (old, new) in enumerate(zip(stored, given, strict=True)):
            if not _are_same(old, new):
                yield from differences(old, new, f"{path}[{i}]")
    else:
        yield f"{path}: {said(stored)} in the store, {said(given)} here"


def _differing(stored: Mapping[str, Any], given: Mapping[str, Any], path: str) -> Iterator[str]:
    """The same of descriptions by names that are the user's own."""
    for name in [*stored, *(name for name in given if name not in stored)]:
        old, new = stored.get(name), given.get(name)
        if not _are_same(old, new):
            yield from differences(old, new, f"{path}.{name}".strip("."))


def _are_same(old: Any, new: Any) -> bool:
    """Whether two descriptions have one fingerprint: 1 and 1.0 have not, though Python finds them equal."""
    return fingerprint(old) == fingerprint(new)


def _have_parts(stored: Any, given: Any) -> bool:
    """Whether two descriptions are compared part by part, and not as one value."""
    if not isinstance(stored, Mapping) or not isinstance(given, Mapping):
        return False
    if {tag_of(stored), tag_of(given)} & {"array", "whole", "float", "enum", "key", "long", "made", *MARKS}:
        return False
    return bool(set(stored) & set(given))


def _place(name: str | None) -> str:
    """Where the text of a function or class is, as far as its name leads there."""
    try:
        thing = texts.unwrapped(_named(name or "<none>"))
        return f" ({inspect.getsourcefile(thing)}, line {inspect.getsourcelines(thing)[1]})"
    except (ValueError, TypeError, OSError):
        return ""
