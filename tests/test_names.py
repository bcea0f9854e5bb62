"""The public names."""

import importlib
from collections import Counter

PARTS = ("engine", "force", "hopfield", "kuramoto", "learning", "multiscale", "networks", "sweep", "tuning")


def test_no_name_means_two_things():
    """`neurojax.X` gathers the names of all parts: of one that two parts export, the user would get either."""
    names = [name for part in PARTS for name in importlib.import_module(f"neurojax.{part}").__all__]
    assert [name for name, count in Counter(names).items() if count > 1] == []
