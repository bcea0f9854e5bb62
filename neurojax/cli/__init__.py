"""The command line: `neurojax list | run | train | sweep | resume | figures | export | info`."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from neurojax.cli import help as texts
from neurojax.cli.config import Request, parsed
from neurojax.engine.paths import nearest

COMMANDS = {
    "run": texts.RUN,
    "train": texts.TRAIN,
    "sweep": texts.SWEEP,
    "resume": texts.RESUME,
    "figures": texts.FIGURES,
    "export": texts.EXPORT,
    "info": texts.INFO,
    "list": texts.LIST,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 diverged or failed, 2 a mistake in what was asked, 130 stopped.

    argv: the words after `neurojax`. None, as the console script calls it, takes those of the process and turns JAX's
    compilation cache on; a call from Python leaves JAX's settings alone.
    """
    if argv is None:
        argv = sys.argv[1:]
        _use_cache()
    command = argv[0] if argv else "--help"
    try:
        return _dispatch(command, argv[1:])
    except (ValueError, TypeError, OSError, ImportError) as error:
        if not _is_mistake(error):
            raise
        print(f"neurojax{' ' + command if command in COMMANDS else ''}: {_one_line(error)}", file=sys.stderr)
        return 1 if isinstance(error, OSError | ImportError) and not isinstance(error, FileNotFoundError) else 2
    except KeyboardInterrupt:
        print(f"neurojax: interrupted; repeat: neurojax {' '.join(argv)}", file=sys.stderr)
        return 130


def _dispatch(command: str, words: Sequence[str]) -> int:
    if command in ("--help", "-h", "help"):
        print(texts.GENERAL)
        return 0
    if command == "--version":
        import neurojax

        print(f"neurojax {neurojax.__version__}")
        return 0
    if command not in COMMANDS:
        raise ValueError(f"there is no command {command!r}; {nearest(command, list(COMMANDS))} (`neurojax --help` shows examples)")
    work, flags = _work(command)
    request = parsed(words, flags)
    if "--help" in request.flags:
        print(COMMANDS[command])
        _help_of_model(command, request)
        return 0
    return work(request)


def _work(command: str) -> tuple[Callable[[Request], int], Sequence[str]]:
    """A command's function and flags; imported here, so that one command does not pay for the others."""
    if command == "run":
        from neurojax.cli import run

        return run.command, run.FLAGS
    if command == "train":
        from neurojax.cli import train

        return train.command, train.FLAGS
    if command == "sweep":
        from neurojax.cli import sweep

        return sweep.command, sweep.FLAGS
    if command == "resume":
        from neurojax.cli import sweep

        return sweep.resume, ("--retry",)
    if command == "list":
        return _list, ()
    from neurojax.cli import stores

    return {"figures": stores.figures, "export": stores.export, "info": stores.info}[command], ()


def _list(request: Request) -> int:
    from neurojax.cli.listing import kinds, listing

    for word in request.words[1:] or [name for name, _ in request.overrides]:
        raise ValueError(f"{word!r}: give one kind, such as `neurojax list measures`")
    kind = request.words[0] if request.words else None
    if kind is not None and kind not in kinds():
        raise ValueError(f"there is no kind {kind!r}; {nearest(kind, list(kinds()))}")
    print(listing(kind))
    return 0


def _help_of_model(command: str, request: Request) -> None:
    if command in ("run", "train", "sweep") and request.words:
        from neurojax.cli.models import describe, find

        print("\n" + describe(find(request.words[0])))


def _is_mistake(error: Exception) -> bool:
    """Whether an error answers what was asked: raised on purpose by neurojax, or as a ValueError by the user's own model.

    Anything raised deeper, in JAX or NumPy, may be a fault in a program, whose traceback is wanted.
    """
    if isinstance(error, FileNotFoundError):
        return True
    innermost = traceback.extract_tb(error.__traceback__)[-1].filename
    if Path(innermost).is_relative_to(Path(__file__).parents[1]):
        return True
    return isinstance(error, ValueError) and "site-packages" not in innermost and not innermost.startswith(sys.base_prefix)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _use_cache() -> None:
    """Keep compiled programs between runs, in NEUROJAX_CACHE (a folder, or `off`) or the user's cache folder.

    A folder for each host: on a shared home, a program compiled for one processor would stop another.
    """
    asked = os.environ.get("NEUROJAX_CACHE", "")
    if asked.lower() in ("off", "0", "no", "false"):
        return
    import platform

    import jax

    folder = Path(asked) if asked else _cache_home() / "neurojax" / (platform.node() or "host")
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)


def _cache_home() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
