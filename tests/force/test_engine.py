"""What the engine promises of every System, held by networks in training: platforms, lanes, devices, faults, stopping."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from neurojax.force import measures
from neurojax.force.targets import four_sines
from tests.test_lowering import lowered

TARGET = four_sines(200.0)
SYSTEMS = {
    "A": nj.Training(nj.RateNetwork(20, noise=0.01, lag=3), TARGET, nj.RLS(method="block", block=4)),
    "B": nj.Training(nj.feedback_network(20, nj.GeneratorAndFeedback(5, p_fg=0.5)), TARGET),
    "C": nj.Training(nj.internal_network(20, units=10), TARGET, nj.RLS(method="symmetric", forgetting=0.999)),
    "reward": nj.Training(nj.RateNetwork(20), TARGET, nj.RewardHebbian(0.05), exploration=0.5),
    "spiking": nj.Training(nj.SpikingNetwork(20), TARGET, nj.RLS(0.2), 10),
    "full": nj.FullForce(nj.RateNetwork(20, noise=0.01), TARGET, nj.RLS(method="block", block=4)),
}
RECORD = {"z": nj.Trace(measures.output, every=4), "w": nj.Last(measures.weight_norm)}
GAINS = [0.5, 1.0, 1.5, 2.0]


def swept(system, gains=GAINS, over="network.gain", **options):
    options = {"lanes": 2, "devices": 1, "progress": False} | options
    return nj.sweep(system, {over: gains}, seeds=2, steps=60, dt=1.0, record=RECORD, options=nj.SweepOptions(**options))


@pytest.mark.parametrize("name", SYSTEMS)
def test_training_and_its_gradient_lower(name):
    """For cuda and tpu, from here."""

    def error(gain):
        system = eqx.tree_at(lambda one: one.network.gain, SYSTEMS[name], gain)
        return nj.simulate(system, steps=30, dt=1.0, record={"e": nj.Mean(measures.absolute_error)}).records["e"]

    assert lowered(jax.jit(error), jnp.asarray(1.0))
    assert lowered(jax.jit(jax.grad(error)), jnp.asarray(1.0))


@pytest.mark.parametrize("name", SYSTEMS)
def test_lanes_do_not_depend_on_their_company(name):
    """With other lanes per kernel the same to rounding, float64, 1e-9; on two devices the same bits."""
    wide, narrow = (swept(SYSTEMS[name], lanes=lanes, dtype="float64") for lanes in (4, 1))
    assert np.abs(wide.z - narrow.z).max() < 1e-9
    assert np.abs(wide.z).max() > 0.01
    if name == "C":
        assert narrow.equals(swept(SYSTEMS[name], lanes=1, devices=2, dtype="float64"))


@pytest.mark.parametrize("name", ["B", "reward", "spiking", "full"])
def test_stopped_and_continued(name, tmp_path):
    """At an odd step, through a file: the same bits as without stopping (A: tests of training)."""
    whole = nj.simulate(SYSTEMS[name], steps=60, dt=1.0, record=RECORD)
    half = nj.simulate(SYSTEMS[name], steps=27, dt=1.0, record=RECORD)
    nj.save_state(tmp_path / "half.npz", half.final_state)
    rest = nj.simulate(SYSTEMS[name], steps=33, dt=1.0, record=RECORD, state=nj.load_state(tmp_path / "half.npz", SYSTEMS[name]))
    assert rest.records["w"] == whole.records["w"]
    ours, theirs = jax.tree.leaves(rest.final_state.state), jax.tree.leaves(whole.final_state.state)
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("name", ["A", "B", "full"])
def test_a_network_that_blows_up_leaves_the_others_alone(name):
    """A gain of 3.3e38 overflows: marked, and the others' bits are those of a sweep without it."""
    over = "network.recurrent.g_gg" if name == "B" else "network.gain"
    broken, calm = swept(SYSTEMS[name], [0.5, 3.3e38, 1.5, 2.0], over), swept(SYSTEMS[name], GAINS, over)
    assert broken.status.values[:, 0].tolist() == [1, 2, 1, 1]
    keep = [0, 2, 3]
    assert np.array_equal(broken.z[keep], calm.z[keep])


def test_the_store_of_a_training_sweep_resumes(tmp_path):
    """Trained, stored, more gains asked for: only those are trained, and the rest keeps its bits."""
    settings = {"seeds": 2, "steps": 60, "dt": 1.0, "record": RECORD, "store": tmp_path / "g.zarr"}
    options = nj.SweepOptions(lanes=2, devices=1, progress=False)
    first = nj.sweep(SYSTEMS["A"], {"network.gain": GAINS[:2]}, options=options, **settings)
    more = nj.sweep(SYSTEMS["A"], {"network.gain": GAINS}, options=options, **settings)
    assert np.array_equal(more.z[:2], first.z)
    assert np.array_equal(more.z, swept(SYSTEMS["A"]).z)
