"""Methods that turn a flow and a step into a system."""

from neurojax.engine.integrators.base import Integrated, Integrator
from neurojax.engine.integrators.euler import EulerMaruyama
from neurojax.engine.integrators.exponential import ExponentialEuler
from neurojax.engine.integrators.heun import Heun
from neurojax.engine.integrators.rk4 import RK4

__all__ = [
    "RK4",
    "EulerMaruyama",
    "ExponentialEuler",
    "Heun",
    "Integrated",
    "Integrator",
]
