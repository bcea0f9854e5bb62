"""Descriptions: the same for the same thing, different for another, and things can be built from them again."""

import dataclasses
import enum
import functools
import importlib
import inspect
import json
import os
import subprocess
import sys
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from neurojax.sweep.spec import describe, differences, fingerprint, indescribable, marks, rebuild, said
from tests.sweep.sources import typed

WEIGHTS = np.random.default_rng(0).random((6, 6)).astype(np.float32)


def energy(view, scale=2.0):
    return scale * view.state.theta.sum()


THINGS = [
    nj.Kuramoto(6, coupling=1.5, noise=0.2, frequencies=nj.Lorentzian(0.5)),
    nj.Kuramoto(6, graph=nj.Dense(WEIGHTS), frequencies=np.linspace(-1, 1, 6)),
    nj.Kuramoto(20, graph=nj.WattsStrogatz(k=4, p=0.1), noise=nj.OrderNoise(0.1, 0.5), coupling=nj.Ramp(0.0, 1.0, 3.0)),
    nj.Trace(nj.order_parameter, every=5),
    nj.Mean(energy, warmup=1.0),
    nj.Mean(functools.partial(energy, scale=3.0)),
    nj.Schedule({"rest": nj.Phase(2.0), "pulse": nj.Phase(1.0, {"coupling": 3.0})}),
    {"a": (1, 2.5, None, True, "text", float("inf")), "b": np.arange(3)},
    {3: "three", (1, "a"): {2.5}, None: frozenset({"x", "y"})},
]


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: type(thing).__name__)
def test_built_again_from_json(thing):
    arrays = {}
    described = json.loads(json.dumps(describe(thing, arrays)))
    again = rebuild(described, arrays)
    assert describe(again) == described
    assert indescribable(described) is None


def test_what_is_built_again_runs_the_same():
    model, arrays = nj.Kuramoto(6, graph=nj.Dense(WEIGHTS), noise=0.3), {}
    again = rebuild(describe(model, arrays), arrays)
    one, other = (nj.simulate(m, steps=20, dt=0.1, seed=3).final_state.state for m in (model, again))
    assert all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True))


def test_others_are_told_apart():
    base = nj.Kuramoto(6, graph=nj.Dense(WEIGHTS))
    others = [nj.Kuramoto(7), nj.Kuramoto(6, coupling=1.0000001), nj.Kuramoto(6, graph=nj.Dense(2 * WEIGHTS)), nj.Kuramoto(6, lag=0.1)]
    assert len({fingerprint(describe(model)) for model in [base, *others]}) == 5
    assert describe(WEIGHTS) != describe(WEIGHTS.reshape(4, 9))
    assert describe(np.zeros(2, np.int32)) != describe(np.zeros(1, np.int64))


def test_what_cannot_be_had_again_is_said():
    with pytest.raises(ValueError, match="no name to be imported by"):
        rebuild(describe(lambda view: view), {})
    changed = describe(energy) | {"text": "0"}
    with pytest.raises(ValueError, match="not the function that the store was made with"):
        rebuild(changed, {})
    with pytest.raises(ValueError, match="cannot be imported here"):
        rebuild({"class": "nowhere.Model"}, {})
    with pytest.raises(ValueError, match="no class Gone"):
        rebuild({"class": "Gone"}, {})
    assert indescribable(describe([object()])) == "builtins.object"


class Pair(NamedTuple):
    a: Any
    b: Any


def test_functions_that_differ_are_told_apart():
    """Lambdas of one line, keyword-only defaults, closed-over functions, methods of different objects."""
    one, two = lambda v: v.state + 1, lambda v: v.state + 2  # fmt: skip
    assert describe(one) != describe(two)

    def made(scale, inner):
        def measure(view, *, factor=scale):
            return factor * inner(view)

        return measure

    assert describe(made(1, one)) != describe(made(2, one))
    assert describe(made(1, one)) != describe(made(1, two))
    assert describe(nj.Lorentzian(0.5).check) != describe(nj.Lorentzian(0.6).check)


def test_a_class_is_known_by_its_equations(tmp_path, monkeypatch):
    """The same fields with another step: another model, which is not built from the old description."""
    monkeypatch.syspath_prepend(tmp_path)
    text = "import neurojax as nj\nimport jax.numpy as jnp\nclass Decay(nj.System):\n    k: float = 1.0\n"
    text += "    def init(self, key):\n        return jnp.ones(2)\n    def step(self, state, clock, drawn):\n        return state * {}\n"
    seen = []
    for number, factor in enumerate(("0.5", "0.6")):
        (tmp_path / f"decays{number}.py").write_text(text.format(factor))
        seen.append(describe(importlib.import_module(f"decays{number}").Decay()))
    assert seen[0]["class text"] != seen[1]["class text"]
    assert describe(rebuild(seen[0], {})) == seen[0]
    with pytest.raises(ValueError, match=r"the text of decays1.Decay is not the one"):
        rebuild(seen[1] | {"class text": seen[0]["class text"]}, {})


MODEL = """
import equinox as eqx, jax, jax.numpy as jnp, neurojax as nj
{above}
class Decay(nj.System):
    k: float = 1.0
    {body}
    def init(self, key):
        return jnp.ones(2)
    @property
    def rate(self):
        return {rate}
    @staticmethod
    def bent(x):
        return {bent}
    def step(self, state, clock, drawn):
        return self.bent(state) * {step}
"""


def decay(above="", body="", rate="self.k", bent="x", step="self.rate", **given):
    return describe(typed(MODEL.format(above=above, body=body, rate=rate, bent=bent, step=step), **given)["Decay"]())


def test_a_class_without_source_is_known_by_its_code():
    """An edit of a method, a property, a static method or a value in its body makes another class; typing it once more does not."""
    changed = [{"step": "self.rate + 1"}, {"rate": "2 * self.k"}, {"bent": "jnp.tanh(x)"}, {"body": "floor = 1"}, {"body": "floor = 2"}]
    changed += [{"body": "@eqx.filter_jit\n    def more(self): return 1"}, {"body": "@jax.jit\n    def more(self): return 2"}]
    seen = [decay(), *(decay(**change) for change in changed)]
    assert len(set(map(fingerprint, seen))) == len(seen)
    assert decay() == seen[0]
    assert indescribable(seen[0]) is None


def test_a_class_without_source_and_code_cannot_be_told_apart():
    assert indescribable(describe(typed("class Nothing: pass")["Nothing"])) == "typed.Nothing"
    plain = typed("from typing import NamedTuple\nclass Plain(NamedTuple):\n    a: int")["Plain"]
    assert indescribable(describe(plain(1))) is None
    compiled = typed("class Compiled:\n    def __call__(self): return 1")["Compiled"]()
    compiled.__qualname__, compiled.__module__ = "Plain.step", "typed"
    plain.step = compiled
    assert indescribable(describe(plain(1))) == "typed.Plain"


HELPERS = """
FACTOR, TABLE, BOTH = 2.0, None, {"low": [1, 2]}
def odd(n):
    return even(n - 1) if n else FACTOR
def even(n):
    return odd(n - 1) if n else BOTH
def measure(view):
    return odd(3) * helpers.speed(view) * (TABLE is None)
"""


def helpers(speed="FACTOR * view", factor=3.0):
    module = type(inspect)("helpers")
    exec(compile(f"FACTOR = {factor}\ndef speed(view): return {speed}", "<stdin>", "exec"), module.__dict__)
    return module


def test_what_a_function_uses_belongs_to_it():
    """Values and helpers of its module and of the user's other modules, also those that helpers use, which may call one another."""

    def described(helpers=helpers(), **more):  # noqa: B008
        names = typed(HELPERS, helpers=helpers)
        names.update(more)
        return describe(names["measure"])

    seen = [described(), described(FACTOR=100.0), described(BOTH={"low": [1, 3]}), described(TABLE=WEIGHTS), described(TABLE=2 * WEIGHTS)]
    seen += [described(helpers("view")), described(helpers(factor=4.0)), described(even=lambda n: n)]
    assert len(set(map(fingerprint, seen))) == len(seen)
    assert described() == described(unused=3, view=4.0, n=5) == seen[0]
    assert list(differences(seen[0], seen[1], "measure")) == ["measure.odd.FACTOR: 2.0 in the store, 100.0 here"]
    assert list(differences(seen[0], seen[6], "measure")) == ["measure.helpers.speed.FACTOR: 3.0 in the store, 4.0 here"]


def test_what_the_methods_of_a_class_use_belongs_to_it():
    seen = [decay(step="FACTOR", FACTOR=1), decay(step="FACTOR", FACTOR=100), decay(above="FACTOR = 1", body="step = lambda *_: FACTOR")]
    assert len(set(map(fingerprint, seen))) == len(seen)
    assert list(differences({"system": seen[0]}, {"system": seen[1]})) == ["system.step.FACTOR: 1 in the store, 100 here"]

    def made(scale):
        class Scaled(nj.System):
            def step(self, state, clock, drawn):
                return scale * state

        return Scaled()

    assert describe(made(1)) != describe(made(2))
    assert describe(functools.partial(type(made(1)), 3)) != describe(functools.partial(type(made(2)), 3))


def test_libraries_and_what_cannot_be_described_are_left_out():
    """Another version of JAX makes no other model; neither do a logger's level, a lock, or a module."""
    source = "import logging, math, threading, jax, jax.numpy as jnp, numpy as np, neurojax as nj\nfrom jax.nn import relu\n"
    source += (
        "LOG, LOCK, KIND, KEY, LONG = logging.getLogger('x'), threading.Lock(), jnp.dtype(float), jax.random.key(0), list(range(10**4))\n"
    )
    source += "def measure(v): return LOG, LOCK, KIND, KEY, LONG, math.pi, jnp.tanh(v), np.sin(v), relu(v), nj.order_parameter(v), print(v)"
    seen = describe(typed(source)["measure"])
    names = {"math": "math", "jnp": "jax.numpy", "np": "numpy", "relu": "jax relu", "nj": "neurojax"}
    assert seen["uses"].keys() == {"KEY", "KIND", "LONG", *names}
    assert names.items() <= seen["uses"].items()
    assert list(marks(seen)) == []
    assert len(json.dumps(seen)) < 1000
    assert describe(jnp.tanh) == {"function": "jax.numpy.tanh"}
    assert rebuild(describe(jnp.tanh), {}) is jnp.tanh
    assert describe(jax.nn.initializers.normal(0.1)) != describe(jax.nn.initializers.normal(0.2))


def test_wrappers_are_seen_through_or_told_apart():
    """A jit is not part of a function; a transformation is, and so is a wrapper of the user's own."""

    def twice(function, by):
        @functools.wraps(function)
        def wrapper(view):
            return by * function(view)

        return wrapper

    assert describe(jax.jit(energy)) == describe(eqx.filter_jit(energy)) == describe(energy)
    assert fingerprint(describe(jax.vmap(energy))) != fingerprint(describe(jax.vmap(energy, in_axes=1))) != fingerprint(describe(energy))
    assert describe(twice(energy, 2)) != describe(twice(energy, 3)) != describe(energy)


FACTOR = 1


def scaled(view):
    return FACTOR * view.state


def test_a_function_whose_values_have_changed_is_not_built_again(monkeypatch):
    described = describe(scaled)
    assert rebuild(described, {}) is scaled
    monkeypatch.setitem(globals(), "FACTOR", 100)
    with pytest.raises(ValueError, match=r"scaled is not the function.*scaled.FACTOR: 1 in the store, 100 here"):
        rebuild(described, {})


class Colour(enum.IntEnum):
    RED = 1
    BLUE = 2


class Way(enum.Flag):
    UP = enum.auto()
    LEFT = enum.auto()


@pytest.mark.parametrize("member", [Colour.RED, Way.UP | Way.LEFT, {"a": (Colour.BLUE,)}], ids=str)
def test_members_of_enumerations_come_back_as_such(member):
    again = rebuild(json.loads(json.dumps(describe(member))), {})
    assert again == member
    assert said(describe(again)) == said(describe(member))
    assert not isinstance(member, enum.Enum) or again is member


def test_members_of_enumerations_are_no_numbers():
    assert describe(Colour.RED) != describe(1) != describe(Colour.BLUE)
    assert said(describe(Colour.RED)).endswith("Colour.RED")
    with pytest.raises(ValueError, match="has no member GREEN"):
        rebuild(describe(Colour.RED) | {"member": "GREEN"}, {})


@dataclasses.dataclass(frozen=True)
class Every:
    steps: Any


class Counted(eqx.Module):
    moving: Any
    fixed: Any = eqx.field(static=True, default=3)


def test_whole_numbers_of_a_model_stay_whole():
    """A run casts 3 to 3.0, but keeps np.int32(3): where it casts they are two models, elsewhere the same number."""
    kinds = [3, np.int32(3), np.uint8(3), (3,), (jnp.asarray(3),)]
    assert len({fingerprint(describe(Counted(kind))) for kind in kinds}) == len(kinds)
    for kind in kinds:
        again = rebuild(json.loads(json.dumps(describe(Counted(kind)))), {})
        assert describe(again) == describe(Counted(kind))
        assert getattr(again.moving, "dtype", int) == getattr(kind, "dtype", int) or isinstance(kind, tuple)
    with pytest.warns(UserWarning, match="set as static"):
        assert describe(Counted(1.0, np.int64(3))) == describe(Counted(1.0))
    assert describe(Every(np.int64(3))) == describe(Every(3))
    assert describe(nj.Phase(2.0, {"k": np.int32(3)})) != describe(nj.Phase(2.0, {"k": 3}))
    assert describe(np.int32(3)) == describe(jnp.asarray(3)) == 3
    assert describe({"count": np.int32(3)}, cast=True) != describe({"count": 3}, cast=True)


def test_the_order_of_phases_is_part_of_a_schedule():
    one, other = nj.Schedule({"rest": 1.0, "pulse": 2.0}), nj.Schedule({"pulse": 2.0, "rest": 1.0})
    assert fingerprint(describe(one)) != fingerprint(describe(other))
    for schedule in (one, other):
        again = rebuild(json.loads(json.dumps(describe(schedule), sort_keys=True)), {})
        assert list(again.phases) == list(schedule.phases)


def test_keys_of_random_numbers_come_back():
    arrays, key = {}, jax.random.key(7)
    assert rebuild(describe(key, arrays), arrays) == key
    assert describe(key) != describe(jax.random.key(8))


FRESH = """
import enum, equinox as eqx, jax.numpy as jnp, neurojax as nj
from typing import Any
class Colour(enum.IntEnum):
    RED = 1
    BLUE = 2
class Model(nj.System):
    table: Any
    place: Any
    gain: float = 1.0
    colour: Any = eqx.field(static=True, default=Colour.BLUE)
    names: Any = eqx.field(static=True, default=frozenset({"alpha", "beta", "gamma", "delta", "epsilon", "zeta"}))
    def init(self, key):
        return jnp.ones(())
    def step(self, state, clock, drawn):
        assert "beta" in self.names
        return state + self.gain * self.table[3][self.place] if self.colour is Colour.BLUE else -state
def last(view):
    return view.state
"""


def test_a_fresh_process_goes_on_with_what_this_one_began(tmp_path, monkeypatch):
    """An enumeration, an integer as an index, a set, a dict of numbers: gain k adds 2 k a step, seen before the third of them.

    NumPy's numbers as settings are the same settings; no type checker stands in their way there.
    """
    (tmp_path / "fresh_model.py").write_text(FRESH)
    monkeypatch.syspath_prepend(tmp_path)
    made = importlib.import_module("fresh_model")
    model, path, record = made.Model({3: np.arange(4.0)}, jnp.asarray(2)), tmp_path / "fresh.zarr", {"x": nj.Last(made.last)}
    options = nj.SweepOptions(lanes=1, shard=(0, 2))
    half = nj.sweep(model, {"gain": [1.0, 2.0, 3.0, 4.0]}, dt=0.5, steps=3, record=record, store=path, options=options)
    assert int((half.status == 0).sum()) == 2
    call = f"import jax.numpy as jnp, numpy as np, neurojax as nj; from fresh_model import *; path = {str(path)!r}\n"
    call += "model, one = Model({3: np.arange(4.0)}, jnp.asarray(2)), np.int64(1)\n"
    call += "options = nj.SweepOptions(lanes=one, max_memory=10**9 * one, shard=(0 * one, one))\n"
    call += "run = dict(dt=np.float32(0.5), steps=np.int64(3), record={'x': nj.Last(last)}, options=options)\n"
    call += "print(nj.resume(path).x.values.ravel(), nj.sweep(model, {'gain': [1.0]}, **run, store=path).x.values.ravel())"
    around = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.getcwd()]), "PYTHONHASHSEED": "1"}
    told = subprocess.run([sys.executable, "-c", call], env=around, capture_output=True, text=True, check=False)
    assert told.stdout.strip() == "[ 5.  9. 13. 17.] [5.]", told.stderr


def test_named_tuples_lists_sets_and_dicts_come_back_as_they_were():
    for value in (Pair(1, [2.0, (3, None)]), [Pair("x", True)], {3: "three", (1, "a"): {2.5}}, frozenset({"x", "y"})):
        assert rebuild(json.loads(json.dumps(describe(value))), {}) == value
        assert type(rebuild(describe(value), {})) is type(value)


def test_nothing_is_run_but_what_was_described():
    for harm in ({"function": "os.system"}, {"class": "subprocess.Popen", "args": "true"}, {"partial": {"function": "posix.system"}}):
        with pytest.raises(ValueError, match=r"no text|is not the one|no dataclass"):
            rebuild({"args": [], "keywords": {"dict": {}}, **harm} if "partial" in harm else harm, {})


def test_differences_name_what_differs():
    one = {"system": describe(nj.Kuramoto(6, coupling=1.5)), "run": {"dt": 0.1, "steps": 10}}
    other = {"system": describe(nj.Kuramoto(6, coupling=2.0, noise=0.1)), "run": {"dt": 0.1, "steps": 20}}
    assert list(differences(one, other)) == [
        "system.coupling: 1.5 in the store, 2.0 here",
        "system.noise: None in the store, 0.1 here",
        "run.steps: 10 in the store, 20 here",
    ]
    assert list(differences(one, one)) == []
    assert said(describe(nj.Trace(nj.order_parameter))).startswith("Trace(measure=neurojax.kuramoto.measures.order_parameter, every=1")
