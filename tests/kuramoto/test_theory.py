"""Numbers without another source: the formula named beside them, evaluated apart from this code, six digits (tolerance 6e-7)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special
from scipy.integrate import quad

from neurojax.kuramoto import theory
from neurojax.kuramoto.frequencies import Bimodal, Delta, Given, Lorentzian, Normal, Uniform

SIX_DIGITS = 6e-7


def normal_density(omega):
    return np.exp(-0.5 * omega**2) / np.sqrt(2 * np.pi)


def lorentzian_density(omega):
    return (0.5 / np.pi) / (omega**2 + 0.25)


@pytest.mark.parametrize(
    ("frequencies", "expected"),
    [(Lorentzian(0.7, 2.0), 1.4), (Normal(), 1.595769), (Uniform(), 1.273240), (Delta(3.0), 0.0)],
)
def test_critical_coupling_without_noise(frequencies, expected):  # Kuramoto (1975): 2 / (pi g(0))
    assert theory.critical_coupling(frequencies) == pytest.approx(expected, abs=SIX_DIGITS)
    # D -> 0 is continuous: dK_c/dD is of order 1.
    assert theory.critical_coupling(frequencies, 1e-9) == pytest.approx(theory.critical_coupling(frequencies), abs=1e-8)


def test_critical_coupling_with_noise():  # Sakaguchi (1988): 2 / integral D g / (D^2 + omega^2)
    d = np.array([0.1, 0.25, 0.5, 1.0])
    np.testing.assert_allclose(theory.onset_line(d, Normal()), [1.725235, 1.927108, 2.282156, 3.050271], atol=SIX_DIGITS)
    np.testing.assert_allclose(theory.critical_coupling(Delta(), d), 2 * d)
    np.testing.assert_allclose(theory.critical_coupling(Lorentzian(0.5), d), 2 * (0.5 + d))
    np.testing.assert_allclose(theory.critical_coupling(Uniform(0.8), d), 1.6 / np.arctan(0.8 / d))


@pytest.mark.parametrize(("density", "closed"), [(normal_density, Normal()), (lorentzian_density, Lorentzian(0.5))])
def test_closed_forms_equal_the_general_quadrature(density, closed):
    d = np.array([0.0, 1e-3, 0.1, 1.0])
    np.testing.assert_allclose(theory.critical_coupling(density, d), theory.critical_coupling(closed, d), rtol=1e-8)
    k = np.array([1.7, 2.5, 30.0])
    np.testing.assert_allclose(theory.order_parameter(k, density), theory.order_parameter(k, closed), rtol=1e-8)
    np.testing.assert_allclose(theory.order_parameter(k, density, 0.1), theory.order_parameter(k, closed, 0.1), rtol=1e-8)


def test_uniform_with_noise_equals_plain_quadrature():
    k, d = 2.0, 0.3
    r = theory.order_parameter(k, Uniform(1.0), d)

    def response(omega):  # <cos theta> of the stationary density, from its Fourier recursion far beyond the needed depth
        z = 0.0
        for n in range(200, 0, -1):
            z = 0.5 * k * r / (n * d - 1j * omega + 0.5 * k * r * z)
        return z.real

    assert quad(response, 0, 1, epsabs=1e-12)[0] == pytest.approx(r, abs=1e-9)


def test_bimodal_lorentzian_onset():  # Martens et al. (2009): 4 Delta once omega_0 > Delta (Hopf), else 2 / (pi g(0))
    assert theory.critical_coupling(Bimodal(4.0, 0.5)) == pytest.approx(2.0)
    assert theory.critical_coupling(Bimodal(4.0, 0.5), 0.3) == pytest.approx(3.2)
    near = Bimodal(0.6, 0.5)
    assert theory.critical_coupling(near) == pytest.approx(2 / (np.pi * near.density(0.0)))


@pytest.mark.parametrize("separation", [0.5, 2.0, 2.6, 3.0, 5.0])
def test_bimodal_normal_onset_is_the_first_root_of_the_dispersion_relation(separation):
    d, frequencies = 0.3, Bimodal(separation, 1.0, kind="normal")
    # 2 / K = h(D + i nu) with h(p) = integral g / (p - i omega); the trapezoidal rule is exact to rounding here (D / step = 60).
    omega = np.arange(-12, 12, 0.005)
    nu = np.arange(0, 6, 0.002)
    h = np.array([0.005 * np.sum(frequencies.density(omega) / (d + 1j * (v - omega))) for v in nu])
    crossing = np.flatnonzero(np.diff(np.sign(h.imag[1:]))) + 1
    strongest = max([h[0].real, *h.real[crossing]])
    # The grid misses the root by at most one step: relative error of order 0.002.
    assert theory.critical_coupling(frequencies, d) == pytest.approx(2 / strongest, rel=3e-3)


def test_far_normal_peaks_are_two_populations_of_half_the_weight():
    # Each peak needs twice the coupling; the other detunes it by O((scale / separation)^2).
    assert theory.critical_coupling(Bimodal(40.0, 1.0, kind="normal")) == pytest.approx(2 * np.sqrt(8 / np.pi), rel=1e-3)


def test_lorentzian_order_parameter():
    k = np.array([-1.0, 0.0, 1.0, 2.0, 4.0])
    np.testing.assert_allclose(theory.order_parameter(k, Lorentzian(0.5, mean=3.0)), [0, 0, 0, np.sqrt(0.5), np.sqrt(0.75)])


NORMAL = """1.60 .091024 | 1.62 .215148 | 1.65 .316039 | 1.7 .425362 | 1.8 .562867 | 1.9 .651795 | 2.0 .715174 | 2.2 .799140 | 2.4 .851001
| 2.5 .869720 | 2.6 .885090 | 2.8 .908507 | 3.0 .925182 | 3.2 .937435 | 3.5 .950514 | 4.0 .964247"""
IDENTICAL = "2.1 .303689 | 2.2 .413389 | 2.5 .589708 | 3 .724159 | 4 .831462 | 5 .876823 | 6 .902153 | 8 .930152 | 10 .945542"
LORENTZIAN = "2.1 .264092 | 2.2 .360952 | 2.5 .520960 | 3 .651031 | 4 .767895 | 5 .824368"


@pytest.mark.parametrize(
    ("table", "frequencies", "diffusion", "unit"),
    [
        (NORMAL, Normal(), 0.0, 1.0),  # 1 = K sqrt(pi/8) exp(-x) [I_0(x) + I_1(x)], x = K^2 r^2 / 4
        (NORMAL, Normal(0.3, mean=1.0), 0.0, 0.3),  # frequencies in units of the scale
        (IDENTICAL, Delta(), 0.7, 0.7),  # r = I_1(K r / D) / I_0(K r / D), tabulated against K / D
        (LORENTZIAN, Lorentzian(0.5), 0.5, 1.0),  # continued fraction
    ],
)
def test_order_parameter_tables(table, frequencies, diffusion, unit):
    k, r = np.array([[float(x) for x in pair.split()] for pair in table.split("|")]).T
    np.testing.assert_allclose(theory.order_parameter(unit * k, frequencies, diffusion), r, atol=SIX_DIGITS)


def test_normal_onset_has_the_square_root_law():
    # r ~ sqrt(pi) sqrt((K - K_c) / K_c); the next order is a relative O((K - K_c) / K_c).
    onset = np.sqrt(8 / np.pi)
    assert theory.order_parameter(onset * (1 + 1e-5), Normal()) == pytest.approx(np.sqrt(np.pi * 1e-5), rel=1e-4)


def test_uniform_jumps_to_a_quarter_of_pi():  # Pazo (2005); beyond the jump r rises as (K - K_c)^(2/3)
    onset = 4 / np.pi
    assert theory.order_parameter(onset * (1 - 1e-9), Uniform()) == 0
    assert theory.order_parameter(onset * (1 + 1e-9), Uniform()) == pytest.approx(np.pi / 4, abs=2e-6)
    k = 2.0
    r = theory.order_parameter(k, Uniform(1.0))
    assert quad(lambda w: np.sqrt(1 - (w / (k * r)) ** 2), 0, 1)[0] == pytest.approx(r, abs=1e-10)


@pytest.mark.parametrize("frequencies", [Normal(), Lorentzian(0.5), Uniform()])
def test_weak_noise_and_narrow_densities_are_continuous(frequencies):
    k = np.array([2.0, 3.0])
    # dr/dD is of order 1.
    np.testing.assert_allclose(theory.order_parameter(k, frequencies, 1e-5), theory.order_parameter(k, frequencies), atol=1e-4)


@pytest.mark.parametrize("narrow", [Normal(1e-5), Lorentzian(1e-6), Uniform(1e-5)])
def test_narrow_densities_are_identical_oscillators(narrow):
    # The first correction is of order (width / K)^2, for the Lorentzian of order width / K.
    assert theory.order_parameter(2.0, narrow, 0.5) == pytest.approx(0.831462, abs=3e-6)
    assert theory.order_parameter(2.0, narrow) == pytest.approx(1.0, abs=3e-6)


def test_order_parameter_broadcasts_and_vanishes_up_to_the_onset():
    k, d = np.linspace(-1, 4, 6)[:, None], np.array([0.0, 0.1, 0.5])
    for frequencies in (Delta(), Normal(), Lorentzian(0.5), Uniform(), Bimodal(0.4, 0.5)):
        r = theory.order_parameter(k, frequencies, d)
        assert r.shape == (6, 3)
        np.testing.assert_array_equal(r > 0, k > theory.critical_coupling(frequencies, d))


def test_slope_of_the_lorentzian_branch():  # gamma / (K^2 r); gamma = 1, K = 4: .088388
    assert theory.order_parameter_gradient(4.0, 1.0) == pytest.approx(0.088388, abs=SIX_DIGITS)
    traced = jax.grad(lambda k: theory.order_parameter(k, Lorentzian(1.0)))
    assert traced(4.0) == pytest.approx(0.088388, abs=1e-6)
    assert traced(1.0) == 0 == theory.order_parameter_gradient(1.0, 1.0)
    by_scale = jax.grad(lambda s: theory.order_parameter(4.0, Lorentzian(s)))(jnp.float32(1.0))
    assert by_scale == pytest.approx(-1 / (4 * np.sqrt(0.5)), rel=1e-6)


def test_locked_fraction_of_a_normal_density():  # erf(K r / sqrt 2); K = 2: .847383
    r = theory.order_parameter(2.0, Normal())
    assert theory.locked_fraction(2.0, r, Normal(mean=5.0)) == pytest.approx(0.847383, abs=SIX_DIGITS)
    assert theory.locked_fraction(2.0, 0.5, Delta(1.0)) == 1
    assert theory.locked_fraction(1.0, 0.5, Given([-1.0, -0.2, 0.2, 1.0])) == 0.5
    assert theory.locked_fraction(2.0, 0.0, Normal()) == 0


TRANSIENTS = [
    (0.5, 2.0, 0.1, "1 .162110 | 2 .255966 | 3 .381270 | 4 .513332 | 5 .613103 | 6 .667718 | 8 .701366 | 10 .706322"),
    (1.0, 4.0, 0.01, "2 .073498 | 4 .432178 | 5 .638368 | 6 .696491 | 10 .707103"),
    (1.0, 1.0, 0.9, "1 .443932 | 2 .253907 | 3 .150957 | 5 .054995"),
]


@pytest.mark.parametrize(("scale", "coupling", "r0", "table"), TRANSIENTS)
def test_ott_antonsen_transients(scale, coupling, r0, table):  # Ott and Antonsen (2008)
    t, r = np.array([[float(x) for x in pair.split()] for pair in table.split("|")]).T
    closed = theory.ott_antonsen(t, r0, coupling, scale)
    np.testing.assert_allclose(closed, r, atol=SIX_DIGITS)
    np.testing.assert_allclose(theory.ott_antonsen(t, r0, lambda t: coupling, scale), closed, rtol=1e-9)
    # The moments' hierarchy departs from the manifold by O(D).
    np.testing.assert_allclose(theory.ott_antonsen(t, r0, coupling, scale, 1e-9), closed, atol=2e-8)


def test_ott_antonsen_limits():
    times = np.array([[0.0, 50.0], [1e4, 3.0]])
    assert theory.ott_antonsen(times, 0.3, 2.0, 0.5)[1, 0] == pytest.approx(np.sqrt(0.5))
    assert theory.ott_antonsen(times, 0.3, -2.0, 0.5)[1, 0] == pytest.approx(0, abs=1e-300)
    # At K = 2 gamma, r^-2 = r0^-2 + K t.
    np.testing.assert_allclose(theory.ott_antonsen(times, 0.3, 1.0, 0.5), (0.3**-2 + times) ** -0.5)
    assert theory.ott_antonsen(times, 0.0, lambda t: 2.0, 0.5).tolist() == [[0, 0], [0, 0]]
    with_noise = theory.ott_antonsen(40.0, 0.1, 3.0, 0.5, 0.5)
    assert with_noise == pytest.approx(0.651031, abs=SIX_DIGITS)  # the continued fraction's value


def test_ott_antonsen_under_a_schedule():
    # r^-2 is linear: with A(t) = integral (K/2 - gamma), r^-2 = exp(-2 A) (r0^-2 + integral K exp(2 A)).
    scale, r0 = 0.3, 0.2
    schedule = lambda t: 1.0 + np.sin(2 * t)  # noqa: E731
    area = lambda t: 0.5 * t + 0.25 * (1 - np.cos(2 * t)) - scale * t  # noqa: E731
    times = np.array([3.0, 1.0, 7.5])
    u = [np.exp(-2 * area(t)) * (r0**-2 + quad(lambda s: schedule(s) * np.exp(2 * area(s)), 0, t, epsrel=1e-12)[0]) for t in times]
    np.testing.assert_allclose(theory.ott_antonsen(times, r0, schedule, scale), np.array(u) ** -0.5, rtol=1e-9)
    in_jax = theory.ott_antonsen(times, r0, lambda t: 1.0 + jnp.sin(2 * t), scale)
    np.testing.assert_allclose(in_jax, np.array(u) ** -0.5, rtol=1e-9)


def test_growth_follows_the_mean_coupling():
    # A raised cosine's mean is half its peak, so its peak must pass twice the static threshold: (<K> / 2 - gamma) per unit of time.
    grow = lambda peak: theory.ott_antonsen(40.0, 1e-9, lambda t: 0.5 * peak * (1 - np.cos(2 * np.pi * t)), 0.5)  # noqa: E731
    assert np.log(grow(2.4) / 1e-9) / 40 == pytest.approx(0.1, abs=1e-8)
    assert np.log(grow(1.6) / 1e-9) / 40 == pytest.approx(-0.1, abs=1e-8)


@pytest.mark.parametrize("coupling", [0.3, 1.0, 2.0])
def test_ott_antonsen_is_differentiable(coupling):
    h = 1e-6
    slope = (theory.ott_antonsen(3.0, 0.1, coupling + h, 0.5) - theory.ott_antonsen(3.0, 0.1, coupling - h, 0.5)) / (2 * h)
    assert jax.grad(lambda k: theory.ott_antonsen(3.0, 0.1, k, 0.5))(coupling) == pytest.approx(slope, rel=1e-5)


def test_sakaguchi():  # K = 3, gamma = .5, alpha = .6: .77209, -1.35186 (five decimals)
    r, frequency = theory.sakaguchi(3.0, 0.5, 0.6)
    assert r == pytest.approx(0.77209, abs=6e-6)
    assert frequency == pytest.approx(-1.35186, abs=6e-6)
    assert theory.sakaguchi(3.0, 0.5, 0.6, mean=1.0).frequency == pytest.approx(1 - 1.35186, abs=6e-6)
    identical = theory.sakaguchi(3.0, 1e-9, 0.6)
    assert identical.r == pytest.approx(1.0)
    assert identical.frequency == pytest.approx(-3 * np.sin(0.6))
    below = theory.sakaguchi(3.0, 0.5, np.array([np.pi / 2, 3.0]))
    np.testing.assert_array_equal(below.r, 0)
    np.testing.assert_allclose(below.frequency, -1.5 * np.sin([np.pi / 2, 3.0]))
    onset = 1.0 / np.cos(0.6)
    either_side = theory.sakaguchi(onset * np.array([1 - 1e-9, 1 + 1e-9]), 0.5, 0.6).frequency
    assert either_side[0] == pytest.approx(either_side[1], abs=1e-8)
    assert np.isfinite(jax.grad(lambda a: theory.sakaguchi(3.0, 0.5, a).r)(np.pi / 2))


def test_finite_size():  # sqrt(N) <r> = .8862; N <r^2> = .5, 1, 2, 5 at K / K_c = -1, 0, .5, .8
    assert theory.finite_size_floor(400) * 20 == pytest.approx(0.8862, abs=5e-5)
    np.testing.assert_allclose(theory.incoherent_fluctuation(np.array([-1, 0, 0.5, 0.8]), 1.0), [0.5, 1, 2, 5])


def test_noise_amplitudes():
    assert theory.diffusion(0.2) == pytest.approx(0.02)
    # A slider at 100 with dt = .01 is D = 50, and halving dt halves the noise.
    assert theory.diffusion_of_dt_scaled_noise(100, 0.01) == pytest.approx(50)
    assert theory.diffusion_of_dt_scaled_noise(100, 0.005) == pytest.approx(25)


def test_closed_forms_are_traceable():
    for frequencies in (Lorentzian(0.5), Normal(0.5), Uniform(0.5), Delta(), Bimodal(2.0, 0.3)):
        traced = jax.jit(lambda d, f=frequencies: theory.critical_coupling(f, d))(0.2)
        assert traced == pytest.approx(theory.critical_coupling(frequencies, 0.2), rel=1e-6)
    slope = jax.grad(lambda d: theory.critical_coupling(Normal(), d))(0.0)
    # K_c = sqrt(8/pi) / erfcx(D / sqrt 2), erfcx'(0) = -2 / sqrt(pi): slope sqrt(8/pi) sqrt(2/pi) = 4 / pi.
    assert slope == pytest.approx(4 / np.pi, rel=1e-6)
    assert special.erfcx(0) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: theory.critical_coupling(Normal(), -0.1), r"critical_coupling\(diffusion=-0.1\).*>= 0"),
        (lambda: theory.critical_coupling(Lorentzian(-1.0)), r"Lorentzian\(scale=-1.0\).*positive"),
        (lambda: theory.critical_coupling(Given([1.0])), r"Given has no density"),
        (lambda: theory.critical_coupling(lambda omega: 0 * omega), r"density at the centre is 0"),
        (lambda: theory.order_parameter(np.nan, Normal()), r"coupling=nan|coupling must be finite"),
        (lambda: theory.order_parameter(1.0, Normal(), -1.0), r"diffusion=-1.0"),
        (lambda: theory.order_parameter(1.0, Bimodal(4.0, 0.5)), r"two maxima.*separation must be <= 0.57735"),
        (lambda: theory.order_parameter_gradient(1.0, 0.0), r"scale=0.0.*positive"),
        (lambda: theory.locked_fraction(1.0, 1.5, Normal()), r"r=1.5.*0 to 1"),
        (lambda: theory.ott_antonsen(-1.0, 0.1, 2.0, 0.5), r"times=-1.0.*>= 0"),
        (lambda: theory.ott_antonsen(1.0, 2.0, 2.0, 0.5), r"r0=2.0.*0 to 1"),
        (lambda: theory.ott_antonsen(1.0, 0.1, np.inf, 0.5), r"coupling=inf.*function of time"),
        (lambda: theory.ott_antonsen(1.0, 0.1, 2.0, np.nan), r"scale=nan.*positive"),
        (lambda: theory.ott_antonsen(1.0, 0.1, 20.0, 0.01, 1e-4), r"diffusion=0.0001.*too many harmonics.*diffusion=0"),
        (lambda: theory.sakaguchi(1.0, -0.5, 0.0), r"scale=-0.5"),
        (lambda: theory.sakaguchi(1.0, 0.5, np.nan), r"lag=nan.*finite"),
        (lambda: theory.finite_size_floor(0), r"n=0.*>= 1"),
        (lambda: theory.incoherent_fluctuation(2.0, 1.0), r"ratio=2.0.*below 1"),
        (lambda: theory.incoherent_fluctuation(0.5, 0.0), r"critical=0.0.*positive"),
        (lambda: theory.diffusion(-1.0), r"noise=-1.0.*>= 0"),
        (lambda: theory.diffusion_of_dt_scaled_noise(1.0, 0.0), r"dt=0.0.*positive"),
    ],
)
def test_bad_inputs_say_what_would_be_right(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_number_is_no_distribution():
    with pytest.raises((ValueError, TypeError), match="frequencies"):  # TypeError where annotations are checked first
        theory.critical_coupling(3.0)


def test_what_is_solved_on_the_host_says_so_when_traced():
    with pytest.raises(TypeError, match=r"order_parameter\(coupling\).*host.*outside jit"):
        jax.jit(lambda k: theory.order_parameter(k, Normal()))(2.0)
    with pytest.raises(TypeError, match=r"parameter of Normal"):
        jax.jit(lambda s: theory.order_parameter(2.0, Normal(s)))(1.0)
