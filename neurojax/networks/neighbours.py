"""The contraction behind `Sparse`: one primitive over padded neighbour lists, with the lanes of a batch kept as the minor axis."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float, Int

# T(weights, source, target) = sum over i, k, lanes of weights[k, i] target[i] source[index[k, i]] is linear in each of three
# arguments. Coupling and its two transposes are the derivatives of T by one of them, so this family is closed under
# differentiation: every derivative rule below is another member.
ROLES = ("weights", "source", "target")

# One lane on the CPU, up to so many slots: a loop over nodes that takes slot after slot waits for each addition unless there are two sums.
SLOTS_UNROLLED = 128
SUMS = 2

# On the CPU a gather of whole rows of lanes is vectorised only if the transposes around it stay in kernels of their own. XLA drops
# optimization barriers there and fuses across them; it does not fuse across a loop, hence a loop over groups of this many slots.
SLOTS_PER_TRIP = 8

contraction_p = Primitive("neighbour_contraction")


def contract(index: Int[Array, "d n"], weights: Float[Array, "d n"], source: Float[Array, " n"]) -> Float[Array, " n"]:
    """Weighted sum over neighbours, `y_i = sum_k weights[k, i] source[index[k, i]]`, for one lane.

    Batched by `jax.vmap`, differentiable (both modes) with respect to `weights` and `source`, which share a dtype.
    """
    return contraction_p.bind(index, weights, source, out="target", lanes=())


def _operand_roles(out: str) -> tuple[str, ...]:
    return tuple(role for role in ROLES if role != out)


def _sum_to_lanes(values: Array, lanes: tuple[int, ...]) -> Array:
    """Sum over lanes that the result shares; the lane axes are the last `len(lanes)` ones of `values`."""
    first = values.ndim - len(lanes)
    shared = tuple(first + axis for axis, size in enumerate(lanes) if size == 1 and values.shape[first + axis] > 1)
    return jnp.sum(values, axis=shared, keepdims=True)


def _rows(values: Array, index: Array) -> Array:
    return values.at[index].get(mode="promise_in_bounds", wrap_negative_indices=False)


def _fused(index: Array, roles: dict[str, Array], out: str, lanes: tuple[int, ...]) -> Array:
    if out == "target":
        return _sum_to_lanes(jnp.sum(roles["weights"] * _rows(roles["source"], index), axis=0), lanes)
    if out == "weights":
        return _sum_to_lanes(roles["target"][None] * _rows(roles["source"], index), lanes)
    pushed = _sum_to_lanes(roles["weights"] * roles["target"][None], lanes)
    return jnp.zeros((index.shape[1], *lanes), pushed.dtype).at[index].add(pushed, mode="promise_in_bounds")


def _one_lane(index: Array, weights: Array, source: Array) -> Array:
    sums = [jnp.zeros(index.shape[1], weights.dtype)] * SUMS
    for slot, (at, weight) in enumerate(zip(index, weights, strict=True)):
        sums[slot % SUMS] = sums[slot % SUMS] + weight * _rows(source, at)
    return sum(sums[1:], sums[0])


def _looped(index: Array, roles: dict[str, Array], out: str, lanes: tuple[int, ...]) -> Array:
    slots, n = index.shape
    if not lanes and out == "target" and slots <= SLOTS_UNROLLED:
        return _one_lane(index, roles["weights"], roles["source"])
    if not lanes or slots < 2 or out == "weights":
        return _fused(index, roles, out, lanes)

    # A loop of one trip is unrolled by XLA, so there are two at least.
    per_trip = min(SLOTS_PER_TRIP, -(-slots // 2))
    trips = -(-slots // per_trip)
    missing = trips * per_trip - slots
    by_slot = jnp.pad(index, ((0, missing), (0, 0)))
    weights = jnp.pad(roles["weights"], ((0, missing), *((0, 0),) * (roles["weights"].ndim - 1)))

    def trip(number: Array, total: Array) -> Array:
        for slot in range(per_trip):
            at, weight = by_slot[number * per_trip + slot], weights[number * per_trip + slot]
            if out == "target":
                total = total + weight * _rows(roles["source"], at)
            else:
                total = total.at[at].add(_sum_to_lanes(weight * roles["target"], lanes), mode="promise_in_bounds")
        return total

    dtype = roles["weights"].dtype
    if out == "source":
        return jax.lax.fori_loop(0, trips, trip, jnp.zeros((n, *lanes), dtype))
    every_lane = jnp.broadcast_shapes(weights.shape[2:], roles["source"].shape[1:])
    return _sum_to_lanes(jax.lax.fori_loop(0, trips, trip, jnp.zeros((n, *every_lane), dtype)), lanes)


def _evaluate(index: Array, left: Array, right: Array, *, out: str, lanes: tuple[int, ...], shared_graph: Any) -> Array:
    """The contraction in plain JAX: `shared_graph` evaluates it where all lanes have one index, and is mapped over graphs."""
    for axis, graphs in enumerate(index.shape[2:]):
        if graphs > 1:
            return _over_graphs(index, left, right, axis, out=out, lanes=lanes, shared_graph=shared_graph)
    roles = dict(zip(_operand_roles(out), (left, right), strict=True))
    return shared_graph(index.reshape(index.shape[:2]), roles, out, lanes)


def _over_graphs(index: Array, left: Array, right: Array, axis: int, *, out: str, lanes: tuple[int, ...], shared_graph: Any) -> Array:
    operands, axes = [], []
    for operand in (index, left, right):
        at = operand.ndim - len(lanes) + axis
        mapped = operand.shape[at] > 1
        operands.append(operand if mapped else jnp.squeeze(operand, at))
        axes.append(at if mapped else None)
    rest = lanes[:axis] + lanes[axis + 1 :]
    per_graph = jax.vmap(partial(_evaluate, out=out, lanes=rest, shared_graph=shared_graph), in_axes=tuple(axes))(*operands)
    if lanes[axis] == 1:
        per_graph = jnp.sum(per_graph, axis=0, keepdims=True)
    return jnp.moveaxis(per_graph, 0, per_graph.ndim - len(lanes) + axis)


@partial(jax.jit, static_argnames=("out", "lanes"))
def _eager(index: Array, left: Array, right: Array, *, out: str, lanes: tuple[int, ...]) -> Array:
    return contraction_p.bind(index, left, right, out=out, lanes=lanes)


def _abstract(index: Any, left: Any, right: Any, *, out: str, lanes: tuple[int, ...]) -> ShapedArray:
    leading = index.shape[:2] if out == "weights" else index.shape[1:2]
    return ShapedArray((*leading, *lanes), left.dtype)


def _batch(operands: Any, axes: Any, *, out: str, lanes: tuple[int, ...]) -> tuple[Array, int]:
    """One more lane axis, the last; an operand that is not batched gets a lane axis of length 1, which broadcasts."""
    size = next(operand.shape[axis] for operand, axis in zip(operands, axes, strict=True) if axis is not None)
    if size == 1:
        alone = [operand if axis is None else jnp.squeeze(operand, axis) for operand, axis in zip(operands, axes, strict=True)]
        single = contraction_p.bind(*alone, out=out, lanes=lanes)
        return single[..., None], single.ndim
    moved = [operand[..., None] if axis is None else jnp.moveaxis(operand, axis, -1) for operand, axis in zip(operands, axes, strict=True)]
    batched = contraction_p.bind(*moved, out=out, lanes=(*lanes, size))
    return batched, batched.ndim - 1


def _jvp(primals: Any, tangents: Any, *, out: str, lanes: tuple[int, ...]) -> tuple[Array, Any]:
    index, left, right = primals
    _, left_dot, right_dot = tangents
    terms = [
        contraction_p.bind(index, *pair, out=out, lanes=lanes)
        for pair, moving in (((left_dot, right), left_dot), ((left, right_dot), right_dot))
        if not isinstance(moving, ad.Zero)
    ]
    value = contraction_p.bind(index, left, right, out=out, lanes=lanes)
    return value, sum(terms[1:], terms[0])


def _transpose(cotangent: Any, index: Any, left: Any, right: Any, *, out: str, lanes: tuple[int, ...]) -> tuple[Any, Any, Any]:
    wanted, other = (left, right) if ad.is_undefined_primal(left) else (right, left)
    wanted_role, other_role = _operand_roles(out) if wanted is left else _operand_roles(out)[::-1]
    if isinstance(cotangent, ad.Zero):
        result = ad.Zero(wanted.aval)
    else:
        known = {out: cotangent, other_role: other}
        shape = wanted.aval.shape
        operands = [known[role] for role in _operand_roles(wanted_role)]
        result = contraction_p.bind(index, *operands, out=wanted_role, lanes=tuple(shape[len(shape) - len(lanes) :]))
    return (None, result, None) if wanted is left else (None, None, result)


contraction_p.def_impl(_eager)
contraction_p.def_abstract_eval(_abstract)
batching.primitive_batchers[contraction_p] = _batch
ad.primitive_jvps[contraction_p] = _jvp
ad.primitive_transposes[contraction_p] = _transpose
mlir.register_lowering(contraction_p, mlir.lower_fun(partial(_evaluate, shared_graph=_fused), multiple_results=False))
mlir.register_lowering(contraction_p, mlir.lower_fun(partial(_evaluate, shared_graph=_looped), multiple_results=False), platform="cpu")
