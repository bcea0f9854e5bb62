"""What can be learned of a trained network on the host: its dimensions, its spectrum, how long it took."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Complex, Float

from neurojax.engine.checks import check_count
from neurojax.engine.types import Arrays
from neurojax.force.network import RateNetwork


class Components(NamedTuple):
    """Principal components: directions (n, n) in columns, variances (n,) from the largest down, and the mean rates (n,)."""

    directions: Float[np.ndarray, "n n"]
    variances: Float[np.ndarray, " n"]
    mean: Float[np.ndarray, " n"]

    def projected(self, rates: Float[Arrays, "samples n"], count: int) -> Float[np.ndarray, "samples count"]:
        """The rates along the first directions, about the mean."""
        return (np.asarray(rates, float) - self.mean) @ self.directions[:, :count]

    @property
    def participation_ratio(self) -> float:
        """`(sum variances)^2 / sum variances^2`: how many directions the activity fills."""
        return float(self.variances.sum() ** 2 / (self.variances**2).sum())

    def needed(self, share: float) -> int:
        """How many directions hold this share of the variance."""
        return int(np.searchsorted(np.cumsum(self.variances) / self.variances.sum(), share) + 1)


def principal_components(rates: Float[Arrays, "samples n"]) -> Components:
    """Of the rates of a run. Source: Sussillo and Abbott 2009, figure 3."""
    rates = np.asarray(rates, float)
    if rates.ndim != 2 or len(rates) < 2:
        raise ValueError(f"rates have shape {rates.shape}: give (samples, units), two samples at least")
    mean = rates.mean(axis=0)
    variances, directions = np.linalg.eigh((rates - mean).T @ (rates - mean) / len(rates))
    return Components(directions[:, ::-1], np.maximum(variances[::-1], 0.0), mean)


def spectrum(network: RateNetwork) -> Complex[np.ndarray, " n"]:
    """Eigenvalues of `g J + (learned) + g_z J_z w`, the weights of a realised network with its feedback loop closed, at r = x.

    Undistorted and undelayed feedback. Source: Sussillo and Abbott 2009, supplementary figure 2.
    """
    if not isinstance(network, RateNetwork):
        raise TypeError(f"spectrum({type(network).__name__}): give a RateNetwork")
    if network.lag or network.distortion is not None:
        raise ValueError(f"RateNetwork(lag={network.lag}, distortion={network.distortion!r}): the feedback must be at once and undistorted")
    if hasattr(network.recurrent, "draw") or hasattr(network.feedback_weights, "draw") or not np.ndim(network.readout):
        raise ValueError("RateNetwork(recurrent): weights that are not drawn yet; take run.system, or run.system.trained(...)")
    whole = np.asarray(network.gain, float) * np.asarray(network.recurrent, float)
    if network.feedback is not None:
        readout = np.zeros((network.outputs, network.n))
        readout[:, : np.shape(network.readout)[1]] = network.readout
        whole = whole + np.asarray(network.feedback, float) * np.asarray(network.feedback_weights, float) @ readout
    if network.synapses is not None:
        own = network.synapses
        rows = own.first + np.arange(own.units)[:, None]
        np.add.at(whole, (rows, np.broadcast_to(own.sources, (own.units, own.fan_in))), np.asarray(own.weights, float))
    return np.linalg.eigvals(whole)


def cycles_to_train(errors: Float[Arrays, "*lanes samples"], period: int, threshold: float = 0.01) -> Float[np.ndarray, "*lanes"]:
    """The first period, counted from 1, whose mean error while training is below `threshold`; infinite where none is.

    errors: |z - f| at every step of training. period: in steps. Source: Sussillo and Abbott 2009, figure 5.
    """
    errors = np.asarray(errors, float)
    check_count("", "period", period, "steps of a period, a whole number of at least 1")
    count = errors.shape[-1] // period
    if count < 1:
        raise ValueError(f"period={period}: there are {errors.shape[-1]} samples; give one whole period at least")
    means = errors[..., : count * period].reshape(*errors.shape[:-1], count, period).mean(axis=-1)
    return np.where((means < threshold).any(axis=-1), np.argmax(means < threshold, axis=-1) + 1.0, np.inf)
