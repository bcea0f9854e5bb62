"""One resolver for names of parameters: in `over`, in `where`, in a record's `of=`, in the shell."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def parameters(node: Any, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Attribute paths of every field in a tree of modules, parents before children."""
    if not (dataclasses.is_dataclass(node) and not isinstance(node, type)):
        return
    for field in dataclasses.fields(node):
        path = (*prefix, field.name)
        yield path
        yield from parameters(getattr(node, field.name), path)


def nearest(name: str, known: Sequence[str]) -> str:
    """`; did you mean 'x'?` for the closest known name, else the list of names."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(known)) or 'none'}"


def resolve(node: Any, name: str) -> tuple[str, ...]:
    """The attribute path that `name` means: a full dotted path, or the unique path that ends with it."""
    wanted = tuple(name.split("."))
    paths = list(parameters(node))
    if wanted in paths:
        return wanted
    found = [path for path in paths if path[-len(wanted) :] == wanted]
    if len(found) == 1:
        return found[0]
    owner = type(node).__name__
    if found:
        shortest = min(map(len, found))
        outer = [path for path in found if len(path) == shortest]
        options = ", ".join(".".join(path) for path in found)
        if len(outer) == 1:
            return outer[0]
        raise ValueError(f"parameter {name!r} of {owner} is ambiguous: {options}; give the longer path")
    known = sorted({".".join(path) for path in paths})
    raise ValueError(f"{owner} has no parameter {name!r}; {nearest(name, known)}")


def get(node: Any, path: Sequence[str]) -> Any:
    """The value at an attribute path."""
    for name in path:
        node = node[name] if isinstance(node, Mapping) else getattr(node, name)
    return node


def is_static(node: Any, path: Sequence[str]) -> bool:
    """Whether the field at a path is static (a size, a kind): changing it means compiling again."""
    owner = get(node, path[:-1])
    return bool(next(f for f in dataclasses.fields(owner) if f.name == path[-1]).metadata.get("static", False))


def replace(node: Any, path: Sequence[str], value: Any, check: bool = True) -> Any:
    """A copy of the tree with the value at `path` replaced; `check` runs `__check_init__` of each module on the way.

    Placeholders and traced values are put in without: they would not stand the checks of concrete ones.
    """
    name, *rest = path
    new = replace(getattr(node, name), rest, value, check) if rest else value
    copy = object.__new__(type(node))
    for field in dataclasses.fields(node):
        object.__setattr__(copy, field.name, new if field.name == name else getattr(node, field.name))
    if check:
        check_init(copy)
    return copy


def check_init(module: Any) -> None:
    """What Equinox does of a new module: every `__check_init__` of its class and of the classes that it comes from."""
    for part in reversed(type(module).__mro__):
        if "__check_init__" in vars(part):
            part.__check_init__(module)
