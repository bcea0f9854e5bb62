"""Forces that a controller puts on phase oscillators."""

from __future__ import annotations

from jaxtyping import Float

from neurojax.engine.numerics import sincos_wrapped
from neurojax.engine.types import Arrays
from neurojax.kuramoto.model import PhaseState


def common_force(state: PhaseState, command: Float[Arrays, "*u"]) -> PhaseState:
    """A force on oscillators whose sensitivity is the cosine of the phase: `dtheta_i = [... + u cos theta_i] dt`.

    command: u (rad/time), one number for all, or one for each oscillator (pinning, where most are 0). With `u = -2 G Im z` and
    frequencies far above G, averaging leaves the mean field a coupling K - G. Source: Rosenblum and Pikovsky 2004 (feedback of the mean
    field); the average is over a turn.
    """
    return PhaseState(command * sincos_wrapped(state.theta)[1], None)
