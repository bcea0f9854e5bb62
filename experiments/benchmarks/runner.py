"""Runs every measurement in a child process, in turn, for several rounds."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from experiments.benchmarks.contenders import CONTENDERS, Contender
from experiments.benchmarks.table import Row, row_of

ROOT = Path(__file__).parents[2]
LANES = {100: 640, 1000: 64, 10_000: 8}
SLOW = 60.0  # seconds of a child, from which one round is enough: such a contender is behind by orders of magnitude
LONGEST = 900.0
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclasses.dataclass(frozen=True)
class Settings:
    """How long to measure, and the compiled limit if there is one."""

    rounds: int = 3
    seconds: float = 3.0
    program: Path | None = None


def rates(settings: Settings, names: list[str], sizes: dict[int, int]) -> list[Row]:
    """Rows of every contender, with and without noise, at every size."""
    return [row for n, lanes in sizes.items() for noise in (True, False) for row in _case(settings, names, n, lanes, noise)]


def _case(settings: Settings, names: list[str], n: int, lanes: int, noise: bool) -> list[Row]:
    chosen = {name: CONTENDERS[name] for name in names if (CONTENDERS[name].noisy if noise else CONTENDERS[name].quiet)}
    if settings.program is None:
        chosen.pop("limit", None)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in chosen}
    notes = {name: one.missing for name, one in chosen.items() if one.missing}
    slow: set[str] = set()
    for _ in range(settings.rounds):
        for name, one in chosen.items():
            if name in notes or name in slow:
                continue
            began = time.perf_counter()
            try:
                found[name].append(measured(settings, name, one, n, lanes, noise))
            except RuntimeError as error:
                notes[name] = str(error)
            if time.perf_counter() - began > SLOW:
                slow.add(name)
    rows = []
    for name, one in chosen.items():
        own = one.case(n, lanes, noise).lanes
        rows.append(row_of(one.label, n, own, noise, found[name]) if found[name] else Row(one.label, n, own, noise, note=notes[name]))
    return rows


def measured(settings: Settings, name: str, contender: Contender, n: int, lanes: int, noise: bool) -> dict[str, Any]:
    """One measurement of one contender."""
    arguments = [name, "--n", str(n), "--lanes", str(lanes), "--seconds", str(settings.seconds)]
    arguments += ["--noise"] * noise + (["--program", str(settings.program)] if name == "limit" else [])
    result = child(arguments)
    print(f"  {contender.label}: n {n}, {'noise' if noise else 'quiet'}, {result['rate'] / 1e6:.4g} M/s", flush=True)
    return result


def child(arguments: list[str], threads: int | None = None) -> dict[str, Any]:
    """What a child process measured: the last line that it printed.

    threads: of BLAS, OpenMP and numba, all if None. The environment says it before Python starts, for a BLAS makes its threads on import.
    """
    environment = os.environ | (dict.fromkeys(THREADS, str(threads)) if threads else {})
    command = [sys.executable, "-m", "experiments.benchmarks", "--child", *arguments]
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"took more than {LONGEST:g} s") from None
    if done.returncode:
        raise RuntimeError(f"failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    return json.loads(done.stdout.strip().splitlines()[-1])
