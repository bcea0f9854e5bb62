"""Tasks with inputs: what they ask for, checked sample by sample."""

import numpy as np
import pytest

from neurojax.force import tasks


def test_bits_follow_their_last_pulse():
    """A latch in plain Python, set by the on-channel and cleared by the off-channel, agrees wherever the target has settled."""
    task = tasks.bit_memory(20_000.0, 2.0, bits=3, every=100.0, length=40.0, amplitude=0.5, seed=1)
    inputs, target = task.inputs.values, task.target.values
    assert inputs.shape == (10_001, 6)
    assert target.shape == (10_001, 3)
    state = -np.ones(3)
    for pulse, wanted in zip(inputs, target, strict=True):
        state = np.where(pulse[:3] > 0, 1.0, np.where(pulse[3:] > 0, -1.0, state))
        assert np.all((state == wanted) | (np.abs(wanted) < 0.999))
    assert set(np.unique(inputs)) == {0.0, 0.5}
    assert (inputs > 0).sum(axis=1).max() == 1
    assert np.abs(np.diff(target, axis=0)).max() == pytest.approx(0.2)  # 2 in the 10 steps of half a pulse
    assert {tuple(row) for row in np.sign(target[np.abs(target).min(axis=1) > 0.99])} == {
        (a, b, c) for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)
    }


def test_each_turn_has_its_pattern_and_its_input():
    patterns = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
    task = tasks.selectable(patterns, 400.0, 1.0, every=8.0, channels=4, start=2.0, strength=(2.0, 0.5), seed=2)
    inputs, target = task.inputs.values, task.target.values[:, 0]
    held = {}
    for begin in range(0, 400, 8):
        which = int(target[begin] == 10.0)
        assert target[begin : begin + 8].tolist() == patterns[which][[0, 1, 2, 0, 1, 2, 0, 1]].tolist()
        held.setdefault(which, inputs[begin + 2])
        assert np.array_equal(inputs[begin + 2 : begin + 8], np.tile(held[which], (6, 1)))
        assert not np.array_equal(inputs[begin], held[which])
        assert np.array_equal(inputs[begin], inputs[begin + 1])
    assert set(held) == {0, 1}
    assert np.abs(np.stack([*held.values()])).max() <= 0.5


def test_turns_of_several_outputs():
    """Two movements of three joints: every turn is one of them, from its beginning."""
    patterns = tasks.gaits(2, 20, 3, seed=4)
    target = tasks.selectable(patterns, 400.0, 1.0, every=30.0, start=2.0).target.values
    seen = {next(i for i, one in enumerate(patterns) if np.array_equal(one, target[b : b + 20])) for b in range(0, 380, 30)}
    assert seen == {0, 1}
    assert np.array_equal(target[20:30], target[:10])


def test_gaits_have_few_components():
    """95 angles of mean 0, the largest 1, of rank 5, with harmonics up to the fourth."""
    for one in tasks.gaits(3, 200, 95, components=5, harmonics=4, seed=1):
        assert np.abs(one).max() == 1.0
        assert np.abs(one.mean(axis=0)).max() < 1e-12
        assert np.linalg.matrix_rank(one, tol=1e-9) == 5
        assert np.abs(np.fft.rfft(one, axis=0)[5:]).max() < 1e-9


def test_a_movement_follows_each_pulse():
    """Ten steps after every pulse, in units of two; at rest the first output is 1 and the others 0; rests of 20 to 40 units, all unlike."""
    movement = np.stack([np.sin(np.pi * np.arange(10) / 9), np.arange(10.0)], axis=1)
    task = tasks.one_shot(movement, 4000.0, 2.0, rest=(20.0, 40.0), pulse=6.0, amplitude=0.7, seed=3)
    pulse, target = task.inputs.values[:, 0], task.target.values
    starts = np.flatnonzero(np.diff(pulse) > 0) + 1
    assert len(starts) > 80
    at_rest = np.ones(len(target), bool)
    for begin in starts[:-1]:
        assert pulse[begin : begin + 4].tolist() == [0.7, 0.7, 0.7, 0.0]
        assert np.array_equal(target[begin : begin + 10, 1:], movement)
        assert target[begin : begin + 10, 0].tolist() == [1, 0.5, 0, 0, 0, 0, 0, 0, 0.5, 1]
        at_rest[begin : begin + 10] = False
    at_rest[starts[-1] :] = False
    assert np.all(target[at_rest] == [1, 0, 0])
    assert set(np.diff(starts[:-1]) - 10) == set(range(10, 21))


def test_an_oscillation_quickens_and_slows_down():
    """f(t) = sin(2 pi (1 + 2 t) t) for t < 1 s, then minus the same backwards; in every turn of 2 s, after a pulse of 50 ms."""
    task = tasks.oscillation(4000.0, 1.0)
    inputs, target = task.inputs.values[:, 0], task.target.values[:, 0]
    assert inputs[:4000].sum() == 100
    assert inputs[2049] == 1
    assert inputs[2050] == 0
    for t in (0.1, 0.7):
        wanted = np.sin(2 * np.pi * (1 + 2 * t) * t)
        assert target[round(1000 * t)] == pytest.approx(wanted)
        assert target[1999 - round(1000 * t)] == pytest.approx(-wanted)
        assert target[2000 + round(1000 * t)] == pytest.approx(wanted)


def test_bit_accuracy_counts_settled_bits():
    target = np.array([[1.0, -1.0], [0.2, -1.0], [1.0, 1.0]])
    assert tasks.bit_accuracy(np.array([[0.3, -2.0], [-5.0, 1.0], [1.0, 0.1]]), target) == pytest.approx(4 / 5)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: tasks.bit_memory(100.0, 1.0, bits=0), "bits=0"),
        (lambda: tasks.bit_memory(100.0, 0.0), "dt=0.0"),
        (lambda: tasks.bit_memory(100.0, 1.0, every=10.0, length=10.0), "length=10.0"),
        (lambda: tasks.bit_memory(100.0, 1.0, length=0.4), "length=0.4: less than a step"),
        (lambda: tasks.selectable(np.ones((1, 3)), 10.0, 1.0, every=2.0), "start=100.0"),
        (lambda: tasks.oscillation(10.0, 1.0, period=5.0, pulse=1.0), "period=5.0"),
        (lambda: tasks.oscillation(10.0, 1.0, period=6.0, pulse=6.0), "more than the pulse"),
        (lambda: tasks.one_shot(np.ones(9), 100.0, 1.0, rest=(9.0, 5.0), pulse=2.0), r"rest=\(9.0, 5.0\)"),
        (lambda: tasks.one_shot(np.ones(9), 100.0, 1.0, pulse=5.0), "pulse=5.0: the movement, of 9 steps"),
        (lambda: tasks.one_shot(np.ones((2, 2, 2)), 100.0, 1.0), r"movement has shape \(2, 2, 2\)"),
        (lambda: tasks.gaits(joints=0), "joints=0"),
        (lambda: tasks.selectable(np.ones(3), 10.0, 1.0, every=2.0), r"patterns have shape \(3,\)"),
    ],
)
def test_bad_settings_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()
