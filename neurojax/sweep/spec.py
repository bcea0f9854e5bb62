"""What a sweep computes, as JSON: described, told apart, compared, and built again from its description."""

from __future__ import annotations

import contextlib
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

import jax
import jax.numpy as jnp
import numpy as np

from neurojax.engine.numerics import is_key


@runtime_checkable
class Arrays(Protocol):
    """Arrays by hash: a dict, or a store that reads them when they are asked for."""

    def __getitem__(self, name: str, /) -> np.ndarray:
        """One array."""
        ...


def fingerprint(description: Any) -> str:
    """Hash of a description."""
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()


def describe(value: Any, arrays: dict[str, np.ndarray] | None = None) -> Any:
    """JSON for a model, a record, a setting: class names and fields, hashes of arrays, names and texts of functions.

    arrays: gathers the arrays by their hash, without which `rebuild` cannot put them back.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    if isinstance(value, np.generic):
        return describe(value.item())
    if isinstance(value, Mapping):
        return {"dict": {str(k): describe(v, arrays) for k, v in value.items()}}
    if isinstance(value, list):
        return {"list": [describe(v, arrays) for v in value]}
    if isinstance(value, tuple):
        items = [describe(v, arrays) for v in value]
        names = getattr(value, "_fields", None)
        return items if names is None else _of_class(type(value), dict(zip(names, items, strict=True)))
    if is_key(value):
        words = np.asarray(jax.random.key_data(value))
        return {"keys": str(jax.random.key_impl(value)), "words": _array(words, arrays)}
    if hasattr(value, "__array__"):
        return _array(np.asarray(value), arrays)
    if isinstance(value, functools.partial):
        return {"partial": describe(value.func, arrays), "args": describe(value.args, arrays), "keywords": describe(value.keywords, arrays)}
    fields = getattr(value, "__dataclass_fields__", None)
    if fields is not None and not isinstance(value, type):
        return _of_class(type(value), {name: describe(getattr(value, name), arrays) for name in fields})
    if inspect.ismethod(value):
        return {"method": value.__name__, "self": describe(value.__self__, arrays)}
    if callable(value) and hasattr(value, "__qualname__"):
        return _function(value)
    text = repr(value)
    return {"indescribable" if " at 0x" in text else "repr": f"{type(value).__module__}.{type(value).__qualname__}", "text": text}


def indescribable(description: Any) -> str | None:
    """The kind of the first value that cannot be told from another of its kind, if there is one."""
    found = re.search(r'"indescribable": "([^"]+)"', json.dumps(description))
    return found[1] if found else None


def _array(array: np.ndarray, arrays: dict[str, np.ndarray] | None) -> Any:
    if array.ndim == 0:
        return describe(array.item())
    name = array_name(array)
    if arrays is not None:
        arrays[name] = array
    return {"array": list(array.shape), "dtype": str(array.dtype), "sha256": name}


def array_name(array: np.ndarray) -> str:
    """Hash of an array's content."""
    return hashlib.sha256(array.tobytes() + f"{array.dtype}{array.shape}".encode()).hexdigest()


def _of_class(kind: type, fields: dict[str, Any]) -> dict[str, Any]:
    """Ours by name alone, so that a class may move between our modules; others with the text of their equations."""
    if _is_ours(kind.__module__):
        return {"class": kind.__qualname__, **fields}
    return {"class": f"{kind.__module__}.{kind.__qualname__}", "class text": _class_text(kind), **fields}


def _class_text(kind: type) -> str:
    """Hash of the source of a class and of the classes of the same kind that it builds on."""
    texts = []
    for one in kind.__mro__:
        if one.__module__.split(".")[0] not in ("neurojax", "equinox", "builtins", "typing", "abc"):
            with contextlib.suppress(OSError, TypeError):
                texts.append(inspect.getsource(one))
    return hashlib.sha256("".join(texts).encode()).hexdigest()


def _is_ours(module: str | None) -> bool:
    return (module or "").split(".")[0] == "neurojax"


def _function(function: Any, outer: tuple[int, ...] = ()) -> Any:
    """A function by its name, its text, its defaults, and what it has closed over; ours by name. `outer`: those at work."""
    home = function.__module__ or ""
    name = f"{home}.{function.__qualname__}"
    inner = inspect.unwrap(function)
    code = getattr(inner, "__code__", None)
    if code is None or _is_ours(home):
        return {"function": name}
    try:
        text = inspect.getsource(inner)
        text += _code_text(code) if text.count("lambda") > 1 else ""  # several on one line
    except (OSError, TypeError):
        text = _code_text(code)

    def closed(value: Any) -> Any:
        if not inspect.isfunction(value):
            return describe(value)
        return value.__qualname__ if id(value) in (*outer, id(function)) else _function(value, (*outer, id(function)))

    return {
        "function": name,
        "text": hashlib.sha256(text.encode()).hexdigest(),
        "closed over": [closed(cell.cell_contents) for cell in inner.__closure__ or ()],
        "defaults": [describe(inner.__defaults__), describe(inner.__kwdefaults__)],
    }


def _code_text(code: Any) -> str:
    constants = [_code_text(c) if inspect.iscode(c) else repr(c) for c in code.co_consts]
    return f"{code.co_code.hex()} {constants} {code.co_names}"


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
    if "list" in description:
        return [rebuild(item, arrays) for item in description["list"]]
    if "method" in description:
        return getattr(rebuild(description["self"], arrays), description["method"])
    if "float" in description:
        return float(description["float"])
    if "dict" in description:
        return {name: rebuild(item, arrays) for name, item in description["dict"].items()}
    if "array" in description:
        return np.asarray(arrays[description["sha256"]])
    if "keys" in description:
        return jax.random.wrap_key_data(jnp.asarray(rebuild(description["words"], arrays)), impl=description["keys"])
    if "partial" in description:
        function, given, keywords = (rebuild(description[name], arrays) for name in ("partial", "args", "keywords"))
        return functools.partial(function, *given, **keywords)
    if "function" in description:
        found = _named(description["function"])
        if "text" not in description and description["function"].split(".")[0] not in ("neurojax", "jax", "numpy"):
            raise ValueError(f"{description['function']} has no text by which it could be told that it is still the same")
        if describe(found) != description:
            raise ValueError(f"{description['function']} is not the function that the store was made with; its text or its values differ")
        return found
    raise ValueError(f"a {next(iter(description.values()))} cannot be built from its description")


def _built(description: Mapping[str, Any], arrays: Arrays) -> Any:
    """An object of a class, put together field by field."""
    kind = _named(description["class"])
    fields = {name: rebuild(item, arrays) for name, item in description.items() if name not in ("class", "class text")}
    if "class text" in description and _class_text(kind) != description["class text"]:
        raise ValueError(f"the text of {description['class']} is not the one that the store was made with")
    if isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return kind(**fields)
    if not isinstance(kind, type) or not hasattr(kind, "__dataclass_fields__"):
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
    if isinstance(stored, Mapping) and isinstance(given, Mapping) and set(stored) & set(given):
        for name in [*stored, *(name for name in given if name not in stored)]:
            if stored.get(name) != given.get(name):
                inner = path if name == "dict" else f"{path}.{name}".strip(".")
                yield from differences(stored.get(name), given.get(name), inner)
    elif isinstance(stored, list) and isinstance(given, list) and len(stored) == len(given) <= 8:
        for i, (old, new) in enumerate(zip(stored, given, strict=True)):
            if old != new:
                yield from differences(old, new, f"{path}[{i}]")
    else:
        yield f"{path}: {said(stored)} in the store, {said(given)} here"


def said(description: Any) -> str:
    """A description on one line, as its user would write it."""
    if isinstance(description, list):
        return f"[{', '.join(said(item) for item in description)}]"
    if not isinstance(description, Mapping):
        return str(description)
    inner = ", ".join(f"{k}={said(v)}" for k, v in description.items() if k not in ("class", "class text") and v is not None)
    if "class" in description:
        return f"{description['class']}({inner})"
    if "array" in description:
        return f"array of shape {tuple(description['array'])} ({description['sha256'][:8]})"
    if "function" in description:
        mark = f" ({description['text'][:8]})" if "text" in description else ""
        return f"{description['function']}{mark}"
    if "float" in description:
        return description["float"]
    if "list" in description:
        return said(description["list"])
    if "dict" in description:
        return f"{{{', '.join(f'{name}: {said(item)}' for name, item in description['dict'].items())}}}"
    return f"{{{inner}}}"
