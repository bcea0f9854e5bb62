"""What is shown: patterns, frequencies, successions, times, noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from neurojax.multiscale import measures, theory
from neurojax.multiscale.patterns import stationary

DOUBLE = nj.Options(dtype="float64")
CHAIN = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.05, 0.15, 0.8]])


@pytest.mark.parametrize(
    ("recipe", "variance"),
    [
        (nj.RademacherPatterns(40, correlation=0.3), 1.0),
        (nj.GaussianPatterns(40, correlation=0.3), 1.0),
        (nj.UniformPatterns(40, correlation=0.3), 1 / 3),
    ],
)
def test_correlated_patterns(recipe, variance):
    """Mean 0, the variance, and overlaps rho: 4 sigma, of n = 4000 neurons."""
    n = 4000
    made = np.asarray(recipe.draw(jax.random.key(1), n))
    assert abs(made.mean()) < 4 * np.sqrt(variance / n)
    assert made.var() == pytest.approx(variance, rel=4 * np.sqrt(0.3 * 2 / n))  # the parent's square, for normal values the most
    overlaps = (made @ made.T / n / variance)[np.triu_indices(40, 1)]
    # Pairs share the parent, whose own square fluctuates: a standard error of one pair bounds that of their mean.
    assert abs(overlaps.mean() - 0.3) < 4 * np.sqrt(1.0 / n)
    assert np.array_equal(made[:5], recipe.__class__(5, correlation=0.3).draw(jax.random.key(1), n))


def test_frequencies():
    """Zipf's law exactly; a Dirichlet draw of concentration 1 has E p^2 = 2 / (K (K + 1)), 4 sigma."""
    p = np.asarray(nj.Zipf(1.5).draw(jax.random.key(0), 6))
    assert np.allclose(p / p[0], np.arange(1, 7) ** -1.5)
    made = np.asarray(jax.vmap(lambda key: nj.Dirichlet().draw(key, 5))(jax.random.split(jax.random.key(0), 4000)))
    assert np.allclose(made.sum(1), 1, atol=1e-5)
    assert abs((made**2).mean() - 2 / 30) < 4 * (made**2).std() / np.sqrt(made.size / 5)


def test_stationary_distributions():
    """By squaring as by solving, 1e-12, also of a chain that is periodic; of the recipes, the p that they are given."""
    with jax.enable_x64(True):
        assert np.allclose(stationary(CHAIN), theory.stationary_distribution(CHAIN), atol=1e-12)
        assert np.allclose(stationary(np.eye(3)[[1, 2, 0]]), 1 / 3, atol=1e-12)
    p = jnp.asarray([0.5, 0.2, 0.3])
    assert np.allclose(p @ nj.Repeating(0.7).matrix(p), p, atol=1e-6)


def sequence(stream, steps, n=20, dt=1.0, seed=0):
    """The patterns shown at each step."""
    model = nj.Multiscale(n, stream, tau_J=20.0)
    return np.asarray(nj.simulate(model, steps=steps + 1, dt=dt, record={"w": nj.Trace(measures.shown)}, seed=seed).records["w"])[1:]


def test_which_pattern_follows_which():
    """Frequencies of pairs over 6,000 redraws, 4 sigma of independent ones each (5 for the chain, whose neighbours depend)."""
    steps = 6000
    shown = sequence(nj.Stream(nj.RademacherPatterns(3), [0.5, 0.2, 0.3]), steps)
    for which, p in enumerate((0.5, 0.2, 0.3)):
        assert abs(np.mean(shown == which) - p) < 4 * np.sqrt(p * (1 - p) / steps)
    shown = sequence(nj.Stream(nj.RademacherPatterns(3), transitions=CHAIN), steps)
    for m in range(3):
        after = shown[1:][shown[:-1] == m]
        for n in range(3):
            assert abs(np.mean(after == n) - CHAIN[m, n]) < 5 * np.sqrt(CHAIN[m, n] * (1 - CHAIN[m, n]) / len(after))
    assert np.array_equal(np.diff(sequence(nj.Stream(nj.RademacherPatterns(4), transitions=nj.Cyclic()), 50)) % 4, np.ones(49))


def lasting(shown):
    """Steps between changes of what is shown."""
    return np.diff(np.flatnonzero(np.diff(shown)))


@pytest.mark.parametrize("tau_h", [nj.RandomPeriod(2, 6), nj.Poisson(6.0), 2.5])
def test_times_are_those_of_the_distribution(tau_h):
    """With patterns that always change: mean and variance of times in steps of 1/2, 4 sigma; the rounding to steps adds up to dt^2/6."""
    dt, redraws = 0.5, 3000
    mean, variance = {nj.RandomPeriod: (3.5, 1.25), nj.Poisson: (6.0, 36.0), float: (2.5, 0.0)}[type(tau_h)]
    shown = sequence(nj.Stream(nj.RademacherPatterns(3), tau_h=tau_h, transitions=nj.Cyclic()), int(redraws * mean / dt), dt=dt)
    times = lasting(shown) * dt
    # Times shorter than a step wait for the next one, which shortens what follows: the mean is kept.
    assert abs(times.mean() - mean) < 4 * np.sqrt(variance / len(times)) + 1e-3
    assert times.var() == pytest.approx(variance + (dt**2 / 6 if isinstance(tau_h, nj.Poisson) else 0.0), abs=0.1 * variance + 1e-6)


def test_one_pattern_for_ever_and_noise():
    """tau_h = infinity holds the first; noise has its deviation, lasts as long as its pattern, and is drawn anew with it."""
    assert len(set(sequence(nj.Stream(tau_h=np.inf), 200).tolist())) == 1
    stream = nj.Stream(nj.RademacherPatterns(2), tau_h=5.0, noise=0.4)
    run = nj.simulate(nj.Multiscale(400, stream), steps=51, dt=1.0, record={"h": nj.Trace(measures.field), "w": nj.Trace(measures.shown)})
    h, which = np.asarray(run.records["h"])[1:], np.asarray(run.records["w"])[1:]
    noise = h - np.asarray(run.system.stream.patterns)[which]
    assert noise.std() == pytest.approx(0.4, rel=0.05)  # 4000 independent values: 4 sigma are 4.5 %
    assert np.allclose(noise[:5], noise[0], atol=1e-6)
    assert abs(np.mean(noise[0] * noise[5]) / 0.16) < 4 / np.sqrt(400)


def test_axes_of_a_sweep():
    """tau_h, probabilities by exponent, noise and a matrix of patterns: what may be swept is swept, in one program each."""
    model = nj.Multiscale(16, nj.Stream(nj.RademacherPatterns(3), nj.Zipf(1.0), nj.Poisson(2.0), noise=0.1), tau_J=10.0)
    options = nj.SweepOptions(progress=False, devices=1)
    over = {"stream.probabilities.exponent": [0.0, 2.0], "stream.tau_h.time": [2.0, 8.0], "stream.noise": [0.0, 0.5]}
    data = nj.sweep(model, over, seeds=2, steps=60, dt=1.0, record={"D": nj.Mean(measures.distance, warmup=20.0)}, options=options)
    assert data.D.shape == (2, 2, 2, 2)
    D = data.D.mean("seed")
    assert np.all(np.isfinite(D))
    assert float(D.sel({"stream.tau_h.time": 8.0}).mean()) > float(D.sel({"stream.tau_h.time": 2.0}).mean())
