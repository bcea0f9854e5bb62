"""The largest Lyapunov exponent, where it is known."""

import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj

DOUBLE = nj.Options(dtype="float64")


class Logistic(nj.System):
    """`x <- 4 x (1 - x)`, with a count beside it."""

    def init(self, key):
        return jnp.asarray(0.3), jnp.asarray(0)

    def step(self, state, clock, drawn):
        x, count = state
        return 4 * x * (1 - x), count + 1


class Linear(nj.Flow):
    """`dx = A x`, noisy or not."""

    matrix: np.ndarray
    noise: float | None = None

    def init(self, key):
        return jnp.ones(len(self.matrix))

    def drift(self, state, clock):
        return self.matrix @ state

    def diffusion(self, state, clock):
        return None if self.noise is None else self.noise * jnp.ones_like(state)


class Lorenz(nj.Flow):
    def init(self, key):
        return jnp.array([1.0, 1.0, 20.0])

    def drift(self, state, clock):
        x, y, z = state
        return jnp.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])


def exponent(system, steps, dt, warmup, **options):
    record = {"l": nj.Mean(nj.lyapunov_exponent, warmup=warmup)}
    return float(nj.simulate(nj.Lyapunov(system, **options), steps=steps, dt=dt, record=record, options=DOUBLE).records["l"])


def test_the_logistic_map():
    """log 2 a step, exactly known; 100,000 steps leave 1e-3."""
    assert exponent(Logistic(), 100_000, 1.0, 100.0) == pytest.approx(np.log(2), abs=1e-3)


@pytest.mark.parametrize("noise", [None, 0.5])
def test_a_linear_flow(noise):
    """log(1 + dt a) / dt of Euler's method for the largest eigenvalue a = -0.1, whatever the noise, which both share; 1e-9."""
    matrix = np.array([[-0.1, 0.3], [0.0, -1.0]])
    assert exponent(Linear(matrix, noise), 3000, 0.05, 50.0) == pytest.approx(np.log(1 - 0.005) / 0.05, abs=1e-9)


def test_the_lorenz_attractor():
    """0.9056 per unit of time (Sprott 2003, table A.5); 800 units of time scatter by 0.01."""
    assert exponent(Lorenz(), 80_000, 0.01, 20.0, method=nj.RK4()) == pytest.approx(0.9056, abs=0.02)
