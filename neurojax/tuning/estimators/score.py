"""The score-function estimator, for randomness that is discrete."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax.numpy as jnp

from neurojax.engine.record import Mean
from neurojax.engine.record.base import Measure
from neurojax.engine.simulate import DONE
from neurojax.tuning.estimators.base import Estimator, Seen

SCORE = "log probability"


@dataclasses.dataclass(frozen=True)
class _Sum(Mean):
    """Sum of the measure."""

    def finish(self, carry):
        """The sum alone."""
        return carry[0]


@dataclasses.dataclass(frozen=True)
class Score(Estimator):
    """Derivatives of the probability of what a run drew, beside those along its path:

        d E f = E[df/dp] + E[(f - b) d log P/dp],   log P = sum over steps of the measure

    For models that draw units, patterns or events by comparing, where the pathwise derivative is 0. b, the mean of the other seeds, costs
    no bias. Its variance grows with the number of draws: use many seeds.

    Arguments:
        log_probability: a measure of the `View` of a step: the log of the probability of what this step drew, one number, written with
            the model's parameters; what it drew is known from `view.drawn`. `nj.hopfield.measures.log_probability` is that of units in a
            heat bath.

    Source: Glynn 1990; Williams 1992.
    """

    log_probability: Measure
    simulates: ClassVar[bool] = True

    def __post_init__(self):
        if not callable(self.log_probability):
            raise TypeError(
                f"Score(log_probability={self.log_probability!r}): give a measure, for example nj.hopfield.measures.log_probability"
            )

    def check(self, models, settings):
        """No record may have the name that it uses itself."""
        if SCORE in dict(settings["records"]):
            raise ValueError(f"record[{SCORE!r}]: the estimator keeps this one itself; give it another name")

    def observe(self, problem, given, system, words):
        """A seed's run, with the sum of the measure."""
        run = self.run(problem, given, system, words, dict(problem.records) | {SCORE: _Sum(self.log_probability)})
        records = dict(run.records)
        score = jnp.asarray(records.pop(SCORE))
        if score.shape != ():
            raise ValueError(f"Score(log_probability): it gives an array of shape {score.shape}; return one number, the sum over units")
        return Seen(records, score, run.status == DONE)
