"""Descriptions: the same for the same thing, different for another, and things can be built from them again."""

import functools
import importlib
import json
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest

import neurojax as nj
from neurojax.sweep.spec import describe, differences, fingerprint, indescribable, rebuild, said

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


def test_named_tuples_and_lists_come_back_as_they_were():
    for value in (Pair(1, [2.0, (3, None)]), [Pair("x", True)]):
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
