"""What a run leaves in its folder: numbers, pictures, films."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.multiscale_memory.films import FILMS, film
from experiments.multiscale_memory.outcome import Outcome
from experiments.multiscale_memory.panels import NOT_RECORDED, PANELS, draw
from experiments.multiscale_memory.tables import write
from neurojax.engine.paths import nearest

FORMS = ("gif", "mp4")
EVERYWHERE = ("large_deviations", "similarities", "transition_matrix")  # asked for by "all", but for some runs alone


def chosen(name: str, asked: Any, known: Mapping[str, Any]) -> list[str]:
    """The names that a list of the configuration, or "all", stands for. Errors: ValueError for one that there is not."""
    if asked == "all":
        return list(known)
    if not isinstance(asked, Sequence) or isinstance(asked, str):
        raise ValueError(f"{name}={asked!r}: give all, or a list such as [{', '.join(list(known)[:2])}]")
    for one in asked:
        if one not in known:
            raise ValueError(f"{name}: there is no {one!r}; {nearest(str(one), list(known))}")
    return list(asked)


def check_pictures(config: Mapping[str, Any]) -> None:
    """Refuse pictures that there are not, before anything runs."""
    own = config["visualizations"]
    chosen("visualizations.static", own["static"], PANELS)
    chosen("visualizations.dynamic", own["dynamic"], FILMS)
    if own["format"] not in FORMS:
        raise ValueError(f"visualizations.format={own['format']!r}: choose gif or mp4")


def write_all(outcome: Outcome, pictures: bool) -> dict[str, Any]:
    """Write a run's files and say what was left out and why; the row of its statistics. pictures: panels and films, too."""
    job, config = outcome.setup.job, outcome.setup.job.config
    row = write(outcome, job.folder_of("data"))
    for one in outcome.setup.left_out:
        print(f"left out: {one}")
    if not pictures:
        return row
    own = config["visualizations"]
    title = config["name"] or ", ".join(f"{name} = {row[name]:g}" for name in ("N", "K", "beta", "u", "tau_s", "tau_J"))
    drawn, missing = draw(outcome, chosen("visualizations.static", own["static"], PANELS), job.folder_of("static_vis"), title)
    made, lacking = film(outcome, chosen("visualizations.dynamic", own["dynamic"], FILMS), job.folder_of("dynamic_vis"), own["format"])
    print(f"{len(drawn)} panels, {len(made)} films")
    for name, why in (missing | lacking).items():
        asked = own["dynamic" if name in FILMS else "static"]
        if asked != "all" or (name not in EVERYWHERE and why != NOT_RECORDED):
            print(f"left out: {name}: {why}")
    return row
