"""Multiscale memory: neurons and Hebbian synapses that evolve together under a stream of patterns; measures, theory, follow-up models."""

from neurojax.multiscale import measures as measures
from neurojax.multiscale import theory as theory
from neurojax.multiscale.events import CoefficientMap, EventMap
from neurojax.multiscale.model import Multiscale, MultiscaleState
from neurojax.multiscale.patterns import Cyclic, Dirichlet, GaussianPatterns, RademacherPatterns, Repeating, UniformPatterns, Zipf
from neurojax.multiscale.redraws import Periodic, Poisson, RandomPeriod, Redraws
from neurojax.multiscale.stream import Stream

__all__ = [
    "CoefficientMap",
    "Cyclic",
    "Dirichlet",
    "EventMap",
    "GaussianPatterns",
    "Multiscale",
    "MultiscaleState",
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
