"""Rules that change weights."""

from neurojax.learning.delta import LMS, DeltaRule, RewardHebbian
from neurojax.learning.lowrank import LowRank, SymmetricLowRank
from neurojax.learning.rls import RLS, Gain
from neurojax.learning.rule import Correction, Occasion, Rule

__all__ = ["LMS", "RLS", "Correction", "DeltaRule", "Gain", "LowRank", "Occasion", "RewardHebbian", "Rule", "SymmetricLowRank"]
