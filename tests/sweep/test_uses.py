"""What tells functions and values apart: texts, what these use, and what can be described of it; the rest is refused or said."""

import argparse
import collections
import copy
import dataclasses
import datetime
import fractions
import functools
import inspect
import json
import operator
import os
import re
import threading
import types
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse

import neurojax as nj
from neurojax.sweep.spec import describe, differences, fingerprint, indescribable, marks, rebuild
from neurojax.sweep.store import Store
from tests.sweep.models import Growth, largest
from tests.sweep.sources import typed, written

RECORD = {"most": nj.Last(largest)}


class Opaque:
    """Nothing to tell its values by."""


@dataclasses.dataclass(frozen=True)
class Held:
    """A dataclass around a value."""

    value: Any


SPARSE = scipy.sparse.csr_array(np.eye(2))


def built(gain):
    """A model that uses what has no description."""
    return Growth(gain * SPARSE[0, 0])


def test_a_lambda_of_several_lines_is_all_of_them(tmp_path):
    """Its source, as Python gives it, ends with the line in which it begins."""
    text = "made = dict(\n    below=lambda rate:\n        rate * {0},\n    further=lambda view: (view\n        + {0}),\n)"
    one, same, other = (written(tmp_path, text.format(factor))["made"] for factor in (1.0, 1.0, 3.0))
    for name in one:
        assert describe(one[name]) == describe(same[name]) != describe(other[name])


def test_equal_codes_of_two_files_have_texts_of_their_own(tmp_path):
    """Whichever was described first in this process."""
    one, other = (written(tmp_path, f"def f(x):  # {note}\n    return -x\n")["f"] for note in "ab")
    assert one.__code__ == other.__code__
    assert describe(one) != describe(other)


def measuring(**names):
    """A measure that uses names of its module."""
    return typed(f"def measure(v): return {', '.join(names)}", **names)["measure"]


def space(**values):
    return types.SimpleNamespace(**values)


def words(*values):
    return np.array(values, object)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1j, 2j),
        (np.complex64(1j), np.complex64(2j)),
        (b"\x01", b"\x02"),
        (range(3), range(0, 3, 2)),
        (slice(3), slice(1, None)),
        (space(speed=1.0), space(speed=2.0)),
        (argparse.Namespace(speed=1.0), argparse.Namespace(speed=2.0)),
        ({"gain": 1.0, "lags": range(3), "lock": threading.Lock()}, {"gain": 2.0, "lags": range(3), "lock": threading.Lock()}),
        ({"repr": "dense", "gain": 1.0}, {"repr": "dense", "gain": 2.0}),
        (np.dtype("float32"), np.dtype("float64")),
        (operator.itemgetter(0), operator.itemgetter(1)),
        (operator.neg, operator.pos),
        (fractions.Fraction(1, 3), fractions.Fraction(2, 3)),
        (re.compile("a" * 300), re.compile("a" * 300 + "b")),
        (datetime.timedelta(1), datetime.timedelta(2)),
        (collections.deque([1], 3), collections.deque([1], 4)),
        (words("left", [1.0]), words("left", [2.0])),
        (np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 2], mask=[1, 0])),
        (jax.tree_util.Partial(jnp.multiply, 2.0), functools.partial(jnp.multiply, 2.0)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_are_told_apart_in_a_module_and_built_again(one, other):
    """Where a function uses them, where it has closed over them, and by themselves."""
    seen = [describe(measuring(VALUE=value)) for value in (one, copy.copy(one), other)]
    assert seen[0] == seen[1] != seen[2]
    assert describe(lambda view: view * one) != describe(lambda view: view * other)
    if "lock" in str(one):
        return
    arrays = {}
    described = json.loads(json.dumps(describe(one, arrays)))
    if "like" in described:
        with pytest.raises(ValueError, match=r"MaskedArray cannot be built"):
            rebuild(described, arrays)
    else:
        again = rebuild(described, arrays)
        assert type(again) is type(one) or isinstance(one, np.generic)
        assert describe(again) == described


def test_a_table_is_its_numbers_and_its_labels():
    """Words are described as such: the bytes of an array of objects are places in memory."""
    pandas = pytest.importorskip("pandas")
    make = lambda **columns: describe(measuring(DATA=pandas.DataFrame(columns)))  # noqa: E731
    seen = [make(region=["left"], rate=[0.5]), make(region=["right"], rate=[0.5]), make(region=["left"], speed=[0.5])]
    assert len(set(map(fingerprint, seen))) == 3
    assert make(region=["le" + "ft"], rate=[0.5]) == seen[0]
    assert list(marks(seen[0])) == []


def test_what_cannot_be_described_is_marked_where_it_stands():
    """In a module it is named, beside all else that is used there; closed over, or in a model, it is refused."""
    sparse = scipy.sparse.csr_array(np.eye(2))
    seen = describe(measuring(W=sparse, ALL={"w": sparse, "gain": 2.0}))
    name = "scipy.sparse._csr.csr_array"
    assert list(marks(seen)) == [(".ALL.w", "untold", name), (".W", "untold", name)]
    assert indescribable(seen) is None
    assert seen["uses"]["ALL"]["dict"]["gain"] == 2.0
    assert indescribable(describe(lambda view: sparse)) == name
    assert list(marks(describe(Held({"untold": Opaque()})))) == [(".value.untold", "indescribable", f"{__name__}.Opaque")]
    assert list(marks(describe({"untold": "x", "indescribable": "y"}))) == []


class Pair(NamedTuple):
    """A named tuple, to which Python adds methods."""

    a: float


def test_all_of_a_class_is_described():
    def kinds(function):
        source = "class K:\n    f = staticmethod(function)\n    g = property(get)"
        return typed(source, function=function, get=operator.attrgetter("a"))["K"]

    assert list(marks(describe(Pair(1.0)))) == []
    assert list(marks(describe(kinds(jnp.tanh)))) == []
    assert describe(kinds(jnp.tanh)) != describe(kinds(jnp.sin))


def test_names_of_the_users_own_are_no_tags():
    """A model with fields, and a class that uses values, of names that descriptions have as well."""
    source = "import neurojax as nj\nclass M(nj.System):\n    dict: float = 1.0\n    uses: object = 2.0\n    array: float = 3.0\n"
    source += "    def init(self, key): return long, untold, key_, uses\n    def step(self, *_): return function\n"
    one = typed(source, long=1, untold=2, key_=3, uses=4, function=5)["M"](uses={"class": 1})
    other = typed(source, long=1, untold=SPARSE, key_=3, uses=6, function=5)["M"](uses={"class": 2})
    seen = [describe(one), describe(other)]
    assert list(marks(seen[1])) == [(".init.untold", "untold", "scipy.sparse._csr.csr_array")]
    assert list(differences({"system": seen[0]}, {"system": seen[1]})) == [
        "system.init.untold: 2 in the store, a scipy.sparse._csr.csr_array here",
        "system.init.uses: 4 in the store, 6 here",
        "system.uses.class: 1.0 in the store, 2.0 here",
    ]
    assert list(differences({"records": {"array": 1, "class": 2}}, {"records": {"array": 2}})) == [
        "records.array: 1 in the store, 2 here",
        "records.class: 2 in the store, None here",
    ]


def test_what_a_function_changes_itself_does_not_tell_it_apart(tmp_path):
    """A count of calls, and memos: marked, for they could also change what it computes."""
    text = "COUNT, MEMO, SEEN, TABLE, at = 0, {}, [], [1], {}\n"
    text += "def f(n):\n    global COUNT\n    COUNT += 1\n    SEEN.append(n)\n    MEMO[n, 0] = MEMO.get(n, 0) + TABLE[0]\n    return MEMO\n"
    names = written(tmp_path, text)
    before = describe(names["f"])
    names["f"](3)
    assert describe(names["f"]) == before
    assert {path for path, _, _ in marks(before)} == {".COUNT", ".MEMO", ".SEEN"}
    names["TABLE"] = [2]
    assert describe(names["f"]) != before


def test_of_a_namespace_only_what_is_used_counts():
    """Arguments of a command: the number of workers is no part of a model that uses another of them."""
    source = "def build(): return ARGS.gain"
    seen = [describe(typed(source, ARGS=argparse.Namespace(gain=g, workers=w))["build"]) for g, w in ((1, 2), (1, 3), (2, 2))]
    assert seen[0] == seen[1] != seen[2]


def test_the_environment_is_no_part_of_a_function(monkeypatch):
    one = describe(measuring(environ=os.environ))
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    assert describe(measuring(environ=os.environ)) == one


def test_whole_numbers_are_floats_where_a_run_casts_them():
    """In fields that are not static and in times; a difference of kind alone is shown."""
    assert fingerprint(describe(nj.Kuramoto(6, coupling=2))) == fingerprint(describe(nj.Kuramoto(6, coupling=2.0)))
    assert fingerprint(describe(nj.Schedule({"a": 2}))) == fingerprint(describe(nj.Schedule({"a": 2.0})))
    assert list(differences({"a": 1, "b": True}, {"a": 1.0, "b": 1})) == ["a: 1 in the store, 1.0 here", "b: True in the store, 1 here"]


def test_another_text_is_said_to_be_where_it_is():
    here = describe(built)
    place = rf"\({re.escape(__file__)}, line {inspect.getsourcelines(built)[1]}\)"
    assert re.fullmatch(f"measure has another text here {place}", next(differences(here | {"text": "0"}, here, "measure")))


@dataclasses.dataclass(frozen=True)
class Begun:
    """A dataclass with an argument that it does not keep, and a value of all its objects."""

    n: int
    seed: dataclasses.InitVar[int]
    floor: ClassVar[int] = 3


def test_a_dataclass_is_what_it_keeps():
    described = describe(Begun(1, 2))
    assert described.keys() - {"class", "class text", "class uses"} == {"n"}
    assert described["class uses"]["floor"] == 3
    assert rebuild(described, {}) == Begun(1, 2)


def test_a_store_says_what_it_will_not_see_change(tmp_path):
    with pytest.warns(UserWarning, match=r"will not see when these change.* system\.SPARSE \(a scipy\.sparse.*csr_array\)"):
        nj.sweep(built, {"gain": [1.0]}, steps=2, dt=1.0, record=RECORD, store=tmp_path / "unseen.zarr")


def test_a_store_goes_on_with_whole_numbers_for_the_floats_that_a_run_makes_of_them(tmp_path):
    for gain, dt, duration in ((1.0, 1.0, 4.0), (1, 1.0, 4), (1.0, 1, 4.0)):
        nj.sweep(Growth(gain), {}, dt=dt, duration=duration, record=RECORD, store=tmp_path / "whole.zarr")
    assert len(Store.open(tmp_path / "whole.zarr").runs) == 1
