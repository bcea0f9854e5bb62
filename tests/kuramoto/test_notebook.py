"""What the founding notebook does wrong, shown in plain NumPy, and how its behaviour is reached through explicit parameters."""

import numpy as np
import pytest

import neurojax as nj


def notebook(n, coupling, time, dt, noise, scale=1.0, seed=0, attractive=False, constant=None):
    """The notebook's loop from its equations; `attractive` sums the other axis, `constant` keeps K(t) from overwriting the argument."""
    rng = np.random.default_rng(seed)
    phases, frequencies, history = rng.uniform(0, 2 * np.pi, n), rng.normal(0, scale, n), []
    for t in np.arange(0, time, dt):
        k = 0.5 + 0.5 * np.sin(2 * np.pi * t / time) if constant is None else constant
        phases = phases + rng.normal(0, noise, n) * dt
        pull = np.sin(np.subtract.outer(phases, phases)).sum(axis=0 if attractive else 1)
        phases = (phases + dt * (frequencies + k / n * pull)) % (2 * np.pi)
        history.append(phases)
    return np.asarray(history)


def order(history):
    return np.abs(np.exp(1j * history).mean(axis=-1))


def test_its_sine_repels_whatever_the_slider_says():
    """K = 4, Gaussian frequencies: sin(theta_i - theta_j) leaves r below 1/sqrt(N); the other axis synchronises (theory r = 0.964)."""
    n = 200
    repelled = order(notebook(n, 4.0, 30.0, 0.02, 0.0, constant=4.0))[-200:].mean()
    attracted = order(notebook(n, 4.0, 30.0, 0.02, 0.0, constant=4.0, attractive=True))[-200:].mean()
    assert repelled < 1 / np.sqrt(n)
    assert attracted == pytest.approx(0.964, abs=0.02)


@pytest.mark.parametrize("coupling", [4.0, -4.0])
def test_both_signs_are_explicit_here(coupling):
    """A positive coupling attracts; a negative one does what the notebook did: N <r^2> = 1 / (1 + |K|/K_c), below 1."""
    n = 400
    model = nj.Kuramoto(n, coupling=coupling, frequencies=nj.Normal(1.0))
    run = nj.simulate(model, duration=60.0, dt=0.05, record={"r2": nj.Mean(nj.squared_order, warmup=20.0)})
    if coupling > 0:
        assert np.sqrt(run.records["r2"]) == pytest.approx(0.964, abs=0.02)
    else:
        assert n * run.records["r2"] < 0.6


def test_one_step_of_ours_is_the_notebooks_with_the_sign_turned():
    """Euler, no noise: our step with coupling -K equals the notebook's with K, to 1e-12 in float64."""
    rng = np.random.default_rng(1)
    theta, omega, dt, k = rng.uniform(-np.pi, np.pi, 50), rng.normal(size=50), 0.01, 0.7
    theirs = theta + dt * (omega + k / 50 * np.sin(np.subtract.outer(theta, theta)).sum(axis=1))
    model = nj.Kuramoto(50, coupling=-k, frequencies=omega, initial=theta)
    ours = nj.simulate(model, steps=1, dt=dt, method=nj.EulerMaruyama(), options=nj.Options(dtype="float64")).final_state.state.theta
    assert np.abs(np.exp(1j * ours) - np.exp(1j * theirs)).max() < 1e-12


@pytest.mark.parametrize("dt", [0.1, 0.01])
def test_its_noise_vanishes_with_the_step_and_ours_does_not(dt):
    """Var theta(1): sigma^2 dt there, sigma^2 here (free phases, sigma = 1; 4 sigma of 4,000 oscillators)."""
    n, steps = 4000, round(1 / dt)
    rng = np.random.default_rng(2)
    theirs = (rng.normal(0, 1.0, (steps, n)) * dt).sum(axis=0).var()
    free = {"coupling": 0.0, "frequencies": nj.Delta(0.0), "initial": nj.Cluster(0.0)}

    def variance(noise):
        state = nj.simulate(nj.Kuramoto(n, noise=noise, **free), duration=1.0, dt=dt).final_state.state
        return (state.theta + 2 * np.pi * state.winding).var()

    spread = 4 * np.sqrt(2 / n)
    assert theirs == pytest.approx(dt, rel=spread)
    assert variance(1.0) == pytest.approx(1.0, rel=spread)
    slider = nj.kuramoto.theory.diffusion_of_dt_scaled_noise(1.0, dt)
    assert variance(np.sqrt(2 * slider)) == pytest.approx(theirs, rel=2 * spread)


def test_its_coupling_argument_is_overwritten_and_ours_is_a_schedule():
    """Any two slider values give the notebook's same history; the envelope it really has is `Sinusoid(0.5, 0.5, period=T)`."""
    assert np.array_equal(notebook(20, 0.1, 2.0, 0.1, 0.0), notebook(20, 150.0, 2.0, 0.1, 0.0))
    model = nj.Kuramoto(20, coupling=nj.Sinusoid(0.5, 0.5, period=2.0), frequencies=np.linspace(-1, 1, 20), initial=np.linspace(-3, 3, 20))
    ours = nj.simulate(model, duration=2.0, dt=0.1, method=nj.EulerMaruyama(), options=nj.Options(dtype="float64")).final_state.state.theta
    theta = np.linspace(-3, 3, 20)
    for t in np.arange(20) * 0.1:
        k = 0.5 + 0.5 * np.sin(2 * np.pi * t / 2.0)
        theta = theta + 0.1 * (np.linspace(-1, 1, 20) + k / 20 * np.sin(np.subtract.outer(theta, theta)).sum(axis=0))
    assert np.abs(np.exp(1j * ours) - np.exp(1j * theta)).max() < 1e-10
