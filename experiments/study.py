"""What the studies of every family share: how thorough to be, where to write, and how they are run."""

from __future__ import annotations

import argparse
import dataclasses
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

import neurojax as nj
from experiments.table import Row, show, write


@dataclasses.dataclass(frozen=True)
class Study:
    """Settings of a run of the studies. `out`: folder for stores and figures."""

    quick: bool
    out: Path

    def pick(self, full: Any, quick: Any) -> Any:
        return quick if self.quick else full

    def sweep(self, name: str, system: Any, over: Mapping[str, Any], **settings: Any) -> xr.Dataset:
        """A sweep kept in the store `name`; a store that is complete already is read."""
        return nj.sweep(system, over, store=self.out / f"{name}.zarr", **settings)

    def figures(self, name: str) -> Path:
        return self.out / "figures" / name


def run_studies(family: str, description: str, studies: Mapping[str, Callable[[Study], list[Row]]], arguments: Sequence[str] | None) -> int:
    """Run the studies named on the command line, print and keep their tables; 1 if a row is off."""
    parser = argparse.ArgumentParser(prog=f"python -m experiments.{family}", description=description)
    parser.add_argument("names", nargs="*", metavar="name", help=f"studies to run, all by default: {', '.join(studies)}")
    parser.add_argument("--quick", action="store_true", help="small systems")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder for stores, figures and tables (runs)")
    given = parser.parse_args(arguments)
    unknown = sorted(set(given.names) - set(studies))
    if unknown:
        parser.error(f"no study {unknown[0]!r}; choose from {', '.join(studies)}")
    nj.use_cpus(os.cpu_count() or 1)
    study = Study(given.quick, given.out / (f"{family}_quick" if given.quick else family))
    study.out.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    for name in given.names or studies:
        began = time.perf_counter()
        own = studies[name](study)
        print(f"\n## {name} ({time.perf_counter() - began:.1f} s)\n\n{show(own)}", flush=True)
        write(own, study.out / f"{name}.csv")
        rows += own
    off = sum(not row.agrees for row in rows)
    print(f"\n{len(rows) - off} of {len(rows)} rows agree")
    return int(off > 0)
