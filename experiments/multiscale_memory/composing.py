"""Let Hydra read a command line: it composes configurations and makes their folders; what is done with them comes afterwards."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from neurojax.engine.checks import check_count

CONF = Path(__file__).parent / "conf"


class Composed(NamedTuple):
    """One job: its configuration, its folder, Hydra's own configuration."""

    config: DictConfig
    folder: Path
    state: Any

    def plain(self) -> dict[str, Any]:
        """The configuration as a dict."""
        return plain(self.config)


def plain(config: DictConfig) -> dict[str, Any]:
    """As a dict, references resolved."""
    found = OmegaConf.to_container(config, resolve=True)
    assert isinstance(found, dict)
    return {str(key): value for key, value in found.items()}


def composed(name: str, words: Sequence[str] | None) -> list[Composed]:
    """The jobs of a command line (None: of this process): one, several of a multirun, none where Hydra only shows something.

    Hydra ends the process where it refuses an override, with its own message.
    """
    found: list[Composed] = []

    @hydra.main(version_base="1.3", config_path=str(CONF), config_name=name)
    def collect(config: DictConfig) -> None:
        state = HydraConfig.get()
        found.append(Composed(config, Path(os.path.abspath(state.runtime.output_dir)), state))

    before = sys.argv
    sys.argv = [sys.argv[0], *(sys.argv[1:] if words is None else words)]
    try:
        collect()
    finally:
        sys.argv = before
    return found


def done(name: str, work: Callable[[dict[str, Any], Path], Any], words: Sequence[str] | None) -> int:
    """Do `work` with the configuration and the folder of every job of a command: 0 done, 2 for a mistake in what was asked."""
    try:
        for job in composed(name, words):
            work(job.plain(), job.folder)
    except (ValueError, TypeError, FileNotFoundError) as error:
        print(f"{name}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0


def folder_asked_for(options: dict[str, Any], what: str, known: Sequence[Path], mend: str) -> Path:
    """`dir`, or of the folders known, by age, the one that lies `path` before the newest. what: they hold; mend: where there is none."""
    if options["dir"] is not None:
        folder = Path(options["dir"])
        if not folder.is_dir():
            raise FileNotFoundError(f"dir={options['dir']}: there is no such folder (now in {Path.cwd()})")
        return folder
    path = options["path"]
    check_count("", "path", path, f"how many {what}s before the newest, a whole number of at least 0; a folder is dir=...", least=0)
    if not known:
        raise FileNotFoundError(f"root={options['root']}: holds no {what} (now in {Path.cwd()}); {mend}, or give dir=...")
    if path >= len(known):
        raise ValueError(f"path={path}: there are {len(known)} {what}s, 0 (the newest, {known[-1]}) to {len(known) - 1}")
    return known[-1 - path]
