"""Bad inputs: an error that names the argument, the value and the mend, and nothing compiled before it."""

import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from neurojax.engine.compile import traces
from tests.tuning.control.plants import Tank, level

C = nj.control
MODEL = nj.Kuramoto(10, coupling=1.5, frequencies=nj.Lorentzian(0.5))


def run(controller=C.PID(1.0), model=MODEL, observe=nj.order_parameter, actuate="coupling", **settings):  # noqa: B008
    loop = C.ClosedLoop(model, controller, observe, actuate, **settings)
    return nj.simulate(loop, steps=2, dt=0.1, record={"u": nj.Mean(C.command)})


def nothing(view):
    return ()


CASES = {
    # loop
    "model": (lambda: run(model=3), TypeError, r"ClosedLoop\(model=3\): give one such as nj\.Kuramoto"),
    "controller": (lambda: run(10.0), TypeError, r"ClosedLoop\(controller=10\.0\).*nj\.control\.PID"),
    "observe": (lambda: run(observe="r"), TypeError, r"observe='r'.*give a measure"),
    "observes nothing": (lambda: run(observe=nothing), ValueError, r"it sees nothing; return an array"),
    "actuate": (lambda: run(actuate=3), TypeError, r"actuate=3.*name of a parameter"),
    "delay": (lambda: run(delay=0.25), ValueError, r"ClosedLoop\(delay=0\.25\): a whole number of steps.*over dt"),
    "delay negative": (lambda: run(delay=-1), ValueError, r"delay=-1"),
    "interval": (lambda: run(interval=0), ValueError, r"ClosedLoop\(interval=0\)"),
    "noise": (lambda: run(noise=-0.1), ValueError, r"ClosedLoop\(noise=-0\.1\): a standard deviation"),
    "method": (lambda: run(method="heun"), TypeError, r"ClosedLoop\(method='heun'\)"),
    "own clock": (
        lambda: run(model=nj.EventMap(10, nj.Stream(nj.GaussianPatterns(3), tau_h=2.0), 1.0, 2.0, tau_J=10.0)),
        ValueError,
        r"EventMap\): it has a clock of its own",
    ),
    "the model's own": (lambda: run(model=nj.Kuramoto(4, noise=-1.0)), ValueError, r"noise=-1\.0: must be at least 0"),
    # actuators
    "no such parameter": (lambda: run(actuate="couplign"), ValueError, r"Parameter\(name='couplign'\).*did you mean 'coupling'"),
    "a size": (lambda: run(actuate="n"), ValueError, r"Parameter\(name='n'\): it is a size or a kind"),
    "none": (lambda: run(actuate="noise"), ValueError, r"Parameter\(name='noise'\): it is None in the model"),
    "of a recipe": (lambda: run(actuate="frequencies.scale"), ValueError, r"drawn before the run; act on 'frequencies'"),
    "added to a function": (
        lambda: run(model=nj.Kuramoto(4, coupling=jnp.sin), actuate=C.Parameter("coupling", add=True)),
        ValueError,
        r"it is a function of time in the model; give it a number",
    ),
    "name": (lambda: C.Parameter(3), TypeError, r"Parameter\(name=3\)"),
    "nodes": (lambda: C.Parameter("coupling", nodes=(-1,)), ValueError, r"Parameter\(nodes=\(-1,\)\): give whole numbers from 0"),
    "nodes twice": (lambda: C.Parameter("coupling", nodes=(1, 1)), ValueError, r"a node occurs twice"),
    "nodes beyond": (lambda: run(actuate=C.Parameter("frequencies", nodes=(0, 10))), ValueError, r"it has shape \(10,\).*nodes among them"),
    "nodes of one number": (
        lambda: run(actuate=C.Parameter("coupling", nodes=(0,))),
        ValueError,
        r"it has shape \(\); give the model one value",
    ),
    "commands": (lambda: run(observe=nj.mean_field), ValueError, r"the command has shape \(2,\); make it one number"),
    "force": (lambda: C.Force(0.5), TypeError, r"Force\(response=0\.5\).*nj\.common_force"),
    "force on a map": (
        lambda: run(model=nj.Hopfield(8, nj.RandomPatterns(2)), actuate=C.Force(nj.common_force)),
        ValueError,
        r"Hopfield makes its own steps.*act on a Parameter",
    ),
    # controllers
    "gain": (lambda: run(C.PID("high")), TypeError, r"PID\(proportional='high'\)"),
    "gain nan": (lambda: run(C.PID(1.0, np.nan)), ValueError, r"PID\(integral=nan\): finite"),
    "limits": (lambda: run(C.PID(1.0, low=2.0, high=1.0)), ValueError, r"PID\(low=2\.0, high=1\.0\): low must lie below high"),
    "filter": (lambda: run(C.PID(1.0, filter=-0.1)), ValueError, r"PID\(filter=-0\.1\): a time constant of at least 0"),
    "tracking": (lambda: run(C.PID(1.0, tracking=0.0)), ValueError, r"PID\(tracking=0\.0\): a time constant above 0"),
    "windup": (lambda: C.PID(1.0, anti_windup="clamp"), ValueError, r"anti_windup='clamp'.*'conditional', 'back-calculation' or None"),
    "target": (lambda: run(C.PID(1.0, target="0.7")), TypeError, r"PID\(target='0\.7'\)"),
    "target ramp": (lambda: run(C.PID(1.0, target=nj.Ramp(0.0, 1.0, 5.0, 5.0))), ValueError, r"begin must lie before end"),
    "gain shape": (lambda: run(C.LinearFeedback(np.ones(3)), observe=nj.mean_field), ValueError, r"LinearFeedback\(gain\).*\(3,\).*\(2,\)"),
    "angles": (lambda: C.LinearFeedback(1.0, angles=1), TypeError, r"LinearFeedback\(angles=1\)"),
    "lag": (lambda: C.DelayedFeedback(1.0, 0.5), ValueError, r"DelayedFeedback\(lag=0\.5\): a whole number of decisions"),
    "lags": (lambda: C.Policy.drawn(lags=(0,)), ValueError, r"Policy\(lags=\(0,\)\)"),
    "times": (lambda: run(C.Policy.drawn(times=[0.0])), ValueError, r"Policy\(times=0\.0\): time constants above 0"),
    "weights": (
        lambda: run(C.Policy(np.zeros(3))),
        ValueError,
        r"Policy\(weights\): it has shape \(3,\), this network has 49.*Policy\.drawn",
    ),
    "one limit": (lambda: run(C.Policy.drawn(low=0.0)), ValueError, r"Policy\(low=0\.0, high=None\): give both limits, or none"),
    "policy sees": (lambda: run(C.Policy.drawn(), observe=nj.mean_field), ValueError, r"Policy\(seen=1\).*say seen=2"),
    "exploration": (lambda: run(C.Policy.drawn(exploration=0.0)), ValueError, r"Policy\(exploration=0\.0\)"),
    # LQR
    "moving": (lambda: C.lqr(Tank(), np.array(1.0), "push"), ValueError, r"state: its drift is 0\.5, above tolerance=1e-06.*let it settle"),
    "not locked": (
        lambda: C.lqr(MODEL, nj.PhaseState(np.zeros(10), None), C.Parameter("frequencies", add=True), angles=True),
        ValueError,
        r"phases that drift apart; let the model lock first",
    ),
    "no value": (lambda: C.lqr(Tank(), np.array(0.0), C.Force(lambda x, u: u)), ValueError, r"command=None: this actuator has no value"),
    "costs": (lambda: C.lqr(Tank(), np.array(0.0), "push", command_cost=0.0), ValueError, r"command_cost=0\.0: it must be positive"),
    "cost shape": (lambda: C.lqr(Tank(), np.array(0.0), "push", state_cost=np.ones(3)), ValueError, r"state_cost has shape \(3,\)"),
    "step": (lambda: C.lqr(Tank(), np.array(0.0), "push", dt=0.0), ValueError, r"dt=0\.0: a positive time"),
    "out of reach": (
        lambda: C.lqr(Tank(rate=-1.0), np.array(0.0), C.Force(lambda x, u: 0 * u), command=0.0),
        ValueError,
        r"no feedback through it stabilises",
    ),
    "turning": (
        lambda: C.lqr(
            nj.Kuramoto(3, frequencies=np.zeros(3), windings=False),
            nj.PhaseState(np.zeros(3), None),
            C.Force(nj.common_force),
            command=np.zeros(3),
            angles=True,
        ),
        ValueError,
        r"what it does turns with the phases",
    ),
    # rewards
    "horizon": (lambda: C.PolicyGradient(C.effort, horizon=0.0), ValueError, r"PolicyGradient\(horizon=0\.0\)"),
    "every": (lambda: C.PolicyGradient(C.effort, every=2), ValueError, r"it needs every step"),
    "no exploration": (
        lambda: C.reinforce(C.ClosedLoop(Tank(), C.Policy.drawn(), level, "push"), C.effort, dt=0.1, duration=1.0),
        ValueError,
        r"exploration=None\) tries nothing",
    ),
    "no policy": (
        lambda: C.reinforce(C.ClosedLoop(Tank(), C.PID(1.0), level, "push"), C.effort, dt=0.1, duration=1.0),
        TypeError,
        r"whose controller is a Policy",
    ),
    "one run": (
        lambda: C.reinforce(C.ClosedLoop(Tank(), C.Policy.drawn(exploration=0.1), level, "push"), C.effort, dt=0.1, duration=1.0, seeds=1),
        ValueError,
        r"seeds=1: give at least two runs",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input(name):
    call, kind, words = CASES[name]
    before = traces.copy()
    with pytest.raises(kind, match=words):
        call()
    assert traces == before
