"""Every lane lies in one kernel and one row, however it is cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurojax as nj
from neurojax.sweep.devices import first_lanes
from neurojax.sweep.layout import Kernel, Layout, kernel_shape, rectangles
from neurojax.sweep.plan import Plan, Request

sizes = st.integers(1, 12)


def lanes_of(kernels: list[Kernel]) -> list[tuple[int, int, int]]:
    """(point, seed, row) of each real lane."""
    return [
        (int(kernel.points[p]), int(kernel.seeds[s]), int(kernel.rows[s, p]))
        for kernel in kernels
        for s, p in np.argwhere(kernel.rows >= 0)
    ]


@settings(max_examples=150, deadline=None)
@given(sizes, sizes, st.integers(1, 40), st.integers(1, 4), st.data())
def test_every_lane_lies_in_one_place(points, seeds, lanes, per_chunk, data):
    """Random lanes missing from a grid: they are all laid out, once, in rows of their own; so they are in halved kernels."""
    missing = np.array(data.draw(st.lists(st.lists(st.booleans(), min_size=seeds, max_size=seeds), min_size=points, max_size=points)))
    layout = Layout(rectangles(missing), kernel_shape(points, seeds, lanes), per_chunk)
    assert layout.lanes <= max(lanes, 1)
    found = []
    for chunk in range(layout.chunk_count):
        kernels = layout.kernels(chunk)
        assert {kernel.rows.shape for kernel in kernels} == {layout.shape[::-1]}
        halved = [half for kernel in kernels for half in kernel.halves()]
        assert sorted(lanes_of(halved)) == sorted(lanes_of(kernels))
        assert all(half.rows.size <= max(1, -(-layout.lanes // 2) + max(layout.shape) // 2) for half in halved)
        rows = [row for _, _, row in lanes_of(kernels)]
        assert len(set(rows)) == len(rows)
        assert max(rows, default=0) < per_chunk * layout.lanes
        found += [(point, seed) for point, seed, _ in lanes_of(kernels)]
    assert sorted(found) == [tuple(place) for place in np.argwhere(missing).tolist()]


def test_points_come_first_and_kernels_are_filled_evenly():
    assert kernel_shape(64, 16, 64) == (64, 1)
    assert kernel_shape(65, 16, 64) == (33, 1)
    assert kernel_shape(10, 16, 64) == (10, 6)
    assert kernel_shape(1, 3, 64) == (1, 3)


@pytest.mark.parametrize(
    ("carry", "system", "sharing", "lanes"),
    [
        (1000, 0, 1, 512),
        (100_000, 0, 1, 8),
        (100_000, 50_000, 3, 16),
        (100_000, 200_000, 1, 16),
        (400_000, 400_000, 1, 1),
        (400_000, 400_000, 3, 2),
        (400_000, 400_000, 9, 4),
        (400_000, 8_000_000, 1, 16),
    ],
    ids=["small", "middling", "that share", "beside a graph", "fills the cache", "and shares", "and shares more", "beside a large graph"],
)
def test_lanes_to_begin_with(carry, system, sharing, lanes):
    """Of a CPU: 512 KiB of carry; at least 8, or 16 that read much or share it; but large ones by themselves, or a few that share."""
    assert first_lanes(carry, system, sharing, "cpu") == lanes
    assert first_lanes(carry, system, sharing, "gpu") == 16_384


def test_networks_in_training_go_alone_and_gains_of_one_network_together():
    """300 rates carry 360 kB; the gains of a seed share J, its seeds do not."""
    system = nj.Training(nj.RateNetwork(300), nj.force.targets.four_sines())
    record = {"w": nj.Last(nj.force.measures.weight_norm)}

    def lanes(over, seeds):
        return Plan(Request(system, over, 1.0, steps=10, seeds=seeds, record=record)).lanes

    assert lanes({}, 8) == 1
    assert lanes({"network.gain": [1.2, 1.3, 1.4, 1.5, 1.6]}, 8) == 4
    assert lanes({"network.recurrent.p": [0.1, 0.2, 0.3, 0.4]}, 8) == 1
