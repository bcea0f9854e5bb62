"""Axes of every kind, and the coordinates that come back."""

import enum
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
import zarr

import neurojax as nj

RECORD = {"r": nj.Mean(nj.order_parameter)}
MODEL = nj.Kuramoto(16, frequencies=nj.Normal(1.0))


def go(model, over, **more):
    return nj.sweep(model, over, **{"steps": 12, "dt": 0.1, "record": RECORD, **more})


def alone(model, seed=0, steps=12, dt=0.1):
    return float(nj.simulate(model, steps=steps, dt=dt, seed=seed, record=RECORD).records["r"])


def test_coordinates_are_the_float64_numbers_that_went_in():
    noise = [0.1, 1 / 3, 0.7]
    data = go(MODEL, {"coupling": np.linspace(0, 4, 7), "noise": noise})
    assert data.noise.values.tolist() == noise
    assert data.coupling.values.tolist() == np.linspace(0, 4, 7).tolist()
    assert data.r.sel(noise=0.1, coupling=4.0).shape == (1,)
    assert data.r.dims == ("coupling", "noise", "seed")


def test_zip_walks_together():
    data = go(MODEL, {"walk": nj.zip(coupling=[1.0, 2.0, 3.0], noise=[0.1, 0.1, 0.3])})
    assert data.r.dims == ("walk", "seed")
    assert data.noise.values.tolist() == [0.1, 0.1, 0.3]
    assert float(data.r[2, 0]) == pytest.approx(alone(nj.Kuramoto(16, coupling=3.0, noise=0.3)), abs=1e-5)


def test_random_and_latin_hypercube_axes():
    """Ranges, the stratification of a hypercube (each tenth of each range once), and reproducibility."""
    ranges = {"coupling": (1.0, 3.0), "noise": (0.01, 1.0)}
    cube = nj.latin_hypercube(ranges, 10, seed=4, log=["noise"])
    place = np.floor((np.log(cube.columns["noise"]) - np.log(0.01)) / np.log(100) * 10)
    assert sorted(place) == list(range(10))
    box = nj.random_axis(ranges, 6, seed=4)
    assert np.array_equal(box.columns["coupling"], nj.random_axis(ranges, 9, seed=4).columns["coupling"][:6])
    data = go(MODEL, {"sample": box}, seeds=2)
    assert data.r.shape == (6, 2)
    assert np.array_equal(data.noise, box.columns["noise"])


def test_axes_over_static_sizes_and_the_step_are_loops_of_programs():
    data = go(MODEL, {"n": [8, 16], "dt": [0.1, 0.05], "coupling": [1.0, 2.0]})
    assert data.r.dims == ("n", "dt", "coupling", "seed")
    expected = alone(nj.Kuramoto(8, coupling=2.0), dt=0.05)
    assert float(data.r.sel(n=8, dt=0.05, coupling=2.0)[0]) == pytest.approx(expected, abs=1e-5)


def test_an_axis_over_the_duration():
    data = go(MODEL, {"steps": [3, 9]}, steps=None, duration=1.0)
    assert float(data.r.sel(steps=9)[0]) == pytest.approx(alone(MODEL, steps=9), abs=1e-6)


def test_nested_parameters_and_array_values():
    """`frequencies.scale` by suffix; a column of arrays replaces the whole distribution."""
    data = go(MODEL, {"scale": [0.5, 2.0]})
    assert float(data.r.sel(scale=2.0)[0]) == pytest.approx(alone(nj.Kuramoto(16, frequencies=nj.Normal(2.0))), abs=1e-5)
    omegas = np.random.default_rng(0).normal(size=(3, 16))
    data = go(MODEL, {"frequencies": omegas})
    assert float(data.r[1, 0]) == pytest.approx(alone(nj.Kuramoto(16, frequencies=omegas[1])), abs=1e-5)


def test_a_function_that_builds_the_model():
    def build(coupling, ratio):
        return nj.Kuramoto(16, coupling=coupling, noise=ratio * coupling)

    data = go(build, {"coupling": [1.0, 2.0], "ratio": [0.1, 0.2]})
    assert float(data.r.sel(coupling=2.0, ratio=0.2)[0]) == pytest.approx(alone(nj.Kuramoto(16, coupling=2.0, noise=0.4)), abs=1e-5)


def test_objects_on_an_axis():
    """Graph recipes as values, labelled by their text; and a parameter inside one, drawn per seed."""
    data = go(MODEL, {"graph": [nj.Ring(), nj.Star()]}, seeds=2)
    assert data.r.dims == ("graph", "seed")
    assert float(data.r[1, 1]) == pytest.approx(alone(nj.Kuramoto(16, graph=nj.Star()), seed=1), abs=1e-5)
    model = nj.Kuramoto(16, coupling=2.0, graph=nj.WattsStrogatz(k=4, p=0.0))
    data = go(model, {"graph.p": [0.0, 0.5], "coupling": [1.0, 2.0]}, seeds=3)
    expected = alone(nj.Kuramoto(16, coupling=1.0, graph=nj.WattsStrogatz(k=4, p=0.5)), seed=2)
    assert float(data.r.sel({"graph.p": 0.5, "coupling": 1.0, "seed": 2})) == pytest.approx(expected, abs=1e-5)


class Ticked(nj.System):
    """x' = gain x, ten times as fast where it is blue."""

    gain: float = 0.5
    colour: Any = eqx.field(static=True, default=None)

    def init(self, key):
        return jnp.ones(())

    def step(self, state, clock, drawn):
        return state * self.gain * (10 if self.colour is Colour.BLUE else 1)


class Colour(enum.IntEnum):
    RED = 1
    BLUE = 2


def test_members_of_an_enumeration_on_an_axis(tmp_path):
    """They stay what they are, though they are integers too; in the store as well."""
    path, record = tmp_path / "colours.zarr", {"x": nj.Last(value)}
    data = nj.sweep(Ticked(), {"colour": list(Colour)}, dt=1.0, steps=3, record=record, store=path)
    assert data.x[:, 0].values.tolist() == [0.25, 25.0]
    assert data.colour.values.tolist() == ["Colour.RED", "Colour.BLUE"]
    assert nj.resume(path).x.sel(colour="Colour.BLUE").values.tolist() == [25.0]
    assert nj.replay(path, {"colour": "Colour.BLUE"}).lane["colour"] is Colour.BLUE


def test_a_jax_array_on_an_axis_is_one_of_numbers():
    """One program for all of its values; a list of its numbers is the same."""
    for values in (jnp.linspace(0, 1, 4), list(jnp.linspace(0, 1, 4))):
        text = nj.explain(MODEL, {"coupling": values}, steps=12, dt=0.1, record=RECORD)
        assert "1 group(s)" in text


def test_initial_states_per_lane_and_for_all():
    start = nj.PhaseState(np.linspace(-3, 3, 16), np.zeros(16, int))
    over = {"coupling": [1.0, 2.0]}
    common = go(MODEL, over, seeds=2, state=start, record={"first": nj.At(nj.order_parameter, times=(0.0,))})
    assert np.allclose(common["first"], float(nj.order_parameter(start)), atol=1e-6)

    def each(values, seed):
        return nj.PhaseState(np.linspace(0, values["coupling"], 16) + seed, np.zeros(16, int))

    apart = go(MODEL, over, seeds=2, state=each, record={"psi": nj.At(nj.mean_phase, times=(0.0,))})
    assert np.allclose(apart["psi"][..., 0], [[0.5, 1.5], [1.0, 2.0]], atol=1e-5)


def test_a_diverging_lane_is_marked_and_the_others_are_untouched():
    data = nj.sweep(Cubic(), {"start": [0.1, 5.0, 0.2]}, steps=100, dt=0.05, method=nj.EulerMaruyama(), record={"x": nj.Maximum(value)})
    sound = nj.sweep(Cubic(), {"start": [0.1, 0.3, 0.2]}, steps=100, dt=0.05, method=nj.EulerMaruyama(), record={"x": nj.Maximum(value)})
    assert data.status[:, 0].values.tolist() == [1, 2, 1]
    assert data.bad_step[0, 0] == -1
    assert 0 < int(data.bad_step[1, 0]) < 20
    assert np.isfinite(float(data.x[1, 0]))
    assert np.array_equal(data.x[[0, 2]], sound.x[[0, 2]])


class Cubic(nj.Flow):
    """x' = x^3."""

    start: float = 1.0

    def init(self, key):
        return jnp.asarray(self.start)

    def drift(self, x, clock):
        return x**3


def value(view):
    return view.state


def test_records_of_every_shape_find_their_dimensions(tmp_path):
    record = {
        "r": nj.Trace(nj.order_parameter, every=4),
        "spread": nj.Histogram(nj.phases, bins=5, range=(-3.2, 3.2)),
        "pairs": nj.Mean(nj.phase_vectors, every=4),
    }
    path = tmp_path / "run.zarr"
    data = go(MODEL, {"coupling": [0.0, 1.0]}, seeds=2, record=record, store=path)
    assert data.r.dims == ("coupling", "seed", "r_time")
    assert data.r_time.values.tolist() == [0.0, 0.4, 0.8]
    assert data.spread.shape == (2, 2, 5)
    assert data["pairs.0"].shape == (2, 2, 16, 16)
    assert xr.testing.assert_identical(nj.load(path), data) is None


def test_the_flat_table_opens_without_us(tmp_path):
    path = tmp_path / "flat.zarr"
    go(MODEL, {"coupling": [0.0, 1.0, 2.0]}, seeds=2, store=path)
    flat = xr.open_zarr(path, consolidated=False)
    real = flat.status.values != 3
    assert sorted(flat.coupling.values[real].tolist()) == [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]
    assert zarr.open_group(path, mode="r").attrs["schema"] == 2


def test_a_killed_sweep_is_completed_by_the_same_call(tmp_path):
    """Two tiles made to do again: the call computes them, and the store ends with the same numbers; another sweep is refused."""
    path, over = tmp_path / "again.zarr", {"coupling": np.linspace(0, 2, 8)}
    options = nj.SweepOptions(lanes=2, devices=1)
    first = go(MODEL, over, store=path, options=options).load()
    group = zarr.open_group(path, mode="r+")
    group["status"][2:6] = 0
    group["r"][2:6] = np.nan
    assert int((nj.load(path).status == 0).sum()) == 4
    again = go(MODEL, over, store=path, options=options)
    xr.testing.assert_equal(again, first)
    with pytest.raises(ValueError, match="holds another sweep"):
        go(MODEL, over, store=path, options=options, steps=13)
    with pytest.raises(ValueError, match="values and seeds may be added to a store, axes may not"):
        go(MODEL, {**over, "noise": [0.1, 0.2]}, store=path, options=options)


def test_explain_says_what_will_be_done():
    text = nj.explain(MODEL, {"coupling": np.linspace(0, 4, 64), "n": [10, 20]}, seeds=3, steps=10, dt=0.1, record=RECORD)
    assert "128 points (coupling 64, n 2) x 3 seeds = 384 lanes" in text
    assert "2 group(s)" in text


class Structured(nj.Flow):
    """Frozen disorder drawn per seed, scaled by a parameter that is not structure."""

    gain: float = 1.0
    weights: object = None
    n: int = eqx.field(static=True, default=50)

    def realise(self, key):

        return Structured(self.gain, jax.random.normal(key, (self.n, self.n)) if self.weights is None else self.weights, self.n)

    def init(self, key):
        return jnp.ones(self.n)

    def drift(self, x, clock):
        return -x + self.gain * jnp.tanh(self.weights @ x)


def test_what_is_realised_per_seed_is_shared_by_its_points():
    """Layout of the realised leaves: the weights differ between seeds alone, the gain between points alone."""

    from neurojax.sweep.axes import check_over
    from neurojax.sweep.lanes import spread_of
    from neurojax.sweep.points import Grid, families

    (family,) = families(Structured(), Grid(check_over({"gain": [0.5, 1.0, 1.5]})), None, np.dtype("float32"))
    spread, _, system = spread_of(family, np.asarray(jax.random.key_data(jax.random.key(0))), np.dtype("float32"))
    names = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(system)]
    assert dict(zip(names, spread, strict=True)) == {".flow.gain": (False, True), ".flow.weights": (True, False)}


def test_stores_tell_other_functions_and_arrays_apart(tmp_path):
    """The same call on another builder, measure or array of phases must not be answered from the store."""
    zeros, ones = np.zeros((1, 16)), np.linspace(0, 3, 32).reshape(2, 16)
    go(MODEL, {"initial": zeros}, store=tmp_path / "phases.zarr")
    both = go(MODEL, {"initial": ones}, store=tmp_path / "phases.zarr")
    assert nj.load(tmp_path / "phases.zarr").status.shape == (3, 1)  # the rows of ones beside that of zeros
    assert np.array_equal(both.r, go(MODEL, {"initial": ones}).r)
    for factor in (1.0, 5.0):

        def build(k, factor=factor):
            return nj.Kuramoto(16, coupling=factor * k)

        if factor == 1.0:
            go(build, {"k": [1.0, 2.0]}, store=tmp_path / "built.zarr")
        else:
            with pytest.raises(ValueError, match="holds another sweep"):
                go(build, {"k": [1.0, 2.0]}, store=tmp_path / "built.zarr")


def test_a_sweep_is_completed_on_other_devices(tmp_path):
    """Lanes per kernel belong to the store: made on three devices, finished on one, the same bits."""
    over, path = {"coupling": np.linspace(0, 2, 9)}, tmp_path / "moved.zarr"
    first = go(MODEL, over, store=path).r.values
    group = zarr.open_group(path, mode="r+")
    chunk = int(group.attrs["chunk"])
    group["status"][:chunk] = 0
    group["r"][:chunk] = np.nan
    again = go(MODEL, over, store=path, options=nj.SweepOptions(devices=1))
    assert np.array_equal(again.r, first)


def test_axes_rows_are_checked_together():
    """Zipped values need only make sense together, also where sizes and arrays walk together."""
    arrays = [np.zeros(4), np.ones(6)]
    data = go(MODEL, {"size": nj.zip(n=[4, 6], frequencies=arrays)})
    assert data.r.shape == (2, 1)


def test_builders_share_what_is_equal_and_durations_may_be_schedules():
    from neurojax.sweep.axes import check_over
    from neurojax.sweep.points import Grid, families

    weights = np.ones((16, 16)) / 16

    def build(k):
        return nj.Kuramoto(16, coupling=k, graph=nj.Dense(weights))

    (family,) = families(build, Grid(check_over({"k": [1.0, 2.0]})), None, np.dtype("float32"))
    assert [values.shape for values in family.by_point.values()] == [(2,)]


def test_independent_draws_do_not_depend_on_spelling():
    options = nj.SweepOptions(rng="independent")
    short = go(MODEL, {"scale": [0.5, 2.0]}, options=options)
    full = go(MODEL, {"frequencies.scale": [0.5, 2.0]}, options=options)
    assert np.array_equal(short.r, full.r)
    zero, minus = (go(MODEL, {"coupling": [z, 1.0]}, options=options) for z in (0.0, -0.0))
    assert np.array_equal(zero.r, minus.r)


def test_axes_over_dt_leave_no_false_times():
    data = go(MODEL, {"dt": [0.1, 0.05]}, record={"c": nj.Autocorrelation(nj.order_parameter, lags=3)})
    assert "c_lag" not in data.coords
    assert data.c.dims == ("dt", "seed", "c_lag")
