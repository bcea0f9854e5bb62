"""Patterns from files: drawn as text, as pictures, as arrays."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from neurojax.hopfield.patterns import Code, from_images, from_text, low_of

TEXT, ARRAY, PICTURE = (".txt",), (".npy",), (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
SUFFIXES = (*TEXT, *ARRAY, *PICTURE)


def read_patterns(
    path: str | os.PathLike,
    *,
    shape: tuple[int, int] | None = None,
    method: Literal["threshold", "dither"] = "threshold",
    threshold: float | None = None,
    dark: bool = False,
    code: Code = "signs",
) -> Float[np.ndarray, "*P_size"]:
    """Patterns of a file, by its ending.

    `.txt`: grids of `#` and `.`, one below the other with an empty line between. `.npy`: patterns in their code as rows (P, n) or as
    (P, rows, columns); other numbers are grey images, (rows, columns) or (P, rows, columns). `.png`, `.jpg` and the like: one picture.

    Arguments:
        shape, method, threshold: of `from_images`, for pictures and grey images. dark: dark is the upper state, not bright.

    Returns (P, rows, columns), or (P, n) where the file says no more; a model takes either, and figures know the first's shape. Raises
    `ValueError` for another ending, and for what is no pattern.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"path={str(path)!r}: patterns are read from {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise FileNotFoundError(f"path={str(path)!r}: there is no such file (now in {Path.cwd()})")
    if suffix in TEXT:
        grids = _grids(path.read_text())
        if not grids:
            raise ValueError(f"path={str(path)!r}: the file is empty; draw grids of '#' and '.'")
        rows = len([line for line in grids[0].splitlines() if line.strip()])
        made = from_text(*grids, code=code)
        return made.reshape(len(made), rows, -1)
    grey = np.load(path, allow_pickle=False) if suffix in ARRAY else _picture(path)
    if not np.issubdtype(grey.dtype, np.number) and grey.dtype != bool:
        raise ValueError(f"path={str(path)!r}: holds {grey.dtype}; save numbers")
    grey = np.asarray(grey, float)
    if suffix in ARRAY and shape is None and grey.ndim in (2, 3) and np.isin(grey, (low_of(code), 1.0)).all():
        return grey
    if grey.ndim not in (2, 3):
        raise ValueError(f"path={str(path)!r}: holds an array of {grey.shape}; save (P, n), (rows, columns) or (P, rows, columns)")
    size = shape or grey.shape[-2:]
    level = -threshold if dark and threshold is not None else threshold
    return from_images(-grey if dark else grey, shape=shape, method=method, threshold=level, code=code).reshape(-1, *size)


def _grids(text: str) -> list[str]:
    """Stretches of lines that are not empty."""
    grids, lines = [], []
    for line in [*text.splitlines(), ""]:
        if line.strip():
            lines.append(line)
        elif lines:
            grids.append("\n".join(lines))
            lines = []
    return grids


def _picture(path: Path) -> Float[np.ndarray, "rows columns"]:
    """Grey levels from 0 to 255; what is transparent is white."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            whole = image.convert("RGBA")
    except UnidentifiedImageError:
        raise ValueError(f"path={str(path)!r}: the file is no picture that can be read") from None
    white = Image.new("RGBA", whole.size, "white")
    white.alpha_composite(whole)
    return np.asarray(white.convert("L"), float)
