"""Rules without a matrix P: against their equations in plain NumPy, and what they converge to."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from neurojax.learning import Occasion

ELAPSED = 2.0


def seen(count=400, n=12, outputs=2, seed=0):
    """Rates (count, n) and targets (count, outputs) that some weights give exactly."""
    rng = np.random.default_rng(seed)
    rates = np.tanh(rng.normal(size=(count, n)))
    return rates, rates @ rng.normal(size=(n, outputs)) / np.sqrt(n)


def learned(rule, rates, targets, outputs=None):
    """Weights after every update, float64; `outputs` are given, or those of the weights."""

    def step(carry, row):
        weights, kept = carry
        number, r, f, o = row
        z = weights @ r if outputs is None else o
        kept, correction = rule.correct(kept, Occasion(r, z, f, number, number.astype(float) * ELAPSED, 1, jnp.asarray(ELAPSED)))
        return (weights + correction.change, kept), weights + correction.change

    with jax.enable_x64(True):
        start = jnp.zeros((targets.shape[1], rates.shape[1])), rule.init(rates.shape[1], targets.shape[1])
        shown = targets if outputs is None else outputs
        rows = (jnp.arange(len(rates)), *(jnp.asarray(a) for a in (rates, targets, shown)))
        return np.asarray(jax.lax.scan(step, start, rows)[1])


@pytest.mark.parametrize("normalised", [False, True])
def test_lms_converges_to_the_weights_that_fit(normalised):
    """Where a solution exists: within 1e-6 of least squares after 4,000 updates; the first update is `rate f r'`."""
    rates, targets = seen(4000)
    weights = learned(nj.LMS(0.5 if normalised else 0.05, normalised=normalised), rates, targets)
    expected = np.linalg.lstsq(rates, targets, rcond=None)[0].T
    assert np.abs(weights[-1] - expected).max() < 1e-6
    scale = 0.5 / (1e-6 + rates[0] @ rates[0]) if normalised else 0.05
    assert np.allclose(weights[0], scale * np.outer(targets[0], rates[0]), rtol=1e-12)


def test_the_delta_rule_and_its_rate():
    """`dw = -eta e r`, `tau d eta/dt = eta (-eta + |e|^1.5)` over the time between updates, by 2,000 steps of Heun's method: 1e-6."""
    rates, targets = seen(40)
    found = learned(nj.DeltaRule(rate=0.1, exponent=1.5, tau=10.0), rates, targets)
    weights, eta = np.zeros((2, 12)), np.full(2, 0.1)
    for r, f, ours in zip(rates, targets, found, strict=True):
        error = weights @ r - f
        weights = weights - np.outer(eta * error, r)
        for _ in range(2000):
            slope = eta * (np.abs(error) ** 1.5 - eta)
            ahead = eta + ELAPSED / 10.0 / 2000 * slope
            eta = eta + ELAPSED / 10.0 / 4000 * (slope + ahead * (np.abs(error) ** 1.5 - ahead))
        assert np.abs(ours - weights).max() < 1e-6


def test_the_rate_of_the_delta_rule_stays_positive():
    """A large rate, no error, twice tau between updates: eta / (1 + eta T) = 10 / 21, where Euler's step would give -190."""
    rule = nj.DeltaRule(rate=10.0, tau=1.0)
    zero = jnp.zeros(1)
    kept, _ = rule.correct(rule.init(1, 1), Occasion(zero, zero, zero, jnp.asarray(0), jnp.asarray(0.0), 1, jnp.asarray(ELAPSED)))
    assert float(kept[0]) == pytest.approx(10 / 21, rel=1e-5)


def test_reward_modulated_learning():
    """`dw = rate(t) M (z - zbar) r` with M = 1 where the performance is above its mean, given noisy outputs: NumPy, 1e-12."""
    rates, targets = seen()
    outputs = targets + np.random.default_rng(1).uniform(-0.5, 0.5, targets.shape)
    found = learned(nj.RewardHebbian(rate=lambda time: 5e-2 / (1 + time / 100.0), tau=5.0), rates, targets, outputs)
    weights, mean, usual, rewarded = np.zeros((2, 12)), np.zeros(2), 0.0, 0
    for k, (r, f, z, ours) in enumerate(zip(rates, targets, outputs, found, strict=True)):
        performance = -np.sum((z - f) ** 2)
        if performance > usual:
            rewarded += 1
            weights = weights + 5e-2 / (1 + k * ELAPSED / 100.0) * np.outer(z - mean, r)
        mean, usual = mean + (1 - np.exp(-ELAPSED / 5.0)) * (z - mean), usual + (1 - np.exp(-ELAPSED / 5.0)) * (performance - usual)
        assert np.abs(ours - weights).max() < 1e-12
    assert 100 < rewarded < 300


def reading_error(view):
    return jnp.mean(jnp.abs(view.state.readout.weights @ jnp.tanh(view.state.network.x) - view.aux.target))


@pytest.mark.parametrize("rule", [nj.LMS(0.002), nj.DeltaRule(rate=0.002), nj.RewardHebbian(0.001)], ids=["lms", "delta", "reward"])
def test_each_trains_a_network(rule):
    """A network driven by its target (teacher = 1) learns to read it: |w r - f| of the last of four periods is below 0.3 of that of no
    readout."""
    exploration = 0.5 if isinstance(rule, nj.RewardHebbian) else None
    target = nj.force.targets.Sines(400.0)
    system = nj.Training(nj.RateNetwork(60, gain=0.8, feedback=2.0), target, rule, interval=1, teacher=1.0, exploration=exploration)
    shown = nj.simulate(system, steps=1600, dt=1.0, record={"e": nj.Trace(reading_error)}, seed=1)
    assert shown.records["e"][-400:].mean() < 0.3 * 2 / np.pi


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (nj.LMS(0.0), r"LMS\(rate=0.0\)"),
        (nj.DeltaRule(rate=-1.0), r"DeltaRule\(rate=-1.0\)"),
        (nj.DeltaRule(exponent=3.0), r"DeltaRule\(exponent=3.0\)"),
        (nj.RewardHebbian(tau=0.0), r"RewardHebbian\(tau=0.0\)"),
    ],
)
def test_bad_settings_are_refused(rule, said):
    with pytest.raises(ValueError, match=said):
        nj.simulate(nj.Training(nj.RateNetwork(5), nj.force.targets.Sines(10.0), rule, exploration=0.5), steps=1, dt=1.0)
