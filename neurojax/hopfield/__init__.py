"""Attractor memories: what they store and how, their dynamics, dense and modern ones, measures, theory, figures."""

from neurojax.hopfield import measures as measures
from neurojax.hopfield import patterns as patterns
from neurojax.hopfield import theory as theory
from neurojax.hopfield.build import memory as memory
from neurojax.hopfield.cues import Cue, Flips, GaussianCue, Occlusion, PartialCue, RandomCue
from neurojax.hopfield.dense import Exponential, ModernHopfield, Polynomial, SpherePatterns
from neurojax.hopfield.dynamics import Asynchronous, Blocks, Glauber, Metropolis, Synchronous, Tanh, Threshold
from neurojax.hopfield.exhaustive import Basins, all_basins
from neurojax.hopfield.files import read_patterns as read_patterns
from neurojax.hopfield.model import GradedHopfield, Hopfield
from neurojax.hopfield.patterns import RandomPatterns
from neurojax.hopfield.recall import RecallState
from neurojax.hopfield.report import report as report
from neurojax.hopfield.rules import Covariance, Diluted, Dreaming, Hebb, PseudoInverse, Sequence, StorageRule
from neurojax.hopfield.training import Palimpsest, Perceptron, Storkey, Unlearning

__all__ = [
    "Asynchronous",
    "Basins",
    "Blocks",
    "Covariance",
    "Cue",
    "Diluted",
    "Dreaming",
    "Exponential",
    "Flips",
    "GaussianCue",
    "Glauber",
    "GradedHopfield",
    "Hebb",
    "Hopfield",
    "Metropolis",
    "ModernHopfield",
    "Occlusion",
    "Palimpsest",
    "PartialCue",
    "Perceptron",
    "Polynomial",
    "PseudoInverse",
    "RandomCue",
    "RandomPatterns",
    "RecallState",
    "Sequence",
    "SpherePatterns",
    "StorageRule",
    "Storkey",
    "Synchronous",
    "Tanh",
    "Threshold",
    "Unlearning",
    "all_basins",
]
