"""Optimisation through runs: gradients of an objective by a model's parameters."""

from neurojax.tuning.bounds import Bound, Free, Interval, Positive, Simplex, SpectralRadius, Symmetric
from neurojax.tuning.options import Tuned, TuneInterrupted, TuneOptions
from neurojax.tuning.tune import tune

__all__ = [
    "Bound",
    "Free",
    "Interval",
    "Positive",
    "Simplex",
    "SpectralRadius",
    "Symmetric",
    "TuneInterrupted",
    "TuneOptions",
    "Tuned",
    "tune",
]
