"""Values typed in a shell: a small language that makes numbers, recipes, records and axes, and can do nothing else."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from neurojax.cli import catalogue
from neurojax.engine.paths import nearest
from neurojax.kuramoto import theory
from neurojax.networks import from_networkx
from neurojax.sweep import latin_hypercube, random_axis, zip_axes

LARGEST_POWER = 64  # of whole numbers: 9**9**9 would never end

BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
UNARY: dict[type, Callable[[Any], Any]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}


def state(view: Any) -> Any:
    """The whole state of any model."""
    return view.state


def arange(start: float, stop: float | None = None, step: float = 1) -> np.ndarray:
    """Values from `start` up to but not including `stop`, `step` apart: arange(0, 1, 0.25)."""
    return np.arange(start, step=step) if stop is None else np.arange(start, stop, step)


def linspace(start: float, stop: float, num: int = 50, endpoint: bool = True) -> np.ndarray:
    """`num` values evenly apart from `start` to `stop`: linspace(0, 4, 24)."""
    return np.linspace(start, stop, num, endpoint)


def logspace(start: float, stop: float, num: int = 50, endpoint: bool = True, base: float = 10.0) -> np.ndarray:
    """`num` values from base^start to base^stop, evenly apart in their logarithm: logspace(-2, 1, 16)."""
    return np.logspace(start, stop, num, endpoint, base)


def geomspace(start: float, stop: float, num: int = 50, endpoint: bool = True) -> np.ndarray:
    """`num` values from `start` to `stop`, evenly apart in their logarithm: geomspace(0.01, 10, 16)."""
    return np.geomspace(start, stop, num, endpoint)


def networkx(name: str, *arguments: Any, attribute: str | None = "weight", normalise: Any = "degree", layout: Any = "auto", **more: Any):
    """A graph that networkx ships or makes: networkx("karate_club_graph"), networkx("grid_2d_graph", 5, 5, normalise="n").

    `attribute`, `normalise` and `layout` are those of `nj.from_networkx`; everything else goes to networkx.
    """
    from networkx import Graph, generators

    known = {
        key: one
        for key, one in vars(generators).items()
        if inspect.isroutine(one) and getattr(one, "__module__", "").startswith("networkx.generators")
    }
    if name not in known:
        raise ValueError(f"networkx makes no graph {name!r}; {_near(str(name), known)}")
    graph = _call(name, known[name], arguments, more)
    if not isinstance(graph, Graph):
        raise ValueError(f"networkx({name!r}) makes a {type(graph).__name__}, not a graph; choose another")
    return from_networkx(graph, attribute, normalise=normalise, layout=layout)


@dataclasses.dataclass(frozen=True)
class Measured:
    """A measure with its settings: `daido_order(harmonic=3)` in an expression. Frozen, so that equal ones compile once."""

    measure: Callable[..., Any]
    settings: tuple[tuple[str, Any], ...]

    def __call__(self, view: Any) -> Any:
        """The measure of a view."""
        return self.measure(view, **dict(self.settings))


AXES = {
    "linspace": linspace,
    "logspace": logspace,
    "geomspace": geomspace,
    "arange": arange,
    "zip": zip_axes,
    "random_axis": random_axis,
    "latin_hypercube": latin_hypercube,
}
HELPERS = {"networkx": networkx, "state": state}
CONSTANTS = {"pi": math.pi, "inf": math.inf, "true": True, "false": False, "null": None}
PREFIXES = ("nj", "neurojax", "np", "numpy")  # so that a line of Python can be pasted


def names(own: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What an expression may use: the public names that make values, closed forms, and a user's own."""
    shipped = {name: one for name, one in catalogue.public().items() if name not in catalogue.ACTIONS}
    closed = {f"theory.{name}": one for name, one in vars(theory).items() if inspect.isfunction(one) and one.__module__ == theory.__name__}
    closed = {name: one for name, one in closed.items() if not name.startswith("theory._")}
    return {**shipped, **closed, **CONSTANTS, **AXES, **HELPERS, **(own or {})}


def evaluate(text: str, known: Mapping[str, Any]) -> Any:
    """The value of an expression over `known` names; the bare name of a class is the class without arguments.

    Numbers, text in quotes, lists, tuples, dicts, arithmetic, names and calls. Errors: ValueError for everything else.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
        value = _value(tree.body, known)
    except SyntaxError as error:
        raise ValueError(f"cannot be read ({error.msg}); write it as in Python, with text in quotes") from error
    except ArithmeticError as error:
        raise ValueError(f"cannot be computed ({error})") from error
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    return _call(text.strip(), value, (), {}) if isinstance(value, type) else value


def _value(node: ast.expr, known: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None as value):
            return value
        case ast.Name() | ast.Attribute():
            return _look_up(_dotted(node), known)
        case ast.List(elts=items):
            return [_value(item, known) for item in items]
        case ast.Tuple(elts=items):
            return tuple(_value(item, known) for item in items)
        case ast.Dict(keys=keys, values=values) if None not in keys:
            return {_value(key, known): _value(value, known) for key, value in zip(keys, values, strict=True) if key is not None}
        case ast.UnaryOp(op=op, operand=operand) if type(op) in UNARY:
            return UNARY[type(op)](_number(operand, known))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY:
            return _combined(op, _number(left, known), _number(right, known))
        case ast.Call(func=ast.Name() | ast.Attribute() as func, args=args, keywords=keywords):
            name = _dotted(func)
            if any(isinstance(arg, ast.Starred) for arg in args) or any(keyword.arg is None for keyword in keywords):
                raise ValueError(f"{name}(...): write out its arguments, without *")
            given = {str(keyword.arg): _value(keyword.value, known) for keyword in keywords}
            return _call(name, _look_up(name, known), tuple(_value(arg, known) for arg in args), given)
    raise ValueError(
        f"{ast.unparse(node)!r} is not allowed here: use numbers, text, lists, tuples, dicts, arithmetic, and names and calls that "
        "`neurojax list` shows or the model's own file has"
    )


def _dotted(node: ast.expr) -> str:
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        raise ValueError(f"{ast.unparse(node)!r} is not allowed before a dot: an expression has no attributes, only names")
    parts.append(node.id)
    if len(parts) > 1 and parts[-1] in PREFIXES:
        parts.pop()
    return ".".join(reversed(parts))


def _look_up(name: str, known: Mapping[str, Any]) -> Any:
    if name in known:
        return known[name]
    if name in catalogue.ACTIONS:
        raise ValueError(f"{name!r} is a command, not a value")
    raise ValueError(f"there is no {name!r}; {_near(name, known)}")


def _near(name: str, known: Mapping[str, Any]) -> str:
    """The nearest name; the whole list would fill the screen."""
    said = nearest(name, list(known))
    return said if said.startswith("did") else "see `neurojax list`; text goes in quotes"


def _number(node: ast.expr, known: Mapping[str, Any]) -> Any:
    value = _value(node, known)
    if isinstance(value, bool) or not isinstance(value, int | float | np.ndarray | np.generic):
        raise ValueError(f"{ast.unparse(node)!r} is no number: arithmetic takes numbers and arrays")
    return value


def _combined(op: ast.operator, left: Any, right: Any) -> Any:
    whole = isinstance(left, int) and isinstance(right, int)
    if isinstance(op, ast.Pow) and whole and (abs(right) > LARGEST_POWER or abs(left) > 2**LARGEST_POWER):
        raise ValueError(f"{left}**{right} is too large: write it as a float, such as {left}.0**{right}")
    return BINARY[type(op)](left, right)


def _call(name: str, what: Any, args: tuple, given: dict[str, Any]) -> Any:
    """Call with a better answer to wrong arguments than Python's."""
    if not callable(what):
        raise ValueError(f"{name!r} is a value, not a function: leave out the brackets")
    parameters = inspect.signature(what).parameters
    if not args and given and name.split(".")[-1] in catalogue.measures() and set(given) <= set(list(parameters)[1:]):
        return Measured(what, tuple(sorted(given.items())))
    if not any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        for argument in given:
            if argument not in parameters:
                raise ValueError(f"{name} has no argument {argument!r}; {nearest(argument, list(parameters))}")
    try:
        inspect.signature(what).bind(*args, **given)
    except TypeError as error:
        raise ValueError(f"{name}: {error}; it takes {inspect.signature(what)}") from error
    return what(*args, **given)
