"""Where lanes lie: rectangles of points x seeds, cut into kernels for the devices and storage chunks for the disk."""

from __future__ import annotations

import dataclasses
import functools
from typing import NamedTuple

import numpy as np

Rectangles = tuple[tuple[np.ndarray, np.ndarray], ...]  # (positions of points, positions of seeds), of which every pair is a lane


class Kernel(NamedTuple):
    """Lanes that one device computes together: positions of points and of seeds, and each lane's row in its chunk (-1: padding)."""

    points: np.ndarray  # (points,)
    seeds: np.ndarray  # (seeds,)
    rows: np.ndarray  # (seeds, points)

    @property
    def real(self) -> np.ndarray:
        """Which of its lanes are wanted, (seeds, points)."""
        return self.rows >= 0

    def halves(self) -> list[Kernel]:
        """Two kernels of one shape, half as large, over the same lanes."""
        axis = int(len(self.points) > 1)
        size = self.rows.shape[axis]
        half = -(-size // 2)
        parts = []
        for places in (np.arange(half), half + np.arange(half)):
            rows = np.take(self.rows, np.minimum(places, size - 1), axis)
            spare = (places >= size)[None, :] if axis else (places >= size)[:, None]
            taken = (self.points if axis else self.seeds)[np.minimum(places, size - 1)]
            points, seeds = (taken, self.seeds) if axis else (self.points, taken)
            parts.append(Kernel(points, seeds, np.where(spare, -1, rows)))
        return parts


def halved(kernels: list[Kernel], times: int) -> list[Kernel]:
    """Kernels cut in half so many times, down to one lane; halves of nothing but padding are left out."""
    for _ in range(times):
        if kernels and kernels[0].rows.size > 1:
            kernels = [half for kernel in kernels for half in kernel.halves() if half.real.any()]
    return kernels


def kernel_shape(points: int, seeds: int, lanes: int) -> tuple[int, int]:
    """Points and seeds of kernels of at most `lanes`: points first (they share what is drawn per seed), evenly filled."""
    most = min(points, lanes)
    by_points = -(-points // -(-points // most))
    most = max(1, min(seeds, lanes // by_points))
    return by_points, -(-seeds // -(-seeds // most))


@dataclasses.dataclass(frozen=True)
class Layout:
    """The lanes of one part of a batch.

    rectangles: what they cover. shape: points and seeds of a kernel.
    per_chunk: kernels of a storage chunk.
    """

    rectangles: Rectangles
    shape: tuple[int, int]
    per_chunk: int = 1

    @functools.cached_property
    def _first(self) -> np.ndarray:
        """Number of the first kernel of every rectangle, and of all."""
        counts = [-(-len(points) // self.shape[0]) * -(-len(seeds) // self.shape[1]) for points, seeds in self.rectangles]
        return np.concatenate([[0], np.cumsum(counts)]).astype(int)

    @property
    def lanes(self) -> int:
        """Lanes of one kernel, padding included."""
        return self.shape[0] * self.shape[1]

    @property
    def kernel_count(self) -> int:
        """Kernels in all."""
        return int(self._first[-1])

    @property
    def chunk_count(self) -> int:
        """Storage chunks in all."""
        return -(-self.kernel_count // self.per_chunk)

    def kernels(self, chunk: int) -> list[Kernel]:
        """The kernels of a storage chunk."""
        first = chunk * self.per_chunk
        return [self._kernel(number, number - first) for number in range(first, min(first + self.per_chunk, self.kernel_count))]

    def _kernel(self, number: int, place: int) -> Kernel:
        which = int(np.searchsorted(self._first, number, side="right")) - 1
        points, seeds = self.rectangles[which]
        wide, high = self.shape
        block, row = divmod(number - int(self._first[which]), -(-len(seeds) // high))
        across, down = block * wide + np.arange(wide), row * high + np.arange(high)
        rows = place * self.lanes + np.arange(self.lanes).reshape(high, wide)
        real = (down < len(seeds))[:, None] & (across < len(points))[None, :]
        return Kernel(points[np.minimum(across, len(points) - 1)], seeds[np.minimum(down, len(seeds) - 1)], np.where(real, rows, -1))


def by_groups(pieces: Rectangles, groups: np.ndarray | None) -> Rectangles:
    """Rectangles cut so that each has points of one group only."""
    if groups is None:
        return pieces
    return tuple((points[groups[points] == group], seeds) for points, seeds in pieces for group in dict.fromkeys(groups[points].tolist()))


def rectangles(missing: np.ndarray) -> Rectangles:
    """The lanes marked in (points, seeds) as rectangles: points that lack the same seeds stand together."""
    patterns, which = np.unique(missing, axis=0, return_inverse=True)
    which = which.reshape(-1)
    return tuple((np.flatnonzero(which == i), np.flatnonzero(pattern)) for i, pattern in enumerate(patterns) if pattern.any())
