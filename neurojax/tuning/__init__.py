"""Optimisation through runs: gradients of an objective by a model's parameters."""

from neurojax.tuning import control as control  # reached as nj.control
from neurojax.tuning.bounds import Bound, Free, Interval, Positive, Simplex, SpectralRadius, Symmetric
from neurojax.tuning.estimators import Differences, Estimator, EvolutionStrategies, Implicit, Pathwise, Score
from neurojax.tuning.gradient import Gradient, gradient
from neurojax.tuning.horizon import Horizon, gradient_horizon
from neurojax.tuning.options import Tuned, TuneInterrupted, TuneOptions
from neurojax.tuning.search import Searched, search
from neurojax.tuning.tune import tune

__all__ = [
    "Bound",
    "Differences",
    "Estimator",
    "EvolutionStrategies",
    "Free",
    "Gradient",
    "Horizon",
    "Implicit",
    "Interval",
    "Pathwise",
    "Positive",
    "Score",
    "Searched",
    "Simplex",
    "SpectralRadius",
    "Symmetric",
    "TuneInterrupted",
    "TuneOptions",
    "Tuned",
    "control",
    "gradient",
    "gradient_horizon",
    "search",
    "tune",
]
