"""Rules that change weights, and the forms in which weights are kept."""

from neurojax.learning.delta import LMS, DeltaRule, RewardHebbian
from neurojax.learning.hebbian import Couplings, Factors, Matrix
from neurojax.learning.lowrank import Fading, LowRank, SymmetricLowRank
from neurojax.learning.ridge import ridge
from neurojax.learning.rls import RLS, Gain
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
    "LowRank",
    "Matrix",
    "Occasion",
    "RewardHebbian",
    "Rule",
    "SymmetricLowRank",
    "ridge",
]
