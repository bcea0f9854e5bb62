"""Stores of earlier schemas, as this version reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neurojax.sweep.store import Store


def upgraded(store: Store) -> Store:
    """A store of an earlier schema, opened for reading, with header, batches and runs as the present schema has them."""
    while int(store.header["schema"]) in STEPS:
        STEPS[int(store.header["schema"])](store)
    return store


def _from_1(store: Store) -> None:
    """One batch, whose axes stood in the header; one hash for all objects of an axis; one sum of seconds; measures by their bare name."""
    header = store.header

    def column(values):
        if not isinstance(values, dict):
            return values
        content = [f"{values['content']}/{i}" for i in range(len(values["labels"]))]
        return {"labels": values["labels"], "content": content, "values": []}

    axes = {dim: {name: column(values) for name, values in columns.items()} for dim, columns in header["axes"].items()}
    chunks = -(-store.group["status"].shape[0] // header["chunk"])  # type: ignore[union-attr]
    batch = {"axes": axes, "seeds": header["seeds"], "kernels": [], "first_chunk": 0, "chunks": chunks}
    run = header["provenance"] | ({"seconds": {"total": header["seconds"]}, "ended": "", "lanes": 0} if "seconds" in header else {})
    columns = [name for columns in axes.values() for name in columns]
    store.memory = {"batches": {"0000": batch}, "runs": {"0000": run}}
    what = header["what"] | {"records": _measures_named(header["what"]["records"])}
    store.older = True
    store.header = header | {"schema": 2, "columns": columns, "what": what}


def _measures_named(described: Any) -> Any:
    if not isinstance(described, dict):
        return described
    named = {name: {"function": one} for name, one in described.items() if name == "measure" and isinstance(one, str)}
    return {name: _measures_named(one) for name, one in described.items()} | named


STEPS: dict[int, Callable[[Store], None]] = {1: _from_1}  # from each schema to the next
