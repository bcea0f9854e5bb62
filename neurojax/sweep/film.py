"""Films: frames of a figure of which little moves, written as GIF or MP4. Nothing in `import neurojax` imports this module."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image


def camera(figure: Figure, moving: Sequence[tuple[Axes, Artist]]) -> Callable[[], np.ndarray]:
    """A function that returns the figure as it is now, (height, width, 3); all but the artists that move is drawn once, here."""
    canvas = FigureCanvasAgg(figure)
    for _, artist in moving:
        artist.set_animated(True)
    canvas.draw()
    background = canvas.copy_from_bbox(figure.bbox)

    def shot() -> np.ndarray:
        canvas.restore_region(background)
        for axes, artist in moving:
            axes.draw_artist(artist)
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()

    return shot


def write_film(path: str | os.PathLike, frames: Iterable[np.ndarray], rate: float, colours: int = 64) -> Path:
    """Write frames (height, width, 3), two or more, as GIF, or MP4 where ffmpeg is installed, by the path's ending.

    rate: frames per second, above 0, up to 50 (a GIF counts hundredths of a second). colours: of a GIF's one palette, 2 to 256.
    Returns the path.

    Raises ValueError for another ending or numbers outside, RuntimeError for an MP4 without ffmpeg.
    """
    path = Path(path)
    if path.suffix not in (".gif", ".mp4"):
        raise ValueError(f"path={str(path)!r}: the name must end in .gif or .mp4")
    if not 0 < rate <= 50 or not 2 <= colours <= 256:
        raise ValueError(f"rate={rate}, colours={colours}: needs 0 < rate <= 50 and 2 to 256 colours")
    shots = list(frames)
    if len(shots) < 2:
        raise ValueError(f"a film of {len(shots)} samples: give at least 2 samples")
    path.parent.mkdir(parents=True, exist_ok=True)
    (_write_gif if path.suffix == ".gif" else _write_mp4)(path, shots, rate, colours)
    return path


def _write_gif(path: Path, frames: list[np.ndarray], rate: float, colours: int) -> None:
    sample = np.concatenate(frames[:: max(1, len(frames) // 4)])
    palette = Image.fromarray(sample).quantize(colours, method=Image.Quantize.MEDIANCUT)
    first, *rest = (Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames)
    first.save(path, save_all=True, append_images=rest, duration=round(100 / rate) * 10, loop=0)


def _write_mp4(path: Path, frames: list[np.ndarray], rate: float, _: int) -> None:
    if shutil.which("ffmpeg") is None:
        raise RuntimeError(f"path={str(path)!r}: MP4 needs the program ffmpeg, which is not installed; give a name that ends in .gif")
    height, width, _ = frames[0].shape
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(rate), "-i", "-"]
    target = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(path)]
    subprocess.run(["ffmpeg", "-y", "-loglevel", "error", *source, *target], input=b"".join(f.tobytes() for f in frames), check=True)
