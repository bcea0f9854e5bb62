"""Gradients of chaotic runs: how they grow, what is said of it, and what helps."""

import warnings

import jax.numpy as jnp
import numpy as np
import optax
import pytest

import neurojax as nj

SEEDS = [0, 1]


def network(gain, n=400):
    return nj.RateNetwork(n, gain=gain, feedback=None, tau=1.0)


def activity(view):
    return jnp.mean(view.state.x**2)


def active(records):
    return records["a"]


def test_growth_is_that_of_the_largest_lyapunov_exponent():
    """A rate network of gain 1.5 (chaotic for g > 1: Sompolinsky, Crisanti and Sommers 1988), tau = 1, over 8 Lyapunov times: the mean
    exponent of 2 seeds beside that of a tangent vector (Benettin et al. 1980) over the same time, to 15 % (the
    one is a slope, the other the growth between two times). With gain 0.7 it rests at 0
    and comes to it as `exp(-(1 - g) t / tau)`, for the largest eigenvalue of J is 1 (circular law; 10 % at n = 400)."""
    run = {"dt": 0.2, "duration": 300.0, "seeds": SEEDS}
    wild, calm = (nj.gradient_horizon(network(gain), where="gain", **run) for gain in (1.5, 0.7))
    record = {"l": nj.Mean(nj.lyapunov_exponent, warmup=150.0)}
    known = nj.sweep(nj.Lyapunov(network(1.5), nj.Heun()), {"system.gain": [1.5]}, record=record, **run).l.values[0]
    assert wild.chaotic.all()
    assert wild.exponents.mean() == pytest.approx(known.mean(), rel=0.15)
    assert wild.lyapunov_time == pytest.approx(1 / wild.exponents[wild.chaotic].mean())
    assert wild.norms[:, -1].max() > 1e5 * wild.norms[:, len(wild.times) // 8].max()
    assert f"Lyapunov time {wild.lyapunov_time:.3g} of a run of 300" in str(wild)
    assert f"window={wild.window}" in str(wild)
    assert "EvolutionStrategies" in wild.advice
    assert not calm.chaotic.any()
    assert calm.exponents == pytest.approx(-0.3, rel=0.1)
    assert (calm.lyapunov_time, calm.window, calm.advice) == (np.inf, None, "none is needed")


def tuned(model, **change):
    settings = {"dt": 0.1, "duration": 80.0, "record": {"a": nj.Mean(activity, warmup=40.0)}, "seeds": [1, 3], "iterations": 10}
    options = {"fresh": 0, "clip": 1.0} | change.pop("options", {})
    return nj.tune(model, active, where="gain", optimizer=optax.sgd(0.001), options=nj.TuneOptions(**options), **(settings | change))


@pytest.mark.slow
def test_tune_says_that_it_is_chaos_and_what_helps():
    """Gain 3, 100 units: a warning with numbers. With the window that it names the gradient is a hundredth of what it was at most, and
    nothing more is said; with gain 0.7 there is nothing to say."""
    with pytest.warns(
        UserWarning, match=r"do not foretell.*\d of 2 seeds chaotic, Lyapunov time \d.*window=\d+.*EvolutionStrategies"
    ) as said:
        wild = tuned(network(3.0, 100))
    assert str(wild.horizon) in str(said[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        short = tuned(network(3.0, 100), options={"checkpoint": nj.Checkpoint(window=wild.horizon.window)})
        calm = tuned(network(0.7, 100))
    assert np.median(short.history.gradient_norm) < 0.01 * np.median(wild.history.gradient_norm)
    assert calm.horizon is None
