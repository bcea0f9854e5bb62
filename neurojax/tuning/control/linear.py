"""Linear feedback, and the gain that is optimal around a state at rest or locked (LQR)."""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jaxtyping import Array, Float

from neurojax.engine.checks import check_number, positive
from neurojax.engine.compile import precision
from neurojax.engine.numerics import cast, sincos, wrap
from neurojax.engine.simulate import cast_system
from neurojax.engine.system import Clock, Flow, check_part
from neurojax.tuning.control.actuators import Actuator, actuator, rest
from neurojax.tuning.control.controller import Controller, check_fits, check_limits, check_target, fed, limited, wanted


class LinearFeedback(Controller):
    """Feedback of all that is seen, `u = bias - K (y - target)`.

    Arguments:
        gain: K: a number, a vector over what is seen (one command), or a matrix (commands, seen).
        target: y where no feedback is needed: a number, an array, a `Signal` or a function of time.
        bias: the command there.
        angles: what is seen are phases: differences are wrapped, and a rotation of all together is none.
        low, high: limits of the command; None for none.

    A model that turns at omega_0 is seen tau ago through a loop delay: `z(t) = e^{i omega_0 tau} z(t - tau)`, so that the gain of
    `y = (Re z, Im z)` that feeds back `G Im z(t)` is `G (sin omega_0 tau, cos omega_0 tau)`.

    Errors: ValueError naming the argument.
    """

    gain: Any
    target: Any = 0.0
    bias: Any = 0.0
    angles: bool = eqx.field(static=True, default=False)
    low: Any = None
    high: Any = None

    def __check_init__(self):
        if not isinstance(self.angles, bool):
            raise TypeError(f"LinearFeedback(angles={self.angles!r}): True or False")

    def check(self):
        """Gains are finite, the limits are in order."""
        check_number("LinearFeedback", "gain", self.gain, np.isfinite, "finite, a number, a vector or a matrix", shapes=None)
        check_number("LinearFeedback", "bias", self.bias, np.isfinite, "finite, a number or one for each command", shapes=None)
        check_target("LinearFeedback", self.target)
        check_limits("LinearFeedback", self.low, self.high)

    def init(self, seen: Float[Array, "*d"]):
        """Remembers nothing."""
        check_fits("LinearFeedback", self.gain, seen)

    def act(self, memory, seen, clock, drawn):
        """The command."""
        away = seen - wanted(self.target, clock.time, seen)
        if self.angles:
            sine, cosine = sincos(away)
            away = wrap(away - jnp.arctan2(jnp.mean(sine), jnp.mean(cosine)))
        return limited(self.bias - fed(self.gain, away), self.low, self.high), None


class Linear(NamedTuple):
    """A flow near a state, `dx = (A x + B u) dt`, float64: A (d, d), B (d, commands), the drift (d,) and the state (d,) there."""

    a: Float[np.ndarray, "d d"]
    b: Float[np.ndarray, "d m"]
    drift: Float[np.ndarray, " d"]
    state: Float[np.ndarray, " d"]


def linearise(model: Flow, state: Any, actuate: Any, command: Any = None) -> Linear:
    """The linear flow about a state and a command, by derivatives of the drift; what flows of the state is joined to one vector.

    Arguments:
        model: a realised `Flow`.
        state: of the model, for example `run.final_state.state`.
        actuate: what the command acts on, as in `ClosedLoop`.
        command: about which; None is the one that leaves the model as it is, for a `Parameter`.

    Errors: ValueError naming the argument.
    """
    if not isinstance(model, Flow):
        raise TypeError(f"model={type(model).__name__}: only a Flow has a drift to linearise; give one")
    check_part(model)
    actuate = actuator(actuate)
    if isinstance(actuate, Actuator):
        actuate.check(model)
    model = model.realise(jax.random.key(0))  # realised already: unchanged
    with precision(np.dtype("float64")):
        model, state = cast_system(model, np.dtype("float64")), cast(state, np.dtype("float64"))
        given = jnp.asarray(_command(model, actuate, command), jnp.float64)
        clock = Clock(jnp.asarray(0, jnp.int32), jnp.zeros(()), jnp.ones(()))
        leaves, structure = jax.tree.flatten(state, is_leaf=_absent)
        slopes = jax.tree.leaves(model.drift(state, clock), is_leaf=_absent)
        if len(slopes) != len(leaves):
            raise ValueError(f"state: {type(model).__name__} has no state of {len(leaves)} parts; give run.final_state.state")
        flowing = [i for i, slope in enumerate(slopes) if slope is not None]
        shapes = [jnp.shape(leaves[i]) for i in flowing]
        cuts = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]

        def drift(x, u):
            parts = list(leaves)
            for i, part, shape in zip(flowing, jnp.split(x, cuts), shapes, strict=True):
                parts[i] = part.reshape(shape)
            out = actuate(model, u).drift(jax.tree.unflatten(structure, parts), clock)
            slopes = jax.tree.leaves(out, is_leaf=_absent)
            return jnp.concatenate([jnp.ravel(jnp.broadcast_to(slopes[i], shape)) for i, shape in zip(flowing, shapes, strict=True)])

        x = jnp.concatenate([jnp.ravel(leaves[i]) for i in flowing])
        a, b = jax.jacfwd(drift, (0, 1))(x, given)
        return Linear(np.asarray(a), np.asarray(b).reshape(len(x), -1), np.asarray(drift(x, given)), np.asarray(x))


def lqr(
    model: Flow,
    state: Any,
    actuate: Any,
    *,
    command: Any = None,
    angles: bool = False,
    dt: float | None = None,
    state_cost: Any = 1.0,
    command_cost: Any = 1.0,
    tolerance: float = 1e-6,
) -> LinearFeedback:
    """The linear feedback that is optimal near a state at rest, or locked: it minimises the integral of `x' Q x + u' R u`.

    Arguments:
        model, state, actuate, command: as in `linearise`. The loop must see what flows of the state, for example `observe=nj.phases`.
        angles: the state holds phases, all turning alike: their common phase is projected out, as no feedback needs to hold it.
        dt: time between decisions, the command held in between (discrete Riccati equation); None for the continuous one.
        state_cost, command_cost: Q, a number >= 0, a diagonal or a matrix; R, a number > 0, a diagonal or a matrix.
        tolerance: largest drift (with `angles`: difference of drifts) of a state that counts as at rest (locked).

    Returns: a `LinearFeedback` about the state, with a vector as gain where there is one command.

    Errors: ValueError naming the argument. Source: Astrom and Murray 2008, 6.3; the Riccati equations by SciPy.
    """
    about = linearise(model, state, actuate, command)
    size, commands = about.b.shape
    kept = scipy.linalg.null_space(np.ones((1, size))) if angles else np.eye(size)
    off = float(np.max(np.abs(about.drift - about.drift.mean() if angles else about.drift), initial=0.0))
    if not off <= tolerance:
        mend = "phases that drift apart; let the model lock first" if angles else "a state that moves; let it settle, or say angles=True"
        raise ValueError(f"state: its drift is {off:.3g}, above tolerance={tolerance:g}: {mend}")
    if angles:
        turned = linearise(model, jax.tree.map(lambda leaf: leaf + 1.0 if _floats(leaf) else leaf, state), actuate, command)
        if not np.allclose(turned.b, about.b, atol=1e-6 * max(1.0, np.abs(about.b).max())):
            raise ValueError("actuate: what it does turns with the phases, so that no constant gain suits; act on a Parameter")
    q, r = _cost("state_cost", state_cost, size), _cost("command_cost", command_cost, commands)
    if np.min(np.linalg.eigvalsh(r)) <= 0:
        raise ValueError(f"command_cost={command_cost!r}: it must be positive")
    a, b, q = kept.T @ about.a @ kept, kept.T @ about.b, kept.T @ q @ kept
    try:
        if dt is None:
            p = scipy.linalg.solve_continuous_are(a, b, q, r)
            gain = np.linalg.solve(r, b.T @ p)
        else:
            a, b = held(a, b, dt)
            p = scipy.linalg.solve_discrete_are(a, b, q, r)
            gain = np.linalg.solve(r + b.T @ p @ b, b.T @ p @ a)
    except np.linalg.LinAlgError as error:
        raise ValueError(f"actuate: no feedback through it stabilises this state ({error}); act on more nodes") from error
    gain, base = gain @ kept.T, np.asarray(_command(model, actuator(actuate), command), float)
    return LinearFeedback(gain[0] if base.ndim == 0 else gain, about.state, base, angles)


def held(a: Float[np.ndarray, "d d"], b: Float[np.ndarray, "d m"], dt: float) -> tuple[Float[np.ndarray, "d d"], Float[np.ndarray, "d m"]]:
    """The exact map `x' = A_d x + B_d u` of `dx = (A x + B u) dt` over a step in which u is held."""
    check_number("", "dt", dt, positive, "a positive time between decisions")
    size, commands = b.shape
    whole = scipy.linalg.expm(dt * np.block([[a, b], [np.zeros((commands, size + commands))]]))
    return whole[:size, :size], whole[:size, size:]


def _command(model: Any, actuate: Any, command: Any) -> Any:
    if command is not None:
        check_number("", "command", command, np.isfinite, "finite numbers", shapes=None)
        return command
    shape = getattr(actuate, "shape", None)
    if shape is None:
        raise ValueError("command=None: this actuator has no value of its own; give the command about which to linearise, for example 0.0")
    return rest(actuate, model, jnp.zeros(shape(model)))


def _cost(name: str, value: Any, size: int) -> np.ndarray:
    check_number("", name, value, np.isfinite, f"finite, one number, {size} or {size} by {size}", shapes=((), (size,), (size, size)))
    given = np.asarray(value, float)
    made = given * np.eye(size) if given.ndim < 2 else given
    if not np.allclose(made, made.T) or np.min(np.linalg.eigvalsh(made)) < -1e-12 * np.abs(made).max(initial=1.0):
        raise ValueError(f"{name}={value!r}: it must be symmetric, and no cost negative")
    return made


def _absent(leaf: Any) -> bool:
    return leaf is None


def _floats(leaf: Any) -> bool:
    return np.asarray(leaf).dtype.kind == "f"
