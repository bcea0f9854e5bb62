"""What the studies share: how a recall is recorded, and whose numbers they are held against."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import xarray as xr

import neurojax as nj
from experiments.study import Study
from experiments.table import Row, mean_and_error
from neurojax.hopfield import measures

AGS = "Amit, Gutfreund and Sompolinsky 1987"
ELSEWHERE = "measured elsewhere, in NumPy"
RECALLED = 0.9  # overlap at the end of a run that has recalled its pattern


def ends() -> dict[str, Any]:
    """Records of where a run has ended."""
    return {"m": nj.Last(measures.target_overlap), "steps": nj.Last(measures.step_count)}


def recalls(study: Study, name: str, memory: Any, over: dict[str, Any], seeds: int, steps: int, record: Any = None) -> xr.Dataset:
    """Runs of a memory, by step, kept in the store `name`."""
    return study.sweep(name, memory, over or {"tolerance": [0.0]}, dt=1.0, steps=steps, seeds=seeds, record=record or ends())


def of_rules(
    study: Study, name: str, memory: nj.Hopfield, rules: dict[str, Any], over: dict[str, Any], seeds: int, steps: int
) -> xr.DataArray:
    """Overlaps at the end for several rules, an axis "rule" before those of `over` and "seed"; a store for each rule."""
    found = []
    for label, rule in rules.items():
        short = "".join(mark if mark.isalnum() else "_" for mark in label)
        one = dataclasses.replace(memory, couplings=rule)
        found.append(recalls(study, f"{name}_{short}", one, over, seeds, steps)["m"].transpose(*over, "seed"))
    return xr.concat(found, xr.Variable("rule", list(rules))).rename("m")


def near(quantity: str, values: Any, reference: float, bias: float, source: str) -> Row:
    """A mean over seeds, within `bias` of its reference whatever the spread is."""
    return Row(quantity, float(np.mean(values)), 0.0, float(reference), bias, source)


def meaned(quantity: str, values: Any, reference: float | None, bias: float, source: str) -> Row:
    """A mean over seeds, within three standard errors and `bias`."""
    return Row(quantity, *mean_and_error(np.ravel(values)), reference, bias, source)


def count(quantity: str, number: Any, wanted: int, source: str) -> Row:
    """A whole number that must be met to the last one."""
    return Row(quantity, float(number), 0.0, float(wanted), 0.0, source)


def at_most(quantity: str, measured: Any, bound: float, source: str) -> Row:
    return Row(quantity, float(measured), 0.0, bound, source=source, bound=True)


def at_least(quantity: str, measured: Any, bound: float, source: str) -> Row:
    return Row(quantity, float(measured), 0.0, bound, source=source, floor=True)
