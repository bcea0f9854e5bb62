"""`python -m experiments.benchmarks kuramoto|force|hopfield|multiscale [--limit PATH.c] [--quick] [--only NAME]`: measure, print, keep."""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

from experiments.benchmarks import force, hopfield, limit, multiscale, runner, table
from experiments.benchmarks.case import cores
from experiments.benchmarks.contenders import CONTENDERS
from experiments.benchmarks.contenders import child as contender_child

PARTS = ("networks", "gradients")
MEMORIES: dict[str, Any] = {"hopfield": hopfield, "multiscale": multiscale}


def main(arguments: list[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["--child"]:
        print(json.dumps(_child(given[1:])))
        return 0
    parser = argparse.ArgumentParser(prog="python -m experiments.benchmarks", description="Speed, beside other programs and the limit.")
    parser.add_argument("family", choices=["kuramoto", "force", *MEMORIES])
    parser.add_argument("--limit", type=Path, metavar="PATH.c", help="C program to compile and measure as the limit")
    parser.add_argument("--quick", action="store_true", help="n = 1,000 only, one short round")
    parser.add_argument("--only", action="append", choices=[*CONTENDERS, *PARTS], help="measure this alone (may be repeated)")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"), help="folder of the results (runs/benchmarks)")
    options = parser.parse_args(given)
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        program = limit.build(options.limit, Path(folder)) if options.limit else None
        settings = runner.Settings(1, 0.5, program) if options.quick else runner.Settings(program=program)
        if options.family == "force":
            text, kept = _measure_force(settings)
        elif options.family in MEMORIES:
            text, kept = _measure_memory(settings, options.family)
        else:
            text, kept = _measure(settings, options.only or [*CONTENDERS, *PARTS], options.quick)
    print("\n" + text)
    (options.out / f"{options.family}.md").write_text(text + "\n")
    (options.out / f"{options.family}.json").write_text(json.dumps(kept, indent=1) + "\n")
    return 0


def _measure(settings: runner.Settings, wanted: list[str], quick: bool) -> tuple[str, dict[str, Any]]:
    names = [name for name in wanted if name in CONTENDERS]
    rows = runner.rates(settings, names, {1000: 64} if quick else runner.LANES) if names else []
    parts, lines = [f"{_processor()}, {cores()} cores\n\n{table.show(rows)}"], table.rate_lines(rows) if rows else []
    kept: dict[str, Any] = {"processor": _processor(), "cores": cores(), "rows": [dataclasses.asdict(row) for row in rows]}
    if "networks" in wanted:
        found = kept["networks"] = runner.child(["networks", "--seconds", str(settings.seconds)])
        parts.append("### Networks\n\n" + table.show_networks(found))
        lines.append(table.at_least("dense graph's share of the bare product's GFLOP/s", 0.7, found["dense"] / found["matmul"]))
    if "gradients" in wanted:
        found = kept["gradients"] = runner.child(["gradients"])
        parts.append("### Gradients\n\n" + table.show_gradients(found))
        times = found["seconds"]
        lines.append(table.below("time of value and gradient / forward", 7.0, times["gradient"] / times["forward"]))
    kept["lines"] = [dataclasses.asdict(line) for line in lines]
    return "\n\n".join([*parts, "### Required and measured\n\n" + table.show_lines(lines)]), kept


def _measure_force(settings: runner.Settings) -> tuple[str, dict[str, Any]]:
    memory = runner.child(["force", "--job", json.dumps({"label": "", "program": "bandwidth"})], threads=1)

    def faster(one: dict[str, Any], other: dict[str, Any] | None) -> bool:
        return other is None or one["ms"] < other["ms"]

    found, notes = _in_turn(settings, "force", force, faster, lambda one: f"{one['ms']:.4f} ms")
    text, lines = force.table(found, notes, memory)
    return _told(text, lines, {"rows": found, "memory": memory})


def _measure_memory(settings: runner.Settings, family: str) -> tuple[str, dict[str, Any]]:
    module = MEMORIES[family]
    found, notes = _in_turn(settings, family, module, module.faster, module.said)
    text, lines = module.table(found, notes)
    return _told(text, lines, {"rows": found})


def _in_turn(settings: runner.Settings, family: str, module: Any, faster: Any, said: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The best measurement of every job of a family, all of them in turn for several rounds; and why others were not measured."""
    found: dict[str, Any] = {}
    notes = {job.label: module.missing(job.program) or "" for job in module.JOBS}
    for _ in range(settings.rounds):
        for job in module.JOBS:
            if notes[job.label]:
                continue
            try:
                given = [family, "--seconds", str(settings.seconds), "--job", json.dumps(dataclasses.asdict(job))]
                one = runner.child(given, threads=job.threads)
            except RuntimeError as error:
                notes[job.label] = str(error)
                continue
            print(f"  {job.label}: {said(one)}", flush=True)
            if faster(one, found.get(job.label)):
                found[job.label] = one
    return found, notes


def _told(text: str, lines: list[table.Line], kept: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    kept = {"processor": _processor(), "cores": cores(), **kept, "lines": [dataclasses.asdict(line) for line in lines]}
    return f"{_processor()}, {cores()} cores\n\n{text}\n\n### Required and measured\n\n{table.show_lines(lines)}", kept


def _child(arguments: list[str]) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="python -m experiments.benchmarks --child")
    parser.add_argument("name", choices=[*CONTENDERS, *PARTS, "force", *MEMORIES])
    parser.add_argument("--job", type=json.loads)
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--lanes", type=int, default=64)
    parser.add_argument("--noise", action="store_true")
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--program", type=Path)
    given = parser.parse_args(arguments)
    if given.name == "force":
        return force.child(force.Job(**given.job), given.seconds)
    if given.name in MEMORIES:
        return MEMORIES[given.name].child(MEMORIES[given.name].Job(**given.job))
    if given.name == "networks":
        from experiments.benchmarks.dense import networks

        return networks(given.seconds)
    if given.name == "gradients":
        from experiments.benchmarks.gradient import gradients

        return gradients()
    return contender_child(given.name, given.n, given.lanes, given.noise, given.seconds, given.program)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
