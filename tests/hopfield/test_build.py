"""Memories in few words, patterns from files, and what is said of a recall."""

import sys

import equinox as eqx
import numpy as np
import pytest
from PIL import Image

import neurojax as nj
from neurojax.hopfield import patterns
from neurojax.hopfield.recall import CYCLE, FIXED, MOVING
from neurojax.hopfield.report import drawing, report, shape_of

LETTERS = patterns.letters("XO+")
MEMORY = nj.Hopfield(25, LETTERS, nj.Flips(0.2))


def ended(s, outcome=FIXED):
    return nj.RecallState(np.asarray(s), np.asarray(s), np.asarray(2), np.asarray(outcome))


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (ended(LETTERS[0]), "recovered: pattern 0, overlap 1"),
        (ended(LETTERS[2]), "not recovered: pattern 2 instead, overlap 1"),
        (ended(-LETTERS[1]), "not recovered: the negative of pattern 1, overlap -1"),
        (ended(nj.hopfield.measures.mixture(LETTERS)), "not recovered: a mixture of the patterns 2, 1, 0"),
        (ended(np.where(np.arange(25) < 8, -LETTERS[0], LETTERS[0])), "not recovered: a state that was not stored; nearest is pattern"),
        (ended(LETTERS[0], CYCLE), "not recovered: a cycle; nearest is pattern 0, overlap 1"),
        (ended(np.where(np.arange(25) < 8, -LETTERS[0], LETTERS[0]), MOVING), "not recovered: no rest; nearest is pattern"),
    ],
)
def test_a_report_says_where_it_ended(state, said):
    lines = report(MEMORY, state, LETTERS[0])
    assert lines[0] == "stored: 3 patterns of 25 units, load 0.12"
    assert lines[1] == "cue: overlap 1 with pattern 0"
    assert lines[2].startswith("steps: 2 ")
    assert lines[3].startswith(said)


def test_a_report_of_a_state_as_cue():
    memory = nj.Hopfield(25, LETTERS, -LETTERS[0])
    assert report(memory, ended(LETTERS[1]), -LETTERS[0])[1:] == [
        "cue: pattern 1 is nearest, 0.68",
        "steps: 2 to a fixed point",
        "recovered: pattern 1, overlap 1",
    ]


def test_a_drawing_needs_a_shape():
    grid = drawing(MEMORY, [LETTERS[0], 0.5 * LETTERS[0]], ["X", "half"])
    assert grid.splitlines()[:3] == ["X       half", "#...#   +++++", ".#.#.   +++++"]
    assert shape_of(nj.Hopfield(10, np.ones((2, 10)))) is None
    assert shape_of(nj.Hopfield(10, np.ones((3, 2, 5)))) == (2, 5)
    assert drawing(nj.Hopfield(10, np.ones((2, 10))), [np.ones(10)], ["x"]) == ""


@pytest.mark.parametrize("load", [0.01, 0.05, 0.1, 0.3, 0.5, 1.0, 1.7])
def test_loads_are_padded_by_less_than_twice(load):
    """The patterns of a load are those that as many rows give; loads within a factor of two share a shape."""
    made = nj.hopfield.memory(60, load=load)
    stored = max(1, round(60 * load))
    assert made.patterns.stored == stored <= made.patterns.count <= max(2 * stored, 4)
    assert made.patterns.count in (4, 8, 15, 30, 60, 120)


def test_defaults():
    assert eqx.tree_equal(nj.hopfield.memory(), nj.Hopfield(25, LETTERS))
    assert eqx.tree_equal(nj.hopfield.memory(200), nj.Hopfield(200, nj.RandomPatterns(20)))
    assert nj.hopfield.memory(patterns=np.ones((2, 3, 4))).n == 12
    sparse = nj.hopfield.memory(100, nj.RandomPatterns(activity=0.1), nj.Covariance(0.1), load=0.5, threshold=0.4, code="bits")
    assert (sparse.patterns.activity, sparse.patterns.stored, sparse.threshold) == (0.1, 50, 0.4)


class TestFiles:
    def test_text(self, tmp_path):
        (tmp_path / "a.txt").write_text("\n#..\n.#.\n\n\n...\n.##\n")
        read = nj.hopfield.read_patterns(tmp_path / "a.txt")
        assert read.tolist() == [[[1, -1, -1], [-1, 1, -1]], [[-1, -1, -1], [-1, 1, 1]]]
        assert nj.hopfield.read_patterns(tmp_path / "a.txt", code="bits").min() == 0

    def test_arrays(self, tmp_path):
        """Patterns in their code stay as they are; anything else is a grey image."""
        rows = np.random.default_rng(0).choice([-1, 1], (4, 9))
        np.save(tmp_path / "rows.npy", rows)
        assert np.array_equal(nj.hopfield.read_patterns(tmp_path / "rows.npy"), rows)
        grey = np.linspace(0, 1, 12).reshape(1, 3, 4)
        np.save(tmp_path / "grey.npy", grey)
        assert np.array_equal(nj.hopfield.read_patterns(tmp_path / "grey.npy"), np.where(grey > 0.5, 1, -1))
        assert np.array_equal(nj.hopfield.read_patterns(tmp_path / "grey.npy", dark=True), np.where(grey < 0.5, 1, -1))
        assert (nj.hopfield.read_patterns(tmp_path / "grey.npy", threshold=0.2, dark=True) > 0).sum() == (grey < 0.2).sum()
        assert nj.hopfield.read_patterns(tmp_path / "grey.npy", shape=(6, 8)).shape == (1, 6, 8)

    def test_pictures(self, tmp_path):
        """Colours by their luminance, what is transparent as white."""
        pixels = np.array([[[255, 255, 255, 255], [0, 0, 0, 255], [0, 0, 0, 0]], [[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255]]])
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "p.png")
        assert nj.hopfield.read_patterns(tmp_path / "p.png").tolist() == [[[1, -1, 1], [-1, 1, -1]]]
        dithered = nj.hopfield.read_patterns(tmp_path / "p.png", method="dither", shape=(4, 6))
        assert dithered.shape == (1, 4, 6)

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("a.jpeg2", b"", r"jpeg2.*read from \.txt, \.npy"),
            ("a.png", b"no picture", r"a\.png.*no picture"),
            ("a.txt", b"\n\n", r"a\.txt.*is empty"),
            ("a.txt", b"#.\n#", r"lengths \[2, 1\]"),
            ("a.txt", b"#o", r"has \['o'\]"),
        ],
    )
    def test_refused(self, tmp_path, name, content, message):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=message):
            nj.hopfield.read_patterns(tmp_path / name)

    def test_arrays_refused(self, tmp_path):
        np.save(tmp_path / "a.npy", np.arange(5))
        with pytest.raises(ValueError, match=r"\(5,\).*\(P, n\)"):
            nj.hopfield.read_patterns(tmp_path / "a.npy")
        np.save(tmp_path / "a.npy", np.array([["a"]]))
        with pytest.raises(ValueError, match=r"holds <U1; save numbers"):
            nj.hopfield.read_patterns(tmp_path / "a.npy")


class TestDigits:
    def test_they_are_the_first_of_each(self):
        """By scikit-learn's own arrays; the first of every label come before the second."""
        found = pytest.importorskip("sklearn.datasets").load_digits()
        made = patterns.digits("307", 2)
        rows = [np.flatnonzero(found.target == label)[k] for k in range(2) for label in (3, 0, 7)]
        assert np.array_equal(made, np.where(found.images[rows].reshape(6, 64) > 4, 1.0, -1.0))
        assert patterns.digits(shape=(16, 16), code="bits").shape == (10, 256)
        first = patterns.digits()
        assert (first @ first.T / 64)[np.triu_indices(10, 1)].mean() == pytest.approx(0.456, abs=0.001)

    def test_refused(self, monkeypatch):
        pytest.importorskip("sklearn")
        with pytest.raises(ValueError, match=r"labels='12a'.*'0123456789'"):
            patterns.digits("12a")
        with pytest.raises(ValueError, match=r"each=0.*at least 1"):
            patterns.digits(each=0)
        with pytest.raises(ValueError, match=r"each=200: there are 174"):
            patterns.digits(each=200)
        monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
        with pytest.raises(ImportError, match=r"neurojax\[digits\]"):
            patterns.digits()
