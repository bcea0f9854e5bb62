"""Neurons and synapses that evolve together under a stream of patterns."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, PRNGKeyArray

from neurojax.engine.checks import check_count, check_number, not_negative, positive
from neurojax.engine.integrators import Integrator
from neurojax.engine.paths import replace
from neurojax.engine.system import Flow, Step, System
from neurojax.engine.types import Arrays
from neurojax.learning import Fading
from neurojax.multiscale import theory
from neurojax.multiscale.redraws import check_time
from neurojax.multiscale.stream import Shown, Stream, whole
from neurojax.multiscale.weights import gram, hebbian, projections, square_norm

Activation = Literal["none", "tanh", "sigmoid", "relu"]
ACTIVATIONS: dict[str, Callable[[Array], Array]] = {"none": lambda s: s, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid, "relu": jax.nn.relu}


class Tally(NamedTuple):
    """D and <J/k - H, H> before the last step, the share dt/tau' that it wrote (0 before the first), and its k: what D is brought up to
    date from."""

    distance: Float[Arrays, ""]
    along: Float[Arrays, ""]
    share: Float[Arrays, ""]
    strength: Float[Arrays, ""]


class MultiscaleState(NamedTuple):
    """State: neurons s (n,); couplings J (n, n), as an array or as `Fading`; what was shown last; a tally of D, or None."""

    s: Float[Arrays, " n"]
    J: Any
    shown: Shown
    tally: Tally | None = None


class Felt(NamedTuple):
    """What a step shows beside the state: `J s` (n,) of the state before it, and D of the J before it if there is a tally."""

    local: Float[Array, " n"]
    distance: Float[Arrays, ""] | None


class Reference(NamedTuple):
    """What J is compared with, made once for a run: targets g(S_mu) (K, n), S_mu = tanh(beta u xi_mu); <X_mu, X_nu> (K, K); the diagonal
    sum_mu p_mu S_mu,i^2 (n,) that H is without; |H|^2."""

    targets: Float[Arrays, "K n"]
    gram: Float[Arrays, "K K"]
    diagonal: Float[Arrays, " n"]
    square: Float[Arrays, ""]


class Moving(NamedTuple):
    """What flows while a pattern is held: s (n,), J (n, n)."""

    s: Any
    J: Any


def off_diagonal(matrix: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """The matrix with zeros on its diagonal."""
    index = jnp.arange(matrix.shape[0])
    return jnp.where(index[:, None] == index[None, :], jnp.zeros((), matrix.dtype), matrix)


class Held(Flow):
    """The memory while its field h (n,) is held.

    `tau ds/dt = -s + tanh[beta (J s + u h)]`, `tau' dJ/dt = -J + k g(s) g(s)'` without diagonal.
    """

    h: Any
    beta: Any
    u: Any
    k: Any
    tau_s: Any
    tau_J: Any
    activation: Activation = eqx.field(static=True, default="none")

    def pull(self, s: Float[Array, " n"], J: Any) -> Float[Array, " n"]:
        """`-s + tanh[beta (J s + u h)]`."""
        return jnp.tanh(self.beta * (J @ s + self.u * self.h)) - s

    def drift(self, state, clock):
        """Rates of change of s and J."""
        g = ACTIVATIONS[self.activation](state.s)
        return Moving(self.pull(state.s, state.J) / self.tau_s, (off_diagonal(self.k * jnp.outer(g, g)) - state.J) / self.tau_J)

    def linear(self, state, clock):
        """The decays, -1/tau and -1/tau'."""
        one = jnp.ones((), state.s.dtype)
        return Moving(-one / self.tau_s, -one / self.tau_J)


class Alternating(Integrator):
    """The seed's map: Euler's step for s, then Euler's step for J with the s just made."""

    def step(self, flow, state, clock, noise):
        """One step of a `Held` memory; J as an array, or as `Fading`."""
        held: Any = flow
        s = state.s + clock.dt / held.tau_s * held.pull(state.s, state.J)
        g, share = ACTIVATIONS[held.activation](s), clock.dt / held.tau_J
        if isinstance(state.J, Fading):
            return Moving(s, state.J.gained(clock.step, 1 - share, share * held.k, g))
        return Moving(s, state.J + share * (off_diagonal(held.k * jnp.outer(g, g)) - state.J))


def as_method(value: Any) -> Any:
    """ "map" for the seed's map; an integrator as it is."""
    return Alternating() if isinstance(value, str) and value == "map" else value


class Memory(System):
    """What memories driven by a stream have in common: n neurons, gains, time constants, initial s and J."""

    n: int = eqx.field(static=True)
    stream: Stream = Stream()
    beta: Any = 1.0
    u: Any = 200.0
    k: Any = None
    tau_s: Any = 1.0
    tau_J: Any = 1000.0
    activation: Activation = eqx.field(static=True, default="none", kw_only=True)
    s0: Any = eqx.field(converter=whole, default=None, kw_only=True)
    J0: Any = eqx.field(converter=whole, default=None, kw_only=True)
    reference: Any = eqx.field(default=None, init=False)

    def __check_init__(self):
        check_count(type(self).__name__, "n", self.n, "a whole number of neurons, at least 2")
        if self.n < 2:
            raise ValueError(f"{type(self).__name__}(n={self.n!r}): a whole number of neurons, at least 2")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"{type(self).__name__}(activation={self.activation!r}): choose {', '.join(map(repr, ACTIVATIONS))}")

    def check(self):
        """Refuse values that make no sense."""
        name = type(self).__name__
        if not isinstance(self.stream, Stream):
            raise TypeError(f"{name}(stream={self.stream!r}): give a nj.Stream, for example nj.Stream(nj.RademacherPatterns(8))")
        self.stream.check(self.n)
        check_number(name, "beta", self.beta, not_negative, "a number of at least 0")
        check_number(name, "u", self.u, not_negative, "a number of at least 0")
        if self.k is not None:
            check_number(name, "k", self.k, positive, "a positive number, or None for tanh(beta)")
        else:
            check_number(name, "beta", self.beta, positive, "a positive number where k is tanh(beta); or give k")
        check_number(name, "tau_s", self.tau_s, positive, "a positive time")
        check_time(name, "tau_J", self.tau_J, "a positive time, or infinity for frozen synapses")
        if self.s0 is not None:
            check_number(name, "s0", self.s0, lambda x: np.abs(x) <= 1, f"(n={self.n},) numbers from -1 to 1, or None", shapes=((self.n,),))
        self._check_start()

    def _check_start(self) -> None:
        name = type(self).__name__
        if self.J0 is None or isinstance(self.J0, Tracer):
            return
        if np.ndim(self.J0) == 0:
            check_number(name, "J0", self.J0, not_negative, "a deviation in units of k, at least 0, or an array (n, n)")
            return
        mend = f"a symmetric array ({self.n}, {self.n}) with zero diagonal, a deviation, or None"
        check_number(name, "J0", self.J0, np.isfinite, mend, shapes=((self.n, self.n),))
        given = np.asarray(self.J0, float)
        if not np.allclose(given, given.T) or np.any(np.diagonal(given) != 0):
            raise ValueError(f"{name}(J0): is not symmetric with a zero diagonal; give {mend}")

    def realise(self, key):
        """Draw the stream; make the reference, which stays the same when phases of a run change the field."""
        made = dataclasses.replace(self, stream=self.stream.realise(key, self.n))
        targets = ACTIVATIONS[self.activation](jnp.tanh(self.beta * self.u * jnp.asarray(made.stream.patterns)))
        products, p = gram(targets), jnp.asarray(made.stream.probabilities)
        return replace(made, ("reference",), Reference(targets, products, p @ targets**2, p @ products @ p), check=False)

    def draws(self):
        """The stream's."""
        return self.stream.draws(self.n)

    def strength(self) -> Any:
        """k, tanh(beta) unless given."""
        return jnp.tanh(self.beta) if self.k is None else self.k

    def initial(self, key: PRNGKeyArray) -> Moving:
        """Initial s (n,) and J (n, n)."""
        one, other = jax.random.split(key)
        like = jnp.result_type(float)
        s = jax.random.uniform(one, (self.n,), like, -1.0, 1.0) if self.s0 is None else jnp.asarray(self.s0, like)
        if self.J0 is not None and jnp.ndim(self.J0):
            return Moving(s, jnp.asarray(self.J0, like))
        deviation = self.strength() * (1 / np.sqrt(float(self.stream.count(self.n))) if self.J0 is None else self.J0)
        upper = jnp.triu(jax.random.normal(other, (self.n, self.n), like), 1)
        return Moving(s, deviation * (upper + upper.T))

    def targets(self) -> Float[Array, "K n"]:
        """g(S_mu), S_mu = tanh(beta u xi_mu): what synapses see while a strong field shows pattern mu. Of a realised memory."""
        if self.reference is None:
            raise ValueError(f"{type(self).__name__}.targets(): its patterns are not drawn yet; take `run.system` of a run")
        return jnp.asarray(self.reference.targets)

    def fading(self, dt: Any) -> theory.Fading:
        """What a redraw's time leaves of J, for steps of dt. Of a realised memory."""
        return theory.fading(self.tau_J, self.stream.tau_h)

    def since_redraw(self, state: Any, dt: Any) -> Any:
        """What the time since the last redraw has left of J, 1 for states at redraws."""
        return 1.0

    def couplings(self, state: Any) -> Float[Array, "n n"]:
        """J as one array."""
        raise NotImplementedError(f"{type(self).__name__} must define couplings(self, state)")

    def projections(self, state: Any) -> Float[Array, " K"]:
        """<J/k, X_mu> (K,)."""
        return projections(self.couplings(state), self.targets()) / self.strength()

    def square(self, state: Any) -> Float[Array, ""]:
        """|J/k|^2."""
        return square_norm(self.couplings(state)) / self.strength() ** 2

    def distance(self, state: Any) -> Float[Array, ""]:
        """D = |J/k - H|^2."""
        return square_norm(self.couplings(state) / self.strength() - hebbian(self.targets(), jnp.asarray(self.stream.probabilities)))


class Multiscale(Memory):
    """Neurons and Hebbian synapses that evolve together while a stream shows patterns:

        tau ds_i/dt = -s_i + tanh[beta (sum_j J_ij s_j + u h_i)],   tau' dJ_ij/dt = -J_ij + k g(s_i) g(s_j),   J_ii = 0

    Arguments:
        n: neurons, >= 2. stream: what the field h shows.
        beta: gain, >= 0. u: strength of the field, >= 0. k: strength of synapses, > 0; None for tanh(beta).
        tau_s: time constant tau of neurons, > 0. tau_J: tau' of synapses, > 0; infinity freezes them.
        activation: g of the synapses, "none", "tanh", "sigmoid" or "relu"; static.
        s0: initial s (n,), None for uniform in (-1, 1). J0: initial J, an array (n, n), or the deviation of its symmetric Gaussian
            entries in units of k, 1 / sqrt(K) if None.
        method: "map", the seed's: with `dt` an Euler step for s, then one for J with the new s; or an integrator such as `nj.RK4()` for
            the differential equations, the field held through a step. They differ at finite dt, also in their theory (`theory.rate`).
        block: with "map": gather the outer products of so many steps before they are written into J; None writes each at once.
            One pass over J per step instead of three; the same numbers to rounding. Static.
        tally: with "map" and activation "none": bring D up to date at every step from `J s`, in O(K n), so that recording it needs no
            pass over J. The same numbers to rounding. It is kept for the patterns, p and beta u of its run; who goes on from a snapshot
            with others does without. Static.

    The field wins over the couplings, whatever was shown, for `u > k (n - 1)`; `theory.lock_in_field`. J keeps the scale k, not k / n.
    Errors: ValueError naming the argument. Source: reference implementation "multiscale-memory" (Lotito 2025); Dong and Hopfield 1992.

    >>> import neurojax as nj
    >>> model = nj.Multiscale(60, nj.Stream(nj.RademacherPatterns(4)), tau_J=20.0)
    >>> run = nj.simulate(model, steps=300, dt=1.0, record={"D": nj.Mean(nj.multiscale.measures.distance, warmup=100.0)})
    >>> bool(run.records["D"] < 0.05)
    True
    """

    method: Integrator = eqx.field(converter=as_method, default=Alternating(), kw_only=True)
    block: int | None = eqx.field(static=True, default=None, kw_only=True)
    tally: bool = eqx.field(static=True, default=False, kw_only=True)

    def __check_init__(self):
        super().__check_init__()
        if self.tally and not (isinstance(self.method, Alternating) and self.activation == "none"):
            raise ValueError(f"Multiscale(tally=True, method={self.method!r}, activation={self.activation!r}): needs 'map' and 'none'")
        if not isinstance(self.method, Integrator):
            raise TypeError(f"Multiscale(method={self.method!r}): give 'map' or an integrator such as nj.RK4()")
        if self.block is not None:
            check_count("Multiscale", "block", self.block, "steps to gather, a whole number of at least 1, or None")
            if not isinstance(self.method, Alternating):
                raise ValueError(f"Multiscale(block={self.block}, method={self.method!r}): only method='map' gathers its updates")

    def check_dt(self, dt):
        """A pattern lasts a step at least. Euler's steps beyond a time constant overshoot what they relax towards, beyond two they blow up:
        "map" wants shorter ones."""
        for name in ("tau_s", "tau_J") if isinstance(self.method, Alternating) else ():
            value = getattr(self, name)
            if not isinstance(value, Tracer) and (shortest := float(np.min(np.asarray(value, float)))) < dt * (1 - 1e-6):
                raise ValueError(
                    f"Multiscale({name}={shortest:g}): shorter than a step of the map, dt={dt:g}; take dt of at most {shortest:g}, "
                    "or method=nj.ExponentialEuler() for the differential equations"
                )
        self.stream.check_dt(dt)

    def init(self, key):
        """Initial neurons and couplings; nothing shown."""
        s, J = self.initial(key)
        tally = None
        if self.tally:
            wanted = hebbian(self.targets(), jnp.asarray(self.stream.probabilities))
            apart = J / self.strength() - wanted
            size = self.n * (self.n - 1)
            strength = jnp.asarray(self.strength(), J.dtype)
            tally = Tally(jnp.sum(apart**2) / size, jnp.sum(apart * wanted) / size, jnp.zeros((), J.dtype), strength)
        return MultiscaleState(s, J if self.block is None else Fading.of(J, int(self.block)), self.stream.init(self.n), tally)

    def held(self, shown: Shown) -> Held:
        """The flow while this is shown."""
        return Held(self.stream.field(shown), self.beta, self.u, self.strength(), self.tau_s, self.tau_J, self.activation)

    def step(self, state, clock, drawn):
        """Redraw if it is time; then move."""
        shown = self.stream.following(state.shown, clock.dt, drawn)
        J = state.J.tidied(clock.step) if isinstance(state.J, Fading) else state.J
        local = J @ state.s
        tally = None if state.tally is None else self._tallied(state, local, clock.dt / self.tau_J)
        s, J = self.method.step(self.held(shown), Moving(state.s, J), clock, None)
        return Step(MultiscaleState(s, J, shown, tally), Felt(local, None if tally is None else tally.distance))

    def _tallied(self, state: MultiscaleState, local: Float[Array, " n"], now: Any) -> Tally:
        """D of this J, which is `left` of that one step ago and `share` of X = s s'.

        D = left^2 D' + 2 left share <J'/k - H, X - H> + share^2 |X - H|^2, and left <J'/k - H, X> = <J/k - H, X> - share <X - H, X>. Where
        a phase has brought another k, J/k is r times what it was, and J/k - H is r (J/k' - H) + (r - 1) H. now: the share of this step.
        """
        tally: Any = state.tally
        s, share, size = jnp.asarray(state.s), tally.share, self.n * (self.n - 1)
        left, squares, whole = 1 - share, s * s, self.reference.square  # |H|^2
        # One product with ones: XLA's CPU compiler adds up numbers one after the other.
        terms = jnp.stack([squares, squares * squares, self.reference.diagonal * squares, s * local])
        length, fourth, diagonal, energy = terms @ jnp.ones_like(s)
        reached = (self.stream.probabilities @ (self.targets() @ s) ** 2 - diagonal) / size  # <X, H>
        own = (length**2 - fourth) / size  # <X, X>
        ahead = energy / (size * tally.strength) - reached - share * (own - reached) - left * tally.along
        distance = left**2 * tally.distance + 2 * share * ahead + share**2 * (own - 2 * reached + whole)
        along = left * tally.along + share * (reached - whole)
        strength = jnp.asarray(self.strength(), s.dtype)
        r = tally.strength / strength
        distance = r**2 * distance + 2 * r * (r - 1) * along + (r - 1) ** 2 * whole
        return Tally(distance, r * along + (r - 1) * whole, now, strength)

    def fading(self, dt):
        """Of the map or the flow."""
        return theory.fading(self.tau_J, self.stream.tau_h, dt if isinstance(self.method, Alternating) else None)

    def since_redraw(self, state, dt):
        """`(1 - dt/tau')^steps` of the map, `exp(-steps dt / tau')` of the flow."""
        share = dt / self.tau_J
        steps = jnp.asarray(state.shown.steps).astype(share.dtype)
        return (1 - share) ** steps if isinstance(self.method, Alternating) else jnp.exp(-share * steps)

    def couplings(self, state):
        """J as one array."""
        return state.J.whole() if isinstance(state.J, Fading) else jnp.asarray(state.J)
