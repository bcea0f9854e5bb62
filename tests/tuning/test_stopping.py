"""When a start comes to its end, and tunings that are stopped, killed and resumed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import optax
import pytest

import neurojax as nj
from neurojax.engine.state import read_arrays
from neurojax.tuning.march import March
from tests.tuning.study import cubic

ROOT = Path(__file__).parents[2]
STEPS = nj.TuneOptions(patience=20)


def valley(model):
    """A bent valley that ends at (1.5, 0.5625), where it is 0.1."""
    return (model.coupling - 1.5) ** 2 + (model.noise - model.coupling**2 / 4) ** 2 + 0.1


def test_an_overshoot_is_no_convergence():
    """Adam runs past the valley's floor at (4.8, 7.0), where it makes no progress for 20 iterations, and comes back: 0.1 to 0.1 %."""
    model, optimizer = nj.Kuramoto(4, coupling=11.5, noise=0.0), optax.adam(0.5)
    found = nj.tune(model, valley, where=["coupling", "noise"], optimizer=optimizer, iterations=600, options=STEPS)
    best = np.minimum.accumulate(found.history.value[:, 0])
    assert best[40] == best[20] > 10
    assert found.statuses == ("converged",)
    assert found.value == pytest.approx(0.1, rel=1e-3)


def test_a_kink_is_no_convergence_either():
    """Plain descent of |x| by steps of 0.1 from 0.55 goes to and fro about 0: no progress, and a gradient of 1 to the end."""
    model = nj.Kuramoto(4, coupling=0.55)
    found = nj.tune(model, lambda m: abs(m.coupling), where="coupling", optimizer=optax.sgd(0.1), iterations=100, options=STEPS)
    assert found.statuses == ("stalled",)
    assert 60 < found.iterations < 70
    assert found.value == pytest.approx(0.05, abs=1e-5)


def test_random_starts_are_those_of_their_seed():
    def starts(seed):
        options = nj.TuneOptions(start_seed=seed)
        return nj.tune(
            nj.Kuramoto(4), lambda m: m.coupling**2, where={"coupling": nj.Interval(0, 4)}, starts=3, iterations=1, options=options
        ).last["coupling"]

    one, same, other = starts(0), starts(0), starts(1)
    assert np.array_equal(one, same)
    assert one[0] == other[0]
    assert np.all(one[1:] != other[1:])


def equal(ours, theirs):
    """All that two tunings found, bit for bit."""
    for one in ("value", "error", "gradient_norm", "promised", "sound"):
        assert np.array_equal(getattr(ours.history, one), getattr(theirs.history, one)), one
    assert np.array_equal(ours.history.parameters["start"], theirs.history.parameters["start"])
    assert np.array_equal(ours.last["start"], theirs.last["start"])
    assert (ours.iterations, ours.value, ours.fresh_value) == (theirs.iterations, theirs.value, theirs.fresh_value)


@pytest.mark.parametrize("when", ["between", "while writing"])
def test_killed_and_resumed(when, tmp_path, monkeypatch):
    """Stopped in the middle, the same call ends with the bits of one that was not: history, best, last."""
    whole, kept = cubic([0.5, 0.2], 7), {"store": tmp_path / "a.npz", "options": nj.TuneOptions(every=2)}
    if when == "between":
        cubic([0.5, 0.2], 3, **kept)
    else:
        calls, replace = [], os.replace

        def killed(*arguments):
            calls.append(0)
            if len(calls) >= 3:
                raise KeyboardInterrupt
            replace(*arguments)

        monkeypatch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            cubic([0.5, 0.2], 7, **kept)
        monkeypatch.undo()
    equal(cubic([0.5, 0.2], 7, **kept), whole)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]
    with pytest.raises(ValueError, match=r"holds another tuning \(starts.*give another store="):
        cubic([0.5, 0.3], 7, **kept)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_after_the_iteration_at_hand(number, tmp_path, monkeypatch):
    """What was found is written and given, though the next write was far off; the message says how to go on, and that is true."""
    whole, note = cubic([0.5, 0.2], 7), March.note

    def signalled(march, *arguments):
        note(march, *arguments)
        if march.iteration == 3:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(March, "note", signalled)
    kept = {"store": tmp_path / "a.npz", "options": nj.TuneOptions(every=100)}
    with pytest.raises(nj.TuneInterrupted, match=r"stopped after 3 of 7 iterations; the same call goes on from .*a\.npz") as caught:
        cubic([0.5, 0.2], 7, **kept)
    assert (caught.value.signal, caught.value.tuned.iterations) == (number, 3)
    assert caught.value.tuned.value == np.min(whole.history.value[:3])
    with pytest.raises(nj.TuneInterrupted, match=r"nothing was stored \(give store=\): its best is in error\.tuned"):
        cubic([0.5, 0.2], 7)
    monkeypatch.undo()
    equal(cubic([0.5, 0.2], 7, **kept), whole)


def test_a_killed_process(tmp_path):
    """SIGKILL between any two instructions of a process that writes at every iteration: the same call ends with the same bits."""
    store = tmp_path / "a.npz"
    words = [sys.executable, "-c", f"from tests.tuning.study import endless; endless({str(store)!r})"]
    process = subprocess.Popen(words, cwd=ROOT)
    try:
        reached, until = 0, time.monotonic() + 300
        while reached < 3 and process.poll() is None and time.monotonic() < until:
            time.sleep(0.005)
            reached = read_arrays(store, 1, "tuning", "")[0]["iteration"] if store.exists() else 0
    finally:
        process.kill()
    assert process.wait() == -signal.SIGKILL
    reached = read_arrays(store, 1, "tuning", "")[0]["iteration"]
    assert reached >= 3
    options = nj.TuneOptions(patience=None)
    resumed = cubic([0.5, 0.2], reached + 4, store=store, options=options)
    equal(resumed, cubic([0.5, 0.2], reached + 4, options=options))
