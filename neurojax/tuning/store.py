"""A tuning on disk: all that its next iteration needs, in one file that is there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neurojax.engine.state import read_arrays, write_arrays
from neurojax.sweep.spec import differences, fingerprint
from neurojax.tuning.march import March

SCHEMA = 1
PLAIN = ("free", "last", "best", "best_value", "best_error", "since", "status")


def save(path: str | os.PathLike, description: dict[str, Any], march: March) -> None:
    """Write where a tuning stands."""
    memory = jax.tree.leaves(march.memory)
    arrays = {name: np.asarray(getattr(march, name)) for name in PLAIN}
    arrays |= {f"memory{i}": np.asarray(leaf) for i, leaf in enumerate(memory)}
    arrays |= {f"history/{name}": np.stack(rows) for name, rows in march.rows.items() if rows}
    header = {"schema": SCHEMA, "iteration": march.iteration, "memory": len(memory), "rows": list(march.rows), "settings": description}
    write_arrays(path, header, arrays)


def restore(path: str | os.PathLike, description: dict[str, Any], march: March) -> March:
    """Where the tuning in a file stands; `march` as it is where there is no file.

    Errors: ValueError for a file of another tuning, naming what differs.
    """
    if not Path(path).exists():
        return march
    header, arrays = read_arrays(path, SCHEMA, "tuning", "remove it, or give another store=")
    if "settings" not in header:
        raise ValueError(f"store={str(path)!r} holds no tuning; give another")
    if fingerprint(header["settings"]) != fingerprint(description):
        differs = next(differences(header["settings"], description), "its settings differ")
        raise ValueError(f"store={str(path)!r} holds another tuning ({differs}); give another store=, or the same settings")
    structure = jax.tree.structure(march.memory)
    memory = jax.tree.unflatten(structure, [jnp.asarray(arrays[f"memory{i}"]) for i in range(header["memory"])])
    rows = {name: list(arrays.get(f"history/{name}", [])) for name in header["rows"]}
    return March(**{name: arrays[name] for name in PLAIN}, memory=memory, rows=rows, iteration=header["iteration"])
