"""Rules that change weights."""

from neurojax.learning.delta import LMS, Delta, RewardHebbian
from neurojax.learning.lowrank import LowRank
from neurojax.learning.rls import RLS, Gain
from neurojax.learning.rule import Correction, Occasion, Rule

__all__ = ["LMS", "RLS", "Correction", "Delta", "Gain", "LowRank", "Occasion", "RewardHebbian", "Rule"]
