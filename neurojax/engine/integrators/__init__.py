"""Methods that turn a flow and a step into a system."""

from neurojax.engine.integrators.base import Integrated as Integrated
from neurojax.engine.integrators.base import Integrator as Integrator
from neurojax.engine.integrators.euler import EulerMaruyama as EulerMaruyama
from neurojax.engine.integrators.exponential import ExponentialEuler as ExponentialEuler
from neurojax.engine.integrators.heun import Heun as Heun
from neurojax.engine.integrators.rk4 import RK4 as RK4
