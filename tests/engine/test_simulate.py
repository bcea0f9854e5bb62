"""Runs: continuing, phases, delays, faults, saving, and the same numbers inside transformations."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from tests.engine.models import Exploding, OrnsteinUhlenbeck, Pendulum, Walk

KURAMOTO = nj.Kuramoto(40, coupling=1.5, noise=0.3, frequencies=nj.Lorentzian(0.5))
RECORD = {"r": nj.Trace(nj.order_parameter, every=3), "all": nj.Trace(nj.order_parameter), "mean": nj.Mean(nj.order_parameter)}


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


@pytest.mark.parametrize("model", [KURAMOTO, Walk()], ids=["flow", "system"])
@pytest.mark.parametrize("cuts", [(50,), (1,), (33,), (7, 20, 21, 22, 99)])
def test_continuing_equals_one_long_run_bit_for_bit(model, cuts):
    record = RECORD if model is KURAMOTO else {"r": nj.Trace(total, every=3), "all": nj.Trace(total)}
    whole = nj.simulate(model, steps=100, dt=0.1, seed=5, record=record)
    state, pieces, done = None, [], 0
    for cut in (*cuts, 100):
        run = nj.simulate(model, steps=cut - done, dt=0.1, seed=5 if state is None else None, record=record, state=state)
        state, done = run.final_state, cut
        pieces.append(run)
    assert same(whole.final_state, state)
    for name in ("r", "all"):
        assert np.array_equal(whole.records[name], np.concatenate([piece.records[name] for piece in pieces]))
        assert np.array_equal(whole.times[name], np.concatenate([piece.times[name] for piece in pieces]))


def total(view):
    return view.state["x"].sum()


def test_a_saved_state_continues_exactly(tmp_path):
    """The file is plain npz: arrays and a JSON header."""
    whole = nj.simulate(KURAMOTO, steps=60, dt=0.1, seed=2)
    half = nj.simulate(KURAMOTO, steps=31, dt=0.1, seed=2)
    path = nj.save_state(tmp_path / "half.npz", half.final_state)
    back = nj.load_state(path, KURAMOTO)
    assert same(nj.simulate(KURAMOTO, steps=29, dt=0.1, state=back).final_state, whole.final_state)


def test_walk_is_the_sum_of_its_draws_and_shows_them():
    """A discrete system against NumPy sums of the recorded draws; the count is the number of steps."""
    run = nj.simulate(Walk(push=0.5), steps=200, dt=1.0, record={"z": nj.Trace(drawn), "u": nj.Trace(shown)})
    assert np.abs(run.final_state.state["x"] - (run.records["z"].sum(axis=0) + 100)).max() < 1e-3
    assert run.final_state.state["count"] == 200
    assert run.records["u"].shape == (200,)
    assert 0 < run.records["u"].min() < run.records["u"].max() < 1


def drawn(view):
    return view.drawn["z"]


def shown(view):
    return view.aux["u"]


def test_the_same_seed_gives_the_same_numbers_and_another_does_not():
    runs = [nj.simulate(KURAMOTO, steps=10, dt=0.1, seed=s).final_state.state.theta for s in (1, 1, 2)]
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


@pytest.mark.parametrize("steps", [1, 17, 90, 400])
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_inside_a_trace_the_run_is_the_same(steps, levels):
    """jit of simulate (one static scan of scans) against the host loop: traces of any period, warm-ups, means; float64 inside, 1e-7."""
    record = {
        "r": nj.Trace(nj.order_parameter, every=7),
        "late": nj.Trace(nj.order_parameter, warmup=min(1.1, 0.1 * (steps - 1))),
        "both": nj.Trace(nj.order_parameter, every=5, warmup=min(1.1, 0.1 * (steps - 1))),
        "mean": nj.Mean(nj.order_parameter, warmup=0.05 * (steps > 1)),
        "at": nj.At(nj.order_parameter, times=(0.0, 0.8, 5.0)),
    }
    options = nj.Options(dtype="float64", checkpoint=nj.Checkpoint(levels=levels))
    out = nj.simulate(KURAMOTO, steps=steps, dt=0.1, record=record, options=options)
    into = jax.jit(lambda k: nj.simulate(_with(k), steps=steps, dt=0.1, record=record, options=options))(1.5)
    for name, values in out.records.items():
        assert into.records[name].shape == values.shape, name
        assert np.allclose(into.records[name], values, atol=1e-7, equal_nan=True), name  # jit hands them out as float32
        if name in out.times:
            assert np.allclose(out.times[name], into.times[name], rtol=1e-6)  # jit hands them out as float32
    assert int(into.status) == 1


def _with(coupling):
    return nj.Kuramoto(40, coupling=coupling, noise=0.3, frequencies=nj.Lorentzian(0.5))


def test_vmap_over_parameters_and_seeds():
    """A vmapped run equals single runs to rounding."""
    couplings, seeds = jnp.asarray([0.5, 3.0]), jnp.asarray([1, 4])
    record = {"r": nj.Mean(nj.order_parameter)}
    batch = jax.vmap(lambda k, s: nj.simulate(_with(k), steps=50, dt=0.1, seed=jax.random.key(s), record=record).records["r"])(
        couplings, seeds
    )
    for k, s, r in zip(couplings, (1, 4), batch, strict=True):
        assert abs(float(nj.simulate(_with(float(k)), steps=50, dt=0.1, seed=s, record=record).records["r"]) - float(r)) < 1e-5


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_gradients_against_finite_differences(levels):
    """float64, noise on, 90 Heun steps: d mean(r) / d(K, sigma, gamma) by reverse and forward mode; central differences at 1e-6."""
    options = nj.Options(dtype="float64", checkpoint=nj.Checkpoint(levels=levels))

    def measure(p):
        model = nj.Kuramoto(12, coupling=p[0], noise=p[1], frequencies=nj.Lorentzian(p[2]))
        return nj.simulate(model, steps=90, dt=0.05, seed=3, record={"r": nj.Mean(nj.order_parameter)}, options=options).records["r"]

    with jax.enable_x64(True):
        p = jnp.asarray([1.5, 0.3, 0.4])
        reverse = np.asarray(jax.grad(measure)(p))
        forward = np.asarray(jax.jacfwd(measure)(p))
        steps = 1e-6 * np.eye(3)
        differences = [(float(measure(p + h)) - float(measure(p - h))) / 2e-6 for h in steps]
    assert np.allclose(reverse, forward, rtol=1e-10)
    assert np.allclose(reverse, differences, rtol=1e-6)


def test_a_truncated_window_cuts_the_gradient_only():
    """x' = -a x: d x(T)/d a over the last window alone, closed form of the Euler map; the value is untouched."""
    a, dt = 0.7, 0.1

    def end(a, window):
        options = nj.Options(dtype="float64", checkpoint=nj.Checkpoint(window=window))
        return nj.simulate(OrnsteinUhlenbeck(rate=a), steps=30, dt=dt, method=nj.EulerMaruyama(), options=options).final_state.state[0]

    with jax.enable_x64(True):
        value, slope = jax.value_and_grad(end)(jnp.asarray(a), None)
        same_value, cut = jax.value_and_grad(end)(jnp.asarray(a), 10)
    assert float(value) == pytest.approx((1 - a * dt) ** 30, rel=1e-12)
    assert float(same_value) == pytest.approx(float(value), rel=1e-14)
    assert float(slope) == pytest.approx(-30 * dt * (1 - a * dt) ** 29, rel=1e-10)
    assert float(cut) == pytest.approx(-10 * dt * (1 - a * dt) ** 29, rel=1e-10)


def test_a_lane_that_blows_up_stops_before_the_bad_step():
    """x' = x^3 under Euler in float32: the reference map in NumPy says which step is the first non-finite one."""
    x, dt, step = np.asarray([2.0, 0.2], np.float32), np.float32(0.05), 0
    with np.errstate(over="ignore"):
        while np.all(np.isfinite(new := x + x**3 * dt)):
            x, step = new, step + 1
    record = {"x": nj.Trace(state_of), "top": nj.Maximum(state_of)}
    run = nj.simulate(Exploding(2.0), steps=200, dt=0.05, method=nj.EulerMaruyama(), record=record)
    assert (run.status, run.bad_step) == (2, step)
    assert np.allclose(run.final_state.state, x, rtol=1e-3)  # each step triples the relative rounding error: 6e-8 * 3^8
    assert np.all(np.isfinite(run.records["top"]))
    assert np.array_equal(np.isfinite(run.records["x"][:, 0]), np.arange(200) < step)
    inside = jax.jit(lambda s: nj.simulate(Exploding(s), steps=200, dt=0.05, method=nj.EulerMaruyama(), record=record))(2.0)
    assert (int(inside.status), int(inside.bad_step)) == (2, step)
    assert np.array_equal(np.isfinite(inside.records["x"]), np.isfinite(run.records["x"]))


def state_of(view):
    return view.state


def test_a_bad_lane_leaves_the_others_gradient_alone():
    """vmap of two runs, one diverging: the sound one's gradient is that of a run alone."""

    def end(start):
        return jnp.sum(nj.simulate(Exploding(start), steps=60, dt=0.01, method=nj.EulerMaruyama()).final_state.state)

    pair = jax.vmap(jax.grad(end))(jnp.asarray([0.5, 40.0]))
    assert float(pair[0]) == pytest.approx(float(jax.grad(end)(0.5)), rel=1e-5)


def test_phases_change_parameters_and_records_choose_one():
    """x' = -rate x with rate 1, then 0, then 2: exact exponentials; records of one phase see that phase."""
    schedule = nj.Schedule({"decay": 1.0, "hold": nj.Phase(0.5, {"rate": 0.0}), "fast": nj.Phase(1.0, {"rate": 2.0})})
    record = {
        "held": nj.Trace(state_of, phase="hold"),
        "late": nj.Trace(state_of, phase="fast", warmup=0.5, every=10),
        "mean": nj.Mean(state_of, phase="hold"),
    }
    model = OrnsteinUhlenbeck(rate=1.0)
    run = nj.simulate(model, duration=schedule, dt=0.01, method=nj.ExponentialEuler(), record=record)
    assert run.final_state.state[0] == pytest.approx(np.exp(-3), rel=1e-5)
    assert run.records["held"].shape == (50, 1)
    assert np.allclose(run.records["held"], np.exp(-1), rtol=1e-5)
    assert run.records["mean"][0] == pytest.approx(np.exp(-1), rel=1e-5)
    assert np.allclose(run.times["late"], 2.0 + 0.1 * np.arange(5))
    inside = jax.jit(
        lambda r: nj.simulate(OrnsteinUhlenbeck(rate=r), duration=schedule, dt=0.01, method=nj.ExponentialEuler(), record=record)
    )(1.0)
    assert np.allclose(inside.records["late"], run.records["late"], rtol=1e-5)


class Delayed(nj.Flow):
    """x' = -x(t - lag dt): a linear delay equation, started from x = 1 before t = 0."""

    lag: int = eqx.field(static=True, default=100)

    def init(self, key):
        return {"x": jnp.ones(1), "past": nj.History.filled(jnp.ones(1), self.lag)}

    def drift(self, state, clock):
        return {"x": -state["past"].read(clock.step, self.lag), "past": None}

    def settle(self, state, clock):
        return {"x": state["x"], "past": state["past"].push(clock.step + 1, state["x"])}


def test_a_delay_equation_against_the_method_of_steps():
    """x' = -x(t-1), x = 1 for t <= 0: x = 1 - t on [0, 1] and 1 - t + (t-1)^2/2 on [1, 2]; Euler at dt = 0.01, error below 1.5 dt."""
    run = nj.simulate(Delayed(), duration=2.0, dt=0.01, method=nj.EulerMaruyama(), record={"x": nj.Trace(value_of)})
    t = run.times["x"]
    exact = np.where(t <= 1, 1 - t, 1 - t + (t - 1) ** 2 / 2)
    assert np.abs(run.records["x"][:, 0] - exact).max() < 0.015


def value_of(view):
    return view.state["x"]


def test_sampled_input_is_read_on_its_own_grid():
    """x' = u(t) with u sampled at dt and held: the Euler sum of the samples."""
    values = np.random.default_rng(0).normal(size=50)
    run = nj.simulate(Driven(nj.Sampled(values, 0.1)), duration=5.0, dt=0.1, method=nj.EulerMaruyama(), options=nj.Options(dtype="float64"))
    assert float(run.final_state.state) == pytest.approx(0.1 * values.sum(), rel=1e-12)


class Driven(nj.Flow):
    """x' = u(t)."""

    u: nj.Signal

    def init(self, key):
        return jnp.asarray(0.0)

    def drift(self, x, clock):
        return self.u(clock.time)


def test_signals_sweep_and_differentiate():
    """d/dA of the pendulum's end under A sin(2 pi t / T), against differences at 1e-6."""

    def end(amplitude):
        drive = nj.Sinusoid(0.0, amplitude, period=1.3)
        return nj.simulate(Pendulum(drive), duration=2.0, dt=0.02, options=nj.Options(dtype="float64")).final_state.state[0]

    with jax.enable_x64(True):
        slope = float(jax.grad(end)(jnp.asarray(0.4)))
        difference = (float(end(jnp.asarray(0.4 + 1e-6))) - float(end(jnp.asarray(0.4 - 1e-6)))) / 2e-6
    assert slope == pytest.approx(difference, rel=1e-7)


class Relaxing(nj.Flow):
    """x' = -x that is done below 0.5."""

    def init(self, key):
        return jnp.asarray(1.0)

    def drift(self, x, clock):
        return -x

    def done(self, x):
        return x < 0.5


def test_a_system_that_is_done_stays_where_it_is():
    record = {"x": nj.Trace(state_of, every=100), "mean": nj.Mean(state_of)}
    run = nj.simulate(Relaxing(), duration=50.0, dt=0.01, record=record)
    assert 0.49 < float(run.final_state.state) < 0.5
    assert run.records["x"].shape == (50,)
    inside = jax.jit(lambda: nj.simulate(Relaxing(), duration=50.0, dt=0.01, record=record))()
    assert float(inside.records["mean"]) == pytest.approx(float(run.records["mean"]), rel=1e-5)


class Epochs(nj.System):
    """Event-driven: one step is an epoch of random length 2 u."""

    def init(self, key):
        return jnp.asarray(0.0)

    def draws(self):
        return {"u": nj.Draw("length", "uniform", ())}

    def step(self, age, clock, drawn):
        return age + 2 * drawn["u"]

    def elapsed(self, age):
        return age


def test_an_event_driven_system_records_its_own_time():
    """1,000 epochs of mean 1: the last recorded time is the sum of the lengths, 1000 +- 4 sqrt(1000/3)."""
    run = nj.simulate(Epochs(), steps=1000, dt=1.0, record={"t": nj.Trace(own_time)})
    assert abs(run.records["t"][-1] - 999) < 4 * np.sqrt(1000 / 3)
    assert np.all(np.diff(run.records["t"]) >= 0)


def own_time(view):
    return view.clock.time


def test_a_given_state_is_brought_to_the_circle():
    """Phases far outside [-pi, pi] as an initial state: the order parameter of the angles, 1e-5."""
    theta = np.array([10.0, 20.0, -30.0])
    model = nj.Kuramoto(3, frequencies=nj.Delta(0.0))
    state = nj.PhaseState(theta, np.zeros(3, int))
    for records in (
        nj.simulate(model, steps=1, dt=0.1, state=state, record={"r": nj.Trace(nj.order_parameter)}).records["r"],
        nj.sweep(model, {}, steps=1, dt=0.1, state=state, record={"r": nj.Trace(nj.order_parameter)}).r.values,
    ):
        assert float(records.ravel()[0]) == pytest.approx(abs(np.exp(1j * theta).mean()), abs=1e-5)


class Plain(nj.Flow):
    """A state of Python numbers."""

    def init(self, key):
        return {"v": 1.0, "w": 0}

    def drift(self, x, clock):
        return {"v": -x["v"], "w": None}


def test_a_state_of_python_numbers_continues_and_loads(tmp_path):
    """v' = -v over 20 steps of 0.01 (Heun, 1e-5)."""
    run = nj.simulate(Plain(), steps=10, dt=0.01)
    path = nj.save_state(tmp_path / "plain.npz", run.final_state)
    again = nj.simulate(Plain(), steps=10, dt=0.01, state=nj.load_state(path, Plain()))
    assert again.final_state.state["v"] == pytest.approx(np.exp(-0.2), abs=1e-5)


def test_a_state_of_a_model_with_a_drawn_graph_loads(tmp_path):
    model = nj.Kuramoto(12, graph=nj.ErdosRenyi(p=0.5))
    whole = nj.simulate(model, steps=20, dt=0.1, seed=3)
    path = nj.save_state(tmp_path / "graph.npz", nj.simulate(model, steps=9, dt=0.1, seed=3).final_state)
    assert same(nj.simulate(model, steps=11, dt=0.1, state=nj.load_state(path, model)).final_state, whole.final_state)


def test_phases_may_add_noise_alone_and_in_a_sweep():
    """Noise absent at first, then switched on: the same numbers both ways, and noise only in its phase."""
    schedule = nj.Schedule({"quiet": 1.0, "noisy": nj.Phase(1.0, {"noise": 0.5})})
    model = nj.Kuramoto(8, coupling=0.0, frequencies=nj.Delta(0.0), initial=nj.Cluster(0.0))
    record = {"r": nj.Trace(nj.order_parameter)}
    run = nj.simulate(model, duration=schedule, dt=0.1, record=record)
    data = nj.sweep(model, {"coupling": [0.0, 1.0]}, duration=schedule, dt=0.1, record=record)
    assert np.allclose(run.records["r"][:11], 1.0, atol=1e-5)
    assert run.records["r"][-1] < 0.99
    assert np.allclose(data.r.sel(coupling=0.0)[0], run.records["r"], atol=1e-5)


def test_a_gradient_reaches_a_phases_value():
    """d/dv of exp(-v T) through `Phase(change)`: -T exp(-v T), exponential Euler, 1e-5."""

    def end(v):
        schedule = nj.Schedule({"only": nj.Phase(1.0, {"rate": v})})
        return nj.simulate(OrnsteinUhlenbeck(), duration=schedule, dt=0.1, method=nj.ExponentialEuler()).final_state.state[0]

    assert float(jax.grad(end)(0.7)) == pytest.approx(-np.exp(-0.7), rel=1e-5)
