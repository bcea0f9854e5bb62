"""What neurojax offers, by kind, found by looking: a new model or measure appears here without being entered anywhere."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import neurojax as nj

# Work that an expression must not start, and files that it must not write: an expression only makes a value.
ACTIONS = frozenset({"all_basins", "explain", "load", "load_state", "recall_by_cue", "save_state", "simulate", "sweep", "use_cpus"})
# What memories store, by a word: `patterns=digits`.
PATTERNS: dict[str, Callable[..., Any]] = {
    "letters": nj.hopfield.patterns.letters,
    "digits": nj.hopfield.patterns.digits,
    "random": nj.RandomPatterns,
    "from_text": nj.hopfield.patterns.from_text,
    "from_images": nj.hopfield.patterns.from_images,
    "read_patterns": nj.hopfield.read_patterns,
}


def public() -> dict[str, Any]:
    """The names of `neurojax` but its modules, and those of what networks are trained to do, what is stored, and what is measured."""
    shown = {name: value for name, value in vars(nj).items() if not name.startswith("_") and not inspect.ismodule(value)}
    for module in (nj.force.measures, nj.force.targets, nj.force.tasks, nj.hopfield.measures):
        own = {name: value for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__}
        shown |= {name: value for name, value in own.items() if not name.startswith("_")}
    shown |= {name: one for name, one in PATTERNS.items() if name != "random"}
    # By the family's name: other memories have overlaps, too.
    return shown | {f"multiscale.{name}": getattr(nj.multiscale.measures, name) for name in nj.multiscale.measures.__all__}


def models() -> dict[str, Callable[..., Any]]:
    """Shipped models by the name that the command line knows them by."""
    found: dict[str, Callable[..., Any]] = {name.lower(): one for name, one in below(nj.Flow, nj.System).items()}
    found["force"] = found.pop("training")
    found["hopfield"] = nj.hopfield.memory
    return found


def measures() -> dict[str, Any]:
    """What a record can watch: every public thing in a module `measures` that takes a view and needs nothing else."""
    return {name: one for name, one in public().items() if getattr(one, "__module__", "").endswith(".measures") and _is_measure(one)}


def below(*bases: type, but: tuple[type, ...] = ()) -> dict[str, type]:
    """Public proper subclasses."""
    excluded = (*bases, *but)
    return {name: one for name, one in public().items() if isinstance(one, type) and issubclass(one, bases) and one not in excluded}


def _is_measure(value: Callable[..., Any]) -> bool:
    if isinstance(value, type):
        return "__call__" in vars(value)
    first, *others = inspect.signature(value).parameters.values()
    return first.name in ("source", "view") and all(one.default is not one.empty for one in others)
