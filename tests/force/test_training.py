"""Networks in training, in closed loop: against a NumPy loop, ridge regression, each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from neurojax.force import measures
from neurojax.force.targets import Together, four_sines
from tests.force.reference import force_loop

N, TRAIN, TEST = 200, 2400, 1200
DOUBLE = nj.Options(dtype="float64")


def training(method="symmetric", n=N, interval=2, gain=1.4, alpha=1.0, rule_tile=200, **network):
    return nj.Training(nj.RateNetwork(n=n, gain=gain, **network), four_sines(), nj.RLS(alpha, method=method, tile=rule_tile), interval)


FORGETS = nj.Schedule({"a": 9.0, "b": nj.Phase(9.0, {"rule.forgetting": 0.9})})
SHORTER = nj.Schedule({"a": 9.0, "b": nj.Phase(9.0, {"interval": 1})})
OTHER_METHOD = nj.Schedule({"a": 9.0, "b": nj.Phase(9.0, {"rule.method": "symmetric"})})


def schedule(train=TRAIN, test=TEST):
    return nj.Schedule({"train": float(train), "test": nj.Phase(float(test), {"learning": False})})


RECORD = {"z": nj.Trace(measures.output), "f": nj.Trace(measures.target), "r": nj.Trace(measures.rates)}


def run(system, seed=0, record=RECORD, options=DOUBLE, **settings):
    settings = {"duration": schedule()} | settings
    return nj.simulate(system, dt=1.0, seed=seed, record=record, options=options, **settings)


@pytest.fixture(scope="module")
def whole():
    return run(training())


@pytest.fixture(scope="module")
def loop(whole):
    network = whole.system.network
    start = run(training(), duration=None, steps=0, record=None).final_state.state.network.x
    weights = np.asarray(network.gain * network.recurrent)
    return force_loop(weights, np.asarray(network.feedback_weights)[:, 0], np.asarray(start), TRAIN, TEST)


def test_a_plain_loop_gives_the_same_output(whole, loop):
    """1,200 updates and the frozen run after them, float64: z within 1e-9 of NumPy's throughout, w and P to 1e-9."""
    z, readout, inverse = loop
    assert np.abs(whole.records["z"][:, 0] - z).max() < 1e-9
    assert np.allclose(whole.final_state.state.readout.weights[0], readout, atol=1e-9)
    assert np.allclose(whole.final_state.state.readout.kept, inverse, atol=1e-9)


def test_learned_weights_are_ridge_regression_on_the_visited_states(whole):
    """Though what the weights do decides what is visited next: 1e-8."""
    rates, targets = whole.records["r"][:TRAIN:2], whole.records["f"][:TRAIN:2]
    expected = np.linalg.solve(rates.T @ rates + np.eye(N), rates.T @ targets)[:, 0]
    found = whole.final_state.state.readout.weights[0]
    assert np.linalg.norm(found - expected) < 1e-8 * np.linalg.norm(expected)
    assert np.abs(whole.final_state.state.readout.kept @ (rates.T @ rates + np.eye(N)) - np.eye(N)).max() < 1e-8


@pytest.mark.parametrize("method", ["potter", "block"])
def test_every_method_learns_the_same(whole, method):
    """float64, to 1e-8 over 2,400 steps in closed loop."""
    other = run(training(method), record={"z": nj.Trace(measures.output)})
    assert np.abs(other.records["z"] - whole.records["z"]).max() < 1e-8


@pytest.mark.parametrize(
    "phases",
    [
        {"train": nj.Phase(6.0), "hold": nj.Phase(6.0, {"learning": False}), "again": nj.Phase(20.0)},
        {"slow": nj.Phase(20.0, {"interval": 4}), "fast": nj.Phase(20.0, {"interval": 1})},
        {"first": nj.Phase(20.0), "smaller": nj.Phase(20.0, {"rule.block": 3}), "larger": nj.Phase(20.0, {"rule.block": 50})},
    ],
    ids=["a pause", "another interval", "another block"],
)
@pytest.mark.parametrize("method", ["potter", "block"])
def test_gathered_updates_outlive_phases(phases, method):
    """Blocks of 8 updates cut by a pause in learning, by a change of the interval and of the block: as without gathering, 1e-9."""
    record = {"z": nj.Trace(measures.output)}
    systems = (nj.Training(nj.RateNetwork(12), four_sines(100.0), nj.RLS(method=m, block=8), 1) for m in ("symmetric", method))
    plain, gathered = (run(system, duration=nj.Schedule(phases), record=record) for system in systems)
    assert np.abs(plain.records["z"]).max() > 0.1
    assert np.abs(plain.records["z"] - gathered.records["z"]).max() < 1e-9


@pytest.mark.parametrize("interval", [1, 3, 10])
def test_the_learning_interval_is_exact(interval):
    """Updates at steps 0, k, 2k, ...: the notebook's `steps % (1.0 // 0.1)` learns every 9 steps where 10 are asked for."""
    shown = run(training(interval=interval, n=20), duration=None, steps=100, record={"dw": nj.Trace(measures.weight_change)})
    assert np.flatnonzero(shown.records["dw"]).tolist() == list(range(0, 100, interval))[1:]  # at step 0 there is no error: f(0) = 0
    assert 1.0 // 0.1 == 9.0


def test_continued_is_the_same_as_whole(whole, tmp_path):
    """Stopped at an odd step in the middle of training, saved, loaded and continued: the same bits, where the records are the same."""
    half = run(training(), duration=None, steps=1201)
    nj.save_state(tmp_path / "half.npz", half.final_state)
    rest = run(training(), duration=None, steps=TRAIN - 1201, state=nj.load_state(tmp_path / "half.npz", training()))
    assert np.array_equal(rest.records["z"], whole.records["z"][1201:TRAIN])


def test_a_saved_state_says_at_what_interval_it_learned(tmp_path):
    """Which row holds which update hangs on it."""
    nj.save_state(tmp_path / "state.npz", run(training("block", n=9), duration=None, steps=9).final_state)
    with pytest.raises(ValueError, match=r"\.readout\.kept\.interval is 2, but Training has 3; give the system it came from"):
        nj.load_state(tmp_path / "state.npz", training("block", n=9, interval=3))


def test_a_trained_network_runs_on_by_itself(whole):
    """The readout and the state of a run, in a network without its training: the frozen phase again, to the bit."""
    half = run(training(), duration=float(TRAIN))
    network = half.system.trained(half.final_state.state)
    alone = nj.simulate(
        network,
        steps=TEST,
        dt=1.0,
        method=nj.EulerMaruyama(),
        state=half.final_state.state.network,
        record={"z": nj.Trace(measures.output)},
        options=DOUBLE,
    )
    assert np.array_equal(alone.records["z"], whole.records["z"][TRAIN:])


def test_two_outputs_on_one_p():
    """Two targets on one P from the same states: each readout is the ridge regression of its target, 1e-8."""
    system = nj.Training(nj.RateNetwork(n=100, outputs=2), Together((four_sines(), four_sines(800.0, 0.5))), nj.RLS(method="symmetric"))
    shown = run(system, duration=1200.0)
    rates, targets = shown.records["r"][::2], shown.records["f"][::2]
    expected = np.linalg.solve(rates.T @ rates + np.eye(100), rates.T @ targets).T
    assert np.allclose(shown.final_state.state.readout.weights, expected, rtol=1e-7, atol=1e-9)


def test_a_readout_that_hears_some_units():
    """heard = 30: the readout and P are of the first 30 units, by ridge regression on those."""
    shown = run(training(n=100, heard=30), duration=1200.0)
    rates, targets = shown.records["r"][::2, :30], shown.records["f"][::2]
    expected = np.linalg.solve(rates.T @ rates + np.eye(30), rates.T @ targets).T
    assert shown.final_state.state.readout.weights.shape == (1, 30)
    assert np.allclose(shown.final_state.state.readout.weights, expected, rtol=1e-7, atol=1e-9)


def test_a_sweep_trains_what_single_runs_train():
    """Gains by seeds, trained and tested in one sweep, float64: the same errors as one by one, 1e-9."""
    record = {"error": nj.Mean(measures.absolute_error, phase="test"), "w": nj.Last(measures.weight_norm)}
    settings = {"duration": schedule(600, 300), "dt": 1.0, "record": record}
    options = nj.SweepOptions(dtype="float64", progress=False)
    data = nj.sweep(training(n=50), {"network.gain": [1.2, 1.5]}, seeds=2, options=options, **settings)
    for gain in (1.2, 1.5):
        for seed in (0, 1):
            one = nj.simulate(training(n=50, gain=gain), seed=seed, options=DOUBLE, **settings)
            there = data.sel({"network.gain": gain, "seed": seed})
            assert float(there.error) == pytest.approx(float(one.records["error"]), rel=1e-9)
            assert float(there.w) == pytest.approx(float(one.records["w"]), rel=1e-9)


def _plain(method):
    return lambda alpha, gain, feedback: (nj.RateNetwork(20, gain=gain, feedback=feedback), nj.RLS(alpha, method=method, block=4))


def _forgetting(alpha, gain, factor):
    return nj.RateNetwork(20, gain=gain), nj.RLS(alpha, 0.9 + 0.1 * factor)


def _b(alpha, gain, back):
    return nj.feedback_network(20, nj.GeneratorAndFeedback(5, g_gg=gain, g_gf=back, p_fg=0.3)), nj.RLS(alpha, block=4)


def _c(alpha, gain, noise):
    return nj.internal_network(20, 8, gain=gain, noise=0.1 * noise), nj.RLS(alpha, method="block", block=4)


def _rows(alpha, gain, feedback):
    return nj.RateNetwork(20, gain=gain, feedback=feedback, recurrent=nj.FixedIndegree(0.2)), nj.RLS(alpha)


KINDS = {method: _plain(method) for method in ("potter", "block", "symmetric")}
KINDS |= {"forgetting": _forgetting, "B": _b, "C": _c, "few in a row": _rows}


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_through_training(kind):
    """d(test error)/d(alpha, gain, feedback) (or of the forgetting factor, the gain of the feedback network, the noise) of 200 steps, 120
    of them in training, against central differences: float64, 1e-6."""

    def error(values):
        network, rule = KINDS[kind](*values)
        record = {"e": nj.Mean(lambda view: jnp.sum(view.aux.error**2), phase="test")}
        system = nj.Training(network, four_sines(100.0), rule)
        return nj.simulate(system, duration=schedule(120, 80), dt=1.0, seed=3, record=record, options=DOUBLE).records["e"]

    with jax.enable_x64(True):
        at = jnp.array([1.0, 1.4, 0.8])
        both = jax.jit(jax.value_and_grad(error))
        slope = both(at)[1]
        for i, step in enumerate(1e-5 * np.eye(3)):
            difference = (both(at + step)[0] - both(at - step)[0]) / 2e-5
            assert float(slope[i]) == pytest.approx(float(difference), rel=1e-6)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: nj.RateNetwork(n=0), r"RateNetwork\(n=0\)"),
        (lambda: run(training("potter", n=9), duration=FORGETS), r"RLS\(forgetting\): the run began without it"),
        (lambda: run(training("potter", n=9), duration=OTHER_METHOD), r"RLS\(method='symmetric'\): the run began with another method"),
        (lambda: run(training("block", n=9), duration=SHORTER), r"Training\(interval=1\): the run began with 2"),
        (lambda: run(training("block", n=90, rule_tile=1)), r"RLS\(tile=1\): 90 rates would make 90 strips; give at least 4"),
        (lambda: nj.RateNetwork(heard=0), r"RateNetwork\(heard=0\)"),
        (lambda: run(training(recurrent=nj.SparseGaussian(0.0))), r"SparseGaussian\(p=0.0\)"),
        (lambda: run(training(tau=-1.0)), r"RateNetwork\(tau=-1.0\)"),
        (lambda: run(nj.Training(nj.RateNetwork(n=9), four_sines(0.0))), r"Sines\(period=0.0\)"),
        (lambda: run(training(n=9, inputs=nj.Sinusoid(np.zeros(2), 1.0, period=0.0))), r"Sinusoid\(period=0.0\)"),
        (lambda: run(training(n=9, recurrent=np.ones(9))), r"RateNetwork\(recurrent\): an array of shape \(9,\)"),
        (lambda: run(training(n=9, readout=np.ones((2, 9)))), r"RateNetwork\(readout\)"),
        (lambda: run(training(n=9, inputs=1.0)), r"RateNetwork\(inputs\)"),
        (lambda: run(training(n=9, noise=-1.0)), r"RateNetwork\(noise=-1.0\)"),
        (lambda: run(nj.Training(nj.RateNetwork(9), np.ones(3))), r"Training\(target\): it has shape \(3,\)"),
        (lambda: run(nj.Training(nj.RateNetwork(9), 1.0, teacher=7.0)), r"Training\(teacher=7.0\)"),
        (lambda: run(nj.Training(nj.RateNetwork(9), 1.0, exploration=-1.0)), r"Training\(exploration=-1.0\)"),
        (lambda: training(interval=0), r"Training\(interval=0\)"),
        (lambda: training(interval=1.5), r"Training\(interval=1.5\)"),
        (lambda: run(training(alpha=0.0)), r"RLS\(alpha=0.0\)"),
        (lambda: run(training("block", alpha=0.01), options=nj.Options()), "take method='potter', or a run in float64"),
        (lambda: run(training("symmetric", alpha=1e-6), options=nj.Options()), "'symmetric' loses P in float32 below alpha = 0.1"),
        (lambda: run(training(gain=None)), r"RateNetwork\(gain=None\)"),
        (lambda: run(training(n=9, gain=np.ones(5))), r"RateNetwork\(gain\): has shape \(5,\); give one number"),
        (lambda: run(training(feedback="1.0")), r"RateNetwork\(feedback='1.0'\)"),
        (lambda: run(training(tau=None)), r"RateNetwork\(tau=None\)"),
        (lambda: run(nj.Training(nj.RateNetwork(9), 1.0, teacher="x")), r"Training\(teacher='x'\)"),
        (lambda: run(nj.Training(nj.RateNetwork(9), 1.0, "rls")), r"Training\(rule='rls'\): give nj.RLS\(\)"),
        (lambda: run(nj.Training(nj.RateNetwork(9), 1.0, method="euler")), r"Training\(method='euler'\): give nj.EulerMaruyama\(\)"),
        (lambda: run(nj.Training(nj.RateNetwork(9), 1.0, learning="False")), r"Training\(learning='False'\): True or False"),
        (
            lambda: run(nj.Training(nj.RateNetwork(9), 1.0, nj.RewardHebbian())),
            r"Training\(exploration=None\): RewardHebbian",
        ),
        (lambda: run(nj.Training(nj.RateNetwork(9), nj.Sampled([1.0, np.nan], 1.0))), r"Sampled\(values="),
        (lambda: swept("network.n", [9, 0]), r"RateNetwork\(n=0\)"),
        (lambda: swept("network.outputs", [0]), r"RateNetwork\(outputs=0\)"),
        (lambda: swept("network.heard", [40]), r"RateNetwork\(heard=40"),
    ],
)
def test_bad_settings_are_refused(make, said):
    with pytest.raises((ValueError, TypeError), match=said):
        make()


def swept(name, values):
    return nj.sweep(training(n=20), {name: values}, seeds=1, steps=2, dt=1.0, record={"z": nj.Last(measures.output)})


@pytest.mark.parametrize(("kept", "taken"), [("potter", "symmetric"), ("symmetric", "potter")])
def test_a_root_of_p_is_not_taken_for_p(kept, taken):
    """With forgetting both are one array of one shape; another method refuses what it did not make."""

    def made(method):
        return nj.Training(nj.RateNetwork(9), four_sines(100.0), nj.RLS(forgetting=0.99, method=method))

    with pytest.raises(ValueError, match="the run began with another method"):
        run(made(kept), duration=nj.Schedule({"a": 9.0, "b": nj.Phase(9.0, {"rule.method": taken})}))
    assert jax.tree.structure(made(kept).rule.init(4, 1)) != jax.tree.structure(made(taken).rule.init(4, 1))


@pytest.mark.parametrize("method", ["potter", "block", "symmetric"])
def test_health_of_p(method):
    """The diagonal of P and its asymmetry after 30 updates are those of the matrix itself, 1e-12; a sound P stays within (0, 1/alpha]."""
    record = {"health": nj.Last(measures.health), "novelty": nj.Trace(measures.novelty)}
    done = run(training(method, n=30, alpha=2.0), duration=None, steps=61, record=record)
    system, kept = done.system, jax.tree.map(jnp.asarray, done.final_state.state.readout.kept)
    inverse = np.asarray(system.rule.inverse_correlation(kept))
    found = system.rule.health(kept)
    assert [float(one) for one in found] == pytest.approx(
        [np.diag(inverse).min(), np.diag(inverse).max(), np.abs(inverse - inverse.T).max()], abs=1e-12
    )
    assert 0 < done.records["health"].least < done.records["health"].most <= 0.5
    assert (done.records["novelty"][::2] > 0).all()
    assert not done.records["novelty"][1::2].any()


def test_the_norm_of_no_weights_has_a_derivative():
    """|w| starts at 0: d(mean |w|)/d(alpha) of 20 steps against the central difference, float64, 1e-6."""

    def size(alpha):
        system = training(n=20, alpha=alpha)
        return run(system, duration=None, steps=20, record={"w": nj.Mean(measures.weight_norm)}).records["w"]

    with jax.enable_x64(True):
        difference = (size(1.0 + 1e-5) - size(1.0 - 1e-5)) / 2e-5
        assert float(jax.grad(size)(1.0)) == pytest.approx(float(difference), rel=1e-6)
