"""Chaotic rate networks that learn: the networks, their targets, their training, what is measured on them."""

from neurojax.force import measures as measures
from neurojax.force import targets as targets
from neurojax.force.network import OnePerRow, RateNetwork, RateState, SparseGaussian, UniformWeights
from neurojax.force.training import Lesson, Training, TrainingState

__all__ = ["Lesson", "OnePerRow", "RateNetwork", "RateState", "SparseGaussian", "Training", "TrainingState", "UniformWeights"]
