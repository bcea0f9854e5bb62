"""Rows of measured numbers beside their references."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt


@dataclasses.dataclass(frozen=True)
class Row:
    """One measured number.

    error: one standard error, over seeds. bias: what is known beforehand of finite size, time step or estimator. The measurement agrees
    if it lies within three standard errors and the bias of the reference. `bound`: the reference is an upper bound instead; `floor`: it
    is a lower one. Without a reference the number is reported, no more.
    """

    quantity: str
    measured: float
    error: float
    reference: float | None
    bias: float = 0.0
    source: str = ""
    bound: bool = False
    floor: bool = False

    @property
    def tolerance(self) -> float:
        return 3 * self.error + self.bias

    @property
    def agrees(self) -> bool:
        if self.reference is None:
            return True
        if self.bound:
            return self.measured <= self.reference
        if self.floor:
            return self.measured >= self.reference
        return abs(self.measured - self.reference) <= self.tolerance


def mean_and_error(values: npt.ArrayLike) -> tuple[float, float]:
    """Mean over seeds, and its standard error."""
    array = np.asarray(values, float)
    return float(array.mean()), float(array.std(ddof=1) / np.sqrt(len(array)))


def show(rows: Sequence[Row]) -> str:
    """The rows as a table in Markdown."""
    lines = ["| quantity | measured | reference | tolerance | verdict | source |", "|---|---|---|---|---|---|"]
    for row in rows:
        measured = _said(row.measured) + (f" ± {row.error:.2g}" if row.error else "")
        reference = "" if row.reference is None else ("≤ " if row.bound else "≥ " if row.floor else "") + _said(row.reference)
        tolerance = "" if row.bound or row.floor or row.reference is None else f"{row.tolerance:.2g}"
        verdict = "reported" if row.reference is None else "agrees" if row.agrees else "OFF"
        quantity = row.quantity.replace("|", "\\|")
        lines.append(f"| {quantity} | {measured} | {reference} | {tolerance} | {verdict} | {row.source} |")
    return "\n".join(lines)


def _said(number: float) -> str:
    """Six digits, of whole numbers all."""
    return f"{number:.0f}" if number == np.round(number) and abs(number) < 2**53 else f"{number:.6g}"


def write(rows: Sequence[Row], path: Path) -> None:
    """The rows as CSV."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["quantity", "measured", "error", "reference", "tolerance", "agrees", "source"])
        for row in rows:
            table.writerow([row.quantity, row.measured, row.error, row.reference, row.tolerance, row.agrees, row.source])
