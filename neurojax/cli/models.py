"""Which model is meant, what parameters it has, and how a model is made of the values given for them."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import inspect
import math
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from neurojax.cli import catalogue
from neurojax.cli.expressions import evaluate
from neurojax.engine.paths import get, nearest, parameters, replace, resolve
from neurojax.engine.system import Flow, System
from neurojax.hopfield.files import SUFFIXES, read_patterns


@dataclasses.dataclass(frozen=True)
class Model:
    """A class of systems, or a function that makes one.

    name: as typed. make: the class or function. own: names that its file adds to expressions.
    """

    name: str
    make: Callable[..., Any]
    own: Mapping[str, Any]

    @property
    def arguments(self) -> Mapping[str, inspect.Parameter]:
        """What `make` takes."""
        return inspect.signature(self.make).parameters

    @property
    def short(self) -> str:
        """A name for files."""
        last = self.name.split(":")[-1]
        return re.sub(r"\W+", "-", Path(last).stem).strip("-").lower()

    @property
    def discrete(self) -> bool:
        """Whether it makes its own steps, so far as the class or the function's annotation tells."""
        what = self.make if isinstance(self.make, type) else getattr(self.make, "__annotations__", {}).get("return")
        if isinstance(what, str):
            what = getattr(self.make, "__globals__", {}).get(what)
        return isinstance(what, type) and issubclass(what, System)


def find(name: str) -> Model:
    """A shipped model by name, `file.py:Name`, or `package.module:Name`; Name may be left out where there is one model only."""
    shipped = catalogue.models()
    if name.lower() in shipped:
        return Model(name.lower(), shipped[name.lower()], {})
    where, _, what = name.partition(":")
    if where.endswith(".py"):
        return _member(name, _loaded(Path(where)), what)
    if what:
        return _member(name, _imported(where), what)
    raise ValueError(f"there is no model {name!r}; {nearest(name.lower(), list(shipped))} (your own: my.py:Model or package.module:Model)")


def _loaded(path: Path) -> ModuleType:
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r} (now in {Path.cwd()})")
    path = path.resolve()
    taken = sys.modules.get(path.stem)
    free = taken is None or getattr(taken, "__file__", None) == str(path)
    name = path.stem if free else f"user_{path.stem}"
    # As `python my.py` would: the file may import its neighbours.
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _imported(name: str) -> ModuleType:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise ValueError(f"there is no module {name!r}; give a file (my.py:Model) or a module that Python can import") from error


def _member(name: str, module: ModuleType, what: str) -> Model:
    own = {key: one for key, one in vars(module).items() if not key.startswith("_") and not inspect.ismodule(one)}
    here = {key: one for key, one in own.items() if getattr(one, "__module__", module.__name__) == module.__name__}
    systems = [key for key, one in here.items() if isinstance(one, type) and issubclass(one, Flow | System)]
    if not what:
        if len(systems) != 1:
            raise ValueError(f"{name!r} has {len(systems)} models ({', '.join(systems) or 'none'}): say which, as in {name}:Model")
        what = systems[0]
    if what not in own:
        usable = [key for key, one in own.items() if inspect.isfunction(one) or (isinstance(one, type) and issubclass(one, Flow | System))]
        raise ValueError(f"{name.partition(':')[0]!r} has no {what!r}; {nearest(what, usable)}")
    make = own[what]
    if not callable(make) or (isinstance(make, type) and not issubclass(make, Flow | System)):
        raise ValueError(f"{name!r} is no model: give a subclass of nj.Flow or nj.System, or a function that returns one")
    return Model(name, make, here)


@dataclasses.dataclass(frozen=True)
class Building:
    """A model with values for its parameters, by argument of `make` or by path within what it makes.

    Called with further values it makes another member: so a sweep over a factory's own arguments works.
    """

    model: Model
    values: Mapping[str, Any]

    def __call__(self, **more: Any) -> Any:
        """The system for these values."""
        arguments = self.model.arguments
        values = {**self.values, **more}
        missing = [name for name, one in arguments.items() if _is_required(one) and name not in values]
        if missing:
            raise ValueError(f"{self.model.name} needs a value for {', '.join(missing)}: add {missing[0]}=...")
        system = self.model.make(**{name: value for name, value in values.items() if name in arguments})
        if not isinstance(system, Flow | System):
            raise TypeError(f"{self.model.name} gives a {type(system).__name__}; it must give a nj.Flow or a nj.System")
        for name, value in values.items():
            if name not in arguments:
                system = replace(system, resolve(system, name), value)
        return system


def build(model: Model, texts: Mapping[str, Any], given: set[str], known: Mapping[str, Any], settings: list[str]) -> Building:
    """Evaluate the parameters of a model.

    texts: values or expressions by parameter. given: those that the user gave, as opposed to the example's. settings: for the error
    message of a name that is neither a parameter nor a setting.
    """
    arguments = model.arguments
    values = {name: _argument(name, text, known, arguments[name]) for name, text in texts.items() if name in arguments}
    if "n" in arguments and "n" not in given and (size := _size(values, given)) is not None:
        values["n"] = size
    building = Building(model, values)
    inner = {name: text for name, text in texts.items() if name not in arguments}
    if not inner:
        return building
    system = building()
    for name, text in inner.items():
        path = _resolved(model, system, name, settings)
        values[name] = read(f"model.{name}", text, known, isinstance(get(system, path), str))
    return building


def _argument(name: str, text: Any, known: Mapping[str, Any], argument: inspect.Parameter) -> Any:
    """The value of an argument; patterns also by a word or by the name of a file."""
    if name == "patterns" and isinstance(text, str):
        if text.strip() in catalogue.PATTERNS:
            return catalogue.PATTERNS[text.strip()]()
        if "(" not in text and Path(text).suffix.lower() in SUFFIXES:
            return read_patterns(text)
    return read(f"model.{name}", text, known, _wants_text(argument))


def axes_of_factory(building: Building, columns: list[str]) -> bool:
    """Whether some axis varies an argument that is not a parameter of the system made, so that each point is built anew."""
    if isinstance(building.model.make, type):
        return False
    inside = {".".join(path) for path in parameters(building())}
    return any(name in building.model.arguments and name not in inside for name in columns)


def read(key: str, text: Any, known: Mapping[str, Any], as_text: bool = False) -> Any:
    """The value of a setting: text is an expression unless it is wanted as text; lists and dicts are read item by item."""
    if isinstance(text, Mapping):
        return {name: read(f"{key}.{name}", one, known) for name, one in text.items()}
    if isinstance(text, list):
        return [read(key, one, known) for one in text]
    if not isinstance(text, str):
        return text
    if as_text and not re.fullmatch(r"""\s*(None|null|['"].*['"])\s*""", text):
        return text
    try:
        return evaluate(text, known)
    except (ValueError, TypeError) as error:
        raise type(error)(f"{key}={text}: {error}") from error


def describe(model: Model) -> str:
    """Parameters with their defaults, and the model's own words."""
    arguments = model.arguments
    width = max(map(len, arguments), default=0)
    lines = [f"  {name:{width}}  {'(required)' if _is_required(one) else repr(one.default)}" for name, one in arguments.items()]
    return "\n".join([f"Parameters of {model.name}:", *lines, "", inspect.getdoc(model.make) or ""]).rstrip()


def _is_required(argument: inspect.Parameter) -> bool:
    return argument.default is argument.empty and argument.kind not in (argument.VAR_KEYWORD, argument.VAR_POSITIONAL)


def _wants_text(argument: inspect.Parameter) -> bool:
    return isinstance(argument.default, str) or re.search(r"\bstr\b|\bLiteral\b", str(argument.annotation)) is not None


def _size(values: Mapping[str, Any], given: set[str]) -> int | None:
    """Number of units of the first given value that has its own: a network from a file, an array."""
    for name in given & values.keys():
        value = values[name]
        size = _units(value.shape) if isinstance(value, np.ndarray) and value.ndim else getattr(value, "n", None)
        if isinstance(size, int):
            return size
    return None


def _units(shape: tuple[int, ...]) -> int:
    """Units of an array of one number each, or of rows of them: frequencies (n,), patterns (P, n) or (P, rows, columns)."""
    return shape[0] if len(shape) == 1 else math.prod(shape[1:])


def _resolved(model: Model, system: Any, name: str, settings: list[str]) -> tuple[str, ...]:
    try:
        return resolve(system, name)
    except ValueError as error:
        if "ambiguous" in str(error):
            raise
        known = [*model.arguments, *(".".join(path) for path in parameters(system)), *settings]
        raise ValueError(f"{name!r} is neither a setting nor a parameter of {model.name}; {nearest(name, sorted(set(known)))}") from None
