"""Measured strong and weak orders, and exact cases."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import neurojax as nj
from tests.engine.models import Geometric, OrnsteinUhlenbeck, Pendulum

DOUBLE = nj.Options(dtype="float64")


def order(steps, errors):
    """Slope of log error over log dt."""
    return np.polyfit(np.log(steps), np.log(errors), 1)[0]


@pytest.mark.parametrize(
    ("method", "expected"),
    [(nj.EulerMaruyama(), 1), (nj.Heun(), 2), (nj.RK4(), 4), (nj.ExponentialEuler(), 1)],
    ids=lambda m: type(m).__name__,
)
def test_deterministic_order(method, expected):
    """Driven pendulum (exponential Euler: relaxation with a drive) to t = 2; reference: DOP853 at 1e-12. Slope within 0.12."""
    drive = nj.Sinusoid(0.3, 0.5, period=1.7)

    def push(t):
        return 0.3 + 0.5 * np.sin(2 * np.pi * t / 1.7)

    if isinstance(method, nj.ExponentialEuler):
        model, force = Relaxation(drive), lambda t, x: [-3 * x[0] + push(t)]
    else:
        model, force = Pendulum(drive), lambda t, x: [x[1], -np.sin(x[0]) + push(t)]
    exact = solve_ivp(force, (0, 2), np.asarray(model.init(None)), method="DOP853", rtol=1e-12, atol=1e-12).y[:, -1]
    steps = [0.1, 0.05, 0.025]
    errors = [
        np.linalg.norm(nj.simulate(model, duration=2.0, dt=dt, method=method, options=DOUBLE).final_state.state - exact) for dt in steps
    ]
    assert abs(order(steps, errors) - expected) < 0.12


class Relaxation(nj.Flow):
    """x' = -3 x + drive(t)."""

    drive: nj.Signal

    def init(self, key):
        return jnp.ones(1)

    def drift(self, x, clock):
        return -3.0 * x + nj.at(self.drive, clock.time)

    def linear(self, x, clock):
        return -3.0 * jnp.ones_like(x)


def brownian_refinements(model, method, levels, seed=0, duration=1.0):
    """End states for dt = 2^-k, all driven by one Wiener path per component: the finest increments summed."""
    finest = 2 ** max(levels)
    rng = np.random.default_rng(seed)
    increments = rng.normal(size=(finest, model.n)) / np.sqrt(finest)
    ends = {}
    for k in levels:
        dt = duration / 2**k
        path = increments.reshape(2**k, -1, model.n).sum(axis=1)
        x = np.ones(model.n)
        clock = nj.Clock(0, 0.0, dt)
        for dw in path:
            x = np.asarray(method.step(model, x, clock, dw / np.sqrt(dt)))
        ends[k] = x
    return ends, increments.sum(axis=0)


@pytest.mark.parametrize(
    ("method", "expected", "ito"),
    [(nj.EulerMaruyama(), 0.5, True), (nj.Heun(), 1.0, False)],
    ids=["EulerMaruyama", "Heun"],
)
def test_strong_order_with_multiplicative_noise(method, expected, ito):
    """Geometric Brownian motion on 2,000 paths: exact solution on the same path (Kloeden and Platen 1992, 4.4). Slope within 0.1."""
    model = Geometric(mu=0.5, sigma=0.5, n=2000)
    levels = [4, 5, 6, 7]
    ends, w = brownian_refinements(model, method, levels)
    exact = np.exp((0.5 - (0.125 if ito else 0.0)) + 0.5 * w)
    errors = [np.abs(ends[k] - exact).mean() for k in levels]
    assert abs(order([2.0**-k for k in levels], errors) - expected) < 0.1


def test_strong_order_of_euler_with_additive_noise_is_one():
    """Ornstein-Uhlenbeck, 2,000 paths against the path at dt = 2^-12. Slope within 0.1."""
    model = OrnsteinUhlenbeck(rate=2.0, sigma=0.5, n=2000)
    ends, _ = brownian_refinements(model, nj.EulerMaruyama(), [3, 4, 5, 12])
    errors = [np.abs(ends[k] - ends[12]).mean() for k in (3, 4, 5)]
    assert abs(order([2.0**-k for k in (3, 4, 5)], errors) - 1) < 0.1


@pytest.mark.parametrize("method", [nj.EulerMaruyama(), nj.Heun(), nj.ExponentialEuler()], ids=lambda m: type(m).__name__)
def test_weak_bias_of_the_stationary_variance(method):
    """Ornstein-Uhlenbeck, rate 1, sigma 1, dt = 0.4: the scheme's own stationary variance, exactly.

    Euler-Maruyama x' = (1 - a) x + s z gives 1/(2 - a); Heun x' = (1 - a + a^2/2) x + (1 - a/2) s z its own; exponential Euler is
    exact (1/2). a = dt. 4 sigma of 2 10^6 samples.
    """
    a = 0.4
    model = OrnsteinUhlenbeck(rate=1.0, sigma=1.0, start=0.0, n=20_000)
    run = nj.simulate(model, steps=130, dt=a, method=method, record={"square": nj.Mean(squares, warmup=12.0)})
    measured = float(run.records["square"].mean())
    growth = {"EulerMaruyama": 1 - a, "Heun": 1 - a + a**2 / 2, "ExponentialEuler": np.exp(-a)}[type(method).__name__]
    kick = {"EulerMaruyama": a, "Heun": a * (1 - a / 2) ** 2, "ExponentialEuler": (1 - np.exp(-2 * a)) / 2}[type(method).__name__]
    exact = kick / (1 - growth**2)
    correlation = (1 + growth**2) / (1 - growth**2)
    sigma = exact * np.sqrt(2 * correlation / (20_000 * 100))
    assert abs(measured - exact) < 4 * sigma
    if type(method).__name__ == "EulerMaruyama":
        assert abs(measured - 0.5) > 20 * sigma  # its bias is seen at this size


def squares(view):
    return view.state**2


def test_exponential_euler_is_exact_for_linear_flows_however_stiff():
    """x(t) = exp(-rate t): relative error below 1e-12 at rate dt = 50."""
    run = nj.simulate(OrnsteinUhlenbeck(rate=500.0), duration=0.4, dt=0.1, method=nj.ExponentialEuler(), options=DOUBLE)
    assert abs(run.final_state.state[0] / np.exp(-200.0) - 1) < 1e-12


def test_state_dependent_noise_is_ito_under_euler_and_stratonovich_under_heun():
    """omega = K = 0, sigma(theta) = s0 (1 + e cos theta): stationary density ~ sigma^-2 (Ito) or sigma^-1 (Stratonovich).

    <cos theta> by quadrature of both; measured on 4,000 oscillators, 4 sigma of the ensemble.
    """
    theta = np.linspace(-np.pi, np.pi, 20_001)
    shape = 1 + 0.5 * np.cos(theta)
    model = nj.Kuramoto(4000, coupling=0.0, noise=nj.PhaseNoise(1.0, 0.5), frequencies=nj.Delta(0.0))
    for method, power in ((nj.EulerMaruyama(), 2), (nj.Heun(), 1)):
        expected = np.average(np.cos(theta), weights=shape**-power)
        run = nj.simulate(model, duration=80.0, dt=0.02, method=method, seed=1, record={"c": nj.Mean(mean_cosine, warmup=20.0, every=5)})
        sigma = np.sqrt(0.5 / 4000 * 2 * 2.0 / 60)  # variance 1/2 of cos, correlation time about 2
        assert abs(float(run.records["c"]) - expected) < 4 * sigma + 0.004  # and the Euler bias at dt = 0.02


def mean_cosine(view):
    return jnp.mean(jnp.cos(view.state.theta))


def test_noise_that_depends_on_time():
    """Var theta(T) = integral sigma(t)^2 dt = 4/3 for sigma = 2 t on [0, 1]; 4 sigma of 20,000 oscillators plus the step's 1/N."""
    model = nj.Kuramoto(20_000, coupling=0.0, noise=nj.Ramp(0.0, 2.0), frequencies=nj.Delta(0.0), initial=nj.Cluster(0.0))
    run = nj.simulate(model, duration=1.0, dt=0.005)
    turns = run.final_state.state.theta + 2 * np.pi * run.final_state.state.winding
    assert abs(turns.var() - 4 / 3) < 4 * (4 / 3) * np.sqrt(2 / 20_000) + 0.005


def test_kuramoto_biases_of_euler_and_heun():
    """Stationary r of identical oscillators with noise, K = 2, D = 0.5, exact 0.831462 (I1/I0): reference/measured biases at dt = 0.4.

    Euler-Maruyama -0.0894, Heun +0.0008 (N = 2,000; published with the formula). Tolerance 0.006: finite N and time.
    """
    model = nj.Kuramoto(2000, coupling=2.0, noise=1.0, frequencies=nj.Delta(0.0))
    for method, bias in ((nj.EulerMaruyama(), -0.0894), (nj.Heun(), 0.0008)):
        run = nj.simulate(model, duration=400.0, dt=0.4, method=method, record={"r": nj.Mean(nj.order_parameter, warmup=40.0)})
        assert abs(float(run.records["r"]) - 0.831462 - bias) < 0.006
