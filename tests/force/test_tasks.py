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
        (lambda: tasks.selectable(np.ones(3), 10.0, 1.0, every=2.0), r"patterns have shape \(3,\)"),
    ],
)
def test_bad_settings_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()
