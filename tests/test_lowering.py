"""Every compiled entry point and its gradient lowers for cuda and tpu; a sharded sweep has no collective."""

import re
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from neurojax.engine.compile import compiled
from neurojax.engine.simulate import run_block
from neurojax.sweep.lanes import programs
from neurojax.sweep.machine import Machine
from neurojax.sweep.plan import Plan, Request

PLATFORMS = ("cuda", "tpu")
RECORDS = {
    "trace": nj.Trace(nj.order_parameter, every=3),
    "mean": nj.Mean(nj.order_parameter, warmup=0.2),
    "variance": nj.Variance(nj.order_parameter),
    "least": nj.Minimum(nj.order_parameter),
    "most": nj.Maximum(nj.order_parameter),
    "last": nj.Last(nj.phases),
    "histogram": nj.Histogram(nj.phases, bins=4, range=(-3.2, 3.2)),
    "at": nj.At(nj.order_parameter, times=(0.5,)),
    "first": nj.First(nj.Synchronised(0.5)),
    "correlation": nj.Autocorrelation(nj.order_parameter, lags=4),
    "spectrum": nj.Spectrum(nj.order_parameter, length=8),
}
GRAPHS = {
    "all to all": None,
    "dense": nj.Dense(np.ones((16, 16)) / 16),
    "sparse": nj.Sparse(np.stack([(np.arange(16) + k) % 16 for k in (1, 2)], axis=1).astype(np.int32), np.full((16, 2), 0.5)),
}
METHODS = [nj.Heun(), nj.EulerMaruyama(), nj.RK4()]


def runner(graph, method):
    def run(coupling, noise):
        model = nj.Kuramoto(16, coupling=coupling, noise=noise, frequencies=nj.Lorentzian(0.5), graph=graph)
        return nj.simulate(model, steps=40, dt=0.1, method=method, record=RECORDS)

    return run


@pytest.mark.parametrize("graph", GRAPHS)
def test_simulate_and_its_gradients_lower(graph):
    run = runner(GRAPHS[graph], nj.Heun())

    def loss(coupling, noise):
        records = run(coupling, noise).records
        return records["mean"] + records["trace"].sum() + records["variance"]

    one, three = jnp.asarray(1.0), jnp.ones(3)
    assert lowered(jax.jit(run), one, one)
    assert lowered(jax.jit(jax.grad(loss, argnums=(0, 1))), one, one)
    assert lowered(jax.jit(jax.jacfwd(loss)), one, one)
    assert lowered(jax.jit(jax.vmap(run, in_axes=(0, None))), three, one)


def lowered(jitted, *arguments, **static):
    """Lower for platforms that need not be here; no host callback in the text."""
    text = jitted.trace(*arguments, **static).lower(lowering_platforms=PLATFORMS).as_text()
    assert "callback" not in text
    return len(text) > 1000


@pytest.mark.parametrize("method", METHODS, ids=lambda m: type(m).__name__)
def test_methods_lower(method):
    assert lowered(jax.jit(runner(None, method)), jnp.asarray(1.0), jnp.asarray(0.1))


@pytest.mark.parametrize("rng", ["paired", "independent"])
@pytest.mark.parametrize("graph", GRAPHS)
def test_a_sweeps_programs_lower(rng, graph):
    machine = plan_of(graph, rng)
    launch = machine.open(machine.part.layout.kernels(0)[:1] * 2)
    room = {"trace": 14}
    arguments, static = machine._call(launch.tile, 0, 0, 40, room, True)
    assert lowered(programs(True).advance, *arguments, **static)
    assert lowered(programs(True).finish, launch.tile.carry.kept, setup=machine.common.setup)


def plan_of(graph, rng, devices=2):
    model = nj.Kuramoto(16, noise=0.1, frequencies=nj.Lorentzian(0.5), graph=GRAPHS[graph])
    options = nj.SweepOptions(rng=rng, devices=devices, lanes=4)
    plan = Plan(Request(model, {"coupling": [0.5, 1.0, 1.5, 2.0]}, 0.1, steps=40, seeds=4, record=RECORDS, options=options))
    return Machine(plan.parts[0], plan.common)


def test_the_opening_of_tiles_and_the_single_block_lower(monkeypatch):
    """Both are called by the library itself: catch their arguments, then lower for the platform."""
    caught = {}

    def catching(function, static, wide=False):
        real = compiled(function, static, wide)

        class Caught:
            lower = real.lower

            def __call__(self, *args, **kwargs):
                caught[function.__name__] = (real, args, kwargs)
                return real(*args, **kwargs)

        return Caught()

    monkeypatch.setattr(sys.modules["neurojax.sweep.lanes"], "compiled", catching)
    monkeypatch.setattr(sys.modules["neurojax.engine.simulate"], "compiled", catching)
    machine = plan_of("all to all", "paired")
    machine.open(machine.part.layout.kernels(0)[:1] * 2)
    nj.simulate(nj.Kuramoto(16, noise=0.1), steps=4, dt=0.1, record=RECORDS)
    assert set(caught) == {"open_tiles", run_block.__name__}
    for real, args, kwargs in caught.values():
        assert lowered(real, *args, **kwargs)


@pytest.mark.parametrize("graph", GRAPHS)
def test_devices_never_speak_to_each_other(graph):
    text = plan_of(graph, "paired", devices=3).lowered().compile().as_text()
    assert not re.search(r"all-reduce|all-gather|all-to-all|collective|reduce-scatter", text)
    assert "while" in text


def test_a_shared_graph_is_one_matrix_product_for_all_lanes():
    """4 points x 1 seed of a tile on one device: a single dot of (8, 16) by (16, 16) for sines and cosines together."""
    text = plan_of("dense", "paired").lowered().as_text()
    dots = re.findall(r"dot_general .*", text)
    assert dots
    assert all("batching_dims = []" in dot or "batching_dims" not in dot for dot in dots)
