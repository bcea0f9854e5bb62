"""What a sweep computes, as JSON: described, told apart, compared, and built again from its description."""

from __future__ import annotations

import dataclasses
import enum
import functools
import hashlib
import importlib
import inspect
import json
import math
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import jax
import numpy as np

from neurojax.engine.numerics import is_key
from neurojax.engine.schedule import Phase
from neurojax.engine.system import Recipe
from neurojax.sweep import texts

OF_CLASS = ("class", "class text", "class uses")
LONGEST = 1000  # characters of a value that a function uses, beyond which its hash stands for it


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
    defaults, and the values and helpers of the user's own modules, as far as they can be described.

    arrays: gathers the arrays by their hash, without which `rebuild` cannot put them back.
    cast: the value is one that a run casts, as it does a state: 3 becomes 3.0 there, while np.int32(3) stays whole.
    """
    return _Writer(arrays)(value, cast)


@dataclasses.dataclass(frozen=True)
class _Writer:
    """Writes one description.

    met: the functions and classes met so far within the outermost one, each of which is described once, whoever calls whom.
    lenient: what cannot be described is left out of what functions use.
    """

    arrays: dict[str, np.ndarray] | None
    met: dict[int, Any] | None = None
    lenient: bool = False

    def __call__(self, value: Any, cast: bool = False) -> Any:
        if isinstance(value, enum.Enum):
            own = self(value.value)
            return self.of_class("enum", type(value)) | {"member": value.name} | ({} if _undescribed(own) else {"value": own})
        if isinstance(value, float) and not math.isfinite(value):
            return {"float": str(value)}
        if isinstance(value, bool | int | float | str) or value is None:
            return value.item() if isinstance(value, np.generic) else value
        if isinstance(value, np.generic):
            return self.array(np.asarray(value), cast)
        if isinstance(value, type):
            return self.kind(value)
        if isinstance(value, Mapping):
            return self.mapping(value, cast)
        if isinstance(value, list):
            return {"list": [self(v, cast) for v in value]}
        if isinstance(value, frozenset | set):
            return {type(value).__name__: sorted(map(self, value), key=json.dumps)}  # each process has an order of its own
        if isinstance(value, tuple):
            items = [self(v, cast) for v in value]
            names = getattr(value, "_fields", None)
            return items if names is None else self.of_class("class", type(value), dict(zip(names, items, strict=True)))
        if is_key(value):
            return {"key": str(jax.random.key_impl(value)), "words": self.array(np.asarray(jax.random.key_data(value)))}
        if hasattr(value, "__array__"):
            return self.array(np.asarray(value), cast)
        if isinstance(value, functools.partial):
            return {"partial": self(value.func), "args": self(value.args), "keywords": self(value.keywords)}
        if isinstance(value, texts.JITTED):
            return self(value.__wrapped__)  # pyright: ignore[reportAttributeAccessIssue]
        fields = getattr(value, "__dataclass_fields__", None)
        if fields is not None:
            own = {name: self(getattr(value, name), _is_cast(value, field, cast)) for name, field in fields.items()}
            return self.of_class("class", type(value), own)
        if inspect.ismethod(value):
            return {"method": value.__name__, "self": self(value.__self__)}
        if callable(value) and hasattr(value, "__qualname__"):
            return self.function(value)
        text, name = repr(value), f"{type(value).__module__}.{type(value).__qualname__}"
        return {"indescribable" if " at 0x" in text else "repr": name, "text": text}

    def array(self, array: np.ndarray, cast: bool = False) -> Any:
        """An array; a number of its own as such, but for one whose being whole matters."""
        if array.ndim == 0:
            return {"whole": array.item(), "dtype": str(array.dtype)} if cast and array.dtype.kind in "iu" else self(array.item())
        name = array_name(array)
        if self.arrays is not None:
            self.arrays[name] = array
        return {"array": list(array.shape), "dtype": str(array.dtype), "sha256": name}

    def mapping(self, value: Mapping[Any, Any], cast: bool) -> Any:
        """A dict, whose order is kept: that of a schedule's phases matters."""
        if any(type(name) is not str for name in value):
            return {"items": [[self(name), self(item, cast)] for name, item in value.items()]}
        order = {"order": list(value)} if list(value) != sorted(value) else {}
        return {"dict": {name: self(item, cast) for name, item in value.items()}} | order

    def of_class(self, key: str, kind: type, fields: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """An object: ours by the class's name alone, so that it may move between our modules; others with the text of their equations."""
        known = self.kind(kind)
        if "indescribable" in known:
            return known
        name = kind.__qualname__ if _is_ours(kind.__module__) else known["function"]
        return {key: name, **{f"class {part}": known[part] for part in ("text", "uses") if part in known}, **(fields or {})}

    def kind(self, kind: type) -> dict[str, Any]:
        """A class, with what its methods use by method, and the values in its body."""
        name = texts.named(kind)
        if texts.is_known(kind) or id(kind) in (self.met or {}):
            return {"function": name}
        text, inner, uses = texts.class_text(kind), self.within(kind, lenient=True), {}
        if text is None:
            return {"indescribable": name, "text": ""}
        for one in texts.own_classes(kind):
            prefix = "" if one is kind else f"{one.__qualname__}."
            for method, function in texts.methods_of(one):
                uses[prefix + method] = uses.get(prefix + method, {}) | inner.used_by(function)
            uses |= {prefix + attribute: inner.used(value) for attribute, value in texts.attributes_of(one)}
        return _told_by(name, text, uses)

    def function(self, function: Any) -> dict[str, Any]:
        """A function: of a known library by name."""
        name, inner = texts.named(function), texts.unwrapped(function)
        if texts.is_known(function) or id(inner) in (self.met or {}) or not hasattr(inner, "__code__"):
            return {"function": name}
        return _told_by(name, texts.text_of(inner), self.within(inner, self.lenient).used_by(inner))

    def within(self, thing: Any, lenient: bool) -> _Writer:
        """A writer for what a function or class uses."""
        met = {} if self.met is None else self.met
        met[id(thing)] = thing
        return _Writer(None, met, lenient)

    def used_by(self, function: Any) -> dict[str, Any]:
        """What a function uses, by name."""
        own = texts.text_of(function) is not None
        held = {name: self.used(value) if self.lenient or not own else self(value) for name, value in texts.held_by(function).items()}
        lenient = dataclasses.replace(self, lenient=True)
        return held | {name: lenient.used(value) for name, value in texts.globals_of(function).items()}

    def used(self, value: Any) -> Any:
        """A value that a function uses; None if it cannot be described, like a lock."""
        try:
            described = self(value)
        except Exception:  # an array on another machine, or one that is not there any more, or what a user's class does
            return None
        if _undescribed(described):
            return None
        plain = not isinstance(described, Mapping) or described.keys() & {"dict", "list", "items", "set", "frozenset"}
        return {"long": fingerprint(described)} if plain and len(json.dumps(described)) > LONGEST else described


def _told_by(name: str, text: str | None, uses: Mapping[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {"function": name}
    if text is not None:
        described["text"] = hashlib.sha256(text.encode()).hexdigest()
    known = {name: one for name, one in uses.items() if one is not None and one != {}}
    return described | ({"uses": known} if known else {})


def _is_cast(owner: Any, field: dataclasses.Field, around: bool) -> bool:
    """Whether a run casts the numbers in a field."""
    if isinstance(owner, Phase):
        return field.name == "change"
    if isinstance(owner, Recipe) or field.metadata.get("static", False):
        return False
    return around or isinstance(owner, eqx.Module)


def _undescribed(description: Any) -> bool:
    return re.search(r'"(indescribable|repr)": "', json.dumps(description)) is not None


def indescribable(description: Any) -> str | None:
    """The kind of the first value that cannot be told from another of its kind, if there is one."""
    found = re.search(r'"indescribable": "([^"]+)"', json.dumps(description))
    return found[1] if found else None


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
    if isinstance(description, list):
        return tuple(rebuild(item, arrays) for item in description)
    if not isinstance(description, Mapping):
        return description
    if "class" in description:
        return _built(description, arrays)
    if "enum" in description:
        return _member(description, arrays)
    if "function" in description:
        return _found(description)
    if "list" in description:
        return [rebuild(item, arrays) for item in description["list"]]
    if "set" in description or "frozenset" in description:
        ((kind, items),) = description.items()
        return {"set": set, "frozenset": frozenset}[kind](rebuild(item, arrays) for item in items)
    if "method" in description:
        return getattr(rebuild(description["self"], arrays), description["method"])
    if "float" in description:
        return float(description["float"])
    if "whole" in description:
        return np.dtype(description["dtype"]).type(description["whole"])
    if "key" in description:
        return jax.random.wrap_key_data(rebuild(description["words"], arrays), impl=description["key"])
    if "dict" in description:
        return {name: rebuild(description["dict"][name], arrays) for name in description.get("order", description["dict"])}
    if "items" in description:
        return {rebuild(name, arrays): rebuild(item, arrays) for name, item in description["items"]}
    if "array" in description:
        return np.asarray(arrays[description["sha256"]])
    if "partial" in description:
        function, given, keywords = (rebuild(description[name], arrays) for name in ("partial", "args", "keywords"))
        return functools.partial(function, *given, **keywords)
    raise ValueError(f"a {next(iter(description.values()))} cannot be built from its description")


def _found(description: Mapping[str, Any]) -> Any:
    """A function or class by its name, still as it was described."""
    name, found = description["function"], _named(description["function"])
    if not {"text", "uses"} & description.keys() and name.split(".")[0] not in texts.KNOWN:
        raise ValueError(f"{name} has no text by which it could be told that it is still the same")
    if (here := describe(found)) != description:
        raise ValueError(f"{name} is not the function that the store was made with; {next(differences(description, here, name))}")
    return found


def _class(description: Mapping[str, Any], name: str) -> type:
    """The class of an object, still as it was described."""
    kind = _named(name)
    if not isinstance(kind, type):
        raise ValueError(f"{name} is no class")
    here = _Writer(None).of_class("class", kind)
    if description.get("class text") != here.get("class text"):
        raise ValueError(f"the text of {name} is not the one that the store was made with")
    stored, own = ({"uses": one.get("class uses")} for one in (description, here))
    if stored != own:
        raise ValueError(f"{name} is not the class that the store was made with; {next(differences(stored, own, name))}")
    return kind


def _member(description: Mapping[str, Any], arrays: Arrays) -> Any:
    """A member of an enumeration: a flag by its value, since a union of flags has no name of its own."""
    kind, name = _class(description, description["enum"]), description["member"]
    if not issubclass(kind, enum.Enum):
        raise ValueError(f"{description['enum']} is no enumeration")
    if issubclass(kind, enum.Flag):
        return kind(rebuild(description["value"], arrays))
    if name not in kind.__members__:
        raise ValueError(f"{description['enum']} has no member {name} (any more)")
    return kind[name]


def _built(description: Mapping[str, Any], arrays: Arrays) -> Any:
    """An object of a class, put together field by field."""
    kind = _class(description, description["class"])
    fields = {name: rebuild(item, arrays) for name, item in description.items() if name not in OF_CLASS}
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return kind(**fields)
    if not hasattr(kind, "__dataclass_fields__"):
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
            if old == new:
                continue
            if name in ("dict", "uses", "class uses"):
                yield from differences(old or {}, new or {}, path)
            elif name == "class text" or (name == "text" and "function" in stored):
                yield f"{path or 'it'} has another text here: {str(old)[:8]} in the store, {str(new)[:8]} here"
            else:
                yield from differences(old, new, f"{path}.{name}".strip("."))
    elif isinstance(stored, list) and isinstance(given, list) and len(stored) == len(given) <= 8:
        for i, (old, new) in enumerate(zip(stored, given, strict=True)):
            if old != new:
                yield from differences(old, new, f"{path}[{i}]")
    else:
        yield f"{path}: {said(stored)} in the store, {said(given)} here"


def _have_parts(stored: Any, given: Any) -> bool:
    """Whether two descriptions are compared part by part, and not as one value."""
    if not isinstance(stored, Mapping) or not isinstance(given, Mapping):
        return False
    if "class" not in stored and {"array", "whole", "float", "enum", "key", "long"} & {*stored, *given}:
        return False
    return not stored or not given or bool(set(stored) & set(given))


def said(description: Any) -> str:
    """A description on one line, as its user would write it."""
    if isinstance(description, list):
        return f"[{', '.join(map(said, description))}]"
    if not isinstance(description, Mapping):
        return str(description)
    inner = ", ".join(f"{k}={said(v)}" for k, v in description.items() if k not in OF_CLASS and v is not None)
    if "class" in description:
        return f"{description['class']}({inner})"
    if "enum" in description:
        return f"{description['enum']}.{description['member']}"
    if "array" in description:
        return f"array of shape {tuple(description['array'])} ({description['sha256'][:8]})"
    if "whole" in description:
        return f"{description['dtype']}({description['whole']})"
    if "function" in description:
        mark = f" ({description['text'][:8]})" if "text" in description else ""
        return f"{description['function']}{mark}"
    if "float" in description:
        return description["float"]
    if "long" in description:
        return f"a long value ({description['long'][:8]})"
    for kind, brackets in (("list", "[]"), ("set", "{}"), ("frozenset", "{}")):
        if kind in description:
            return f"{brackets[0]}{', '.join(map(said, description[kind]))}{brackets[1]}"
    if "dict" in description or "items" in description:
        items = description["items"] if "items" in description else description["dict"].items()
        return f"{{{', '.join(f'{said(name)}: {said(item)}' for name, item in items)}}}"
    return f"{{{inner}}}"
