import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from neurojax.kuramoto.frequencies import Bimodal, Delta, Frequencies, Given, Lorentzian, Normal, Uniform

KEY = jax.random.key(3)
SHAPES = [
    Normal(0.7, 0.3),
    Lorentzian(0.7, 0.3),
    Uniform(0.7, 0.3),
    Bimodal(2.0, 0.3, 0.1),
    Bimodal(0.4, 0.3, 0.1),
    Bimodal(2.0, 0.3, 0.1, kind="normal"),
    Bimodal(12.0, 0.3, kind="normal"),
]


@pytest.mark.parametrize("frequencies", SHAPES)
def test_draws_follow_the_cdf(frequencies):
    # Kolmogorov-Smirnov with a fixed seed; p > 1e-3 is 3.3 sigma.
    draw = np.asarray(frequencies.draw(KEY, 20_000), np.float64)
    assert stats.kstest(draw, frequencies.cdf).pvalue > 1e-3


@pytest.mark.parametrize("frequencies", SHAPES)
def test_quantile_inverts_cdf_and_cdf_integrates_density(frequencies):
    u = np.array([1e-6, 0.01, 0.2, 0.4999, 0.5, 0.7, 0.99, 1 - 1e-6])
    omega = frequencies.quantile(u)
    np.testing.assert_allclose(frequencies.cdf(omega), u, rtol=1e-9, atol=1e-12)
    # Central differences of the cdf, error h^2 g'' / 6, away from the uniform density's ends.
    middle, h = omega[1:-1], 1e-5
    slope = (frequencies.cdf(middle + h) - frequencies.cdf(middle - h)) / (2 * h)
    np.testing.assert_allclose(slope, frequencies.density(middle), atol=1e-8)


@pytest.mark.parametrize(
    ("frequencies", "oracle"),
    [
        (Normal(0.7, 0.3), stats.norm(0.3, 0.7)),
        (Lorentzian(0.7, 0.3), stats.cauchy(0.3, 0.7)),
        (Uniform(0.7, 0.3), stats.uniform(-0.4, 1.4)),
    ],
)
def test_functions_equal_scipy(frequencies, oracle):
    u = np.linspace(0.001, 0.999, 41)
    np.testing.assert_allclose(frequencies.quantile(u), oracle.ppf(u), rtol=1e-11, atol=1e-12)
    omega = np.linspace(-3, 3, 41)
    np.testing.assert_allclose(frequencies.density(omega), oracle.pdf(omega), rtol=1e-12)
    np.testing.assert_allclose(frequencies.cdf(omega), oracle.cdf(omega), rtol=1e-12, atol=1e-15)


def test_quantile_placement_is_symmetric_sorted_and_exact():
    n = 1000
    draw = np.asarray(Lorentzian(0.5, placement="quantiles").draw(KEY, n))
    assert draw.dtype == np.float32
    assert (np.diff(draw) > 0).all()
    np.testing.assert_array_equal(draw, -draw[::-1])
    # The outermost quantile loses no more than float32's rounding (3e-8 relative would be lost 1000-fold by casting u first).
    np.testing.assert_allclose(draw[-1], 0.5 / np.tan(np.pi * 0.5 / n), rtol=1e-7)


@pytest.mark.parametrize("placement", ["random", "quantiles"])
@pytest.mark.parametrize(
    "make", [lambda s, p: Normal(s, placement=p), lambda s, p: Lorentzian(s, placement=p), lambda s, p: Uniform(s, placement=p)]
)
def test_gradient_of_a_draw_is_the_standard_sample(make, placement):
    # omega = scale * standard sample, so d omega / d scale = omega / scale (float32: 1e-6 relative).
    draw = lambda s: make(s, placement).draw(KEY, 7)  # noqa: E731
    tangent = jax.jacrev(draw)(jnp.float32(0.4))
    np.testing.assert_allclose(tangent, draw(0.4) / 0.4, rtol=2e-6, atol=1e-6)
    np.testing.assert_allclose(jax.jit(draw)(0.4), draw(0.4), rtol=2e-6, atol=1e-6)
    batch = jax.vmap(draw)(jnp.array([0.4, 0.8]))
    np.testing.assert_allclose(batch[1], 2 * batch[0], rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize(("kind", "placement"), [("lorentzian", "random"), ("normal", "quantiles")])
def test_gradient_of_a_bimodal_draw_is_the_difference_quotient(kind, placement):
    with jax.enable_x64(True):
        draw = lambda p: Bimodal(p[0], p[1], kind=kind, placement=placement).draw(KEY, 9)  # noqa: E731
        point, h = jnp.array([1.5, 0.4]), 1e-5
        jacobian = jax.jacrev(draw)(point)
        for i in range(2):
            step = jnp.zeros(2).at[i].set(h)
            # Truncation h^2 and rounding 1e-16 / h; Lorentzian tails make entries of order 10.
            np.testing.assert_allclose(jacobian[:, i], (draw(point + step) - draw(point - step)) / (2 * h), rtol=1e-7, atol=1e-7)


def test_double_precision_inside_the_context_only():
    assert Normal().draw(KEY, 3).dtype == jnp.float32
    with jax.enable_x64(True):
        assert Normal(jnp.asarray(1.0, jnp.float32)).draw(KEY, 3).dtype == jnp.float64


def test_delta_and_given():
    np.testing.assert_array_equal(Delta(0.3).draw(KEY, 3), np.full(3, 0.3, np.float32))
    given = Given([3.0, 1.0, 2.0])
    np.testing.assert_array_equal(given.draw(KEY, 3), [3, 1, 2])
    np.testing.assert_array_equal(given.quantile(np.array([0.1, 0.5, 0.9])), [1, 2, 3])
    np.testing.assert_array_equal(given.cdf(np.array([0.0, 1.0, 2.5])), [0, 1 / 3, 2 / 3])
    assert given.mean == 2
    assert Delta(0.3).mean == 0.3
    np.testing.assert_array_equal(Delta(0.3).cdf(np.array([0.2, 0.3])), [0, 1])
    np.testing.assert_array_equal(Delta(0.3).quantile(np.array([0.2, 0.9])), [0.3, 0.3])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Normal(0.0).draw(KEY, 3), r"Normal\(scale=0.0\).*positive"),
        (lambda: Lorentzian(-1.0).check(), r"Lorentzian\(scale=-1.0\).*half maximum"),
        (lambda: Lorentzian(float("nan")).check(), r"scale=nan"),
        (lambda: Lorentzian(1.0, np.inf).check(), r"mean=inf.*finite"),
        (lambda: Uniform(-2).check(), r"Uniform\(width=-2\)"),
        (lambda: Uniform(np.ones(2)).check(), r"shape \(2,\).*one number"),
        (lambda: Uniform("wide").check(), r"width='wide'"),
        (lambda: Bimodal(-1.0).check(), r"separation=-1.0.*>= 0"),
        (lambda: Bimodal(1.0, 0.0).check(), r"Bimodal\(scale=0.0\)"),
        (lambda: Bimodal(1.0, kind="cauchy"), r"kind='cauchy'.*'lorentzian' or 'normal'"),
        (lambda: Normal(placement="sorted"), r"placement='sorted'.*'random' or 'quantiles'"),
        (lambda: Delta(np.nan).draw(KEY, 3), r"Delta\(value=nan\)"),
        (lambda: Given([1.0, 2.0]).draw(KEY, 3), r"2 values.*n=3.*one value for each"),
        (lambda: Given([1.0, np.nan]).check(), r"Given\(values=nan\).*finite"),
        (lambda: Given(np.ones((2, 2))).check(), r"shape \(2, 2\).*one axis"),
        (lambda: Normal().draw(KEY, 0), r"n=0.*positive integer"),
        (lambda: Normal().draw(KEY, True), r"n=True.*positive integer"),
        (lambda: Given([1.0]).density(0.0), r"Given has no density"),
    ],
)
def test_bad_inputs_say_what_would_be_right(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_a_subclass_that_lacks_a_method_is_told():
    with pytest.raises(NotImplementedError, match="must define draw"):
        Frequencies().draw(KEY, 2)
