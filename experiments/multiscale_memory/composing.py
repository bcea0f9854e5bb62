"""Let Hydra read a command line: it composes configurations and makes their folders; what is done with them comes afterwards."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

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
