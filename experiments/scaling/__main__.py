"""`python -m experiments.scaling [--quick] [--out runs]`: weak and strong scaling over processes and devices, and 10^9 lanes on paper."""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from experiments.scaling import extrapolate
from neurojax.sweep.plot import new_axes
from neurojax.sweep.store import Store

ROOT = Path(__file__).parents[2]


class Point(NamedTuple):
    """One measurement. seconds: of the slowest process, compilation and start excluded; compute: its device time in them."""

    kind: str
    workers: int
    lanes: int
    seconds: float
    compute: float

    @property
    def host(self) -> float:
        """Share of the seconds in which no program ran."""
        return 1 - self.compute / self.seconds


def measure(kind: str, workers: int, lanes: int, store: Path) -> Point:
    """Fill a new store with `workers` processes of one device, or with one process of as many devices."""
    shutil.rmtree(store, ignore_errors=True)
    shards, devices = (workers, 1) if kind == "processes" else (1, workers)
    commands = [
        [sys.executable, "-m", "experiments.scaling.worker", str(store), str(lanes), str(i), str(shards), str(devices), str(devices)]
        for i in range(shards)
    ]
    processes = [subprocess.Popen(command, cwd=ROOT) for command in commands]
    if any(code for code in [process.wait() for process in processes]):
        raise RuntimeError(f"a process of {kind} x {workers} failed")
    runs = Store.open(store).runs
    slowest = max(runs, key=lambda run: run["seconds"]["total"] - run["seconds"]["compile"])["seconds"]
    return Point(kind, workers, lanes, slowest["total"] - slowest["compile"], slowest["compute"])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m experiments.scaling", description="How sweeps scale over processes and devices.")
    parser.add_argument("--quick", action="store_true", help="few lanes: it shows that all parts work")
    parser.add_argument("--out", type=Path, default=Path("runs/scaling"), help="folder of stores, figure and table (runs/scaling)")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    lanes, rounds = (1024, 1) if given.quick else (8192, 2)
    counts = [1 << i for i in range(cores.bit_length()) if 1 << i <= cores]
    points: dict[tuple[str, str, int], Point] = {}
    for kind in ("processes", "devices"):
        for law in ("strong", "weak"):
            for workers in counts:
                own = lanes * (workers if law == "weak" else 1)
                tries = [measure(kind, workers, own, given.out / f"{kind}-{workers}-{law}.zarr") for _ in range(rounds)]
                points[kind, law, workers] = min(tries, key=lambda point: point.seconds)
    print(table(points))
    draw(points, given.out)
    costs = extrapolate.measured(given.out / "processes-1-strong.zarr")
    print(f"\n{costs}\n\n{extrapolate.show(extrapolate.layouts(costs))}")
    return 0


def efficiency(points: dict[tuple[str, str, int], Point], key: tuple[str, str, int]) -> float:
    """Lanes per second and worker, over those of one worker."""
    one, many = points[key[0], key[1], 1], points[key]
    return (many.lanes / many.seconds / many.workers) / (one.lanes / one.seconds)


def table(points: dict[tuple[str, str, int], Point]) -> str:
    lines = ["| over | scaling | workers | lanes | s | lanes/s | efficiency | host share |", "|---|---|--:|--:|--:|--:|--:|--:|"]
    for key, point in points.items():
        lines.append(
            f"| {key[0]} | {key[1]} | {key[2]} | {point.lanes:,} | {point.seconds:.2f} | {point.lanes / point.seconds:,.0f} | "
            f"{efficiency(points, key):.2f} | {100 * point.host:.1f} % |"
        )
    return "\n".join(lines)


def draw(points: dict[tuple[str, str, int], Point], folder: Path) -> None:
    ax = new_axes(None)
    for kind, colour in (("processes", "C0"), ("devices", "C1")):
        for law, style in (("strong", "o-"), ("weak", "s--")):
            own = {key[2]: point for key, point in points.items() if key[:2] == (kind, law)}
            ax.plot(list(own), [p.lanes / p.seconds for p in own.values()], style, color=colour, label=f"{law} scaling over {kind}")
    workers = sorted({key[2] for key in points})
    one = points["processes", "strong", 1]
    ax.plot(workers, [w * one.lanes / one.seconds for w in workers], "k--", lw=1, label="proportional")
    ax.set(xlabel="workers (cores)", ylabel="lanes per second", xticks=workers, ylim=(0, None))
    ax.legend(fontsize="small", frameon=False)
    ax.figure.savefig(folder / "scaling.png", dpi=110)  # type: ignore[union-attr]
    with open(folder / "scaling.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["over", "scaling", "workers", "lanes", "seconds", "compute_seconds", "efficiency"])
        rows.writerows([*key, p.lanes, p.seconds, p.compute, efficiency(points, key)] for key, p in points.items())


if __name__ == "__main__":
    sys.exit(main())
