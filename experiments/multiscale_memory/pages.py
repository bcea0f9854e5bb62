"""Pictures, each in files of its own, and all of them on a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

DPI = 110

Place = tuple[int, int, int]  # rows, columns and number, as `Figure.add_subplot` has them


class Missing(ValueError):
    """A run has no such numbers; the reason."""


def draw_all(
    pictures: Mapping[str, Callable[[Figure, Place], Any]], folder: Path, page: str, size: tuple[float, float], title: str | None = None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Every picture as PDF and PNG of a size (inches), and all on a named page: what those drawn returned, and why others were not."""
    drawn: dict[str, Any] = {}
    missing: dict[str, str] = {}
    for name, draw in pictures.items():
        figure = Figure(figsize=size, layout="constrained")
        try:
            drawn[name] = draw(figure, (1, 1, 1))
        except Missing as error:
            missing[name] = str(error)
            continue
        _save(figure, folder, name, DPI)
    if drawn:
        columns = min(3, len(drawn))
        rows = -(-len(drawn) // columns)
        figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
        for number, name in enumerate(drawn, 1):
            pictures[name](figure, (rows, columns, number))
        if title:
            figure.suptitle(title)
        _save(figure, folder, page, 0.7 * DPI)
    return drawn, missing


def _save(figure: Figure, folder: Path, name: str, dpi: float) -> None:
    for kind in ("pdf", "png"):
        figure.savefig(folder / f"{name}.{kind}", dpi=dpi)
