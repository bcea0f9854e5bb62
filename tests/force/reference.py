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


def rls(inverse, rates):
    """P after an update with these rates, and P r with that P."""
    image = inverse @ rates
    inverse = inverse - np.outer(image, image) / (1 + rates @ image)
    return inverse, inverse @ rates


def leaky(v, since, current, dt, *, tau=10.0, refractory=2.0, reset=-65.0, peak=-40.0, bias=-40.0):
    """A step of leaky integrate-and-fire neurons; `since`: steps since the last spike of each. Returns v, since, and who spikes."""
    v = np.where(since > round(refractory / dt), v + dt * (-v + bias + current) / tau, v)
    spikes = v >= peak
    return np.where(spikes, reset, v), np.where(spikes, 1, since + 1), spikes


def izhikevich(v, u, current, dt):
    """A step of Izhikevich neurons with the constants of Nicola and Clopath's program: v, u, and who spikes."""
    threshold = -60 + 40 + 2 / 2.5
    slope = (2.5 * (v + 60) * (v - threshold) - u + 1000 + current) / 250
    v, u = v + dt * slope, u + dt * 0.01 * (-2 * (v + 60) - u)
    spikes = v >= 30
    return np.where(spikes, -65.0, v), np.where(spikes, u + 200, u), spikes


def spiking_loop(neuron, first, second, weights, feedback, steps, learned, *, alpha, interval, dt, target, rise=2.0, decay=20.0):
    """Outputs z at the start of every step (steps,), spike counts (n,), and the readout (n,); learning until step `learned`.

    neuron: a function (v, second, current, dt) -> (v, second, spikes). weights and feedback include G and Q.
    """
    n, v = len(first), first
    current, h, r, hr, readout = np.zeros((5, n))
    inverse, z, counts, shown = np.eye(n) / alpha, 0.0, np.zeros(n, int), np.empty(steps)
    for step in range(steps):
        shown[step] = z
        if step < learned and step % interval == 0:
            inverse, gain = rls(inverse, r)
            readout = readout - (z - target(step * dt)) * gain
        v, second, spikes = neuron(v, second, current + feedback * z, dt)
        current, r = current * np.exp(-dt / rise) + h * dt, r * np.exp(-dt / rise) + hr * dt
        h = h * np.exp(-dt / decay) + weights[:, spikes].sum(axis=1) / (rise * decay)
        hr = hr * np.exp(-dt / decay) + spikes / (rise * decay)
        z, counts = readout @ r, counts + spikes
    return shown, counts, readout


def full_force_loop(weights, target_weights, hint_weights, x, driven, train, test, target, hint, *, alpha=1.0, interval=2, dt=0.1):
    """Outputs (train + test,), the learned recurrent weights (n, n) and readout (n,); times in units of tau. weights include the gain."""
    n = len(x)
    recurrent, readout, inverse, shown = np.zeros((n, n)), np.zeros(n), np.eye(n) / alpha, np.empty(train + test)
    for step in range(train + test):
        rates, f, h = np.tanh(x), target(step), hint(step)
        pull = weights @ np.tanh(driven) + target_weights * f + hint_weights @ h
        shown[step] = readout @ rates
        if step < train and step % interval == 0:
            inverse, gain = rls(inverse, rates)
            recurrent, readout = recurrent - np.outer(recurrent @ rates - pull, gain), readout - (readout @ rates - f) * gain
        x, driven = x + dt * (-x + recurrent @ rates), driven + dt * (-driven + pull)
    return shown, recurrent, readout
