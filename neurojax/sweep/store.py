"""Sweeps on disk: one zarr v3 group with a flat table of lanes in storage chunks of one writer each, `status` written last.

Beside the table's arrays lie groups that hold attributes only, written once and whole: `batches` (what was added to the table, and when
in its order), `runs` (who computed, with what), and `arrays` (contents that descriptions refer to).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import uuid
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import zarr
from zarr.codecs import ZstdCodec
from zarr.storage import MemoryStore

from neurojax.sweep.files import check_seal, clear_away, full, group_text, holds_something, reason, sealed, write_once, write_whole
from neurojax.sweep.kept import KeptArrays
from neurojax.sweep.spec import describe

SCHEMA = 2
FORMAT = "neurojax sweep"
TO_DO, DONE, DIVERGED, PADDING = 0, 1, 2, 3  # values of `status`
KEPT_ARRAYS = 64 << 20  # bytes of a model's own arrays up to which a store keeps them
READ_AHEAD = 64 << 20  # bytes of an array that are decoded at once
LISTED = 1000  # values of an axis up to which they stand in the attributes of a batch, not in an array


class StoreError(OSError):
    """The disk failed a sweep: full, read-only, or out of reach. What was committed before is safe."""


class Field:
    """Shape of one record in the table: dimensions beyond the lane, their names, and coordinates along them."""

    def __init__(self, shape: tuple[int, ...], dtype: Any, dims: tuple[str, ...], coordinates: Mapping[str, np.ndarray] | None = None):
        self.shape, self.dtype, self.dims, self.coordinates = shape, np.dtype(dtype), dims, dict(coordinates or {})


class Batch(NamedTuple):
    """Lanes that were added to a store together: the product of the axes and the seeds, but for lanes of earlier batches.

    axes: by dimension and column, an array of numbers or `{"labels", "content", "values"}` of objects. kernels: points and seeds of a
    kernel, by part. Its rows are those of `chunks` storage chunks from `first_chunk` on.
    """

    axes: dict[str, dict[str, Any]]
    seeds: list[int]
    kernels: list[list[int]]
    first_chunk: int
    chunks: int


class Store:
    """Records by lane, in rows. A row counts once its `status` is not 0; rows that only fill up a chunk are padding (3)."""

    def __init__(self, group: zarr.Group, path: Path | None):
        self.group, self.path = group, path
        self.kept = KeptArrays(group, path)
        self.header: dict[str, Any] = dict(group.attrs)
        self.older = False  # of an earlier schema, which wrote no chunk of blanks
        self._arrays: dict[str, zarr.Array] = {}
        self._batches: dict[str, Batch] = {}  # written once, never changed
        self.memory: dict[str, dict[str, dict[str, Any]]] = {"batches": {}, "runs": {}}  # of a store without files, or of an older schema

    @classmethod
    def create(
        cls,
        path: str | os.PathLike | None,
        header: Mapping[str, Any],
        batch: Batch,
        columns: Mapping[str, np.ndarray],
        fields: Mapping[str, Field],
        arrays: Mapping[str, np.ndarray],
    ) -> Store:
        """A new store in memory (`path` None), or on disk: made beside its place and moved there whole.

        Where another process was faster, its store is opened instead.
        """
        place = None if path is None else full(path)
        made = None if place is None else place.with_name(f".{place.name}.{uuid.uuid4().hex[:8]}.new")
        try:
            group = zarr.open_group(MemoryStore() if made is None else str(made), mode="w-", zarr_format=3)
            group.attrs.update(sealed({"schema": SCHEMA, "format": FORMAT, **header}))
            for kind in ("batches", "runs", "arrays"):
                group.create_group(kind)
            store = cls(group, made)
            rows = batch.chunks * store.chunk
            for name, values in columns.items():
                store._create(name, (rows,), values.dtype, ["point"], -1 if values.dtype.kind == "i" else np.nan)
            store._create("status", (rows,), np.dtype(np.int8), ["point"], TO_DO)
            store._create("bad_step", (rows,), np.dtype(np.int32), ["point"], -1)
            for name, field in fields.items():
                blank = np.nan if field.dtype.kind in "fc" else 0
                store._create(name, (rows, *field.shape), field.dtype, ["point", *field.dims], blank)
                for dim, axis in field.coordinates.items():
                    if dim not in group:
                        group.create_array(dim, shape=axis.shape, dtype=axis.dtype, dimension_names=[dim])[...] = axis  # type: ignore[index]
            store.keep(arrays)
            store.add(batch, 0)
            store._fill(batch, columns)
            if place is not None and made is not None:
                clear_away(place)
                try:
                    os.rename(made, place)
                except OSError:
                    if not holds_something(place):
                        raise
                    shutil.rmtree(made, ignore_errors=True)
                return cls.open(place, mode="r+")
            return store
        except BaseException as error:
            if made is not None:
                shutil.rmtree(made, ignore_errors=True)
            if isinstance(error, OSError):
                raise StoreError(f"store={str(path)!r} cannot be made: {reason(error)}; nothing was left there") from error
            raise

    @classmethod
    def open(cls, path: str | os.PathLike, mode: str = "r") -> Store:
        """An existing store. Errors: FileNotFoundError; ValueError where it is something else, or its attributes were changed."""
        place = full(path)
        if not place.exists():
            raise FileNotFoundError(f"store={str(path)!r}: there is nothing there")
        try:
            group = zarr.open_group(str(place), mode=mode, zarr_format=3, use_consolidated=False)  # type: ignore[arg-type]
        except Exception as error:
            if (place / "batches").is_dir():
                raise ValueError(f"store={str(path)!r}: its zarr.json is gone or damaged; bring it back from a copy") from error
            raise ValueError(
                f"store={str(path)!r} is not a zarr group ({type(error).__name__}); give the path that nj.sweep wrote"
            ) from error
        if group.attrs.get("format") != FORMAT:
            raise ValueError(f"store={str(path)!r} is a zarr group, but no header of a neurojax sweep is in it; choose another path")
        schema = int(group.attrs["schema"])  # type: ignore[arg-type]
        if schema > SCHEMA:
            raise ValueError(f"store={str(path)!r} has schema {schema}, this version reads up to {SCHEMA}; update neurojax")
        store = cls(group, place)
        if schema < SCHEMA:
            from neurojax.sweep.migrate import upgraded

            if mode != "r":
                raise ValueError(
                    f"store={str(path)!r} has schema {schema}, which this version reads but does not add to; "
                    "load it, and give the sweep another path"
                )
            return upgraded(store)
        check_seal(store.header, f"store={str(path)!r}: the attributes of its group")
        return store

    # The table.

    @property
    def chunk(self) -> int:
        """Rows of a storage chunk."""
        return int(self.header["chunk"])

    @property
    def columns(self) -> list[str]:
        """Names of the arrays that say which lane a row is."""
        return [*self.header["columns"], "seed"]

    def array(self, name: str) -> zarr.Array:
        """One array of the table."""
        if name not in self._arrays:
            # Chunks of nothing but NaN are written as well: one that is not there is known to be lost.
            try:
                with zarr.config.set({"array.write_empty_chunks": True}):
                    self._arrays[name] = self.group[name]  # type: ignore[assignment]
            except (KeyError, ValueError) as error:
                raise ValueError(f"store={str(self.path)!r}: {name}/zarr.json is gone or damaged; bring it back from a copy") from error
        return self._arrays[name]

    def row_count(self, batches: Sequence[Batch] | None = None) -> int:
        """Rows of batches, of all that there are by now unless they are given."""
        return max(batch.first_chunk + batch.chunks for batch in batches or self.batches) * self.chunk

    def _create(self, name: str, shape: tuple[int, ...], dtype: np.dtype, dims: list[str], fill: Any) -> None:
        chunks = (self.chunk, *(max(n, 1) for n in shape[1:]))
        self.group.create_array(
            name, shape=shape, dtype=dtype, chunks=chunks, dimension_names=dims, fill_value=fill, compressors=ZstdCodec(checksum=True)
        )

    def rows(self, chunk: int) -> slice:
        """Rows of a storage chunk."""
        return slice(chunk * self.chunk, (chunk + 1) * self.chunk)

    def commit(self, chunk: int, results: Mapping[str, np.ndarray], status: np.ndarray, bad_step: np.ndarray) -> None:
        """Write a chunk: its records first, its status last."""
        rows = self.rows(chunk)
        if self.path is not None and (self.path / "status/c" / str(chunk)).exists():
            self.array("status")[rows] = TO_DO  # else it would count as finished while half of it is of another run
        for name, values in results.items():
            self.array(name)[rows] = values
        self.array("bad_step")[rows] = bad_step
        self.array("status")[rows] = status

    def read(self, name: str, rows: int | None = None) -> np.ndarray:
        """The first rows of an array of the table, or all; what cannot be read is blank, and a warning says which.

        Other processes may add rows at any moment: who reads several arrays says how many, of the batches that he looked at.
        """
        array, rows = self.array(name), self.row_count() if rows is None else rows
        held = min(rows, array.shape[0])
        values = None
        with contextlib.suppress(Exception):
            values = np.asarray(array[:held])
        if values is None:
            values = self.read_chunks(name, range(-(-held // self.chunk)))[:held]
        # A process that adds a batch may not have got so far yet, or was overtaken by one that added an earlier batch.
        return np.concatenate([values, np.full((rows - held, *array.shape[1:]), array.fill_value, array.dtype)]) if held < rows else values

    def read_chunks(self, name: str, chunks: Iterable[int]) -> np.ndarray:
        """Some chunks of an array of the table; what cannot be read is blank, and a warning says which."""
        array = self.array(name)
        parts, damaged = [np.zeros((0, *array.shape[1:]), array.dtype)], []
        for number in chunks:
            try:
                parts.append(np.asarray(array[self.rows(number)]))
            except Exception as error:
                blank = np.full((self.chunk, *array.shape[1:]), array.fill_value, array.dtype)
                parts.append(blank)
                damaged.append((number, error))
        if damaged:
            warnings.warn(
                f"store={str(self.path)!r}: {name!r} cannot be read in chunk(s) {', '.join(str(n) for n, _ in damaged[:5])} "
                f"({reason(damaged[0][1])}); its {self.chunk} rows are blank here. Resuming the sweep computes them again",
                stacklevel=2,
            )
        return np.concatenate(parts)

    def status(self, rows: int | None = None) -> np.ndarray:
        """`status` of the first rows, or of all; where a file that belongs to a finished chunk is gone, 0 (with a warning)."""
        status = self.read("status", rows)
        if self.path is not None and not self.older:
            finished = np.unique(np.flatnonzero(status != TO_DO) // self.chunk)
            for name in [*self.columns, *self.data_names]:
                lost = np.setdiff1d(finished, self._present(name))
                if lost.size:
                    warnings.warn(
                        f"store={str(self.path)!r}: chunk(s) {', '.join(map(str, lost[:5]))} of {name!r} are gone; their lanes are to do. "
                        "Resuming the sweep computes them again",
                        stacklevel=2,
                    )
                    for chunk in lost:
                        status[self.rows(int(chunk))] = TO_DO
        return status

    @property
    def data_names(self) -> list[str]:
        """Arrays that lanes fill, but for `status` and records without samples."""
        return [*(name for name in self.header["records"] if 0 not in self.array(name).shape[1:]), "bad_step"]

    def _present(self, name: str) -> np.ndarray:
        """Chunks of an array that have a file."""
        folder, rest = f"{self.path}/{name}/c", "/0" * (self.array(name).ndim - 1)  # a chunk holds whole records
        with contextlib.suppress(FileNotFoundError):
            return np.array(
                [int(n) for n in os.listdir(folder) if n.isdigit() and (not rest or os.path.exists(f"{folder}/{n}{rest}"))], int
            )
        return np.zeros(0, int)

    def has_chunks(self, name: str, chunks: np.ndarray) -> bool:
        """Whether these chunks of an array have files."""
        return 0 in self.array(name).shape[1:] or not np.setdiff1d(chunks, self._present(name)).size

    def damaged(self, chunks: Iterable[int]) -> list[int]:
        """Those of finished chunks that are gone or cannot be read."""
        if self.path is None:
            return []
        own, bad = np.array(sorted(chunks), int), np.zeros(0, int)
        for name in self.data_names:
            there = np.intersect1d(own, self._present(name))
            bad = np.union1d(bad, np.setdiff1d(own, there))
            # Neighbours together, for zarr decodes them side by side; one by one only where something is wrong.
            size = self.chunk * int(np.prod(self.array(name).shape[1:])) * self.array(name).dtype.itemsize
            runs = np.split(there, np.flatnonzero(np.diff(there) > 1) + 1)
            for part in (run[i : i + max(1, READ_AHEAD // size)] for run in runs for i in range(0, len(run), max(1, READ_AHEAD // size))):
                if not self._decodes(name, range(part[0], part[-1] + 1)):
                    bad = np.union1d(bad, [n for n in part if not self._decodes(name, range(n, n + 1))])
        return bad.astype(int).tolist()

    # What was added, by whom.

    @property
    def batches(self) -> list[Batch]:
        """All batches, in the order in which they were added."""
        published = self._published("batches", self._batches)
        if not published or len(published) <= int(max(published)):
            lost = next(n for n in range(len(published) + 1) if f"{n:04d}" not in published)
            raise ValueError(f"store={str(self.path)!r}: batches/{lost:04d}/zarr.json is gone; bring it back from a copy")
        for name in sorted(published.keys() - self._batches.keys()):
            found = published[name]
            try:
                axes = _each_column(found["axes"], self._column)
            except ValueError as error:
                raise ValueError(f"store={str(self.path)!r}: batches/{name}: {error}; bring it back from a copy") from error
            self._batches[name] = Batch(axes, *(found[field] for field in Batch._fields[1:]))
        return [self._batches[name] for name in sorted(published)]

    def _column(self, written: Any) -> Any:
        """A column of an axis as it was before it was written."""
        if isinstance(written, Mapping):
            return self.kept[written["sha256"]] if "sha256" in written else written
        return np.asarray(written)

    @property
    def runs(self) -> list[dict[str, Any]]:
        """A record of each process that computed for this store, by time."""
        return [found for _, found in sorted(self._published("runs").items())]

    def add(self, batch: Batch, number: int) -> bool:
        """Publish a batch as the one of this number; False where another process has."""

        def written(values: Any) -> Any:
            if not isinstance(values, np.ndarray):
                return values
            return values.tolist() if len(values) <= LISTED else describe(values, arrays)

        arrays: dict[str, np.ndarray] = {}
        attributes = batch._asdict() | {"axes": _each_column(batch.axes, written)}
        self.kept.keep(arrays)
        return self._publish("batches", f"{number:04d}", attributes)

    def ensure(self, batch: Batch, columns: Callable[[], Mapping[str, np.ndarray]]) -> None:
        """See to it that a published batch has its rows: any number of processes may, at once."""
        rows = (batch.first_chunk + batch.chunks) * self.chunk
        own = range(batch.first_chunk, batch.first_chunk + batch.chunks)
        for name in [*self.columns, "status", *self.data_names]:
            for _ in range(3):  # a process that adds another batch just now may have set its own, smaller number
                self._arrays.pop(name, None)
                if self.array(name).shape[0] >= rows:
                    break
                self.array(name).resize((rows, *self.array(name).shape[1:]))
        if self.path is not None and not all(self.has_chunks(name, np.array(own)) and self._decodes(name, own) for name in self.columns):
            self._fill(batch, columns())

    def _decodes(self, name: str, chunks: range) -> bool:
        """Whether neighbouring chunks of an array can be read; those without a file can, as blanks."""
        try:
            self.array(name)[chunks.start * self.chunk : chunks.stop * self.chunk]
        except Exception:
            return False
        return True

    def _fill(self, batch: Batch, columns: Mapping[str, np.ndarray]) -> None:
        first = batch.first_chunk * self.chunk
        for name, values in columns.items():
            self.array(name)[first : first + batch.chunks * self.chunk] = values

    def keep(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep the contents of arrays that descriptions refer to, unless they are too large."""
        if sum(values.nbytes for values in arrays.values()) > KEPT_ARRAYS:
            return
        self.kept.keep({name: values for name, values in arrays.items() if values.dtype.kind in "fiubc"})

    def note_run(self, name: str, record: Mapping[str, Any]) -> None:
        """Write or rewrite the record of a run, whose only writer is the process that runs."""
        if self.path is None:
            self.memory["runs"][name] = dict(record)
        else:
            write_whole(self.path / "runs" / name / "zarr.json", group_text(record))

    def _published(self, kind: str, known: Collection[str] = ()) -> dict[str, Any]:
        """Attributes of all groups of a kind, by name; None for those that are known."""
        if self.path is None or self.memory["batches"]:
            return self.memory[kind]
        found = {}
        for place in sorted((self.path / kind).glob("*/zarr.json")):
            if place.parent.name.startswith("."):
                continue  # being written, or left by a process that was killed
            if place.parent.name in known:
                found[place.parent.name] = None
                continue
            where = f"store={str(self.path)!r}: {kind}/{place.parent.name}"
            try:
                found[place.parent.name] = json.loads(place.read_text())["attributes"]
            except (OSError, ValueError, KeyError) as error:
                if kind == "runs":
                    continue  # a record of the past, which nothing depends on
                raise ValueError(f"{where} is damaged ({reason(error)}); bring {place} back from a copy") from error
            if kind == "batches":
                check_seal(found[place.parent.name], where)
        return found

    def _publish(self, kind: str, name: str, attributes: Mapping[str, Any]) -> bool:
        """Write a group of attributes, whole and once; False where there is one of this name."""
        attributes = sealed(attributes)
        if self.path is None:
            return self.memory[kind].setdefault(name, attributes) is attributes
        target = self.path / kind / name / "zarr.json"
        return write_once(target, group_text(attributes))


def _each_column(axes: Mapping[str, Mapping[str, Any]], change: Callable[[Any], Any]) -> dict[str, dict[str, Any]]:
    return {dimension: {name: change(values) for name, values in columns.items()} for dimension, columns in axes.items()}
