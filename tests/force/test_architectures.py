"""Architectures B and C, delayed and distorted feedback: against plain NumPy loops with a dense P for every unit."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from neurojax.force import measures
from neurojax.force.targets import Together, four_sines
from tests.force import reference

DOUBLE = nj.Options(dtype="float64")
RECORD = {"z": nj.Trace(measures.output)}
PHASES = nj.Schedule({"train": 300.0, "test": nj.Phase(100.0, {"learning": False})})


def run(system, **settings):
    return nj.simulate(system, **({"duration": PHASES, "dt": 1.0, "record": RECORD, "options": DOUBLE} | settings))


def oracle(system, shown, targets):
    """Outputs and recurrent weights of the NumPy loop, from the weights and the start that ours drew."""
    network = shown.system.network
    start = np.asarray(run(system, duration=None, steps=0, record=None).final_state.state.network.x)
    weights = np.asarray(network.gain) * np.asarray(network.recurrent)
    sources = np.broadcast_to(network.synapses.sources, (network.synapses.units, network.synapses.fan_in))
    feedback = np.zeros((network.n, network.outputs))
    if network.feedback is not None:
        feedback = np.asarray(network.feedback) * np.asarray(network.feedback_weights)
    heard = network.readout.shape[1]
    return reference.synapse_loop(weights, sources, network.synapses.first, heard, feedback, start, 300, 100, targets)


def two(step):
    return np.array([reference.four_sines(step, 0.1), 0.5 * reference.four_sines(step, 0.1, 80.0)])


TWO = Together((four_sines(), four_sines(800.0, 0.5 * 1.3 / 1.5)))


@pytest.mark.parametrize(
    ("network", "method"),
    [
        (nj.internal_network(40, units=25, p=0.3, outputs=2), "potter"),
        (nj.internal_network(40, units=25, fan_in=30, p=0.3, outputs=2, heard=20), "symmetric"),
        (nj.feedback_network(40, nj.GeneratorAndFeedback(10, p_fg=0.3, p_gg=0.3), heard=30, outputs=2), "potter"),
        (nj.feedback_network(40, nj.GeneratorAndFeedback(10, p_fg=0.3, p_gg=0.3), heard=30, outputs=2), "block"),
        (nj.RateNetwork(40, outputs=2, synapses=nj.PlasticSynapses(20, 15, first=5, shared=True)), "block"),
    ],
    ids=["C", "C, more than there are", "B", "B, gathered", "one P for all units"],
)
def test_synapses_learn_as_in_a_plain_loop(network, method):
    """150 updates of w and of every unit's synapses, then 100 frozen steps: z and the weights to 1e-9, float64."""
    system = nj.Training(network, TWO, nj.RLS(method=method, block=7))
    shown = run(system)
    z, weights = oracle(system, shown, two)
    assert np.abs(shown.records["z"] - z).max() < 1e-9
    own = shown.system.trained(shown.final_state.state)
    made = np.asarray(own.gain) * np.asarray(own.recurrent)
    sources = np.broadcast_to(own.synapses.sources, own.synapses.weights.shape)
    np.add.at(made, (own.synapses.first + np.arange(len(sources))[:, None], sources), own.synapses.weights)
    assert np.abs(made - weights).max() < 1e-9


def test_learning_inside_is_feedback_from_outside():
    """All units learning on all rates with one P is feedback with J_z = 1 and the updated weights: the same z to 1e-10 over 3,000 steps.

    Source: Sussillo and Abbott 2009, after equation 10.
    """
    n, steps = 100, 3000
    network = nj.RateNetwork(n, feedback=None, synapses=nj.PlasticSynapses(n, n, shared=True))
    inside = run(nj.Training(network, four_sines(), nj.RLS(method="symmetric")), duration=None, steps=steps)
    weights = 1.5 * np.asarray(inside.system.network.recurrent)
    x = np.asarray(run(nj.Training(network, four_sines()), duration=None, steps=0, record=None).final_state.state.network.x)
    readout, inverse, shown = np.zeros(n), np.eye(n), np.empty(steps)
    for step in range(steps):
        rates = np.tanh(x)
        shown[step] = z = readout @ rates
        if step % 2 == 0:
            image = inverse @ rates
            total = 1 + rates @ image
            inverse -= np.outer(image, image) / total
            readout = readout - (z - reference.four_sines(step, 0.1)) / total * image
        x = x + 0.1 * (-x + weights @ rates + np.ones(n) * (readout @ rates))
    assert np.abs(inside.records["z"][:, 0] - shown).max() < 1e-10


def test_feedback_comes_late_and_bent():
    """F(z(t - 7 steps)) with F = 1.3 tanh(sin(pi z)), figure 6A's, for 200 steps of a network that does not learn: 1e-12 from NumPy."""
    network = nj.RateNetwork(30, readout=0.2, distortion=lambda z: 1.3 * jnp.tanh(jnp.sin(jnp.pi * z)), lag=7)
    shown = nj.simulate(
        network, steps=200, dt=1.0, method=nj.EulerMaruyama(), record=RECORD | {"x": nj.Trace(lambda v: v.state.x)}, options=DOUBLE
    )
    x, z = np.asarray(shown.records["x"][0]), list(shown.records["z"][:1, 0])
    weights, back = 1.5 * np.asarray(shown.system.recurrent), np.asarray(shown.system.feedback_weights)[:, 0]
    for step in range(199):
        late = z[max(step - 7, 0)]
        x = x + 0.1 * (-x + weights @ np.tanh(x) + back * 1.3 * np.tanh(np.sin(np.pi * late)))
        z.append(0.2 * np.tanh(x).sum())
    assert np.abs(shown.records["z"][:, 0] - z).max() < 1e-12


def test_the_teacher_is_fed_back_in_its_share():
    """teacher = 1 while learning: the network is driven by the target alone, whatever its output; 1e-12 from NumPy, 100 steps."""
    system = nj.Training(nj.RateNetwork(30), four_sines(), teacher=1.0)
    shown = run(system, duration=None, steps=100, record=RECORD | {"x": nj.Trace(lambda v: v.state.network.x)})
    x = shown.records["x"][0]
    network = shown.system.network
    for step in range(99):
        drive = np.asarray(network.feedback_weights)[:, 0] * reference.four_sines(step, 0.1)
        x = x + 0.1 * (-x + 1.5 * np.asarray(network.recurrent) @ np.tanh(x) + drive)
        assert np.abs(shown.records["x"][step + 1] - x).max() < 1e-12


def test_the_teacher_comes_late_where_the_feedback_does():
    """teacher = 1 with a lag of 3 steps: the network is driven by the target of three steps ago; 1e-12 from NumPy."""
    system = nj.Training(nj.RateNetwork(30, lag=3), four_sines(), teacher=1.0)
    shown = run(system, duration=None, steps=60, record={"x": nj.Trace(lambda v: v.state.network.x)})
    x, network = shown.records["x"][3], shown.system.network
    for step in range(3, 59):
        drive = np.asarray(network.feedback_weights)[:, 0] * reference.four_sines(step - 3, 0.1)
        x = x + 0.1 * (-x + 1.5 * np.asarray(network.recurrent) @ np.tanh(x) + drive)
        assert np.abs(shown.records["x"][step + 1] - x).max() < 1e-12


def test_learning_synapses_are_those_that_exist():
    """Where there are enough of them: each unit's p n learning synapses are connections of J; shared ones are one row for all."""
    network = nj.simulate(nj.internal_network(200, units=50, fan_in=40, p=0.5), steps=0, dt=1.0).system
    assert network.synapses.sources.shape == (50, 40)
    assert (np.take_along_axis(np.asarray(network.recurrent)[:50], np.asarray(network.synapses.sources), 1) != 0).all()
    assert all(len(set(row)) == 40 for row in np.asarray(network.synapses.sources).tolist())
    back = nj.simulate(nj.feedback_network(100, nj.GeneratorAndFeedback(20, p_fg=0.2)), steps=0, dt=1.0).system
    assert back.synapses.sources.shape == (20, 20)
    assert (back.synapses.sources < 100).all()


def test_blocks_of_the_feedback_network():
    """Deviations of the four blocks are g / sqrt(sources), p of the elements there: 5 % at these sizes (20,000 elements at least)."""
    weights = nj.simulate(
        nj.feedback_network(400, nj.GeneratorAndFeedback(200, p_fg=0.2, g_gf=0.7)), steps=0, dt=1.0, options=DOUBLE
    ).system.recurrent
    weights = np.asarray(weights)
    for block, p, g, n in (
        (weights[:400, :400], 0.1, 1.5, 400),
        (weights[:400, 400:], 0.25, 0.7, 200),
        (weights[400:, :400], 0.2, 1.0, 400),
        (weights[400:, 400:], 0.25, 1.2, 200),
    ):
        assert np.mean(block != 0) == pytest.approx(p, rel=0.05)
        assert np.std(block) == pytest.approx(g / np.sqrt(n), rel=0.05)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: nj.PlasticSynapses(0, 3), r"PlasticSynapses\(units=0\)"),
        (lambda: nj.RateNetwork(10, synapses=nj.PlasticSynapses(8, 3, first=4)), r"PlasticSynapses\(first=4, units=8\)"),
        (lambda: nj.RateNetwork(10, synapses=nj.PlasticSynapses(8, 11)), r"PlasticSynapses\(fan_in=11\)"),
        (lambda: nj.RateNetwork(10, synapses=nj.PlasticSynapses(8, 3, among=(2, 11))), r"among=\(2, 11\)"),
        (lambda: run(nj.feedback_network(10, nj.GeneratorAndFeedback(5, p_gf=0.0))), r"GeneratorAndFeedback\(p_gf=0.0\)"),
        (lambda: nj.RateNetwork(9, synapses=nj.PlasticSynapses(2, 3, sources=np.ones((1, 3), int))), r"PlasticSynapses\(sources\)"),
        (
            lambda: nj.RateNetwork(9, synapses=nj.PlasticSynapses(1, 3, sources=np.array([[0, 1, 9]]))),
            "from 0 to 9; give units from 0 to 8",
        ),
        (lambda: run(dataclasses.replace(nj.feedback_network(10, nj.GeneratorAndFeedback(5)), n=20)), "make networks of other sizes"),
        (lambda: nj.RateNetwork(10, lag=-1), r"RateNetwork\(lag=-1\)"),
        (lambda: nj.RateNetwork(10, feedback=None, lag=2).check(), r"feedback=None, lag=2, distortion=None\): nothing is fed back"),
        (lambda: nj.RateNetwork(10, heard=11), r"RateNetwork\(heard=11\)"),
    ],
)
def test_bad_settings_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()
