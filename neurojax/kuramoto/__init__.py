"""Kuramoto oscillators: the model, what is measured on it, its theory, its figures."""

from neurojax.kuramoto import theory as theory  # reached as nj.kuramoto.theory: other families have theirs
from neurojax.kuramoto.forces import common_force
from neurojax.kuramoto.frequencies import Bimodal, Delta, Frequencies, Lorentzian, Normal, Uniform
from neurojax.kuramoto.frequencies import Given as GivenFrequencies
from neurojax.kuramoto.measures import (
    Synchronised,
    coherence,
    daido_order,
    effective_frequency,
    frequency_spread,
    group_order,
    local_order,
    locked_fraction,
    mean_field,
    mean_phase,
    metastability,
    order_parameter,
    phase_difference_variance,
    phase_locking_value,
    phase_vectors,
    phases,
    squared_order,
    unwrapped,
)
from neurojax.kuramoto.model import Kuramoto, NoiseProfile, OrderNoise, PhaseNoise, PhaseState
from neurojax.kuramoto.phases import Cluster, GivenPhases, Twisted, UniformPhases, WrappedCauchy

__all__ = [
    "Bimodal",
    "Cluster",
    "Delta",
    "Frequencies",
    "GivenFrequencies",
    "GivenPhases",
    "Kuramoto",
    "Lorentzian",
    "NoiseProfile",
    "Normal",
    "OrderNoise",
    "PhaseNoise",
    "PhaseState",
    "Synchronised",
    "Twisted",
    "Uniform",
    "UniformPhases",
    "WrappedCauchy",
    "coherence",
    "common_force",
    "daido_order",
    "effective_frequency",
    "frequency_spread",
    "group_order",
    "local_order",
    "locked_fraction",
    "mean_field",
    "mean_phase",
    "metastability",
    "order_parameter",
    "phase_difference_variance",
    "phase_locking_value",
    "phase_vectors",
    "phases",
    "squared_order",
    "unwrapped",
]
