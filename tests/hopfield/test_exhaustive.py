"""Exact basins of small memories, against NumPy; all 2^25 states of the letters, against integers counted by another program."""

import itertools

import numpy as np
import pytest

import neurojax as nj
from neurojax.hopfield import patterns

LETTERS = patterns.letters("XO+")
SQUARE = np.concatenate([LETTERS[:1], patterns.from_text("#####\n#...#\n#...#\n#...#\n#####"), LETTERS[2:]])


def brute(xi, zero):
    """Ends of all states by NumPy, in integers: counts at patterns, at negatives, other fixed points, 2-cycles."""
    n = xi.shape[1]
    weights = (xi.T @ xi).astype(int)
    np.fill_diagonal(weights, 0)
    counts = {}
    for start in itertools.product([-1, 1], repeat=n):
        s, before = np.array(start), np.array(start)
        while True:
            h = weights @ s
            new = np.where(h == 0, {"keep": s, "zero": 0, "+1": 1}[zero], np.sign(h))
            if np.array_equal(new, s):
                end = next((i for i, x in enumerate(np.vstack([xi, -xi])) if np.array_equal(x, s)), "other")
                break
            if np.array_equal(new, before):
                end = "cycle"
                break
            s, before = new, s
        counts[end] = counts.get(end, 0) + 1
    return counts


@pytest.mark.parametrize("zero", ["keep", "zero", "+1"])
def test_small_memories(zero):
    """Three patterns on 10 units, 1,024 states; batches that do and do not divide them alike."""
    xi = np.random.default_rng(3).choice([-1.0, 1.0], (3, 10))
    found = nj.all_basins(nj.Hopfield(10, xi, units=nj.Threshold(zero)), batch=256)
    wanted = brute(xi, zero)
    assert found.patterns.tolist() == [wanted.get(i, 0) for i in range(3)]
    assert found.negatives.tolist() == [wanted.get(i + 3, 0) for i in range(3)]
    assert (found.others, found.cycles, found.moving) == (wanted.get("other", 0), wanted.get("cycle", 0), 0)
    assert found.states == 1024
    if zero != "+1":
        assert np.array_equal(found.patterns, found.negatives)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("xi", "zero", "counts", "cycles"),
    [
        (LETTERS, "zero", [8_974_874, 4_816_332, 2_786_888], 398_244),
        (LETTERS, "keep", [8_066_878, 5_718_538, 2_991_800], 0),
    ],
)
def test_every_state_of_the_letters(xi, zero, counts, cycles):
    """X, O and + on 5 x 5: basins of all 2^25 states, to the last one; 53 % meet a field of exactly 0."""
    found = nj.all_basins(nj.Hopfield(25, xi, units=nj.Threshold(zero)))
    print(f"\n{zero}: {found.seconds:.1f} s, {found.states_per_second:.3g} states/s")
    assert found.patterns.tolist() == found.negatives.tolist() == counts
    assert (found.cycles, found.others, found.moving) == (cycles, 0, 0)
    assert found.zero_fields / 2**25 == pytest.approx(0.53, abs=0.005)


@pytest.mark.slow
def test_a_square_letter():
    """With a square O 48 % of the states meet a field of exactly 0; X, O and + are fixed points, of overlaps -9, -7, -9 in units."""
    assert (SQUARE @ SQUARE.T)[np.triu_indices(3, 1)].tolist() == [-9, -7, -9]
    found = nj.all_basins(nj.Hopfield(25, SQUARE))
    assert found.zero_fields / 2**25 == pytest.approx(0.48, abs=0.005)
    assert (found.patterns > 0).all()


@pytest.mark.parametrize(
    ("memory", "options", "message"),
    [
        (nj.Hopfield(40, np.ones((1, 40))), {}, r"n=40 units.*at most 30"),
        (nj.Hopfield(5, np.ones((1, 5)), units=nj.Glauber()), {}, "draws thermal.*nj.Threshold"),
        (nj.Hopfield(5, np.ones((1, 5)), updates=nj.Asynchronous()), {}, "draws order.*not random"),
        (nj.Hopfield(5, np.ones((1, 5))), {"batch": 0}, "batch=0.*at least 1"),
    ],
)
def test_what_cannot_be_enumerated(memory, options, message):
    with pytest.raises(ValueError, match=message):
        nj.all_basins(memory, **options)
