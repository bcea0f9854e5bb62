"""The ground: systems, integrators, random streams, records, the simulation loop. Knows no model."""

from neurojax.engine.integrators import RK4, EulerMaruyama, ExponentialEuler, Heun, Integrator
from neurojax.engine.loop import Checkpoint
from neurojax.engine.lyapunov import Lyapunov, lyapunov_exponent
from neurojax.engine.numerics import sincos, sincos_wrapped, wrap
from neurojax.engine.record import At, Autocorrelation, First, Histogram, Last, Maximum, Mean, Minimum, Record, Spectrum, Trace, Variance
from neurojax.engine.schedule import Phase, Schedule
from neurojax.engine.signals import History, Ramp, Sampled, Signal, Sinusoid, at
from neurojax.engine.simulate import Interrupted, Options, Run, simulate
from neurojax.engine.state import Snapshot, load_state, save_state
from neurojax.engine.system import Clock, Draw, Flow, Step, System, View

__all__ = [
    "RK4",
    "At",
    "Autocorrelation",
    "Checkpoint",
    "Clock",
    "Draw",
    "EulerMaruyama",
    "ExponentialEuler",
    "First",
    "Flow",
    "Heun",
    "Histogram",
    "History",
    "Integrator",
    "Interrupted",
    "Last",
    "Lyapunov",
    "Maximum",
    "Mean",
    "Minimum",
    "Options",
    "Phase",
    "Ramp",
    "Record",
    "Run",
    "Sampled",
    "Schedule",
    "Signal",
    "Sinusoid",
    "Snapshot",
    "Spectrum",
    "Step",
    "System",
    "Trace",
    "Variance",
    "View",
    "at",
    "load_state",
    "lyapunov_exponent",
    "save_state",
    "simulate",
    "sincos",
    "sincos_wrapped",
    "wrap",
]
