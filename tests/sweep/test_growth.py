"""Stores that grow: any first call, any second one."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from neurojax.sweep.coordinates import places
from neurojax.sweep.store import Store
from tests.sweep.models import Growth, largest

RECORD = {"most": nj.Last(largest)}


def go(gains, store, lanes=None, seeds=1, record=RECORD, steps=3, **settings):
    options = nj.SweepOptions(lanes=lanes, progress=False)
    settings = {"dt": 1.0, "over": {"gain": gains}} | settings
    return nj.sweep(Growth(), seeds=seeds, steps=steps, record=record, store=store, options=options, **settings)


@pytest.mark.parametrize(("first", "then", "lanes"), [(5, 13, 8), (2, 50, 4), (2, 50, 64), (1, 3, 1), (10, 11, 8), (7, 300, 64)])
def test_the_first_call_does_not_limit_the_next(tmp_path, first, then, lanes):
    """Few lanes in small chunks, then many, and more seeds: every lane is what it is alone (gain^2, before the third step)."""
    gains, path = np.linspace(0.1, 2.0, then), tmp_path / "grown.zarr"
    go(gains[:first], path, lanes)
    data = go(gains, path, seeds=3)
    assert np.allclose(data.most, np.broadcast_to(gains[:, None] ** 2, data.most.shape), rtol=1e-6)
    assert bool((nj.resume(path).status == 1).all())
    assert sum(run["lanes"] for run in Store.open(path).runs) == 3 * then


@pytest.mark.parametrize("name", ["status", "gain"])
def test_what_another_process_adds_meanwhile_is_left_for_the_next_look(tmp_path, monkeypatch, name):
    """Whoever reads a store while it grows sees as many rows of everything: here it grows after each step of a look by turns."""
    path = tmp_path / "growing.zarr"
    go([1.0, 2.0], path)
    read, batches = Store.read, Store.batches.fget

    added = iter([[3.0, 4.0, 5.0], [7.0, 8.0]])

    def grow():
        monkeypatch.undo()
        go([1.0, *next(added)], path)

    def slow_read(self, wanted, rows=None):
        found = read(self, wanted, rows)
        if wanted == name:
            grow()
        return found

    def slow_batches(self):
        found = batches(self)
        if name == "batches":
            grow()
        return found

    def slow():
        monkeypatch.setattr(Store, "read", slow_read)
        monkeypatch.setattr(Store, "batches", property(slow_batches))

    slow()
    assert nj.load(path).most.shape == (2, 1)
    assert nj.load(path).most.shape == (5, 1)
    slow()
    assert float(go([1.0, 6.0], path).most[1, 0]) == 36.0
    assert nj.load(path).gain.values.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]


def test_places_on_an_axis_of_many_columns():
    """5,000 points of six columns, whose product of lengths no int64 holds: each row is found, and no other."""
    rng = np.random.default_rng(0)
    axis, order = list(rng.normal(size=(6, 5000))), rng.permutation(5000)
    assert np.array_equal(places(axis, [column[order] for column in axis]), order)
    strangers = [np.roll(axis[0], 1), *axis[1:]]
    assert np.all(places(axis, strangers) == -1)


def test_an_axis_with_one_object_twice_is_refused():
    for values in ([nj.Heun(), nj.RK4(), nj.Heun()], np.zeros((2, 3))):
        with pytest.raises(ValueError, match=r"places \d and \d have the same value"):
            nj.sweep(
                nj.Kuramoto(3),
                {"method" if isinstance(values, list) else "frequencies": values},
                steps=2,
                dt=0.1,
                record={"r": nj.Last(nj.order_parameter)},
            )


def test_arrays_of_truths_and_names_are_lists_of_them():
    """np.array([True, False]) on an axis is labelled by its values, as a list is."""

    def build(flag):
        return Growth(2.0 if flag in (True, "up") else 0.5)

    for values in (np.array([True, False]), np.array(["up", "down"])):
        data = nj.sweep(build, {"flag": values}, steps=2, dt=1.0, record=RECORD)
        assert data.most.sel(flag=values[0]).values.tolist() == [2.0]
        assert data.most.sel(flag=values[1]).values.tolist() == [0.5]


def test_other_sample_times_are_refused(tmp_path):
    """A store whose traces were sampled at one dt has no room for those of another: the times would be wrong for one of them."""
    path, record = tmp_path / "times.zarr", {"x": nj.Trace(largest)}
    nj.sweep(Growth(), {"dt": [0.1]}, steps=3, record=record, dt=0.1, store=path)
    for values in ([0.1, 0.2], [0.2]):
        with pytest.raises(ValueError, match=r"record 'x' has (another|one) 'x_time'.*give another path"):
            nj.sweep(Growth(), {"dt": values}, steps=3, record=record, dt=0.1, store=path)
    assert nj.load(path).x.shape == (1, 1, 3)


class Kind(nj.System):
    """Holds still; what is recorded of it depends on `kind`."""

    kind: str = eqx.field(static=True, default="whole")

    def init(self, key):
        return jnp.asarray(3.7)

    def step(self, state, clock, drawn):
        return state


def shown(view):
    """A whole number, a fraction, or one with a name."""
    kinds = {"whole": view.state.astype(jnp.int32), "fraction": view.state, "named": {"part": view.state}}
    return kinds[view.system.kind]


def test_records_of_another_kind_are_refused(tmp_path):
    """Whole numbers at the first points, fractions or names of their own at the next: in one call, and in two."""
    path, settings = tmp_path / "kinds.zarr", {"steps": 2, "dt": 1.0, "record": {"k": nj.Last(shown)}}
    nj.sweep(Kind(), {"kind": ["whole"]}, store=path, **settings)
    for kind, here, together in (
        ("fraction", r"int32\[\] there, float32\[\] at", "int32 at some points"),
        ("named", "records are", "it gives"),
    ):
        with pytest.raises(ValueError, match=here):
            nj.sweep(Kind(), {"kind": [kind]}, store=path, **settings)
        with pytest.raises(ValueError, match=together):
            nj.sweep(Kind(), {"kind": ["whole", kind]}, store=path, **settings)
    assert nj.load(path).k.values.tolist() == [[3]]


@pytest.mark.parametrize(
    "record", [{"x_time": nj.Last(largest), "x": nj.Trace(largest)}, {"x": nj.Trace(largest), "x_time": nj.Last(largest)}]
)
def test_a_record_with_the_name_of_anothers_dimension_is_refused_at_once(record, tmp_path):
    with pytest.raises(ValueError, match=r"record\['x_time'\]: this name is an axis, another record's dimension"):
        go([1.0], tmp_path / "names.zarr", record=record)
    assert not (tmp_path / "names.zarr").exists()


def test_an_axis_with_the_name_of_a_records_dimension_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"record\['x'\] has a dimension 'x_time', as an axis is called"):
        nj.sweep(lambda x_time: Growth(x_time), {"x_time": [1.0]}, steps=3, dt=1.0, record={"x": nj.Trace(largest)})
