"""From what a store costs here to what 10^9 lanes would: bytes, files, seconds, memory, by rows of a chunk and number of stores."""

from __future__ import annotations

import dataclasses
import math
import time
from pathlib import Path

from neurojax.sweep.store import Store

LANES = 10**9
LAYOUTS = ((1, 1024), (1, 65_536), (1000, 1024), (1000, 65_536))  # stores, rows of a chunk
GRID_BYTES = 17  # of `load`: a row number and a status for each lane, and a mask
MOST_FILES = 100_000  # of one folder that parallel file systems and backups still bear


@dataclasses.dataclass(frozen=True)
class Costs:
    """Measured. seconds_per_lane: of one core; write_per_chunk: one commit; read_per_chunk: `status` of one chunk."""

    lanes: int
    arrays: int
    bytes_per_lane: float
    seconds_per_lane: float
    write_per_chunk: float
    read_per_chunk: float


@dataclasses.dataclass(frozen=True)
class Layout:
    """What a layout would cost. `largest_folder` counts the files of one array; `lost` is one core's work that a kill costs."""

    stores: int
    rows: int
    terabytes: float
    files: int
    largest_folder: int
    chunk_megabytes: float
    core_years: float
    write_hours: float
    status_seconds: float
    load_gigabytes: float
    lost_seconds: float

    @property
    def serves(self) -> bool:
        return self.largest_folder <= MOST_FILES and self.status_seconds < 60 and self.load_gigabytes < 4 and self.lost_seconds < 3600


def measured(path: Path) -> Costs:
    """Costs of a store that one process on one core has filled."""
    store = Store.open(path)
    (run,) = store.runs
    files = [file for file in path.rglob("*") if file.is_file() and "/c/" in file.as_posix()]
    chunks = store.array("status").shape[0] // store.chunk
    store.read("status")
    began = time.perf_counter()
    for _ in range(5):
        store.read("status")
    read = (time.perf_counter() - began) / 5 / chunks
    return Costs(
        run["lanes"],
        len([*store.columns, *store.data_names, "status"]),
        sum(file.stat().st_size for file in files) / run["lanes"],
        run["seconds"]["compute"] / run["lanes"],
        run["seconds"]["write"] / run["chunks"],
        read,
    )


def layouts(costs: Costs) -> list[Layout]:
    """All layouts, for 10^9 lanes of the kind that was measured. Small chunks compress worse than large ones; that is left out."""
    found = []
    for stores, rows in LAYOUTS:
        own = LANES // stores
        chunks = math.ceil(own / rows)
        found.append(
            Layout(
                stores,
                rows,
                LANES * costs.bytes_per_lane / 1e12,
                stores * chunks * costs.arrays,
                chunks,
                rows * costs.bytes_per_lane / costs.arrays / 1e6,
                LANES * costs.seconds_per_lane / (365.25 * 86_400),
                stores * chunks * costs.write_per_chunk / 3600,
                chunks * costs.read_per_chunk,
                own * GRID_BYTES / 1e9,
                rows * costs.seconds_per_lane,
            )
        )
    return found


def show(found: list[Layout]) -> str:
    names = "stores, rows a chunk, TB, files, in one folder, MB a chunk, core years, hours of commits, s for status, GB to load one"
    lines = [f"| {names.replace(', ', ' | ')} | s a kill costs | |", "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|"]
    for one in found:
        numbers = (
            f"{one.stores:,} | {one.rows:,} | {one.terabytes:.3g} | {one.files:.3g} | {one.largest_folder:,} | {one.chunk_megabytes:.2g} | "
            f"{one.core_years:.3g} | {one.write_hours:.3g} | {one.status_seconds:.3g} | {one.load_gigabytes:.2g} | {one.lost_seconds:.3g}"
        )
        lines.append(f"| {numbers} | {'serves' if one.serves else 'does not'} |")
    return "\n".join(lines)
