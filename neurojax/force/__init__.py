"""Chaotic rate networks and spiking networks that learn: the networks, their targets, their training, what is measured on them."""

from neurojax.force import analysis as analysis
from neurojax.force import measures as measures
from neurojax.force import targets as targets
from neurojax.force import tasks as tasks
from neurojax.force import theory as theory
from neurojax.force.full import FullForce, FullState
from neurojax.force.network import RateNetwork, RateState, feedback_network, internal_network
from neurojax.force.spiking import LIF, Izhikevich, Neuron, SpikingNetwork, SpikingState, SpikingWeights, izhikevich_network
from neurojax.force.trainable import Trainable
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
    "LIF",
    "FixedIndegree",
    "FullForce",
    "FullState",
    "GeneratorAndFeedback",
    "Izhikevich",
    "Lesson",
    "Neuron",
    "OnePerRow",
    "PlasticSynapses",
    "RateNetwork",
    "RateState",
    "RowSparse",
    "SparseGaussian",
    "SpikingNetwork",
    "SpikingState",
    "SpikingWeights",
    "Taught",
    "Trainable",
    "Training",
    "TrainingState",
    "UniformWeights",
    "feedback_network",
    "internal_network",
    "izhikevich_network",
]
