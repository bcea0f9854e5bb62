"""The network as controller, and learning from rewards alone."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import neurojax as nj
from neurojax.tuning.control.rewards import score
from tests.tuning.control.plants import FLOAT64, Tank, looped, traced

C = nj.control


def reward(view):
    return -(view.state.model**2) - 0.1 * C.effort(view)


def explorer(gain, **settings):
    return looped(C.Policy(jnp.stack([gain, 0.0]), depth=0, exploration=0.5), Tank(rate=-0.3, sigma=0.5), **settings)


def test_the_network_is_equinox_own():
    policy = C.Policy.drawn(5, seen=3, lags=(1, 4), times=[0.1], width=7, depth=2, commands=2, gain=1.0)
    network = policy.network(jax.random.key(5))
    features = jnp.linspace(-1, 1, 12)
    assert policy.inputs == 12
    assert policy.respond(jnp.asarray(policy.weights, jnp.float32), features) == pytest.approx(np.asarray(network(features)), abs=1e-6)


def test_its_features_are_what_was_seen():
    """Errors now and 2 decisions ago, an average, the target: summed by a linear network with weights 1, 10, 100, 1000."""
    weights = np.array([1.0, 10.0, 100.0, 1000.0, 0.0])
    policy = C.Policy(weights, lags=(2,), times=[0.4], depth=0, target=0.25, informed=True, scale=1e-3)
    run = traced(looped(policy), steps=60, dt=0.05)
    errors = 0.25 - run.records["x"]
    average, wanted = errors[0], []
    for n, error in enumerate(errors):
        average += (1 - np.exp(-0.05 / 0.4)) * (error - average)
        wanted.append(1e-3 * (error + 10 * errors[max(n - 2, 0)] + 100 * average + 250))
    assert run.records["u"] == pytest.approx(np.array(wanted), abs=1e-11)


def test_the_command_keeps_within_its_limits():
    run = traced(looped(C.Policy.drawn(gain=30.0, low=-0.5, high=2.0)))
    assert np.all((run.records["u"] >= -0.5) & (run.records["u"] <= 2.0))
    assert np.ptp(run.records["u"]) > 0.5


def test_the_gradient_from_rewards_is_that_of_their_mean():
    """Central differences of the mean reward over 800 runs of 20 time units, common random numbers, against GPOMDP, baseline from others.

    Within 4 standard errors of both, which are below a tenth of the slope, and 7 % of it: a decision is felt as e^{-1.4 t}, and credited
    as e^{-1.5 t} at a horizon of 10.
    """
    record = {"g": C.PolicyGradient(reward, horizon=10.0), "r": nj.Mean(reward)}

    def earned(key):
        return nj.simulate(explorer(1.0), dt=0.1, duration=20.0, seed=key, record=record).records["g"]

    runs = jax.jit(jax.vmap(earned))(jax.random.split(jax.random.key(0), 800))
    rewards = np.asarray(runs.reward, float)
    found = np.asarray(runs.products[:, 0]) - (rewards.sum() - rewards) / 799 * np.asarray(runs.traces[:, 0])
    means = nj.sweep(explorer, {"gain": [0.9, 1.1]}, record={"r": record["r"]}, seeds=800, dt=0.1, duration=20.0).r.values
    differences = (means[1] - means[0]) / 0.2
    wanted, error = differences.mean(), np.hypot(found.std(), differences.std()) / np.sqrt(800)
    assert error < 0.1 * abs(wanted)
    assert found.mean() == pytest.approx(wanted, abs=4 * error + 0.07 * abs(wanted))


def test_a_policy_learns_from_rewards_alone():
    """An unstable tank, x' = 0.3 x - K x: the cost (1 + K^2 / 10) / (K - 0.3), in units of sigma^2 / 2, falls from K = 0.5 to 3.5."""
    loop = explorer(0.5)
    settings = {"dt": 0.1, "duration": 20.0, "seeds": 16, "iterations": 40, "optimizer": optax.adam(0.05)}
    learned = C.reinforce(loop, reward, **settings)
    assert learned.system.controller.exploration is None
    assert 1.0 < learned.system.controller.weights[0] < 4.0
    assert learned.rewards[-10:].mean() > 0.8 * learned.rewards[:10].mean()
    again = C.reinforce(loop, reward, **(settings | {"iterations": 3}))
    assert np.array_equal(again.rewards, learned.rewards[:3])


def test_only_decisions_are_scored():
    """The derivative of log p = -xi^2 / 2 of u = w e + b + sigma xi by (w, b): (e, 1) xi / sigma at every second step, 0 between."""
    record = {"score": nj.Trace(score), "y": nj.Trace(C.observation), "u": nj.Trace(C.command)}
    run = nj.simulate(explorer(1.0, interval=2), steps=20, dt=0.1, record=record, options=FLOAT64).records
    tried = (run["u"] + run["y"]) / 0.5
    due = np.arange(20) % 2 == 0
    assert run["score"][~due] == pytest.approx(np.zeros((10, 2)), abs=0)
    assert run["score"][due] == pytest.approx((np.stack([-run["y"], np.ones(20)], axis=1) * tried[:, None] / 0.5)[due], abs=1e-9)
