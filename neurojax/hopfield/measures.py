"""What is measured on memories: how near they are to what is stored, energies, how firmly patterns are held, where runs end."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int, Scalar

from neurojax.engine.record import Last
from neurojax.engine.signals import at
from neurojax.engine.system import View
from neurojax.engine.types import Arrays
from neurojax.hopfield.cues import Flips
from neurojax.hopfield.dynamics import Glauber, Synchronous
from neurojax.hopfield.patterns import Code, low_of
from neurojax.hopfield.recall import CYCLE, FIXED, Memory, RecallState
from neurojax.learning import Couplings
from neurojax.sweep import SweepOptions, sweep

if TYPE_CHECKING:
    import xarray as xr

Source = View | RecallState | Float[Arrays, "*s n"]


def units(source: Source) -> Float[Arrays, "*s n"]:
    """The states s of a view, a state or an array."""
    held: Any = source.state if isinstance(source, View) else source
    return held.s if isinstance(held, RecallState) else held


def overlaps(source: Source, patterns: Float[Arrays, "P n"] | None = None, code: Code | None = None) -> Float[Array, "*s P"]:
    """Overlap with every pattern, 1 at the pattern: `m = s . xi / (xi . xi)`, which is `s . xi / n` in signs.

    In bits `m = (xi - a) . s / [n a (1 - a)]`, a the pattern's share of ones: 0 for a state that knows nothing of it.

    patterns, code: those of the view's system unless given. 0 for rows of zeros.
    """
    patterns, code = _stored(source, patterns, code)
    s = jnp.asarray(units(source))
    if code == "bits":
        share = jnp.mean(patterns, axis=1, keepdims=True)
        patterns, size = patterns - share, patterns.shape[1] * (share * (1 - share))[:, 0]
    else:
        size = jnp.sum(patterns**2, axis=1)
    # Divided last: sums of signs are whole numbers.
    sums = patterns @ s if s.ndim == 1 else s @ patterns.T
    size = jnp.broadcast_to(size, sums.shape)
    return jnp.where(size > 0, sums / jnp.where(size > 0, size, 1.0), 0.0)


def target_overlap(view: View) -> Float[Array, "*heads"]:
    """Overlap with the pattern that the run was cued with; the first where the cue is of none."""
    return _overlap_with(view, getattr(view.system.cue, "which", 0))


@dataclasses.dataclass(frozen=True)
class Overlap:
    """Overlap with one pattern, for records: `Trace(Overlap(2))`. which: its row, from 0."""

    which: int = 0

    def __call__(self, view: View) -> Float[Array, "*heads"]:
        """The overlap of the view."""
        return _overlap_with(view, self.which)


def _overlap_with(view: View, which: Any) -> Float[Array, "*heads"]:
    return overlaps(view, _row(view, which))[..., 0]


def _row(view: View, which: Any) -> Float[Array, "1 n"]:
    count = len(view.system.patterns)
    if isinstance(which, int) and not -count <= which < count:
        raise ValueError(f"which={which}: there are {count} patterns, rows count from 0")
    return jnp.take(jnp.asarray(view.system.patterns), jnp.asarray(which).astype(jnp.int32), axis=0)[None]


def hamming(source: Source, patterns: Float[Arrays, "P n"] | None = None) -> Float[Array, "*s P"]:
    """Units that differ from every pattern, a number from 0 to n."""
    patterns, _ = _stored(source, patterns, None)
    return jnp.sum((jnp.asarray(units(source))[..., None, :] != _beside(patterns, units(source))).astype(patterns.dtype), axis=-1)


def bit_error(view: View) -> Float[Array, "*heads"]:
    """Share of the units that differ from the pattern that the run was cued with."""
    row = _row(view, getattr(view.system.cue, "which", 0))
    return hamming(view, row)[..., 0] / view.system.n


def energy(view: View) -> Float[Array, "*heads"]:
    """Energy of the state, the system's own."""
    return view.system.energy(view.state.s, view.clock.time)


def energy_per_unit(view: View) -> Float[Array, "*heads"]:
    """Energy over n; -1/2 (1 - 1/n) at a single stored pattern of Hebb's rule."""
    return energy(view) / view.system.n


def two_step_energy(view: View) -> Float[Scalar, ""]:
    """`-s(t)' J s(t-1) - (b - theta)' (s(t) + s(t-1))`, which never rises in synchronous runs. Of a `Hopfield`."""
    return view.system.two_step_energy(view.state.s, view.state.previous, view.clock.time)


def graded_energy(view: View) -> Float[Scalar, ""]:
    """Energy of a `GradedHopfield`, which never rises with symmetric couplings and no noise:

    `-s' J s / 2 - b' s + (1 / gain) sum_i [(1 + s_i) ln(1 + s_i) + (1 - s_i) ln(1 - s_i)] / 2`. Source: Hopfield 1984.
    """
    model, s = view.system, jnp.asarray(units(view))
    bias = 0.0 if model.field is None else at(model.field, view.clock.time)
    entropy = 0.5 * jnp.sum(jax.scipy.special.xlogy(1 + s, 1 + s) + jax.scipy.special.xlogy(1 - s, 1 - s))
    return model.couplings.energy(s) - jnp.sum(bias * s) + entropy / at(model.gain, view.clock.time)


def log_probability(view: View) -> Float[Scalar, ""]:
    """Log of the probability of what a step of a `Hopfield` draws, `sum_i log 1 / (1 + exp(-x_i))`, `x_i = +-(1 - low) h_i / T`, + for a
    unit that takes its upper state: for `nj.Score`. Of `Glauber` units at T > 0, all asked at once.

    Errors: TypeError for other units or updates. Source: Glauber 1963; Little 1974.
    """
    memory, given = view.system, "units of nj.Glauber with updates=nj.Synchronous()"
    if not (isinstance(getattr(memory, "units", None), Glauber) and isinstance(memory.updates, Synchronous)):
        raise TypeError(f"log_probability: {type(memory).__name__} draws in another way; give {given}, or a measure of one's own")
    height = 1.0 - low_of(memory.code)
    x = height * memory.fields(view.state.s, view.clock.time) / at(memory.units.temperature, view.clock.time)
    uniform = view.drawn["thermal"]
    return jnp.sum(jax.nn.log_sigmoid(jnp.where(x > jnp.log(uniform) - jnp.log1p(-uniform), x, -x)))


def step_count(view: View) -> Int[Arrays, ""]:
    """Steps that have changed the state so far."""
    return view.state.steps


def settled(view: View) -> Bool[Array, ""]:
    """Whether the run is at a fixed point or in a cycle of two states."""
    return jnp.asarray(view.state.outcome) != 0


def activity(source: Source) -> Float[Array, "*s"]:
    """Mean state of the units: the magnetisation in signs, the share of ones in bits."""
    return jnp.mean(jnp.asarray(units(source)), axis=-1)


def period(states: Float[Arrays, "time n"], tolerance: float = 0.0) -> int:
    """The smallest period p with which a run ends: its last p states are those p steps before, to `tolerance`; 0 where none shows.

    states: a `Trace(units)` of every step. 1 is a fixed point; cycles of more than two states, such as those of sequences, end no run.
    """
    known = np.asarray(states, float)
    for p in range(1, len(known) // 2 + 1):
        if np.max(np.abs(known[-p:] - known[-2 * p : len(known) - p])) <= tolerance:
            return p
    return 0


def stabilities(couplings: Couplings, patterns: Float[Arrays, "P n"], bias: Any = 0.0, *, normalised: bool = False) -> Float[Array, "P n"]:
    """How firmly every bit of every pattern is held, `xi_i^mu h_i^mu`: > 0 for all makes the pattern a fixed point.

    In bits the factor is `2 xi - 1`. bias: `b - theta`. normalised: divide by |J_i|, the length of the unit's weights, as Gardner's
    margins are (couplings that have a matrix).
    """
    patterns = jnp.asarray(patterns)
    fields = jax.vmap(couplings.fields)(patterns) + bias
    up = jnp.where(jnp.any(patterns < 0), patterns, 2 * patterns - 1)
    held = up * fields
    if not normalised:
        return held
    matrix: Any = couplings
    return held / jnp.linalg.norm(matrix.matrix(), axis=1)[None, :]


def spectrum(couplings: Any) -> Float[np.ndarray, " n"]:
    """Eigenvalues of J, ascending; of its symmetric part where it is not symmetric. On the host, in float64."""
    matrix = np.asarray(couplings.matrix(), float)
    return np.linalg.eigvalsh(0.5 * (matrix + matrix.T))


class End(NamedTuple):
    """Where a run has ended.

    kind: "pattern", "negative" (of a pattern), "mixture" (the sign of the sum of an odd number of patterns, up to their signs), "cycle",
    "spurious" (any other fixed point), "moving" (not at rest). which: rows of the pattern or of the mixture. signs: 1 or -1 for each.
    """

    kind: str
    which: tuple[int, ...] = ()
    signs: tuple[int, ...] = ()


def classify(state: RecallState, patterns: Float[Arrays, "P n"], *, least: float = 1.0, most: int = 5, code: Code = "signs") -> End:
    """Where one run has ended. On the host.

    Arguments:
        state: of one run. patterns: what was stored.
        least: overlap from which on it is the pattern, in (0, 1]; 1 is bit for bit. Near capacity patterns are recalled with a few errors.
        most: largest number of patterns in a mixture that is looked for, odd.
        code: of the patterns. Negatives and mixtures are those of signs.

    Mixtures are found among the patterns of largest overlap. Source: Amit, Gutfreund and Sompolinsky 1985.
    """
    if not 0 < least <= 1:
        raise ValueError(f"classify(least={least!r}): an overlap in (0, 1], for example 0.95")
    if most < 1 or most % 2 == 0:
        raise ValueError(f"classify(most={most!r}): mixtures are of odd numbers of patterns; give 3, 5, ...")
    known, s = np.asarray(patterns, float), np.asarray(state.s, float)
    m = np.asarray(overlaps(s, known, code), float)
    best = int(np.argmax(np.abs(m) if code == "signs" else m))
    close = least - 1e-6
    if int(state.outcome) == CYCLE:
        return End("cycle")
    if m[best] >= close:
        return End("pattern", (best,), (1,))
    if code == "signs" and m[best] <= -close:
        return End("negative", (best,), (-1,))
    if int(state.outcome) != FIXED:
        return End("moving")
    order = np.argsort(-np.abs(m), kind="stable")
    for count in range(3, min(most, len(known)) + 1, 2) if code == "signs" else ():
        rows = order[:count]
        signs = np.sign(m[rows])
        if signs.all() and np.mean(np.sign(signs @ known[rows]) * s) >= close:
            return End("mixture", tuple(int(row) for row in rows), tuple(int(sign) for sign in signs))
    return End("spurious")


def mixture(patterns: Float[Arrays, "k n"]) -> Float[np.ndarray, " n"]:
    """The symmetric mixture state sign(sum of the rows), of an odd number of patterns in signs."""
    known = np.asarray(patterns, float)
    if len(known) % 2 == 0:
        raise ValueError(f"mixture of {len(known)} patterns: their sum has zeros; give an odd number")
    return np.sign(known.sum(axis=0))


def recall_by_cue(
    memory: Memory, levels: Float[ArrayLike, " k"], *, seeds: int = 16, least: float = 0.9, steps: int = 100, options: Any = None
) -> xr.DataArray:
    """Whether runs from cues of a given overlap end above an overlap of `least`: booleans (overlap, seed).

    Arguments:
        memory: its cue is replaced by one with exactly `round(n (1 - m0) / 2)` units flipped.
        levels: overlaps m0 of the cues, -1 to 1. seeds: networks and cues for each. steps: at most. options: a `SweepOptions`.
    """
    starts = np.asarray(levels, float)
    if starts.ndim != 1 or not np.all(np.abs(starts) <= 1):
        raise ValueError(f"recall_by_cue(levels={levels!r}): overlaps from -1 to 1, for example np.linspace(0, 1, 11)")
    cued = dataclasses.replace(memory, cue=Flips(0.0, exact=True))
    record = {"m": Last(target_overlap)}
    options = options or SweepOptions(progress=False)
    data = sweep(cued, {"cue.share": 0.5 * (1 - starts)}, dt=1.0, steps=steps + 1, seeds=seeds, record=record, options=options)
    ends = data["m"].transpose("cue.share", "seed").values
    import xarray as xr

    return xr.DataArray(ends > least, {"overlap": starts, "seed": data["seed"].values}, ("overlap", "seed"), "recalled")


def basin_edge(recalled: xr.DataArray) -> float:
    """The cue overlap from which on more than half of the runs succeed, between levels by straight lines; NaN where it is not among them.

    recalled: from `recall_by_cue`.
    """
    share = recalled.sortby("overlap").mean("seed")
    levels, values = share["overlap"].values, share.values
    below = np.flatnonzero(values < 0.5)
    if not len(below) or below[-1] == len(values) - 1:
        return np.nan
    low = below[-1]
    return float(levels[low] + (0.5 - values[low]) / (values[low + 1] - values[low]) * (levels[low + 1] - levels[low]))


def _stored(source: Source, patterns: Any, code: Code | None) -> tuple[Array, Code]:
    if isinstance(source, View):
        patterns = source.system.patterns if patterns is None else patterns
        code = code or getattr(source.system, "code", "signs")
    if patterns is None:
        raise ValueError("patterns=None: a state does not know what was stored; give patterns=, or a view")
    s = jnp.asarray(units(source))
    return jnp.asarray(patterns).astype(s.dtype), code or "signs"


def _beside(patterns: Array, s: Any) -> Array:
    return patterns.reshape((1,) * (jnp.ndim(s) - 1) + patterns.shape)


__all__ = [
    "End",
    "Overlap",
    "activity",
    "basin_edge",
    "bit_error",
    "classify",
    "energy",
    "energy_per_unit",
    "graded_energy",
    "hamming",
    "mixture",
    "overlaps",
    "period",
    "recall_by_cue",
    "settled",
    "spectrum",
    "stabilities",
    "step_count",
    "target_overlap",
    "two_step_energy",
    "units",
]
