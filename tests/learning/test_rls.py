"""Recursive least squares: every method is ridge regression on what it has seen."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from neurojax.learning import LowRank, SymmetricLowRank

METHODS = ("potter", "block", "symmetric")
N, UPDATES = 30, 500


def seen(n=N, count=UPDATES, dimensions=8, outputs=2, seed=0):
    """Rates (count, n) in (-1, 1), smooth and of few dimensions as a network's are, and targets (count, outputs)."""
    rng = np.random.default_rng(seed)
    phases = np.arange(count)[:, None] / 7 * rng.uniform(0.2, 1.5, dimensions) + rng.uniform(0, 6, dimensions)
    rates = np.tanh(np.sin(phases) @ rng.normal(size=(dimensions, n)) + 0.05 * rng.normal(size=(count, n)))
    return rates, np.sin(1 + np.arange(count)[:, None] / 11 * np.arange(1, outputs + 1))


def learned(rule, rates, targets, dtype):
    """Weights (outputs, n), what the rule keeps, gains, novelties, and errors before and after each update."""

    def step(carry, row):
        kept, weights = carry
        count, r, f = row
        error = weights @ r - f
        kept, (gain, novelty) = rule.update(rule.tidied(kept, count), r, count)
        weights = weights - jnp.outer(error, gain)
        return (kept, weights), (novelty, error, weights @ r - f)

    @jax.jit
    def run(rates, targets):
        start = rule.init(rates.shape[1]), jnp.zeros((targets.shape[1], rates.shape[1]), rates.dtype)
        return jax.lax.scan(step, start, (jnp.arange(len(rates), dtype=jnp.int32), rates, targets))

    with jax.enable_x64(dtype == "float64"):
        (kept, weights), shown = run(jnp.asarray(rates, dtype), jnp.asarray(targets, dtype))
        return tuple(np.asarray(leaf, float) for leaf in (weights, rule.inverse_correlation(kept), *shown))


def ridge(rates, targets, alpha, factors=None):
    """`argmin sum_t c_t |w r_t - f_t|^2 + c alpha |w|^2` in closed form, float64, and the inverse of its matrix."""
    weights, last = (np.ones(len(rates)), 1.0) if factors is None else factors
    matrix = (rates * weights[:, None]).T @ rates + last * alpha * np.eye(rates.shape[1])
    return np.linalg.solve(matrix, (rates * weights[:, None]).T @ targets).T, np.linalg.inv(matrix)


def test_ridge_regression_is_a_call_of_its_own():
    """`nj.learning.ridge` against the closed form (float64, 1e-11), its slope by alpha against a difference, and what it refuses."""
    rates, targets = seen(count=100)
    with jax.enable_x64(True):
        rows = jnp.asarray(rates), jnp.asarray(targets)
        assert apart(np.asarray(nj.learning.ridge(*rows, 0.3)), ridge(rates, targets, 0.3)[0]) < 1e-11
        slope = jax.grad(lambda alpha: jnp.sum(nj.learning.ridge(*rows, alpha) ** 2))(0.3)
        difference = (np.sum(ridge(rates, targets, 0.3 + 1e-5)[0] ** 2) - np.sum(ridge(rates, targets, 0.3 - 1e-5)[0] ** 2)) / 2e-5
        assert float(slope) == pytest.approx(difference, rel=1e-6)
    with pytest.raises(ValueError, match=r"alpha=0.0: give a positive number"):
        nj.learning.ridge(*rows, 0.0)
    with pytest.raises(ValueError, match=r"rates of shape \(100, 30\), targets of shape \(99, 2\)"):
        nj.learning.ridge(rates, targets[1:])


def apart(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("alpha", [0.1, 1.0, 30.0])
def test_weights_are_those_of_ridge_regression(method, alpha):
    """float64, 500 updates of two outputs with one P: w and P against the closed form, 1e-9 (Sussillo and Abbott 2009, equation 5)."""
    rates, targets = seen()
    weights, inverse, *_ = learned(nj.RLS(alpha, method=method), rates, targets, "float64")
    expected, matrix = ridge(rates, targets, alpha)
    assert apart(weights, expected) < 1e-9
    assert apart(inverse, matrix) < 1e-9


@pytest.mark.parametrize(
    ("method", "alpha", "most"), [("potter", 1.0, 3e-5), ("block", 1.0, 3e-5), ("potter", 1e-3, 2e-4), ("symmetric", 1.0, 3e-4)]
)
def test_single_precision(method, alpha, most):
    """The same in float32: 300 rates, 3,000 updates. The plain form loses ten times the digits of the two others."""
    rates, targets = seen(300, 3000, 25)
    weights, *_ = learned(nj.RLS(alpha, method=method), rates, targets, "float32")
    assert apart(weights, ridge(rates, targets, alpha)[0]) < most


@pytest.mark.parametrize("method", METHODS)
def test_what_an_update_leaves_of_the_error(method):
    """e+ / e- = 1 / (1 + r' P r), in (0, 1]; for the first update alpha / (alpha + r' r) (equation 7); to 1e-11."""
    rates, targets = seen()
    _, _, novelty, before, after = learned(nj.RLS(2.0, method=method), rates, targets, "float64")
    assert np.all(novelty >= 0)
    assert np.allclose(after, before / (1 + novelty[:, None]), rtol=1e-11, atol=1e-13)
    assert after[0] / before[0] == pytest.approx(2.0 / (2.0 + rates[0] @ rates[0]), rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_outputs_that_share_p_learn_as_by_themselves(method):
    rates, targets = seen(outputs=3)
    together, *_ = learned(nj.RLS(method=method), rates, targets, "float64")
    apart_ = [learned(nj.RLS(method=method), rates, targets[:, i : i + 1], "float64")[0] for i in range(3)]
    assert np.allclose(together, np.concatenate(apart_), rtol=1e-11)


@pytest.mark.parametrize("method", ["potter", "symmetric"])
def test_forgetting_weighs_the_past_exponentially(method):
    """lambda = 0.99: ridge regression with weights lambda^(T - t) and a regulariser alpha lambda^T, 1e-8."""
    rates, targets = seen()
    factor = 0.99
    weights, *_ = learned(nj.RLS(1.0, factor, method=method), rates, targets, "float64")
    decay = factor ** np.arange(UPDATES - 1, -1, -1.0)
    assert apart(weights, ridge(rates, targets, 1.0, (decay, factor**UPDATES))[0]) < 1e-8


def test_the_square_root_keeps_p_positive_at_a_tiny_alpha():
    """alpha = 1e-6, reservoirpy's default, in float32: P from its square root has no negative eigenvalue; the plain form is lost."""
    rates, targets = seen(300, 3000, 25)
    rooted, plain = (learned(nj.RLS(1e-6, method=method), rates, targets, "float32")[1] for method in ("potter", "symmetric"))
    assert np.linalg.eigvalsh(rooted).min() >= 0
    assert not np.isfinite(plain).all() or np.linalg.eigvalsh(plain).min() < 0


@pytest.mark.parametrize("method", METHODS)
def test_lanes_learn_alone_as_in_a_batch(method):
    """The updates of three networks under vmap, with one alpha each, are those of each alone, to 1e-12."""
    rates, _ = seen(count=70)
    alphas = jnp.asarray([0.5, 1.0, 2.0])

    def last(alpha):
        rule = nj.RLS(alpha, method=method)
        kept = rule.init(N)
        for count in range(3):
            kept, _ = rule.update(kept, jnp.asarray(rates[count], kept_dtype()), jnp.asarray(count, jnp.int32))
        return rule.inverse_correlation(kept)

    kept_dtype = functools.partial(jnp.result_type, float)
    with jax.enable_x64(True):
        assert np.allclose(jax.vmap(last)(jnp.asarray(alphas, float)), [last(float(a)) for a in alphas], rtol=1e-12)


def test_a_matrix_of_low_rank_updates():
    """A base and five pending products: the matrix, its product with a vector and the folded one, against NumPy."""
    rng = np.random.default_rng(1)
    base, updates, x = rng.normal(size=(4, 3)), [(rng.normal(size=4), rng.normal(size=3)) for _ in range(5)], rng.normal(size=3)
    with jax.enable_x64(True):
        matrix = LowRank.of(jnp.asarray(base), 6)
        for place, (left, right) in enumerate(updates):
            matrix = matrix.pushed(jnp.asarray(place), jnp.asarray(left), jnp.asarray(right))
        expected = base + sum(np.outer(left, right) for left, right in updates)
        assert np.allclose(matrix.whole(), expected, rtol=1e-13)
        assert np.allclose(matrix @ jnp.asarray(x), expected @ x, rtol=1e-13)
        assert np.allclose(jnp.asarray(base[:, 0]) @ matrix, base[:, 0] @ expected, rtol=1e-13)
        assert np.allclose(matrix.folded().base, expected, rtol=1e-13)
        assert not np.any(matrix.folded().left)


@pytest.mark.parametrize("tile", [3, 4, 7, 10])
def test_half_of_a_symmetric_matrix(tile):
    """The same of a symmetric matrix of 7 rows kept in tiles that do or do not divide it, less three products; 1e-13."""
    rng = np.random.default_rng(2)
    base, roots, x = rng.normal(size=(7, 7)), rng.normal(size=(3, 7)), rng.normal(size=7)
    base = base + base.T
    with jax.enable_x64(True):
        matrix = SymmetricLowRank.of(jnp.asarray(base), 4, tile)
        for place, root in enumerate(roots):
            matrix = matrix.lowered(jnp.asarray(place), jnp.asarray(root))
        expected = base - roots.T @ roots
        assert np.allclose(matrix.whole(), expected, rtol=1e-13, atol=1e-13)
        assert np.allclose(matrix @ jnp.asarray(x), expected @ x, rtol=1e-13, atol=1e-13)
        assert np.allclose(matrix.folded().whole(), expected, rtol=1e-13, atol=1e-13)
        assert not np.any(matrix.folded().roots)
        assert sum(np.size(one) for row in matrix.tiles for one in row) <= 7 * (7 + min(tile, 7)) / 2


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: nj.RLS(tile=0), r"RLS\(tile=0\): the side of a tile is a whole number of at least 1"),
        (lambda: nj.RLS(0.0).check(), r"RLS\(alpha=0.0\): alpha must be positive"),
        (lambda: nj.RLS(-1.0).check(), "alpha must be positive"),
        (lambda: nj.RLS(np.inf).check(), "alpha must be positive"),
        (lambda: nj.RLS(0.01, method="block").check(), r"below alpha = 0.1; take method='potter', or a run in float64"),
        (lambda: nj.RLS(forgetting=1.5).check(), r"a factor in \(0, 1\]"),
        (lambda: nj.RLS(forgetting=0.9, method="block"), "'block' cannot forget; take method='potter'"),
        (lambda: nj.RLS(method="qr"), r"RLS\(method='qr'\): choose 'potter', 'block' or 'symmetric'"),
        (lambda: nj.RLS(method="block", block=0), r"RLS\(block=0\): the number of updates gathered is a whole number of at least 1"),
    ],
)
def test_bad_settings_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_deferred_updates_with_a_small_alpha_are_welcome_in_double_precision():
    with jax.enable_x64(True):
        nj.RLS(0.01, method="block").check()


@pytest.mark.parametrize("method", ["potter", "symmetric"])
def test_forgetting_pauses_before_p_winds_up(method):
    """Rates along one axis only, lambda = 0.9: P would grow by 0.9^-400; its mean diagonal stays below limit / (alpha lambda)."""
    rule = nj.RLS(2.0, forgetting=0.9, limit=100.0, method=method)
    rates = np.zeros((400, 6))
    rates[:, 0] = 0.5
    _, inverse, *_ = learned(rule, rates, np.ones((400, 1)), "float64")
    assert 0.8 * 100.0 / 2.0 < np.trace(inverse) / 6 <= 100.0 / (2.0 * 0.9)
    with pytest.raises(ValueError, match=r"RLS\(limit=0.0\)"):
        nj.RLS(limit=0.0).check()
