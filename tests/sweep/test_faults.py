"""What goes wrong in a lane, a chunk or a device stays there, is said, and can be looked into."""

import dataclasses
import json
import os
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from neurojax.engine.drive import Pace
from neurojax.sweep.machine import Machine
from neurojax.sweep.store import Store
from tests.engine.models import Coins
from tests.sweep.models import Explosion, Growth, Spins, below_ten, largest

RECORD = {"most": nj.Last(largest)}


def go(model, over, store=None, steps=60, seeds=1, record=RECORD, state=None, **options):
    options = nj.SweepOptions(**{"lanes": 4, "devices": 2, **options})
    return nj.sweep(model, over, steps=steps, dt=1.0, seeds=seeds, record=record, store=store, state=state, options=options)


# A lane.


@pytest.mark.parametrize("gain", [10.0, 1e30])
def test_an_overflow_is_marked_where_it_happens_and_its_neighbours_keep_their_bits(gain):
    """gain^k passes float32's 3.4e38 in step 39 (gain 10: 10^38 is the last) or in the second; the others as without it."""
    calm = go(Growth(), {"gain": [0.5, 0.9, 1.0, 1.1]})
    mixed = go(Growth(), {"gain": [0.5, 0.9, gain, 1.1]})
    assert mixed.status[:, 0].values.tolist() == [1, 1, 2, 1]
    assert int(mixed.bad_step[2, 0]) == (38 if gain == 10 else 1)
    assert np.isfinite(mixed.most[2, 0])
    keep = [0, 1, 3]
    assert np.array_equal(mixed.most[keep], calm.most[keep])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused_before_anything_runs(value):
    """Also where a state of two values would swallow a NaN: u < nan is false, and every spin would simply be -1."""
    for call in (
        lambda: go(Growth(), {"gain": [1.0, value]}),
        lambda: go(Spins(), {"temperature": [1.0, value]}),
        lambda: nj.sweep(Growth(), {"gain": [1.0]}, steps=3, dt=value, record=RECORD),
    ):
        with pytest.raises(ValueError, match=r"nan|inf"):
            call()
    phases = nj.Schedule({"a": nj.Phase(2.0), "b": nj.Phase(2.0, {"temperature": value})})
    if np.isnan(value):
        for call in (
            lambda: nj.simulate(Spins(value), steps=3, dt=1.0),
            lambda: go(Spins(value), {}),
            lambda: go(lambda t: Spins(np.float32(t * value)), {"t": [1.0, 2.0]}),
            lambda: nj.simulate(Spins(), dt=1.0, duration=phases),
            lambda: nj.sweep(Spins(), {}, dt=1.0, duration=phases, record=RECORD),
            lambda: nj.sweep(Spins(), {"duration": [nj.Schedule({"a": nj.Phase(2.0)}), phases]}, dt=1.0, record=RECORD),
            lambda: nj.sweep(lambda t: Spins(t), {"t": [1.0]}, dt=1.0, duration=phases, record=RECORD),
        ):
            with pytest.raises(ValueError, match="temperature=nan"):
                call()


def test_a_time_step_of_zero_is_refused():
    with pytest.raises(ValueError, match="dt=0"):
        nj.sweep(Growth(), {"gain": [1.0]}, steps=3, dt=0.0, record=RECORD)
    with pytest.raises(ValueError, match="dt=0"):
        go(Growth(), {"dt": [0.1, 0.0]})


def test_an_invariant_freezes_the_lane_that_breaks_it():
    """2^4 = 16 is the first power of two beyond ten: the step from 8 is refused, whatever the blocks, and records end before it."""
    data = go(Growth(), {"gain": [0.5, 2.0, 1.0]}, invariant=below_ten)
    assert data.status[:, 0].values.tolist() == [1, 2, 1]
    assert int(data.bad_step[1, 0]) == 3
    assert float(data.most[1, 0]) == 4.0
    run = nj.simulate(Growth(2.0), steps=60, dt=1.0, record=RECORD, options=nj.Options(invariant=below_ten))
    assert (run.status, run.bad_step, float(run.final_state.state[0])) == (2, 3, 8.0)
    jitted = jax.jit(lambda g: nj.simulate(Growth(g), steps=60, dt=1.0, options=nj.Options(invariant=below_ten)).bad_step)
    assert int(jitted(2.0)) == 3


class Shown(Growth):
    """Growth that shows the sum of its state before the step."""

    def step(self, state, clock, drawn):
        return nj.Step(self.gain * state, {"sum": jnp.sum(state)})


def sum_below_ten(view):
    """Whether the sum that the step has shown is below ten."""
    return view.aux["sum"] < 10


def test_an_invariant_sees_what_a_step_shows():
    """Three ones that double: 3, 6, 12 are shown by steps 0, 1, 2."""
    data = go(Shown(), {"gain": [0.5, 2.0]}, invariant=sum_below_ten)
    assert data.bad_step[:, 0].values.tolist() == [-1, 2]
    run = nj.simulate(Shown(2.0), steps=60, dt=1.0, options=nj.Options(invariant=sum_below_ten))
    assert (run.status, run.bad_step, float(run.final_state.state[0])) == (2, 2, 4.0)


def test_an_invariant_belongs_to_what_a_store_holds(tmp_path):
    path = tmp_path / "held.zarr"
    go(Growth(), {"gain": [2.0]}, store=path, invariant=below_ten)
    with pytest.raises(ValueError, match="invariant"):
        go(Growth(), {"gain": [2.0]}, store=path)
    assert int(nj.resume(path).status[0, 0]) == 2


class Above:
    """An invariant whose objects have no description."""

    def __init__(self, least):
        self.least = least

    def __call__(self, view):
        return jnp.all(view.state > self.least)


def test_an_invariant_that_cannot_be_told_from_another_is_refused_at_once(tmp_path):
    """Not by the second call, which could not know whether it is the same."""
    with pytest.raises(ValueError, match=r"invariant is a .*Above, which cannot be told from another"):
        go(Growth(), {"gain": [2.0]}, store=tmp_path / "above.zarr", invariant=Above(0.1))
    assert not (tmp_path / "above.zarr").exists()
    assert int(go(Growth(), {"gain": [2.0]}, steps=2, invariant=Above(0.1)).status[0, 0]) == 1


def test_diverged_lanes_are_tried_again_when_asked(tmp_path):
    path = tmp_path / "again.zarr"
    go(Growth(), {"gain": [1.0, 10.0]}, store=path, lanes=1)
    go(Growth(), {"gain": [1.0, 10.0]}, store=path)
    nj.resume(path, options=nj.SweepOptions(retry="diverged"))
    assert [run["lanes"] for run in Store.open(path).runs] == [2, 1]


# Replay.


@pytest.mark.parametrize("eager", [False, True])
def test_replay_makes_the_bad_step_again(tmp_path, eager):
    """exp(exp(exp(1.6))) is infinite in float32: the lane stands at exp(exp(1.6)) = 141.4 before step 2."""
    path = tmp_path / "broken.zarr"
    data = go(Explosion(), {"start": [-1.0, 1.6, -2.0]}, store=path, seeds=2, steps=9, record={"x": nj.Last(largest)})
    assert data.bad_step.sel(start=1.6).values.tolist() == [2, 2]
    again = nj.replay(path, {"start": 1.6, "seed": 1}, eager=eager)
    assert again.lane == {"start": 1.6, "seed": 1}
    assert again.bad_step == again.before.step == 2
    assert float(again.before.state) == pytest.approx(np.exp(np.exp(1.6)), rel=1e-5)
    assert np.isinf(again.after)
    assert float(again.system.start) == np.float32(1.6)
    row = int(np.flatnonzero((Store.open(path).read("start") == 1.6) & (Store.open(path).read("seed") == 1))[0])
    assert nj.replay(path, row).before.state == again.before.state


def test_replay_of_a_sound_lane_ends_where_the_sweep_did(tmp_path):
    """To the bit: the lane runs in the kernel that it ran in, noise and all."""
    path = tmp_path / "sound.zarr"
    model = nj.Kuramoto(12, noise=0.4, frequencies=nj.Normal(1.0))
    go(model, {"coupling": [0.5, 1.0, 2.0]}, store=path, seeds=3, steps=31, record={"end": nj.Last(nj.phases)})
    for coupling, seed in ((0.5, 0), (2.0, 2)):
        again = nj.replay(path, {"coupling": coupling, "seed": seed})
        assert again.bad_step == -1
        assert again.after is None
        longer = go(model, {"coupling": [0.5, 1.0, 2.0]}, seeds=3, steps=32, record={"end": nj.Last(nj.phases)})
        assert np.array_equal(again.before.state.theta, longer.end.sel(coupling=coupling, seed=seed))
        run = nj.simulate(again.system, steps=2, dt=1.0, state=again.before)
        assert run.final_state.step == 33


def test_replay_says_what_it_cannot_find(tmp_path):
    path = tmp_path / "small.zarr"
    go(Growth(), {"gain": [1.0, 2.0]}, store=path, steps=3)
    with pytest.raises(ValueError, match="no such lane"):
        nj.replay(path, {"gain": 3.0})
    with pytest.raises(ValueError, match="there is no axis 'loss'"):
        nj.replay(path, {"loss": 3.0})
    with pytest.raises(ValueError, match="say which 'gain'"):
        nj.replay(path, {"seed": 0})
    with pytest.raises(ValueError, match="give a row from 0 to"):
        nj.replay(path, 99)


def test_a_model_of_a_scripts_own_is_given_to_replay(tmp_path):
    path = tmp_path / "local.zarr"

    def build(gain):
        return Growth(gain)

    go(build, {"gain": [1.0, 10.0]}, store=path)
    with pytest.raises(ValueError, match="run the script that made it once more"):
        nj.replay(path, {"gain": 10.0})
    assert nj.replay(path, {"gain": 10.0}, system=build).bad_step == 38
    with pytest.raises(ValueError, match="what is given is not what the store was made with"):
        nj.replay(path, {"gain": 10.0}, system=lambda gain: Growth(2 * gain))


def test_records_and_states_of_a_scripts_own_are_given_to_replay(tmp_path):
    path = tmp_path / "local.zarr"
    own = {"most": nj.Maximum(lambda view: jnp.max(view.state))}

    def begin(values, seed):
        return np.full(3, 1.0 + seed)

    go(Growth(), {"gain": [1.0, 10.0]}, store=path, record=own, state=begin, seeds=2)
    with pytest.raises(ValueError, match="cannot be built again"):
        nj.replay(path, {"gain": 10.0, "seed": 1})
    again = nj.replay(path, {"gain": 10.0, "seed": 1}, record=own, state=begin)
    assert again.bad_step == 38
    assert float(again.before.state[0]) == pytest.approx(2e38, rel=1e-5)


def place(view):
    """Where the walkers are."""
    return view.state["x"]


def thrown(values, seed):
    """A state of a lane with a key of its own."""
    return {"x": np.full(3, float(seed), np.float32), "key": jax.random.key(seed + 7)}


def same(a, b):
    return np.array_equal(a["x"], b["x"]) and np.array_equal(jax.random.key_data(a["key"]), jax.random.key_data(b["key"]))


@pytest.mark.parametrize("begin", ["own", "function", "state", "snapshot"])
def test_lanes_with_keys_in_their_states_are_swept_resumed_and_replayed(tmp_path, begin):
    """Coins are whole numbers: lanes are those of single runs to the bit, however they began, and so is where a replay ends."""
    path, half = tmp_path / "coins.zarr", nj.simulate(Coins(), steps=5, dt=1.0, seed=3).final_state
    state = {"own": None, "function": thrown, "state": half.state, "snapshot": half}[begin]
    seeds, record = 1 if begin == "snapshot" else 3, {"x": nj.Last(place)}
    settings = {"steps": 8, "dt": 1.0, "seeds": seeds, "state": state, "record": record}
    over = {"gain": [1.0, 2.0, 0.0, 1e30]}
    nj.sweep(Coins(), over, **settings, store=path, options=nj.SweepOptions(lanes=1, devices=2, shard=(0, 2)))
    assert not bool((nj.load(path).status > 0).all())
    data = nj.resume(path)
    assert data.status.sel(seed=0).values.tolist() == [1, 1, 1, 2]
    assert np.array_equal(data.x, nj.sweep(Coins(), over, **settings).x)
    for gain, seed in ((1.0, 0), (2.0, seeds - 1), (1e30, 0)):
        given = thrown({}, seed) if begin == "function" else state
        run = nj.simulate(Coins(gain), steps=8, dt=1.0, seed=None if begin == "snapshot" else seed, state=given, record=record)
        again = nj.replay(path, {"gain": gain, "seed": seed})
        assert np.array_equal(data.x.sel(gain=gain, seed=seed), run.records["x"])
        assert again.bad_step == run.bad_step
        assert again.before.step == (run.final_state.step if run.status == 1 else run.bad_step)
        assert same(again.before.state, run.final_state.state)
        if run.status == 2:
            later = jax.random.split(again.before.state["key"])[1]
            assert np.array_equal(jax.random.key_data(again.after["key"]), jax.random.key_data(later))
        more = nj.simulate(again.system, steps=2, dt=1.0, state=again.before)
        assert more.final_state.step == again.before.step + 2


def test_a_store_tells_keys_apart(tmp_path):
    path, state = tmp_path / "coins.zarr", nj.simulate(Coins(), steps=5, dt=1.0, seed=3).final_state.state
    settings = {"steps": 2, "dt": 1.0, "record": {"x": nj.Last(place)}, "store": path}
    nj.sweep(Coins(), {"gain": [1.0]}, state=state, **settings)
    nj.sweep(Coins(), {"gain": [1.0]}, state=state, **settings)
    with pytest.raises(ValueError, match=r"run\.state\.key: .*key=.*words=array"):
        nj.sweep(Coins(), {"gain": [1.0]}, state=state | {"key": jax.random.key(0)}, **settings)
    with pytest.raises(ValueError, match=r"key=threefry2x32.* in the store, .*key=rbg"):
        nj.sweep(Coins(kind="rbg"), {"gain": [1.0]}, state=state | {"key": jax.random.key(0, impl="rbg")}, **settings)


@dataclasses.dataclass(frozen=True, repr=False)
class Nameless:
    """A value that does not show itself."""

    gain: float

    def __repr__(self):
        return "some gain"


def test_an_invariant_and_axes_of_a_scripts_own_are_given_to_replay(tmp_path):
    path, starts = tmp_path / "local.zarr", [lambda gain: gain, lambda gain: 2 * gain]
    options = {"invariant": lambda view: jnp.all(view.state < 100)}

    def build(change, gain):
        return Growth(change(gain))

    over = {"change": starts, "gain": [1.0, 5.0]}
    lane = {"change": repr(starts[1]), "gain": 5.0, "seed": 0}
    go(build, over, store=path, **options)
    with pytest.raises(ValueError, match="cannot be built again"):
        nj.replay(path, 3, system=build)
    again = nj.replay(path, lane, system=build, over=over, options=nj.SweepOptions(**options))
    assert again.bad_step == 1  # 1, 10, 100
    with pytest.raises(TypeError, match=r"sytsem: give arguments of nj\.sweep: system, over, record, dt"):
        nj.replay(path, 3, sytsem=build)


def test_replay_of_a_lane_still_to_do(tmp_path):
    """Its chunk is gone; run again to the end, it breaks where it would have."""
    path = tmp_path / "left.zarr"
    go(Growth(), {"gain": [1.0, 10.0]}, store=path, lanes=1)
    (path / "status/c/1").unlink()
    again = nj.replay(path, {"gain": 10.0, "seed": 0})
    assert again.bad_step == again.before.step == 38
    assert not np.isfinite(again.after).all()


def test_one_label_of_two_objects_is_no_lane(tmp_path):
    path = tmp_path / "names.zarr"

    def build(value):
        return Growth(value.gain)

    go(build, {"value": [Nameless(1.0), Nameless(10.0)]}, store=path)
    with pytest.raises(ValueError, match="2 values of 'value' have this label; give the lane's row"):
        nj.replay(path, {"value": "some gain"}, system=build)


# A chunk.


def start(values, seed):
    """The state of a lane, unless its recording cannot be had."""
    if str(values["gain"]) == os.environ.get("NO_RECORDING"):
        raise OSError("no such recording")
    return np.full(3, seed + 1.0, np.float32)


def test_an_exception_on_the_host_stays_in_its_chunk(tmp_path, monkeypatch):
    """A start that cannot be made for two of six lanes: the other chunks are done, and the error says which are not."""
    path = tmp_path / "isolated.zarr"
    monkeypatch.setenv("NO_RECORDING", "3.0")
    with pytest.raises(nj.SweepFailed, match=r"2 lanes could not be computed.*resume(.|\n)*'gain': 3.0.*no such recording") as error:
        go(Growth(), {"gain": [1.0, 2.0, 3.0]}, store=path, seeds=2, lanes=1, steps=2, state=start)
    assert error.value.data.status.values.tolist() == [[1, 1], [1, 1], [0, 0]]
    assert sorted(lane["seed"] for one in error.value.failures for lane in one.lanes) == [0, 1]
    monkeypatch.delenv("NO_RECORDING")
    mended = go(Growth(), {"gain": [1.0, 2.0, 3.0]}, store=path, seeds=2, lanes=1, steps=2, state=start)
    assert bool((mended.status == 1).all())
    assert Store.open(path).runs[-1]["lanes"] == 2


@pytest.mark.parametrize("error", [ValueError("no"), MemoryError("host")], ids=lambda error: type(error).__name__)
def test_a_writer_that_fails_is_not_taken_for_a_lane(tmp_path, monkeypatch, error):
    path, real = tmp_path / "written.zarr", Store.commit

    def commit(self, chunk, *rest):
        if chunk == 1:
            raise error
        real(self, chunk, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "commit", commit)
        with pytest.raises(nj.StoreError, match="chunk 1 could not be written"):
            go(Growth(), {"gain": np.linspace(0.1, 1, 9)}, store=path, lanes=1)
    assert bool((go(Growth(), {"gain": np.linspace(0.1, 1, 9)}, store=path).status == 1).all())
    assert Store.open(path).runs[-1]["halvings"] == 0


# A device.


@pytest.mark.parametrize("seeds", [1, 5])
def test_kernels_are_halved_when_a_device_runs_out_of_memory(tmp_path, monkeypatch, seeds):
    """Kernels of eight lanes do not fit, those of two do: all lanes are computed, equal to rounding, and the store says so for good."""
    path, real, sizes, noted = tmp_path / "halved.zarr", Machine.run, [], []

    def run(self, kernels, **watching):
        sizes.append(kernels[0].rows.size)
        noted.extend(run["halvings"] for run in Store.open(path).runs if sizes[-1] <= 2)
        if kernels[0].rows.size > 2:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 8589934592 bytes.")
        return real(self, kernels, **watching)

    gains = np.linspace(0.5, 1.0, 11)
    expected = go(Growth(), {"gain": gains}, seeds=seeds, lanes=8)
    monkeypatch.setattr(Machine, "run", run)
    data = go(Growth(), {"gain": gains}, seeds=seeds, lanes=8, store=path)
    assert np.allclose(data.most, expected.most, rtol=1e-6)
    assert Store.open(path).runs[0]["halvings"] == sum(size > 2 for size in sizes)
    assert set(noted) == {sum(size > 2 for size in sizes)}  # before the first of them runs: a kill must not lose it
    monkeypatch.undo()
    with pytest.MonkeyPatch.context() as patch:
        kept = []
        patch.setattr(Machine, "run", lambda self, kernels, **w: kept.append(kernels[0].rows.size) or real(self, kernels, **w))
        go(Growth(), {"gain": [*gains, 1.5]}, seeds=seeds, store=path)
        assert max(kept) <= 2
    assert nj.replay(path, {"gain": 1.0}).bad_step == -1


def test_memory_that_runs_out_while_kernels_are_tried_alone_is_halved_too(monkeypatch):
    """A passing fault of a launch for two chunks, then too little memory for either: the kernels shrink, and no lane is lost."""
    real, sizes = Machine.run, []

    def run(self, kernels, **watching):
        sizes.append(kernels[0].rows.size)
        if len(sizes) == 1:
            raise RuntimeError("a passing fault")
        if sizes[-1] > 1:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory.")
        return real(self, kernels, **watching)

    monkeypatch.setattr(Machine, "run", run)
    data = go(Growth(), {"gain": [0.5, 1.0, 2.0, 3.0]}, steps=3, lanes=2)
    assert data.most[:, 0].values.tolist() == [0.25, 1.0, 4.0, 9.0]
    assert sizes == [2, 2, 1, 1]


def test_one_lane_that_does_not_fit_is_an_error(monkeypatch):
    def run(self, kernels, **watching):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory.")

    monkeypatch.setattr(Machine, "run", run)
    with pytest.raises(MemoryError, match="one lane does not fit"):
        go(Growth(), {"gain": [0.5, 1.0, 2.0]})


def test_info_says_what_broke(tmp_path):
    from neurojax.cli.stores import described

    path = tmp_path / "broken.zarr"
    go(Growth(), {"gain": [1.0, 10.0, 2.0]}, store=path)
    text = described(path)
    assert "lanes   3: 2 done, 0 to do, 1 diverged" in text
    assert "at step 38; nj.replay(" in text
    assert json.dumps(nj.load(path).attrs["what"])


class Flash(nj.System):
    """x -> 1 / x from (nearly) 0: infinite at every other step, so that only a look at the right moment sees it."""

    start: Any = 0.0

    def init(self, key):
        return jnp.asarray(self.start)

    def step(self, state, clock, drawn):
        return 1 / state


@pytest.mark.parametrize("lanes", [1, 3])
def test_what_is_found_does_not_depend_on_the_length_of_blocks(lanes, monkeypatch):
    """Lanes that are infinite at odd steps pass the looks, at multiples of 32, whatever the pace; at an odd end all are caught."""
    for steps, status in ((640, 1), (641, 2)):
        for pace in (1, 33, 50, 1000):
            monkeypatch.setattr(Pace.__init__, "__defaults__", (pace, 0.0, time.perf_counter))
            data = go(Flash(), {"start": [0.0, 1e-45, 1e-44]}, steps=steps, lanes=lanes)
            assert set(data.status.values.ravel().tolist()) == {status}
            if status == 2:
                assert set(data.bad_step.values.ravel().tolist()) == {640}
    data = go(Flash(), {"start": [0.0, 1e-45, 1e-44]}, steps=640, lanes=lanes, invariant=lambda view: jnp.isfinite(view.state))
    assert data.bad_step.values.ravel().tolist() == [0, 0, 0]
