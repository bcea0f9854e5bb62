"""Ridge regression, what recursive least squares comes to: offline, from all samples at once."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from neurojax.engine.checks import check_number, positive
from neurojax.engine.types import Arrays


def ridge(rates: Float[Arrays, "samples n"], targets: Float[Arrays, "samples outputs"], alpha: Any = 1.0) -> Float[Array, "outputs n"]:
    """The readout w that minimises `sum_t |w r_t - f_t|^2 + alpha |w|^2`: `w = F' R (R'R + alpha I)^-1`.

    `RLS(alpha)` without forgetting, from w = 0, ends with these weights on the rates that it visited. Differentiable. In float32 of few
    digits where alpha is below a millionth of the largest eigenvalue of R'R.

    Arguments:
        rates: R, a row a sample. targets: F. alpha: > 0.

    Errors: ValueError naming the argument. Source: Hoerl and Kennard 1970.
    """
    rates, targets = jnp.asarray(rates), jnp.asarray(targets)
    if rates.ndim != 2 or targets.ndim != 2 or len(rates) != len(targets):
        raise ValueError(f"rates of shape {rates.shape}, targets of shape {targets.shape}: give (samples, n) and (samples, outputs)")
    check_number("", "alpha", alpha, positive, "give a positive number, for example 1.0")
    return jnp.linalg.solve(rates.T @ rates + alpha * jnp.eye(rates.shape[1], dtype=rates.dtype), rates.T @ targets).T
