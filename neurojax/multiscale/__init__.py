"""Multiscale memory: neurons and Hebbian synapses that evolve together under a stream of patterns."""

from neurojax.multiscale import theory as theory
from neurojax.multiscale.redraws import Periodic, Poisson, RandomPeriod, Redraws

__all__ = ["Periodic", "Poisson", "RandomPeriod", "Redraws"]
