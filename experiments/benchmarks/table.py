"""Rows of rates, the lines that were asked for, and how both are shown."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from experiments.benchmarks.contenders import LIMIT, OURS, PLAIN

COLUMNS = (
    "contender",
    "lanes",
    "M oscillator-steps/s, best",
    "median",
    "neurojax / it",
    "share of the limit",
    "peak MB",
    "first call s",
    "least call s",
    "mean r",
)


@dataclasses.dataclass(frozen=True)
class Row:
    """One contender in one case, over its rounds; `note` instead where it was not measured."""

    label: str
    n: int
    lanes: int
    noise: bool
    rates: tuple[float, ...] = ()  # oscillator-steps per second
    peak_mb: float = 0.0
    first_call: float = 0.0
    least_call: float = 0.0
    order: float = float("nan")
    note: str = ""

    @property
    def best(self) -> float:
        return max(self.rates, default=float("nan"))

    @property
    def median(self) -> float:
        return statistics.median(self.rates) if self.rates else float("nan")


@dataclasses.dataclass(frozen=True)
class Line:
    """A required number beside the measured one."""

    what: str
    required: str
    measured: float | None
    holds: bool


def row_of(label: str, n: int, lanes: int, noise: bool, rounds: Sequence[Mapping[str, Any]]) -> Row:
    """A row from the measurements of its rounds."""
    best = max(rounds, key=lambda one: one["rate"])
    peak, first, least = max(one["peak_mb"] for one in rounds), *(min(one[key] for one in rounds) for key in ("first_call", "least_call"))
    return Row(label, n, lanes, noise, tuple(one["rate"] for one in rounds), peak, first, least, best["order"])


def show(rows: Sequence[Row]) -> str:
    """The rows of each case as a table in Markdown, the fastest first."""
    parts = []
    for n, noise in sorted({(row.n, row.noise) for row in rows}, key=lambda key: (key[0], not key[1])):
        own = sorted((row for row in rows if (row.n, row.noise) == (n, noise)), key=lambda row: (not row.rates, -row.best))
        ours, limit = (_best(own, label) for label in (OURS, LIMIT))
        parts.append(
            f"### n = {n:,}, {'with' if noise else 'without'} noise\n\n"
            f"| {' | '.join(COLUMNS)} |\n|---|{'--:|' * (len(COLUMNS) - 1)}\n" + "\n".join(_cells(row, ours, limit) for row in own)
        )
    return "\n\n".join(parts)


def _best(rows: Iterable[Row], label: str) -> float:
    return next((row.best for row in rows if row.label == label), float("nan"))


def _cells(row: Row, ours: float, limit: float) -> str:
    if not row.rates:
        return f"| {row.label} | {row.lanes} | {row.note} | | | | | | | |"
    ratio, share = ours / row.best, row.best / limit
    return (
        f"| {row.label} | {row.lanes} | {row.best / 1e6:.4g} | {row.median / 1e6:.4g} | {_number(ratio)} | "
        f"{'' if share != share else f'{share:.1%}'} | {row.peak_mb:.0f} | {row.first_call:.2f} | {row.least_call:.2f} | {row.order:.3f} |"
    )


def _number(value: float) -> str:
    return "" if value != value else f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"


def rate_lines(rows: Sequence[Row]) -> list[Line]:
    """What is asked of the rates."""
    lines = []
    for noise, share in ((True, 0.35), (False, 0.28)):
        own = [row for row in rows if row.n == 1000 and row.noise == noise]
        ours, word = _best(own, OURS), "with" if noise else "without"
        lines.append(at_least(f"share of the C limit, n = 1,000, {word} noise", share, ours / _best(own, LIMIT)))
        lines.append(at_least(f"times plain JAX, n = 1,000, {word} noise", 10.0, ours / _best(own, PLAIN)))
    for n in sorted({row.n for row in rows}):
        for noise in (True, False):
            own = [row for row in rows if (row.n, row.noise) == (n, noise)]
            peers = [row.best for row in own if row.rates and not row.label.startswith(OURS) and row.label != LIMIT]
            if peers:
                word = "with" if noise else "without"
                lines.append(at_least(f"times the fastest peer, n = {n:,}, {word} noise", 1.0, _best(own, OURS) / max(peers)))
    return lines


def at_least(what: str, required: float, measured: float) -> Line:
    """A line that asks for a number or more; not measured (NaN) does not hold."""
    known = measured == measured
    return Line(what, f">= {required:g}", measured if known else None, known and measured >= required)


def below(what: str, required: float, measured: float) -> Line:
    """A line that asks for less than a number."""
    return Line(what, f"< {required:g}", measured, measured < required)


def show_lines(lines: Sequence[Line]) -> str:
    """Required and measured, side by side."""
    head = "| | required | measured | |\n|---|--:|--:|---|"
    cells = [
        f"| {one.what} | {one.required} | "
        + ("not measured | |" if one.measured is None else f"{one.measured:.3g} | {'holds' if one.holds else 'MISSED'} |")
        for one in lines
    ]
    return "\n".join([head, *cells])


def show_networks(found: Mapping[str, float]) -> str:
    """The networks' rates."""
    names = {
        "dense": "neurojax, dense graph",
        "matmul": "bare jnp.matmul, same devices",
        "matmul_one_device": "bare jnp.matmul, one device",
        "numpy": "NumPy's sgemm",
    }
    cells = [f"| {label} | {found[name]:.1f} GFLOP/s |" for name, label in names.items()]
    return "\n".join(["| 1,000 nodes, 64 lanes | |", "|---|--:|", *cells, f"| neurojax, degree 10 | {found['sparse']:.1f} M steps/s |"])


def show_gradients(found: Mapping[str, Any]) -> str:
    """The gradient's time and memory."""
    seconds = found["seconds"]
    names = {"forward": "forward", "host": "forward, plain call", "gradient": "value and gradient", "tangent": "value and tangent"}
    cells = [f"| {label} | {seconds[name] * 1e3:.1f} ms | {seconds[name] / seconds['forward']:.2f} |" for name, label in names.items()]
    lane = found["lane_bytes"]
    sizes = [
        f"| gradient's memory, T = {int(t):,} | {size / 1e6:.2f} MB | {size / lane:.0f} states |" for t, size in found["bytes"].items()
    ]
    return "\n".join(["| n = 2,000, 1,000 Heun steps | | / forward |", "|---|--:|--:|", *cells, *sizes])
