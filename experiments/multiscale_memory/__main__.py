"""`python -m experiments.multiscale_memory [overrides] [--multirun]`: runs as Hydra composes them, in its folders, batched by program."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

import neurojax as nj
from experiments.multiscale_memory.batch import Saving, alone, grouped, shape_of, store_names, swept
from experiments.multiscale_memory.composing import CONF, Composed, composed, plain
from experiments.multiscale_memory.outcome import Outcome
from experiments.multiscale_memory.outputs import check_pictures, write_all
from experiments.multiscale_memory.places import keep_place
from experiments.multiscale_memory.settings import Job, Setup, checked


@dataclasses.dataclass(frozen=True)
class Asked:
    """The jobs that Hydra has composed, whether they are a multirun, and where that lies."""

    jobs: list[Job]
    multirun: bool
    folder: Path


def main(arguments: Sequence[str] | None = None) -> int:
    """0 done, 1 if runs diverged, 2 for a mistake in what was asked; Hydra's own code where it refuses."""
    words = [_as_variant(word) for word in (sys.argv[1:] if arguments is None else arguments)]
    try:
        found = composed("config", words)
        if (
            not found
            and {"--multirun", "-m"} & set(words)
            and not any(re.match(r"--(cfg|help|info|hydra-help)|-[ch]", word) for word in words)
        ):
            raise ValueError("hydra/launcher: ran the jobs in other processes; leave it out, since they are batched in this one")
        if not found:
            return 0
        state = found[0].state
        multirun = state.mode.name == "MULTIRUN"
        folder = Path(os.path.abspath(state.sweep.dir if multirun else state.run.dir))
        return run(Asked([job for one in found for job in jobs_of(one)], multirun, folder))
    except (ValueError, TypeError, FileNotFoundError) as error:
        print(f"multiscale_memory: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as error:
        print(f"multiscale_memory: {error or 'interrupted'}", file=sys.stderr)
        return 130


def _as_variant(word: str) -> str:
    """`model=variants/NAME` for `variants=NAME`, as the seed's users have read it."""
    return re.sub(r"^model=variants/", "variants=", word)


def jobs_of(one: Composed) -> list[Job]:
    """The job itself, or those of its run schedule, each in a folder of its own; what was typed goes before a variant."""
    own, typed = one.plain(), list(one.state.overrides.task)
    label = " ".join(typed)
    if not isinstance(own["run_schedule"], list):
        raise ValueError(f"run_schedule={own['run_schedule']!r}: give a list of variants, or the name of a schedule")
    if not own["run_schedule"]:
        return [Job(own, one.folder, label)]
    jobs = [] if own["skip_default"] else [Job(own, one.folder / "default", label)]
    values = OmegaConf.from_dotlist([word for word in typed if re.match(r"\w+\.[\w.]+=", word)])
    for name in own["run_schedule"]:
        if not _is_variant(name):
            raise ValueError(f"run_schedule: there is no variant {name!r}; see {CONF / 'variants'}")
        merged = plain(cast(DictConfig, OmegaConf.merge(one.config, OmegaConf.load(CONF / "variants" / f"{name}.yaml"), values)))
        jobs.append(Job(merged | {"name": merged["name"] or name}, one.folder / name, f"{label} variants={name}".strip()))
    return jobs


def _is_variant(name: Any) -> bool:
    return isinstance(name, str) and (CONF / "variants" / f"{name}.yaml").is_file()


def defaults() -> dict[str, Any]:
    """The configuration without overrides."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return plain(compose("config"))


def run(asked: Asked) -> int:
    """Check all jobs, run them by program, write what each leaves."""
    known, single = defaults(), len(asked.jobs) == 1 and not asked.multirun
    setups = []
    for job in asked.jobs:
        try:
            check_pictures(job.config)
            pictures = not asked.multirun or job.config["visualizations"]["in_multirun"]
            config = job.config if single else job.config | {"visualizations": job.config["visualizations"] | {"dynamic": []}}
            setups.append(checked(dataclasses.replace(job, config=config), pictures, known))
        except (ValueError, TypeError) as error:
            raise type(error)(f"{job.label or 'the configuration'}: {error}") from error
    batch, keep = asked.jobs[0].config["batch"], asked.jobs[0].config["save"]["enabled"]
    nj.use_cpus(os.cpu_count() or 1)
    groups, savings, outcomes = grouped(setups), [], {}
    largest = max(groups, key=lambda group: len(group.setups))
    for number, (group, name) in enumerate(zip(groups, store_names(groups), strict=True)):
        print(f"program {number + 1} of {len(groups)}: {len(group.setups)} x {shape_of(group.setups[0])}", flush=True)
        store = asked.folder / "store" / f"{name}.zarr" if keep else None
        try:
            runs, saving = swept(group, store, batch["devices"], batch["lanes"])
        except KeyboardInterrupt as error:
            where = f"hydra.{'sweep' if asked.multirun else 'run'}.dir={asked.folder}"
            raise KeyboardInterrupt(f"stopped; what is done is in {store}: repeat the command with {where}") from error
        if batch["compare"] and group is largest and len(group.setups) > 1:
            saving = alone(group, saving, batch["devices"])
        savings.append(saving)
        for i, setup, (data, place) in zip(group.numbers, group.setups, runs, strict=True):
            outcomes[i] = Outcome(setup, data)
            if place.store is not None:
                keep_place(setup, place)
    if keep:
        _write(setups, outcomes)
        _keep(savings, asked.folder)
    _tell(savings)
    diverged = sum(int(one.data["status"]) == 2 for one in outcomes.values())
    if diverged:
        print(f"{diverged} of {len(outcomes)} runs diverged: their state is not finite; a smaller simulation.dt may help", file=sys.stderr)
    print(f"outputs: {asked.folder}" if keep else "nothing written: save.enabled=false")
    return int(diverged > 0)


def _write(setups: Sequence[Setup], outcomes: dict[int, Outcome]) -> None:
    for number, setup in enumerate(setups):
        row = write_all(outcomes[number], setup.detail)
        print(f"{setup.job.label or shape_of(setup)}: {_said(row)}")
    if not any(setup.detail for setup in setups):
        print("no pictures of single jobs (visualizations.in_multirun=true); of all: python -m experiments.multiscale_memory.collect")


def _said(row: dict[str, Any]) -> str:
    """One line of a run's statistics."""
    if "D_mean" not in row:
        return ", ".join(f"{name} {row[name]:.3g}" for name in ("similarity", "transitions_error") if name in row)
    pairs = ("D", "D_mean", "theoretical_mean"), ("s.d.", "residuals_std", "theoretical_std")
    text = ", ".join(f"{name} {row[key]:.4g} ± {row[key + '_error']:.2g} (theory {row[theory]:.4g})" for name, key, theory in pairs)
    text += f", tracking {row['tracking']:.3g}" if "tracking" in row else ""
    few = f"; {row['independent']:.1f} independent samples" if row["independent"] < 20 else ""
    return f"{text}{few}" + (f"; of the theory: {row['theory_note']}" if row["theory_note"] else "")


def _keep(savings: Sequence[Saving], folder: Path) -> None:
    """Beside the runs, as JSON."""
    rows = [dataclasses.asdict(one) | {"one_by_one": one.one_by_one, "apart": one.apart} for one in savings]
    (folder / "batch.json").write_text(json.dumps(rows, indent=1))


def _tell(savings: Sequence[Saving]) -> None:
    """Programs, times, and what it would have taken otherwise."""
    jobs = sum(one.jobs for one in savings)
    print(f"{jobs} job{'s' if jobs > 1 else ''} in {len(savings)} program{'s' if len(savings) > 1 else ''}:")
    for one in savings:
        print(f"  {one.jobs} x {one.shape}: {one.seconds:.1f} s, {one.compiling:.1f} of them compiling", end="")
        if one.one_by_one is not None and one.alone is not None:
            print(f"; a job alone {one.alone:.1f} s: one by one about {one.one_by_one:.1f} s, in processes of their own {one.apart:.1f} s")
        else:
            print()


if __name__ == "__main__":
    sys.exit(main())
