"""Rules that change weights."""

from neurojax.learning.lowrank import LowRank
from neurojax.learning.rls import RLS, Gain

__all__ = ["RLS", "Gain", "LowRank"]
