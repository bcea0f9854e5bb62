"""What the engine promises of every System, held by memories: platforms, lanes, devices, stores, stopping."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from neurojax.engine.compile import traces
from neurojax.hopfield import measures
from tests.test_lowering import lowered

PATTERNS = nj.RandomPatterns(6)
SYSTEMS = {
    "synchronous": nj.Hopfield(24, PATTERNS, nj.Flips(0.2)),
    "asynchronous": nj.Hopfield(24, PATTERNS, nj.Flips(0.2), units=nj.Glauber(0.4), updates=nj.Asynchronous()),
    "blocks": nj.Hopfield(24, PATTERNS, nj.Flips(0.2), nj.Storkey(), nj.Metropolis(0.4), nj.Blocks(True, 5)),
    "graded": nj.Hopfield(24, PATTERNS, nj.Flips(0.2), nj.PseudoInverse(), nj.Tanh(3.0)),
    "straight": nj.Hopfield(24, PATTERNS, nj.Flips(0.2), nj.Dreaming(), nj.Threshold(surrogate=1.0)),
    "dense": nj.Hopfield(24, PATTERNS, nj.Flips(0.2), nj.Polynomial(3), nj.Glauber(0.2)),
    "exponential": nj.Hopfield(24, PATTERNS, nj.Flips(0.2), nj.Exponential(), updates=nj.Asynchronous(False)),
    "modern": nj.ModernHopfield(24, nj.SpherePatterns(6), nj.GaussianCue(0.5, graded=True), beta=0.5),
}
FLOW = nj.GradedHopfield(24, PATTERNS, gain=3.0, noise=0.1)
RECORD = {"m": nj.Trace(measures.overlaps, every=2), "e": nj.Last(measures.energy)}
SHARES = [0.0, 0.1, 0.2, 0.3]


def axis(name):
    return ("cue.deviation", SHARES) if name == "modern" else ("cue.share", SHARES)


def swept(name, **options):
    where, values = axis(name)
    options = {"lanes": 2, "devices": 1, "progress": False} | options
    return nj.sweep(SYSTEMS[name], {where: values}, seeds=2, steps=12, dt=1.0, record=RECORD, options=nj.SweepOptions(**options))


@pytest.mark.parametrize("name", [*SYSTEMS, "flow"])
def test_a_run_and_its_gradient_lower(name):
    """For cuda and tpu, from here; by whatever float the memory has."""
    system = FLOW if name == "flow" else SYSTEMS[name]
    field = {"straight": "threshold", "modern": "beta", "flow": "gain"}.get(name, "field")
    record = {"m": nj.Mean(measures.overlaps)} | ({} if name == "flow" else {"e": nj.Mean(measures.energy)})

    def last(value):
        one = eqx.tree_at(lambda m: getattr(m, field), system, value, is_leaf=lambda leaf: leaf is None)
        return sum(jnp.sum(value) for value in nj.simulate(one, steps=6, dt=0.5, record=record).records.values())

    assert lowered(jax.jit(last), jnp.asarray(0.5))
    assert lowered(jax.jit(jax.grad(last)), jnp.asarray(0.5))


QUICK = ("asynchronous", "graded", "modern")


@pytest.mark.parametrize("name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in SYSTEMS])
def test_lanes_do_not_depend_on_their_company(name):
    """With other lanes per kernel the same to rounding, float64, 1e-9; on two devices the same bits."""
    wide, narrow = (swept(name, lanes=lanes, dtype="float64") for lanes in (4, 1))
    assert np.abs(wide.m - narrow.m).max() < 1e-9
    assert np.abs(wide.m).max() > 0.5
    if name in ("asynchronous", "modern"):
        assert narrow.equals(swept(name, lanes=1, devices=2, dtype="float64"))


@pytest.mark.parametrize("name", ["asynchronous", "blocks", "modern"])
def test_stopped_and_continued(name, tmp_path):
    """At an odd step, through a file: the same bits as without stopping."""
    whole = nj.simulate(SYSTEMS[name], steps=12, dt=1.0, record=RECORD)
    half = nj.simulate(SYSTEMS[name], steps=5, dt=1.0, record=RECORD)
    nj.save_state(tmp_path / "half.npz", half.final_state)
    rest = nj.simulate(SYSTEMS[name], steps=7, dt=1.0, record=RECORD, state=nj.load_state(tmp_path / "half.npz", SYSTEMS[name]))
    ours, theirs = jax.tree.leaves(rest.final_state.state), jax.tree.leaves(whole.final_state.state)
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert np.array_equal(np.concatenate([half.records["m"], rest.records["m"]]), whole.records["m"])


@pytest.mark.slow
def test_the_store_of_a_sweep_resumes(tmp_path):
    """More cue levels are asked for: only those are run, and the rest keeps its bits."""
    settings = {"seeds": 2, "steps": 12, "dt": 1.0, "record": RECORD, "store": tmp_path / "m.zarr"}
    options = nj.SweepOptions(lanes=2, devices=1, progress=False)
    first = nj.sweep(SYSTEMS["asynchronous"], {"cue.share": SHARES[:2]}, options=options, **settings)
    more = nj.sweep(SYSTEMS["asynchronous"], {"cue.share": SHARES}, options=options, **settings)
    assert np.array_equal(more.m[:2], first.m)
    assert np.array_equal(more.m, swept("asynchronous").m)


def test_loads_share_one_program():
    """Load x temperature x cue level x seeds, one call, one compilation of the block; loads by rows of zeros are loads by fewer rows."""
    model = nj.Hopfield(30, nj.RandomPatterns(9, stored=1), nj.Flips(0.1), units=nj.Glauber(0.1))
    over = {"patterns.stored": [2.0, 5.0, 9.0], "temperature": [0.0, 0.3], "cue.share": [0.0, 0.2]}
    traces.clear()
    data = nj.sweep(model, over, seeds=3, steps=8, dt=1.0, record={"m": nj.Last(measures.target_overlap)})
    assert (traces["open_tiles"], traces["advance_tiles"]) == (1, 1)
    assert data.m.shape == (3, 2, 2, 3)
    fewer = nj.Hopfield(30, nj.RandomPatterns(5), nj.Flips(0.1), units=nj.Glauber(0.1))
    wanted = nj.sweep(
        fewer,
        {k: v for k, v in over.items() if k != "patterns.stored"},
        seeds=3,
        steps=8,
        dt=1.0,
        record={"m": nj.Last(measures.target_overlap)},
    )
    assert np.allclose(data.m[1], wanted.m, atol=1e-6)


@pytest.mark.slow
def test_rules_and_sizes_are_axes():
    """An axis over rules, and one over sizes, in one call."""
    rules = [nj.Hebb(), nj.Storkey()]
    make = lambda rule, n: nj.Hopfield(int(n), nj.RandomPatterns(8), nj.Flips(0.1), rules[int(rule)])  # noqa: E731
    got = [
        float(nj.simulate(make(rule, n), steps=20, dt=1.0, record={"m": nj.Last(measures.target_overlap)}).records["m"])
        for rule in range(2)
        for n in (20, 40)
    ]
    data = nj.sweep(
        nj.Hopfield(20, nj.RandomPatterns(8), nj.Flips(0.1)),
        {"couplings": rules, "n": [20, 40]},
        steps=20,
        dt=1.0,
        record={"m": nj.Last(measures.target_overlap)},
    )
    assert data.m.values.reshape(-1) == pytest.approx(got, abs=1e-6)
