"""From words in a shell to one composed configuration: a command's settings, a model's example, a file, overrides, in this order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from neurojax.engine.paths import nearest

SECTIONS = ("model", "over", "record", "options")  # free names below these
TEXT = ("system", "state", "save", "out", "store", "figure")  # settings that are names of things, never expressions
FLAGS = {"--help": False, "--cfg": False, "--explain": False, "--config": True}  # whether a value follows
PLAIN = re.compile(r"[\w\s.+\-,\[\]]*")  # what Hydra's own grammar reads as it stands


class Request(NamedTuple):
    """What was typed after a command: bare words, overrides in their order, flags."""

    words: list[str]
    overrides: list[tuple[str, str]]
    flags: dict[str, str]


def parsed(command: str, words: Sequence[str], flags: Sequence[str]) -> Request:
    """Split the words of a command line."""
    request = Request([], [], {})
    rest = iter(words)
    for word in rest:
        if word.startswith("-") and not re.match(r"-[\d.]", word):
            flag, _, value = word.partition("=")
            flag = "--help" if flag == "-h" else flag
            if flag not in ("--help", *flags):
                raise ValueError(f"neurojax {command} has no flag {flag!r}; {nearest(flag, ['--help', *flags])}")
            request.flags[flag] = value or next(rest, "") if FLAGS[flag] else ""
        elif "=" in word:
            name, _, value = word.partition("=")
            request.overrides.append((name.lstrip("+"), value))
        else:
            request.words.append(word)
    return request


def from_file(path: str | None) -> dict[str, Any]:
    """A file of overrides."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    if path is None:
        return {}
    if not Path(path).is_file():
        raise FileNotFoundError(f"--config {path}: there is no such file (now in {Path.cwd()})")
    try:
        loaded = OmegaConf.to_container(OmegaConf.load(path))
    except (YAMLError, OmegaConfBaseException) as error:
        raise ValueError(f"--config {path}: {' '.join(str(error).split())}") from error
    if not isinstance(loaded, dict):
        raise ValueError(f"--config {path}: give settings by name, such as `duration: 50`")
    return {str(name): value for name, value in loaded.items()}


class Composed(NamedTuple):
    """values: the whole configuration, its sections flat. given: parameters of the model that file or command line gave."""

    values: dict[str, Any]
    given: set[str]


def composed(command: str, example: str, file: Mapping[str, Any], overrides: Sequence[tuple[str, str]]) -> Composed:
    """The configuration of a command.

    Axes that are named replace those of the example, and a parameter that is given takes the example's axis over it away:
    nothing varies that was not asked for. Errors: ValueError for a name that no command knows.
    """
    from hydra import compose, initialize_config_module
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    with initialize_config_module("neurojax.conf", version_base="1.3"):
        groups = [f"{command}={example}"]
        known = [str(name) for name in compose(command, groups)]
        asked = [*_leaves(file, known, f"neurojax {command}"), *(_located(name, value, known) for name, value in overrides)]
        hydra = groups + ["++over={}"] * ("over" in known) + [_override(section, name, value) for section, name, value in asked]
        axes = {name for section, name, _ in asked if section == "over"}
        given = {name for section, name, _ in asked if section == "model"}
        if "over" in known and axes:
            hydra.insert(1, "~over")
        try:
            values = OmegaConf.to_container(compose(command, hydra), resolve=True)
        except (HydraException, OmegaConfBaseException) as error:
            raise ValueError(str(error).split("\n")[0]) from error
    assert isinstance(values, dict)
    flat = {str(name): dict(_flat(value)) if name in SECTIONS else value for name, value in values.items()}
    settings = {name for section, name, _ in asked if section == ""}
    for one, other in (("steps", "duration"), ("duration", "steps")):
        if one in settings and other not in settings and flat[one] is not None:
            flat[other] = None
    if "over" in flat:
        flat["over"] = {name: axis for name, axis in flat["over"].items() if axis is not None and (axes or name not in given)}
    flat["record"] = {name: record for name, record in flat["record"].items() if record is not None}
    return Composed(flat, given)


def as_yaml(values: Mapping[str, Any]) -> str:
    """The configuration as a file that `--config` takes."""
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(OmegaConf.create(dict(values)))


def _located(name: str, value: Any, known: Sequence[str]) -> tuple[str, str, Any]:
    """Section ("" for a setting), name in it, and value. What is no setting is taken for a parameter; the model will say if it is none."""
    head, _, rest = name.partition(".")
    if head in SECTIONS and head in known and rest:
        return head, rest, value
    if head in SECTIONS and head in known and not isinstance(value, Mapping):
        raise ValueError(f"{name}={value}: give one of its members, as in {head}.NAME={value}")
    if head in known and not rest:
        return "", name, value
    if rest and head not in known and (said := nearest(head, [s for s in SECTIONS if s in known])).startswith("did"):
        raise ValueError(f"there is no section {head!r} in {name!r}; {said}")
    return "model", name, value


def _leaves(file: Mapping[str, Any], known: Sequence[str], command: str) -> Iterator[tuple[str, str, Any]]:
    for name, value in file.items():
        if name in SECTIONS and name in known:
            yield from ((name, key, one) for key, one in _flat(value or {}))
        elif name in known or name.partition(".")[0] not in (*SECTIONS, *known):
            yield _located(name, value, known)
        else:
            raise ValueError(f"{command} has no setting {name!r}; {nearest(name, known)}")


def _flat(tree: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves by dotted name."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _override(section: str, name: str, value: Any) -> str:
    """In Hydra's grammar; a dict keeps the dots of a name such as `frequencies.scale` from making levels."""
    text = _typed(value) if isinstance(value, str) else _literal(value)
    return f"++{section}={{{_quoted(name) if not re.fullmatch(r'[\w.]+', name) else name}: {text}}}" if section else f"++{name}={text}"


def _typed(text: str) -> str:
    """A value as typed: numbers and plain lists go as they are, all else, expressions above all, in quotes."""
    plain = PLAIN.fullmatch(text) and text.strip() and (text.startswith("[") == text.endswith("]")) and ("," not in text or text[0] == "[")
    return text if plain else _quoted(text)


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    return _quoted(value) if isinstance(value, str) else repr(value)


def _quoted(text: str) -> str:
    from hydra.core.override_parser.types import Quote, QuotedString

    return QuotedString(text=text, quote=Quote.single).with_quotes()
