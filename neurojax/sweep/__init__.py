"""Grids of parameters and seeds, run as batches of lanes, kept in zarr stores."""

from neurojax.sweep.axes import Axis, latin_hypercube, random_axis, zip_axes
from neurojax.sweep.dataset import load
from neurojax.sweep.devices import use_cpus
from neurojax.sweep.export import export
from neurojax.sweep.options import SweepOptions
from neurojax.sweep.replay import Replay, replay
from neurojax.sweep.run import SweepFailed, SweepInterrupted, explain, resume, sweep
from neurojax.sweep.store import StoreError

__all__ = [
    "Axis",
    "Replay",
    "StoreError",
    "SweepFailed",
    "SweepInterrupted",
    "SweepOptions",
    "explain",
    "export",
    "latin_hypercube",
    "load",
    "random_axis",
    "replay",
    "resume",
    "sweep",
    "use_cpus",
    "zip_axes",
]
