"""From pytrees with functions in them to compiled programs."""

from __future__ import annotations

import collections
import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.extend.core import jaxprs_in_params

traces: collections.Counter[str] = collections.Counter()  # how often each compiled program was traced, by name


class Static(NamedTuple):
    """What of a pytree cannot be traced: its structure and the leaves that are no arrays. Hashable."""

    structure: Any
    leaves: tuple[tuple[int, Any], ...]


def split(tree: Any) -> tuple[list[Any], Static]:
    """Arrays (or their shapes) of a pytree, and the rest as a static argument."""
    leaves, structure = jax.tree.flatten(tree)
    others = tuple((i, leaf) for i, leaf in enumerate(leaves) if not _is_array(leaf))
    return [leaf for leaf in leaves if _is_array(leaf)], Static(structure, others)


def _is_array(leaf: Any) -> bool:
    return eqx.is_array(leaf) or isinstance(leaf, jax.ShapeDtypeStruct)


def join(arrays: list[Any], static: Static) -> Any:
    """The pytree that was split."""
    leaves = list(arrays)
    for i, leaf in static.leaves:
        leaves.insert(i, leaf)
    return jax.tree.unflatten(static.structure, leaves)


# Primitives that keep a program from full-width vectors. On AVX-512 those gave noise-free oscillators 1.6 times the throughput, but
# with them XLA's CPU compiler (jaxlib 0.10.2) returns wrong arctangents; the others here are not compared in the tests.
NARROW = frozenset(
    {
        "atan",
        "bessel_i0e",
        "bessel_i1e",
        "digamma",
        "igamma",
        "igamma_grad_a",
        "igammac",
        "lgamma",
        "polygamma",
        "random_gamma_grad",
        "regularized_incomplete_beta",
        "zeta",
    }
)


class Needs(NamedTuple):
    """What a function's program is made of: its primitives, and whether it reaches for values that are being traced outside of it."""

    primitives: frozenset[str]
    traced: bool


def needs(function: Callable, *arguments: Any) -> Needs:
    """What a function's program is made of, found by tracing it."""
    names: set[str] = set()

    def walk(program: Any) -> None:
        for equation in program.eqns:
            names.add(equation.primitive.name)
            for inner in jaxprs_in_params(equation.params):
                walk(inner)

    program = jax.make_jaxpr(function)(*arguments)
    walk(program.jaxpr)
    return Needs(frozenset(names), tracing(program.consts))


def moving(function: Callable, *arguments: Any) -> Any:
    """Which leaves of `function(*arguments)` depend on the arrays among the arguments: what `vmap` would batch, as a tree of booleans."""
    found: list[Any] = []

    @jax.custom_batching.custom_vmap
    def probe(leaves):
        return leaves

    @probe.def_vmap
    def _(size, batched, leaves):
        found.append(batched[0])
        return leaves, batched[0]

    def probed(*arguments):
        made = function(*arguments)
        shapes.append(jax.tree.map(lambda _: False, made))
        return probe(made)

    shapes: list[Any] = []
    twice = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((2, *jnp.shape(leaf)), jnp.result_type(leaf)), arguments)
    jax.eval_shape(jax.vmap(probed, axis_size=2), *twice)
    return found[0] if found else shapes[0]


def same_outputs(function: Callable, *arguments: Any) -> tuple[int, ...]:
    """Which array each output leaf of `function(*arguments)` is, numbered as they first occur: some may be one and the same."""
    found: list[Any] = []
    outputs = jax.make_jaxpr(function)(*arguments).jaxpr.outvars
    for one in outputs:
        if not any(one is other for other in found):
            found.append(one)
    return tuple(next(i for i, other in enumerate(found) if one is other) for one in outputs)


def suits_wide_vectors(names: frozenset[str], platform: str) -> bool:
    """Whether a program of these primitives may ask the CPU compiler for full-width vectors."""
    return platform == "cpu" and not names & NARROW


@functools.cache
def compiled(function: Callable, static: tuple[str, ...], wide: bool = False) -> Any:
    """`jax.jit` of a module-level function, its traces counted; `wide` asks for vectors of full width."""

    @functools.wraps(function)
    def counted(*args, **kwargs):
        traces[function.__name__] += 1
        return function(*args, **kwargs)

    options = {"xla_cpu_prefer_vector_width": "512"} if wide else None
    return jax.jit(counted, static_argnames=static, compiler_options=options)


@contextlib.contextmanager
def precision(dtype: np.dtype) -> Iterator[None]:
    """Enter 64-bit mode for a float64 run; no global flag is touched."""
    if dtype == np.float64:
        with jax.enable_x64(True):
            yield
    else:
        yield


def tracing(tree: Any) -> bool:
    """Whether this call is inside jit, or vmap, grad or jvp of a leaf of the tree.

    What functions have closed over is no leaf: of those, `needs` tells.
    """
    leaves = jax.tree.leaves(tree)
    return any(isinstance(leaf, Tracer) for leaf in leaves) or isinstance(jnp.zeros(()) + 0, Tracer)
