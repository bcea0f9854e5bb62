"""Patterns and cues: the notebook's letters bit for bit, statistics of what is drawn, what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from neurojax.hopfield import cues, patterns

NOTEBOOK = {
    "X": [[1, -1, -1, -1, 1], [-1, 1, -1, 1, -1], [-1, -1, 1, -1, -1], [-1, 1, -1, 1, -1], [1, -1, -1, -1, 1]],
    "O": [[-1, 1, 1, 1, -1], [1, -1, -1, -1, 1], [1, -1, -1, -1, 1], [1, -1, -1, -1, 1], [-1, 1, 1, 1, -1]],
    "+": [[-1, -1, 1, -1, -1], [-1, -1, 1, -1, -1], [1, 1, 1, 1, 1], [-1, -1, 1, -1, -1], [-1, -1, 1, -1, -1]],
}
KEY = jax.random.key(0)


def test_letters_are_the_notebooks():
    assert np.array_equal(patterns.letters("XO+"), [np.ravel(NOTEBOOK[letter]) for letter in "XO+"])


def test_the_alphabet():
    """26 letters, all different, in both codes; lower case is upper case."""
    known = patterns.letters(patterns.ALPHABET)
    assert known.shape == (26, 25)
    assert len(np.unique(known, axis=0)) == 26
    assert len(np.unique(patterns.letters(patterns.ALPHABET + "0123456789"), axis=0)) == 36
    assert np.array_equal(patterns.letters("ab", "bits"), (known[:2] + 1) / 2)


def test_text_grids():
    got = patterns.from_text("x_\n_x", "xx\n__", up="x", down="_", code="bits")
    assert got.tolist() == [[1, 0, 0, 1], [1, 1, 0, 0]]


class TestImages:
    def test_threshold(self):
        grey = np.array([[0.0, 10.0], [4.0, 6.0]])
        assert patterns.from_images(grey).tolist() == [[-1, 1, -1, 1]]
        assert patterns.from_images(grey, threshold=3.0, code="bits").tolist() == [[0, 1, 1, 1]]

    @pytest.mark.parametrize("level", [0.2, 0.5, 0.7])
    def test_dither_keeps_the_mean(self, level):
        """Of a grey area between black and white corners, within 0.02; a threshold gives all or nothing."""
        grey = np.full((40, 40), level)
        grey[0, 0], grey[0, 1] = 0.0, 1.0
        assert patterns.from_images(grey, method="dither", code="bits").mean() == pytest.approx(level, abs=0.02)
        assert abs(patterns.from_images(grey, code="bits").mean() - 0.5) > 0.49

    def test_resize(self):
        """Half white, half black stays so at any size."""
        grey = np.zeros((2, 12, 20))
        grey[:, :, 10:] = 1.0
        got = patterns.from_images(grey, shape=(6, 10)).reshape(2, 6, 10)
        assert np.array_equal(got[0], np.where(np.arange(10) >= 5, 1.0, -1.0) * np.ones((6, 1)))


class TestRandomPatterns:
    def test_activity_and_correlation(self):
        """40 patterns of 5,000 units: means within 0.004, correlation coefficients within 0.01 in the mean (four standard errors)."""
        for activity, rho in ((0.5, 0.0), (0.1, 0.0), (0.5, 0.3), (0.2, 0.3)):
            xi = np.asarray(nj.RandomPatterns(40, activity, rho).draw(KEY, 5000, "bits"))
            spread = np.sqrt(activity * (1 - activity) / 5000 * max(1 / 40, rho))
            assert xi.mean() == pytest.approx(activity, abs=4 * spread)
            assert np.corrcoef(xi)[np.triu_indices(40, 1)].mean() == pytest.approx(rho, abs=0.02 if rho else 0.003)

    def test_more_patterns_leave_the_first_as_they_are(self):
        few, many = (nj.RandomPatterns(count).draw(KEY, 50, "signs") for count in (3, 9))
        assert np.array_equal(few, many[:3])
        padded = nj.RandomPatterns(9, stored=3).draw(KEY, 50, "signs")
        assert np.array_equal(padded[:3], few)
        assert not padded[3:].any()
        assert (patterns.stored_count(padded), patterns.load(padded)) == (3, pytest.approx(0.06))

    def test_sphere(self):
        made = nj.SpherePatterns(5, 2.0).draw(KEY, 30, "real")
        assert np.linalg.norm(made, axis=1) == pytest.approx(2.0, rel=1e-6)


class TestCues:
    XI = jnp.asarray(np.random.default_rng(0).choice([-1.0, 1.0], (3, 1000)), jnp.float32)

    def drawn(self, cue, code="signs", xi=None, count=40):
        xi = self.XI if xi is None else xi
        return np.asarray(jax.vmap(lambda key: cue.draw(key, xi, code))(jax.random.split(KEY, count))), np.asarray(xi)

    def test_flips(self):
        """A share of 0.2: exactly 200 units, or 200 in the mean with the spread of a binomial, 12.6."""
        made, xi = self.drawn(nj.Flips(0.2, exact=True, which=1))
        assert ((made != xi[1]).sum(axis=1) == 200).all()
        made, xi = self.drawn(nj.Flips(0.2, which=2), count=200)
        wrong = (made != xi[2]).sum(axis=1)
        assert wrong.mean() == pytest.approx(200, abs=4)
        assert wrong.std() == pytest.approx(12.6, abs=2.5)
        bits = (self.XI + 1) / 2
        assert ((self.drawn(nj.Flips(0.2, exact=True), "bits", bits)[0] != np.asarray(bits)[0]).sum(axis=1) == 200).all()

    def test_occlusion(self):
        """One stretch, of 300 units, elsewhere for every key; where it is put, if that is said."""
        made, xi = self.drawn(nj.Occlusion(0.3, fill="zero"))
        covered = made == 0
        assert (covered.sum(axis=1) == 300).all()
        assert ((covered != np.roll(covered, 1, axis=1)).sum(axis=1) == 2).all()
        assert len(np.unique(covered, axis=0)) > 30
        made, _ = self.drawn(nj.Occlusion(0.3, 0.5, "high"))
        assert (made[:, 500:800] == 1).all()
        assert np.array_equal(made[:, :500], np.broadcast_to(xi[0, :500], (40, 500)))

    def test_partial(self):
        made, xi = self.drawn(nj.PartialCue(0.4))
        assert ((made == xi[0]).sum(axis=1) == 400).all()
        assert ((made == 0).sum(axis=1) == 600).all()
        made, _ = self.drawn(nj.PartialCue(0.4, fill="random"))
        assert (made == xi[0]).mean() == pytest.approx(0.7, abs=0.01)

    def test_gaussian(self):
        """Errors of erfc(1 / (sqrt(2) sigma)) / 2 = 0.1587 at sigma = 1; sums as they are if graded."""
        made, xi = self.drawn(nj.GaussianCue(1.0))
        assert (made != xi[0]).mean() == pytest.approx(0.1587, abs=0.01)
        made, _ = self.drawn(nj.GaussianCue(0.5, graded=True))
        assert (made - xi[0]).std() == pytest.approx(0.5, abs=0.01)

    def test_random(self):
        assert self.drawn(nj.RandomCue(0.3), "bits")[0].mean() == pytest.approx(0.3, abs=0.01)


ONES = np.ones((2, 5))
BAD = [
    (lambda: patterns.letters("a~"), "~", "from_text"),
    (lambda: patterns.letters(""), "text=''", "known are"),
    (lambda: patterns.from_text("##\n#"), "lengths [2, 1]", "equally long"),
    (lambda: patterns.from_text("#x"), "['x']", "up="),
    (lambda: patterns.from_text("#", "##"), "[1, 2]", "one size"),
    (lambda: patterns.from_images(np.ones(3)), "(3,)", "(rows, columns)"),
    (lambda: patterns.from_images(np.full((2, 2), np.nan)), "not finite", "clean"),
    (lambda: patterns.from_images(np.ones((2, 2)), method="otsu"), "method='otsu'", "'dither'"),
    (lambda: patterns.from_images(np.ones((2, 2)), shape=(0, 2)), "shape=(0, 2)", "(16, 16)"),
    (lambda: patterns.as_patterns(0.5 * ONES), "0.5", "-1 and 1"),
    (lambda: patterns.as_patterns([[1.0, 0.0, 1.0]]), "holds 0", "code='bits'"),
    (lambda: patterns.as_patterns(ONES, 6), "5 units", "n=6"),
    (lambda: patterns.as_patterns(ONES, code="trits"), "code='trits'", "'bits'"),
    (lambda: patterns.as_patterns([[1.0, np.inf]], code="real"), "not finite", "clean"),
    (lambda: nj.RandomPatterns(0), "count=0", "at least 1"),
    (lambda: nj.RandomPatterns(3, 1.5).check(), "activity=1.5", "between 0 and 1"),
    (lambda: nj.RandomPatterns(3, correlation=1.0).check(), "correlation=1.0", "below 1"),
    (lambda: nj.RandomPatterns(3, stored=4).check(), "stored=4", "count=3"),
    (lambda: nj.SpherePatterns(2).draw(KEY, 5, "signs"), "signs", "RandomPatterns"),
    (lambda: nj.Flips(1.2).check(), "share=1.2", "from 0 to 1"),
    (lambda: nj.Flips("some").check(), "share='some'", "for example 0.1"),
    (lambda: nj.Flips(which=0.5).check(), "which=0.5", "row of a pattern"),
    (lambda: nj.Occlusion(fill="grey"), "fill='grey'", "'random'"),
    (lambda: nj.Occlusion(start=2.0).check(), "start=2.0", "from 0 to 1"),
    (lambda: nj.GaussianCue(-1.0).check(), "deviation=-1.0", "at least 0"),
    (lambda: nj.RandomCue(-0.1).check(), "activity=-0.1", "from 0 to 1"),
]


@pytest.mark.parametrize(("call", "value", "mend"), BAD)
def test_bad_inputs(call, value, mend):
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    assert value in str(caught.value)
    assert mend in str(caught.value)


def test_a_cue_of_ones_own():
    """What a user may write: everything below is enough."""

    class Corner(cues.DamagedCue):
        def damage(self, key, pattern, low):
            return jnp.where(jnp.arange(pattern.shape[0]) < 5, low, pattern)

    run = nj.simulate(nj.Hopfield(25, patterns.letters("XO+"), Corner(which=1)), steps=10, dt=1.0)
    assert np.array_equal(run.final_state.state.s, patterns.letters("O")[0])
