"""A tuning on disk: all that its next iteration needs, in one file that is there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neurojax.engine.state import read_arrays, write_arrays
from neurojax.sweep.spec import describe, differences, fingerprint, indescribable
from neurojax.tuning.march import March
from neurojax.tuning.problem import move
from neurojax.tuning.question import Question

SCHEMA = 1
PLAIN = ("free", "last", "best", "best_value", "best_error", "worst", "steepest", "since", "status")


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


def described(asked: Question, optimizer: Any) -> dict[str, Any]:
    """All that a history depends on, to tell one tuning from another in a store.

    Errors: ValueError where something in it cannot be described.
    """
    space, options = asked.space, asked.options
    whole = {
        "system": describe(asked.system),
        "objective": describe(asked.objective),
        "where": {name: describe(bound) for name, bound in zip(space.names, space.bounds, strict=True)},
        "starts": [{name: describe(value) for name, value in row.items()} for row in asked.rows],
        "run": {name: describe(value) for name, value in asked.run.items()},
        "records": {name: describe(one) for name, one in asked.records},
        "seeds": [int(seed) for seed in asked.seeds],
        "estimator": describe(asked.estimator),
        "optimizer": _habits(optimizer),
        "options": {"mode": asked.mode, "patience": options.patience, "tolerance": float(options.tolerance), "dtype": options.dtype}
        | {"window": options.checkpoint.window, "levels": options.checkpoint.levels},
    }
    if unknown := indescribable(whole):
        raise ValueError(f"store: a {unknown} in this tuning cannot be told from another of its type; leave store out")
    return whole


def _habits(optimizer: Any) -> list[float]:
    """What an optimiser makes of two gradients: it is known by its functions, which hold its rates where no description reaches."""
    at = jnp.asarray([0.3, -2.0, 50.0])
    memory, moves = optimizer.init(at), []
    for _ in range(2):
        at, memory = move(optimizer, 2 * at, memory, at, jnp.sum(at**2), lambda x: jnp.sum(x**2))
        moves += np.asarray(at, float).tolist()
    return moves
