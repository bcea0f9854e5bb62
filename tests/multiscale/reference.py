"""The equations in plain NumPy, float64, as a loop: what the compiled models are held to."""

import numpy as np

ACTIVATIONS = {"none": lambda s: s, "tanh": np.tanh, "sigmoid": lambda s: 1 / (1 + np.exp(-s)), "relu": lambda s: np.maximum(s, 0)}


def seed_map(s, J, fields, *, beta, u, k, tau_s, tau_J, dt=1.0, activation="none"):
    """s and J after an Euler step for s, then one for J with the new s, for each row of `fields`."""
    s, J = s.copy(), J.copy()
    for h in fields:
        s = s + dt / tau_s * (-s + np.tanh(beta * (J @ s + u * h)))
        g = ACTIVATIONS[activation](s)
        J = J + dt / tau_J * (-J + k * np.outer(g, g))
        np.fill_diagonal(J, 0.0)
    return s, J


def distance(J, k, targets, p):
    """|J/k - H|^2."""
    H = sum(w * np.outer(s, s) for w, s in zip(p, targets, strict=True))
    apart = (J / k - H)[~np.eye(len(J), dtype=bool)]
    return np.mean(apart**2)
