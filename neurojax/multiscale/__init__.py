"""Multiscale memory: neurons and Hebbian synapses that evolve together under a stream of patterns; measures, theory, follow-up models."""

from neurojax.multiscale import measures as measures
from neurojax.multiscale import theory as theory
from neurojax.multiscale.events import CoefficientMap, EventMap
from neurojax.multiscale.excursions import Excursions
from neurojax.multiscale.frozen import FrozenMemory
from neurojax.multiscale.frozen import retrieval as retrieval
from neurojax.multiscale.model import Multiscale, MultiscaleState
from neurojax.multiscale.patterns import Cyclic, Dirichlet, GaussianPatterns, RademacherPatterns, Repeating, UniformPatterns, Zipf
from neurojax.multiscale.redraws import Periodic, Poisson, RandomPeriod, Redraws
from neurojax.multiscale.sequences import PatternMatrix
from neurojax.multiscale.settling import stationarity as stationarity
from neurojax.multiscale.stream import Stream

__all__ = [
    "CoefficientMap",
    "Cyclic",
    "Dirichlet",
    "EventMap",
    "Excursions",
    "FrozenMemory",
    "GaussianPatterns",
    "Multiscale",
    "MultiscaleState",
    "PatternMatrix",
    "Periodic",
    "Poisson",
    "RademacherPatterns",
    "RandomPeriod",
    "Redraws",
    "Repeating",
    "Stream",
    "UniformPatterns",
    "Zipf",
]
