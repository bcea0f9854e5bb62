"""`python -m experiments.force [name...] [--quick] [--out runs]`: run studies, print and keep their tables."""

from __future__ import annotations

import sys

from experiments.force import gains
from experiments.study import run_studies

STUDIES = {
    "gains": gains.gains,
    "longer": gains.longer,
}


def main(arguments: list[str] | None = None) -> int:
    return run_studies("force", "FORCE learning against the paper's claims.", STUDIES, arguments)


if __name__ == "__main__":
    sys.exit(main())
