import math

import numpy as np
import pytest

import neurojax as nj
from neurojax.cli.expressions import evaluate, names

KNOWN = names()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", 2),
        ("-1.5e-3", -1.5e-3),
        ("2 * pi / 4", math.pi / 2),
        ("2**10 % 7", 2),
        ("'text'", "text"),
        ("[1, (2, 'a'), {'b': null}]", [1, (2, "a"), {"b": None}]),
        ("true", True),
        ("Lorentzian(scale=0.5)", nj.Lorentzian(scale=0.5)),
        ("nj.Normal", nj.Normal()),
        ("Trace(nj.order_parameter, every=10)", nj.Trace(nj.order_parameter, every=10)),
        ("Weighted(Ring(), deviation=0.1)", nj.Weighted(nj.Ring(), deviation=0.1)),
        ("theory.critical_coupling(Normal(1.0))", math.sqrt(8 / math.pi)),
    ],
)
def test_values(text, value):
    made = evaluate(text, KNOWN)
    assert made == pytest.approx(value, rel=1e-6) if isinstance(value, float) else made == value
    assert type(made) is type(value) or isinstance(made, int | float)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("linspace(0, 4, 5)", [0, 1, 2, 3, 4]),
        ("2 * np.linspace(0, 1, 3) + 1", [1, 2, 3]),
        ("geomspace(1, 100, 3)", [1, 10, 100]),
        ("logspace(0, 2, 3)", [1, 10, 100]),
        ("arange(3)", [0, 1, 2]),
        ("arange(0, 1, step=0.5)", [0, 0.5]),
    ],
)
def test_arrays(text, values):
    np.testing.assert_allclose(evaluate(text, KNOWN), values, rtol=1e-12)


def test_axis_helpers():
    axis = evaluate("zip(coupling=[1, 2], noise=[0.1, 0.2])", KNOWN)
    assert list(axis.columns) == ["coupling", "noise"]
    assert len(evaluate('random_axis({"coupling": (0, 4)}, 7)', KNOWN)) == 7
    assert len(evaluate('latin_hypercube({"coupling": (0, 4), "noise": (0.1, 1)}, 5, log=["noise"])', KNOWN)) == 5


def test_a_measure_with_settings_is_frozen():
    first, second = (evaluate("Mean(daido_order(harmonic=3))", KNOWN) for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)
    theta = np.linspace(0, 2 * np.pi, 4)[:-1]
    assert float(first.measure(theta)) == pytest.approx(1, abs=1e-6)  # three phases 120 degrees apart are one cluster in 3 theta


def test_networkx_graphs():
    assert evaluate('networkx("karate_club_graph", normalise="n")', KNOWN).n == 34
    assert evaluate('networkx("grid_2d_graph", 3, 4)', KNOWN).n == 12
    with pytest.raises(ValueError, match="did you mean 'karate_club_graph'"):
        evaluate('networkx("karate_club")', KNOWN)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("__import__('os').system('true')", "not allowed|there is no"),
        ("open('x')", "there is no 'open'"),
        ("(1).__class__", "not allowed"),
        ("Normal.draw", "there is no 'Normal.draw'"),
        ("Normal().draw", "not allowed"),
        ("lambda x: x", "not allowed"),
        ("[x for x in [1]]", "not allowed"),
        ("f'{1}'", "not allowed"),
        ("[1, 2][0]", "not allowed"),
        ("1 if 2 else 3", "not allowed"),
        ("(x := 1)", "not allowed"),
        ("1j", "not allowed"),
        ("{**{}}", "not allowed"),
        ("Trace(*[1])", "without \\*"),
        ("9**9**9", "too large"),
        ("'a' * 1000000000", "no number"),
        ("[0] * 1000000000", "no number"),
        ("1 / 0", "division"),
        ("1 +", "cannot be read"),
        ("", "cannot be read"),
        ("simulate(1)", "is a command"),
        ("use_cpus(1)", "is a command"),
        ("save_state('x', 1)", "is a command"),
        ("order_paramter", "did you mean 'order_parameter'"),
        ("Trace(order_parameter, evry=2)", "did you mean 'every'"),
        ("WattsStrogatz(k=4)", "missing a required argument: 'p'"),
        ("pi()", "leave out the brackets"),
        ("-" * 3000 + "1", "nested|cannot be read"),
    ],
)
def test_refused(text, answer):
    with pytest.raises(ValueError, match=answer):
        evaluate(text, KNOWN)


def test_own_names_come_first():
    assert evaluate("mine(2) + 1", names({"mine": lambda x: 10 * x})) == 21
