"""Closed forms for the mean-field Kuramoto model with N -> infinity; no simulation.

    d theta_i = [omega_i + (K / N) sum_j sin(theta_j - theta_i - alpha)] dt + sqrt(2 D) dW_i

Explicit forms follow their arguments: NumPy float64 for host numbers; traceable and differentiable as soon as one is a JAX array.
Forms that need a root or an integral are solved on the host in float64 and say so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
import scipy.special
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Float, Real
from scipy.integrate import solve_ivp
from scipy.optimize import root_scalar

from neurojax.engine.checks import check_number, fraction, not_negative, positive
from neurojax.kuramoto import stationary
from neurojax.kuramoto.frequencies import Bimodal, Delta, Frequencies, Lorentzian, Normal, Uniform, arrays


class Rotation(NamedTuple):
    """A uniformly rotating state: its order parameter `r` and its `frequency` (rad per unit of time)."""

    r: Float[Any, "*s"]
    frequency: Float[Any, "*s"]


def diffusion(noise: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
    """Diffusion constant of phase noise, D = sigma^2 / 2.

    noise: amplitude sigma in sigma dW, >= 0, rad per square root of time. Returns D, the shape of `noise`. Raises `ValueError` for
    sigma < 0.
    """
    check_number("diffusion", "noise", noise, not_negative, "noise, the amplitude sigma, must be >= 0", shapes=None)
    _, sigma = arrays(noise)
    return 0.5 * sigma**2


def diffusion_of_dt_scaled_noise(level: Real[ArrayLike, "*#s"], dt: Real[ArrayLike, "*#s"]) -> Float[Any, "*#s"]:
    """Diffusion constant that a scheme really has when it adds `dt level xi` instead of `sqrt(dt) sigma xi`: D = level^2 dt / 2.

    It converts the noise slider of notebooks that scale noise like drift; there D shrinks with the step.

    level: the slider's value, >= 0. dt: the step that it was used with, > 0. Returns D, broadcast. Raises `ValueError` outside.
    """
    check_number("diffusion_of_dt_scaled_noise", "level", level, not_negative, "level must be >= 0", shapes=None)
    check_number("diffusion_of_dt_scaled_noise", "dt", dt, positive, "dt, the time step, must be positive", shapes=None)
    _, slider, step = arrays(level, dt)
    return 0.5 * slider**2 * step


def critical_coupling(frequencies: Frequencies | Callable, diffusion: Real[ArrayLike, "*s"] = 0.0) -> Float[Any, "*s"]:
    """Coupling at which incoherence loses stability, K_c = 2 / integral D g(omega) / (D^2 + omega^2) d omega; 2 / (pi g(0)) at D = 0.

    Lorentzian 2 (gamma + D); normal sqrt(8 / pi) scale / erfcx(D / (scale sqrt 2)); uniform 2 width / arctan(width / D); identical 2 D.
    At a `Bimodal` density the onset is a Hopf bifurcation to standing waves (two clusters in counter-rotation) once the peaks are far
    enough apart: Lorentzian peaks 4 (Delta + D) for omega_0 > Delta + D, else 2 [(Delta + D)^2 + omega_0^2] / (Delta + D). Coherence can
    then coexist with incoherence below K_c, as it does with Lorentzian peaks for Delta / sqrt(3) < omega_0.

    frequencies: a distribution, or a callable g(omega) on NumPy arrays, unimodal and symmetric about zero (not checked).
    diffusion: D >= 0, any shape. Returns K_c, the shape of `diffusion`; traceable for Lorentzian, Normal, Uniform, Delta and Bimodal
    with Lorentzian peaks, on the host by quadrature otherwise. Raises `ValueError` for D < 0, bad parameters, no density.

    Source: Sakaguchi, Prog. Theor. Phys. 79, 39 (1988); Martens et al., Phys. Rev. E 79, 026204 (2009).
    """
    _require_diffusion("critical_coupling", diffusion)
    _check(frequencies)
    if isinstance(frequencies, Delta):
        _, d = arrays(diffusion)
        return 2 * d
    if isinstance(frequencies, Lorentzian):
        _, d, scale = arrays(diffusion, frequencies.scale)
        return 2 * (scale + d)
    if isinstance(frequencies, Normal):
        xp, d, scale = arrays(diffusion, frequencies.scale)
        erfcx = scipy.special.erfcx if xp is np else jax.scipy.special.erfcx
        return np.sqrt(8 / np.pi) * scale / erfcx(d / (scale * np.sqrt(2)))
    if isinstance(frequencies, Uniform):
        xp, d, width = arrays(diffusion, frequencies.width)
        return 2 * width / xp.arctan2(width, d)
    if isinstance(frequencies, Bimodal) and frequencies.kind == "lorentzian":
        xp, d, scale, separation = arrays(diffusion, frequencies.scale, frequencies.separation)
        broad, half = scale + d, 0.5 * separation
        return xp.where(half > broad, 4 * broad, 2 * (broad**2 + half**2) / broad)
    d = _host("critical_coupling", "diffusion", diffusion)
    if isinstance(frequencies, Bimodal):
        return np.vectorize(_normal_pair_onset, otypes=[float])(d, float(frequencies.scale), 0.5 * float(frequencies.separation))[()]
    form = stationary.shape(frequencies)
    return np.vectorize(lambda one: 1 / stationary.mean_gain(form, 0.0, one), otypes=[float])(d)[()]


def onset_line(diffusions: Real[ArrayLike, "*s"], frequencies: Frequencies | Callable) -> Float[Any, "*s"]:
    """The line K_c(D) of the coupling-noise diagram: `critical_coupling` along an axis of diffusion constants, D = sigma^2 / 2."""
    return critical_coupling(frequencies, diffusions)


def order_parameter(
    coupling: Real[ArrayLike, "*#s"], frequencies: Frequencies | Callable, diffusion: Real[ArrayLike, "*#s"] = 0.0
) -> Float[Any, "*#s"]:
    """Order parameter r of the steady partially synchronised state: the root of r = K r G(K r, D), zero up to the onset K_c.

    G is the gain of `stationary`. Without noise: Lorentzian r = sqrt(1 - 2 gamma / K); normal 1 = K sqrt(pi / 8) / scale
    exp(-x) [I_0(x) + I_1(x)], x = (K r / 2 scale)^2; uniform r = [sqrt(1 - q^2) + arcsin(q) / q] / 2, q = width / (K r), with a jump to
    pi / 4 at K_c; any other density 1 = K integral cos^2(theta) g(K r sin theta). With noise: identical r = I_1(K r / D) /
    I_0(K r / D); Lorentzian by its continued fraction; any other density by that fraction averaged over g.

    coupling: K, any sign. frequencies: a distribution, or a callable g(omega) on NumPy arrays, unimodal and symmetric about zero (not
    checked). diffusion: D >= 0. Both broadcast. Returns r in [0, 1]. The Lorentzian without noise is traceable; its derivative at and
    below the onset is 0. The others are solved on the host. Raises `ValueError` for D < 0, bad parameters, no density, and a `Bimodal`
    with two maxima, where a steady state is not the only attractor; `TypeError` for traced values that need the host.

    Source: Kuramoto (1975); Pazo, Phys. Rev. E 72, 046211 (2005) (uniform); Sakaguchi, Prog. Theor. Phys. 79, 39 (1988) (noise).
    """
    check_number("order_parameter", "coupling", coupling, np.isfinite, "coupling must be finite", shapes=None)
    _require_diffusion("order_parameter", diffusion)
    _check(frequencies)
    if isinstance(frequencies, Lorentzian) and not isinstance(diffusion, Tracer) and not np.any(diffusion):
        return _lorentzian_order(coupling, frequencies.scale, np.zeros(np.shape(diffusion)))
    if isinstance(frequencies, Frequencies):
        frequencies = _host_parameters("order_parameter", frequencies)
    if isinstance(frequencies, Bimodal):
        _require_one_maximum(frequencies)
    k, d = _host("order_parameter", "coupling", coupling), _host("order_parameter", "diffusion", diffusion)
    gain = stationary.gain(frequencies)

    def solve(k: float, d: float, onset: float) -> float:
        def excess(r: float) -> float:
            return k * gain(k * r, d) - 1

        lowest = 1e-8
        if k <= onset or excess(lowest) <= 0:
            return 0.0
        return root_scalar(excess, bracket=(lowest, 1.0), xtol=1e-15, rtol=1e-14).root

    return np.vectorize(solve, otypes=[float])(k, d, critical_coupling(frequencies, d))[()]


def order_parameter_gradient(coupling: Real[ArrayLike, "*#s"], scale: Real[ArrayLike, "*#s"]) -> Float[Any, "*#s"]:
    """Slope of the Lorentzian branch, dr/dK = gamma / (K^2 r) with r = sqrt(1 - 2 gamma / K), without noise.

    coupling: K. scale: gamma > 0. Broadcast, traceable. Returns the slope; 0 for K <= 2 gamma (it diverges as K falls to 2 gamma). Raises
    `ValueError` for scale <= 0.
    """
    _require_scale("order_parameter_gradient", scale)
    check_number("order_parameter_gradient", "coupling", coupling, np.isfinite, "coupling must be finite", shapes=None)
    xp, k, scale = arrays(coupling, scale)
    k_above = xp.where(k > 2 * scale, k, 4 * scale)
    return xp.where(k > 2 * scale, scale / (k_above**2 * xp.sqrt(1 - 2 * scale / k_above)), 0.0)


def locked_fraction(coupling: Real[ArrayLike, "*#s"], r: Real[ArrayLike, "*#s"], frequencies: Frequencies) -> Float[Any, "*#s"]:
    """Fraction of oscillators that a steady mean field locks, P(|omega - mean| <= |K| r), without noise.

    coupling: K. r: order parameter, 0 to 1. frequencies: any distribution with a cdf. Broadcast, traceable. Returns the fraction. Raises
    `ValueError` for r outside and bad parameters.
    """
    check_number("locked_fraction", "coupling", coupling, np.isfinite, "coupling must be finite", shapes=None)
    check_number("locked_fraction", "r", r, fraction, "r, an order parameter, must be 0 to 1", shapes=None)
    _check(frequencies)
    _, k, r, mean = arrays(coupling, r, frequencies.mean)
    pull = abs(k) * r
    return frequencies.cdf(mean + pull) - frequencies.cdf(mean - pull)


def ott_antonsen(
    times: Real[ArrayLike, "*s"],
    r0: Real[ArrayLike, ""],
    coupling: Real[ArrayLike, ""] | Callable[[Any], Any],
    scale: Real[ArrayLike, ""],
    diffusion: Real[ArrayLike, ""] = 0.0,
) -> Float[Any, "*s"]:
    """Transient order parameter r(t) for Lorentzian frequencies, from phases that are wrapped Cauchy and independent of omega.

    Without noise r' = (K / 2 - gamma) r - K r^3 / 2, which is linear in r^-2. For a constant K, with a = K / 2 - gamma and b = K / 2,

        r^2 = a r0^2 exp(2 a t) / [a + b r0^2 (exp(2 a t) - 1)].

    Under a schedule K(t) that equation is integrated for ln r. With noise the manifold is left, and the exact hierarchy of moments
    z_n = <exp(i n theta)>, z_n' = -n (gamma + n D) z_n + n K(t) r (z_{n-1} - z_{n+1}) / 2 with r = z_1 and z_n(0) = r0^n, is integrated.

    times: t >= 0, any order and shape. r0: 0 to 1. coupling: K, or a function K(t) of one time. scale: gamma > 0. diffusion: D >= 0.
    Returns r at the times. Constant K without noise is traceable; the rest is solved on the host, absolute error below 1e-8. Raises
    `ValueError` outside these ranges and for noise too weak for the hierarchy (gamma < K / 10 and D < 6e-4 K, both at once), `TypeError`
    for traced values that need the host.

    Source: Ott and Antonsen, Chaos 18, 037113 (2008).
    """
    owner = "ott_antonsen"
    check_number(owner, "times", times, not_negative, "times must be >= 0, counted from the start", shapes=None)
    check_number(owner, "r0", r0, fraction, "r0, the order parameter at the start, must be 0 to 1")
    _require_scale(owner, scale)
    _require_diffusion(owner, diffusion)
    if not callable(coupling):
        check_number(owner, "coupling", coupling, np.isfinite, "coupling must be finite, or a function of time")
        if not isinstance(diffusion, Tracer) and not np.any(diffusion):
            return _logistic(*arrays(times, r0, coupling, scale))
    host = {name: _host(owner, name, value) for name, value in {"times": times, "r0": r0, "scale": scale, "diffusion": diffusion}.items()}
    schedule = coupling if callable(coupling) else _constant(float(_host(owner, "coupling", coupling)))
    instants, place = np.unique(host["times"], return_inverse=True)
    if host["r0"] == 0 or instants.size == 0 or instants[-1] == 0:
        return np.full(host["times"].shape, host["r0"])[()]
    transient = _moments if host["diffusion"] else _scheduled
    with jax.enable_x64(True):  # a schedule written in jax.numpy would otherwise be rounded to float32
        r = transient(instants, float(host["r0"]), lambda t: float(schedule(t)), float(host["scale"]), float(host["diffusion"]))
    return r[place].reshape(host["times"].shape)[()]


def sakaguchi(
    coupling: Real[ArrayLike, "*#s"], scale: Real[ArrayLike, "*#s"], lag: Real[ArrayLike, "*#s"], mean: Real[ArrayLike, "*#s"] = 0.0
) -> Rotation:
    """Order parameter and rotation frequency with a phase lag, sin(theta_j - theta_i - alpha), for Lorentzian frequencies, no noise.

        r = sqrt(1 - 2 gamma / (K cos alpha)),  Omega = mean - K sin alpha + gamma tan alpha

    coupling: K. scale: gamma > 0. lag: alpha, rad. mean: centre of the frequencies. Broadcast, traceable. Returns `Rotation(r, frequency)`.
    Where K cos alpha <= 2 gamma, r = 0 and the frequency is that of the decaying mode, mean - (K / 2) sin alpha, which joins on. Raises
    `ValueError` for scale <= 0 and values that are not finite.

    Source: Sakaguchi and Kuramoto, Prog. Theor. Phys. 76, 576 (1986); the form for a Lorentzian follows from the Ott-Antonsen equation
    with K replaced by K exp(-i alpha).
    """
    _require_scale("sakaguchi", scale)
    given: dict[str, Any] = {"coupling": coupling, "lag": lag, "mean": mean}
    for name, value in given.items():
        check_number("sakaguchi", name, value, np.isfinite, f"{name} must be finite", shapes=None)
    xp, k, scale, lag, mean = arrays(coupling, scale, lag, mean)
    pull = k * xp.cos(lag)
    synchronised = pull > 2 * scale
    frequency = xp.where(synchronised, -k + scale / xp.where(synchronised, xp.cos(lag), 1.0), -0.5 * k) * xp.sin(lag)
    return Rotation(_lorentzian_order(pull, scale, 0.0), mean + frequency)


def finite_size_floor(n: Real[ArrayLike, "*s"]) -> Float[Any, "*s"]:
    """Mean order parameter of n independent uniform phases, <r> = sqrt(pi / (4 n)) (Rayleigh law; n above about 10).

    n: number of oscillators, >= 1. Returns <r>, the shape of `n`. Raises `ValueError` for n < 1.
    """
    check_number("finite_size_floor", "n", n, lambda x: x >= 1, "n, the number of oscillators, must be >= 1", shapes=None)
    xp, n = arrays(n)
    return xp.sqrt(0.25 * np.pi / n)


def incoherent_fluctuation(coupling: Real[ArrayLike, "*#s"], critical: Real[ArrayLike, "*#s"]) -> Float[Any, "*#s"]:
    """Fluctuations below the onset in linear theory, N <r^2> = 1 / (1 - K / K_c); 1 without coupling.

    It holds for identical oscillators with noise and for Lorentzian frequencies drawn at random, up to K / K_c of about 0.5 for N = 400
    (at 0.8 the simulated value is a tenth lower). It does not hold for normal frequencies nor for frequencies placed at quantiles, whose
    scatter is not that of independent draws.

    coupling: K < K_c, negative too. critical: K_c > 0, from `critical_coupling`. Broadcast, traceable. Raises `ValueError` outside.

    Source: Daido, J. Stat. Phys. 60, 753 (1990).
    """
    check_number("incoherent_fluctuation", "critical", critical, positive, "critical, the critical coupling, must be positive", shapes=None)
    check_number("incoherent_fluctuation", "coupling", coupling, np.isfinite, "coupling must be finite", shapes=None)
    _, k, critical = arrays(coupling, critical)
    load = k / critical
    mend = "coupling over critical must be below 1: above the onset r does not shrink with N"
    check_number("incoherent_fluctuation", "ratio", load, lambda x: x < 1, mend, shapes=None)
    return 1 / (1 - load)


def _lorentzian_order(k: Any, scale: Any, zero: Any) -> Any:
    # The root of a safe argument keeps the derivative of the branch not taken finite; `zero` only broadcasts.
    xp, k, scale, zero = arrays(k, scale, zero)
    k = k + zero
    k_above = xp.where(k > 2 * scale, k, 4 * scale)
    return xp.where(k > 2 * scale, xp.sqrt(1 - 2 * scale / k_above), 0.0)[()]


def _normal_pair_onset(d: float, scale: float, half: float) -> float:
    # A mode exp((p - D) t) exists where K h(p) = 2; incoherence is lost at the smallest K with p on the line Re p = D.
    def h(p: complex) -> complex:
        z = (p + 1j * half * np.array([-1, 1])) / (np.sqrt(2) * scale)
        return np.sqrt(np.pi / 8) / scale * scipy.special.wofz(1j * z).sum()

    z = (d - 1j * half) / (np.sqrt(2) * scale)
    slope = (2 * z * scipy.special.wofz(1j * z) - 2 / np.sqrt(np.pi)).real  # of h at p = D; its sign decides, as h is real on the axis
    if slope <= 0:
        return 2 / h(complex(d)).real
    # Separated peaks: Im h rises from the axis and falls beyond the peaks, so the oscillating mode lies where it comes back to zero.
    nu = root_scalar(lambda nu: h(d + 1j * nu).imag, bracket=(1e-6 * half, half + 10 * (scale + d)), xtol=1e-14).root
    return 2 / h(d + 1j * nu).real


def _logistic(xp: Any, t: Any, r0: Any, k: Any, scale: Any) -> Any:
    # Powers of exp(-2 |a| t) only, so that long times neither overflow nor divide 0 by 0; a = 0 is the limit.
    a, b = 0.5 * k - scale, 0.5 * k
    grows = a >= 0
    x = -2 * xp.where(grows, a, -a) * t
    decay = xp.exp(x)
    small = abs(x) < 0.01
    safe = xp.where(small, 1.0, x)
    series = 1 + x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5 * (1 + x / 6))))
    mean_decay = xp.where(small, series, xp.expm1(safe) / safe)
    square = xp.where(grows, 1.0, decay) / (xp.where(grows, decay, 1.0) + 2 * b * t * r0**2 * mean_decay)
    return r0 * xp.sqrt(square)


def _constant(k: float) -> Callable[[float], float]:
    return lambda t: k


def _scheduled(instants: np.ndarray, r0: float, schedule: Callable[[float], float], scale: float, _: float) -> np.ndarray:
    def slope(t: float, y: np.ndarray) -> np.ndarray:
        return 0.5 * schedule(t) * (1 - np.exp(2 * y)) - scale

    return np.exp(_integrate(slope, instants, np.array([np.log(r0)]), "DOP853"))[0]


def _moments(instants: np.ndarray, r0: float, schedule: Callable[[float], float], scale: float, d: float) -> np.ndarray:
    strongest = max(abs(schedule(t)) for t in np.linspace(0, instants[-1], 257))
    if max(scale / 0.1, d / 6e-4) < strongest:
        raise ValueError(
            f"ott_antonsen(diffusion={d}): with noise this weak and coupling up to {strongest:g} too many harmonics matter; take "
            f"diffusion=0, or diffusion >= {6e-4 * strongest:g}, or scale >= {0.1 * strongest:g}"
        )
    # Noise alone leaves (K / D)^(1/2) harmonics, a wide density 200 at most. The last is closed as on the noiseless manifold,
    # z_{n+1} = r z_n: exact for D -> 0, and without the waves that a bare cut would send back.
    count = 20 + int(min(5 * np.sqrt(strongest / d), 200))
    n = np.arange(1, count + 1)

    def slope(t: float, z: np.ndarray) -> np.ndarray:
        below, above = np.append(1.0, z[:-1]), np.append(z[1:], z[0] * z[-1])
        return n * (0.5 * schedule(t) * z[0] * (below - above) - (scale + n * d) * z)

    return _integrate(slope, instants, r0 ** n.astype(float), "LSODA")[0]


def _integrate(slope: Callable, instants: np.ndarray, start: np.ndarray, method: str) -> np.ndarray:
    end = instants[-1]
    # The cap on the step keeps an adaptive method from stepping over a pulse in the schedule.
    found = solve_ivp(slope, (0.0, end), start, method=method, t_eval=instants, rtol=1e-11, atol=1e-13, max_step=end / 128)
    if not found.success:
        raise RuntimeError(f"ott_antonsen: the equation could not be integrated: {found.message}")
    return found.y


def _check(frequencies: Any) -> None:
    if isinstance(frequencies, Frequencies):
        frequencies.check()
    elif not callable(frequencies):
        raise ValueError(f"frequencies={frequencies!r}: give a distribution such as Lorentzian(0.5), or a density g(omega)")


def _require_diffusion(owner: str, value: Any) -> None:
    check_number(owner, "diffusion", value, not_negative, "diffusion, D = noise^2 / 2, must be >= 0", shapes=None)


def _require_scale(owner: str, value: Any) -> None:
    check_number(owner, "scale", value, positive, "scale, the half width of the Lorentzian, must be positive", shapes=None)


def _require_one_maximum(frequencies: Bimodal) -> None:
    widest = float(frequencies.scale) * (2 / np.sqrt(3) if frequencies.kind == "lorentzian" else 2)
    if float(frequencies.separation) > widest:
        raise ValueError(
            f"order_parameter(frequencies=Bimodal(separation={float(frequencies.separation)})): the density has two maxima, where standing "
            f"waves and hysteresis occur and no steady state stands for all; separation must be <= {widest:.6g}. critical_coupling holds."
        )


def _host(owner: str, name: str, value: Any) -> np.ndarray:
    if isinstance(value, Tracer):
        raise TypeError(
            f"{owner}({name}) is solved on the host here and cannot be traced: call it with numbers, outside jit, vmap and grad"
        )
    return np.asarray(value, np.float64)


def _host_parameters(owner: str, frequencies: Frequencies) -> Frequencies:
    return jax.tree.map(lambda leaf: _host(owner, f"a parameter of {type(frequencies).__name__}", leaf), frequencies)


__all__ = [
    "Rotation",
    "critical_coupling",
    "diffusion",
    "diffusion_of_dt_scaled_noise",
    "finite_size_floor",
    "incoherent_fluctuation",
    "locked_fraction",
    "onset_line",
    "order_parameter",
    "order_parameter_gradient",
    "ott_antonsen",
    "sakaguchi",
]
