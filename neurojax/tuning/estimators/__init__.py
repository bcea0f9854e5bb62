"""Ways to estimate the gradient of a mean over seeds, side by side."""

from neurojax.tuning.estimators.base import Estimator, Pathwise
from neurojax.tuning.estimators.implicit import Implicit
from neurojax.tuning.estimators.score import Score
from neurojax.tuning.estimators.values import Differences, EvolutionStrategies

__all__ = ["Differences", "Estimator", "EvolutionStrategies", "Implicit", "Pathwise", "Score"]
