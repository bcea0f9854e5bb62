"""Rules that change weights, and the forms in which weights are kept."""

from neurojax.learning.delta import LMS, DeltaRule, RewardHebbian
from neurojax.learning.hebbian import Couplings, Factors, Matrix
from neurojax.learning.lowrank import Fading, LowRank, Root, SymmetricLowRank
from neurojax.learning.ridge import ridge
from neurojax.learning.rls import RLS, Gain, Health
from neurojax.learning.rule import Correction, Occasion, Rule

__all__ = [
    "LMS",
    "RLS",
    "Correction",
    "Couplings",
    "DeltaRule",
    "Factors",
    "Fading",
    "Gain",
    "Health",
    "LowRank",
    "Matrix",
    "Occasion",
    "RewardHebbian",
    "Root",
    "Rule",
    "SymmetricLowRank",
    "ridge",
]
