"""What is measured on a closed loop: what was seen, the command, its effort and its variation."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float, Scalar

from neurojax.engine.system import View


def command(view: View) -> Float[Array, "*m"]:
    """The command u of the step being made."""
    return view.aux.command


def observation(view: View) -> Float[Array, "*d"]:
    """What the controller sees: with its error, and as late as the delay."""
    return view.aux.seen


def effort(view: View) -> Float[Scalar, ""]:
    """`u^2`, summed over the commands; its `Mean` is the control energy per time."""
    return jnp.sum(jnp.square(view.aux.command))


def variation(view: View) -> Float[Scalar, ""]:
    """`|u_n - u_{n-1}|`, summed over the commands; its `Mean` times the steps is the total variation of u(t)."""
    return jnp.sum(jnp.abs(view.aux.command - view.state.command))
