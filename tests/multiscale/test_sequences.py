"""The memory of rows: its pace in closed form, the transitions of a chain, replay."""

import numpy as np
import pytest

import neurojax as nj
from neurojax.multiscale import measures, theory
from neurojax.multiscale.measures import similarities
from neurojax.multiscale.sequences import by_pattern

DOUBLE = nj.Options(dtype="float64")
RNG = np.random.default_rng(6)
# Rows of Hadamard's matrix: orthogonal, so that no row wins another's pattern.
SIGNS = np.array([[(-1.0) ** bin(i & j).count("1") for i in range(64)] for j in range(64)])[[1, 7, 18, 33]]


def test_every_step_is_the_equations():
    """Neurons, rows and transitions of a recalling memory under noisy patterns, against the equations as a loop in NumPy, 1e-12."""
    stream = nj.Stream(nj.GaussianPatterns(3), tau_h=2.0, noise=0.3)
    model = nj.PatternMatrix(7, stream, 4, 0.7, 0.9, 1.3, 0.8, 3.0, 15.0, tau_T=6.0, delay=3)
    record = {"s": nj.Trace(measures.neurons), "h": nj.Trace(measures.field)}
    run = nj.simulate(model, steps=40, dt=0.5, record=record, options=DOUBLE)
    begun = nj.simulate(model, steps=0, dt=0.5, options=DOUBLE).final_state.state
    s, rows, transitions, past = np.asarray(begun.s), np.asarray(begun.rows), np.eye(4), [np.zeros(4)] * 3
    for step in range(39):
        assert np.allclose(run.records["s"][step], s, atol=1e-12)
        pull = np.tanh(0.9 * (1.3 * run.records["h"][step + 1] + 0.8 * past[-3] @ transitions @ rows))
        s = s + (1 - np.exp(-0.5 / 3)) * (pull - s)
        won = np.exp(0.7 * rows @ s) / np.exp(0.7 * rows @ s).sum()
        rows = rows + (1 - np.exp(-0.5 * won / 15))[:, None] * (s - rows)
        transitions = transitions + (1 - np.exp(-0.5 * past[-3] / 6))[:, None] * (won - transitions)
        past.append(won)
    assert np.allclose(run.records["s"][39], s, atol=1e-12)


def test_a_row_learns_at_its_pace():
    """Section 1.1: the cosine to a pattern that is shown, against the closed form at every step, 1e-9 in float64; it wins alone."""
    pattern = SIGNS[:1]
    start = pattern.copy()
    start[:, :20] *= -1  # as long as the pattern, cosine 24/64
    model = nj.PatternMatrix(64, nj.Stream(pattern), tau_s=0.01, tau_Xi=25.0, rows0=start)
    run = nj.simulate(model, steps=80, dt=1.0, record={"c": nj.Trace(similarities)}, options=DOUBLE)
    wanted = theory.row_similarity(np.arange(80.0), 25.0, 24 / 64)
    assert np.allclose(run.records["c"][:, 0, 0], wanted, atol=1e-9)
    assert wanted[0] == 24 / 64
    assert wanted[-1] > 0.99


def test_rows_share_a_stream_by_its_probabilities():
    """Over a stream each row learns at tau_Xi / p_mu: the time for which it was shown, 1e-9; p = .7, .2, .1."""
    p, starts = [0.7, 0.2, 0.1], SIGNS[:3].copy()
    starts[:, :20] *= -1
    model = nj.PatternMatrix(64, nj.Stream(SIGNS[:3], p), tau_s=0.01, tau_Xi=100.0, rows0=starts)
    record = {"c": nj.Last(similarities), "shown": nj.Trace(measures.shown)}
    run = nj.simulate(model, steps=201, dt=1.0, record=record, options=DOUBLE)
    for mu in range(3):
        time = np.sum(run.records["shown"][1:] == mu)
        assert abs(time - 200 * p[mu]) < 4 * np.sqrt(200 * p[mu] * (1 - p[mu]))
        assert run.records["c"][mu, mu] == pytest.approx(theory.row_similarity(time, 100.0, starts[mu] @ SIGNS[mu] / 64), abs=1e-9)


def test_transitions_are_those_of_the_chain():
    """T tends to the chain that patterns follow, rows sum to 1: 4 deviations of an average over tau_T / 2 visits of each row."""
    chain = np.array([[0.1, 0.8, 0.1, 0.0], [0.0, 0.2, 0.7, 0.1], [0.3, 0.0, 0.1, 0.6], [0.7, 0.1, 0.0, 0.2]])
    order = [2, 0, 3, 1]  # which row has which pattern is found, not known
    model = nj.PatternMatrix(64, nj.Stream(SIGNS, tau_h=3.0, transitions=chain), tau_s=0.01, tau_T=600.0, delay=3, rows0=SIGNS[order])
    run = nj.simulate(model, steps=30_000, dt=1.0, record={"c": nj.Last(similarities)})
    learned = np.asarray(run.final_state.state.transitions)
    assert np.allclose(learned.sum(1), 1, atol=1e-4)
    # A visit lasts 3 steps, each of which moves T by 1/600: 400 visits average by weights whose squares sum to 1/400.
    assert np.all(np.abs(by_pattern(learned, run.records["c"]) - chain) < 4 * np.sqrt(0.25 * 3 / 1200))
    with pytest.raises(ValueError, match=r"stands for two"):
        by_pattern(learned, np.ones((4, 4)))


def test_a_learned_sequence_is_replayed():
    """Shown in a cycle, 8 steps each, then left alone: the same cycle goes on at the same pace for three rounds."""
    stream = nj.Stream(SIGNS, tau_h=8.0, transitions=nj.Cyclic())
    model = nj.PatternMatrix(64, stream, u=20.0, recall=20.0, tau_s=0.5, tau_Xi=20.0, tau_T=50.0, delay=8, rows0=0.2 * SIGNS)
    alone = nj.Phase(96.0, {"u": 0.0, "tau_Xi": np.inf, "tau_T": np.inf})
    overlaps = nj.Trace(measures.overlaps)
    run = nj.simulate(
        model, duration=nj.Schedule({"shown": 1600.0, "alone": alone}), dt=1.0, record={"m": overlaps, "w": nj.Trace(measures.shown)}
    )
    m = np.asarray(run.records["m"])
    assert np.array_equal(np.argmax(m[1580:1600], axis=1), run.records["w"][1580:1600])  # while it is shown
    replayed = np.argmax(m[1604:], axis=1)
    assert m[1604:].max(axis=1)[4:].min() > 0.5
    assert np.array_equal(replayed[8:] % 4, (replayed[:-8] + 1) % 4)
    changes = np.flatnonzero(np.diff(replayed))
    assert np.all(np.diff(changes) == 8)
    assert len(changes) >= 10


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"delay=0"):
        nj.PatternMatrix(8, delay=0)
    with pytest.raises(ValueError, match=r"rows0\): has shape \(2, 8\)"):
        nj.PatternMatrix(8, rows0=np.zeros((2, 8))).check()
    with pytest.raises(ValueError, match=r"tau_Xi=.*a positive time"):
        nj.PatternMatrix(8, tau_Xi=-1.0).check()
