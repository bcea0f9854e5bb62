"""`neurojax run hopfield`, `neurojax sweep hopfield`: what is stored, what is told and drawn, and that it is what Python does."""

import json
import sys

import numpy as np
import pytest
import xarray as xr
from PIL import Image

import neurojax as nj
from neurojax.cli.config import parsed
from neurojax.cli.job import prepared
from neurojax.hopfield import measures, patterns

X = "#...#\n.#.#.\n..#..\n.#.#.\n#...#"


def test_a_recall_is_that_of_python_told_and_drawn(neurojax, tmp_path):
    """The letters of the example, an X with 5 units flipped."""
    said = neurojax("run", "hopfield", "seed=4", "out=run.nc", "figure=run.png")
    assert said.code == 0
    memory = nj.Hopfield(25, patterns.letters("XO+"), nj.Flips(0.2, exact=True))
    run = nj.simulate(memory, steps=30, dt=1.0, seed=4, record={"m": nj.Trace(measures.overlaps), "s": nj.Trace(measures.units)})
    with xr.open_dataset("run.nc") as data:
        np.testing.assert_array_equal(data["m"], run.records["m"])
        np.testing.assert_array_equal(data["s"], run.records["s"])
    state = run.final_state.state
    assert "stored: 3 patterns of 25 units, load 0.12\ncue: overlap 0.6 with pattern 0" in said.out
    assert f"steps: {int(state.steps)} to a fixed point" in said.out
    assert (state.s == memory.patterns[0]).all()
    assert "recovered: pattern 0, overlap 1\n" in said.out
    drawn = said.out.split("stored      cue         recovered\n")[1].splitlines()[:5]
    assert [line[:5] for line in drawn] == [line[24:] for line in drawn] == X.split("\n")
    cue = "".join(line[12:17] for line in drawn)
    assert [1.0 if mark == "#" else -1.0 for mark in cue] == run.records["s"][0].tolist()
    assert (tmp_path / "run.png").stat().st_size > 10_000


def test_what_is_not_recovered_is_said(neurojax):
    """Ten digits by Hebb's rule, far too alike for it; a negative, and a mixture of letters: each is called by its name."""
    pytest.importorskip("sklearn")
    said = neurojax("run", "hopfield", "patterns=digits", "cue.share=0.0")
    assert "cue: overlap 1 with pattern 0\nsteps: 3 to a fixed point\nnot recovered: a mixture of the patterns 8, 5, 9, 1, 6" in said.out
    assert "not recovered: the negative of pattern 0, overlap -1" in neurojax("run", "hopfield", "cue=Flips(1.0)").out
    mix = measures.mixture(patterns.letters("XO+"))
    np.save("mix.npy", mix[None])
    said = neurojax("run", "hopfield", 'patterns=letters("XO+")', "rule=PseudoInverse", f"cue={mix.astype(int).tolist()}")
    assert "not recovered: a mixture of the patterns" in said.out


@pytest.mark.parametrize(
    ("words", "shape"),
    [
        (("patterns=letters",), (3, 25)),
        (('patterns=letters("ABCD")',), (4, 25)),
        (("patterns=grids.txt",), (2, 2, 3)),
        (("patterns=photo.png",), (1, 6, 5)),
        (('patterns=read_patterns("photo.png", shape=(3, 4), dark=True)',), (1, 3, 4)),
        (("patterns=rows.npy",), (4, 12)),
        (('patterns=from_text("#.#")',), (1, 3)),
    ],
)
def test_patterns_by_word_or_file_bring_their_size(neurojax, tmp_path, words, shape):
    (tmp_path / "grids.txt").write_text("#.#\n.#.\n\n...\n###\n")
    Image.fromarray(np.arange(30, dtype=np.uint8).reshape(6, 5) * 8).save(tmp_path / "photo.png")
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).choice([-1, 1], (4, 12)))
    made = prepared("run", parsed(["hopfield", *words], ())).system
    assert np.shape(made.patterns) == shape
    assert made.n == np.prod(shape[1:])
    made.check()


def test_digits(neurojax):
    pytest.importorskip("sklearn")
    said = neurojax("run", "hopfield", "patterns=digits", "rule=PseudoInverse", "cue.which=3", "cue.share=0.1", "steps=10")
    assert said.code == 0
    assert "stored: 10 patterns of 64 units" in said.out
    assert "recovered: pattern 3, overlap 1" in said.out


def test_without_scikit_learn_the_extra_is_named(neurojax, monkeypatch):
    for name in ("sklearn", "sklearn.datasets"):
        monkeypatch.setitem(sys.modules, name, None)
    code, _, err = neurojax("run", "hopfield", "patterns=digits")
    assert code == 1
    assert err == "neurojax run: the digits come with scikit-learn: pip install 'neurojax[digits]'\n"


@pytest.mark.parametrize(
    ("words", "units", "updates"),
    [
        ((), nj.Threshold(), nj.Synchronous()),
        (("dynamics=Asynchronous",), nj.Threshold(), nj.Asynchronous()),
        (("dynamics=Glauber(0.3)",), nj.Glauber(0.3), nj.Asynchronous()),
        (("dynamics=[Synchronous, Glauber(0.3)]",), nj.Glauber(0.3), nj.Synchronous()),
        (("dynamics=Tanh", "gain=3"), nj.Tanh(3), nj.Synchronous()),
        (('dynamics=Threshold("zero")',), nj.Threshold("zero"), nj.Synchronous()),
    ],
)
def test_dynamics_in_a_word(words, units, updates):
    made = prepared("run", parsed(["hopfield", "n=40", "load=0.1", "rule=Dreaming(5.0)", *words], ())).system
    assert (repr(made.units), repr(made.updates)) == (repr(units), repr(updates))
    assert repr(made.couplings) == repr(nj.Dreaming(5.0))
    assert (made.patterns.stored, made.n) == (4, 40)


def test_modern_memories_too(neurojax, tmp_path):
    said = neurojax("run", "modernhopfield", "beta=2", "figure=m.png", "steps=10")
    assert said.code == 0
    assert "recovered: pattern 0, overlap 1" in said.out
    assert (tmp_path / "m.png").stat().st_size > 10_000


def test_a_sweep_over_loads_and_rules(neurojax, unexplained, tmp_path):
    """Two rules, two loads in one padded size, is each load by itself; drawn with the theory of Hebb's rule."""
    words = ("n=40", "over.load=[0.1,0.125]", "over.rule=[Hebb(), PseudoInverse()]", "seeds=3", "steps=20", "store=c.zarr", "figure=c.png")
    said = neurojax("sweep", "hopfield", *words)
    assert said.code == 0
    assert "figure: c.png" in said.out
    data = nj.load("c.zarr")
    assert dict(data.sizes) == {"load": 2, "rule": 2, "seed": 3}
    alone = nj.sweep(
        nj.Hopfield(40, nj.RandomPatterns(5), nj.Flips(0.1), nj.PseudoInverse()),
        {"tolerance": [0.0]},
        dt=1.0,
        steps=20,
        seeds=3,
        record={"m": nj.Last(measures.target_overlap)},
    )
    np.testing.assert_allclose(data.m[1, 1], alone.m[0], atol=1e-6)
    assert neurojax("figures", "c.zarr", "out=all").code == 0
    files = {path.name for path in (tmp_path / "all").iterdir()}
    assert {"capacity.png", "capacity.csv", "steps.png"} <= files
    system = json.loads(data.attrs["what"])["system"]
    assert system["class"] == "Building"


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("run hopfield patterns=digitz", "there is no 'digitz'; did you mean 'digits'?"),
        ("run hopfield patterns=none.png", "there is no such file"),
        ("run hopfield load=0.1", "a load of how many units? give n"),
        ("run hopfield n=20 load=0.1 patterns=letters", "leave out one of them"),
        ("run hopfield n=24 patterns=letters", "make them equal"),
        ("run hopfield patterns=random", "give n, as in n=500"),
        ("run hopfield n=20 load=-1", "above 0"),
        ("run hopfield dynamics=Hebb", "Threshold, Tanh, Glauber or Metropolis"),
        ("run hopfield dynamics=[Glauber(),Tanh()]", "one of each kind in a list"),
        ("run hopfield rule=Heb", "did you mean 'Hebb'?"),
        ("run hopfield cue.which=3", "there are 3 patterns"),
    ],
)
def test_a_mistake_is_answered(neurojax, tmp_path, words, answer):
    code, _, err = neurojax(*words.split(" "))
    assert code == 2
    assert answer in err
    assert not list(tmp_path.iterdir())
