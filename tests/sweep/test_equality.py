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
    options = {"lanes": 4, "devices": 1} | options
    return nj.sweep(model, {"coupling": couplings}, seeds=seeds, steps=steps, dt=0.1, record=RECORD, options=nj.SweepOptions(**options))


@pytest.mark.parametrize("rng", ["paired", "independent"])
def test_a_lane_alone_equals_itself_in_a_grid(rng):
    """Equal lanes per kernel, so equal bits; simulate is a batch of one, so equal to rounding."""
    whole = grid(rng=rng)
    alone = grid([1.5], seeds=[1], rng=rng, lanes=4)
    assert np.allclose(alone.r.sel(coupling=1.5, seed=1), whole.r.sel(coupling=1.5, seed=1), atol=1e-5)
    if rng == "paired":
        run = nj.simulate(nj.Kuramoto(30, coupling=1.5, noise=0.3, frequencies=nj.Lorentzian(0.5)), steps=41, dt=0.1, seed=1, record=RECORD)
        assert np.allclose(run.records["r"], whole.r.sel(coupling=1.5, seed=1), atol=1e-5)
        assert np.allclose(run.records["mean"], whole["mean"].sel(coupling=1.5, seed=1), atol=1e-5)


@pytest.mark.parametrize("rng", ["paired", "independent"])
def test_a_refined_grid_keeps_its_old_points(rng):
    fine = [0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0]
    old, new = grid(rng=rng), grid(fine, seeds=5, rng=rng)
    assert np.array_equal(new.r.sel(coupling=COUPLINGS, seed=[0, 1, 2]), old.r)


@pytest.mark.parametrize("lanes", [1, 2, 3, 5, 12, 64])
def test_chunks_of_any_size_agree(lanes):
    """Equal to rounding over 41 steps: another batch shape may be compiled into other kernels."""
    assert np.allclose(grid(lanes=lanes).r, grid(lanes=4).r, atol=1e-5)


@pytest.mark.parametrize("devices", [2, 3])
@pytest.mark.parametrize("rng", ["paired", "independent"])
def test_one_two_and_three_devices_give_the_same_bits(devices, rng):
    """Equal tiles per device."""
    one, many = grid(rng=rng), grid(rng=rng, devices=devices)
    assert np.array_equal(one.r, many.r)
    assert np.array_equal(one["mean"], many["mean"])


def test_continuing_every_lane_equals_the_long_run():
    """Sweep 21 steps with the last state recorded, continue each lane from it at an odd step: the long run's states."""
    record = {"state": nj.Last(state_of)}
    options = nj.SweepOptions(lanes=4, devices=1)
    over, common = {"coupling": COUPLINGS}, {"seeds": 3, "dt": 0.1, "record": record, "options": options}
    nj.sweep(MODEL, over, steps=21, **common)
    whole = nj.sweep(MODEL, over, steps=42, **common)
    for coupling, seed in itertools.product(COUPLINGS, range(3)):
        model = nj.Kuramoto(30, coupling=coupling, noise=0.3, frequencies=nj.Lorentzian(0.5))
        half = nj.simulate(model, steps=21, dt=0.1, seed=seed)
        rest = nj.simulate(model, steps=21, dt=0.1, state=half.final_state, record=record)
        lane = whole.sel(coupling=coupling, seed=seed)
        assert np.allclose(np.exp(1j * rest.records["state"].theta), np.exp(1j * lane["state.theta"]), atol=1e-5)


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
