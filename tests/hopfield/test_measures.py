"""Measures against NumPy, and ends that are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from neurojax.hopfield import measures, patterns
from neurojax.hopfield.recall import CYCLE, FIXED, MOVING

RNG = np.random.default_rng(0)
XI = RNG.choice([-1.0, 1.0], (5, 500))
BITS = (RNG.random((4, 300)) < 0.2) * 1.0


def ended(s, outcome=FIXED):
    return nj.RecallState(np.asarray(s), np.asarray(s), np.asarray(3), np.asarray(outcome))


def test_overlaps():
    """s . xi / n in signs; (xi - a) . s / [n a (1 - a)] in bits, 1 at the pattern; s . x / x . x of real ones; 0 of rows of zeros."""
    assert np.asarray(measures.overlaps(XI[1], XI)) == pytest.approx(XI @ XI[1] / 500, abs=1e-6)
    share = BITS.mean(axis=1)
    wanted = (BITS - share[:, None]) @ BITS[2] / (300 * share * (1 - share))
    got = np.asarray(measures.overlaps(BITS[2], BITS, "bits"))
    assert got == pytest.approx(wanted, abs=1e-5)
    assert got[2] == pytest.approx(1.0, abs=1e-6)
    assert float(measures.overlaps(0.5 * XI[0], 2.0 * XI)[0]) == pytest.approx(0.25)
    assert np.asarray(measures.overlaps(XI[0], np.vstack([XI[:1], np.zeros(500)]))).tolist() == [1.0, 0.0]
    assert measures.overlaps(XI[:3], XI).shape == (3, 5)


def test_of_a_run():
    """Overlap with the cued pattern, bit error and Hamming distance are one thing in signs: m = 1 - 2 e = 1 - 2 d / n."""
    model = nj.Hopfield(500, XI, nj.Flips(0.2, which=3, exact=True))
    record = {
        "m": nj.Trace(measures.target_overlap), "all": nj.Trace(measures.overlaps), "one": nj.Trace(measures.Overlap(3)),
        "e": nj.Trace(measures.bit_error), "d": nj.Trace(measures.hamming), "a": nj.Trace(measures.activity),
        "s": nj.Trace(measures.units), "done": nj.Trace(measures.settled), "steps": nj.Trace(measures.step_count),
        "energy": nj.Trace(measures.energy), "two": nj.Trace(measures.two_step_energy), "share": nj.Trace(measures.energy_per_unit),
    }  # fmt: skip
    got = nj.simulate(model, steps=6, dt=1.0, record=record).records
    assert got["m"][0] == pytest.approx(0.6)
    assert np.allclose(got["m"], 1 - 2 * got["e"], atol=1e-6)
    assert np.array_equal(got["d"][:, 3], np.round(500 * got["e"]))
    assert np.array_equal(got["m"], got["all"][:, 3])
    assert np.array_equal(got["m"], got["one"])
    assert np.allclose(got["a"], got["s"].mean(axis=1), atol=1e-6)
    assert (got["done"][0], got["done"][-1]) == (False, True)
    assert got["steps"][-1] == 1
    weights = XI.T @ XI / 500 - np.eye(500) * 5 / 500
    assert np.allclose(got["energy"], [-0.5 * s @ weights @ s for s in got["s"]], rtol=1e-5)
    assert np.allclose(got["share"], got["energy"] / 500, rtol=1e-6)
    assert np.allclose(got["two"][1:], [-s @ weights @ before for before, s in zip(got["s"][:-1], got["s"][1:], strict=True)], rtol=1e-4)


def test_stabilities():
    """`xi h` for every bit, over |J_i| on request; in bits of the other sign for what is 0."""
    couplings = nj.Hebb().learn(jnp.asarray(XI, jnp.float32))
    weights = XI.T @ XI / 500 - np.eye(500) * 5 / 500
    wanted = XI * (XI @ weights)
    assert np.allclose(measures.stabilities(couplings, XI), wanted, atol=1e-5)
    assert np.allclose(measures.stabilities(couplings, XI, normalised=True), wanted / np.linalg.norm(weights, axis=1), atol=1e-4)
    bits = nj.Covariance(0.2).learn(jnp.asarray(BITS, jnp.float32))
    fields = BITS @ np.asarray(bits.matrix()).T - 0.3
    assert np.allclose(measures.stabilities(bits, BITS, -0.3), (2 * BITS - 1) * fields, atol=1e-5)


class TestWhereRunsEnd:
    def test_kinds(self):
        mix = measures.mixture(XI[[0, 2, 4]] * np.array([[1], [-1], [1]]))
        few = XI[1].copy()
        few[:10] *= -1
        assert measures.classify(ended(XI[2]), XI) == ("pattern", (2,), (1,))
        assert measures.classify(ended(-XI[2]), XI) == ("negative", (2,), (-1,))
        kind, which, signs = measures.classify(ended(mix), XI)
        assert (kind, dict(zip(which, signs, strict=True))) == ("mixture", {0: 1, 2: -1, 4: 1})
        assert measures.classify(ended(few), XI).kind == "spurious"
        assert measures.classify(ended(few), XI, least=0.95) == ("pattern", (1,), (1,))
        assert measures.classify(ended(few, CYCLE), XI).kind == "cycle"
        assert measures.classify(ended(few, MOVING), XI).kind == "moving"
        assert measures.classify(ended(mix), XI, most=1).kind == "spurious"
        assert measures.classify(ended(BITS[1]), BITS, code="bits").kind == "pattern"

    def test_an_end_of_letters(self):
        run = nj.simulate(nj.Hopfield(25, patterns.letters("XO+"), -patterns.letters("+")[0]), steps=9, dt=1.0)
        assert measures.classify(run.final_state.state, run.system.patterns) == ("negative", (2,), (-1,))

    @pytest.mark.parametrize(("option", "mend"), [({"least": 0.0}, "least=0.0"), ({"most": 4}, "most=4")])
    def test_bad_options(self, option, mend):
        with pytest.raises(ValueError, match=mend):
            measures.classify(ended(XI[0]), XI, **option)

    def test_an_even_mixture(self):
        with pytest.raises(ValueError, match="odd number"):
            measures.mixture(XI[:2])


def test_basin_widths_shrink_with_load():
    """Cue overlap at which half the runs end above 0.9 (N = 500, synchronous): 0.17 at 0.05, 0.32 at 0.10, measured elsewhere at N = 1000;
    within 0.06 (finite size, 24 seeds)."""
    found = []
    for load in (0.05, 0.1):
        model = nj.Hopfield(500, nj.RandomPatterns(int(load * 500)))
        success = measures.recall_by_cue(model, np.linspace(0.05, 0.6, 12), seeds=24)
        assert success.dims == ("overlap", "seed")
        found.append(measures.basin_edge(success))
    assert found == pytest.approx([0.17, 0.32], abs=0.06)


def test_energy_needs_patterns():
    with pytest.raises(ValueError, match="patterns=None"):
        measures.overlaps(XI[0])


def test_spectrum_is_numpys():
    couplings = nj.Hebb().learn(jnp.asarray(XI[:, :30], jnp.float32))
    weights = XI[:, :30].T @ XI[:, :30] / 30
    assert np.allclose(measures.spectrum(couplings), np.linalg.eigvalsh(weights - np.diag(np.diag(weights))), atol=1e-5)


def test_factors_are_their_matrix():
    """Fields, energy and matrix of factors with unequal sides, against the product written out."""
    left, right = RNG.normal(size=(3, 7)), RNG.normal(size=(3, 7))
    one = nj.Factors.of(left.astype(np.float32), right.astype(np.float32), scale=0.5)
    weights = 0.5 * (left.T @ right - np.diag(np.sum(left * right, axis=0)))
    s = jnp.asarray(RNG.normal(size=7), jnp.float32)
    assert np.allclose(one.matrix(), weights, atol=1e-5)
    assert np.allclose(one.fields(s), weights @ np.asarray(s), atol=1e-5)
    assert float(one.energy(s)) == pytest.approx(-0.5 * np.asarray(s) @ weights @ np.asarray(s), abs=1e-5)
    assert np.allclose(jax.vmap(one.formed().fields)(s[None])[0], one.fields(s), atol=1e-5)
