"""`python -m experiments.kuramoto [name...] [--quick] [--out runs]`: run studies, print and keep their tables."""

from __future__ import annotations

import sys

from experiments.kuramoto import gradients, notebook, onset, showcase, transient, transitions
from experiments.study import run_studies

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
    return run_studies("kuramoto", "The Kuramoto model against its theory.", STUDIES, arguments)


if __name__ == "__main__":
    sys.exit(main())
