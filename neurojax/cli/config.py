"""From words in a shell to one composed configuration: a command's settings, a model's example, a file, overrides, in this order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from neurojax.engine.paths import nearest

SECTIONS = ("model", "over", "record", "options")  # free names below these
TEXT = ("system", "state", "save", "out", "store", "shard", "figure")  # settings that are names of things, never expressions
FLAGS = {"--help": False, "--cfg": False, "--explain": False, "--config": True, "--retry": True}  # whether a value follows
CONF = Path(__file__).parents[1] / "conf"
PLAIN = re.compile(r"[\w\s.+\-,\[\]]*", re.ASCII)  # what Hydra's own grammar reads as it stands


class Request(NamedTuple):
    """What was typed after a command: bare words, overrides in their order, flags."""

    words: list[str]
    overrides: list[tuple[str, str]]
    flags: dict[str, str]


def parsed(words: Sequence[str], flags: Sequence[str]) -> Request:
    """Split the words of a command line."""
    request = Request([], [], {})
    rest = iter(words)
    for word in rest:
        if word.startswith("-") and not re.match(r"-[\d.]", word):
            flag, _, value = word.partition("=")
            flag = "--help" if flag == "-h" else flag
            if flag not in ("--help", *flags):
                raise ValueError(f"there is no flag {flag!r}; {nearest(flag, ['--help', *flags])}")
            request.flags[flag] = value or next(rest, "") if FLAGS[flag] else ""
            if FLAGS[flag] and not request.flags[flag]:
                raise ValueError(f"{flag} needs a value, as in " + ("--retry diverged" if flag == "--retry" else f"{flag} settings.yaml"))
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


class Asked(NamedTuple):
    """One value that a file or the command line gives: its section ("" for a setting), its name there, whether it was typed."""

    section: str
    name: str
    value: Any
    typed: bool


class Composed(NamedTuple):
    """values: the whole configuration, its sections flat. given: parameters of the model that file or command line gave."""

    values: dict[str, Any]
    given: set[str]


def composed(command: str, example: str, file: Mapping[str, Any], overrides: Sequence[tuple[str, str]]) -> Composed:
    """The configuration of a command: its settings, the example, the file, what was typed; the later one wins.

    Axes that are named replace those of the example and its figure, and a parameter that is given takes an earlier axis over it
    away: nothing varies that was not asked for. Errors: ValueError for a value that cannot be read and a section that there is not.
    """
    from hydra import compose, initialize_config_module
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    with initialize_config_module("neurojax.conf", version_base="1.3"):
        groups = [f"{command}={example}"]
        known = [str(name) for name in OmegaConf.load(CONF / f"{command}.yaml") if name != "defaults"]
        asked = [*_leaves(file, known), *(_located(name, value, known, typed=True) for name, value in overrides)]
        if any(one.section == "over" for one in asked):
            groups += ["~over", "++figure=null"]
        try:
            values = OmegaConf.to_container(compose(command, [*groups, *map(_override, asked)]), resolve=True)
        except (HydraException, OmegaConfBaseException) as error:
            raise ValueError(str(error).split("\n")[0]) from error
    assert isinstance(values, dict)
    flat = {name: dict(_flat(values[name])) if name in SECTIONS else values[name] for name in known}
    if "over" in flat:
        # What is taken away stays as null: repeated from its file, the example must not bring it back.
        flat["over"] = {name: None if _is_fixed(name, asked) else axis for name, axis in flat["over"].items()}
    _one_length(flat, asked)
    return Composed(flat, {one.name for one in asked if one.section == "model"})


def _is_fixed(axis: str, asked: Sequence[Asked]) -> bool:
    """Whether a value for the parameter overrules an axis over it."""
    fixed, varied = ({one.typed for one in asked if one[:2] == (section, axis)} for section in ("model", "over"))
    if True in fixed and True in varied:
        raise ValueError(f"{axis} is given a value and an axis, over.{axis}; leave one out")
    return True in fixed or (bool(fixed) and not varied)


def _one_length(flat: dict[str, Any], asked: Sequence[Asked]) -> None:
    """A length given in steps replaces an earlier one in time units, and the reverse."""
    for typed in (True, False):
        given = {one.name for one in asked if one.section == "" and one.typed == typed and flat.get(one.name) is not None}
        given &= {"duration", "steps"}
        if given:
            if len(given) == 1:
                flat[({"duration", "steps"} - given).pop()] = None
            return


def as_yaml(values: Mapping[str, Any]) -> str:
    """The configuration as a file that `--config` takes."""
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(OmegaConf.create(dict(values)))


def _located(name: str, value: Any, known: Sequence[str], *, typed: bool) -> Asked:
    """Where a value belongs. What is no setting is taken for a parameter; the model will say if it has none of that name."""
    if not re.fullmatch(r"[A-Za-z_][\w.]*", name, re.ASCII):
        raise ValueError(f"{name!r} is no name; an override looks like coupling=2 or record.r='Mean(order_parameter)'")
    head, _, rest = name.partition(".")
    if head in SECTIONS and head in known:
        if not rest:
            raise ValueError(f"{name}={value}: give its members one by one, as in {head}.NAME=VALUE")
        return Asked(head, rest, value, typed)
    if head in known and not rest:
        return Asked("", name, value, typed)
    if rest and (said := nearest(head, [section for section in SECTIONS if section in known])).startswith("did"):
        raise ValueError(f"there is no {head!r} for {name!r}; {said}")
    return Asked("model", name, value, typed)


def _leaves(file: Mapping[str, Any], known: Sequence[str]) -> Iterator[Asked]:
    for name, value in file.items():
        if name in known and name not in SECTIONS:
            yield Asked("", name, value, typed=False)
        elif name not in SECTIONS or value:
            yield from (_located(key, one, known, typed=False) for key, one in _flat({name: value}))


def _flat(tree: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves by dotted name."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _override(asked: Asked) -> str:
    """In Hydra's grammar; a dict keeps the dots of a name such as `frequencies.scale` from making levels."""
    section, name, value, typed = asked
    if name in TEXT and section == "":
        text = "null" if value in (None, "", "null", "None") else _quoted(str(value))
    else:
        text = _typed(value) if typed else _literal(value)
    return f"++{section}={{{name}: {text}}}" if section else f"++{name}={text}"


def _typed(text: str) -> str:
    """A value as typed: numbers and plain lists go as they are, all else, expressions above all, in quotes."""
    is_list = text.startswith("[") and text.endswith("]")
    plain = PLAIN.fullmatch(text) and text.strip() and (is_list or not set(text) & set("[],"))
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
