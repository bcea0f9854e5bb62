"""The closed loop: what it sees and when, the same model as alone, stops, sweeps, tuning, derivatives, averaged theory."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import neurojax as nj
from neurojax.kuramoto import theory
from tests.test_lowering import lowered
from tests.tuning.control.plants import FLOAT64, Tank, level, looped, traced

C = nj.control
MODEL = nj.Kuramoto(12, coupling=1.5, noise=0.3, frequencies=nj.Lorentzian(0.4), graph=nj.ErdosRenyi(0.5))
R = {"r": nj.Mean(nj.order_parameter, of="model")}


def sine(view):
    return nj.mean_field(view)[1]


def test_what_is_seen_is_as_old_as_the_delay():
    """A delay of 7 steps: the observation of step n is the level of step n - 7, that of the start before, exactly."""
    run = traced(looped(C.PID(1.0), delay=7), steps=40)
    seen, levels = run.records["y"], run.records["x"]
    assert np.array_equal(seen[7:], levels[:-7])
    assert np.array_equal(seen[:7], np.full(7, levels[0]))


def test_a_command_holds_between_decisions():
    run = traced(looped(C.PID(1.0), interval=5), steps=40)
    held = run.records["u"].reshape(8, 5)
    assert np.array_equal(held, np.broadcast_to(held[:, :1], (8, 5)))
    assert np.array_equal(held[:, 0], -run.records["x"][::5])


def test_the_error_of_the_observation():
    """A standard deviation of 0.2 over 4,000 independent errors: within 4 standard errors (0.0022); mean within 4 (0.0032)."""
    run = traced(looped(C.PID(0.0), Tank(rate=0.0), noise=0.2), steps=4000)
    error = run.records["y"] - 1.0
    assert error.std() == pytest.approx(0.2, abs=4 * 0.2 / np.sqrt(8000))
    assert abs(error.mean()) < 4 * 0.2 / np.sqrt(4000)
    assert abs(np.corrcoef(error[1:], error[:-1])[0, 1]) < 4 / np.sqrt(4000)
    assert np.array_equal(run.records["x"], np.ones(4000))


@pytest.mark.parametrize(
    ("controller", "actuate"),
    [(C.PID(0.0, bias=1.5), "coupling"), (C.PID(0.0), C.Force(nj.common_force))],
    ids=["coupling", "force"],
)
def test_a_command_that_changes_nothing_changes_nothing(controller, actuate):
    """The same structure, start and noise as the model alone: phases after 50 steps, float64, 1e-12."""
    alone = nj.simulate(MODEL, steps=50, dt=0.05, seed=3, options=FLOAT64).final_state.state
    loop = C.ClosedLoop(MODEL, controller, nj.order_parameter, actuate, delay=2, noise=0.1)
    controlled = nj.simulate(loop, steps=50, dt=0.05, seed=3, options=FLOAT64).final_state.state.model
    assert controlled.theta == pytest.approx(np.asarray(alone.theta), abs=1e-12)


@pytest.mark.parametrize(("add", "wanted"), [(True, [0, 0.6, 0.2, 0.3, 0.9, 0.5]), (False, [0, 0.5, 0.2, 0.3, 0.5, 0.5])])
def test_pinned_nodes_and_no_others_feel_a_command(add, wanted):
    """Without coupling a phase moves by its own frequency for a time unit; at nodes 1 and 4 the command 0.5 is added, or replaces it."""
    model = nj.Kuramoto(6, coupling=0.0, frequencies=np.arange(6) * 0.1, initial=np.zeros(6))
    loop = C.ClosedLoop(model, C.PID(0.0, bias=0.5), nj.order_parameter, C.Parameter("frequencies", nodes=(1, 4), add=add))
    moved = nj.simulate(loop, steps=10, dt=0.1, options=FLOAT64).final_state.state.model.theta
    assert moved == pytest.approx(np.array(wanted), abs=1e-12)


def test_a_run_goes_on_exactly_from_any_step(tmp_path):
    """37 + 43 steps are 80, bit for bit, by a file: delay, interval, noise and every memory."""
    policy = C.Policy.drawn(seen=2, lags=(3,), times=[0.2], width=3)
    loop = C.ClosedLoop(MODEL, policy, nj.mean_field, C.Force(nj.common_force), delay=5, interval=3, noise=0.1)
    whole = nj.simulate(loop, steps=80, dt=0.05, seed=1).final_state
    half = nj.simulate(loop, steps=37, dt=0.05, seed=1).final_state
    half = nj.load_state(nj.save_state(tmp_path / "half.npz", half), loop)
    rest = nj.simulate(loop, steps=43, dt=0.05, state=half).final_state
    for one, other in zip(jax.tree.leaves(whole.state), jax.tree.leaves(rest.state), strict=True):
        assert np.array_equal(one, other)


def test_gains_and_delays_are_swept(tmp_path):
    """Each lane is the run of its own loop, float32 rounding of 40 steps; a delay is a size, so an outer loop."""
    loop = C.ClosedLoop(MODEL, C.PID(1.0, target=0.8, low=0.0), nj.order_parameter, "coupling")
    over = {"controller.proportional": [1.0, 5.0], "delay": [0, 4]}
    data = nj.sweep(loop, over, seeds=2, steps=40, dt=0.05, record=R, store=tmp_path / "loop.zarr")
    pid = C.PID(5.0, target=0.8, low=0.0)
    one = nj.simulate(C.ClosedLoop(MODEL, pid, nj.order_parameter, "coupling", delay=4), steps=40, dt=0.05, seed=1, record=R)
    assert float(data.r[1, 1, 1]) == pytest.approx(float(one.records["r"]), abs=1e-5)
    assert len(np.unique(data.r.values)) == 8
    assert np.array_equal(nj.load(tmp_path / "loop.zarr").r, data.r)


def test_a_gain_is_tuned():
    """A tank held at 1 by u = K (2 - x): the gain whose level at rest, 2 K / (K + 1/2), is 1 is 1/2; to 1e-3."""
    record = {"x": nj.Mean(level, of="model", warmup=18.0)}
    loop = looped(C.PID(2.0, target=2.0), Tank(start=0.0))
    found = nj.tune(
        loop,
        lambda records: (records["x"] - 1.0) ** 2,
        where={"controller.proportional": nj.Positive()},
        dt=0.1,
        duration=20.0,
        record=record,
        seeds=1,
        optimizer=optax.adam(0.05),
        iterations=150,
        options=nj.TuneOptions(dtype="float64", fresh=0, patience=None),
    )
    assert found.parameters["controller.proportional"] == pytest.approx(0.5, abs=1e-3)
    assert found.mode == "forward"


WEIGHTS = C.Policy.drawn(1, seen=2, lags=(2,), times=[0.3], width=3, low=-2.0, high=2.0)
LOOPS = {
    "pid": (
        lambda w: C.PID(w[0], w[1], w[2], target=0.8, high=2.0, filter=w[3], tracking=w[4], bias=1.5, anti_windup="back-calculation"),
        np.array([2.0, 1.0, 0.1, 0.2, 0.5]),
        nj.order_parameter,
        "coupling",
    ),
    "delayed": (lambda w: C.DelayedFeedback(w, 3), np.array([0.4, -0.8]), nj.mean_field, C.Force(nj.common_force)),
    "policy": (
        lambda w: C.Policy(w[:-1], seen=2, lags=(2,), times=w[-1:], width=3, low=-2.0, high=2.0),
        np.append(WEIGHTS.weights, 0.3),
        nj.mean_field,
        C.Parameter("frequencies", nodes=(0, 3, 5), add=True),
    ),
}


@pytest.mark.parametrize("name", LOOPS)
def test_gradients_through_the_loop_are_differences(name):
    """Along a random direction of all parameters, delay 2, interval 2, noise: central differences, float64, relative 1e-6."""
    make, at, observe, actuate = LOOPS[name]
    model = nj.Kuramoto(8, coupling=1.5, noise=0.3, frequencies=nj.Lorentzian(0.4), windings=False)
    direction = np.random.default_rng(0).normal(size=at.shape)

    def earned(size):
        loop = C.ClosedLoop(model, make(at + size * direction), observe, actuate, delay=2, interval=2, noise=0.05)
        record = R | {"u": nj.Mean(C.effort)}
        records = nj.simulate(loop, steps=12, dt=0.1, seed=2, record=record, options=FLOAT64).records
        return records["r"] + records["u"]

    with jax.enable_x64(True):
        value = jax.jit(earned)
        wanted = (value(1e-6) - value(-1e-6)) / 2e-6
        assert float(jax.jit(jax.grad(earned))(0.0)) == pytest.approx(float(wanted), rel=1e-6)
        assert abs(wanted) > 1e-4


def test_proportional_feedback_of_the_mean_field_lowers_the_coupling():
    """u = -2 G Im z with frequencies about 2 pi leaves K - G (averaging): r = sqrt(1 - 2 gamma / (K - G)), Lorentz, Kuramoto 1975.

    n = 300 at quantiles, K = 4, gamma = 1, G = 0 and 1: within 0.01, for finite size (0.004 here) and (G / omega_0)^2 / 4 = 0.006.
    """
    model = nj.Kuramoto(300, 4.0, frequencies=nj.Lorentzian(1.0, 2 * np.pi, placement="quantiles"), initial=np.zeros(300), windings=False)
    loop = C.ClosedLoop(model, C.PID(0.0), sine, C.Force(nj.common_force))
    record = {"r": nj.Mean(nj.order_parameter, of="model", warmup=10.0)}
    data = nj.sweep(loop, {"controller.proportional": [0.0, 2.0]}, seeds=1, dt=0.02, duration=30.0, record=record)
    wanted = theory.order_parameter(np.array([4.0, 3.0]), nj.Lorentzian(1.0))
    assert data.r.values[:, 0] == pytest.approx(wanted, abs=0.01)


def test_a_loop_and_its_gradient_lower():
    def run(gain):
        loop = C.ClosedLoop(
            nj.Kuramoto(16, noise=0.1), C.PID(gain, 1.0, target=0.8), nj.order_parameter, "coupling", delay=2, interval=2, noise=0.1
        )
        return nj.simulate(loop, steps=8, dt=0.05, record=R).records["r"]

    assert lowered(jax.jit(run), jnp.asarray(1.0))
    assert lowered(jax.jit(jax.grad(run)), jnp.asarray(1.0))


def test_a_system_that_makes_its_own_steps():
    """The field of a Hopfield memory by feedback: a command of 0 leaves every step as it is."""
    memory = nj.Hopfield(16, nj.RandomPatterns(2), nj.Flips(0.2), units=nj.Tanh(1.3), field=0.0)

    def activity(view):
        return jnp.mean(view.state.s)

    loop = C.ClosedLoop(memory, C.PID(0.0), activity, "field")
    alone = nj.simulate(memory, steps=5, dt=1.0, seed=2).final_state.state
    inside = nj.simulate(loop, steps=5, dt=1.0, seed=2).final_state.state.model
    assert inside.s == pytest.approx(np.asarray(alone.s), abs=1e-6)
