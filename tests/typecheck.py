"""What every function of neurojax is checked with in the tests; `tests/conftest.py` has jaxtyping's import hook put it on all of them."""

from collections.abc import Callable
from typing import Any

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int is a float, as for every static checker


def typechecker(stand_in: Callable) -> Callable:
    """Check a call when it has come to its end, so that a function may refuse an argument with its own words, which tests look at.

    jaxtyping calls two stand-ins around a function: one with the arguments before it, and one with the arguments and, as the keyword
    `ret0`, the result after it, if its type is annotated. The first is left alone.
    """
    if not {"ret0", "return"} <= stand_in.__annotations__.keys():
        return stand_in
    check = checked(stand_in)
    if stand_in.__name__ != "__init__":
        return check

    def check_fields(self: Any, *arguments: Any, **keywords: Any) -> None:
        # Equinox calls a module's own check after __init__.
        if not hasattr(self, "__check_init__"):
            check(self, *arguments, **keywords)

    return check_fields
