"""Recursive least squares: the gain by which an error at this step corrects every weight."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Scalar

from neurojax.engine.checks import check_count, check_number, positive, share
from neurojax.engine.types import Arrays
from neurojax.learning.lowrank import Gathered, LowRank, Root, SymmetricLowRank, tidied
from neurojax.learning.rule import Correction, Occasion, Rule

Method = Literal["potter", "block", "symmetric"]
Kept = Gathered | Root | Float[Array, "n n"]

# Below this alpha P itself is lost in float32 (the deferred form turns NaN at 1e-3 within 14,400 updates of 1,000 rates, and is exact to
# 1e-3 at 0.1; the plain form has negative eigenvalues and diverges at 1e-6).
SAFE_ALPHA = 0.1
MOST_STRIPS = 20  # of tiles: their products, n^2 / 2 of them, are compiled one by one


class Gain(NamedTuple):
    """What an update hands on.

    gain: `k = P r`, P as it is after the update: the weights change by `-e k`. novelty: `r' P r` with P before the update, >= 0;
    `lambda / (lambda + novelty)` is the share of the error that the update leaves.
    """

    gain: Float[Array, " n"]
    novelty: Float[Scalar, ""]


class Health(NamedTuple):
    """How sound P is: its smallest and largest diagonal element, in (0, 1 / alpha] while nothing is forgotten; the largest |P - P'|."""

    least: Float[Scalar, ""]
    most: Float[Scalar, ""]
    asymmetry: Float[Scalar, ""]


class RLS(Rule):
    """Recursive least squares with `P(0) = I / alpha`:

        k = P r / (lambda + r' P r),   P <- (P - k r' P) / lambda,   w <- w - e k

    after which w minimises `sum_t lambda^(T-t) (w' r_t - f_t)^2 + lambda^T alpha |w|^2`. One P serves all outputs.

    Arguments:
        alpha: > 0, in units of rates squared, and well below the number of rates; Sussillo and Abbott take 1 to 100, for rates of
            tanh. A small one learns fast. It acts when a run begins: a phase cannot change it. Others give the inverse:
            P(0) = alpha I in BrainPy, tension and RectiPy, 1 / learning_rate in Nengo.
        forgetting: lambda in (0, 1]; None for 1. P grows by 1/lambda an update along what the rates never visit, for nothing is learned
            there, hence `limit`.
        limit: nothing is forgotten at updates at which the mean diagonal element of P is above `limit / alpha`.
        method: "potter" keeps the square root S of P = S S' (Potter 1963), as exact in float32 as P in float64 is; "block" keeps P,
            half of it as it is symmetric, the fastest; "symmetric" updates all of P at once, the plain form. The latter two want
            alpha >= 0.1 in float32, and more where rates are large.
        block: updates that "potter" (without forgetting) and "block" gather, to fold them into S or P by one product.
        tile: side of the tiles in which "block" keeps its half of P, so that one is read once for two products; n / 20 or more.

    Errors: ValueError naming the argument. Source: Sussillo and Abbott 2009, equations 2 to 8; Haykin 2002, chapter 9.
    """

    alpha: Any = 1.0
    forgetting: Any = None
    limit: Any = 1e4
    method: Method = eqx.field(static=True, default="potter")
    block: int = eqx.field(static=True, default=32)
    tile: int = eqx.field(static=True, default=200)

    def __check_init__(self):
        if self.method not in ("potter", "block", "symmetric"):
            raise ValueError(f"RLS(method={self.method!r}): choose 'potter', 'block' or 'symmetric'")
        for name, what in (("block", "the number of updates gathered"), ("tile", "the side of a tile")):
            check_count("RLS", name, getattr(self, name), f"{what} is a whole number of at least 1")
        if self.method == "block" and self.forgetting is not None:
            raise ValueError(f"RLS(forgetting={self.forgetting!r}): 'block' cannot forget; take method='potter'")

    def check(self) -> None:
        """Refuse values that make no sense, or are not safe in the precision of the run."""
        check_number("RLS", "alpha", self.alpha, positive, "alpha must be positive, for example 1.0; P starts as I / alpha")
        if self.method != "potter" and jnp.result_type(float) == jnp.float32:
            mend = f"{self.method!r} loses P in float32 below alpha = {SAFE_ALPHA}; take method='potter', or a run in float64"
            check_number("RLS", "alpha", self.alpha, lambda alpha: alpha >= SAFE_ALPHA, mend)
        check_number("RLS", "limit", self.limit, lambda x: x >= 1, "P may grow to `limit / alpha`; give at least 1, for example 1e4")
        if self.forgetting is not None:
            check_number("RLS", "forgetting", self.forgetting, share, "give a factor in (0, 1], for example 0.9999, or None")

    def init(self, n: int, outputs: int = 1, interval: int = 1) -> Kept:
        """P of n rates before the first update: its square root S ("potter"), its half ("block"), or itself."""
        if self.method == "block":
            if n > MOST_STRIPS * self.tile:
                raise ValueError(
                    f"RLS(tile={self.tile}): {n} rates would make {-(-n // self.tile)} strips; give at least {n // MOST_STRIPS}"
                )
            return SymmetricLowRank.of(jnp.eye(n) / self.alpha, self.block, self.tile, interval)
        if self.method == "symmetric":
            return jnp.eye(n) / self.alpha
        root = jnp.eye(n) / jnp.sqrt(self.alpha)
        # S shrinks at every update that forgets.
        return LowRank.of(root, self.block, interval) if self.forgetting is None else Root(root)

    def tidied(self, kept: Any, step: Int[Scalar, ""]) -> Kept:
        """P with room for an update at this step. On its own, beside the update's `cond` and not in it: nested, XLA copies P."""
        return tidied(kept, step) if isinstance(kept, Gathered) else kept

    def update(self, kept: Any, rates: Float[Arrays, " n"], step: Int[Scalar, ""]) -> tuple[Kept, Gain]:
        """P, `tidied`, after an update with `rates` at a step of the clock, and its gain."""
        self._check_kept(kept)
        rates = jnp.asarray(rates)
        if self.method == "potter":
            root: Any = kept.matrix if isinstance(kept, Root) else kept
            factor = self._factor(lambda: jnp.sum(root * root), len(rates))
            turned = rates @ root
            novelty = turned @ turned
            total = factor + novelty
            image = root @ turned
            taken, gain = image / (total + jnp.sqrt(factor * total)), Gain(image / total, novelty)
            if isinstance(kept, LowRank):
                return kept.pushed(step, -taken, turned), gain
            return Root((root - jnp.outer(taken, turned)) / jnp.sqrt(factor)), gain
        factor = self._factor(lambda: jnp.trace(kept), len(rates))
        image = kept @ rates
        novelty = image @ rates
        total = factor + novelty
        root, gain = image / jnp.sqrt(total), Gain(image / total, novelty)
        if isinstance(kept, SymmetricLowRank):
            return kept.lowered(step, root), gain
        kept = kept - jnp.outer(root, root)
        return (kept if self.forgetting is None else kept / factor), gain

    def _check_kept(self, kept: Any) -> None:
        """A phase of a run cannot change what is kept."""
        if isinstance(kept, SymmetricLowRank) != (self.method == "block") or isinstance(kept, LowRank | Root) != (self.method == "potter"):
            raise ValueError(f"RLS(method={self.method!r}): the run began with another method, and keeps P in its form; leave it as it was")
        if isinstance(kept, LowRank) and self.forgetting is not None:
            raise ValueError("RLS(forgetting): the run began without it, and gathers updates; begin it with forgetting=1.0")
        if isinstance(kept, Root) and self.forgetting is None:
            raise ValueError("RLS(forgetting=None): the run began with it; take forgetting=1.0")

    def _factor(self, trace: Callable[[], Any], n: int) -> Any:
        """lambda at this update: 1 while P is too large."""
        return 1.0 if self.forgetting is None else jnp.where(self.alpha * trace() > n * self.limit, 1.0, self.forgetting)

    def correct(self, kept: Any, occasion: Occasion) -> tuple[Kept, Correction]:
        """`w <- w - e k'` of the error before the update; one P for all outputs."""
        if isinstance(kept, Gathered) and kept.interval > occasion.interval:
            raise ValueError(
                f"Training(interval={occasion.interval}): the run began with {kept.interval}, and has room for no more updates; "
                "begin with the shortest interval, or take RLS(method='symmetric')"
            )
        kept, (gain, novelty) = self.update(kept, occasion.rates, occasion.step)
        return kept, Correction(occasion.target - occasion.output, gain, novelty)

    def inverse_correlation(self, kept: Any) -> Float[Array, "n n"]:
        """P itself, `(sum_t r_t r_t' + alpha I)^-1` where nothing is forgotten."""
        whole = _whole(kept)
        return whole @ whole.T if self.method == "potter" else whole

    def health(self, kept: Any) -> Health:
        """How sound P is. Costs as much as an update: for records that are seldom taken, such as `Last`."""
        whole = _whole(kept)
        diagonal = jnp.sum(whole * whole, axis=1) if self.method == "potter" else jnp.diagonal(whole)
        apart = jnp.max(jnp.abs(whole - whole.T)) if self.method == "symmetric" else jnp.zeros((), whole.dtype)
        return Health(jnp.min(diagonal), jnp.max(diagonal), apart)


def _whole(kept: Any) -> Array:
    """S, or P, as one array."""
    return kept.whole() if isinstance(kept, Gathered) else kept.matrix if isinstance(kept, Root) else kept
