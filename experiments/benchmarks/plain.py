"""What one writes first: the notebook's NumPy loop, and a vmapped scan in plain JAX."""

from __future__ import annotations

import numpy as np

from experiments.benchmarks.case import BLOCK, DT, SIGMA, Case, Run


def notebook(case: Case) -> Run:
    """A loop over steps that builds the n x n matrix of phase differences, one lane, float64; the coupling attracts."""
    frequencies, phases = case.start()
    coupling, rng = case.couplings[0], np.random.default_rng(0)

    def run(steps: int) -> float:
        theta, total = phases[0].copy(), 0.0
        for _ in range(steps):
            total += abs(np.exp(1j * theta).mean())
            pull = coupling / case.n * np.sin(np.subtract.outer(theta, theta)).sum(axis=0)
            theta = theta + DT * (frequencies + pull)
            if case.noise:
                theta = theta + np.sqrt(DT) * rng.normal(0, SIGMA, case.n)
            theta = theta % (2 * np.pi)
        return total / steps

    return run


def plain_jax(case: Case) -> Run:
    """The mean-field sums with `jnp.sin`, `jnp.cos`, `jnp.mod` and `jax.random.normal`, scanned, vmapped, jitted once."""
    import jax
    import jax.numpy as jnp

    frequencies, phases = (jnp.asarray(values, jnp.float32) for values in case.start())
    couplings = jnp.asarray(case.couplings, jnp.float32)

    def step(coupling, carry, _):
        theta, key = carry
        sine, cosine = jnp.sin(theta), jnp.cos(theta)
        s, c = sine.mean(), cosine.mean()
        new = theta + DT * (frequencies + coupling * (s * cosine - c * sine))
        if case.noise:
            key, own = jax.random.split(key)
            new = new + SIGMA * DT**0.5 * jax.random.normal(own, theta.shape)
        return (jnp.mod(new, 2 * jnp.pi), key), jnp.sqrt(s * s + c * c)

    @jax.jit
    @jax.vmap
    def advance(coupling, theta, key):
        (theta, key), r = jax.lax.scan(lambda carry, x: step(coupling, carry, x), (theta, key), length=BLOCK)
        return theta, key, r.mean()

    def run(steps: int) -> float:
        theta, key, total = phases, jax.random.split(jax.random.key(0), case.lanes), 0.0
        blocks = steps // BLOCK
        for _ in range(blocks):
            theta, key, r = advance(couplings, theta, key)
            total += float(r.mean())
        return total / blocks

    return run
