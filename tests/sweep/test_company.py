"""Lanes that are done are left: what is recorded of them is the same, and they cost no steps."""

import dataclasses
import sys
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from neurojax.sweep.company import Way
from neurojax.sweep.machine import Part
from neurojax.sweep.plan import Plan, Request

STEPS = 150
plan_module = sys.modules["neurojax.sweep.plan"]  # `neurojax.sweep` is the function


class Countdown(nj.System):
    """Falls by 1 a step from `begin` on, and is done at 0; every seed reads something of its own."""

    begin: Any = 5.0
    own: Any = None
    draw: bool = eqx.field(static=True, default=False)

    def realise(self, key):
        return dataclasses.replace(self, own=0.0 * jax.random.normal(key, (4,)))

    def init(self, key):
        return {"x": jnp.asarray(self.begin, jnp.result_type(float)), "steps": jnp.asarray(0, jnp.int32)}

    def done(self, state):
        return state["x"] <= 0

    def draws(self):
        return {"unused": nj.Draw("unused", "uniform", (1,))} if self.draw else {}

    def step(self, state, clock, drawn):
        new = {"x": state["x"] - 1.0 + jnp.sum(self.own), "steps": state["steps"] + 1}
        return nj.Step(new, {"before": state["x"]})


def x(view):
    return view.state["x"]


def x_and_time(view):
    return view.state["x"] + view.clock.time


def shown(view):
    return view.aux["before"]


RECORD = {
    "last": nj.Last(x),
    "late": nj.Last(x_and_time, every=7),
    "early": nj.Last(x_and_time, every=4, warmup=3.0),
    "mean": nj.Mean(x, warmup=10.0),
    "timed": nj.Mean(x_and_time),
    "least": nj.Minimum(x),
    "at": nj.At(x_and_time, times=(0.0, 40.0, 149.0)),
    "trace": nj.Trace(x_and_time, every=5),
}


def known(start):
    """What is recorded, by hand."""
    steps = np.arange(STEPS)
    path = np.maximum(start - steps, 0.0)
    timed = path + steps
    return {
        "last": path[-1],
        "late": timed[steps % 7 == 0][-1],
        "early": timed[(steps % 4 == 0) & (steps >= 3)][-1],
        "mean": path[10:].mean(),
        "timed": timed.mean(),
        "least": path.min(),
        "at": timed[[0, 40, 149]],
        "trace": timed[::5],
    }


STARTS = [0.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 31.0, 32.0, 33.0, 34.0, 55.0, 64.0, 89.0, 97.0, 120.0, 149.0, 150.0, 200.0]


@pytest.mark.parametrize("way", ["side by side", "seeds in turn", "all in turn"])
@pytest.mark.parametrize("draws", [False, True])
def test_records_of_lanes_that_are_left(way, draws, monkeypatch):
    """Twenty lanes of two seeds that end between step 0 and never, against what is known; float32 rounding of a mean, 1e-5."""
    turns = {"side by side": (False, False), "seeds in turn": (True, False), "all in turn": (True, True)}[way]
    monkeypatch.setattr(Part, "way", lambda part, _: Way(*turns, part.rests))
    options = nj.SweepOptions(devices=1, progress=False)
    data = nj.sweep(Countdown(draw=draws), {"begin": STARTS}, seeds=2, steps=STEPS, dt=1.0, record=RECORD, options=options)
    assert (data.status == 1).all()
    for start in STARTS:
        for name, value in known(start).items():
            for seed in range(2):
                assert np.allclose(data[name].sel(begin=start, seed=seed), value, rtol=1e-5), (start, name)
    alone = nj.simulate(Countdown(34.0, draw=draws), steps=STEPS, dt=1.0, record=RECORD)
    assert alone.final_state.state["steps"] == 34
    for name, value in known(34.0).items():
        assert np.allclose(alone.records[name], value, rtol=1e-5), name


def test_a_record_of_what_a_step_shows_is_taken_at_every_step():
    """aux is made anew at every step, of a lane that is done too: 0 then."""
    run = nj.simulate(Countdown(3.0), steps=6, dt=1.0, record={"shown": nj.Trace(shown)})
    assert run.records["shown"].tolist() == [3.0, 2.0, 1.0, 0.0, 0.0, 0.0]


def test_steps_after_the_end_cost_nothing():
    """A thousand million steps of lanes that are done after 200, within the time of a test."""
    data = nj.sweep(Countdown(), {"begin": STARTS}, steps=10**9, dt=1.0, record={"x": nj.Last(x)})
    assert (data.x == 0).all()


GROUPS = {"patterns.stored": [2.0, 5.0, 9.0], "cue.which": [0.0, 1.0]}


def grouped(over, monkeypatch, least=100, **settings):
    monkeypatch.setattr(plan_module, "OWN_BYTES", least)
    memory = nj.Hopfield(30, nj.RandomPatterns(9), nj.Flips(0.1))
    record = {"s": nj.Last(nj.hopfield.measures.units)}
    options = nj.SweepOptions(lanes=2, devices=1, progress=False)
    return nj.sweep(memory, over, seeds=3, steps=8, dt=1.0, record=record, options=options, **settings)


def test_points_share_what_some_axes_leave_alone(monkeypatch):
    """Patterns of a load are one array for all its cues: groups of points, kernels of one group each, and the same bits."""
    monkeypatch.setattr(plan_module, "OWN_BYTES", 100)
    model = nj.Hopfield(30, nj.RandomPatterns(9), nj.Flips(0.1))
    plan = Plan(Request(model, GROUPS, 1.0, steps=8, seeds=3, record={"x": nj.Last(nj.hopfield.measures.activity)}))
    part = plan.parts[0]
    assert part.drawn.groups is not None
    assert part.drawn.groups.tolist() == [0, 0, 1, 1, 2, 2]
    assert part.own_bytes[0] < 30 * 4 < 9 * 30 * 4 <= part.own_bytes[1]
    kernels = [kernel for chunk in range(part.layout.chunk_count) for kernel in part.layout.kernels(chunk)]
    assert all(len(set(part.drawn.groups[kernel.points])) == 1 for kernel in kernels)
    assert sum(int(kernel.real.sum()) for kernel in kernels) == 3 * 2 * 3
    assert grouped(GROUPS, monkeypatch).equals(grouped(GROUPS, monkeypatch, 1 << 40))


def test_a_store_of_groups_grows(tmp_path, monkeypatch):
    """A load and a cue more than the store has: the same bits as in one go."""
    path = tmp_path / "groups.zarr"
    grouped({"patterns.stored": [2.0, 9.0], "cue.which": [0.0, 1.0]}, monkeypatch, store=path)
    more = {"patterns.stored": [2.0, 5.0, 9.0], "cue.which": [0.0, 1.0, 2.0]}
    got = grouped(more, monkeypatch, store=path)
    assert np.array_equal(got.s.values, grouped(more, monkeypatch).s.values)
