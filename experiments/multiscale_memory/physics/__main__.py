"""`python -m experiments.multiscale_memory.physics [name...] [--quick] [--out runs]`: run studies, print and keep their tables."""

from __future__ import annotations

import sys

from experiments.multiscale_memory.physics import acceptance, correlated, energy, lock_in, memory, plasticity, redraws, sequences, tables
from experiments.study import run_studies

STUDIES = {
    "acceptance": acceptance.acceptance,
    "tables": tables.tables,
    "lock_in": lock_in.lock_in,
    "redraws": redraws.redraws,
    "correlated": correlated.correlated,
    "sequences": sequences.sequences,
    "probabilities": memory.probabilities,
    "retrieval": memory.retrieval,
    "plasticity": plasticity.plasticity,
    "energy": energy.energy,
}


def main(arguments: list[str] | None = None) -> int:
    return run_studies("multiscale_memory.physics", "Neurons and synapses that learn together, against closed forms.", STUDIES, arguments)


if __name__ == "__main__":
    sys.exit(main())
