"""Published numbers and closed forms at sizes that still discriminate; the full-size table is `python -m experiments.kuramoto`.

Sources: Kuramoto 1975 and Strogatz 2000 (r(K)), Sakaguchi 1988 (noise), Ott and Antonsen 2008 (transient), Pazo 2005 (uniform).
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj

theory = nj.kuramoto.theory
R = {"r": nj.Mean(nj.order_parameter, warmup=30.0)}


def stationary(frequencies, couplings, n=1000, duration=80.0, dt=0.05, **model):
    system = nj.Kuramoto(n, frequencies=frequencies, **model)
    return nj.sweep(system, {"coupling": couplings}, seeds=2, duration=duration, dt=dt, record=R).r.mean("seed").values


def test_gaussian_frequencies():
    """Quantile frequencies, N = 1,000; self-consistent r(K). Tolerance 0.01 above K = 2, 0.03 nearer to K_c = 1.596 (finite N)."""
    couplings = [1.7, 2.0, 2.5, 3.0, 4.0]
    exact = [0.425362, 0.715174, 0.869720, 0.925182, 0.964247]
    measured = stationary(nj.Normal(1.0, placement="quantiles"), couplings)
    assert np.abs(measured - exact)[1:].max() < 0.01
    assert abs(measured[0] - exact[0]) < 0.03


def test_lorentzian_frequencies():
    """r = sqrt(1 - 2 gamma/K); quantiles, N = 1,000, tolerance 0.01."""
    couplings = [1.5, 2.0, 3.0, 4.0]
    measured = stationary(nj.Lorentzian(0.5, placement="quantiles"), couplings)
    assert np.abs(measured - np.sqrt(1 - 1 / np.asarray(couplings))).max() < 0.01


def test_uniform_frequencies_jump():
    """K_c = 4 g/pi = 1.2732: small r below, at least pi/4 (less finite-size 0.02) just above."""
    below, above = stationary(nj.Uniform(1.0, placement="quantiles"), [1.15, 1.30], duration=200.0)
    assert below < 0.2
    assert np.pi / 4 - 0.02 < above < 0.9


def test_identical_oscillators_with_noise():
    """r = I1(K r/D)/I0(K r/D): five K/D at D = 0.5, N = 1,000; 5 sigma of 8 seeds' scatter, and 0.002 of finite size and step."""
    ratios = np.array([2.5, 3, 4, 6, 10])
    exact = np.array([0.589708, 0.724159, 0.831462, 0.902153, 0.945542])
    model = nj.Kuramoto(1000, noise=1.0, frequencies=nj.Delta(0.0))
    r = nj.sweep(model, {"coupling": 0.5 * ratios}, seeds=8, duration=80.0, dt=0.05, record=R).r
    error = r.std("seed", ddof=1).values / np.sqrt(8)
    assert np.all(np.abs(r.mean("seed").values - exact) < 5 * error + 0.002)
    assert np.all(error < [0.008, 0.003, 0.002, 0.001, 0.001])


def test_lorentzian_frequencies_with_noise():
    """gamma = D = 0.5 (continued fraction): N = 1,000 quantiles, tolerance 0.02 (fluctuations of order 1/sqrt(N))."""
    exact = [0.520960, 0.651031, 0.767895, 0.824368]
    measured = stationary(nj.Lorentzian(0.5, placement="quantiles"), [2.5, 3.0, 4.0, 5.0], noise=1.0)
    assert np.abs(measured - exact).max() < 0.02


def test_ott_antonsen_transient_and_schedule():
    """gamma = 0.5, K = 2, r0 = 0.1, N = 20,000 random phases and frequencies: error below 0.03 (0.015 at N = 10^5) throughout.

    And under K(t) = 2 + sin t, against the exact solution of r' = (K/2 - gamma) r - K r^3/2.
    """
    record = {"r": nj.Trace(nj.order_parameter, every=10)}
    for coupling in (2.0, lambda t: 2.0 + jnp.sin(t)):
        model = nj.Kuramoto(20_000, coupling=coupling, frequencies=nj.Lorentzian(0.5), initial=nj.WrappedCauchy(0.1))
        run = nj.simulate(model, duration=10.0, dt=0.05, seed=1, record=record)
        schedule = coupling if coupling == 2.0 else (lambda t: 2.0 + np.sin(t))
        exact = theory.ott_antonsen(run.times["r"], 0.1, schedule, 0.5)
        assert np.abs(run.records["r"] - exact).max() < 0.03


def test_fluctuations_below_threshold():
    """Identical with noise: N <r^2> = 1/(1 - K/K_c) at K/K_c = -1, 0, 0.5; N = 200, 16 seeds, 5 sigma of the seeds' scatter."""
    n, critical = 200, 1.0
    record = {"r2": nj.Mean(nj.squared_order, warmup=20.0)}
    model = nj.Kuramoto(n, noise=1.0, frequencies=nj.Delta(0.0))
    data = nj.sweep(model, {"coupling": [-1.0, 0.0, 0.5]}, seeds=16, duration=120.0, dt=0.05, record=record)
    scaled = n * data.r2
    error = scaled.std("seed", ddof=1) / 4
    exact = theory.incoherent_fluctuation(np.array([-1.0, 0.0, 0.5]), critical)
    assert np.all(np.abs(scaled.mean("seed") - exact) < 5 * error + 0.03)
    assert float(error.max()) < 0.15


def test_sakaguchi_lag():
    """K = 3, gamma = 0.5, alpha = 0.6: r = 0.77209, Omega = -1.35186 (N = 2,000 quantiles; tolerances 0.01 and 0.02)."""
    model = nj.Kuramoto(2000, coupling=3.0, lag=0.6, frequencies=nj.Lorentzian(0.5, placement="quantiles"))
    settled = nj.simulate(model, duration=40.0, dt=0.02)
    run = nj.simulate(model, duration=40.0, dt=0.02, state=settled.final_state, record={"r": nj.Mean(nj.order_parameter)})
    rotation = np.median(nj.effective_frequency(settled.final_state.state, run.final_state.state, 40.0))
    assert run.records["r"] == pytest.approx(0.77209, abs=0.01)
    assert rotation == pytest.approx(-1.35186, abs=0.02)


@pytest.mark.parametrize("diffusion", [0.0, 0.25, 1.0])
def test_the_onset_lies_on_the_theory_line(diffusion):
    """Gaussian frequencies, N = 1,000: r at the floor at 0.8 K_c, well above it at 1.3 K_c."""
    critical = float(theory.critical_coupling(nj.Normal(1.0), diffusion))
    noise = {"noise": np.sqrt(2 * diffusion)} if diffusion else {}
    below, above = stationary(nj.Normal(1.0), [0.8 * critical, 1.3 * critical], **noise)
    assert below < 4 * theory.finite_size_floor(1000)
    assert above == pytest.approx(theory.order_parameter(1.3 * critical, nj.Normal(1.0), diffusion), abs=0.06)


@pytest.mark.slow
def test_gradient_of_the_order_parameter():
    """dr/dK = gamma/(K^2 r) = 0.088388 at gamma = 1, K = 4: N = 2,000 drawn frequencies, mean over T = 40, 48 seeds, 3 sigma of their mean.

    Reverse and forward mode agree to 1e-3 for each of four seeds.
    """

    def mean(coupling, seed):
        model = nj.Kuramoto(2000, coupling=coupling, frequencies=nj.Lorentzian(1.0))
        record = {"r": nj.Mean(nj.order_parameter, warmup=20.0)}
        return nj.simulate(model, duration=60.0, dt=0.05, seed=jax.random.key(seed), record=record).records["r"]

    seeds = jnp.arange(48)
    forward = np.asarray(jax.jit(jax.vmap(lambda s: jax.jvp(lambda k: mean(k, s), (4.0,), (1.0,))[1]))(seeds))
    reverse = np.asarray(jax.jit(jax.vmap(jax.grad(mean), in_axes=(None, 0)))(4.0, seeds[:4]))
    assert np.allclose(reverse, forward[:4], rtol=1e-3)
    error = forward.std(ddof=1) / np.sqrt(48)
    assert abs(forward.mean() - theory.order_parameter_gradient(4.0, 1.0)) < 3 * error
    assert error < 0.012
