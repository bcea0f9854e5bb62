"""What finite size and the time step leave of r: rows of measured r with a bias known beforehand."""

from __future__ import annotations

import numpy as np
import xarray as xr

from experiments.table import Row, mean_and_error
from neurojax.sweep.plot import completed

DT = 0.05
NOISY_DT = 0.02
# Heun's bias of the stationary r with noise, measured at K = 5, D = 0.5: 24e-4 at dt = 0.1, 7e-4 at 0.05, thus 1e-4 at 0.02.
STEP_BIAS = 2e-4


def sized_rows(small: xr.Dataset, large: xr.Dataset, record: str, label: str, reference: np.ndarray, source: str) -> list[Row]:
    """A row for each point of a one-axis sweep.

    The change from the small system, a quarter as large, to the large one bounds what size is left to change: it is the bias.
    """
    values, before = completed(large, record), completed(small, record).mean("seed").values
    (dim,) = (dim for dim in values.dims if dim != "seed")
    rows = []
    for i, x in enumerate(values[dim].values):
        mean, error = mean_and_error(values.isel({dim: i}).values)
        rows.append(Row(f"{label}, {dim} {x:g}", mean, error, float(reference[i]), abs(mean - float(before[i])) + STEP_BIAS, source))
    return rows
