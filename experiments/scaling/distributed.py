"""A sweep over the devices of several hosts, started once on each: `python distributed.py STORE` (see slurm_distributed.sh)."""

import sys

import jax
import numpy as np

import neurojax as nj

if __name__ == "__main__":
    jax.distributed.initialize()  # reads SLURM's variables; elsewhere give address, number of processes, own number
    nj.sweep(
        nj.Kuramoto(1000, frequencies=nj.Normal(1.0)),
        {"coupling": np.linspace(0, 4, 400), "noise": np.linspace(0.01, 2, 200)},
        seeds=64,
        duration=100.0,
        dt=0.05,
        record={"r": nj.Mean(nj.order_parameter, warmup=50.0)},
        store=sys.argv[1],
    )
