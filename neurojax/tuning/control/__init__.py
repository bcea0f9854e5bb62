"""Controllers in closed loop with a model."""

from neurojax.tuning.control.actuators import Actuator, Force, Parameter
from neurojax.tuning.control.controller import Controller
from neurojax.tuning.control.delayed import DelayedFeedback
from neurojax.tuning.control.linear import Linear, LinearFeedback, held, linearise, lqr
from neurojax.tuning.control.loop import ClosedLoop, Decision, LoopState
from neurojax.tuning.control.measures import command, effort, observation, variation
from neurojax.tuning.control.pid import PID
from neurojax.tuning.control.policy import Policy
from neurojax.tuning.control.rewards import Earned, PolicyGradient, Reinforced, reinforce

__all__ = [
    "PID",
    "Actuator",
    "ClosedLoop",
    "Controller",
    "Decision",
    "DelayedFeedback",
    "Earned",
    "Force",
    "Linear",
    "LinearFeedback",
    "LoopState",
    "Parameter",
    "Policy",
    "PolicyGradient",
    "Reinforced",
    "command",
    "effort",
    "held",
    "linearise",
    "lqr",
    "observation",
    "reinforce",
    "variation",
]
