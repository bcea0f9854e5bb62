"""This project: a sweep over the coupling on every core, through the public call, with everything that the call does."""

from __future__ import annotations

import neurojax as nj
from experiments.benchmarks.case import DT, HALF_WIDTH, SIGMA, Case, Run, cores


def independent(case: Case) -> Run:
    """Every lane draws noise of its own."""
    return _sweep(case, "independent")


def paired(case: Case) -> Run:
    """The lanes of one seed share their noise, as a sweep does by default: less is drawn."""
    return _sweep(case, "paired")


def _sweep(case: Case, rng: str) -> Run:
    nj.use_cpus(cores())
    frequencies = nj.Uniform(HALF_WIDTH)
    model = nj.Kuramoto(n=case.n, noise=SIGMA if case.noise else None, frequencies=frequencies, windings=False)

    def run(steps: int) -> float:
        data = nj.sweep(
            model,
            over={"coupling": case.couplings},
            dt=DT,
            steps=steps,
            method=nj.EulerMaruyama(),
            record={"r": nj.Mean(nj.order_parameter)},
            options=nj.SweepOptions(rng=rng, progress=False),
        )
        return float(data.r.mean())

    return run
