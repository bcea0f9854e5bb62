"""Kuramoto oscillators under control: kept from synchrony by a force on all, and made to follow a wanted order by their coupling."""

from __future__ import annotations

from experiments.study import Study
from experiments.table import Row
from experiments.tuning import desynchrony, tracking


def control(study: Study) -> list[Row]:
    """Both tasks: the reference baselines first, then the learned controllers on seeds that they have not seen."""
    return desynchrony.desynchronise(study) + tracking.track(study)
