"""LQR: textbook gains, SciPy, stable loops, a locked state that is none without it."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

import neurojax as nj
from tests.tuning.control.plants import FLOAT64, Cart, Tank, level, push

C = nj.control


def test_the_cart_has_the_textbooks_gain():
    """x'' = u, Q = 1, R = 1: K = (1, sqrt 3), closed form of the continuous Riccati equation, 1e-12; poles (-sqrt 3 +- i) / 2."""
    feedback = C.lqr(Cart(), np.zeros(2), C.Force(push), command=0.0)
    assert feedback.gain == pytest.approx([1.0, np.sqrt(3.0)], abs=1e-12)
    about = C.linearise(Cart(), np.zeros(2), C.Force(push), 0.0)
    assert about.a == pytest.approx(np.array([[0, 1], [0, 0]]))
    poles = np.linalg.eigvals(about.a - about.b @ feedback.gain[None])
    assert np.sort(poles.imag) == pytest.approx([-0.5, 0.5])
    assert poles.real == pytest.approx(-np.sqrt(3.0) / 2)


def test_the_cost_of_a_run_is_the_riccati_matrix():
    """From (1, 0) the cost is x' P x = P_00 = sqrt 3: a run of 15 time units, dt = 0.01 held, discrete gain, within 1e-3."""
    feedback = C.lqr(Cart(), np.zeros(2), C.Force(push), command=0.0, dt=0.01)
    loop = C.ClosedLoop(Cart(), feedback, level, C.Force(push), method=nj.RK4())

    def cost(view):
        return jnp.sum(view.state.model**2) + nj.control.effort(view)

    run = nj.simulate(loop, duration=15.0, dt=0.01, record={"cost": nj.Mean(cost)}, options=FLOAT64)
    # The left ends of the sum count dt / 2 x_0^2 too much; the command is held, so its own are exact.
    assert run.records["cost"] * 15.0 - 0.005 == pytest.approx(np.sqrt(3.0), abs=1e-3)


def test_a_held_command_takes_the_discrete_equation():
    """A scalar plant: a = e^{-dt/2}, b = 2 (1 - a); p from the quadratic b^2 p^2 + (r - r a^2 - q b^2) p - q r = 0, 1e-12."""
    dt, q, r = 0.3, 2.0, 0.7
    feedback = C.lqr(Tank(), np.array(0.0), "push", dt=dt, state_cost=q, command_cost=r)
    a, b = np.exp(-dt / 2), 2 * (1 - np.exp(-dt / 2))
    half = (r - r * a**2 - q * b**2) / (2 * b**2)
    p = -half + np.sqrt(half**2 + q * r / b**2)
    assert feedback.gain == pytest.approx([a * b * p / (r + b**2 * p)], abs=1e-12)
    made_a, made_b = C.held(np.array([[-0.5]]), np.array([[1.0]]), dt)
    assert (made_a.item(), made_b.item()) == pytest.approx((a, b), abs=1e-14)


RING = nj.Kuramoto(
    6,
    coupling=1.0,
    frequencies=np.full(6, 0.3),
    graph=nj.Dense(np.roll(np.eye(6), 1, 0) + np.roll(np.eye(6), -1, 0)),
    initial=nj.Twisted(2),
    windings=False,
)
PINNED = C.Parameter("frequencies", nodes=(0, 1, 3), add=True)


def twisted():
    run = nj.simulate(RING, steps=0, dt=0.05, options=FLOAT64)
    return run.system, run.final_state.state


def test_the_gain_around_a_locked_state_is_scipys():
    """The 2-twisted state of a ring of 6, unstable (Wiley, Strogatz and Girvan 2006), its common phase projected out by hand."""
    model, state = twisted()
    feedback = C.lqr(model, state, PINNED, angles=True)
    theta = np.asarray(state.theta, float)
    weights = np.roll(np.eye(6), 1, 0) + np.roll(np.eye(6), -1, 0)
    jacobian = weights * np.cos(theta[None] - theta[:, None])
    jacobian -= np.diag(jacobian.sum(axis=1))
    basis = np.linalg.qr(np.eye(6) - 1 / 6)[0][:, :5]
    a, b = basis.T @ jacobian @ basis, basis.T @ np.eye(6)[:, [0, 1, 3]]
    assert np.linalg.eigvals(a).real.max() > 0.4
    gain = b.T @ scipy.linalg.solve_continuous_are(a, b, np.eye(5), np.eye(3))
    assert feedback.gain == pytest.approx(gain @ basis.T, abs=1e-9)
    assert np.linalg.eigvals(a - b @ gain).real.max() < -0.1
    assert feedback.gain @ np.ones(6) == pytest.approx(np.zeros(3), abs=1e-12)


def test_a_locked_state_that_is_unstable_is_held_by_three_pinned_nodes():
    """From 0.05 rad beside the twisted state: with LQR at three nodes of six it comes back to 1e-6, without it goes to another."""
    model, state = twisted()
    off = np.asarray(state.theta) + 0.05 * np.array([1, -1, 0.5, 0, 1, -0.5])
    feedback = C.lqr(model, state, PINNED, angles=True, dt=0.05)
    loop = C.ClosedLoop(model, feedback, nj.phases, PINNED)
    start = nj.simulate(loop, steps=0, dt=0.05, options=FLOAT64).final_state.state._replace(model=nj.PhaseState(off, None))
    end = nj.simulate(loop, duration=60.0, dt=0.05, state=start, options=FLOAT64).final_state.state
    free = nj.simulate(model, duration=60.0, dt=0.05, state=nj.PhaseState(off, None), options=FLOAT64).final_state.state
    assert np.abs(end.command).max() < 1e-6
    apart = lambda theta: np.ptp(np.angle(np.exp(1j * (theta - theta[0] - state.theta + state.theta[0]))))  # noqa: E731
    assert apart(end.model.theta) < 1e-6
    assert apart(free.theta) > 1.0


def test_feedback_of_angles_ignores_turns_and_rotations():
    feedback = C.LinearFeedback(np.array([1.0, -1.0]), target=np.array([0.5, 0.2]), angles=True)
    seen = jnp.asarray([0.6, 0.2])
    act = lambda seen: feedback.act(None, seen, nj.Clock(jnp.asarray(0), jnp.zeros(()), jnp.ones(())), {})[0]  # noqa: E731
    assert act(seen) == pytest.approx(-0.1, abs=1e-6)
    assert act(seen + 3.0) == pytest.approx(-0.1, abs=1e-6)
    assert act(seen + jnp.asarray([0, 2 * np.pi])) == pytest.approx(-0.1, abs=1e-6)
