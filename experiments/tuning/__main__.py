"""`python -m experiments.tuning [name...] [--quick] [--out runs]`: run studies, print and keep their tables."""

from __future__ import annotations

import sys

from experiments.study import run_studies
from experiments.tuning import control

STUDIES = {"control": control.control}


def main(arguments: list[str] | None = None) -> int:
    return run_studies("tuning", "Tuning and control through simulations.", STUDIES, arguments)


if __name__ == "__main__":
    sys.exit(main())
