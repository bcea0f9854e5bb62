"""Chaotic rate networks that learn: the networks, their targets, their training, what is measured on them."""

from neurojax.force import analysis as analysis
from neurojax.force import measures as measures
from neurojax.force import targets as targets
from neurojax.force import tasks as tasks
from neurojax.force.network import RateNetwork, RateState, feedback_network, internal_network
from neurojax.force.training import Lesson, Taught, Training, TrainingState
from neurojax.force.weights import (
    FixedIndegree,
    GeneratorAndFeedback,
    OnePerRow,
    PlasticSynapses,
    RowSparse,
    SparseGaussian,
    UniformWeights,
)

__all__ = [
    "FixedIndegree",
    "GeneratorAndFeedback",
    "Lesson",
    "OnePerRow",
    "PlasticSynapses",
    "RateNetwork",
    "RateState",
    "RowSparse",
    "SparseGaussian",
    "Taught",
    "Training",
    "TrainingState",
    "UniformWeights",
    "feedback_network",
    "internal_network",
]
