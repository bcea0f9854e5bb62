"""What tells functions and classes apart beside their names: their texts, and the values that these texts use."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import dis
import functools
import inspect
import os
import sys
import textwrap
from argparse import Namespace
from collections.abc import MutableMapping, MutableSequence, MutableSet
from pathlib import Path
from types import CodeType, GenericAlias, GetSetDescriptorType, MemberDescriptorType, ModuleType, SimpleNamespace, UnionType
from typing import Any

import equinox as eqx

# Known by name alone: a new version of theirs may go on with a store.
KNOWN = ("neurojax", "jax", "jaxlib", "numpy", "equinox", "optax")
# Built again by name alone, though without a text: what only calculates. A store may come from anyone, and Python's library can do harm.
CALCULATING = ("math", "cmath", "operator", "_operator")
BUILTIN = "abs bool complex dict float frozenset int len list max min pow range round set slice sorted str sum tuple"
# Modules whose objects serve a program, and say nothing of what it computes.
MACHINERY = "abc asyncio concurrent contextvars _contextvars io _io jax jaxlib logging multiprocessing os posix threading _thread typing"
MACHINERY_TYPES = (object, MemberDescriptorType, GetSetDescriptorType, UnionType, GenericAlias)
CHANGING = ("append", "appendleft", "add", "extend", "insert", "pop", "setdefault", "update")  # methods of containers
PYTHON = os.path.dirname(os.__file__)
JITTED: type = type(eqx.filter_jit(lambda: None))  # no function, but a module around one


def named(thing: Any) -> str:
    """Full name of a function or class."""
    return f"{_module(thing)}.{_qualname(thing)}"


def is_known(thing: Any) -> bool:
    """Whether a function or class is one of Python's, or of the libraries that `neurojax` is made of, and its name leads to it.

    What such a library has made at run time (`jax.nn.initializers.normal(0.1)`) has a name that leads nowhere.
    """
    return _is_known(_module(thing)) and (isinstance(thing, type) or leads_to(thing))


def is_installed(thing: Any) -> bool:
    """Whether a module, or a function or class by its name, is of an installed package: not the user's own work."""
    if isinstance(thing, ModuleType):
        return _is_known(thing.__name__) or _in_packages(thing.__name__)
    return is_known(thing) or (_in_packages(_module(thing)) and leads_to(thing))


def is_users(function: Any) -> bool:
    """Whether the text of a function is the user's own."""
    return not (_is_known(_home(function)) or _in_packages(_home(function)))


def is_harmless(name: str) -> bool:
    """Whether a function or class without a text may be had by its full name."""
    package, _, rest = name.partition(".")
    return package in (*KNOWN, *CALCULATING) or (package == "builtins" and rest in BUILTIN.split())


def is_machinery(value: Any) -> bool:
    """Whether a value that has no description may change without another result: a logger, a lock, a mere sign (`object()`)."""
    return type(value) in MACHINERY_TYPES or type(value).__module__.split(".")[0] in MACHINERY.split()


def _module(thing: Any) -> str:
    return getattr(thing, "__module__", None) or "builtins"


def _qualname(thing: Any) -> str:
    return getattr(thing, "__qualname__", None) or getattr(thing, "__name__", None) or ""


def _home(function: Any) -> str:
    """The module whose text a function is part of, whatever it wraps."""
    return getattr(function, "__globals__", {}).get("__name__") or ""


def _is_known(module: str) -> bool:
    return module.split(".")[0] in KNOWN or _is_python(module)


def _is_python(module: str) -> bool:
    return module in sys.builtin_module_names or (_file(module).startswith(PYTHON + os.sep) and not _in_packages(module))


def _in_packages(module: str) -> bool:
    return not {"site-packages", "dist-packages"}.isdisjoint(Path(_file(module)).parts)


def _file(module: str) -> str:
    # What is run is the user's, though it be a cell in a notebook's kernel.
    return (getattr(sys.modules.get(module), "__file__", None) or "") if module != "__main__" else ""


def leads_to(thing: Any) -> bool:
    """Whether the name of a function or class leads to it."""
    found: Any = sys.modules.get(_module(thing))
    for name in _qualname(thing).split("."):
        found = getattr(found, name, None)
    return found is thing


def unwrapped(function: Any) -> Any:
    """The function whose code runs within jits, caches and type checkers.

    What the user's own code has wrapped, and JAX's transformations, are left as they are: `jax.vmap(f)` is not `f`.
    """

    def counts(layer: Any) -> bool:
        home = _home(layer)
        return hasattr(layer, "__code__") and (home.split(".")[0] == "jax" or not (_is_known(home) or _in_packages(home)))

    return inspect.unwrap(function, stop=counts)


def text_of(function: Any) -> str | None:
    """The source of a function; its bytecode where there is no source, or beside it where that is a part only. Of known ones none."""
    code = getattr(function, "__code__", None)
    return None if code is None or _is_known(_home(function)) else _text(code, code.co_filename)


@functools.lru_cache(maxsize=4096)
def _text(code: CodeType, file: str) -> str:
    """The text of a code. `file` tells apart what is kept: codes of two files may be equal, with texts that differ."""
    try:
        text = inspect.getsource(code)
    except (OSError, TypeError):
        return _bytecode(code)
    # Of a lambda that is the line where it begins: others may stand there too, and it may go on in the next one.
    return text + (_bytecode(code) if code.co_name == "<lambda>" else "")


def _bytecode(code: CodeType) -> str:
    constants = ", ".join(map(_constant, code.co_consts))
    return f"{code.co_code.hex()} [{constants}] {code.co_names} {code.co_varnames} {code.co_flags}"


def _constant(value: Any) -> str:
    if isinstance(value, CodeType):
        return _bytecode(value)
    if isinstance(value, frozenset):  # which each process prints in an order of its own
        return f"{{{', '.join(sorted(map(_constant, value)))}}}"
    return f"({', '.join(map(_constant, value))})" if isinstance(value, tuple) else repr(value)


def held_by(function: Any) -> dict[str, Any]:
    """What a function has closed over, and the defaults of its arguments."""
    code, found = function.__code__, {}
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # a name that has no value yet
            found[name] = cell.cell_contents
    defaults = function.__defaults__ or ()
    names = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
    return found | dict(zip(names, defaults, strict=True)) | (function.__kwdefaults__ or {})


def globals_of(function: Any) -> dict[str, Any]:
    """What a function uses of its module and of the user's other modules and namespaces: `speed`, `helpers.speed`.

    Of installed packages by name: what a text calls `xp` or `act` may be one or the other. The environment is left out.
    """
    found = {}
    for path in _global_paths(function.__code__) if text_of(function) is not None else ():
        names = path.split(".")
        value, used = function.__globals__.get(names[0]), 1
        while used < len(names) and _is_looked_into(value):
            value, used = getattr(value, names[used], None), used + 1
        if value is not None and value is not os.environ and not names[0].startswith("__"):
            found[".".join(names[:used])] = _short(value)
    return found


def _short(value: Any) -> Any:
    """A value; of a module or what is installed its name, without the packages' own modules, which move between versions."""
    if isinstance(value, ModuleType):
        return value.__name__
    installed = hasattr(value, "__qualname__") and is_installed(value)
    return f"{_module(value).split('.')[0]} {_qualname(value)}" if installed else value


def _is_looked_into(value: Any) -> bool:
    """Whether only those attributes of a value count that a function uses: of the user's modules, and of a command's arguments."""
    return (isinstance(value, ModuleType) and not is_installed(value)) or type(value) in (SimpleNamespace, Namespace)


@functools.lru_cache(maxsize=4096)
def _global_paths(code: CodeType) -> list[str]:
    """Global names that a code reads, with the attributes that it reads of them at once."""
    paths, path = set(), None
    for instruction in dis.get_instructions(code):
        if path is not None and instruction.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            path = f"{path}.{instruction.argval}"
            continue
        paths.update([path] if path is not None else [])
        path = instruction.argval if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME") else None
    inner = [path for constant in code.co_consts if isinstance(constant, CodeType) for path in _global_paths(constant)]
    return sorted(paths.union(inner))


def changed_by(function: Any) -> set[str]:
    """Names of globals that a function sets, and of containers of its module that it puts something into: a count of calls, a memo."""
    text, held = text_of(function) or "", function.__globals__
    sets, stores, calls = _changes(text)
    containers = {name for name in calls if isinstance(held.get(name), MutableMapping | MutableSequence | MutableSet)}
    return {*sets, *(name for name in stores if not isinstance(held.get(name), ModuleType)), *containers}


@functools.lru_cache(maxsize=4096)
def _changes(text: str) -> tuple[set[str], set[str], set[str]]:
    """Names that a text declares global, that it stores items into, and of which it calls methods that change containers."""
    try:
        nodes = list(ast.walk(ast.parse(textwrap.dedent(text))))
    except SyntaxError:  # a lambda's, or none
        return set(), set(), set()
    called = [node.func for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    stored = [node for node in nodes if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load)]
    return (
        {name for node in nodes if isinstance(node, ast.Global) for name in node.names},
        {node.value.id for node in stored if isinstance(node.value, ast.Name)},
        {node.value.id for node in called if isinstance(node.value, ast.Name) and node.attr in CHANGING},
    )


def own_classes(kind: type) -> list[type]:
    """A class and those it builds on, but for known ones."""
    return [one for one in kind.__mro__ if not is_known(one)]


def class_text(kind: type) -> str | None:
    """Source, fields, and texts of the methods of a class and of those it builds on; None where there is nothing to tell it by."""
    fields = dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()
    texts = [f"{one.name} static={one.metadata.get('static', False)}" for one in fields] + [*getattr(kind, "_fields", ())]
    seen = False
    for one in own_classes(kind):
        source, methods = _source(one), methods_of(one)
        if source is None and any(_is_opaque(value) for name, value in vars(one).items() if not name.startswith("_")):
            return None
        # The source alone is not enough: it is that of the file, where a notebook may have another class of this name.
        texts += ([source] if source is not None else []) + [f"{name} {text_of(function)}" for name, function in methods]
        seen |= bool(attributes_of(one))
    return "\n".join(texts) if texts or seen else None


@functools.lru_cache(maxsize=256)
def _source(kind: type) -> str | None:
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):
        return None


def methods_of(kind: type) -> list[tuple[str, Any]]:
    """The functions in the body of a class, by name: static and class methods and properties too, but not those that are generated."""
    return [
        (name, function)
        for name, value in sorted(vars(kind).items())
        for function in _functions_in(value)
        if not function.__code__.co_qualname.startswith("__create_fn__") and not _home(function).startswith("namedtuple_")
    ]


def attributes_of(kind: type) -> list[tuple[str, Any]]:
    """The values in the body of a class, by name; not the defaults of fields, which its objects have themselves."""
    members = getattr(kind, "__members__", None)
    if members is not None:
        return [(name, member.value) for name, member in members.items()]
    fields = [one.name for one in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else getattr(kind, "_fields", ())
    hidden = {*fields, "_fields", "_field_defaults", "_abc_impl"}
    own = [(name, _parts(value)) for name, value in sorted(vars(kind).items()) if name not in hidden and not name.startswith("__")]
    return [(name, part) for name, parts in own if not _functions_among(parts) for part in parts]


def _parts(value: Any) -> list[Any]:
    """What an attribute of a class consists of: of a property its functions, of a static method that within."""
    if isinstance(value, property):
        return [part for part in (value.fget, value.fset, value.fdel) if part is not None]
    if isinstance(value, staticmethod | classmethod):
        return [value.__func__]
    return [value.func if isinstance(value, functools.cached_property | functools.partialmethod) else value]


def _functions_in(value: Any) -> list[Any]:
    """The functions that an attribute of a class consists of, but for those of known libraries."""
    return _functions_among(_parts(value))


def _functions_among(parts: list[Any]) -> list[Any]:
    functions = [unwrapped(part) for part in parts if callable(part) and not isinstance(part, type) and not is_known(part)]
    return [function for function in functions if hasattr(function, "__code__") and not _is_python(_home(function))]


def _is_opaque(value: Any) -> bool:
    """Whether an attribute of a class is a method whose code cannot be seen, since it is compiled."""
    methods = [part for part in _parts(value) if callable(part) and not isinstance(part, type) and hasattr(part, "__qualname__")]
    return any(not is_known(method) for method in methods) and not _functions_among(methods)
