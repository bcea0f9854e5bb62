"""Contract 1: a lane's numbers do not depend on the grid, its refinement, the chunk, the devices, or being continued."""

import itertools

import jax
import numpy as np
import pytest

import neurojax as nj
from neurojax.engine.compile import traces

MODEL = nj.Kuramoto(30, noise=0.3, frequencies=nj.Lorentzian(0.5))
RECORD = {"r": nj.Trace(nj.order_parameter, every=5), "mean": nj.Mean(nj.order_parameter, warmup=1.0)}
COUPLINGS = [0.5, 1.0, 1.5, 2.0]


def grid(couplings=COUPLINGS, seeds=3, steps=41, model=MODEL, **options):
    options = {"lanes": 4, "devices": 1, "dtype": None} | options
    return nj.sweep(model, {"coupling": couplings}, seeds=seeds, steps=steps, dt=0.1, record=RECORD, options=nj.SweepOptions(**options))


@pytest.mark.parametrize("rng", ["paired", "independent"])
def test_a_lane_alone_equals_itself_in_a_grid(rng):
    """Equal lanes per kernel, so equal bits; simulate is a batch of one, so equal to rounding."""
    whole = grid(rng=rng, dtype="float64")
    alone = grid([1.5], seeds=[1], rng=rng, lanes=4, dtype="float64")
    assert np.allclose(alone.r.sel(coupling=1.5, seed=1), whole.r.sel(coupling=1.5, seed=1), atol=1e-10)
    if rng == "paired":
        run = nj.simulate(with_coupling(1.5), steps=41, dt=0.1, seed=1, record=RECORD, options=nj.Options(dtype="float64"))
        assert np.allclose(run.records["r"], whole.r.sel(coupling=1.5, seed=1), atol=1e-10)
        assert np.allclose(run.records["mean"], whole["mean"].sel(coupling=1.5, seed=1), atol=1e-10)


def with_coupling(coupling):
    return nj.Kuramoto(30, coupling=coupling, noise=0.3, frequencies=nj.Lorentzian(0.5))


@pytest.mark.parametrize("rng", ["paired", "independent"])
def test_a_refined_grid_keeps_its_old_points(rng):
    fine = [0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0]
    old, new = grid(rng=rng), grid(fine, seeds=5, rng=rng)
    assert np.array_equal(new.r.sel(coupling=COUPLINGS, seed=[0, 1, 2]), old.r)


@pytest.mark.parametrize("lanes", [1, 2, 3, 5, 12, 64])
def test_chunks_of_any_size_agree(lanes):
    """Equal to rounding: another batch shape may be compiled into other kernels. float64, so that rounding stays small for 41 steps."""
    assert np.allclose(grid(lanes=lanes, dtype="float64").r, grid(lanes=4, dtype="float64").r, atol=1e-10)


@pytest.mark.parametrize("devices", [2, 3])
@pytest.mark.parametrize("rng", ["paired", "independent"])
def test_one_two_and_three_devices_give_the_same_bits(devices, rng):
    """Equal tiles per device."""
    one, many = grid(rng=rng), grid(rng=rng, devices=devices)
    assert np.array_equal(one.r, many.r)
    assert np.array_equal(one["mean"], many["mean"])


def test_continuing_every_lane_equals_the_long_run():
    """Lanes run alone for 21 steps and continued at that odd step end where the sweep's 42 steps end (float64, rounding)."""
    record = {"state": nj.Last(state_of)}
    options, double = nj.SweepOptions(lanes=4, devices=1, dtype="float64"), nj.Options(dtype="float64")
    whole = nj.sweep(MODEL, {"coupling": COUPLINGS}, steps=42, seeds=3, dt=0.1, record=record, options=options)
    for coupling, seed in itertools.product(COUPLINGS, range(3)):
        half = nj.simulate(with_coupling(coupling), steps=21, dt=0.1, seed=seed, options=double)
        rest = nj.simulate(with_coupling(coupling), steps=21, dt=0.1, state=half.final_state, record=record, options=double)
        lane = whole.sel(coupling=coupling, seed=seed)
        assert np.allclose(np.exp(1j * rest.records["state"].theta), np.exp(1j * lane["state.theta"]), atol=1e-9)


def state_of(view):
    return view.state


def test_paired_draws_are_shared_and_independent_ones_are_not():
    """At K = 0 all points of a seed are one lane when paired; independent ones differ in initial state and noise."""
    model = nj.Kuramoto(30, coupling=0.0, noise=0.3)
    over, common = {"lag": [0.1, 0.2]}, {"seeds": 2, "steps": 20, "dt": 0.1, "record": RECORD}
    paired = nj.sweep(model, over, **common)
    apart = nj.sweep(model, over, **common, options=nj.SweepOptions(rng="independent"))
    assert np.array_equal(paired.r.sel(lag=0.1), paired.r.sel(lag=0.2))
    assert np.abs(apart.r.sel(lag=0.1) - apart.r.sel(lag=0.2)).max() > 0.01


def test_one_trace_per_static_shape():
    """Two values of n are two programs; couplings, noises, seeds, tails and dt are none."""
    traces.clear()
    record = {"mean": nj.Mean(nj.order_parameter)}
    over = {"n": [20, 25], "coupling": np.linspace(0, 3, 7), "noise": [0.0, 0.1, 0.2]}
    nj.sweep(MODEL, over, seeds=5, steps=31, dt=0.1, record=record, options=nj.SweepOptions(lanes=8))
    assert traces["advance_tiles"] == 2
    assert traces["open_tiles"] == 2
    nj.sweep(MODEL, {**over, "coupling": np.linspace(1, 2, 9)}, seeds=5, steps=57, dt=0.05, record=record, options=nj.SweepOptions(lanes=8))
    assert traces["advance_tiles"] <= 4  # another tile shape at most


def test_float64_sweeps():
    single, double = grid(), grid(dtype="float64")
    assert double.r.dtype == np.float64
    assert np.allclose(single.r, double.r, atol=1e-4)
    assert not jax.config.jax_enable_x64
