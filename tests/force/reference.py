"""The loop of Sussillo and Abbott's `force_external_feedback_loop.m` in plain NumPy, float64: the oracle."""

from __future__ import annotations

import numpy as np


def four_sines(step, dt, period=120.0, amplitude=1.3 / 1.5):
    """Target at a step; times in units of tau."""
    a = 2 * np.pi * step * dt / period
    return amplitude * (np.sin(a) + np.sin(2 * a) / 2 + np.sin(3 * a) / 6 + np.sin(4 * a) / 3)


def force_loop(weights, feedback, x, train, test, *, alpha=1.0, interval=2, dt=0.1, target=four_sines):
    """Outputs z at the start of every step (train + test,), the readout (n,), and P. `weights` include the gain; x is the start."""
    n = len(x)
    readout, inverse, z = np.zeros(n), np.eye(n) / alpha, 0.0
    shown = np.empty(train + test)
    for step in range(train + test):
        rates = np.tanh(x)
        shown[step] = z
        if step < train and step % interval == 0:
            image = inverse @ rates
            total = 1 + rates @ image
            inverse -= np.outer(image, image / total)
            readout = readout - (z - target(step, dt)) / total * image
        x = x + dt * (-x + weights @ rates + feedback * z)
        z = readout @ np.tanh(x)
    return shown, readout, inverse


def synapse_loop(weights, sources, first, readout_units, feedback, x, train, test, targets, *, alpha=1.0, interval=2, dt=0.1):
    """The same with recurrent synapses that learn, one dense P for each unit: outputs (train + test, outputs) and the recurrent weights.

    weights: (n, n), changed at [first + i, sources[i]] by the error of output i mod outputs. targets: function of the step -> (outputs,).
    """
    weights, count = weights.copy(), len(np.atleast_1d(targets(0)))
    readout, inverse = np.zeros((count, readout_units)), np.eye(readout_units) / alpha
    own = [np.eye(len(row)) / alpha for row in sources]
    z, shown = np.zeros(count), np.empty((train + test, count))
    for step in range(train + test):
        rates = np.tanh(x)
        shown[step] = z
        if step < train and step % interval == 0:
            error = z - targets(step)
            image = inverse @ rates[:readout_units]
            total = 1 + rates[:readout_units] @ image
            inverse -= np.outer(image, image) / total
            readout -= np.outer(error, image) / total
            for i, row in enumerate(sources):
                image = own[i] @ rates[row]
                total = 1 + rates[row] @ image
                own[i] -= np.outer(image, image) / total
                weights[first + i, row] -= error[i % count] * image / total
        x = x + dt * (-x + weights @ rates + feedback @ z)
        z = readout @ np.tanh(x)[:readout_units]
    return shown, weights
