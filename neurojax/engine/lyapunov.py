"""The largest Lyapunov exponent, by a tangent vector carried along."""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Float, PyTree, Scalar

from neurojax.engine.integrators import EulerMaruyama, Integrated, Integrator
from neurojax.engine.system import Flow, Step, System, View, check_part


class Shadowed(NamedTuple):
    """State: the system's, and a vector of length 1 in the tangent space of its floats (None at other leaves)."""

    state: PyTree
    tangent: PyTree


class Growth(NamedTuple):
    """What a step shows: `log |v| / dt` of the tangent vector before it is made 1 again, and what the system itself shows."""

    exponent: Float[Scalar, ""]
    aux: PyTree


class Lyapunov(System):
    """A system with a tangent vector: the time mean of `lyapunov_exponent` is its largest Lyapunov exponent, in 1 / time.

        v(t + dt) = (d step / d state) v(t),   exponent = <log |v(t + dt)| - log |v(t)|> / dt

    Leave out a transient (`Mean(nj.lyapunov_exponent, warmup=...)`), in which v turns to the direction that grows fastest. Noise is the
    same for both. Not for Systems that count epochs instead of time, and where a step forgets the state altogether (an exponent of
    minus infinity) the lane diverges.

    Arguments:
        system: a `System`, or a `Flow` with the integrator `method`.

    Source: Benettin, Galgani, Giorgilli and Strelcyn 1980.
    """

    system: Any
    method: Integrator = EulerMaruyama()

    def _moving(self) -> System:
        return Integrated(self.system, self.method) if isinstance(self.system, Flow) else self.system

    def check(self):
        """Check the system."""
        if not isinstance(self.system, System | Flow):
            raise ValueError(f"Lyapunov(system={self.system!r}): give a System or a Flow")
        check_part(self.system)

    def check_dt(self, dt):
        """As the system says."""
        self.system.check_dt(dt)

    def done(self, state):
        """As the system says."""
        return jnp.asarray(self._moving().done(state.state))

    def realise(self, key):
        """Realise the system."""
        return eqx.tree_at(lambda made: made.system, self, self.system.realise(key))

    def init(self, key):
        """The system's initial state, and a random direction."""
        state = self._moving().init(key)
        floats, _ = eqx.partition(state, eqx.is_inexact_array)
        leaves, tree = jax.tree.flatten(floats)
        keys = jax.random.split(jax.random.fold_in(key, 1), len(leaves))
        tangent = [jax.random.normal(k, leaf.shape, leaf.dtype) for k, leaf in zip(keys, leaves, strict=True)]
        return Shadowed(state, _scaled(jax.tree.unflatten(tree, tangent))[0])

    def draws(self):
        """Those of the system."""
        return self._moving().draws()

    def step(self, state, clock, drawn):
        """One step of the system, and of the vector along its derivative."""
        floats, rest = eqx.partition(state.state, eqx.is_inexact_array)

        def move(floats):
            out = self._moving().step(eqx.combine(floats, rest), clock, drawn)
            out = out if isinstance(out, Step) else Step(out, None)
            moved, other = eqx.partition(out.state, eqx.is_inexact_array)
            return moved, (other, out.aux)

        moved, tangent, (other, aux) = jax.jvp(move, (floats,), (state.tangent,), has_aux=True)
        tangent, length = _scaled(tangent)
        return Step(Shadowed(eqx.combine(moved, other), tangent), Growth(jnp.log(length) / clock.dt, aux))


def _scaled(tangent: PyTree) -> tuple[PyTree, Float[Scalar, ""]]:
    """A vector of length 1, and the length it had."""
    length = jnp.sqrt(sum(jnp.sum(leaf * leaf) for leaf in jax.tree.leaves(tangent)))
    return jax.tree.map(lambda leaf: leaf / length, tangent), length


def lyapunov_exponent(view: View) -> Float[Scalar, ""]:
    """The growth rate of the tangent vector of a `Lyapunov` at this step, in 1 / time."""
    return view.aux.exponent
