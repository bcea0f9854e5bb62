"""Bad input is refused in words that name the argument and the mend, before anything compiles; and what used to go wrong without a word."""

import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from neurojax.engine.compile import traces
from neurojax.hopfield import measures, theory

SIGNS = np.random.default_rng(0).choice([-1.0, 1.0], (3, 20))
BITS = (SIGNS + 1) / 2
THREE = np.ones(3)


def run(*args, steps=2, record=None, **fields):
    return nj.simulate(nj.Hopfield(*args, **fields), steps=steps, dt=1.0, record=record)


def flow(**fields):
    return nj.simulate(nj.GradedHopfield(20, SIGNS, **fields), steps=2, dt=0.1)


CASES = {
    "infinite couplings": (lambda: run(2, [[1.0, -1.0]], couplings=[[0.0, np.inf], [np.inf, 0.0]]), "couplings", "finite"),
    "couplings of others": (lambda: run(20, SIGNS, couplings=nj.Hebb().learn(SIGNS[:, :9])), "couple 9 units", "n=20"),
    "no pattern at all": (lambda: run(4, np.zeros((2, 4)), couplings=nj.Hebb("pattern")), "patterns", "one pattern at least"),
    "no variance": (lambda: run(4, np.ones((1, 4)), couplings=nj.Covariance()), "Covariance(mean=None)", "give mean="),
    "mean of bits": (lambda: run(20, BITS, couplings=nj.Covariance(0.0), code="bits"), "mean=0.0", "between 0 and 1"),
    "threshold in time": (lambda: run(20, SIGNS, threshold=lambda t: t), "threshold", "field"),
    "several gains": (lambda: run(20, SIGNS, units=nj.Tanh(THREE)), "Tanh(gain)", "one number"),
    "several temperatures": (lambda: run(20, SIGNS, units=nj.Glauber(THREE)), "Glauber(temperature)", "one number"),
    "several tolerances": (lambda: run(20, SIGNS, tolerance=THREE), "tolerance", "one number"),
    "several shares": (lambda: run(20, SIGNS, nj.Flips(0.1 * THREE)), "Flips(share)", "one number"),
    "several activities": (lambda: run(20, nj.RandomPatterns(3, 0.5 * THREE)), "activity", "one number"),
    "several inverse temperatures": (lambda: run(20, SIGNS, couplings=nj.Exponential(THREE)), "Exponential(beta)", "one number"),
    "several time constants": (lambda: flow(tau=THREE), "tau", "one number"),
    "several noises": (lambda: flow(noise=THREE), "noise", "one number"),
    "part of a pattern": (lambda: run(20, nj.RandomPatterns(5, stored=2.5)), "stored=2.5", "whole number"),
    "overlap with none": (lambda: run(20, SIGNS, record={"o": nj.Last(measures.Overlap(7))}), "which=7", "3 patterns"),
    "batch": (lambda: nj.hopfield.all_basins(nj.Hopfield(4, [[1, 1, -1, 1]]), batch=1.5), "batch=1.5", "whole number"),
    "degree": (lambda: theory.dense_bit_error(100, 10, 1), "degree=1", "at least 2"),
    "dense units": (lambda: theory.dense_capacity(1, 3), "n=1", "at least 2"),
    "exponential units": (lambda: theory.exponential_capacity(-5), "n=-5", "above 0"),
    "bound's beta": (lambda: theory.modern_bound(np.eye(3), -1.0), "beta=-1.0", "above 0"),
    "removed negative": (lambda: nj.Polynomial(3).removed(nj.Polynomial(3).learn(SIGNS), -SIGNS[0]), "pattern", "nothing to remove"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_clear_error_before_anything_is_compiled(name):
    call, *parts = CASES[name]
    before = traces.copy()
    with pytest.raises((ValueError, TypeError)) as error:
        call()
    for part in parts:
        assert part in str(error.value), str(error.value)
    assert traces == before


@pytest.mark.parametrize(
    "rule",
    [nj.Hebb(), nj.Covariance(0.0), nj.PseudoInverse(), nj.Dreaming(), nj.Sequence(), nj.Storkey(), nj.Palimpsest(), nj.Perceptron()],
)
def test_whole_numbers_are_patterns_too(rule):
    """Learned from int8, of which 200 sum up to more than it holds, as from floats: the same bits."""
    patterns = np.resize(SIGNS, (200, 20)) if isinstance(rule, nj.Hebb | nj.Covariance | nj.Storkey | nj.Palimpsest) else SIGNS
    one, other = (rule.learn(patterns.astype(dtype)).matrix() for dtype in (np.int8, np.float32))
    assert one.dtype == np.float32
    assert np.array_equal(one, other)
    assert np.array_equal(run(20, jnp.asarray(SIGNS, jnp.int32)).system.patterns, SIGNS)


def test_bits_of_ones_own():
    """An array of bits under a rule, and under a diluted one: the pattern is a fixed point at a threshold of 1/2 - a."""
    for rule in (nj.Covariance(0.5), nj.Diluted(nj.Covariance(0.5), 0.95)):
        end = run(20, BITS, BITS[1], rule, code="bits", steps=5).final_state.state
        assert np.array_equal(end.s, BITS[1])


@pytest.mark.parametrize("units", [nj.Threshold(), nj.Tanh(5.0)])
def test_a_field_that_comes_later_moves_a_state_at_rest(units):
    """At rest for five steps; then a field stronger than all couplings (at most 3 patterns x 20 / 20) turns every unit."""
    field = nj.Sampled(np.where(np.arange(20) < 5, 0.0, -9.0), 1.0, "hold")
    late = run(20, SIGNS, SIGNS[0], units=units, field=field, tolerance=1e-4, steps=15)
    assert np.allclose(late.final_state.state.s, -1.0, atol=1e-3)


def test_a_phase_wakes_a_state_at_rest():
    """The same by a schedule, in a run and in a sweep; and the state rests again, in the third phase too, which releases it."""
    schedule = nj.Schedule({"rest": 40.0, "pushed": nj.Phase(40.0, {"field": -9.0}), "released": 40.0})
    memory = nj.Hopfield(20, SIGNS, SIGNS[0], field=0.0)
    record = {"m": nj.Trace(measures.activity, every=39), "end": nj.Last(measures.settled)}
    alone = nj.simulate(memory, duration=schedule, dt=1.0, record=record)
    wanted = np.mean([SIGNS[0], -np.ones(20)], axis=1)
    assert np.allclose(alone.records["m"][[0, 1, 2]], wanted[[0, 0, 1]], atol=1e-6)
    data = nj.sweep(memory, {"tolerance": [0.0, 1e-3]}, duration=schedule, dt=1.0, record=record)
    assert np.allclose(data.m, alone.records["m"], atol=1e-6)
    assert alone.records["end"]


def test_metropolis_leaves_no_unit_unknown():
    """From a cue of which half is 0; at T = 0 every unit takes the side of its field, so that the pattern is recalled."""
    end = run(20, SIGNS[:1], nj.PartialCue(0.5), units=nj.Metropolis(0.0), updates=nj.Asynchronous(), steps=5).final_state.state.s
    assert np.array_equal(end, SIGNS[0])


def test_basins_of_any_batch():
    """512 states in batches that do not divide them."""
    memory = nj.Hopfield(9, [[1, 1, 1, -1, 1, -1, 1, 1, 1]])
    found = nj.hopfield.all_basins(memory, batch=100)
    assert (found.states, found.patterns.tolist(), found.negatives.tolist()) == (512, [256], [256])


def test_one_of_two_equal_patterns_is_removed():
    """The other still is a fixed point, of field 1 with the diagonal; 1e-5."""
    rule = nj.PseudoInverse(diagonal=True)
    left = rule.removed(rule.learn(np.concatenate([SIGNS, SIGNS[:1]])), SIGNS[0])
    assert np.allclose(left.fields(SIGNS[0].astype(np.float32)), SIGNS[0], atol=1e-5)


def test_dense_memories_add_and_remove():
    """Like learning all anew, the same bits."""
    for rule in (nj.Polynomial(3), nj.Exponential()):
        more = rule.added(rule.learn(SIGNS[:2]), SIGNS[2])
        assert np.array_equal(more.patterns, rule.learn(SIGNS).patterns)
        assert np.array_equal(rule.removed(more, SIGNS[0]).patterns, SIGNS[1:])


def test_float64_has_the_same_patterns_and_cues():
    for memory in (
        nj.Hopfield(50, nj.RandomPatterns(3, 0.3, 0.2), nj.Flips(0.2)),
        nj.Hopfield(50, nj.RandomPatterns(3), nj.PartialCue(0.4, fill="random"), nj.Diluted(share=0.5)),
        nj.ModernHopfield(50, nj.SpherePatterns(3), nj.GaussianCue(0.2, graded=True)),
    ):
        one, other = (nj.simulate(memory, steps=0, dt=1.0, options=nj.Options(dtype=dtype)) for dtype in ("float32", "float64"))
        assert np.allclose(one.system.patterns, other.system.patterns, atol=1e-5)
        assert np.allclose(one.final_state.state.s, other.final_state.state.s, atol=1e-5)


def test_energy_without_any_temperature():
    """The limit beta -> 0 of `-lse(beta, X q) + ln(P) / beta` is the mean overlap, -mean(X q); 1e-4 at beta = 1e-4."""
    memory = nj.ModernHopfield(20, SIGNS, beta=np.array([0.0, 1e-4])).realise(None)
    cold, warm = memory.energy(jnp.broadcast_to(jnp.asarray(SIGNS[0], jnp.float32), (2, 20)))
    assert cold == pytest.approx(-np.mean(SIGNS @ SIGNS[0]) + 10 + 10, abs=1e-4)
    assert warm == pytest.approx(float(cold), abs=0.05)
