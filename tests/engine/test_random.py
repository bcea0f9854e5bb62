"""The random streams: JAX's own words, the distribution of the normals, independence, and what a draw depends on."""

import jax
import jax.extend.random
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from neurojax.engine.random import draw_pair, seed_key, stream_key, threefry
from neurojax.engine.system import Draw

F32 = np.dtype("float32")


def words(seed, stream="noise"):
    return jax.random.key_data(stream_key(seed_key(seed), stream))


def normals(seed, blocks, n, stream="noise"):
    draw = jax.jit(jax.vmap(lambda block: draw_pair(Draw(stream, "normal", (n,)), words(seed, stream), block, F32)))
    return np.asarray(draw(jnp.arange(blocks, dtype=jnp.int32))).reshape(2 * blocks, n)


def test_words_are_those_of_jax():
    """Oracle: jax.extend.random.threefry_2x32 on the same counters."""
    key = jnp.asarray([123456789, 987654321], jnp.uint32)
    high, low = jnp.full(1000, 7, jnp.uint32), jnp.arange(1000, dtype=jnp.uint32)
    ours = np.concatenate(threefry(key, high, low))
    theirs = np.asarray(jax.extend.random.threefry_2x32(key, jnp.concatenate([high, low])))
    assert np.array_equal(ours, theirs)


def test_known_answer_of_random123():
    """Random123 kat_vectors, threefry2x32 with 20 rounds: zero key and counter, and all ones."""
    zero = jnp.zeros(1, jnp.uint32)
    ones = jnp.full(1, 0xFFFFFFFF, jnp.uint32)
    assert [int(w[0]) for w in threefry(jnp.zeros(2, jnp.uint32), zero, zero)] == [0x6B200159, 0x99BA4EFE]
    assert [int(w[0]) for w in threefry(jnp.full(2, 0xFFFFFFFF, jnp.uint32), ones, ones)] == [0x1CB996FC, 0xBB002BE7]


def test_ten_million_normals():
    """Moments to order 6 within 5 sigma of those of N(0, 1); Kolmogorov-Smirnov p > 1e-3; tail counts beyond 4 and 5 sigma within 5 sigma.

    Variances of the sample moments: (mu_2k - mu_k^2)/n with mu_2k = (2k - 1)!!.
    """
    z = normals(1, 500, 10_000).astype(float).ravel()
    n = z.size
    assert n == 10_000_000
    double_factorial = {0: 1, 2: 1, 4: 3, 6: 15, 8: 105, 10: 945, 12: 10395}
    for k in range(1, 7):
        expected = double_factorial.get(k, 0)
        sigma = np.sqrt((double_factorial[2 * k] - expected**2) / n)
        assert abs((z**k).mean() - expected) < 5 * sigma, k
    assert scipy.stats.kstest(z, "norm").pvalue > 1e-3
    for level in (4, 5):
        expected = n * 2 * scipy.stats.norm.sf(level)
        assert abs((np.abs(z) > level).sum() - expected) < 5 * np.sqrt(expected), level


@pytest.mark.parametrize("other", ["lane", "step", "odd step", "stream", "neighbour"])
def test_streams_are_independent(other):
    """Correlation of 10^6 pairs, of the values and of their squares, within 5 sigma of 0 (sigma = 1/sqrt(n))."""
    z = normals(3, 500, 1001)
    a, b = {
        "lane": (z, normals(4, 500, 1001)),
        "step": (z[:-2], z[2:]),
        "odd step": (z[0::2], z[1::2]),
        "stream": (z, normals(3, 500, 1001, "other")),
        "neighbour": (z[:, :-1], z[:, 1:]),
    }[other]
    a, b = a.ravel().astype(float), b.ravel().astype(float)
    for power in (1, 2):
        assert abs(np.corrcoef(a**power, b**power)[0, 1]) < 5 / np.sqrt(a.size)


def test_float64_refines_the_same_numbers():
    draw = Draw("noise", "normal", (1000,))
    coarse = draw_pair(draw, words(0), jnp.asarray(5), F32)
    with jax.enable_x64(True):
        fine = draw_pair(draw, words(0), jnp.asarray(5), np.dtype("float64"))
    assert fine.dtype == np.float64
    assert np.abs(np.asarray(fine) - np.asarray(coarse, float)).max() < 1e-5


def test_uniforms_and_bits():
    uniform = np.asarray(draw_pair(Draw("u", "uniform", (200_000,)), words(0), jnp.asarray(0), F32))
    assert uniform.min() > 0
    assert uniform.max() < 1
    assert scipy.stats.kstest(uniform.ravel().astype(float), "uniform").pvalue > 1e-3
    bits = np.asarray(draw_pair(Draw("b", "bits", (100_000,)), words(0), jnp.asarray(0), F32))
    assert bits.dtype == np.uint32
    ones = np.unpackbits(bits.view(np.uint8)).mean()
    assert abs(ones - 0.5) < 5 * 0.5 / np.sqrt(32 * bits.size)


def test_seeds_beyond_32_bits_differ_and_match_jax_below():
    assert not np.array_equal(jax.random.key_data(seed_key(5)), jax.random.key_data(seed_key(5 + 2**32)))
    assert np.array_equal(jax.random.key_data(seed_key(5)), jax.random.key_data(jax.random.key(5, impl="threefry2x32")))
