"""What a steady mean field makes of the oscillators: the gain that closes the self-consistency equation of `theory`.

A mean field of strength x = K r at rest entrains the oscillators of frequency omega (measured from the centre) to z_1(omega) =
<exp(i theta)>. The harmonics z_n = <exp(i n theta)> of the stationary Fokker-Planck equation,

    (n D - i omega) z_n = (x / 2) (z_{n-1} - z_{n+1}),  z_0 = 1,

give z_1 as a continued fraction. The gain is G(x, D) = (1 / x) integral g(omega) Re z_1(omega) d omega; a steady state has
K G(K r, D) = 1, and K_c = 1 / G(0, D). Source: Sakaguchi, Prog. Theor. Phys. 79, 39 (1988); for D = 0 Kuramoto (1975).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
import scipy.special

from neurojax.kuramoto.frequencies import Delta, Frequencies, Lorentzian, Normal, Uniform

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)


class Shape(NamedTuple):
    """A symmetric density about zero: the function of an array, its natural width 1 / (pi g(0)), and where it ends."""

    density: Callable[[np.ndarray], np.ndarray]
    scale: float
    edge: float


def shape(frequencies: Frequencies | Callable) -> Shape:
    """Centred density of a distribution, or of a callable g(omega) that is symmetric about zero."""
    centre = float(frequencies.mean) if isinstance(frequencies, Frequencies) else 0.0
    function = frequencies.density if isinstance(frequencies, Frequencies) else frequencies

    def density(omega: np.ndarray) -> np.ndarray:
        # A density that somebody wrote with jax.numpy keeps float64 here too.
        with jax.enable_x64(True):
            return np.asarray(function(centre + omega), np.float64)

    peak = float(density(np.zeros(1))[0])
    if not (np.isfinite(peak) and peak > 0):
        raise ValueError(f"frequencies: the density at the centre is {peak}; it must be positive and finite there")
    edge = float(frequencies.width) if isinstance(frequencies, Uniform) else np.inf
    return Shape(density, 1 / (np.pi * peak), edge)


def fraction(omega: np.ndarray, x: float, diffusion: float) -> Any:
    """z_1(omega) / x from the continued fraction; `omega` complex with Im omega >= 0, above 0 where D = 0."""
    if diffusion == 0:
        return 1 / (-1j * omega + np.sqrt(x**2 - omega**2 + 0j))
    # An error made at the n-th term shrinks on its way down by 1 - 2 n D / x per term from noise, and by |ratio| away from the locked
    # band; the start, the fixed point of the recursion there, is wrong by about D / x only.
    root = np.sqrt(x**2 - omega**2 + 0j)
    sizes = np.abs([root + 1j * omega, root - 1j * omega])
    decay = -np.log(np.max(sizes.min(axis=0) / sizes.max(axis=0)) + 1e-16) + 1e-16
    terms = 20 + int(min(5 * np.sqrt(x / diffusion), 36 / decay))
    last = (terms + 1) * diffusion - 1j * omega
    tail = 0.5 * x**2 / (last + np.sqrt(last**2 + x**2))
    for n in range(terms, 1, -1):
        tail = 0.25 * x**2 / (n * diffusion - 1j * omega + tail)
    return 0.5 / (diffusion - 1j * omega + tail)


def mean_gain(form: Shape, x: float, diffusion: float) -> float:
    """G(x, D) of any symmetric density by composite Gauss-Legendre quadrature; relative error about 1e-10 for smooth densities."""
    if diffusion == 0:
        return _locked_gain(form, x)
    # Panels double away from the centre of the density and, on both sides, from the edge of locking, where z_1 turns within `layer`.
    layer = (diffusion**2 * x) ** (1 / 3) + diffusion
    far = 64 * max(form.scale, x, layer)
    doublings = 2.0 ** np.arange(-2, 64)
    steps = layer * doublings
    breaks = np.concatenate([[0.0], form.scale * doublings, [x], x + steps, x - steps])
    end = min(far, form.edge)
    breaks = np.unique(np.append(breaks[(breaks >= 0) & (breaks < end)], end))
    omega, weight = _panels(breaks)
    total = np.sum(weight * form.density(omega) * np.real(fraction(omega + 0j, x, diffusion)))
    if np.isinf(form.edge):
        v, weight = _panels(np.array([0.0, 0.5, 1.0]))
        omega = far / v
        total += np.sum(weight * form.density(omega) * np.real(fraction(omega + 0j, x, diffusion)) * far / v**2)
    return 2 * float(total)


def gain(frequencies: Frequencies | Callable) -> Callable[[float, float], float]:
    """G(x, D) for x > 0: the closed form where there is one, else `mean_gain`."""
    if isinstance(frequencies, Delta):
        return _identical_gain
    if isinstance(frequencies, Lorentzian):
        # Closing the contour in the upper half plane evaluates z_1 at omega = i gamma.
        pole = np.asarray(1j * float(frequencies.scale))
        return lambda x, diffusion: float(np.real(fraction(pole, x, diffusion)))
    form = shape(frequencies)

    def general(x: float, diffusion: float) -> float:
        if diffusion == 0 and isinstance(frequencies, Normal):
            return _normal_gain(x, float(frequencies.scale))
        if diffusion == 0 and isinstance(frequencies, Uniform):
            return _uniform_gain(x, float(frequencies.width))
        return mean_gain(form, x, diffusion)

    return general


def _locked_gain(form: Shape, x: float) -> float:
    # Without noise only locked oscillators, omega = x sin theta, have Re z_1 = cos theta: G = integral g(x sin theta) cos^2 theta.
    end = np.arcsin(min(1.0, form.edge / x)) if x > 0 else 0.5 * np.pi
    doublings = form.scale * 2.0 ** np.arange(-2, 64)
    inside = doublings[doublings < 0.9 * x]
    theta, weight = _panels(np.unique(np.concatenate([[0.0, end], np.arcsin(inside / x)[np.arcsin(inside / x) < end]])))
    return 2 * float(np.sum(weight * np.cos(theta) ** 2 * form.density(x * np.sin(theta))))


def _identical_gain(x: float, diffusion: float) -> float:
    if diffusion == 0:
        return 1 / x
    ratio = x / diffusion
    return float(scipy.special.ive(1, ratio) / scipy.special.ive(0, ratio)) / x


def _normal_gain(x: float, scale: float) -> float:
    y = (0.5 * x / scale) ** 2
    return float(np.sqrt(np.pi / 8) / scale * (scipy.special.ive(0, y) + scipy.special.ive(1, y)))


def _uniform_gain(x: float, width: float) -> float:
    if x <= width:
        return np.pi / (4 * width)
    edge = width / x
    return 0.5 * (np.sqrt(1 - edge**2) + np.arcsin(edge) / edge) / x


def _panels(breaks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    middle, half = 0.5 * (breaks[1:] + breaks[:-1]), 0.5 * np.diff(breaks)
    return (middle[:, None] + half[:, None] * _NODES).ravel(), (half[:, None] * _WEIGHTS).ravel()


__all__ = ["Shape", "fraction", "gain", "mean_gain", "shape"]
