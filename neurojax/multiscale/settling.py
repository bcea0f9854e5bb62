"""Whether a series has settled: the augmented Dickey-Fuller test, in windows. Needs statsmodels."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from neurojax.engine.types import Arrays


class Stationarity(NamedTuple):
    """ends (windows,): index after the last sample of each window. pvalues (windows,): of the hypothesis that there is a unit root in it.
    settled: from which sample on every window has rejected it, None if the last has not.
    """

    ends: np.ndarray
    pvalues: Float[np.ndarray, " windows"]
    settled: int | None


def stationarity(
    series: Float[Arrays, " samples"], *, window: int = 600, every: int = 100, significance: float = 0.01, regression: str = "c"
) -> Stationarity:
    """Rolling augmented Dickey-Fuller test (lags by AIC): from when on a series, such as a trace of D, is stationary.

    A window says something only if it is many correlation times long (`theory.autocorrelation_time`): a slow stationary series looks like
    a random walk in a short one.

    Arguments:
        series: (samples,). window: samples in each test, >= 20. every: samples from window to window. significance: in (0, 1).
        regression: "c" for a constant mean, "ct" for a trend, as statsmodels has it.

    Errors: ImportError that says what to install; ValueError naming the argument. Source: Said and Dickey 1984.
    """
    values = np.asarray(series, float)
    if values.ndim != 1 or not np.all(np.isfinite(values)):
        raise ValueError(f"stationarity(series of shape {values.shape}): give finite samples along one axis")
    if not 20 <= window <= len(values):
        raise ValueError(f"stationarity(window={window}): 20 to the {len(values)} samples that there are")
    if every < 1:
        raise ValueError(f"stationarity(every={every}): samples from window to window, at least 1")
    if not 0 < significance < 1:
        raise ValueError(f"stationarity(significance={significance}): a probability between 0 and 1, for example 0.01")
    try:
        from statsmodels.tsa.stattools import adfuller
    except ImportError as error:
        raise ImportError("stationarity needs statsmodels: install it with `pip install 'neurojax[stationarity]'`") from error
    ends = np.arange(window, len(values) + 1, every)
    windows = (values[end - window : end] for end in ends)
    pvalues = np.asarray([1.0 if np.ptp(one) == 0 else _pvalue(adfuller, one, regression) for one in windows])
    rejected: Bool[np.ndarray, " windows"] = pvalues < significance
    if not rejected[-1]:
        return Stationarity(ends, pvalues, None)
    first = 0 if rejected.all() else int(np.flatnonzero(~rejected)[-1]) + 1
    return Stationarity(ends, pvalues, int(ends[first] - window))


def _pvalue(adfuller: Callable[..., Any], window: np.ndarray, regression: str) -> float:
    # From 0.15 on statsmodels asks which kind of result is meant.
    new = {"result_object": False} if "result_object" in inspect.signature(adfuller).parameters else {}
    return float(adfuller(window, regression=regression, autolag="AIC", **new)[1])
