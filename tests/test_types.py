"""Annotations are checked at every call in the tests, shapes included."""

import contextlib
import importlib
import inspect
import pkgutil
from typing import get_type_hints

import numpy as np
import pytest
from jaxtyping import TypeCheckError

import neurojax as nj


def test_a_wrong_shape_is_found():
    square, oblong = np.ones((3, 3)), np.ones((3, 2))
    assert nj.phase_locking_value((square, square)).shape == (3, 3)
    with pytest.raises(TypeCheckError, match="phase_locking_value"):
        nj.phase_locking_value((oblong, oblong))


def annotated():
    """Classes and functions of all modules, methods too."""
    for module in pkgutil.walk_packages(nj.__path__, "neurojax."):
        if module.name != "neurojax.cli.__main__":
            for item in vars(importlib.import_module(module.name)).values():
                if getattr(item, "__module__", None) == module.name:
                    yield from [item, *vars(item).values()] if inspect.isclass(item) else [item]


def test_every_annotation_can_be_read():
    """One that jaxtyping cannot evaluate is checked no more than Any, without a word. Names that only static checkers import are lost."""
    read = 0
    for item in annotated():
        if inspect.isclass(item) or inspect.isfunction(item):
            with contextlib.suppress(NameError):
                read += bool(get_type_hints(item, include_extras=True))
    assert read > 500
