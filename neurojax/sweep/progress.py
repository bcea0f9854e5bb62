"""What a running sweep shows: lane-steps with the time left, lanes a second, diverged lanes, memory."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import psutil


class Progress:
    """A bar over lane-steps on the terminal, with the counts that it shows; those that a store keeps are the tally's."""

    def __init__(self, total: int, show: bool | None):
        self.bar, self.lanes, self.diverged, self.began = None, 0, 0, time.perf_counter()
        if sys.stderr.isatty() if show is None else show:
            from tqdm import tqdm

            self.bar = tqdm(total=total, unit="lane-step", unit_scale=True, dynamic_ncols=True)

    def reporter(self, lanes: int) -> Callable[[int], None]:
        """A reporter of the steps that a launch of so many lanes has made."""
        last = 0

        def report(step: int) -> None:
            nonlocal last
            if self.bar and lanes:
                self.bar.update((step - last) * lanes)
            last = step

        return report

    def finished(self, lanes: int, diverged: int) -> None:
        """Count lanes that were computed."""
        self.lanes += lanes
        self.diverged += diverged
        if self.bar:
            rate = self.lanes / max(time.perf_counter() - self.began, 1e-9)
            memory = psutil.Process().memory_info().rss
            self.bar.set_postfix(lanes_per_s=f"{rate:.3g}", diverged=self.diverged, memory=f"{memory / 2**20:.0f} MB", refresh=False)

    def close(self) -> None:
        """Leave the bar as it is."""
        if self.bar:
            self.bar.close()
