import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from neurojax.kuramoto.phases import Cluster, GivenPhases, Twisted, UniformPhases, WrappedCauchy

KEY = jax.random.key(5)
PI = np.float32(np.pi)  # 8.7e-8 above pi


def moment(phases, m=1):
    return np.exp(1j * m * np.asarray(phases, np.float64)).mean()


@pytest.mark.parametrize(
    "recipe",
    [UniformPhases(), Cluster(0.5, 3.0), Cluster(np.pi, -50.0), Twisted(7), WrappedCauchy(0.3), GivenPhases(np.linspace(-50, 50, 999))],
)
def test_all_phases_lie_on_the_circle(recipe):
    phases = recipe.draw(KEY, 999)
    assert phases.shape == (999,)
    assert phases.dtype == jnp.float32
    assert (abs(np.asarray(phases)) <= PI).all()


def test_uniform_phases_follow_the_uniform_law():
    phases = np.asarray(UniformPhases().draw(KEY, 20_000), np.float64)
    assert stats.kstest(phases, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3


@pytest.mark.parametrize("r0", [0.0, 0.1, 0.6, 0.95])
@pytest.mark.parametrize("m", [1, 2, 3])
def test_wrapped_cauchy_has_the_moments_of_the_ott_antonsen_manifold(r0, m):
    # <cos m theta> = r0^m with variance (1 + r0^2m) / 2 - r0^2m, 4 sigma of the sample mean; <sin m theta> = 0 alike.
    n = 40_000
    value = moment(WrappedCauchy(r0).draw(KEY, n), m)
    assert abs(value.real - r0**m) < 4 * np.sqrt(((1 + r0 ** (2 * m)) / 2 - r0 ** (2 * m)) / n)
    assert abs(value.imag) < 4 * np.sqrt((1 - r0 ** (2 * m)) / (2 * n))


def test_wrapped_cauchy_ends_and_gradient():
    np.testing.assert_array_equal(WrappedCauchy(1.0).draw(KEY, 5), np.zeros(5))
    # theta = 2 arctan(c t), c = (1 - r0) / (1 + r0): d theta / d r0 = -2 sin(theta) / (1 - r0^2).
    draw = lambda r0: WrappedCauchy(r0).draw(KEY, 50)  # noqa: E731
    np.testing.assert_allclose(jax.jacrev(draw)(0.3), -2 * np.sin(draw(0.3)) / (1 - 0.3**2), rtol=1e-4, atol=1e-5)


def test_cluster_order_parameter():
    # r = sin(w) / w; standard deviation of <cos> at most sqrt(1/2 / n), 4 sigma.
    n, width = 40_000, 1.2
    value = moment(Cluster(width, 0.4).draw(KEY, n))
    assert abs(value - np.exp(0.4j) * np.sin(width) / width) < 4 * np.sqrt(0.5 / n)


@given(q=st.integers(-(10**12), 10**12), n=st.integers(2, 300))
@settings(max_examples=40, deadline=None)
def test_twisted_states_wind_q_times(q, n):
    phases = np.asarray(Twisted(q).draw(KEY, n), np.float64)
    step = np.exp(1j * (np.roll(phases, -1) - phases))
    # Two float32 phases of up to pi: 5e-7 rad.
    np.testing.assert_allclose(step, np.exp(2j * np.pi * (q % n) / n), atol=1e-6)


def test_splay_state_is_the_first_twisted_state():
    assert abs(moment(Twisted(1).draw(KEY, 100))) < 1e-6
    np.testing.assert_allclose(Twisted(1).draw(KEY, 4), [0, np.pi / 2, np.pi, -np.pi / 2], rtol=1e-6)


def test_given_phases_are_wrapped_before_they_lose_digits():
    phases = 2 * np.pi * np.arange(3) * 1e6 + np.array([0.5, -1.0, 2.0])
    np.testing.assert_allclose(GivenPhases(phases).draw(KEY, 3), [0.5, -1.0, 2.0], atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: WrappedCauchy(1.1).draw(KEY, 3), r"WrappedCauchy\(r0=1.1\).*0 to 1"),
        (lambda: WrappedCauchy(-0.1).check(), r"r0=-0.1"),
        (lambda: Cluster(4.0).check(), r"Cluster\(width=4.0\).*0 to pi"),
        (lambda: Cluster(1.0, np.nan).draw(KEY, 3), r"centre=nan.*finite"),
        (lambda: Twisted(0.5), r"q=0.5.*integer"),
        (lambda: UniformPhases().draw(KEY, 0), r"n=0.*positive integer"),
        (lambda: GivenPhases([0.0, 1.0]).draw(KEY, 3), r"2 values.*n=3"),
        (lambda: GivenPhases([0.0, np.inf]).check(), r"values=inf.*finite"),
    ],
)
def test_bad_inputs_say_what_would_be_right(make, message):
    with pytest.raises(ValueError, match=message):
        make()
