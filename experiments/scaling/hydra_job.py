"""Shards as the jobs of a Hydra multirun: `python -m experiments.scaling.hydra_job --multirun shard=range(4)`.

With hydra-submitit-launcher installed, `hydra/launcher=submitit_slurm` sends each to the queue. The store is a path that all see.
"""

from pathlib import Path

import hydra
import numpy as np
from hydra.core.config_store import ConfigStore

import neurojax as nj

ConfigStore.instance().store(
    "hydra_job",
    {
        "shard": 0,
        "shards": 4,
        "store": "runs/hydra.zarr",
        "seeds": 8,
        "points": 33,
        "hydra": {"job_logging": {"loggers": {"jax": {"level": "WARNING"}}}},
    },
)


@hydra.main(version_base="1.3", config_path=None, config_name="hydra_job")
def job(config) -> None:
    """One shard."""
    store = Path(hydra.utils.get_original_cwd()) / config.store
    data = nj.sweep(
        nj.Kuramoto(200, noise=0.3, frequencies=nj.Normal(1.0)),
        {"coupling": np.linspace(0, 4, config.points)},
        seeds=config.seeds,
        duration=20.0,
        dt=0.05,
        record={"r": nj.Mean(nj.order_parameter, warmup=10.0)},
        store=store,
        options=nj.SweepOptions(shard=(config.shard, config.shards), lanes=16, progress=False),
    )
    print(f"shard {config.shard} of {config.shards}: {int((data.status == 1).sum())} of {data.status.size} lanes in the store")


if __name__ == "__main__":
    job()
