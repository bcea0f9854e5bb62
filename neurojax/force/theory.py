"""Closed forms of single spiking neurons."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from neurojax.force.spiking import LIF, Izhikevich


def lif_rate(current: Any, neuron: LIF | None = None) -> Float[np.ndarray, "*s"]:
    """Firing rate of a LIF neuron under a constant current (beside its bias), in 1 / time: `1 / (refractory + tau ln((I - reset) / (I -
    peak)))` with `I = bias + current`, 0 where I does not exceed the peak. Source: Gerstner et al. 2014.
    """
    neuron = neuron or LIF()
    total = np.asarray(current, float) + neuron.bias
    fires = total > neuron.peak
    ratio = np.where(fires, total - neuron.reset, 1.0) / np.where(fires, total - neuron.peak, 1.0)
    return np.where(fires, 1 / (neuron.refractory + neuron.tau * np.log(np.where(fires, ratio, np.e))), 0.0)


def izhikevich_rheobase(neuron: Izhikevich | None = None) -> float:
    """The constant current, bias included, above which an Izhikevich neuron has no state of rest: `k (threshold - rest + b/k)^2 / 4`.

    At rest u = b (v - rest), and the two solutions for v meet there. Source: Izhikevich 2007, chapter 8.
    """
    neuron = neuron or Izhikevich()
    return float(neuron.k * (neuron.threshold - neuron.rest + neuron.b / neuron.k) ** 2 / 4)
