"""From a composed configuration to the arguments of `nj.simulate` and `nj.sweep`."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import neurojax as nj
from neurojax.cli.config import CONF, Request, as_yaml, composed, from_file
from neurojax.cli.expressions import names
from neurojax.cli.models import Building, Model, axes_of_factory, build, find, read
from neurojax.engine.paths import nearest
from neurojax.sweep.files import reason


class Job(NamedTuple):
    """config: the composed configuration. model, system: what runs. arguments: of `nj.simulate`, but for options and state."""

    config: dict[str, Any]
    model: Model
    building: Building
    system: Any
    arguments: dict[str, Any]
    known: Mapping[str, Any]


def named_model(request: Request, file: Mapping[str, Any], command: str) -> Model:
    """The model that the command line or the file names."""
    if len(request.words) > 1:
        raise ValueError(f"{request.words[1]!r} after the model: overrides look like coupling=2")
    typed = [value for name, value in request.overrides if name == "system"]
    name = request.words[0] if request.words else typed[-1] if typed else file.get("system")
    if not name:
        raise ValueError(f"which model? for example `neurojax {command} kuramoto`; `neurojax list models` shows all")
    return find(str(name))


def prepared(command: str, request: Request) -> Job:
    """Compose the configuration and make everything that it describes, so that every mistake shows before anything runs."""
    file = from_file(request.flags.get("--config"))
    model = named_model(request, file, command)
    example = model.name if _has_example(command, model.name) else "system" if model.discrete or command == "train" else "flow"
    overrides = [*((name, value) for name, value in request.overrides if name != "system"), ("system", model.name)]
    config, given = composed(command, example, file, overrides)
    known = names(model.own)
    settings = [name for name in config if name not in ("model", "over", "record", "options")]
    building = build(model, config["model"], given, known, settings)
    if "n" in config["model"]:
        config["model"]["n"] = building.values["n"]
    arguments = {name: read(name, config[name], known) for name in ("dt", "duration", "steps", "method") if name in config}
    if command == "train":
        arguments["duration"] = phases(*(read(name, config[name], known) for name in ("learn", "test")))
    measured = {**known, "dt": arguments["dt"], "duration": length(arguments)}
    arguments["record"] = {name: read(f"record.{name}", text, measured) for name, text in config["record"].items() if text is not None}
    return Job(config, model, building, building(), arguments, known)


def phases(learn: Any, test: Any) -> nj.Schedule:
    """Training, then a test with the weights held; a part that lasts 0 is left out."""
    for name, span in (("learn", learn), ("test", test)):
        if isinstance(span, bool) or not isinstance(span, int | float) or not span >= 0:
            raise ValueError(f"{name}={span!r}: a duration of at least 0, in the model's unit of time")
    if not learn + test:
        raise ValueError("learn=0 test=0: nothing is left to do; give one of them a duration")
    parts = {"train": nj.Phase(learn), "test": nj.Phase(test, {"learning": False})}
    return nj.Schedule({name: phase for name, phase in parts.items() if phase.duration})


def length(arguments: Mapping[str, Any]) -> Any:
    """Duration in time units, however it was given."""
    duration, steps, dt = (arguments.get(name) for name in ("duration", "steps", "dt"))
    if isinstance(duration, nj.Schedule):
        return sum(phase.duration for phase in duration.phases.values())  # type: ignore[union-attr]
    return duration if duration is not None or steps is None else steps * dt


def options(job: Job, kind: type, **made: Any) -> Any:
    """An options object from the section of that name, over what is given here."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for name, text in job.config["options"].items():
        if name not in fields:
            raise ValueError(f"options.{name}: there is no such option; {nearest(name, list(fields))}")
        made[name] = (
            _device(text) if name == "device" and text else read(f"options.{name}", text, job.known, "str" in str(fields[name].type))
        )
    return kind(**made)


def axes(job: Job) -> dict[str, Any]:
    """The axes of a sweep."""
    return {name: read(f"over.{name}", text, job.known) for name, text in job.config["over"].items() if text is not None}


def swept(job: Job, over: Mapping[str, Any]) -> Any:
    """What `nj.sweep` takes as its system: the system, or what builds it where an axis is over an argument of the user's function."""
    columns = [name for dimension, axis in over.items() for name in (axis.columns if isinstance(axis, nj.Axis) else [dimension])]
    return job.building if axes_of_factory(job.building, columns) else job.system


def initial(job: Job) -> Any:
    """The state to begin with, from a file."""
    return None if job.config["state"] is None else nj.load_state(job.config["state"], job.system)


def keep_config(config: Mapping[str, Any], output: str | os.PathLike, source: str | None) -> Path:
    """Write the configuration beside an output, unless that is the very file it was read from."""
    path = config_path(output)
    if source is None or path.resolve() != Path(source).resolve():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(as_yaml(config))
        except OSError as error:
            raise OSError(f"{path}, the configuration of {output}, cannot be written: {reason(error)}") from error
    return path


def config_path(output: str | os.PathLike) -> Path:
    """Where the configuration of an output lies."""
    return Path(output).with_suffix(".config.yaml")


def check_suffix(name: str, value: str | None, allowed: tuple[str, ...]) -> None:
    """Refuse a file name that will not be understood, before the work and not after it."""
    if value is not None and Path(value).suffix.lower() not in allowed:
        raise ValueError(f"{name}={value}: give a name that ends in {' or '.join(allowed)}")


def _has_example(command: str, name: str) -> bool:
    return (CONF / command / f"{name}.yaml").is_file()


def _device(text: Any) -> Any:
    import jax

    kind, _, number = str(text).partition(":")
    try:
        return jax.devices(kind)[int(number or 0)]
    except (RuntimeError, ValueError, IndexError):
        seen = ", ".join(f"{one.platform}:{one.id}" for one in jax.devices())
        raise ValueError(f"options.device={text}: there is no such device; this machine has {seen}") from None
