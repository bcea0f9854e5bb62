"""`python -m experiments.kuramoto [name...] [--quick] [--out runs]`: run studies, print and keep their tables."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import neurojax as nj
from experiments.kuramoto import gradients, notebook, onset, showcase, transient, transitions
from experiments.kuramoto.study import Study
from experiments.kuramoto.table import Row, show, write

STUDIES = {
    "gaussian": transitions.gaussian,
    "lorentzian": transitions.lorentzian,
    "uniform": transitions.uniform,
    "identical_noisy": transitions.identical,
    "lorentzian_noisy": transitions.lorentzian_noisy,
    "ott_antonsen": transient.ott_antonsen,
    "fluctuations": transient.fluctuations,
    "onset": onset.onset,
    "gradients": gradients.gradients,
    "notebook": notebook.notebook,
    "phase_diagram": showcase.phase_diagram,
    "transition_curves": showcase.transition_curves,
    "portraits": showcase.portraits,
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m experiments.kuramoto", description="The Kuramoto model against its theory.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"studies to run, all by default: {', '.join(STUDIES)}")
    parser.add_argument("--quick", action="store_true", help="small systems, a minute in all")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder for stores, figures and tables (runs)")
    given = parser.parse_args(arguments)
    unknown = sorted(set(given.names) - set(STUDIES))
    if unknown:
        parser.error(f"no study {unknown[0]!r}; choose from {', '.join(STUDIES)}")
    nj.use_cpus(os.cpu_count() or 1)
    study = Study(given.quick, given.out / ("kuramoto_quick" if given.quick else "kuramoto"))
    study.out.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    for name in given.names or STUDIES:
        began = time.perf_counter()
        own = STUDIES[name](study)
        print(f"\n## {name} ({time.perf_counter() - began:.1f} s)\n\n{show(own)}", flush=True)
        write(own, study.out / f"{name}.csv")
        rows += own
    off = sum(not row.agrees for row in rows)
    print(f"\n{len(rows) - off} of {len(rows)} rows agree")
    return int(off > 0)


if __name__ == "__main__":
    sys.exit(main())
