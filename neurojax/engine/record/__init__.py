"""What a run keeps."""

from neurojax.engine.record.base import Measure, Record
from neurojax.engine.record.moments import First, Histogram, Last, Maximum, Mean, Minimum, Variance
from neurojax.engine.record.series import At, Autocorrelation, Spectrum, Trace

__all__ = [
    "At",
    "Autocorrelation",
    "First",
    "Histogram",
    "Last",
    "Maximum",
    "Mean",
    "Measure",
    "Minimum",
    "Record",
    "Spectrum",
    "Trace",
    "Variance",
]
