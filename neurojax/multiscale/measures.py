"""What is measured on a memory as it runs: J against Hebb's, overlaps, energies, whether the field is followed."""

from __future__ import annotations

import jax.numpy as jnp
from jax.scipy.special import xlogy
from jaxtyping import Array, Float, Int

from neurojax.engine.system import View
from neurojax.engine.types import Arrays
from neurojax.multiscale import theory


def distance(view: View) -> Float[Array, ""]:
    """`D = |J/k - H|^2 = sum_(i != j) (J_ij/k - H_ij)^2 / (N (N - 1))`, H = sum p_mu X_mu of what a strong field makes of the patterns.

    A pass over J, unless the model keeps a `tally` or has no J.
    """
    kept = getattr(view.aux, "distance", None)
    return view.system.distance(view.state) if kept is None else kept


def deviation(view: View) -> Float[Array, ""]:
    """`(D - E D) / sqrt(Var D)` with the stationary mean and variance of `theory.within_redraw`, at the time since the last redraw.

    Of patterns that are drawn independently and that the neurons follow at once, in a strong field.
    """
    system = view.system
    if system.stream.transitions is not None:
        raise ValueError("deviation: the variance under a Markov chain of patterns has no closed form; theory.markov_moments has numbers")
    if system.stream.noise is not None:
        raise ValueError("deviation: the moments of D are those of patterns without noise; record D itself")
    p = jnp.asarray(system.stream.probabilities)
    ensemble, fade = theory.Ensemble(jnp.asarray(system.reference.gram), p, 0 * p, 0 * p[0]), system.fading(view.clock.dt)
    mean, variance = theory.within_redraw(ensemble, fade, system.since_redraw(view.state, view.clock.dt))
    return (distance(view) - mean) / jnp.sqrt(variance)


def couplings(view: View) -> Float[Array, "n n"]:
    """J itself; for `Last`, `At` and films: a trace of it is n^2 numbers a sample."""
    return view.system.couplings(view.state)


def square_norm(view: View) -> Float[Array, ""]:
    """|J/k|^2, near 1 for a J of one pattern, |H|^2 for Hebb's."""
    return view.system.square(view.state)


def projections(view: View) -> Float[Array, " K"]:
    """<J/k, X_mu> (K,): what `theory.infer_probabilities` reads the patterns' weights from."""
    return view.system.projections(view.state)


def locked(view: View) -> Float[Array, ""]:
    """How much of J is its nearest pattern, `max_mu <J/k, X_mu> / |J/k|` in [-1, 1]: 1 where J is that pattern alone (0 where J is 0)."""
    size = view.system.square(view.state)
    return jnp.max(view.system.projections(view.state)) / jnp.sqrt(jnp.where(size > 0, size, 1.0))


def neurons(view: View) -> Float[Arrays, " n"]:
    """s (n,)."""
    return view.state.s


def mean_activity(view: View) -> Float[Array, ""]:
    """Mean of s over the neurons."""
    return jnp.mean(jnp.asarray(view.state.s))


def overlaps(view: View) -> Float[Array, " K"]:
    """Mattis overlaps `m_mu = s . xi_mu / |xi_mu|^2`, which is `s . xi_mu / N` for signs; 0 with a pattern of zeros."""
    patterns = jnp.asarray(view.system.stream.patterns)
    lengths = jnp.sum(patterns**2, axis=1)
    return patterns @ jnp.asarray(view.state.s) / jnp.where(lengths > 0, lengths, 1.0)


def shown(view: View) -> Int[Arrays, ""]:
    """Number of the pattern that was shown in the last step, -1 before the first."""
    return view.state.shown.which


def field(view: View) -> Float[Array, " n"]:
    """h (n,), as it was in the last step; zeros before the first."""
    shown = view.state.shown
    return jnp.where(jnp.asarray(shown.which) < 0, 0.0, view.system.stream.field(shown))


def agreement(view: View) -> Float[Array, ""]:
    """Share of the neurons that have the sign of the field of the last step; 1/2 is chance."""
    same = jnp.sign(jnp.asarray(view.state.s)) == jnp.sign(field(view))
    return jnp.mean(same.astype(jnp.result_type(float)))


def tracking(view: View) -> Float[Array, ""]:
    """1 where at least 95 % of the neurons have the sign of the field, else 0: its mean is the tracking fraction."""
    return (agreement(view) >= 0.95).astype(jnp.result_type(float))


def lyapunov(view: View) -> Float[Array, ""]:
    """`L = -s'Js/2 - u h.s + (1/beta) sum [(1+s)/2 ln(1+s) + (1-s)/2 ln(1-s)] + |J|_F^2 / 4k`, of the state with the field last shown.

    It never rises while the field is held, for symmetric J with activation "none" in continuous time; at a redraw it jumps.
    Source: Dong and Hopfield 1992.
    """
    system, s = view.system, jnp.asarray(view.state.s)
    entropy = jnp.sum(0.5 * (xlogy(1 + s, 1 + s) + xlogy(1 - s, 1 - s))) / system.beta
    size = system.square(view.state) * system.strength() * (system.n * (system.n - 1) / 4)  # |J|_F^2 / 4k
    return entropy - 0.5 * s @ _local(view) - system.u * (field(view) @ s) + size


def seed_energy(view: View) -> Float[Array, ""]:
    """`-s'Js/2 - h.s`, as the seed has it: without u and entropy, so that it may rise."""
    s = jnp.asarray(view.state.s)
    return -0.5 * s @ _local(view) - field(view) @ s


def _local(view: View) -> Float[Array, " n"]:
    """J s, which a step of the network itself has made anyway."""
    kept = getattr(view.aux, "local", None)
    return view.system.couplings(view.state) @ jnp.asarray(view.state.s) if kept is None else kept


def duration(view: View) -> Float[Array, ""]:
    """Time of the pattern that this step shows, of systems whose step is a redraw."""
    return view.aux.duration


def distance_integral(view: View) -> Float[Array, ""]:
    """D integrated over that time, exact. Of a `CoefficientMap`: the time average is its mean over the mean of `duration`."""
    return view.aux.integral


def similarities(view: View) -> Float[Array, "M K"]:
    """Cosines between the rows of a `PatternMatrix` and the patterns."""
    patterns, rows = jnp.asarray(view.system.stream.patterns), jnp.asarray(view.state.rows)
    length = lambda x: jnp.sqrt(jnp.sum(x * x, axis=1))  # noqa: E731
    return rows @ patterns.T / (length(rows)[:, None] * length(patterns)[None, :])


def recalled(view: View) -> Float[Array, " K"]:
    """Overlaps `s . xi_mu / |xi_mu|^2` (K,) of a `FrozenMemory`."""
    patterns = jnp.asarray(view.system.patterns)
    return patterns @ view.state / jnp.sum(patterns**2, axis=1)


__all__ = [
    "agreement",
    "couplings",
    "deviation",
    "distance",
    "distance_integral",
    "duration",
    "field",
    "locked",
    "lyapunov",
    "mean_activity",
    "neurons",
    "overlaps",
    "projections",
    "recalled",
    "seed_energy",
    "shown",
    "similarities",
    "square_norm",
    "tracking",
]
