"""`python -m experiments.hopfield [name...] [--quick] [--out runs]`: run studies, print and keep their tables."""

from __future__ import annotations

import sys

from experiments.hopfield import basins, capacity, digits, gradients, modern, notebook, physics, sequences
from experiments.study import run_studies

STUDIES = {
    "physics": physics.physics,
    "basins": basins.basins,
    "two_units": basins.two_units,
    "notebook": notebook.notebook,
    "capacity": capacity.capacity,
    "phases": capacity.phases,
    "cues": capacity.cues,
    "digits": digits.digits,
    "attention": modern.attention,
    "sequences": sequences.sequences,
    "gradients": gradients.gradients,
}


def main(arguments: list[str] | None = None) -> int:
    return run_studies("hopfield", "Attractor memories against theory and numbers measured elsewhere.", STUDIES, arguments)


if __name__ == "__main__":
    sys.exit(main())
