"""Grids of parameters and seeds, run as batches of lanes, kept in zarr stores."""

from neurojax.sweep.axes import Axis, latin_hypercube, random_axis, zip_axes
from neurojax.sweep.dataset import load
from neurojax.sweep.devices import use_cpus
from neurojax.sweep.options import SweepOptions
from neurojax.sweep.run import SweepInterrupted, explain, sweep

__all__ = [
    "Axis",
    "SweepInterrupted",
    "SweepOptions",
    "explain",
    "latin_hypercube",
    "load",
    "random_axis",
    "sweep",
    "use_cpus",
    "zip_axes",
]
