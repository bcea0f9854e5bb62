"""Theory of D where patterns are drawn at random times: the moments of D at every step of a run, as its stream rounds redraws to steps.

A pattern is drawn with the step nearest to the end of the last one's time, one at most in a step, and what is early or late the next makes
up for. What decides when that is, is a chain of hidden states: steps left, or how many draws are waiting. Given a redraw, its pattern is
independent of all before; so E D, Var D and what they need at the next redraw are polynomials in `b`, what is left of J since the last.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import sparse, stats
from scipy.sparse import linalg

from neurojax.multiscale import theory
from neurojax.multiscale.redraws import Periodic, Poisson, RandomPeriod, Redraws

MOST_STATES = 4000
POWERS = np.arange(5)
MOST_LATE = 200.0  # steps: what is later than this is due in every step anyway
HALF = 0.5 - 1e-9  # steps: a redraw that lies halfway between two is made in the later one


class Clock(NamedTuple):
    """When redraws happen, as hidden states: start (S,) their probabilities before the first step, due (S,) which of them redraw,
    follow (S, S) with `follow[i, j]` the probability of j after i."""

    start: np.ndarray
    due: np.ndarray
    follow: Any


def clock(redraws: Redraws, dt: float, steps: int) -> Clock | None:
    """Of a run of so many steps of length dt; None where there is none."""
    if isinstance(redraws, Poisson):
        return _waiting(dt / float(redraws.time))
    if isinstance(redraws, RandomPeriod):
        return _left(np.arange(redraws.low, redraws.high) / dt, steps)
    return _left(np.array([float(redraws.period) / dt]), steps) if isinstance(redraws, Periodic) else None


def _waiting(rate: float) -> Clock:
    """Draws that are due, `rate` more a step: one is made in every step that has any. The first step has one, and those of half a step."""
    most = 40 if rate <= 0.5 else 200  # the probability of more is below 1e-20, or such that a redraw in every step is certain anyway
    number = np.arange(most)
    follow = np.zeros((most, most))
    for i in number:
        rest = max(i - 1, 0)
        follow[i, rest:] = stats.poisson.pmf(number[: most - rest], rate)
        follow[i, -1] += 1 - follow[i].sum()
    start = np.append(0, stats.poisson.pmf(number[:-1], 0.5 * rate))
    return Clock(start / start.sum(), number > 0, sparse.csr_array(follow))


def _left(times: Float[np.ndarray, " n"], steps: int) -> Clock | None:
    """Steps left of a pattern's time, one of `times` (in steps), equally likely; a redraw is due where they are below one half."""
    number, states, links = {0.0: 0}, [0.0], []
    first = 0
    for _ in range(steps):
        last = len(states)
        if first == last or last > MOST_STATES:
            break
        for i in range(first, last):
            after = states[i] + times - 1 if states[i] < HALF else np.array([states[i] - 1])
            for one in np.maximum(after, -MOST_LATE).tolist():
                j = number.setdefault(round(one, 6), len(states))
                if j == len(states):
                    states.append(one)
                links.append((i, j, 1 / len(after)))
        first = last
    size = len(states)
    if size > MOST_STATES:
        return None
    rows, columns, shares = zip(*links, strict=True)
    return Clock(np.eye(1, size)[0], np.array(states) < HALF, sparse.csr_array((shares, (rows, columns)), shape=(size, size)))


def moments(
    ensemble: theory.Ensemble, speed: float, dt: float, steps: int, hidden: Clock
) -> tuple[Float[np.ndarray, " times"], Float[np.ndarray, " times"]]:
    """E D and Var D after 0 to `steps` steps, exact for patterns drawn independently. speed: of the synapses, `theory.rate`."""
    one = theory.scalars(ensemble)
    made = _polynomial(one)
    start = np.array([1.0, one.start, one.along, one.mixed, one.start**2])
    # Of every state, b^r times the numbers at the last redraw, r = 0 to 4: (S, 5, 5).
    held = hidden.start[:, None, None] * np.broadcast_to(start, (5, 5))
    fade = np.exp(-speed * dt * POWERS)[None, :, None]
    back = sparse.csr_array(hidden.follow.T)
    found = [start]
    for _ in range(steps):
        fresh = np.einsum("rij,srj->si", made, held[hidden.due])
        held[hidden.due] = fresh[:, None, :]
        held = fade * (back @ held.reshape(len(held), 25)).reshape(-1, 5, 5)
        found.append(np.einsum("rij,rj->i", made, held.sum(0)))
    mean, square = np.array(found)[:, 1], np.array(found)[:, 4]
    return mean, np.maximum(square - mean**2, 0)


def average(ensemble: theory.Ensemble, speed: float, dt: float, hidden: Clock) -> float:
    """Stationary E D, averaged over steps; NaN where the states of the run are not all that there are."""
    size, due = len(hidden.due), hidden.due
    if np.any(hidden.follow.sum(axis=1) < 0.5):
        return np.nan
    back: Any = sparse.csc_array(hidden.follow.T)
    fade = np.exp(-speed * dt * POWERS)
    every: Any = sparse.eye_array(size).tocsc()
    held = back @ sparse.diags_array((~due).astype(float))
    # The chain's stationary distribution: one of its equations says nothing, and gives way to their sum.
    balance = sparse.vstack([(every - back)[:-1], np.ones((1, size))], format="csc")
    share = linalg.spsolve(balance, np.eye(1, size, size - 1)[0])
    powers = [share] + [linalg.spsolve(sparse.csc_array(every - fade[r] * held), fade[r] * (back @ (share * due))) for r in (1, 2)]
    added = float(theory.scalars(ensemble).spread) * (powers[0] - 2 * powers[1] + powers[2])  # V E (1 - b)^2 of each state
    kept = linalg.spsolve(sparse.csc_array(every - fade[2] * back), fade[2] * (back @ (added * due)))  # E b^2 D
    return float(np.sum(kept + added))


def _polynomial(one: theory.Scalars) -> np.ndarray:
    """(5, 5, 5): `sum_r b^r made[r]` takes 1, D, B = sum p <Delta, Y>^2, C = sum p <Delta, Y> <Y, Y> and D^2 from a redraw to b later."""
    made = np.zeros((5, 5, 5))
    twice, fourth = np.array([1.0, -2, 1, 0, 0]), np.array([1.0, -4, 6, -4, 1])  # (1 - b)^2, (1 - b)^4
    both, thrice = np.array([0.0, 0, 1, -2, 1]), np.array([0.0, 1, -3, 3, -1])  # b^2 (1 - b)^2, b (1 - b)^3
    made[0, 0, 0] = made[2, 1, 1] = made[2, 2, 2] = made[1, 3, 3] = made[4, 4, 4] = 1
    made[:, 1, 0] = one.spread * twice
    made[:, 2, 0] = one.crossed * twice
    made[:, 4, 0] = one.fourth * fourth
    made[:, 4, 1] = 2 * one.spread * both
    made[:, 4, 2] = 4 * both
    made[:, 4, 3] = 4 * thrice
    return made
