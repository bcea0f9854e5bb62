"""PID and delayed feedback against their recursions, written out in NumPy; windup against closed forms."""

import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from tests.tuning.control.plants import FLOAT64, Tank, level, looped, traced

C = nj.control
DT = 0.05


def target(time):
    return jnp.where(time < 4.0, 2.0, 0.5)


def recursion(pid, steps, delay, interval, rate=0.5):
    """The tank under a PID, by hand: levels and commands."""
    x, seen, integral, slope, command = 1.0, [], 0.0, 0.0, 0.0
    before, levels, commands, h = None, [], [], interval * DT
    for n in range(steps):
        seen.append(x)
        if n % interval == 0:
            y = seen[max(n - delay, 0)]
            before = y if before is None else before
            error = (2.0 if n * DT < 4.0 - 1e-9 else 0.5) - y
            slope = (pid.filter * slope - pid.derivative * (y - before)) / (pid.filter + h)
            free = pid.bias + pid.proportional * error + integral + slope
            command = min(max(free, -np.inf if pid.low is None else pid.low), np.inf if pid.high is None else pid.high)
            rise = pid.integral * error
            if pid.anti_windup == "back-calculation":
                rise += (command - free) / pid.tracking
            if pid.anti_windup == "conditional" and ((free > command and rise > 0) or (free < command and rise < 0)):
                rise = 0.0
            integral, before = integral + h * rise, y
        levels.append(x)
        commands.append(command)
        x = x + DT * (-rate * x + command)
    return np.array(levels), np.array(commands)


@pytest.mark.parametrize(("anti_windup", "delay", "interval"), [("conditional", 3, 2), ("back-calculation", 3, 1), (None, 0, 1)])
def test_a_pid_on_a_linear_plant_is_its_recursion(anti_windup, delay, interval):
    """Levels and commands over 200 steps, float64, 1e-11; limits are met at both ends."""
    pid = C.PID(3.0, 2.0, 0.4, target=target, low=0.0, high=1.4, bias=0.1, filter=0.12, tracking=0.7, anti_windup=anti_windup)
    run = traced(looped(pid, delay=delay, interval=interval))
    levels, commands = recursion(pid, 200, delay, interval)
    assert np.ptp(commands) == pytest.approx(1.4)
    assert run.records["x"] == pytest.approx(levels, abs=1e-11)
    assert run.records["u"] == pytest.approx(commands, abs=1e-11)


def test_back_calculation_holds_the_integral_at_a_limit():
    """A target out of reach: v = K_p e + I settles where K_i e = (v - high) / T_t, so that v = high + T_t K_i e; the tank at 2 high."""
    pid = C.PID(1.0, 0.5, target=10.0, low=0.0, high=1.0, tracking=0.4, anti_windup="back-calculation")
    run = traced(looped(pid), steps=2000)
    error = 10.0 - 2.0
    assert run.final_state.state.controller.integral == pytest.approx(1.0 + 0.4 * 0.5 * error - error, abs=1e-9)


def test_without_anti_windup_it_overshoots_for_longer():
    """Ten time units at the limit, then a target within reach: with anti-windup the level is there by t = 20, without it is not."""

    def wanted(time):
        return jnp.where(time < 10.0, 10.0, 1.0)

    def away(kind):
        run = traced(looped(C.PID(2.0, 1.0, target=wanted, low=0.0, high=1.0, anti_windup=kind)), steps=401)
        return np.abs(run.records["x"][400] - 1.0)

    assert away("conditional") < 0.05
    assert away("back-calculation") < 0.05
    assert away(None) > 0.5


def test_the_integral_takes_the_error_away():
    """At rest u = rate x: 2 with the integral, and K_p (2 - x) = x / 2 without, x = 2 K_p / (K_p + 1/2)."""
    assert traced(looped(C.PID(3.0, 2.0, target=2.0)), steps=800).records["x"][-1] == pytest.approx(2.0, abs=1e-9)
    assert traced(looped(C.PID(3.0, target=2.0)), steps=800).records["x"][-1] == pytest.approx(6 / 3.5, abs=1e-9)


def test_each_observation_has_its_own_command():
    class Tanks(Tank):
        def init(self, key):
            return jnp.asarray([1.0, 2.0])

    loop = C.ClosedLoop(Tanks(push=np.zeros(2)), C.PID(np.array([1.0, 3.0]), target=np.array([0.0, 1.0])), level, "push")
    run = nj.simulate(loop, steps=400, dt=DT, options=FLOAT64)
    assert run.final_state.state.model == pytest.approx([0.0, 3 / 3.5], abs=1e-6)


@pytest.mark.parametrize("difference", [True, False])
def test_delayed_feedback_is_its_recursion(difference):
    """Lag 4 on top of a loop delay of 2, over 100 steps, float64, 1e-12."""
    run = traced(looped(C.DelayedFeedback(0.8, 4, difference, low=-0.3), delay=2), steps=100)
    x, seen, levels, commands = 1.0, [], [], []
    for n in range(100):
        seen.append(x)
        old, now = seen[max(n - 6, 0)], seen[max(n - 2, 0)]
        commands.append(max(0.8 * (old - now if difference else old), -0.3))
        levels.append(x)
        x = x + DT * (-0.5 * x + commands[-1])
    assert run.records["x"] == pytest.approx(np.array(levels), abs=1e-12)
    assert run.records["u"] == pytest.approx(np.array(commands), abs=1e-12)


def test_pyragas_leaves_an_orbit_of_its_period_alone():
    """A sinusoidal drive of 20 steps a period: its orbit has no command once it is reached (e^{-t/2} from 1 in 60 time units)."""

    class Driven(Tank):
        def drift(self, x, clock):
            return -self.rate * x + self.push + jnp.sin(2 * np.pi * clock.time)

    run = traced(looped(C.DelayedFeedback(0.3, 20), Driven()), steps=1200)
    assert np.abs(run.records["u"][-20:]).max() < 1e-9
    assert np.ptp(run.records["x"][-20:]) > 0.2
