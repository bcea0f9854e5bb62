"""From axes to lanes: the grid, and its groups of one static shape."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from neurojax.engine.integrators import Integrated, Integrator
from neurojax.engine.paths import check_init, get, is_static, parameters, replace
from neurojax.engine.simulate import cast_system, check_values, integrated, parameter_path
from neurojax.engine.system import Flow, Recipe, System, check_part, recipes
from neurojax.sweep.axes import Axis
from neurojax.sweep.spec import describe, fingerprint

RUN_SETTINGS = ("dt", "duration", "steps", "method")


@dataclasses.dataclass(frozen=True)
class Grid:
    """The product of the axes, points numbered in C order."""

    axes: Mapping[str, Axis]

    @property
    def shape(self) -> tuple[int, ...]:
        """Points along each dimension."""
        return tuple(len(axis) for axis in self.axes.values())

    @property
    def size(self) -> int:
        """Number of points."""
        return int(np.prod(self.shape, dtype=np.int64))

    def place(self, points: np.ndarray) -> dict[str, np.ndarray]:
        """Index along each dimension of the given points."""
        if not self.axes:
            return {}
        return dict(zip(self.axes, np.unravel_index(points, self.shape), strict=True))

    def column(self, name: str, points: np.ndarray) -> Any:
        """Values of one parameter at the given points (an array, or a list of objects)."""
        for dimension, axis in self.axes.items():
            if name in axis.columns:
                values, where = axis.columns[name], self.place(points)[dimension]
                return values[where] if isinstance(values, np.ndarray) else [values[i] for i in where]
        raise KeyError(name)

    @property
    def names(self) -> list[str]:
        """All parameters that vary."""
        return [name for axis in self.axes.values() for name in axis.columns]


class _Slot:
    """Marks a leaf that every lane fills with its own value."""

    def __init__(self, name: str):
        self.name = name


@dataclasses.dataclass
class Family:
    """Systems that differ only in the values of some leaves: `leaves` shared, or by point, or by seed.

    `points` are their numbers in the grid; `run` holds the settings of the run that this group fixes (dt, duration). groups: of each
    point, the number of its group, where kernels hold points of one group only; by_group: leaves by point that a group has in common.
    """

    points: np.ndarray
    structure: Any
    leaves: list[Any]
    by_point: dict[int, np.ndarray]
    run: dict[str, Any]
    full: dict[str, str]  # full names of the parameters that vary
    by_seed: dict[int, np.ndarray] = dataclasses.field(default_factory=dict)
    groups: np.ndarray | None = None
    by_group: frozenset[int] = frozenset()

    def grouped(self, leaves: Iterable[int]) -> Family:
        """The same, in groups of points that have these leaves in common; as it is where every point has its own."""
        rows = list(zip(*([value.tobytes() for value in self.by_point[i]] for i in leaves), strict=True))
        numbers = {row: number for number, row in enumerate(dict.fromkeys(rows))}
        if len(numbers) == len(rows):
            return self
        return dataclasses.replace(self, groups=np.array([numbers[row] for row in rows]), by_group=frozenset(leaves))

    def system(self, point: int = 0, seed: int = 0) -> System:
        """One member, by position in the group."""
        leaves = list(self.leaves)
        for table, place in ((self.by_point, point), (self.by_seed, seed)):
            for i, values in table.items():
                leaves[i] = values[place]
        return jax.tree.unflatten(self.structure, leaves)

    def together(self) -> System:
        """All members as one, whose leaves by point have an axis of points in front."""
        return jax.tree.unflatten(self.structure, [self.by_point.get(i, leaf) for i, leaf in enumerate(self.leaves)])


def _is_recipe(leaf: Any) -> bool:
    return isinstance(leaf, Recipe)


def families(system: Any, grid: Grid, method: Integrator | None, dtype: np.dtype) -> list[Family]:
    """Groups of points that one compiled program can serve, every value of every axis checked on the host."""
    if isinstance(system, System | Flow):
        return _by_path(system, grid, method, dtype)
    if isinstance(system, type) or not isinstance(system, Callable):
        integrated(system, method)  # raises the right error
    return _by_builder(system, grid, method, dtype)


def _by_path(system: Any, grid: Grid, method: Integrator | None, dtype: np.dtype) -> list[Family]:
    base = integrated(system, method)
    check_values(base)
    paths = {name: _path(base, name) for name in grid.names if name not in RUN_SETTINGS}
    _check_apart(paths)
    for axis in grid.axes.values():
        _check_rows(base, {name: values for name, values in axis.columns.items() if name in paths}, paths)
    full = {name: ".".join(paths.get(name, (name,))) for name in grid.names}
    outer = [d for d, axis in grid.axes.items() if any(_is_outer(base, paths, name, values) for name, values in axis.columns.items())]
    everything = np.arange(grid.size)
    place = grid.place(everything)
    groups = []
    for combination in itertools.product(*(range(len(grid.axes[d])) for d in outer)):
        inside = np.all([place[d] == i for d, i in zip(outer, combination, strict=True)], axis=0) if outer else np.ones(grid.size, bool)
        points = everything[inside]
        member, run, columns = base, {}, {}
        for name in grid.names:
            values = grid.column(name, points)
            if name in RUN_SETTINGS:
                run[name] = _plain(values[0])
            elif _is_outer(base, paths, name, values):
                member = replace(member, paths[name], _plain(values[0]), check=False)
            else:
                columns[name] = values
        if "method" in run:
            member = Integrated(member.flow, run["method"]) if isinstance(member, Integrated) else integrated(member, run["method"])
        for name in columns:
            member = replace(member, paths[name], _Slot(name), check=False)
        leaves, structure = jax.tree.flatten(cast_system(member, dtype), is_leaf=_is_recipe)
        by_point = {
            i: _as_leaf(columns[leaf.name], get(base, paths[leaf.name])) for i, leaf in enumerate(leaves) if isinstance(leaf, _Slot)
        }
        shared = [None if isinstance(leaf, _Slot) else leaf for leaf in leaves]
        groups.append(Family(points, structure, shared, by_point, run, full))
    return groups


def _as_leaf(values: np.ndarray, replaced: Any) -> np.ndarray:
    """A column for a leaf that counts stays whole; any other is float, though its values may be integers."""
    counts = isinstance(replaced, np.ndarray | jax.Array) and replaced.dtype.kind in "iu"
    return values if counts else values.astype(float)


def _path(base: System, name: str) -> tuple[str, ...]:
    try:
        return parameter_path(base, name)
    except ValueError as error:
        close = difflib.get_close_matches(name, RUN_SETTINGS, n=1)
        hint = f" (or the run's setting {close[0]!r})" if close else ""
        raise ValueError(f"over[{name!r}]: {error}{hint}") from None


def _check_apart(paths: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse two axes over one parameter, or over a parameter and a part of it."""
    for one, path in paths.items():
        for other, longer in paths.items():
            if one != other and longer[: len(path)] == path:
                raise ValueError(
                    f"over: {one!r} and {other!r} are on two axes, but one is (part of) the other; keep one, or zip other parameters"
                )


def _check_rows(base: System, columns: Mapping[str, Any], paths: Mapping[str, tuple[str, ...]]) -> None:
    """Check the model with the values of each place on an axis, which walk together."""
    member = base
    for name, column in columns.items():
        member = replace(member, paths[name], _plain(column[0]), check=False)
    # Copies of our own by now, so the values of a row may be put in place: an axis can have 10^5 rows.
    modules = {id(m): m for name in columns for k in reversed(range(len(paths[name]))) for m in [get(member, paths[name][:k])]}
    for row in range(max(map(len, columns.values()), default=0)):
        values = {name: _plain(column[row]) for name, column in columns.items()}
        try:
            for name, value in values.items():
                object.__setattr__(get(member, paths[name][:-1]), paths[name][-1], value)
            for module in modules.values():
                check_init(module)
            check_part(member)
        except (ValueError, TypeError) as error:
            said = ", ".join(f"over[{name!r}]={value!r}" for name, value in values.items())
            raise _same_kind(error)(f"{said}: {error}") from error


def _same_kind(error: Exception) -> type[Exception]:
    return TypeError if isinstance(error, TypeError) else ValueError


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _is_outer(base: System, paths: Mapping[str, tuple[str, ...]], name: str, values: Any) -> bool:
    """Whether another value means another program, or something drawn on the host: then the axis is a loop around programs."""
    if name in RUN_SETTINGS or not isinstance(values, np.ndarray):
        return True
    path = paths[name]
    inside_recipe = any(_is_recipe(get(base, path[:k])) for k in range(1, len(path)))
    return inside_recipe or is_static(base, path)


def _by_builder(build: Callable[..., Any], grid: Grid, method: Integrator | None, dtype: np.dtype) -> list[Family]:
    everything = np.arange(grid.size)
    columns = {name: grid.column(name, everything) for name in grid.names}
    gathered: dict[Any, tuple[dict[str, Any], list[tuple[int, list[Any]]]]] = {}
    for point in everything:
        values = {name: _plain(column[point]) for name, column in columns.items()}
        run = {name: values.pop(name) for name in RUN_SETTINGS if name in values}
        try:
            member = integrated(build(**values), run.get("method", method))
            check_values(member)
        except (ValueError, TypeError) as error:
            raise _same_kind(error)(f"the system built from {values}: {error}") from error
        leaves, structure = jax.tree.flatten(cast_system(member, dtype), is_leaf=_is_recipe)
        look = tuple((leaf.shape, str(leaf.dtype)) if eqx.is_array(leaf) else leaf for leaf in leaves)
        gathered.setdefault((structure, look, fingerprint(describe(run))), (run, []))[1].append((int(point), leaves))
    groups = []
    for (structure, _, _), (run, members) in gathered.items():
        rows = [
            [leaf if not eqx.is_array(leaf) else np.asarray(leaf) for leaf in row] for row in zip(*(m for _, m in members), strict=True)
        ]
        # A leaf that is the same at all points is shared by their lanes.
        moves = [i for i, row in enumerate(rows) if isinstance(row[0], np.ndarray) and any(not np.array_equal(v, row[0]) for v in row)]
        by_point = {i: np.stack(rows[i]) for i in moves}
        shared = [
            None if i in by_point else jnp.asarray(row[0]) if isinstance(row[0], np.ndarray) else row[0] for i, row in enumerate(rows)
        ]
        groups.append(Family(np.array([p for p, _ in members]), structure, shared, by_point, run, {name: name for name in grid.names}))
    return groups


def draw_recipes(family: Family, keys: list[Any], dtype: np.dtype) -> Family:
    """The family with its host recipes drawn: once if fixed, else for each seed."""
    first = family.system()
    if not recipes(first):
        return family
    places = [path for path in parameters(first) if _is_recipe(get(first, path))]
    places = [p for p in places if not any(_is_recipe(get(first, p[:k])) for k in range(1, len(p)))]
    drawn_members = []
    fixed = all(recipe.fixed for recipe in recipes(first))
    for key in keys[:1] if fixed else keys:
        realised = first.realise(key)
        drawn_members.append([cast_system(get(realised, path), dtype) for path in places])
    slotted = jax.tree.unflatten(family.structure, [_Slot(str(i)) if leaf is None else leaf for i, leaf in enumerate(family.leaves)])
    for path, parts in zip(places, zip(*drawn_members, strict=True), strict=True):
        slotted = replace(slotted, path, parts[0] if fixed else _by_seed(path, parts), check=False)
    leaves, structure = jax.tree.flatten(slotted, is_leaf=lambda leaf: isinstance(leaf, _PerSeed))
    by_point = {i: family.by_point[int(leaf.name)] for i, leaf in enumerate(leaves) if isinstance(leaf, _Slot)}
    by_seed = {i: leaf.values for i, leaf in enumerate(leaves) if isinstance(leaf, _PerSeed)}
    shared = [None if i in by_point or i in by_seed else leaf for i, leaf in enumerate(leaves)]
    return Family(family.points, structure, shared, by_point, family.run, family.full, by_seed)


class _PerSeed:
    """Marks a leaf that every seed fills with its own value."""

    def __init__(self, values: np.ndarray):
        self.values = values


def _by_seed(path: tuple[str, ...], parts: tuple[Any, ...]) -> Any:
    """One drawn object whose array leaves hold the values of all seeds; padded neighbour lists grow to the longest."""
    flat = [jax.tree.flatten(part) for part in parts]
    if len({structure for _, structure in flat}) > 1:
        raise ValueError(f"over: the draws of {'.'.join(path)!r} differ in kind between seeds; fix its layout (dense or sparse)")

    def joined(values):
        if not eqx.is_array(values[0]):
            return values[0]
        arrays = [np.asarray(v) for v in values]
        shape = np.max([a.shape for a in arrays], axis=0)
        return _PerSeed(np.stack([np.pad(a, [(0, int(w) - k) for k, w in zip(a.shape, shape, strict=True)]) for a in arrays]))

    return jax.tree.unflatten(flat[0][1], [joined(values) for values in zip(*(leaves for leaves, _ in flat), strict=True)])


def point_words(grid: Grid, family: Family) -> np.ndarray:
    """Two words for each point of a family, (points, 2): they depend on its coordinates alone, not on its place in the grid."""
    points = family.points
    columns = {family.full[name]: grid.column(name, points) for name in sorted(grid.names, key=family.full.__getitem__)}
    words = np.empty((len(points), 2), np.uint32)
    for row in range(len(points)):
        digest = hashlib.blake2b(digest_size=8)
        for name, values in columns.items():
            value = values[row]
            # + 0.0 makes one zero of both.
            data = (np.asarray(value, float) + 0.0).tobytes() if isinstance(values, np.ndarray) else fingerprint(describe(value)).encode()
            digest.update(name.encode() + b"=" + data + b";")
        words[row] = np.frombuffer(digest.digest(), np.uint32)
    return words


def fold_words(key: Any, words: Any) -> Any:
    """A key with two words folded in."""
    return jax.random.fold_in(jax.random.fold_in(key, jnp.asarray(words)[0]), jnp.asarray(words)[1])
