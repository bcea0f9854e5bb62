"""The table of physics: simulations against closed forms and against numbers measured elsewhere."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import norm

import neurojax as nj
from experiments.hopfield.common import AGS, ELSEWHERE, at_most, count, meaned, near, recalls
from experiments.study import Study
from experiments.table import Row, mean_and_error
from neurojax.hopfield import measures, theory

TAIL = "erfc(1 / sqrt(2 alpha)) / 2, alpha = (P - 1) / (N - 1)"
KINZEL = "erf(m0 / sqrt(2 alpha)), Kinzel 1985"
STORKEY = "measured elsewhere; Storkey's n / sqrt(2 ln n)"
STORKEY_HALF = {100: 31, 250: 76, 500: 148}
DENSE = "Krotov and Hopfield 2016, equation 7"
RAMSAUER = "Ramsauer et al. 2021, theorem 4"
SPARSE = "Tsodyks and Feigelman 1988"


def saturation(study: Study) -> list[Row]:
    """Overlaps at T = 0 from the pattern, and with noise, against Amit, Gutfreund and Sompolinsky."""
    rows = []
    loads = np.array([0.05, 0.08, 0.10])
    for n in study.pick((1000, 2000), (1000,)):
        memory = nj.Hopfield(n, nj.RandomPatterns(int(0.1 * n), stored=1), nj.Flips(0.0))
        m = recalls(study, f"ags_{n}", memory, {"patterns.stored": loads * n}, study.pick(16, 8), 100)["m"].values
        rows += [near(f"m at alpha = {a}, N = {n}, T = 0", one, theory.overlap(a), 0.003, AGS) for a, one in zip(loads, m, strict=True)]
    if not study.quick:
        close = np.array([0.12, 0.13])
        memory = nj.Hopfield(2000, nj.RandomPatterns(260, stored=1), nj.Flips(0.0))
        m = recalls(study, "ags_close", memory, {"patterns.stored": close * 2000}, 24, 300)["m"].values
        rows += [
            near(f"m at alpha = {a}, N = 2000, T = 0, median of 24", np.median(one), theory.overlap(a), 0.01, AGS)
            for a, one in zip(close, m, strict=True)
        ]
        memory = nj.Hopfield(1000, nj.RandomPatterns(200), nj.Flips(0.0))
        m = recalls(study, "ags_beyond", memory, {}, 16, 200)["m"].values
        rows.append(at_most("m at alpha = 0.2, N = 1000, T = 0: no recall", m.mean(), 0.45, f"0.36 {ELSEWHERE}"))
    for load, temperature, seen, spread in ((0.01, 0.4, 0.9838, 0.0003), (0.05, 0.2, 0.9992, 0.0003), (0.08, 0.3, 0.9776, 0.0031)):
        patterns, units = nj.RandomPatterns(int(load * 1000)), nj.Glauber(temperature)
        memory = nj.Hopfield(1000, patterns, nj.Flips(0.0), units=units, updates=nj.Asynchronous())
        record = {"m": nj.Mean(measures.target_overlap, warmup=40.0)}
        m = recalls(study, f"glauber_{load}", memory, {}, study.pick(16, 4), study.pick(160, 80), record)["m"].values
        name = f"m at alpha = {load}, T = {temperature}, N = 1000, Glauber"
        rows.append(meaned(name, m, theory.overlap(load, temperature), 0.001, AGS))
        rows.append(meaned(name, m, seen, 3 * spread, ELSEWHERE))
    return rows


def one_step(study: Study) -> list[Row]:
    """What one synchronous step does, to a cue and to a pattern."""
    rows, n = [], 2000
    for load, start in ((0.05, 0.2), (0.05, 0.5), (0.1, 0.3), (0.1, 0.8), (0.3, 0.5)):
        memory = nj.Hopfield(n, nj.RandomPatterns(int(load * n)), nj.Flips((1 - start) / 2, exact=True))
        record = {"m": nj.Trace(measures.target_overlap)}
        m = recalls(study, f"step_{load}_{start}", memory, {}, study.pick(64, 12), 2, record)["m"].values[..., 1]
        rows.append(meaned(f"m after a step from {start}, alpha = {load}, N = {n}", m, theory.first_step(start, load), 1 / n, KINZEL))
    n = 1000
    for load in (0.138, 0.2, 0.5):
        wrong = [np.mean(_held(nj.Hebb(), seed, int(load * n), n) < 0) for seed in range(study.pick(16, 4))]
        # Sums over n - 1 units and P - 1 other patterns, in steps of 2 / n.
        effective = (int(load * n) - 1) / (n - 1)
        grain = norm.pdf(1 / np.sqrt(load)) / np.sqrt(load) / n
        rows.append(meaned(f"errors of a step from a pattern, P = {load} N, N = {n}", wrong, theory.bit_error(effective), grain, TAIL))
    return rows


def rules(study: Study) -> list[Row]:
    """Pseudo-inverse, Storkey, sparse codes."""
    rows = []
    for load in (0.05, 0.2, 0.5, 0.8, 0.95):
        held = _held(nj.PseudoInverse(), 3, int(load * 200), 200)
        reference = theory.pseudo_inverse_stability(load)
        rows.append(near(f"pseudo-inverse: mean of xi h, alpha = {load}", held, reference, 1e-5, "1 - alpha, exact"))
        rows.append(count(f"pseudo-inverse: bits not held, alpha = {load}", (held <= 0).sum(), 0, "Personnaz et al. 1985"))
    for n in study.pick((100, 250, 500), (100,)):
        half, error = storkey_half(n, {100: 128, 250: 48, 500: 16}[n])
        rows.append(
            Row(
                f"Storkey: P of which half of the networks hold all, n = {n}", half, error, STORKEY_HALF[n], 0.03 * STORKEY_HALF[n], STORKEY
            )
        )
        rows.append(
            Row(
                f"Storkey: the same beside n / sqrt(2 ln n), n = {n}",
                half,
                error,
                theory.storkey_capacity(n),
                0.07 * half,
                "Storkey and Valabregue 1999",
            )
        )
    for activity, load in ((0.1, 0.6), (0.05, 1.0)):
        n = 4000
        xi = nj.RandomPatterns(int(load * n), activity).draw(jax.random.key(4), n, "bits")
        couplings, some = nj.Covariance(activity).learn(xi), np.asarray(xi[: study.pick(200, 50)])
        wrong = np.asarray(measures.stabilities(couplings, some, activity - 0.5)) < 0
        reference = theory.sparse_bit_error(load, activity)
        # Shares of ones differ between patterns, which adds (1 - a)^3 / (a n) to the noise of ones.
        rows += [
            near(f"sparse code: {name}, a = {activity}, alpha = {load}", wrong[which].mean(), reference, 0.004, SPARSE)
            for name, which in (("ones missed", some > 0.5), ("false ones", some < 0.5))
        ]
    return rows


def storkey_half(n: int, seeds: int) -> tuple[float, float]:
    """The number of patterns at which half of the networks hold all of them without error; half the width of its 68 % interval."""
    most = round(1.3 * STORKEY_HALF[n])
    rule = nj.Storkey()

    def held(key):
        xi = nj.RandomPatterns(most).draw(key, n, "signs")

        def add(couplings, number):
            couplings = rule.added(couplings, xi[number])
            there = jnp.arange(most) <= number
            return couplings, jnp.all((xi * (xi @ couplings.weights.T) > 0) | ~there[:, None])

        start = nj.Matrix(jnp.zeros((n, n)), jnp.asarray(1.0 / n))
        return jax.lax.scan(add, start, jnp.arange(most))[1]

    all_held = np.asarray(jax.jit(lambda keys: jax.lax.map(held, keys))(jax.random.split(jax.random.key(0), seeds)))
    # Held no more from the last count on at which all were: its median over networks.
    last = np.array([np.flatnonzero(one)[-1] + 1 for one in all_held])
    middle = np.array([np.median(np.random.default_rng(k).choice(last, len(last))) for k in range(400)])
    return float(np.median(last)) + 0.5, float(middle.std())


def dense(study: Study) -> list[Row]:
    """Dense memories and softmax retrieval."""
    rows = []
    for n, degree, number in ((100, 2, 30), (40, 3, 200), (40, 3, 400), (24, 4, 400)):
        wrong = [np.mean(_held(nj.Polynomial(degree), seed, number, n) < 0) for seed in range(study.pick(16, 4))]
        reference = theory.dense_bit_error(n, number, degree)
        rows.append(meaned(f"dense: errors of a step, n = {degree}, N = {n}, K = {number}", wrong, reference, 0.15 * reference, DENSE))
    memory = nj.ModernHopfield(64, nj.SpherePatterns(2000), beta=[0.125, 0.25, 0.5, 1.0]).realise(jax.random.key(0))
    x = np.asarray(memory.patterns)
    for beta in (0.125, 0.25, 0.5, 1.0):
        one = nj.ModernHopfield(64, x, beta=beta)
        moved = np.linalg.norm(np.asarray(one.attention(jnp.asarray(x))) @ x - x, axis=1)
        over = np.max(moved - theory.modern_bound(x, beta))
        rows.append(at_most(f"softmax: a stored pattern moves beyond the bound by, beta = {beta}", over, 1e-4, RAMSAUER))
    return rows


def mixtures(study: Study) -> list[Row]:
    """Symmetric mixtures of 3 and 5 patterns, and the energy of a pattern."""
    rows, n = [], 4000
    for number in (3, 5):
        known, found = theory.mixture_state(number), []
        for seed in range(study.pick(24, 6)):
            memory = nj.Hopfield(n, nj.RandomPatterns(number)).realise(jax.random.key(seed))
            mix = measures.mixture(memory.patterns)
            overlaps = np.asarray(measures.overlaps(mix, memory.patterns))
            found.append([overlaps.mean(), float(memory.energy(mix)) / n, np.mean(np.asarray(memory.fields(mix)) * mix > 0)])
        overlap, energy, stays = np.transpose(found)
        source = "Amit, Gutfreund and Sompolinsky 1985"
        rows += [
            meaned(f"mixture of {number}: overlap", overlap, known.overlap, 1 / n, source),
            meaned(f"mixture of {number}: energy per unit", energy, known.energy, number / n, source),
            at_most(f"mixture of {number}: share of units that would change", 1 - stays.mean(), 0.01, source),
        ]
    memory = nj.Hopfield(1000, nj.RandomPatterns(100)).realise(jax.random.key(0))
    energies = np.asarray(jax.vmap(memory.energy)(memory.patterns)) / 1000
    error = mean_and_error(energies)[1]
    return [
        *rows,
        Row("energy per unit of a pattern, N = 1000", float(energies.mean()), error, theory.pattern_energy(1000), 0.0, "-(1 - 1/N) / 2"),
    ]


def physics(study: Study) -> list[Row]:
    """All of it."""
    return [*saturation(study), *one_step(study), *rules(study), *dense(study), *mixtures(study)]


def _held(rule: nj.StorageRule, seed: int, number: int, n: int) -> np.ndarray:
    """`xi h` of every bit of random patterns."""
    xi = nj.RandomPatterns(number).draw(jax.random.key(seed), n, "signs")
    return np.asarray(measures.stabilities(rule.learn(xi), xi))
