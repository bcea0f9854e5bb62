"""Attractor memories: what they store and how, their dynamics, dense and modern ones, measures, theory, figures."""

from neurojax.hopfield import patterns as patterns
from neurojax.hopfield.cues import Cue, Flips, GaussianCue, Occlusion, PartialCue, RandomCue
from neurojax.hopfield.dynamics import Asynchronous, Blocks, Glauber, Metropolis, Synchronous, Tanh, Threshold
from neurojax.hopfield.model import GradedHopfield, Hopfield
from neurojax.hopfield.patterns import RandomPatterns
from neurojax.hopfield.recall import RecallState
from neurojax.hopfield.rules import Covariance, Diluted, Dreaming, Hebb, PseudoInverse, Sequence, StorageRule
from neurojax.hopfield.training import Palimpsest, Perceptron, Storkey, Unlearning

__all__ = [
    "Asynchronous",
    "Blocks",
    "Covariance",
    "Cue",
    "Diluted",
    "Dreaming",
    "Flips",
    "GaussianCue",
    "Glauber",
    "GradedHopfield",
    "Hebb",
    "Hopfield",
    "Metropolis",
    "Occlusion",
    "Palimpsest",
    "PartialCue",
    "Perceptron",
    "PseudoInverse",
    "RandomCue",
    "RandomPatterns",
    "RecallState",
    "Sequence",
    "StorageRule",
    "Storkey",
    "Synchronous",
    "Tanh",
    "Threshold",
    "Unlearning",
]
