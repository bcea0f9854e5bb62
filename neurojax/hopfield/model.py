"""Attractor memories: the classical network, and the same in continuous time."""

from __future__ import annotations

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Scalar

from neurojax.engine.checks import check_number, not_negative, positive
from neurojax.engine.signals import at
from neurojax.engine.system import Flow, check_part
from neurojax.engine.types import Arrays
from neurojax.hopfield.cues import Cue, Flips
from neurojax.hopfield.dynamics import Synchronous, Threshold, Units, Updates
from neurojax.hopfield.patterns import Code, PatternRecipe, RandomPatterns, as_patterns, floats, low_of, whole
from neurojax.hopfield.recall import Memory
from neurojax.hopfield.rules import Hebb, StorageRule
from neurojax.learning import Couplings, Matrix


class Hopfield(Memory):
    """An attractor memory of two-state units, `s_i <- answer(h_i)`, with the fields

        h_i = sum_j J_ij s_j + b_i - theta_i

    A step asks every unit once. A run is done when a step changes nothing, or brings back the state before the last.

    Arguments:
        n: units. patterns: what is stored, an array (P, n) or a recipe such as `RandomPatterns`. cue: how a run starts, or a state (n,).
        couplings: J, a rule that makes it of the patterns, `Couplings`, or an array (n, n), row i the weights onto unit i.
        units: how a unit answers its field: `Threshold`, `Tanh`, `Glauber` or `Metropolis`.
        updates: `Synchronous`, `Asynchronous` or `Blocks`.
        field: b, one number, one per unit, a `Signal` or a function of time; None for 0.
        threshold: theta, one number or one per unit; None for 0.
        code: "signs" for states -1 and 1, "bits" for 0 and 1; static.
        tolerance: largest change of a unit that counts as none, >= 0; for graded units.

    Without noise, with symmetric couplings and ties kept, the energy never rises one unit at a time if no J_ii is negative, and a
    synchronous run ends in a fixed point or a cycle of two states. Errors: ValueError naming the argument. Source: Hopfield 1982;
    Amit, Gutfreund and Sompolinsky 1985 (temperature); Goles and Olivos 1981 (cycles).

    >>> import neurojax as nj
    >>> memory = nj.Hopfield(25, nj.hopfield.patterns.letters("XO+"), cue=nj.Flips(0.2))
    >>> run = nj.simulate(memory, steps=20, dt=1.0, seed=1)
    >>> bool((run.final_state.state.s == memory.patterns[0]).all())
    True
    """

    couplings: Any = eqx.field(converter=whole, default=Hebb())
    units: Units = Threshold()
    updates: Updates = Synchronous()
    field: Any = eqx.field(converter=whole, default=None)
    threshold: Any = eqx.field(converter=whole, default=None)
    code: Code = eqx.field(static=True, default="signs")
    tolerance: Any = 0.0

    def __check_init__(self):
        super().__check_init__()
        low_of(self.code)

    def kind(self):
        """The code."""
        return self.code

    def check(self):
        """Refuse values that make no sense."""
        super().check()
        for part, kind, example in ((self.units, Units, "nj.Threshold()"), (self.updates, Updates, "nj.Synchronous()")):
            if not isinstance(part, kind):
                raise TypeError(f"Hopfield({kind.__name__.lower()}={part!r}): give {example} or another {kind.__name__}")
        check_part(self.units)
        if callable(self.threshold):
            raise TypeError(f"Hopfield(threshold={self.threshold!r}): give numbers; what changes in time is a field, the negative of it")
        for name, value in (("field", self.field), ("threshold", self.threshold)):
            if value is None or callable(value):
                continue
            check_number("Hopfield", name, value, np.isfinite, f"one finite number, or one for each of the n={self.n} units", shapes=None)
            if jnp.shape(value) not in ((), (self.n,)):
                raise ValueError(
                    f"Hopfield({name}): has shape {jnp.shape(value)}; give one number, or one for each of the n={self.n} units"
                )
        check_number("Hopfield", "tolerance", self.tolerance, not_negative, "a change of at least 0, for example 1e-5")
        self._check_couplings()

    def _check_couplings(self) -> None:
        given = self.couplings
        if isinstance(given, StorageRule):
            check_part(given)
            if self.code not in given.codes:
                raise ValueError(
                    f"Hopfield(couplings={type(given).__name__}(), code={self.code!r}): this rule is for {' and '.join(given.codes)}; "
                    "take nj.Covariance() for bits, or patterns in signs"
                )
            drawn = isinstance(self.patterns, PatternRecipe | Tracer)
            given.check_patterns(self.count(), self.n, self.code, None if drawn else as_patterns(self.patterns, self.n, self.code))
        elif isinstance(given, Couplings):
            if given.size != self.n:
                raise ValueError(f"Hopfield(couplings): these {type(given).__name__} couple {given.size} units, the model has n={self.n}")
        elif not isinstance(given, Tracer):
            if np.shape(given) != (self.n, self.n):
                raise ValueError(
                    f"Hopfield(couplings): has shape {np.shape(given)}; give an array of ({self.n}, {self.n}), or a rule such as nj.Hebb()"
                )
            check_number("Hopfield", "couplings", given, np.isfinite, "finite weights", shapes=None)

    def realise(self, key):
        """Draw the patterns, and learn them."""
        made = super().realise(key)
        couplings = self.couplings
        if isinstance(couplings, StorageRule):
            couplings = couplings.learn(made.patterns, jax.random.fold_in(key, 1))
        elif not isinstance(couplings, Couplings):
            couplings = Matrix(floats(couplings))
        return dataclasses.replace(made, couplings=couplings)

    def draws(self):
        """What the order and the units draw."""
        return {**self.updates.draws(self.n), **self.units.draws(self.n)}

    def done(self, state):
        """At a fixed point, or in a cycle of two states; never, where noise goes on or a field changes in time."""
        return super().done(state) if self._settles else False

    @property
    def _settles(self) -> bool:
        return self.units.settles and not callable(self.field)

    def bias(self, time: Float[Scalar, ""] | float = 0.0) -> Float[Array, " n"]:
        """b - theta (n,)."""
        total = jnp.zeros((self.n,), jnp.result_type(float))
        if self.field is not None:
            total = total + at(self.field, jnp.asarray(time))
        return total if self.threshold is None else total - self.threshold

    def fields(self, s: Float[Arrays, " n"], time: Float[Scalar, ""] | float = 0.0) -> Float[Array, " n"]:
        """The fields h that the units feel in the state s."""
        return self.couplings.fields(s) + self.bias(time)

    def step(self, state, clock, drawn):
        """Every unit answers once."""

        def answer(s, h, uniform):
            return self.units.answer(s, h, uniform, clock.time, low_of(self.code))

        new = self.updates.sweep(self.couplings, self.bias(clock.time), jnp.asarray(state.s), answer, drawn)
        return state.followed_by(new, self.tolerance, self._settles, self.updates.periodic)

    def energy(self, s, time=0.0):
        """`-s' J s / 2 - (b - theta)' s`."""
        return self.couplings.energy(s) - jnp.sum(self.bias(time) * s)

    def two_step_energy(
        self, s: Float[Arrays, " n"], previous: Float[Arrays, " n"], time: Float[Scalar, ""] | float = 0.0
    ) -> Float[Array, ""]:
        """`-s(t)' J s(t-1) - (b - theta)' (s(t) + s(t-1))`, which never rises in synchronous steps with symmetric couplings."""
        return -jnp.sum(s * self.couplings.fields(previous)) - jnp.sum(self.bias(time) * (s + previous))


class GradedHopfield(Flow):
    """An attractor memory of graded units in continuous time, `tau ds_i/dt = -s_i + tanh[gain (sum_j J_ij s_j + b_i)]`.

    Arguments:
        n: units. patterns, cue, couplings: as in `Hopfield`, in signs. gain: > 0. field: b, or None.
        tau: time constant, > 0. noise: sigma (1 / sqrt(time)), or None.

    Its states at rest are those of `Hopfield(units=Tanh(gain))`. Source: Hopfield 1984.
    """

    n: int = eqx.field(static=True)
    patterns: Any = eqx.field(converter=whole, default=RandomPatterns(1))
    cue: Any = eqx.field(converter=whole, default=Flips(0.1))
    couplings: Any = eqx.field(converter=whole, default=Hebb())
    gain: Any = 4.0
    field: Any = None
    tau: Any = 1.0
    noise: Any = None

    def discrete(self) -> Hopfield:
        """The memory whose patterns, cue and couplings these are."""
        return Hopfield(self.n, self.patterns, self.cue, self.couplings, field=self.field)

    def check(self):
        """Refuse values that make no sense."""
        self.discrete().check()
        for name in ("gain", "tau"):
            check_number("GradedHopfield", name, getattr(self, name), positive, "a positive number, for example 1.0")
        if self.noise is not None:
            check_number("GradedHopfield", "noise", self.noise, not_negative, "an amplitude of at least 0, or None")

    def realise(self, key):
        """Draw the patterns, and learn them."""
        made = self.discrete().realise(key)
        return dataclasses.replace(self, patterns=made.patterns, couplings=made.couplings)

    def init(self, key):
        """The cue (n,)."""
        return (self.cue.draw(key, self.patterns, "signs") if isinstance(self.cue, Cue) else jnp.asarray(self.cue)).astype(
            jnp.result_type(float)
        )

    def drift(self, state, clock):
        """`(-s + tanh(gain h)) / tau`."""
        h = self.couplings.fields(state)
        if self.field is not None:
            h = h + at(self.field, clock.time)
        return (jnp.tanh(at(self.gain, clock.time) * h) - state) / self.tau

    def diffusion(self, state, clock):
        """The noise amplitude sigma."""
        return None if self.noise is None else at(self.noise, clock.time) * jnp.ones_like(state)

    def linear(self, state, clock):
        """The decay, -1/tau."""
        return -jnp.ones_like(state) / self.tau
