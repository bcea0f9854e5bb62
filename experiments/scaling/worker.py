"""One process of a scaling run: `python -m experiments.scaling.worker STORE LANES SHARD SHARDS DEVICES CORES`."""

from __future__ import annotations

import os
import sys

import numpy as np

import neurojax as nj

SEEDS = 16


def main() -> None:
    store, lanes, shard, shards, devices, cores = sys.argv[1], *map(int, sys.argv[2:7])
    if hasattr(os, "sched_setaffinity"):
        # Without this a process of one device would help itself to the other cores.
        free = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {free[(shard * cores + i) % len(free)] for i in range(cores)})
    nj.use_cpus(devices)
    nj.sweep(
        nj.Kuramoto(500, noise=0.3, frequencies=nj.Normal(1.0)),
        {"coupling": np.linspace(0, 4, lanes // SEEDS)},
        seeds=SEEDS,
        duration=40.0,
        dt=0.05,
        record={"r": nj.Mean(nj.order_parameter, warmup=20.0)},
        store=store,
        options=nj.SweepOptions(rng="independent", lanes=64, shard=(shard, shards), progress=False),
    )


if __name__ == "__main__":
    main()
