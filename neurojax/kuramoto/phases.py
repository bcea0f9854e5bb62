"""Initial phases as recipes; all lie in [-pi, pi]."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from neurojax.engine.checks import check_number, fraction, is_whole
from neurojax.engine.numerics import TURN, wrap
from neurojax.kuramoto.frequencies import arrays, as_vector, given_values, open_uniform, require_count


class Phases(eqx.Module):
    """A recipe for initial phases theta_i, in radians."""

    def draw(self, key: PRNGKeyArray, n: int) -> Float[Array, " {n}"]:
        """Phases of `n` oscillators in [-pi, pi], in the default float dtype."""
        raise NotImplementedError(f"{type(self).__name__} must define draw(self, key, n)")

    def check(self) -> None:
        """Raise `ValueError` for concrete parameters that make no sense; traced ones pass."""


class UniformPhases(Phases):
    """Independent phases, uniform on the circle: the incoherent state, with order parameter near sqrt(pi / 4n)."""

    def draw(self, key: PRNGKeyArray, n: int) -> Float[Array, " {n}"]:
        """Phases of `n` oscillators. Raises `ValueError` for n < 1."""
        require_count("UniformPhases", n)
        return TURN * (open_uniform(key, n) - 0.5)


class Cluster(Phases):
    """Independent phases, uniform on [centre - width, centre + width]; order parameter sin(width) / width.

    width: half width, 0 to pi rad. centre: any, rad; wrapped.
    """

    width: Any
    centre: Any = 0.0

    def check(self) -> None:
        """Raise `ValueError` unless 0 <= width <= pi and centre is finite."""
        check_number("Cluster", "width", self.width, lambda x: (x >= 0) & (x <= np.pi), "width, a half width, must be 0 to pi")
        check_number("Cluster", "centre", self.centre, np.isfinite, "centre must be a finite phase")

    def draw(self, key: PRNGKeyArray, n: int) -> Float[Array, " {n}"]:
        """Phases of `n` oscillators. Raises `ValueError` for bad parameters or n < 1."""
        require_count("Cluster", n)
        self.check()
        dtype = jnp.result_type(float)
        spread = 2 * open_uniform(key, n) - 1
        return wrap(jnp.asarray(self.centre, dtype) + jnp.asarray(self.width, dtype) * spread)


class Twisted(Phases):
    """The q-twisted state theta_i = 2 pi q i / n, an equilibrium of rings; `Twisted(1)` is the splay state.

    q: winding number, any integer. Stable on a ring where |q| < n / 4 (Wiley, Strogatz, Girvan, Chaos 16, 015103 (2006)).
    """

    q: Any = eqx.field(static=True, default=1)

    def __check_init__(self):
        if not is_whole(self.q, None):
            raise ValueError(f"Twisted(q={self.q!r}): q, the winding number, must be an integer")

    def draw(self, key: PRNGKeyArray, n: int) -> Float[Array, " {n}"]:
        """Phases of `n` oscillators; the key is not used. Raises `ValueError` for n < 1."""
        require_count("Twisted", n)
        # Reduced as integers, so that no q is too large for float32.
        place = (int(self.q) % n * np.arange(n)) % n
        return jnp.asarray(TURN * (place - n * (2 * place > n)) / n, jnp.result_type(float))


class WrappedCauchy(Phases):
    """Independent wrapped-Cauchy phases, theta = 2 arctan[(1 - r0) / (1 + r0) tan(pi (u - 1/2))], u uniform on (0, 1).

    Their moments are <exp(i m theta)> = r0^m: the Ott-Antonsen manifold, so that with Lorentzian frequencies, drawn independently,
    `theory.ott_antonsen` holds from the first step on.

    r0: order parameter for n -> infinity, 0 (uniform) to 1 (all equal), dimensionless.

    Source: Ott and Antonsen, Chaos 18, 037113 (2008).
    """

    r0: Any

    def check(self) -> None:
        """Raise `ValueError` unless 0 <= r0 <= 1."""
        mend = "r0, the order parameter at the start, must be 0 to 1"
        check_number("WrappedCauchy", "r0", self.r0, fraction, mend)

    def draw(self, key: PRNGKeyArray, n: int) -> Float[Array, " {n}"]:
        """Phases of `n` oscillators. Raises `ValueError` for a bad r0 or n < 1."""
        require_count("WrappedCauchy", n)
        self.check()
        r0 = jnp.asarray(self.r0, jnp.result_type(float))
        angle = np.pi * (open_uniform(key, n) - 0.5)
        return 2 * jnp.arctan2((1 - r0) * jnp.sin(angle), (1 + r0) * jnp.cos(angle))


class GivenPhases(Phases):
    """Phases that are known; wrapped.

    values: shape (n,), rad, finite.
    """

    values: Any = eqx.field(converter=as_vector)

    def check(self) -> None:
        """Raise `ValueError` unless values are one axis of finite numbers."""
        given_values("GivenPhases", self.values, np.size(self.values))

    def draw(self, key: PRNGKeyArray, n: int) -> Float[Array, " {n}"]:
        """The values, wrapped; the key is not used. Raises `ValueError` unless there are `n` finite ones."""
        require_count("GivenPhases", n)
        given_values("GivenPhases", self.values, n)
        # Host values are wrapped in float64, before a cast could cost many turns their digits.
        _, values = arrays(self.values)
        return jnp.asarray(values - TURN * (values / TURN).round(), jnp.result_type(float))


__all__ = ["Cluster", "GivenPhases", "Phases", "Twisted", "UniformPhases", "WrappedCauchy"]
