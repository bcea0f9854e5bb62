"""Closed forms against published and independently solved numbers. Source of the tables, where no other is given: the equations of Amit,
Gutfreund and Sompolinsky 1985 and 1987, solved by a program that shares nothing with this one; agreement to the digits given."""

import numpy as np
import pytest
from scipy.special import erf

from neurojax.hopfield import replicas, theory

COLD = {
    0.05: 0.999992, 0.06: 0.999955, 0.07: 0.999837, 0.08: 0.999557, 0.09: 0.999002, 0.10: 0.997999, 0.11: 0.996264, 0.12: 0.993223,
    0.125: 0.990805, 0.13: 0.987212, 0.135: 0.980791, 0.137: 0.975444, 0.1379: 0.968101,
}  # fmt: skip
LINES = {  # alpha: T_g, T_M, m at T_M, T_c
    0.005: (1.0707, 0.8600, 0.490, 0.8074),
    0.01: (1.1000, 0.8010, 0.577, 0.7216),
    0.02: (1.1414, 0.7165, 0.677, 0.5913),
    0.03: (1.1732, 0.6504, 0.739, 0.4788),
    0.04: (1.2000, 0.5936, 0.785, 0.3652),
    0.05: (1.2236, 0.5423, 0.820, 0.2164),
    0.06: (1.2449, 0.4945, 0.849, 0.0),
    0.08: (1.2828, 0.4046, 0.893, 0.0),
    0.10: (1.3162, 0.3154, 0.925, 0.0),
    0.12: (1.3464, 0.2151, 0.948, 0.0),
    0.13: (1.3606, 0.1489, 0.958, 0.0),  # both branches 1e-6 below T_M: 0.9580 and 0.9578
}
WARM = {
    (0.01, 0.4): 0.9833, (0.05, 0.2): 0.9989, (0.05, 0.4): 0.9662, (0.05, 0.5): 0.9041, (0.08, 0.3): 0.9792, (0.10, 0.2): 0.9891,
    (0.10, 0.3): 0.9530, (0.0, 0.5): 0.95750, (0.0, 0.8): 0.71041,
}  # fmt: skip


class TestSaturation:
    def test_overlap_without_noise(self):
        assert theory.overlap(np.array(list(COLD))) == pytest.approx(list(COLD.values()), abs=6e-7)
        assert 1 - theory.overlap(0.02) == pytest.approx(1.5e-12, rel=0.05)
        assert 1 - theory.overlap(0.03) == pytest.approx(7.8e-9, rel=0.01)

    def test_capacity(self):
        """0.137905566 and m = 0.967417; 0 beyond."""
        assert theory.capacity() == pytest.approx(0.137905566, abs=1e-9)
        assert erf(replicas.cold_summit()[0]) == pytest.approx(0.967417, abs=1e-6)
        assert theory.overlap(0.14) == 0

    @pytest.mark.parametrize("load", LINES)
    def test_phase_diagram(self, load):
        glass, melt, m, critical = LINES[load]
        assert theory.glass_temperature(load) == pytest.approx(glass, abs=6e-5)
        assert theory.retrieval_temperature(load) == pytest.approx(melt, abs=6e-5)
        assert theory.overlap(load, melt - 1e-4) == pytest.approx(m, abs=0.03)  # a square root from T_M
        assert replicas.warm(replicas.hottest(load)[0], load)[1].m == pytest.approx(m, abs=1e-3)
        assert theory.critical_temperature(load) == pytest.approx(critical, abs=6e-5)

    def test_overlap_with_noise(self):
        assert [theory.overlap(*place) for place in WARM] == pytest.approx(list(WARM.values()), abs=6e-5)

    @pytest.mark.parametrize("place", [(0.03, 0.3), (0.08, 0.3), (0.1, 0.31)])
    def test_the_equations_hold(self, place):
        """m, q and r put back into the saddle-point equations by plain quadrature over z, 1e-9; also next to T_M."""
        load, temperature = place
        m, q, r = theory.retrieval_state(load, temperature)
        z = np.linspace(-9, 9, 200_001)
        weight = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
        local = np.tanh((np.sqrt(load * r) * z + m) / temperature)
        assert weight @ local == pytest.approx(m, abs=1e-9)
        assert weight @ local**2 == pytest.approx(q, abs=1e-9)
        assert q / (1 - (1 - q) / temperature) ** 2 == pytest.approx(r, rel=1e-8)

    def test_nowhere_retrieval(self):
        assert theory.retrieval_state(0.1, 0.32) is None
        assert theory.retrieval_temperature(np.array([0.0, 0.14])).tolist() == [1.0, 0.0]
        assert theory.critical_temperature(np.array([0.0, 0.054])).tolist() == [1.0, 0.0]

    def test_capacity_with_noise_inverts_the_line(self):
        """And near T = 1, `T_M = 1 - 1.95 sqrt(alpha)` (Amit, Gutfreund and Sompolinsky 1987)."""
        assert theory.capacity(np.array([0.3154, 0.5423, 1.0])) == pytest.approx([0.1, 0.05, 0.0], abs=2e-5)
        assert theory.capacity(0.95) == pytest.approx((0.05 / 1.95) ** 2, rel=0.03)

    def test_small_loads_at_low_temperature(self):
        """No loss of digits where everything is 1 to the last bit."""
        assert theory.overlap(0.005, 0.005) == pytest.approx(1.0, abs=1e-12)


def test_one_step():
    """erfc(1 / sqrt(2 alpha)) / 2 and erf(m0 / sqrt(2 alpha)) at published loads (McEliece et al. 1987; Kinzel 1985)."""
    assert theory.bit_error(np.array([0.1, 0.138, 0.2, 0.5])) == pytest.approx([7.83e-4, 3.55e-3, 0.01267, 0.0786], rel=2e-3)
    assert theory.first_step(np.array([0.2, 0.5, 0.3, 0.8, 0.5]), np.array([0.05, 0.05, 0.1, 0.1, 0.3])) == pytest.approx(
        [0.6289, 0.9747, 0.657, 0.9886, 0.639], abs=5e-4
    )


def test_mixtures():
    assert [theory.mixture_state(k) for k in (1, 3, 5)] == [(1.0, -0.5), (0.5, -0.375), (0.375, pytest.approx(-0.3516, abs=1e-4))]


def test_other_capacities():
    """n / sqrt(2 ln n); n / (4 ln n) and n / (2 ln n); Gardner's 2 at margin 0, and 0.5196 at 1; sparse codes."""
    assert theory.storkey_capacity(np.array([100, 250, 500])) == pytest.approx([33.0, 75.2, 141.8], abs=0.06)
    low, high = theory.perfect_capacity(np.array([100, 250, 500]))
    assert low == pytest.approx([5.4, 11.3, 20.1], abs=0.06)
    assert high == pytest.approx([10.9, 22.6, 40.2], abs=0.06)
    assert theory.gardner_capacity(0.0) == pytest.approx(2.0, abs=1e-10)
    # (1 + k^2) Phi(k) + k phi(k) = 1 / alpha, by parts.
    assert theory.gardner_capacity(1.0) == pytest.approx(1 / (2 * 0.841344746 + 0.241970725), abs=1e-8)
    assert theory.sparse_bit_error(np.array([0.6, 1.0]), np.array([0.1, 0.05])) == pytest.approx([0.0206, 0.0127], abs=6e-5)
    assert theory.sparse_capacity(0.01) == pytest.approx(10.857, abs=1e-3)


def test_sequences():
    """Duering, Coolen and Sherrington 1998: capacity 0.269; their equations iterated, m = erf(m / sqrt(2 alpha r)), r = 1 + U^2 r."""
    assert theory.sequence_capacity() == pytest.approx(0.269, abs=5e-4)
    for load in (0.1, 0.2, 0.26):
        m, r = 1.0, 1.0
        for _ in range(5000):
            slope = np.sqrt(2 / (np.pi * load * r)) * np.exp(-(m**2) / (2 * load * r))
            m, r = erf(m / np.sqrt(2 * load * r)), 1 + slope**2 * r
        assert theory.sequence_overlap(load) == pytest.approx(m, abs=1e-9)
    assert theory.sequence_overlap(np.array([0.01, 0.27])).tolist() == [pytest.approx(1.0), 0.0]


def test_dense():
    """Krotov and Hopfield 2016, equations 7 and 8."""
    assert theory.dense_bit_error(100, 30, 2) == pytest.approx(0.0339, abs=6e-5)
    assert theory.dense_bit_error(40, np.array([200, 400]), 3) == pytest.approx([0.0512, 0.1241], abs=6e-5)
    assert theory.dense_bit_error(24, 400, 4) == pytest.approx(0.0645, abs=6e-5)
    assert theory.dense_capacity(100, 2) == pytest.approx(theory.perfect_capacity(100)[1])


def test_spectrum():
    """Marchenko and Pastur: zero mean with the n - P eigenvalues at -alpha, whatever the load."""
    low, high = theory.spectral_edges(0.25)
    assert (low, high) == (pytest.approx(0.0), pytest.approx(2.0))
