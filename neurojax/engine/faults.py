"""Derivatives beside faults: what is not finite in one lane has none, so that it cannot spoil what lanes share.

To drop the outcome of a bad step is not enough: its derivatives are not finite either, and turn the zero cotangent that it gets into
NaN. So a differentiated step is made twice, once for its outcome and once, as its twin, for its derivatives: the twin starts from a
state whose step is known to be finite where the step itself goes wrong. What is beyond this: a step that turns bad whatever the
state, in the middle of a run (an input with a NaN in it); a step or a start that is bad by a parameter that a function has closed over,
or by one larger than the state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Bool, Int, PyTree, Scalar

from neurojax.engine.loop import NEVER, Context, Loop, Notes, clock_at, make, tick
from neurojax.engine.numerics import finite, where
from neurojax.engine.random import draw_both
from neurojax.engine.record import Record
from neurojax.engine.system import System, View


def constant(tree: PyTree) -> PyTree:
    """The tree without its derivatives; what is no array passes."""
    return jax.tree.map(lambda leaf: lax.stop_gradient(leaf) if eqx.is_array(leaf) else leaf, tree)


def derived_if(condition: Bool[Array, ""], tree: PyTree) -> PyTree:
    """The tree, with its derivatives where the condition holds and none elsewhere, not even such as are not finite."""
    return jax.tree.map(lambda x: jnp.where(condition, x, lax.stop_gradient(x)) if eqx.is_inexact_array(x) else x, tree)


def following(values: PyTree, twin: PyTree) -> PyTree:
    """`values` with the derivatives of `twin`, a tree of equal structure that equals it wherever its derivatives count.

    A program that is not differentiated has no use for the twin, and its compiler leaves it out.
    """
    return jax.tree.map(lambda value, other: _follow.bind(value, other) if eqx.is_inexact_array(value) else value, values, twin)


# A primitive, for `jax.custom_jvp` is forgotten where `jax.checkpoint` is linearised (jax 0.10): a second derivative would be wrong.
_follow = Primitive("follow")
_follow.def_impl(lambda value, twin: value)
_follow.def_abstract_eval(lambda value, twin: value)
mlir.register_lowering(_follow, lambda context, value, twin: [value])


def _follow_jvp(primals: tuple[Array, Array], tangents: tuple[Any, Any]) -> tuple[Array, Any]:
    return _follow.bind(*primals), tangents[1]


def _follow_lanes(arguments: tuple[Array, Array], axes: tuple[Any, Any]) -> tuple[Array, int]:
    size = next(x.shape[axis] for x, axis in zip(arguments, axes, strict=True) if axis is not None)
    return _follow.bind(*(batching.bdim_at_front(x, axis, size) for x, axis in zip(arguments, axes, strict=True))), 0


ad.primitive_jvps[_follow] = _follow_jvp
batching.primitive_batchers[_follow] = _follow_lanes


def tame(tree: PyTree) -> PyTree:
    """Floats `x / (1 + |x|)`: within (-1, 1), with their signs, zeros and order; 1/2 where they are not finite."""

    def one(leaf: Any) -> Any:
        return jnp.where(jnp.isfinite(leaf), leaf / (1 + jnp.abs(leaf)), 0.5) if eqx.is_inexact_array(leaf) else leaf

    return jax.tree.map(one, tree)


def own(system: PyTree, state: PyTree) -> tuple[PyTree, PyTree]:
    """A system's floats that are no larger than the state, and the rest: what lanes may have copies of, and what they may share."""
    largest = sum(leaf.size for leaf in jax.tree.leaves(state))
    return eqx.partition(system, lambda leaf: eqx.is_inexact_array(leaf) and leaf.size <= largest)


class Refuge(NamedTuple):
    """Where the twin of a bad step starts: a state and a system from which a step is finite."""

    state: PyTree
    system: System


def refuge(context: Context, state: PyTree, start: int) -> Refuge:
    """The state at `start` and the system; both tamed for a lane whose step goes wrong there already, so that it never moves."""
    system, _, keys, dt, *_ = constant(context)
    state, step = constant(state), jnp.asarray(start, jnp.int32)
    drawn = jax.tree.map(lambda pair: pair[start % 2], draw_both(system.draws(), keys, step // 2, dt.dtype))
    sound = finite(make(system, state, clock_at(step, dt), drawn)[0])
    small, large = own(system, state)
    safe = eqx.combine(where(sound, small, tame(small)), large)
    return Refuge(where(sound, state, tame(state)), following(safe, context.system))


class SoftNotes(Notes):
    """A twin's records: a value that is not finite has no derivatives, nor has a record that such values have spoiled.

    spare: a state at which measures are finite.
    """

    def __init__(self, spare: PyTree):
        self.spare = spare

    def see(self, record: Record, view: View) -> PyTree:
        """The measure's value; where that is not finite, the one at the spare state, fixed."""
        clear = finite(record.see(constant(view)))
        return derived_if(clear, record.see(view._replace(state=where(clear, view.state, self.spare))))

    def fold(self, record: Record, view: View, kept: PyTree) -> PyTree:
        """The carry with one more value. One that is infinite or NaN when empty (extremes, values at times) only picks values."""
        value = self.see(record, view)
        empty = record.start(jax.tree.map(jnp.zeros_like, constant(value)), view.clock.dt)
        clear = finite(record.update(constant(kept), constant(value), view.clock)) | ~finite(empty)
        kept, value = derived_if(clear, (kept, value))
        return derived_if(clear, record.update(kept, value, view.clock))


def begun(system: System, begin: Callable[[System], tuple[System, PyTree]]) -> tuple[System, PyTree]:
    """A realised system and its initial state, with no derivatives where one of them is not finite. Parameters larger than the state
    keep theirs.
    """
    fixed = begin(constant(system))
    sound = finite(fixed)
    small, large = own(system, fixed[1])
    realised, state = begin(eqx.combine(derived_if(sound, small), large))
    small, large = own(realised, state)
    return eqx.combine(derived_if(sound, small), large), derived_if(sound, state)


def soft_tick(spare: Refuge, context: Context, first: Int[Scalar, ""], step: Int[Scalar, ""], loop: Loop) -> Loop:
    """A guarded tick with the derivatives of its twin."""
    settings, old = context.settings, loop.carry
    fixed = constant(context)._replace(settings=settings._replace(guarded=True))
    new = tick(fixed, first, step, constant(loop))
    sound = new.carry.bad == NEVER
    safe = loop._replace(carry=old._replace(state=where(sound, old.state, spare.state)))
    unguarded = context._replace(system=spare.system, settings=settings._replace(guarded=False))
    twin = tick(unguarded, first, step, safe, SoftNotes(tame(spare.state)))
    state, kept = where(sound, (twin.carry.state, twin.carry.kept), (old.state, old.kept))
    return following(new, twin._replace(carry=new.carry._replace(state=state, kept=kept)))
