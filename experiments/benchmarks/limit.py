"""The limit: the same step in C, compiled for this machine."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import psutil

from experiments.benchmarks.case import Case

FLAGS = ["-O3", "-march=native", "-ffast-math", "-mprefer-vector-width=512", "-fopenmp"]
PRINTED = re.compile(r"([\d.]+) s\s+([\d.]+) M oscillator-steps/s\s+mean r ([\d.]+)")


def build(source: Path, folder: Path) -> Path:
    """Compile the program, called as `LANES OSCILLATORS STEPS NOISE(0|1)`, which prints seconds, rate and mean order parameter."""
    program = folder / "limit"
    done = subprocess.run(["cc", *FLAGS, str(source), "-o", str(program), "-lm"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{source} does not compile: {done.stderr.strip()}")
    return program


def measured(program: Path, case: Case, seconds: float, repeats: int = 2) -> dict[str, float]:
    """The fastest of a few runs of about `seconds`."""
    probe = max(2, 200_000_000 // (case.n * case.lanes))
    steps = max(probe, int(probe * seconds / _once(program, case, probe)["seconds"]))
    return max((_once(program, case, steps) for _ in range(repeats)), key=lambda one: one["rate"])


def _once(program: Path, case: Case, steps: int) -> dict[str, float]:
    command = [str(program), str(case.lanes), str(case.n), str(steps), str(int(case.noise))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        peak, watched = 0, psutil.Process(process.pid)
        while process.poll() is None:
            try:
                peak = max(peak, watched.memory_info().rss)
            except psutil.Error:
                break
            time.sleep(0.02)
        text = process.communicate()[0]
    found = PRINTED.search(text)
    if found is None:
        raise RuntimeError(f"{' '.join(command)} printed {text!r}")
    took, _, order = (float(group) for group in found.groups())
    # The printed rate is rounded to whole millions.
    rate = case.n * case.lanes * steps / max(took, 1e-4)
    return {"rate": rate, "seconds": took, "steps": steps, "first_call": took, "least_call": 0.0, "order": order, "peak_mb": peak / 1e6}
