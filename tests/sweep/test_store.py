"""Stores: extended, damaged, refused, read while they are written, exported."""

import errno
import json
import pickle
import shutil
import warnings

import numpy as np
import pytest
import xarray as xr
import zarr

import neurojax as nj
from neurojax.sweep import store as module
from neurojax.sweep.plan import Request
from neurojax.sweep.run import perform, planned
from neurojax.sweep.store import Store
from tests.sweep.models import Growth, largest

MODEL = nj.Kuramoto(12, noise=0.2, frequencies=nj.Normal(1.0))
RECORD = {"r": nj.Mean(nj.order_parameter), "trace": nj.Trace(nj.order_parameter, every=4)}
COUPLINGS = [0.0, 1.0, 2.0, 3.0]


def go(couplings=COUPLINGS, seeds=2, model=MODEL, over=None, record=RECORD, lanes=2, steps=12, store=None, **options):
    options = nj.SweepOptions(lanes=lanes, **options)
    return nj.sweep(model, over or {"coupling": couplings}, seeds=seeds, steps=steps, dt=0.1, record=record, store=store, options=options)


def chunks(path):
    """Every file of the table's arrays, by name."""
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.glob("*/c/**/*")) if file.is_file()}


@pytest.fixture
def path(tmp_path):
    go(store=tmp_path / "sweep.zarr")
    return tmp_path / "sweep.zarr"


# More points.


def test_more_seeds_and_values_reuse_what_is_there(path):
    """Lanes added to a store stand beside the old ones, whose bytes stay; all equal a fresh sweep's to rounding."""
    old = chunks(path)
    finer = go([0.0, 0.5, 1.0, 2.0, 2.5, 3.0], seeds=3, store=path)
    fresh = go([0.0, 0.5, 1.0, 2.0, 2.5, 3.0], seeds=3)
    assert np.allclose(finer.r, fresh.r, atol=1e-6)
    new = chunks(path)
    assert all(new[name] == data for name, data in old.items())
    assert Store.open(path).runs[-1]["lanes"] == 18 - 8
    assert [batch.first_chunk for batch in Store.open(path).batches] == [0, 4]
    assert go(seeds=3, store=path).r.shape == (4, 3)
    assert len(Store.open(path).runs) == 2  # nothing was left to do
    whole = nj.load(path)
    assert whole.coupling.values.tolist() == [0.0, 0.5, 1.0, 2.0, 2.5, 3.0]
    assert whole.seed.values.tolist() == [0, 1, 2]
    assert np.array_equal(whole.r, finer.r)


def test_a_call_gets_its_own_grid_in_its_own_order(path):
    part = go([3.0, 1.0], seeds=[1], store=path)
    assert part.coupling.values.tolist() == [3.0, 1.0]
    assert np.array_equal(part.r, nj.load(path).r.sel(coupling=[3.0, 1.0], seed=[1]))


def test_holes_are_lanes_to_do(path):
    """Two extensions that do not make a product: the rest of the grid is blank, and says so."""
    go([4.0], seeds=[7], store=path)
    whole = nj.load(path)
    assert whole.status.shape == (5, 3)
    assert int((whole.status == 1).sum()) == 9
    assert np.isnan(whole.r.sel(coupling=4.0, seed=0))
    assert int(whole.bad_step.sel(coupling=4.0, seed=0)) == -1


def test_objects_on_an_axis_are_added_by_their_content(tmp_path):
    path = tmp_path / "graphs.zarr"
    ring, random = nj.Ring(), nj.ErdosRenyi(p=0.4)
    go(over={"graph": [ring]}, store=path)
    both = go(over={"graph": [random, ring]}, store=path)
    assert Store.open(path).runs[-1]["lanes"] == 2
    assert np.allclose(both.r, go(over={"graph": [random, ring]}).r, atol=1e-6)
    assert nj.load(path).graph.values.tolist() == [repr(ring), repr(random)]
    assert np.allclose(nj.resume(path).r[::-1], both.r)


def test_whole_numbers_and_fractions_may_share_an_axis(tmp_path):
    path = tmp_path / "numbers.zarr"
    assert go([1, 2], store=path).coupling.dtype == np.int64
    go([1.5], store=path)
    assert nj.load(path).coupling.values.tolist() == [1.0, 1.5, 2.0]


def test_static_axes_and_zipped_ones_grow_too(tmp_path):
    path = tmp_path / "sizes.zarr"
    go(over={"n": [8, 12], "coupling": [1.0, 2.0]}, store=path)
    more = go(over={"n": [8, 10, 12], "coupling": [1.0, 2.0, 3.0]}, store=path)
    assert Store.open(path).runs[-1]["lanes"] == 18 - 8
    assert np.allclose(more.r, go(over={"n": [8, 10, 12], "coupling": [1.0, 2.0, 3.0]}).r, atol=1e-6)
    path, box = tmp_path / "box.zarr", {"coupling": (0.0, 4.0), "noise": (0.0, 1.0)}
    few = go(over={"sample": nj.random_axis(box, 3, seed=1)}, store=path)
    many = go(over={"sample": nj.random_axis(box, 5, seed=1)}, store=path)
    assert Store.open(path).runs[-1]["lanes"] == 4
    assert np.array_equal(many.r[:3], few.r)


def test_a_store_grows_while_it_is_incomplete(path):
    """A lost chunk of the first batch is computed when it is asked for, with what is new; chunks of others are left alone."""
    before = chunks(path)
    (path / "status/c/0").unlink()
    (path / "status/c/3").unlink()
    wanted = int(Store.open(path).read("coupling")[0])
    go([wanted, 9.0], seeds=2, store=path)
    assert (path / "status/c/0").exists()
    assert not (path / "status/c/3").exists()
    nj.resume(path)
    after = chunks(path)
    assert all(after[name] == data for name, data in before.items())


def test_a_chunk_that_is_written_anew_does_not_count_as_finished_until_it_is_whole(path, monkeypatch):
    """Stopped between two records, as by a kill, a retry leaves lanes to do, not a chunk that is half of each run."""
    store = Store.open(path, mode="r+")
    lanes = store.chunk
    before = store.array("r")[:lanes]
    array = store.array
    monkeypatch.setattr(store, "array", lambda name: array(name) if name != "trace" else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        store.commit(0, {"r": before + 1, "trace": np.zeros((lanes, 3))}, np.ones(lanes, np.int8), np.full(lanes, -1))
    assert Store.open(path).status()[: 2 * lanes].tolist() == [0] * lanes + [1] * lanes
    nj.resume(path)
    assert np.array_equal(Store.open(path).array("r")[:lanes], before)


def test_axes_in_another_order_are_the_same_lanes(tmp_path):
    """Half of a store by one order of the axes, the rest by the other; zipped columns in another order too."""
    path, one, other = tmp_path / "order.zarr", [0.5, 1.5, 2.5], [0.1, 0.4]
    go(over={"coupling": one, "lag": other}, store=path, shard=(0, 2))
    both = go(over={"lag": other, "coupling": one}, store=path)
    assert np.allclose(both.r, go(over={"lag": other, "coupling": one}).r, atol=1e-6)
    path = tmp_path / "zipped.zarr"
    go(over={"walk": nj.zip(coupling=one, lag=[0.1, 0.2, 0.3])}, store=path)
    again = go(over={"walk": nj.zip(lag=[0.3, 0.4], coupling=[2.5, 3.5])}, store=path)
    assert Store.open(path).runs[-1]["lanes"] == 2
    assert np.allclose(again.r, go(over={"walk": nj.zip(lag=[0.3, 0.4], coupling=[2.5, 3.5])}).r, atol=1e-6)
    assert nj.load(path).lag.values.tolist() == [0.1, 0.2, 0.3, 0.4]


def test_a_plan_made_before_another_process_made_the_store(tmp_path):
    """Its own sizes of kernels and chunks give way to those of the store."""
    path = tmp_path / "sizes.zarr"
    plans = [planned(Request(MODEL, {"coupling": values}, 0.1, steps=12, seeds=2, record=RECORD), path) for values in ([1.0], range(9))]
    for plan in plans:
        perform(plan, path)
    assert bool((nj.resume(path).status == 1).all())
    assert nj.load(path).r.shape == (9, 2)


def test_a_long_axis_is_an_array_of_the_store(tmp_path):
    """Beyond a thousand values the attributes of a batch only refer to them; damage to them is named."""
    path, model, record = tmp_path / "long.zarr", Growth(), {"most": nj.Last(largest)}
    gains = np.random.default_rng(0).random(1500)
    options = {"model": model, "record": record, "lanes": 500, "steps": 2, "seeds": 1, "store": path}
    go(over={"p": nj.zip(gain=gains[:1200])}, **options)
    go(over={"p": nj.zip(gain=gains)}, **options)
    assert all(len((path / f"batches/{name}/zarr.json").read_text()) < 2000 for name in ("0000", "0001"))
    assert [run["lanes"] for run in Store.open(path).runs] == [1200, 300]
    data = nj.load(path)
    assert np.array_equal(data.gain, gains)
    assert np.allclose(data.most[:, 0], gains)  # before the second step
    assert nj.resume(path).sizes["p"] == 1500
    harmful(next(path.glob("arrays/*/c/0")), "cut")
    with pytest.raises(ValueError, match=r"batches/000.: arrays/.* is damaged .*; bring it back from a copy"):
        nj.load(path)


def test_arrays_of_a_later_batch_are_kept(tmp_path):
    path, rows = tmp_path / "arrays.zarr", np.random.default_rng(0).normal(size=(4, 12))
    go(over={"frequencies": rows[:2]}, store=path)
    whole = go(over={"frequencies": rows}, store=path).r.values
    for file in path.glob("status/c/*"):
        file.unlink()
    nj.resume(path)
    assert np.array_equal(go(over={"frequencies": rows}, store=path).r, whole)
    kept = next(path.glob("arrays/*/c/0*"))
    shutil.rmtree(kept) if kept.is_dir() else kept.unlink()
    with pytest.raises(ValueError, match="is damaged"):
        nj.resume(path)


def test_a_record_without_samples_completes(tmp_path):
    path = tmp_path / "none.zarr"
    record = {"r": nj.Mean(nj.order_parameter), "late": nj.Trace(nj.order_parameter, every=100, warmup=0.5)}
    assert bool((go(store=path, record=record).status == 1).all())
    go(store=path, record=record)
    assert len(Store.open(path).runs) == 1


def test_lazy_data_can_be_copied_changed_and_sent(path):
    data = nj.load(path)
    sent = pickle.loads(pickle.dumps(data))
    assert np.array_equal(sent.trace, data.trace)
    data.r[0, 0] = 5.0
    assert float(data.r[0, 0]) == 5.0
    assert float(nj.load(path).r[0, 0]) != 5.0


def test_lazy_data_of_a_store_that_is_gone_is_an_error(path, monkeypatch):
    """Not NaN. Another working directory does not matter."""
    monkeypatch.chdir(path.parent)
    near, far = nj.load(path.name), nj.load(path.name)
    monkeypatch.chdir("/")
    assert np.isfinite(near.r).all()
    shutil.rmtree(path)
    with pytest.raises(FileNotFoundError, match="load it again"):
        far.r.values  # noqa: B018


# Refusals.


def test_numbers_and_objects_do_not_share_an_axis(tmp_path):
    path = tmp_path / "kinds.zarr"
    go(over={"lag": [0.0, 1.0]}, store=path)
    with pytest.raises(ValueError, match=r"over\['lag'\] has objects here and numbers there"):
        go(over={"lag": [None, 0.1]}, store=path)


@pytest.mark.parametrize("name", ["runs", "zarr.json", "a/b", ".hidden"])
def test_names_that_a_store_cannot_hold(tmp_path, name):
    with pytest.raises(ValueError, match="uses this name itself, or cannot hold it"):
        go(record={name: nj.Mean(nj.order_parameter)}, store=tmp_path / "x.zarr")
    assert list(tmp_path.iterdir()) == []


def test_another_sweep_is_refused_with_the_differences(path):
    with pytest.raises(
        ValueError, match=r"holds another sweep(.|\n)*system.lag: None in the store, 0.3 here\n  run.steps: 12 in the store, 13"
    ):
        go(model=nj.Kuramoto(12, noise=0.2, lag=0.3, frequencies=nj.Normal(1.0)), steps=13, store=path)
    with pytest.raises(ValueError, match=r"over \{'coupling': \['coupling'\]\}, this one is over \{'noise'"):
        go(over={"noise": [0.1]}, store=path)
    with pytest.raises(ValueError, match=r"options.rng: paired in the store, independent here"):
        go(rng="independent", store=path)


def test_foreign_folders_are_refused_and_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    zarr.open_group(tmp_path / "other.zarr", mode="w")
    for name, said in (("mine", "is not a zarr group"), ("other.zarr", "no header of a neurojax sweep")):
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(ValueError, match=said):
            go(store=tmp_path / name)
        assert sorted(tmp_path.rglob("*")) == before


def test_an_edited_attribute_is_noticed(path):
    for file in (path / "zarr.json", path / "batches/0000/zarr.json"):
        text = file.read_text()
        meta = json.loads(text)
        if "what" in meta["attributes"]:
            meta["attributes"]["what"]["run"]["steps"] = 13
        else:
            meta["attributes"]["axes"]["coupling"]["coupling"][1] = 1.25
        file.write_text(json.dumps(meta))
        with pytest.raises(ValueError, match="changed after they were written"):
            nj.load(path)
        with pytest.raises(ValueError, match="changed after they were written"):
            go(store=path)
        file.write_text(text)
    assert int((nj.load(path).status == 1).sum()) == 8


def test_a_newer_schema_is_refused(path):
    zarr.open_group(path, mode="r+").attrs["schema"] = 99
    with pytest.raises(ValueError, match=r"schema 99, this version reads up to 2; update neurojax"):
        nj.load(path)


# Damage.


@pytest.mark.parametrize("name", ["r", "trace", "bad_step", "status"])
@pytest.mark.parametrize("harm", ["cut", "flip", "delete"])
def test_a_damaged_chunk_is_seen_and_computed_again(path, name, harm):
    """Cut in half, one byte changed, or gone: reading warns and blanks that chunk alone, the other lanes stay; the same call mends it."""
    whole, before = nj.load(path).load(), chunks(path)
    file = path / "trace/c/1/0" if name == "trace" else path / f"{name}/c/1"
    harmful(file, harm)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        seen = nj.load(path).load()
    same = (seen.trace == whole.trace).all("trace_time") & (seen.r == whole.r)
    assert int(same.sum()) >= 6
    assert bool((same | (seen.status == 0) | np.isnan(seen.r) | np.isnan(seen.trace).any("trace_time")).all())
    if not (name == "status" and harm == "delete"):
        assert any("sweep.zarr" in str(one.message) and name in str(one.message) for one in caught)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        go(store=path)
    assert chunks(path) == before
    assert nj.load(path).load().equals(whole)


def harmful(file, harm):
    data = file.read_bytes()
    if harm == "delete":
        file.unlink()
    else:
        file.write_bytes(data[: len(data) // 2] if harm == "cut" else data[:-1] + bytes([data[-1] ^ 1]))


def test_damaged_metadata_is_named(path):
    for file, said in (
        ("r/zarr.json", "r/zarr.json is gone or damaged"),
        ("batches/0000/zarr.json", "batches/0000/zarr.json is gone"),
        ("zarr.json", "its zarr.json is gone or damaged"),
    ):
        data = (path / file).read_bytes()
        (path / file).unlink()
        for call in (lambda: nj.load(path), lambda: go(store=path)):
            with pytest.raises(ValueError, match=said):
                call()
        (path / file).write_bytes(data)
    (path / "trace_time/c/0").unlink()
    assert nj.load(path).trace_time.values.tolist() == [0.0, 0.4, 0.8]  # kept in the header, too


@pytest.mark.parametrize("harm", ["cut", "delete"])
def test_damaged_coordinates_are_written_again(path, harm):
    before = chunks(path)
    harmful(path / "coupling/c/2", harm)
    with pytest.warns(UserWarning, match="coupling"):
        nj.load(path)
    assert int((go(store=path).status == 1).sum()) == 8
    assert chunks(path) == before
    assert len(Store.open(path).batches) == 1


# The disk.


class Failing:
    """A disk that takes so many files, then answers with an error."""

    def __init__(self, monkeypatch, allowed, code):
        from zarr.storage import _local

        real = _local._put

        def put(place, value, exclusive=False):
            self.taken += 1
            if self.taken > self.allowed:
                raise OSError(code, errno.errorcode[code])
            return real(place, value, exclusive)

        self.taken, self.allowed = 0, allowed
        monkeypatch.setattr(_local, "_put", put)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES], ids=errno.errorcode.get)
@pytest.mark.parametrize("allowed", [3, 46, 53])
def test_a_disk_that_fails_costs_nothing_that_was_committed(tmp_path, monkeypatch, code, allowed):
    """Early: nothing is left behind. Later: the store is valid, and the same call ends with the bytes of an undisturbed sweep."""
    calm, path = tmp_path / "calm.zarr", tmp_path / "full.zarr"
    go(store=calm)
    with monkeypatch.context() as patch:
        Failing(patch, allowed, code)
        with pytest.raises(nj.StoreError, match=r"full.zarr.*(nothing was left there|what was committed before is safe)"):
            go(store=path)
    if allowed == 3:
        assert sorted(file.name for file in tmp_path.iterdir()) == ["calm.zarr"]
    else:
        done = int((nj.load(path).status == 1).sum())
        assert done < 8
        assert done == 2 * sum(1 for _ in path.glob("status/c/*"))
    go(store=path)
    assert chunks(path) == chunks(calm)


# Reading.


def test_the_flat_table_has_a_row_per_lane(path):
    flat = xr.open_zarr(path, consolidated=False)
    real = flat.status.values == 1
    lanes = set(zip(flat.coupling.values[real].tolist(), flat.seed.values[real].tolist(), strict=True))
    assert lanes == {(k, s) for k in COUPLINGS for s in (0, 1)}
    assert float(flat.r[np.flatnonzero((flat.coupling == 2.0) & (flat.seed == 1))[0]]) == float(nj.load(path).r.sel(coupling=2.0, seed=1))


def test_reading_a_slice_touches_its_chunks_only(path, monkeypatch):
    read, whole, some = [], Store.read, Store.read_chunks
    monkeypatch.setattr(Store, "read", lambda self, name, rows=None: read.append((name, rows)) or whole(self, name, rows))
    monkeypatch.setattr(Store, "read_chunks", lambda self, name, chunks: read.append((name, chunks)) or some(self, name, chunks))
    data = nj.load(path)
    read.clear()
    piece = data.trace.sel(coupling=2.0, seed=1).isel(trace_time=slice(1, 3))
    assert read == []
    values = piece.values
    assert [(name, len(chunks)) for name, chunks in read] == [("trace", 1)]
    assert np.array_equal(values, data.load().trace.sel(coupling=2.0, seed=1)[1:3])


@pytest.mark.parametrize("key", [{"coupling": [2, 0]}, {"seed": 1}, {"coupling": slice(1, None), "trace_time": [2, 0]}, {"trace_time": -1}])
def test_lazy_indexing_equals_indexing_what_was_read(path, key):
    lazy, eager = nj.load(path).trace, nj.load(path).load().trace
    assert np.array_equal(lazy.isel(key).values, eager.isel(key).values)


def test_a_store_of_the_first_schema_is_read(path):
    """Rewritten as version 0.1 wrote it: one header, no batches or runs; measures by name. It is read, and not added to."""
    group = zarr.open_group(path, mode="r+")
    new = dict(group.attrs)
    what = new["what"] | {"records": {"r": {"class": "Mean", "measure": "neurojax.kuramoto.measures.order_parameter"}, "trace": None}}
    old = {
        **{name: new[name] for name in ("format", "fingerprint", "chunk", "lanes", "records", "provenance")},
        "schema": 1,
        "what": what,
        "axes": {"coupling": {"coupling": COUPLINGS}},
        "seeds": [0, 1],
        "seconds": 1.5,
    }
    now = nj.load(path).load()
    for name in ("batches", "runs", "arrays"):
        shutil.rmtree(path / name)
    group.attrs.put(old)
    for file in (path / "bad_step/c").iterdir():
        file.unlink()  # chunks of blanks were not written
    then = nj.load(path)
    assert then.load().equals(now)
    assert json.loads(then.attrs["what"])["records"]["r"]["measure"] == {"function": "neurojax.kuramoto.measures.order_parameter"}
    with pytest.raises(ValueError, match="schema 1, which this version reads but does not add to"):
        go(store=path)


# Writing.


def test_two_makers_of_one_store(tmp_path, monkeypatch):
    """Another process makes the store while this one is still writing its own beside it: its store is used."""
    path, real, raced = tmp_path / "race.zarr", module.os.rename, []

    def rename(source, target):
        if not raced:
            raced.append(True)
            go(store=path)
        real(source, target)

    monkeypatch.setattr(module.os, "rename", rename)
    data = go(store=path)
    assert int((data.status == 1).sum()) == 8
    assert [run["lanes"] for run in Store.open(path).runs] == [8]
    assert [file.name for file in tmp_path.iterdir()] == ["race.zarr"]


def test_two_that_extend_one_store(path, monkeypatch):
    """Another process adds its own lanes first: both sets are there in the end, none twice."""
    real, raced = Store.add, []

    def add(self, batch, number):
        if not raced:
            raced.append(True)
            go([7.0, 8.0], store=path)
        return real(self, batch, number)

    monkeypatch.setattr(Store, "add", add)
    go([8.0, 9.0], store=path)
    whole = nj.load(path)
    assert whole.coupling.values.tolist() == [*COUPLINGS, 7.0, 8.0, 9.0]
    assert bool((whole.status == 1).all())
    assert int((Store.open(path).read("seed") >= 0).sum()) == 14


def test_every_run_leaves_a_record(path):
    (first,) = Store.open(path).runs
    assert first["lanes"] == 8
    assert first["diverged"] == first["failed"] == 0
    assert set(first["versions"]) >= {"neurojax", "jax", "python"}
    assert 0 <= first["seconds"]["compute"] <= first["seconds"]["total"]
    assert first["ended"] >= first["started"]
    go(seeds=4, store=path)
    assert [run["lanes"] for run in Store.open(path).runs] == [8, 8]


def test_a_full_store_holds_less_than_twice_the_raw_bytes(tmp_path):
    """Files of 4,096 lanes against their records and coordinates, uncompressed."""
    path = tmp_path / "small.zarr"
    data = go(np.linspace(0, 4, 256), seeds=16, record={"r": nj.Mean(nj.order_parameter)}, lanes=256, steps=3, store=path)
    raw = data.status.size * (4 + 8 + 8 + 1 + 4)
    assert sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) < 2 * raw


def test_export(path, tmp_path):
    nj.export(path, tmp_path / "out" / "sweep.nc")
    with xr.open_dataset(tmp_path / "out" / "sweep.nc", engine="h5netcdf") as data:
        assert data.load().equals(nj.load(path).load())
    lines = nj.export(nj.load(path), tmp_path / "sweep.csv").read_text().splitlines()
    assert lines[0] == "coupling,seed,status,bad_step,r"
    assert len(lines) == 9
    assert float(lines[1].split(",")[-1]) == pytest.approx(float(nj.load(path).r[0, 0]), rel=1e-6)
    with pytest.raises(ValueError, match=r"ends in .nc or .csv"):
        nj.export(path, tmp_path / "sweep.xlsx")
