"""What a sweep of 10^5 lanes costs beside its compiled programs: `python -m experiments.scaling.overhead FOLDER [LANES [STEPS]]`.

Imports, tracing and compilation are left out; memory is sampled at a tenth of the sweep and at its end.
"""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

import neurojax as nj
from neurojax.sweep.provenance import Compiling
from neurojax.sweep.store import Store

SEEDS = 16
ROW_BYTES = 8 + 8 + 8 + 1 + 4 + 4  # coupling, noise, seed, status, bad step, and one record


class Memory(threading.Thread):
    """Resident memory of this process, sampled until it is told to stop."""

    def __init__(self):
        super().__init__(daemon=True)
        self.samples: list[int] = []
        self.running = True

    def run(self) -> None:
        while self.running:
            self.samples.append(psutil.Process().memory_info().rss)
            time.sleep(0.05)

    def peak(self, first: float, last: float) -> int:
        """Largest sample in a part of the time, in MB."""
        own = self.samples[int(first * len(self.samples)) : max(1, int(last * len(self.samples)))]
        return round(max(own) / 2**20)


def sweep(store: Path, lanes: int, steps: int) -> Any:
    side = round((lanes // SEEDS) ** 0.5)
    return nj.sweep(
        nj.Kuramoto(10, frequencies=nj.Normal(1.0)),
        {"coupling": np.linspace(0, 4, side), "noise": np.linspace(0.1, 1, side)},
        seeds=SEEDS,
        steps=steps,
        dt=0.05,
        method=nj.EulerMaruyama(),
        record={"r": nj.Mean(nj.order_parameter)},
        store=store,
        options=nj.SweepOptions(progress=False),
    )


def main(folder: Path, lanes: int = 100_000, steps: int = 30_000) -> dict[str, Any]:
    import xarray  # noqa: F401

    nj.use_cpus(psutil.cpu_count() or 1)
    warm, store, compiling, memory = folder / "warm.zarr", folder / "overhead.zarr", Compiling(), Memory()
    for path in (warm, store):
        shutil.rmtree(path, ignore_errors=True)
    sweep(warm, 100, 10)  # imports what is imported late
    memory.start()
    began = time.perf_counter()
    with compiling.counted():
        data = sweep(store, lanes, steps)
    seconds = time.perf_counter() - began
    memory.running = False
    began = time.perf_counter()
    sweep(store, lanes, steps)
    again = time.perf_counter() - began
    (run, *_), chunks = Store.open(store).runs, Store.open(store).array("status").shape[0] // Store.open(store).chunk
    compute = run["seconds"]["compute"]
    return {
        "lanes": int(data.status.size),
        "seconds": round(seconds, 2),
        "compiling": round(compiling.seconds, 2),
        "compute": round(compute, 2),
        "host share": round(1 - compute / (seconds - compiling.seconds), 4),
        "seconds to resume a complete store": round(again, 2),
        "peak MB in the first tenth": memory.peak(0, 0.1),
        "peak MB in the last half": memory.peak(0.5, 1),
        "chunks": chunks,
        "store bytes / raw bytes": round(
            sum(f.stat().st_size for f in store.rglob("*") if f.is_file()) / (data.status.size * ROW_BYTES), 3
        ),
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), *map(int, sys.argv[2:])), indent=1))
