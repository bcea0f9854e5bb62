"""The benchmarks' table, and one small measurement made as the runner makes it."""

import json
import math

import pytest

from experiments.benchmarks import case, hopfield, multiscale, table
from experiments.benchmarks.__main__ import main
from experiments.benchmarks.contenders import CONTENDERS, LIMIT, OURS, PLAIN, Contender
from experiments.benchmarks.runner import child

ROWS = [
    table.Row(OURS, 1000, 64, True, (4.0e8, 2.0e8, 3.0e8), 400.0, 3.0, 0.2, 0.75),
    table.Row(PLAIN, 1000, 64, True, (3.0e7,), 200.0, 1.0, 0.1, 0.75),
    table.Row(LIMIT, 1000, 64, True, (1.0e9,), 3.0, 1.0, 0.0, 0.75),
    table.Row("kuramoto", 1000, 1, False, note="not installed: pip install kuramoto"),
]


def test_required_and_measured():
    measured = {line.what: (line.measured, line.holds) for line in table.rate_lines(ROWS)}
    assert measured["share of the C limit, n = 1,000, with noise"] == (pytest.approx(0.4), True)
    assert measured["times plain JAX, n = 1,000, with noise"] == (pytest.approx(40 / 3), True)
    assert measured["times the fastest peer, n = 1,000, with noise"] == (pytest.approx(40 / 3), True)
    assert measured["share of the C limit, n = 1,000, without noise"] == (None, False)
    text = table.show_lines([*table.rate_lines(ROWS), table.below("time", 7.0, 8.0)])
    assert "| share of the C limit, n = 1,000, with noise | >= 0.35 | 0.4 | holds |" in text
    assert "| share of the C limit, n = 1,000, without noise | >= 0.28 | not measured | |" in text
    assert "| time | < 7 | 8 | MISSED |" in text


def test_rows_show_best_median_ratio_and_share():
    assert (ROWS[0].best, ROWS[0].median) == (4.0e8, 3.0e8)
    text = table.show(ROWS)
    assert "| neurojax | 64 | 400 | 300 | 1 | 40.0% | 400 | 3.00 | 0.20 | 0.750 |" in text
    assert "| plain JAX | 64 | 30 | 30 | 13.3 | 3.0% | 200 | 1.00 | 0.10 | 0.750 |" in text
    assert "| kuramoto | 1 | not installed: pip install kuramoto |" in text


def test_a_call_grows_until_it_outweighs_its_fixed_cost():
    # 0.2 s whatever is done, 1 ms a unit: two seconds of work are 2,000 units, and not many times that is done.
    assert 2000 <= case.enough(lambda factor: 0.2 + 1e-3 * factor, seconds=2.0, fixed=0.201) <= 4000
    assert case.enough(lambda factor: 9.0 * factor, seconds=2.0, fixed=9.0) == 1


def recalled(seconds, gflops=10.0, steps=5000):
    shown = {"overlaps": [1.0, 0.95, 0.4], "peak_mb": 100.0, "whole": None}
    return {"seconds": seconds, "steps": steps, "gflops": gflops, "flops": 1e9 * gflops * seconds, **shown}


def test_recall_is_asked_for_three_times_the_line_or_the_limit():
    """At 100 GFLOP/s 50 G take 0.5 s, which is 2 times faster than a line of 1 s: more cannot be asked."""
    found = {
        "neurojax": recalled(0.05),
        "low-rank NumPy": recalled(0.1),
        "neurojax, all cues": recalled(0.6, 50 / 0.6),
        "low-rank NumPy, all cues": recalled(1.0, 50.0),
        "product's limit": {"gflops": 100.0},
    }
    text, lines = hopfield.table(found, {job.label: "absent" for job in hopfield.JOBS})
    held = {line.what: (line.required, line.measured, line.holds) for line in lines}
    assert held["times low-rank NumPy, one cue"] == (">= 1", pytest.approx(2.0), True)
    assert held["times low-rank NumPy, all cues"] == (">= 2", pytest.approx(1 / 0.6), False)
    assert held["share of the product's limit, all cues"][1] == pytest.approx(0.5 / 0.6)
    assert held["times low-rank NumPy, one cue, 2 threads"][1:] == (None, False)
    assert "| neurojax | 0.05 | 0.5 | 10.00 | 10.0 |  | 100 | 1.000, 0.950, 0.400 |" in text
    assert "| hopfieldkit, asynchronous | absent |" in text


def test_every_line_of_numpy_recalls_the_same_memories(monkeypatch):
    """Of small memories at a low load: each way ends at the pattern, 1e-6."""
    monkeypatch.setattr(hopfield, "LOADS", (4,))
    monkeypatch.setattr(hopfield, "SHOWN", (4,))
    for program, task in (("low_rank", "one"), ("low_rank", "all"), ("low_rank_together", "all"), ("notebook", "one"), ("ours", "all")):
        if program == "ours":
            monkeypatch.setattr("neurojax.use_cpus", lambda count: None)
        found = hopfield.PROGRAMS[program](hopfield.Job(program, program, task, seeds=2))
        assert found["overlaps"] == [pytest.approx(1.0, abs=1e-6)], (program, task)
        assert found["steps"] > 0


def test_memories_are_asked_for_fifteen_times_the_lean_loop():
    """Of the loop with D as often, on the threads that suit it best; the bound is 1 us to read J and 2 to write it anew."""

    def took(seconds):
        return {"seconds": seconds, "whole": 2 * seconds, "distance": 0.01, "peak_mb": 100.0}

    found = {
        "NumPy loop, float64": took(0.06),
        "NumPy loop, float64, D at every step": took(0.2),
        "NumPy loop, float64, D at every step, 2 threads": took(0.1),
        "neurojax, direct": took(0.01),
        "neurojax, deferred, tally, D at every step, 2 threads": took(0.005),
        "neurojax, coefficients, 2 threads": took(2e-5),
        "cache": {"read": 1e-3, "write": 2e-3},
        "memory, direct, tally": {"loop": 4 * 150**2, "whole": 3 * 4 * 150**2},
    }
    text, lines = multiscale.table(found, {job.label: "absent" for job in multiscale.JOBS})
    held = {line.what: (line.measured, line.holds) for line in lines}
    assert held["times the NumPy loop, deferred, tally, D at every step, 2 threads"] == (pytest.approx(20.0), True)
    assert held["times the NumPy loop, coefficients, 2 threads"] == (pytest.approx(3000.0), True)
    assert held["times the NumPy loop, direct, 2 threads"] == (None, False)
    assert held["memory of a lane in the loop / (J), direct, tally"] == (pytest.approx(1.0), True)
    assert "| direct, tally | 1.00 | 3.00 |" in text
    assert "| neurojax, direct | 10 | 6 | 5 | 3 | 0.60 | 20 | 1.00e-02 | 100 |" in text
    assert "| neurojax, deferred | absent |" in text


LINES = {"numpy": {}, "plain_jax": {}, "ours": {"block": 4, "tally": True}, "events": {}}


@pytest.mark.parametrize("program", [*list(LINES)[:3], pytest.param("events", marks=pytest.mark.slow)])
def test_every_line_of_the_memory_makes_the_same_map(program, monkeypatch):
    """Few neurons, 40 steps of a share of 1/10: D at the end is F V of section 2.3; 0.02 for the mean of 16 lanes, 0.1 for one."""
    for name, value in (("N", 12), ("K", 2), ("TAU_J", 10.0), ("STEPS", 30), ("LEAST", 10), ("ROUNDS", 1)):
        monkeypatch.setattr(multiscale, name, value)
    monkeypatch.setattr("neurojax.use_cpus", lambda count: None)
    job = multiscale.Job(program, program, each=True, lanes=16, steps=30, **LINES[program])
    found = multiscale.measured(multiscale.PROGRAMS[program](job), job)
    # V = 1 - |H|^2 is near 1/2, F = 1/19.
    assert found["distance"] == pytest.approx(0.5 / 19, abs=0.1 if program == "numpy" else 0.02)
    assert found["whole"] > 0


def test_a_loop_holds_one_matrix_and_a_block_for_a_lane(monkeypatch):
    """By XLA's own account, of 100 neurons: all else is less than a twentieth."""
    monkeypatch.setattr(multiscale, "N", 100)
    held = multiscale.memory(multiscale.Job("", tally=True, block=16))
    assert 1 <= held["loop"] / (4 * 100 * 116) < 1.05
    assert held["whole"] > 3 * held["loop"]


def test_an_absent_peer_says_what_to_install():
    assert Contender("x", "peers:x", needs="no_such_package").missing == "not installed: pip install no_such_package"
    assert CONTENDERS["ours"].missing is None


def test_our_child_measures_a_rate_and_the_right_order():
    result = child(["ours", "--n", "20", "--lanes", "2", "--seconds", "0.2"])
    assert result["rate"] > 0
    assert result["steps"] % case.BLOCK == 0
    # Coupling 0: <r> = sqrt(pi / n) / 2 = 0.198 for uniform phases. Coupling 4: locked, r = 1 - <omega^2> / (2 K^2) = 0.997 for
    # frequencies of variance 1/12. The spread is that of one short lane of 20 drifting oscillators, and of the approach to locking.
    assert result["order"] == pytest.approx((0.198 + 0.997) / 2, abs=0.1)


def test_the_command_writes_what_it_prints(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("experiments.benchmarks.runner.child", lambda arguments: dict.fromkeys(RESULT, 0.5) | {"rate": 2e6})
    assert main(["kuramoto", "--quick", "--only", "notebook", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "kuramoto.md").read_text() in capsys.readouterr().out
    rows = json.loads((tmp_path / "kuramoto.json").read_text())["rows"]
    assert [(row["label"], row["noise"], row["rates"]) for row in rows] == [(CONTENDERS["notebook"].label, n, [2e6]) for n in (True, False)]
    assert all(math.isfinite(row["peak_mb"]) for row in rows)


RESULT = ("rate", "peak_mb", "first_call", "least_call", "order")
