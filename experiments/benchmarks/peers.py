"""Other people's programs, through their own public calls."""

from __future__ import annotations

import importlib
import math
from typing import Any

import numpy as np

from experiments.benchmarks.case import BLOCK, DT, SIGMA, Case, Run, few_steps


def kuramoto(case: Case) -> Run:
    """`kuramoto.Kuramoto.run`: LSODA over the matrix of phase differences, one lane, no noise."""
    # By name: a type checker would take it for the study of the same name.
    peer = importlib.import_module("kuramoto").Kuramoto

    frequencies, phases = case.start()
    everyone = np.ones((case.n, case.n))

    def run(steps: int) -> float:
        # Its outputs are linspace(0, T, int(T / dt)), one more than there are intervals; the half guards the rounding.
        span: Any = steps * DT
        model = peer(coupling=case.couplings[0], dt=span / (steps + 1.5), T=span, natfreqs=frequencies)
        angles = model.run(adj_mat=everyone, angles_vec=phases[0])
        return float(np.abs(np.exp(1j * angles).mean(axis=0)).mean())

    return run


def jaxkuramoto(case: Case) -> Run:
    """`jaxkuramoto.odeint` as its documentation calls it: Euler, one lane, no noise; it traces anew at each call."""
    import jax.numpy as jnp
    from jaxkuramoto import Kuramoto, odeint
    from jaxkuramoto.solver import euler

    frequencies, phases = (jnp.asarray(values, jnp.float32) for values in case.start())
    model: Any = Kuramoto(frequencies, float(case.couplings[0]))

    def run(steps: int) -> float:
        solution = odeint(model.vector_fn, euler, 0.0, steps * DT, DT, phases[0], observable_fn=model.orderparameter)
        return float(solution.observables.mean())

    return run


def jaxkuramoto_batched(case: Case) -> Run:
    """The same, vmapped over lanes and jitted once, which its user can do by hand."""
    import jax
    import jax.numpy as jnp
    from jaxkuramoto import Kuramoto, odeint
    from jaxkuramoto.solver import euler

    frequencies, phases = (jnp.asarray(values, jnp.float32) for values in case.start())
    couplings = jnp.asarray(case.couplings, jnp.float32)

    @jax.jit
    @jax.vmap
    def advance(coupling, theta):
        model: Any = Kuramoto(frequencies, coupling)
        solution = odeint(model.vector_fn, euler, 0.0, BLOCK * DT, DT, theta, observable_fn=model.orderparameter)
        return solution.final_state, solution.observables.mean()

    def run(steps: int) -> float:
        theta, total, blocks = phases, 0.0, steps // BLOCK
        for _ in range(blocks):
            theta, r = advance(couplings, theta)
            total += float(r.mean())
        return total / blocks

    return run


def brainmass(case: Case) -> Run:
    """`brainmass.KuramotoNetwork` in a compiled loop, one lane, no noise (its noise enters the drift and is scaled by dt)."""
    import brainmass
    import brainstate
    import brainunit
    import jax.numpy as jnp

    frequencies, phases = (jnp.asarray(values, jnp.float32) for values in case.start())
    step_length: Any = DT * brainunit.ms
    brainstate.environ.set(dt=step_length)
    model = brainmass.KuramotoNetwork(case.n, omega=frequencies, K=float(case.couplings[0]))
    brainstate.nn.init_all_states(model)
    length = few_steps(case.n)

    def advance():
        def step(_):
            theta = model.update()
            return jnp.abs(jnp.exp(1j * theta).mean())

        return brainstate.transform.for_loop(step, jnp.arange(length)).mean()

    compiled: Any = brainstate.transform.jit(advance)

    def run(steps: int) -> float:
        model.theta.value = phases[0]
        blocks = steps // length
        return sum(float(compiled()) for _ in range(blocks)) / blocks

    return run


def numba(case: Case) -> Run:
    """A compiled loop over lanes on every core, float32, `math.sin`, `math.cos` and `np.random.normal`."""
    from numba import njit, prange

    frequencies, phases = (np.asarray(values, np.float32) for values in case.start())
    couplings = case.couplings.astype(np.float32)
    dt, scale, turn = np.float32(DT), np.float32(SIGMA * math.sqrt(DT)), np.float32(2 * math.pi)
    noise = case.noise

    @njit(parallel=True, fastmath=True)
    def advance(theta, frequencies, couplings, steps):
        lanes, n = theta.shape
        order = np.zeros(lanes)
        for lane in prange(lanes):
            sine, cosine = np.empty(n, np.float32), np.empty(n, np.float32)
            for _ in range(steps):
                s, c = np.float32(0), np.float32(0)
                for i in range(n):
                    sine[i], cosine[i] = math.sin(theta[lane, i]), math.cos(theta[lane, i])
                    s += sine[i]
                    c += cosine[i]
                s, c = s / np.float32(n), c / np.float32(n)
                for i in range(n):
                    new = theta[lane, i] + dt * (frequencies[i] + couplings[lane] * (s * cosine[i] - c * sine[i]))
                    if noise:
                        new += scale * np.float32(np.random.normal())  # noqa: NPY002 (numba knows no Generator in parallel loops)
                    theta[lane, i] = new - turn * np.floor(new / turn)
                order[lane] += math.sqrt(s * s + c * c)
        return order / steps

    return lambda steps: float(advance(phases.copy(), frequencies, couplings, steps).mean())
