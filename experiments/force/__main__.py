"""`python -m experiments.force [name...] [--quick] [--out runs]`: run studies, print and keep their tables."""

from __future__ import annotations

import sys

from experiments.force import architectures, dynamics, full, gains, notebook, signals, spiking, targets, tasks
from experiments.study import run_studies

STUDIES = {
    "gains": gains.gains,
    "longer": gains.longer,
    "targets": targets.targets,
    "lorenz": targets.lorenz_attractor,
    "one_shot": tasks.one_shot,
    "recorded": signals.recorded,
    "delayed": signals.delayed,
    "delta": signals.delta,
    "architectures": architectures.architectures,
    "bit_memory": tasks.bit_memory,
    "selectable": tasks.selectable,
    "inside": tasks.inside,
    "joints": tasks.joints,
    "reward": signals.reward,
    "dimensions": dynamics.dimensions,
    "teacher": dynamics.teacher,
    "chaos": dynamics.chaos,
    "notebook": notebook.notebook,
    "spiking": spiking.spiking,
    "full": full.full,
}


def main(arguments: list[str] | None = None) -> int:
    return run_studies("force", "FORCE learning against the paper's claims.", STUDIES, arguments)


if __name__ == "__main__":
    sys.exit(main())
