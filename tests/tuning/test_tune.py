"""Tuning: derivatives of every family, the optimum, many starts, faults, stopping."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import neurojax as nj
from neurojax.engine.compile import compiled, split, traces
from neurojax.force.measures import absolute_error
from neurojax.hopfield.measures import overlaps
from neurojax.kuramoto import theory
from neurojax.multiscale.measures import distance
from neurojax.tuning.problem import iterate
from neurojax.tuning.question import ask
from tests.test_lowering import lowered
from tests.tuning.study import ADAM

R = {"r": nj.Mean(nj.order_parameter)}
SUM = optax.sgd(1.0)


def r_of(records):
    return records["r"]


def mean_of(records):
    return jnp.mean(records["m"])


def square(records):
    return (records["r"] - 0.7) ** 2


SLOPES = {
    "kuramoto": (
        nj.Kuramoto(12, coupling=1.5, noise=0.3, frequencies=nj.Lorentzian(0.4), graph=nj.ErdosRenyi(0.5)),
        ["coupling", "noise", "frequencies.scale"],
        {"m": nj.Mean(nj.order_parameter)},
        "reverse",
    ),
    "force": (
        nj.Training(nj.RateNetwork(10, noise=0.01), nj.force.targets.four_sines(200.0), nj.RLS(alpha=1.0)),
        ["network.gain", "network.feedback", "rule.alpha"],
        {"m": nj.Mean(absolute_error)},
        "forward",
    ),
    "hopfield": (
        nj.Hopfield(16, nj.RandomPatterns(3), nj.Flips(0.2), units=nj.Tanh(1.3), field=0.1),
        ["units.gain", "field"],
        {"m": nj.Mean(overlaps)},
        "reverse",
    ),
    "multiscale": (
        nj.Multiscale(10, nj.Stream(nj.GaussianPatterns(3), tau_h=2.0), 1.0, 2.0, tau_J=10.0),
        ["beta", "u", "tau_J"],
        {"m": nj.Mean(distance)},
        "forward",
    ),
}


@pytest.mark.parametrize("name", SLOPES)
def test_gradients_are_differences(name):
    """Two seeds, float64: an iteration of plain descent gives the gradient, starts beside give central differences; relative 1e-6."""
    system, names, record, mode = SLOPES[name]
    at = np.array([_value(system, one) for one in names])
    steps = 1e-5 * np.diag(np.maximum(np.abs(at), 0.1))
    starts = {one: [at[i], *(at + steps)[:, i], *(at - steps)[:, i]] for i, one in enumerate(names)}
    options = nj.TuneOptions(dtype="float64", mode=mode, fresh=0)
    settings = {"steps": 20, "dt": 1.0 if name != "kuramoto" else 0.05, "record": record, "seeds": 2, "options": options}
    found = nj.tune(system, mean_of, where=names, starts=starts, optimizer=SUM, iterations=2, **settings)
    before, after = np.stack([found.history.parameters[one][:2, 0] for one in names], axis=1)
    up, down = np.split(found.history.value[0, 1:], 2)
    wanted = (up - down) / (2 * steps.diagonal())
    assert np.all(np.abs(wanted) > 1e-7)
    assert before - after == pytest.approx(wanted, rel=1e-6)
    assert found.mode == mode
    assert np.all(found.history.sound == 2)


def _value(system, name):
    for part in name.split("."):
        system = getattr(system, part)
    return float(system)


def test_the_slope_of_the_order_parameter():
    """dr/dK at K = 4, Lorentzian gamma = 1: gamma / (K^2 r), Kuramoto 1975, within 3 standard errors of 20 seeds; one program for all."""
    recipe = {"frequencies": nj.Lorentzian(1.0), "initial": nj.WrappedCauchy(2**-0.5), "windings": False}
    model, record = nj.Kuramoto(1000, coupling=4.0, **recipe), {"r": nj.Mean(nj.order_parameter, warmup=8.0)}
    settings = {"dt": 0.05, "duration": 24.0, "record": record, "options": nj.TuneOptions(fresh=0)}
    slopes, before = [], traces["iterate"]
    for seed in range(20):
        found = nj.tune(model, r_of, where="coupling", seeds=[seed], optimizer=SUM, iterations=2, **settings)
        slopes.append(-np.diff(found.history.parameters["coupling"][:, 0])[0])
    error = np.std(slopes, ddof=1) / np.sqrt(20)
    exact = theory.order_parameter_gradient(4.0, 1.0)
    assert error < 0.15 * exact
    assert np.mean(slopes) == pytest.approx(exact, abs=3 * error)
    assert traces["iterate"] - before == 1


def test_the_coupling_that_gives_an_order_of_0_7():
    """r = sqrt(1 - 2 gamma / K) (Kuramoto 1975): K = 1.961 for gamma = 0.5, to 4 % at n = 500 (r fluctuates by 1 / sqrt n = 0.045 a run
    about a curve of slope 0.19); from both sides, and r on fresh seeds within 0.03."""
    model = nj.Kuramoto(
        500, coupling=1.2, frequencies=nj.Lorentzian(0.5, placement="quantiles"), initial=nj.WrappedCauchy(0.7), windings=False
    )
    record = {"r": nj.Mean(nj.order_parameter, warmup=10.0)}
    settings = {"dt": 0.1, "duration": 30.0, "record": record, "seeds": 3, "starts": {"coupling": [1.4, 3.0]}, "iterations": 40}
    settings |= {"optimizer": optax.adam(0.15), "options": nj.TuneOptions(fresh=4)}
    found = nj.tune(model, square, where={"coupling": nj.Interval(0, 4)}, **settings)
    assert found.best["coupling"] == pytest.approx(1 / 0.51, rel=0.04)
    assert found.fresh_value < 0.03**2
    assert found.system.coupling == found.parameters["coupling"]
    assert found.value == np.nanmin(found.history.value)


def theoretical(model):
    return (theory.order_parameter(model.coupling, nj.Lorentzian(1.0)) - 0.5) ** 2


def test_theory_from_many_starts():
    """(r(K) - 1/2)^2 with r = sqrt(1 - 2 / K): K = 8 / 3, float32, 1e-3; all starts end there and say so; L-BFGS needs few iterations."""
    model = nj.Kuramoto(10, coupling=4.0)
    options = nj.TuneOptions(patience=5, tolerance=0.01)
    found = nj.tune(
        model, theoretical, where={"coupling": nj.Interval(2, 8)}, starts=3, optimizer=optax.lbfgs(), iterations=60, options=options
    )
    assert found.best["coupling"] == pytest.approx(8 / 3, rel=1e-3)
    assert found.statuses == ("converged",) * 3
    assert found.iterations < 40
    assert (found.error, found.fresh_value) == (0.0, None)


def test_functions_of_the_parameters():
    """A function that builds the model, and one that picks leaves; the sum of squares of both has its minimum at known places."""
    built = lambda total, share: nj.Kuramoto(10, coupling=total * share, noise=total * (1 - share))  # noqa: E731
    wanted = lambda model: (model.coupling - 1.5) ** 2 + (model.noise - 0.5) ** 2  # noqa: E731
    bounds = {"total": nj.Positive(), "share": nj.Interval(0, 1)}
    found = nj.tune(built, wanted, where=bounds, starts={"total": [1.0], "share": [0.5]}, optimizer=optax.adam(0.05), iterations=300)
    assert found.parameters["total"] == pytest.approx(2.0, rel=1e-2)
    assert found.parameters["share"] == pytest.approx(0.75, rel=1e-2)
    assert found.system.coupling == pytest.approx(1.5, rel=1e-2)
    picked = nj.tune(nj.Kuramoto(10, noise=1.0), wanted, where=lambda m: (m.coupling, m.noise), optimizer=optax.sgd(0.5), iterations=3)
    assert picked.parameters == {"coupling": pytest.approx(1.5), "noise": pytest.approx(0.5)}


def test_a_clipped_gradient():
    """Of (x - 1.5)^2 at 11.5 it is 20; clipped to 2, plain descent goes to 9.5."""
    model = nj.Kuramoto(10, coupling=11.5)
    options = nj.TuneOptions(clip=2.0)
    found = nj.tune(model, lambda m: (m.coupling - 1.5) ** 2, where="coupling", optimizer=SUM, iterations=2, options=options)
    assert found.history.gradient_norm[0, 0] == pytest.approx(20.0)
    assert found.history.parameters["coupling"][:, 0] == pytest.approx([11.5, 9.5])


def test_couplings_under_a_bound():
    """Symmetric hollow weights of 4 oscillators, brought to |W - 1|^2 = 0 off the diagonal: more than 8 numbers would be reverse mode."""
    weights = np.zeros((4, 4))
    model = nj.Kuramoto(4, graph=nj.Dense(weights))
    far = lambda m: jnp.sum((m.graph.weights - 1) ** 2)  # noqa: E731
    settings = {"optimizer": optax.sgd(0.25), "iterations": 3}
    found = nj.tune(model, far, where={lambda m: m.graph.weights: nj.Symmetric(hollow=True)}, **settings)
    assert found.parameters["graph.weights"] == pytest.approx(1 - np.eye(4))
    assert (found.mode, nj.tune(model, far, where="graph.weights", **settings).mode) == ("forward", "reverse")


def test_a_flat_objective_is_told():
    with pytest.warns(UserWarning, match=r"gradient is exactly 0 at every start.*surrogate"):
        nj.tune(nj.Kuramoto(4), lambda m: 0 * m.coupling, where="coupling", iterations=1)


@pytest.mark.parametrize(("mode", "estimator"), [("forward", None), ("reverse", None), (None, nj.EvolutionStrategies(pairs=2))])
def test_an_iteration_lowers(mode, estimator):
    """For cuda and tpu, from here, with graphs that the host has drawn."""
    model, seeds = nj.Kuramoto(8, noise=0.1, graph=nj.ErdosRenyi(0.5)), 2
    bounds, run = {"coupling": nj.Interval(0, 4), "noise": nj.Positive()}, {"dt": 0.1, "duration": None, "steps": 5, "method": None}
    asked = ask(model, r_of, bounds, run, R, seeds, 2, estimator, nj.TuneOptions(mode=mode))
    optimizer = optax.with_extra_args_support(ADAM)
    problem, given, words = asked.program(asked.seeds, optimizer)
    arrays, static = split(given)
    free = asked.free()
    moving = words, free, jax.vmap(optimizer.init)(free), np.ones(2, bool), np.int32(0)
    assert lowered(compiled(iterate, ("static", "problem", "keep")), arrays, static, *moving, problem=problem, keep=True)
