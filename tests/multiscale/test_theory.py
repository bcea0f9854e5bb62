"""Closed forms against sums over all that can happen, and against the numbers of reference/memory.md, section 2."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

import neurojax as nj
from neurojax.multiscale import theory

RNG = np.random.default_rng(0)
P3 = np.array([0.5, 0.2, 0.3])
TARGETS = {"signs": RNG.choice([-1.0, 1.0], (3, 10)), "graded": np.tanh(RNG.normal(size=(3, 8)))}
CHAIN = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.05, 0.15, 0.8]])


def outer(s):
    return np.outer(s, s) * (1 - np.eye(len(s)))


def start(n):
    made = RNG.normal(size=(n, n))
    return 0.4 * (made + made.T) * (1 - np.eye(n))


def square(matrix):
    n = len(matrix)
    return np.sum(matrix**2) / (n * (n - 1))


def enumerated(targets, p, J0, k, choices, steps, chain=None):
    """Exact E D, Var D and E J after `steps` redraws: every sequence of patterns and of (a, its probability), with its weight."""
    x = [outer(s) for s in targets]
    h = sum(w * one for w, one in zip(p, x, strict=True))
    moments, mean, total = np.zeros(2), 0.0, 0.0
    for shown in itertools.product(range(len(targets)), repeat=steps):
        weight = p[shown[0]] * np.prod([p[n] if chain is None else chain[m, n] for m, n in itertools.pairwise(shown)])
        for lasting in itertools.product(choices, repeat=steps):
            J, likely = J0, weight
            for which, (a, probability) in zip(shown, lasting, strict=True):
                J, likely = a * J + (1 - a) * k * x[which], likely * probability
            d = square(J / k - h)
            moments, mean, total = moments + likely * np.array([d, d * d]), mean + likely * J, total + likely
    assert total == pytest.approx(1)
    return moments[0], moments[1] - moments[0] ** 2, mean


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("a", [np.exp(-1), 0.95, 0.0])
def test_mean_and_variance_of_d_for_a_fixed_time(kind, a):
    """Relative 1e-10, against all 3^n sequences; any patterns, any p, any J0, k = 0.7."""
    targets = TARGETS[kind]
    J0 = start(targets.shape[1])
    ensemble = theory.Ensemble.of(targets, P3, J0, 0.7)
    for n in (1, 2, 5):
        mean, variance, J = enumerated(targets, P3, J0, 0.7, [(a, 1.0)], n)
        fade = theory.Fading.of(a)
        assert theory.mean_distance(ensemble, fade, n) == pytest.approx(mean, rel=1e-10)
        assert theory.distance_variance(ensemble, fade, n) == pytest.approx(variance, rel=1e-10)
        assert np.allclose(theory.mean_weights(targets, P3, a, n, J0=J0, k=0.7), J, atol=1e-12)
    assert theory.mean_distance(ensemble, fade, 0) == pytest.approx(square(J0 / 0.7 - theory.hebbian(targets, P3)))
    assert theory.distance_variance(ensemble, fade, 0) == 0


@pytest.mark.parametrize("a", [np.exp(-1), 0.95])
def test_variance_is_the_formula_of_the_reference(a):
    """Section 2.3: 4 a^2n S_2 B0 + 4 a^n S_3 c3 + S_4 (M4 - V^2) + 2 (S_2^2 - S_4) C2, 1e-12; orthogonal signs in closed form."""
    ensemble = theory.Ensemble.of(TARGETS["graded"], P3, start(8))
    one, n = theory.scalars(ensemble), np.arange(1, 60)
    s2, s3, s4 = (theory.sums(a, r, n) for r in (2, 3, 4))
    wanted = 4 * a ** (2 * n) * s2 * one.along + 4 * a**n * s3 * one.mixed + s4 * (one.fourth - one.spread**2)
    wanted += 2 * (s2**2 - s4) * one.crossed
    assert np.allclose(theory.distance_variance(ensemble, theory.Fading.of(a), n), wanted, rtol=1e-12)
    # Only the outer products of Hadamard patterns are orthogonal up to the diagonal: Q_mn = -1/(N - 1) there, so N is large here.
    k, n = 4, 2**14
    signs = np.array([[(-1.0) ** bin(i & j).count("1") for i in range(k)] for j in range(k)])
    q = theory.gram(np.repeat(signs, n // k, axis=1)) + np.ones((k, k)) / (n - 1) * (1 - np.eye(k))
    orthogonal = theory.Ensemble(q, np.full(k, 1 / k), np.zeros(k), 0.0)
    f, s4 = theory.sums(a, 2), theory.sums(a, 4)
    assert theory.mean_distance(orthogonal, theory.Fading.of(a)) == pytest.approx(f * (1 - 1 / k))
    assert theory.distance_variance(orthogonal, theory.Fading.of(a)) == pytest.approx(2 * (f**2 - s4) * (k - 1) / k**2)


def test_random_times():
    """Mean and variance for times that vary, 1e-10, against all sequences of patterns and times."""
    redraws, tau = nj.RandomPeriod(1, 4), 2.5
    choices = [(np.exp(-t / tau), 1 / 3) for t in (1, 2, 3)]
    targets, J0 = TARGETS["graded"], start(8)
    ensemble, fade = theory.Ensemble.of(targets, P3, J0), theory.fading(tau, redraws)
    for n in (1, 3):
        mean, variance, J = enumerated(targets, P3, J0, 1.0, choices, n)
        assert theory.mean_distance(ensemble, fade, n) == pytest.approx(mean, rel=1e-10)
        assert theory.distance_variance(ensemble, fade, n) == pytest.approx(variance, rel=1e-10)
        assert np.allclose(theory.mean_weights(targets, P3, fade.a, n, J0=J0), J, atol=1e-12)


def test_markov_chain():
    """Mean and variance under a chain, 1e-10, against all sequences; the closed stationary mean; an i.i.d. chain is no chain."""
    targets, J0, a = TARGETS["graded"], start(8), 0.6
    p = theory.stationary_distribution(CHAIN)
    assert np.allclose(p @ CHAIN, p)
    ensemble = theory.Ensemble.of(targets, p, J0)
    means, variances = theory.markov_moments(ensemble, theory.Fading.of(a), CHAIN, 200)
    for n in (1, 2, 5):
        mean, variance, _ = enumerated(targets, p, J0, 1.0, [(a, 1.0)], n, CHAIN)
        assert means[n] == pytest.approx(mean, rel=1e-10)
        assert variances[n] == pytest.approx(variance, rel=1e-10)
    fade = theory.Fading.of(a)
    g, v = theory.centred(ensemble)[0], theory.scalars(ensemble).spread
    r = a * CHAIN @ np.linalg.inv(np.eye(3) - a * CHAIN)
    assert theory.markov_distance(ensemble, fade, CHAIN) == pytest.approx(theory.sums(a, 2) * (v + 2 * np.sum(p[:, None] * r * g)))
    assert means[-1] == pytest.approx(theory.markov_distance(ensemble, fade, CHAIN), rel=1e-12)
    means, variances = theory.markov_moments(ensemble, fade, np.outer(np.ones(3), p), 30)
    n = np.arange(31)
    assert np.allclose(means, theory.mean_distance(ensemble, fade, n), rtol=1e-10)
    assert np.allclose(variances[1:], theory.distance_variance(ensemble, fade, n[1:]), rtol=1e-8)


def test_redraw_statistics():
    """Section 2.4, in units of V: fixed .46212 and .36788, Poisson 1/2 and 1/2, the seed's range at 20 .1510 and .141 in the flow."""
    ensemble = theory.Ensemble.of(TARGETS["signs"], P3)
    v = theory.scalars(ensemble).spread
    end = lambda *given: theory.mean_distance(ensemble, theory.fading(*given)) / v  # noqa: E731
    average = lambda *given: theory.time_average(ensemble, *given) / v  # noqa: E731
    assert end(1.0, 1.0) == pytest.approx(np.tanh(0.5), rel=1e-12)
    assert average(1.0, 1.0) == pytest.approx(np.exp(-1), rel=1e-12)
    assert end(3.0, nj.Poisson(3.0)) == pytest.approx(0.5, rel=1e-12)
    assert average(3.0, nj.Poisson(3.0)) == pytest.approx(0.5, rel=1e-12)
    assert average(3.0, nj.Poisson(1.5)) == pytest.approx(1 / 3, rel=1e-12)
    assert end(20.0, nj.RandomPeriod(1, 10)) == pytest.approx(0.1510, abs=5e-5)  # of the flow
    assert end(20.0, nj.RandomPeriod(1, 10), 1.0) == pytest.approx(0.1547, abs=5e-5)  # of the seed's map, which leaves (19/20)^T
    assert average(20.0, nj.RandomPeriod(1, 10)) == pytest.approx(0.141, abs=5e-4)
    assert theory.fading(1000.0, 1.0, 1.0).a == pytest.approx(0.999, rel=1e-14)  # the seed's decay in a step


def test_averages_over_time():
    """Within a pattern's time, and averaged over it by quadrature, 1e-9; on a grid of steps by summing; with a chain likewise."""
    ensemble = theory.Ensemble.of(TARGETS["graded"], P3)
    phase = lambda x: theory.within_redraw(ensemble, theory.fading(2.0, 3.0), np.exp(-1.5 * x))[0]  # noqa: E731
    assert theory.time_average(ensemble, 2.0, 3.0) == pytest.approx(quad(phase, 0, 1)[0], rel=1e-9)
    p = theory.stationary_distribution(CHAIN)
    ensemble = theory.Ensemble.of(TARGETS["graded"], p)
    # The chain on a grid of steps: a pattern is shown for 4 steps, a chain of 12 states without any shorter memory.
    slow = np.zeros((12, 12))
    for m in range(3):
        for j in range(3):
            slow[4 * m + j, 4 * m + j + 1] = 1
        slow[4 * m + 3, ::4] = CHAIN[m]
    tau, dt = 2.0, 0.25
    stretched = theory.Ensemble.of(np.repeat(TARGETS["graded"], 4, axis=0), np.repeat(p, 4) / 4)
    fine = theory.markov_distance(stretched, theory.fading(tau, dt, dt), slow)
    assert theory.time_average(ensemble, tau, 4 * dt, dt, CHAIN) == pytest.approx(fine, rel=1e-10)


def paired(p, J0, choices, n, lag, chain=None):
    """Exact covariances of D, and of two couplings, after n and n + lag redraws of the graded targets, over all that can happen."""
    targets = TARGETS["graded"]
    x, h = [outer(s) for s in targets], theory.hebbian(targets, p)
    entries = lambda J: np.array([J[0, 1], J[2, 5]])  # noqa: E731
    d2, d, w2, w = 0.0, np.zeros(2), 0.0, np.zeros((2, 2))
    for shown in itertools.product(range(3), repeat=n + lag):
        weight = p[shown[0]] * np.prod([p[n] if chain is None else chain[m, n] for m, n in itertools.pairwise(shown)])
        for lasting in itertools.product(choices, repeat=n + lag):
            J, likely, seen = J0, weight, []
            for which, (a, probability) in zip(shown, lasting, strict=True):
                J, likely = a * J + (1 - a) * x[which], likely * probability
                seen.append(J)
            both = seen[n - 1], seen[-1]
            far, own = np.array([square(one - h) for one in both]), np.stack([entries(one) for one in both])
            d2, d, w2, w = d2 + likely * far[0] * far[1], d + likely * far, w2 + likely * np.outer(own[0], own[1]), w + likely * own
    return d2 - d[0] * d[1], w2 - np.outer(w[0], w[1])


def random_times():
    """What is left of J after times of 1 or 2, equally likely, tau' = 2: choices of a with their probabilities, and the averages."""
    return [(np.exp(-0.5), 0.5), (np.exp(-1.0), 0.5)], theory.fading(2.0, nj.RandomPeriod(1, 3))


@pytest.mark.parametrize("times", ["fixed", "random"])
def test_covariances(times):
    """Of D and of couplings at two times, 1e-10, against all sequences; of random times J0 has a part in the couplings'."""
    J0 = start(8)
    (choices, fade), n, lag = (random_times() if times == "random" else ([(0.6, 1.0)], theory.Fading.of(0.6))), 2, 1
    ensemble = theory.Ensemble.of(TARGETS["graded"], P3, J0)
    distances, weights = paired(P3, J0, choices, n, lag)
    assert theory.distance_covariance(ensemble, fade, n, lag) == pytest.approx(distances, rel=1e-10)
    found = theory.weight_covariance(TARGETS["graded"], P3, [(0, 1), (2, 5)], fade, n, lag, J0=J0)
    assert np.allclose(found, weights, atol=1e-13)
    assert theory.autocorrelation_time(fade) == pytest.approx(1 + 2 * np.sum(fade.a2 ** np.arange(1, 200)))


@pytest.mark.parametrize("times", ["fixed", "random"])
def test_markov_chain_at_two_times(times):
    """Mean, variance and covariance of D under a chain, fixed and random times, 1e-10, against all sequences."""
    p, J0 = theory.stationary_distribution(CHAIN), start(8)
    choices, fade = random_times() if times == "random" else ([(0.6, 1.0)], theory.Fading.of(0.6))
    ensemble = theory.Ensemble.of(TARGETS["graded"], p, J0)
    mean, variance, _ = enumerated(TARGETS["graded"], p, J0, 1.0, choices, 3, CHAIN)
    means, variances = theory.markov_moments(ensemble, fade, CHAIN, 3)
    assert (means[3], variances[3]) == (pytest.approx(mean, rel=1e-10), pytest.approx(variance, rel=1e-10))
    found = theory.markov_covariance(ensemble, fade, CHAIN, 1, 2)
    for lag in (1, 2):
        assert found[lag] == pytest.approx(paired(p, J0, choices, 1, lag, CHAIN)[0], rel=1e-10)
    assert found[0] == pytest.approx(variances[1], rel=1e-10)


def test_the_ends_of_what_tau_may_be():
    """tau' = dt forgets all in a step, and D is that of the pattern shown: E D = V, Var D = M4 - V^2. tau' = infinity keeps J0, and D is
    |J0/k - H|^2 for ever, on average over time, too, and under a chain."""
    J0 = start(8)
    ensemble = theory.Ensemble.of(TARGETS["graded"], P3, J0)
    one = theory.scalars(ensemble)
    for times in (1.0, nj.RandomPeriod(1, 4)):
        fade = theory.fading(1.0, times, 1.0)
        assert theory.mean_distance(ensemble, fade) == pytest.approx(one.spread, rel=1e-12)
        assert theory.distance_variance(ensemble, fade) == pytest.approx(one.fourth - one.spread**2, rel=1e-10)
        assert theory.time_average(ensemble, 1.0, times, 1.0) == pytest.approx(one.spread, rel=1e-12)
    chain = theory.Ensemble.of(TARGETS["graded"], theory.stationary_distribution(CHAIN), J0)
    assert theory.fading(jnp.asarray(np.inf)).a == 1  # infinity of JAX is as good
    nj.Periodic(jnp.asarray(np.inf)).check()
    for times, dt in ((1.0, None), (1.0, 1.0), (nj.Poisson(2.0), None), (nj.RandomPeriod(1, 4), 1.0)):
        fade = theory.fading(np.inf, times, dt)
        assert [theory.mean_distance(ensemble, fade, n) for n in (0, 3, np.inf)] == pytest.approx([one.start] * 3, rel=1e-12)
        assert theory.distance_variance(ensemble, fade) == 0
        assert theory.time_average(ensemble, np.inf, times, dt) == pytest.approx(one.start, rel=1e-12)
        assert theory.markov_distance(chain, fade, CHAIN) == pytest.approx(theory.scalars(chain).start, rel=1e-12)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: theory.fading(0.0), r"rate\(tau_J=0.0\): a positive time"),
        (lambda: theory.fading("a"), r"rate\(tau_J='a'\)"),
        (lambda: theory.fading(5.0, -1.0), r"Periodic\(period=-1.0\)"),
        (lambda: theory.fading(5.0, np.nan), r"Periodic\(period=nan\)"),
        (lambda: theory.fading(5.0, 1.0, 0.0), r"rate\(dt=0.0\)"),
        (lambda: theory.mean_distance(theory.Ensemble.of(TARGETS["signs"]), theory.Fading.of(0.5), -1), r"n=-1: numbers of redraws"),
        (lambda: theory.Ensemble.of(TARGETS["graded"], P3, np.eye(8)), r"Ensemble\(J0\): its diagonal is not zero"),
        (lambda: theory.Ensemble.of(TARGETS["graded"], P3, k=0.0), r"Ensemble\(k=0.0\)"),
        (lambda: theory.markov_distance(theory.Ensemble.of(TARGETS["graded"], P3), theory.Fading.of(0.5), CHAIN), r"not stationary"),
        (lambda: theory.stationary_distribution(np.full((2, 2), np.nan)), r"rows sum to"),
        (lambda: theory.infer_probabilities(np.full((8, 8), np.nan), TARGETS["graded"]), r"not finite"),
    ],
)
def test_what_is_no_input(wrong, message):
    with pytest.raises((ValueError, TypeError), match=message):
        wrong()


def test_the_neurons_bias():
    """Section 2.6: the time average of E J for slow neurons, against the flow of the mean of s s' itself, 1e-8."""
    targets, tau, tau_h = TARGETS["graded"], 1.3, 2.0
    # Stationary s at a redraw is a geometric sum over earlier patterns: E s s' solves a linear equation; then integrate over one period.
    b = np.exp(-tau_h / tau)
    mean, second = P3 @ targets, (targets.T * P3) @ targets
    at_redraw = ((1 - b) ** 2 * second + 2 * b * (1 - b) * np.outer(mean, mean)) / (1 - b**2)

    def moving(t):
        w = np.exp(-t / tau)
        return w**2 * at_redraw + 2 * w * (1 - w) * np.outer(mean, mean) + (1 - w) ** 2 * second

    times, weights = np.polynomial.legendre.leggauss(60)
    average = sum(0.5 * w * moving(0.5 * tau_h * (t + 1)) for t, w in zip(times, weights, strict=True))
    got = theory.time_averaged_weights(targets, P3, tau, tau_h, 0.7)
    assert np.allclose(got, 0.7 * average * (1 - np.eye(8)), atol=1e-8)
    assert 1 - np.exp(-1) == pytest.approx(0.632, abs=5e-4)  # the share at tau_h = tau


def test_probabilities_are_read_off_the_mean_couplings():
    """T8: exactly (1e-12) when the outer products are independent; the error of what else is in J; refused when they are not."""
    targets = RNG.choice([-1.0, 1.0], (5, 20))
    p = np.array([0.1, 0.3, 0.25, 0.15, 0.2])
    found = theory.infer_probabilities(0.8 * theory.hebbian(targets, p), targets, 0.8)
    assert np.allclose(found.probabilities, p, atol=1e-12)
    assert found.error < 1e-12
    beside = theory.hebbian(RNG.choice([-1.0, 1.0], (1, 20)))
    x = np.stack([outer(s)[np.triu_indices(20, 1)] for s in targets], axis=1)
    J = theory.hebbian(targets, p) + 0.3 * beside
    solved, rest, _, _ = np.linalg.lstsq(x, J[np.triu_indices(20, 1)])
    found = theory.infer_probabilities(J, targets)
    assert np.allclose(found.weights, solved)
    assert found.error == pytest.approx(np.sqrt(rest[0] / np.sum(J[np.triu_indices(20, 1)] ** 2)))
    with pytest.raises(ValueError, match=r"depend on each other"):
        theory.infer_probabilities(J, np.concatenate([targets, -targets[:1]]))


def test_closed_forms_are_differentiable():
    """In p and tau_J, against finite differences of the NumPy side, relative 1e-6; the best plasticity of section 6 is 0.0414."""
    targets = TARGETS["graded"]

    def value(p, tau):
        return theory.distance_variance(theory.Ensemble.of(targets, p), theory.fading(tau, 1.0, 1.0), 30.0)

    with jax.enable_x64(True):
        tangent = jnp.asarray([1.0, -1.0, 0.0])
        got = jax.jvp(value, (jnp.asarray(P3), jnp.asarray(20.0)), (tangent, jnp.asarray(1.0)))[1]
    step = 1e-5
    up, down = (value(P3 + e * np.asarray(tangent), 20.0 + e) for e in (step, -step))
    assert got == pytest.approx((up - down) / (2 * step), rel=1e-6)


def test_an_arbitrary_distribution():
    """A user's own quantile by quadrature: the exponential one again, 1e-3 (its tail is cut)."""

    class Mine(nj.Redraws):
        def quantile(self, uniform):
            return -2.0 * jnp.log1p(-jnp.asarray(uniform))

    mine, exact = theory.fading(3.0, Mine()), theory.fading(3.0, nj.Poisson(2.0))
    assert np.allclose(mine, exact, rtol=1e-3)
    assert Mine().average() == pytest.approx(2.0, rel=1e-3)
    # In a measure tau_J is traced: the same numbers, and a derivative.
    traced, slope = jax.jit(jax.value_and_grad(lambda tau: theory.fading(tau, Mine()).a))(jnp.asarray(3.0))
    assert traced == pytest.approx(mine.a, rel=1e-5)
    assert slope == pytest.approx(2.0 / 25, rel=1e-2)  # of a = tau / (tau + 2)


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"rate\(dt / tau_J=2.0\)"):
        theory.fading(1.0, 1.0, 2.0)
    with pytest.raises(ValueError, match=r"they sum to 0.9"):
        theory.Ensemble.of(TARGETS["signs"], [0.5, 0.2, 0.2])
    with pytest.raises(ValueError, match=r"rows sum to"):
        theory.stationary_distribution(np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"never meet"):
        theory.stationary_distribution(np.eye(2))
    with pytest.raises(ValueError, match=r"RandomPeriod\(low=3, high=3\)"):
        nj.RandomPeriod(3, 3)
