"""Dense and modern memories against their energies, and against attention written out."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp, softmax

import neurojax as nj
from neurojax.hopfield import measures

RNG = np.random.default_rng(0)
XI = RNG.choice([-1.0, 1.0], (7, 16))
S = RNG.choice([-1.0, 1.0], 16)
ENERGY = {
    "square": (nj.Polynomial(2), lambda m: -16 / 2 * np.sum((m / 16) ** 2)),
    "cubic": (nj.Polynomial(3), lambda m: -16 / 3 * np.sum((m / 16) ** 3)),
    "quartic": (nj.Polynomial(4), lambda m: -16 / 4 * np.sum((m / 16) ** 4)),
    "quintic": (nj.Polynomial(5), lambda m: -16 / 5 * np.sum((m / 16) ** 5)),
    "rectified": (nj.Polynomial(3, rectified=True), lambda m: -16 / 3 * np.sum(np.maximum(m / 16, 0) ** 3)),
    "exponential": (nj.Exponential(0.7), lambda m: -logsumexp(0.7 * m) / 0.7),
}


def flipped(s, i):
    return np.where(np.arange(16) == i, -s, s)


@pytest.mark.parametrize("name", ENERGY)
def test_fields_are_half_of_what_a_flip_costs(name):
    """`h_i = s_i (E_flipped - E) / 2` for every unit, float64 by NumPy; all at once and one by one; rows of zeros count for nothing."""
    rule, energy = ENERGY[name]
    wanted = np.array([S[i] * (energy(XI @ flipped(S, i)) - energy(XI @ S)) / 2 for i in range(16)])
    padded = np.concatenate([XI, np.zeros((2, 16))]).astype(np.float32)
    for xi in (XI.astype(np.float32), padded):
        couplings, s = rule.learn(xi), jnp.asarray(S, jnp.float32)
        assert np.asarray(couplings.fields(s)) == pytest.approx(wanted, abs=2e-6)
        assert float(couplings.energy(s)) == pytest.approx(energy(XI @ S), abs=1e-5)
        unit = jnp.asarray([3, 5])
        rows, kept = couplings.rows(unit), couplings.gather(s)
        assert np.asarray(couplings.field(kept, rows, s[unit])) == pytest.approx(wanted[[3, 5]], abs=2e-6)
        moved = couplings.moved(kept, rows, -2 * s[unit])
        assert np.allclose(moved, couplings.gather(jnp.asarray(flipped(flipped(S, 3), 5), jnp.float32)))


@pytest.mark.parametrize("name", ENERGY)
def test_energy_never_rises_one_at_a_time(name):
    memory = nj.Hopfield(16, XI, nj.RandomCue(), ENERGY[name][0], updates=nj.Asynchronous())
    run = nj.simulate(memory, steps=8, dt=1.0, record={"e": nj.Trace(measures.energy)})
    assert all(later <= before + 1e-5 for before, later in itertools.pairwise(run.records["e"]))
    assert run.records["e"][-1] < run.records["e"][0]


def test_pairs_have_no_matrix_beyond_degree_two():
    with pytest.raises(ValueError, match="no matrix"):
        measures.spectrum(nj.Polynomial(3).learn(XI))


class TestModern:
    X = RNG.normal(size=(9, 16))

    def test_a_step_is_attention(self):
        """softmax(beta Q K') V with Q = q, K = V = X, several heads: 1e-6."""
        beta = np.array([0.3, 2.0])
        memory = nj.ModernHopfield(16, self.X, RNG.normal(size=16), beta=beta)
        run = nj.simulate(memory, steps=1, dt=1.0)
        wanted = softmax(beta[:, None] * (memory.cue @ self.X.T)[None], axis=1) @ self.X
        assert np.asarray(run.final_state.state.s) == pytest.approx(wanted, abs=1e-6)
        q, x = jnp.asarray(memory.cue, jnp.float32), jnp.asarray(self.X, jnp.float32)
        attention = jax.nn.dot_product_attention(q[None, None, None], x[None, :, None], x[None, :, None], scale=2.0)[0, 0, 0]
        assert np.asarray(run.final_state.state.s[1]) == pytest.approx(np.asarray(attention), abs=1e-6)

    @pytest.mark.parametrize("beta", [0.05, 0.5, 5.0])
    def test_energy(self, beta):
        """`-lse(beta, X q) + q' q / 2 + ln(P) / beta + R^2 / 2` by SciPy, 1e-4; >= 0; never rises; rows of zeros are nothing."""
        padded = np.concatenate([self.X, np.zeros((3, 16))])
        memory = nj.ModernHopfield(16, padded, RNG.normal(size=16), beta=beta)
        run = nj.simulate(memory, steps=20, dt=1.0, record={"e": nj.Trace(measures.energy), "q": nj.Trace(measures.units)})
        energies = run.records["e"]
        for e, q in zip(energies, run.records["q"], strict=True):
            q = np.asarray(q, float)
            size = (self.X**2).sum(axis=1).max()
            assert e == pytest.approx((np.log(9) - logsumexp(beta * self.X @ q)) / beta + q @ q / 2 + size / 2, abs=1e-4)
        assert all(later <= before + 1e-5 for before, later in itertools.pairwise(energies))
        assert min(energies) >= 0

    def test_it_comes_to_rest(self):
        run = nj.simulate(nj.ModernHopfield(16, self.X, nj.GaussianCue(0.1, graded=True), beta=2.0), steps=50, dt=1.0)
        assert run.final_state.state.outcome == 1
        assert run.final_state.state.steps < 10


MEMORY = nj.Hopfield(6, np.ones((2, 6)))
BAD = [
    (lambda: nj.Hopfield(0), "n=0", "at least 1"),
    (lambda: nj.Hopfield(6.0), "n=6.0", "whole number"),
    (lambda: nj.Hopfield(6, code="trits"), "code='trits'", "'bits'"),
    (lambda: nj.Hopfield(7, np.ones((2, 6))).check(), "6 units", "n=7"),
    (lambda: nj.Hopfield(6, 0.3 * np.ones((2, 6))).check(), "0.3", "-1 and 1"),
    (lambda: nj.Hopfield(6, np.ones((2, 6)), np.ones(5)).check(), "(5,)", "n=6"),
    (lambda: nj.Hopfield(6, np.ones((2, 6)), nj.Flips(which=2)).check(), "which=2", "2 patterns"),
    (lambda: nj.Hopfield(6, couplings=np.ones((5, 5))).check(), "(5, 5)", "(6, 6)"),
    (lambda: nj.Hopfield(6, nj.RandomPatterns(7), couplings=nj.PseudoInverse()).check(), "7 patterns", "at most n"),
    (lambda: nj.Hopfield(6, code="bits").check(), "Hebb", "nj.Covariance()"),
    (lambda: nj.Hopfield(6, units="sign").check(), "units='sign'", "nj.Threshold()"),
    (lambda: nj.Hopfield(6, updates=3).check(), "updates=3", "nj.Synchronous()"),
    (lambda: nj.Hopfield(6, units=nj.Glauber(-1.0)).check(), "temperature=-1.0", "at least 0"),
    (lambda: nj.Hopfield(6, units=nj.Tanh(0.0)).check(), "gain=0.0", "positive"),
    (lambda: nj.Hopfield(6, field=[1.0, 2.0]).check(), "(2,)", "n=6"),
    (lambda: nj.Hopfield(6, threshold=np.nan).check(), "threshold=nan", "finite"),
    (lambda: nj.Hopfield(6, tolerance=-1.0).check(), "tolerance=-1.0", "at least 0"),
    (lambda: nj.Threshold("up"), "zero='up'", "'keep'"),
    (lambda: nj.Threshold(surrogate=0.0).check(), "surrogate=0.0", "positive"),
    (lambda: nj.Blocks(size=0), "size=0", "at least 1"),
    (lambda: nj.Hebb(per="unity"), "per='unity'", "'pattern'"),
    (lambda: nj.Covariance(2.0).check(), "mean=2.0", "(0, 1)"),
    (lambda: nj.Dreaming(-1.0).check(), "t=-1.0", "at least 0"),
    (lambda: nj.Sequence(np.inf).check(), "move=inf", "finite"),
    (lambda: nj.Diluted(share=0.0).check(), "share=0.0", "(0, 1]"),
    (lambda: nj.Diluted().learn(XI), "key=None", "jax.random.key(0)"),
    (lambda: nj.Unlearning().learn(XI), "key=None", "jax.random.key(0)"),
    (lambda: nj.Unlearning(dreams=0), "dreams=0", "at least 1"),
    (lambda: nj.Perceptron(-1.0).check(), "margin=-1.0", "at least 0"),
    (lambda: nj.Perceptron(sweeps=1.5), "sweeps=1.5", "whole number"),
    (lambda: nj.Palimpsest(0.0).check(), "bound=0.0", "positive"),
    (lambda: nj.Storkey().removed(None, XI[0]), "Storkey", "learn the others again"),
    (lambda: nj.Perceptron().added(None, XI[0]), "Perceptron", "learn them all again"),
    (lambda: nj.Hebb().removed(nj.Hebb().learn(jnp.asarray(XI)), np.zeros(16)), "none of the 7", "nothing to remove"),
    (lambda: nj.Hebb(per="pattern").added(nj.Hebb().learn(jnp.asarray(XI)).formed(), XI[0]), "per='pattern'", "per='unit'"),
    (lambda: nj.Covariance().added(nj.Covariance().learn(jnp.asarray(XI)), XI[0]), "mean=None", "give mean="),
    (lambda: nj.Polynomial(1), "degree=1", "at least 2"),
    (lambda: nj.Exponential(0.0).check(), "beta=0.0", "positive"),
    (lambda: nj.ModernHopfield(6, np.ones((2, 6)), beta=-1.0).check(), "beta=-1.0", "at least 0"),
    (lambda: nj.ModernHopfield(6, np.ones((2, 6)), beta=np.ones((2, 2))).check(), "(2, 2)", "each head"),
    (lambda: nj.GradedHopfield(6, tau=0.0).check(), "tau=0.0", "positive"),
    (lambda: measures.recall_by_cue(MEMORY, np.array([2.0])), "levels=", "from -1 to 1"),
]


@pytest.mark.parametrize(("call", "value", "mend"), BAD)
def test_bad_inputs(call, value, mend):
    """The argument, its value and the mend, before anything is compiled."""
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    assert value in str(caught.value)
    assert mend in str(caught.value)
