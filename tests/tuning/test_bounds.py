"""Bounds: there and back, derivatives, and what they refuse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from neurojax.tuning.bounds import check_start

GENERATOR = np.random.default_rng(0)
MATRIX = GENERATOR.normal(size=(4, 4))
RADIUS = np.max(np.abs(np.linalg.eigvals(MATRIX)))
CASES = {
    "free": (nj.Free(), np.array([[-1.0, 2.0], [0.0, 5.0]])),
    "positive": (nj.Positive(), np.array([1e-3, 1.0, 40.0])),
    "above": (nj.Positive(2.0), np.array(2.5)),
    "interval": (nj.Interval(-1, 4), np.array([-0.9, 1.0, 3.99])),
    "simplex": (nj.Simplex(3.0), np.array([0.5, 0.1, 2.4])),
    "symmetric": (nj.Symmetric(), MATRIX + MATRIX.T),
    "hollow": (nj.Symmetric(hollow=True), (MATRIX + MATRIX.T) * (1 - np.eye(4))),
    "radius": (nj.SpectralRadius(1.5), 1.5 * MATRIX / RADIUS),
}


@pytest.mark.parametrize("name", CASES)
def test_there_and_back_and_the_derivative(name):
    """`forward(inverse(x)) = x`, float64, 1e-12; the derivative against central differences, 1e-6."""
    bound, value = CASES[name]
    with jax.enable_x64(True):
        assert np.array_equal(check_start(name, bound, value), value)
        free = bound.inverse(jnp.asarray(value))
        assert free.shape == (bound.size(value.shape),)
        assert np.asarray(bound.forward(free, value.shape)) == pytest.approx(value, abs=1e-12)
        onto = lambda u: bound.forward(u, value.shape)  # noqa: E731
        slope = np.asarray(jax.jacfwd(onto)(free))
        for i in range(len(free)):
            step = jnp.zeros(len(free)).at[i].set(1e-6)
            wanted = np.asarray(onto(free + step) - onto(free - step)) / 2e-6
            assert slope[..., i] == pytest.approx(wanted, abs=1e-6 * np.abs(wanted).max())


@pytest.mark.parametrize("name", CASES)
def test_random_starts_lie_within(name):
    bound, value = CASES[name]
    with jax.enable_x64(True):
        scattered = bound.scatter(np.random.default_rng(1), value)
    assert bound.wrong(scattered) is None
    assert not np.allclose(scattered, value)


def test_a_radius_is_held_far_from_the_start():
    """The spectral radius of what any matrix stands for, by NumPy, float64, 1e-12."""
    with jax.enable_x64(True):
        made = np.asarray(nj.SpectralRadius(0.9).forward(jnp.asarray(GENERATOR.normal(size=25)), (5, 5)))
    assert np.max(np.abs(np.linalg.eigvals(made))) == pytest.approx(0.9, rel=1e-12)


@pytest.mark.parametrize(
    ("bound", "value", "words"),
    [
        (nj.Interval(0, 4), 5.0, r"K = 5 is not within Interval.*between 0 and 4"),
        (nj.Interval(0, 4), 4.0, r"between 0 and 4, not on them"),
        (nj.Positive(), 0.0, r"above 0, not on it"),
        (nj.Positive(), np.nan, r"K has nan; a start is finite"),
        (nj.Simplex(), [0.5, 0.6], r"its sum is 1\.1; multiply it by 0\.909"),
        (nj.Simplex(), [1.5, -0.5], r"it has -0\.5; all must be above 0"),
        (nj.Simplex(), np.ones((1, 1)), r"has shape \(1, 1\); a simplex holds vectors"),
        (nj.Symmetric(), [[1.0, 2.0], [0.0, 1.0]], r"not symmetric; take \(x \+ x.T\) / 2"),
        (nj.Symmetric(), np.ones(3), r"has shape \(3,\).*square"),
        (nj.Symmetric(hollow=True), np.ones((2, 2)), r"its diagonal has 1; set it to 0"),
        (nj.SpectralRadius(1.0), 2 * np.eye(2), r"spectral radius is 2; multiply it by 0\.5"),
        (nj.SpectralRadius(1.0), [[0.0, 1.0], [0.0, 0.0]], r"its spectral radius is 0"),
    ],
)
def test_starts_out_of_bounds(bound, value, words):
    with pytest.raises(ValueError, match=words):
        check_start("K", bound, value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nj.Interval(4, 0), r"Interval\(low=4, high=0\): give low < high"),
        (lambda: nj.Interval(0, np.inf), r"Interval\(high=inf\): give a finite number"),
        (lambda: nj.Simplex(0.0), r"Simplex\(total=0\.0\)"),
        (lambda: nj.SpectralRadius(-1.0), r"SpectralRadius\(radius=-1\.0\): give a positive"),
    ],
)
def test_bounds_that_make_no_sense(make, words):
    with pytest.raises(ValueError, match=words):
        make()
