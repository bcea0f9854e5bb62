"""The letters' notebook: its own steps bit for bit, noise against success, how many letters there is room for, a film."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import xarray as xr

import neurojax as nj
from experiments.hopfield.common import at_least, count, recalls
from experiments.study import Study
from experiments.table import Row
from neurojax.hopfield import measures, patterns, plot
from neurojax.sweep.plot import new_axes, save, trace_of

LETTERS = patterns.letters("XO+")
NAMES = ("X", "O", "+")
THEIRS = "the notebook's loop"
RULES: dict[str, Any] = {"Hebb": nj.Hebb(), "Storkey": nj.Storkey(), "pseudo-inverse": nj.PseudoInverse()}


def notebook_run(weights: np.ndarray, state: np.ndarray, most: int = 20) -> tuple[np.ndarray, int]:
    """Sign of the fields until nothing changes, 20 times at most: the last state, and how many steps changed something."""
    for number in range(most):
        new = np.sign(weights @ state)
        if np.array_equal(new, state):
            return state, number
        state = new
    return state, most


def notebook(study: Study) -> list[Row]:
    """Three letters with a fifth of their units flipped, as there; and what it asks the reader to try."""
    seeds = study.pick(400, 40)
    weights = LETTERS.T @ LETTERS
    np.fill_diagonal(weights, 0)
    memory = nj.Hopfield(25, LETTERS, nj.Flips(0.2), nj.Hebb(per="pattern"), nj.Threshold("zero"))
    record = {"cue": nj.Trace(measures.units, every=100), "end": nj.Last(measures.units), "steps": nj.Last(measures.step_count)}
    data = recalls(study, "notebook", memory, {"cue.which": [0, 1, 2]}, seeds, 20, record)
    cues, ends, steps = data["cue"].values[:, :, 0].reshape(-1, 25), data["end"].values.reshape(-1, 25), data["steps"].values.ravel()
    # Its division by the number of patterns, 3, leaves rounding errors where fields are 0, and so decides ties: without it they are ties.
    theirs, divided = ([notebook_run(one, cue) for cue in cues] for one in (weights, weights / 3))
    # The last sample is that before step 20, where a run that does not come to rest has one more step to go.
    rested = np.array([number < 19 for _, number in theirs])
    same = np.array([np.array_equal(mine, other[0]) for mine, other in zip(ends, theirs, strict=True)])
    counted = np.array([mine == other[1] for mine, other in zip(steps, theirs, strict=True)])
    rows = [
        count(f"runs of {rested.sum()} that end in another state than the notebook's", (~same)[rested].sum(), 0, THEIRS),
        count("runs that take another number of steps", (~counted)[rested].sum(), 0, THEIRS),
        Row("share of its runs that never rest", float(1 - rested.mean()), 0.0, None, source=THEIRS),
        Row(
            "share that end elsewhere after dividing J by 3 (ties rounded)",
            _apart(theirs, divided),
            0.0,
            None,
            source=THEIRS,
        ),
        *_noise(study),
        *_letters(study),
        _film(study),
    ]
    _gallery(study)
    return rows


def _apart(some: list[tuple[np.ndarray, int]], others: list[tuple[np.ndarray, int]]) -> float:
    return float(np.mean([not np.array_equal(one[0], other[0]) for one, other in zip(some, others, strict=True)]))


def _traces() -> dict[str, nj.Record]:
    return {"s": nj.Trace(measures.units), "m": nj.Trace(measures.overlaps), "e": nj.Trace(measures.energy)}


def _gallery(study: Study) -> None:
    """Stored, cue, first step, recovered: each letter from that of 50 cues, 6 units flipped, that takes the most steps and comes back."""
    shown, titles = [], []
    for which, name in enumerate(NAMES):
        memory = nj.Hopfield(25, LETTERS, nj.Flips(0.24, exact=True, which=which))
        runs = [nj.simulate(memory, steps=10, dt=1.0, seed=seed, record=_traces()) for seed in range(study.pick(50, 5))]
        back = [run for run in runs if run.records["m"][-1, which] > 0.999] or runs
        best = max(back, key=lambda run: int(run.final_state.state.steps))
        taken = int(best.final_state.state.steps)
        shown += [LETTERS[which], *best.records["s"][:2], best.records["s"][-1]]
        titles += [f"stored {name}", "cue", "step 1", f"recovered, {taken} step{'s' * (taken != 1)}"]
    figure = plot.plot_patterns(np.stack(shown), (5, 5), titles=titles, columns=4)
    for ax in figure.axes:
        ax.title.set_fontsize("small")
    folder = study.figures("notebook")
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "recall.png", dpi=120)


def _noise(study: Study) -> list[Row]:
    """Share of exact recalls by noise level, each letter, ties kept and ties 0."""
    shares, seeds = np.arange(0, 0.501, 0.04), study.pick(1000, 60)
    rows, ax = [], new_axes(None)
    kept = {}
    ties: dict[Literal["keep", "zero"], str] = {"keep": "-", "zero": "--"}
    for zero, style in ties.items():
        memory = nj.Hopfield(25, LETTERS, nj.Flips(0.0), units=nj.Threshold(zero))
        data = recalls(study, f"noise_{zero}", memory, {"cue.share": shares, "cue.which": [0, 1, 2]}, seeds, 20)
        kept[zero] = exact = (data["m"] > 0.999).astype(float).transpose("cue.share", "cue.which", "seed")
        for k, name in enumerate(NAMES):
            ax.plot(shares, exact[:, k].mean("seed"), style, marker="o", ms=3, lw=1, color=f"C{k}", label=f"{name}, sign(0) {zero}")
        at_fifth = exact.sel({"cue.share": 0.2}, method="nearest").mean(("seed",)).values
        rows += [
            Row(f"sign(0) {zero}: share of {name} recalled at 0.2", float(one), 0.0, None)
            for name, one in zip(NAMES, at_fifth, strict=True)
        ]
        half = [float(np.interp(-0.5, -exact[:, k].mean("seed").values, shares)) for k in range(3)]
        rows += [
            Row(f"sign(0) {zero}: noise at which half of {name} are recalled", one, 0.0, None)
            for name, one in zip(NAMES, half, strict=True)
        ]
    ax.set(xlabel="share of units flipped", ylabel="share recalled exactly", ylim=(-0.03, 1.03), title=f"n = {seeds} cues each")
    ax.legend(frameon=False, fontsize="x-small")
    save(ax, study.figures("notebook"), "noise", xr.concat(kept.values(), xr.Variable("zero", list(kept))).mean("seed").rename("recalled"))
    return rows


def _letters(study: Study) -> list[Row]:
    """The first letters of the alphabet on 25 units: share recalled exactly with 2 units flipped, by how many there are."""
    alphabet = patterns.letters(patterns.ALPHABET)
    numbers = list(study.pick(range(1, 25), (2, 6, 12)))
    seeds, ax, found = study.pick(32, 8), new_axes(None), {}
    for name, rule in RULES.items():

        def stored(number: float, which: float, rule: Any = rule) -> nj.Hopfield:
            there = np.where(np.arange(26)[:, None] < number, alphabet, 0.0)[:25]
            return nj.Hopfield(25, there, nj.Flips(0.08, exact=True, which=which % number), rule)

        data = recalls(study, f"letters_{name}", stored, {"number": numbers, "which": list(range(8))}, seeds, 30)
        found[name] = exact = (data["m"] > 0.999).mean("which").transpose("number", "seed")
        ax.plot(numbers, exact.mean("seed"), "o-", ms=3.5, lw=1, label=name)
    ax.set(
        xlabel="letters stored, from A on",
        ylabel="share recalled exactly",
        ylim=(-0.03, 1.03),
        title=f"25 units, 2 flipped, {8 * seeds} cues each",
    )
    ax.legend(frameon=False, fontsize="small")
    save(ax, study.figures("notebook"), "letters", xr.concat(found.values(), xr.Variable("rule", list(found))).rename("recalled"))
    return [
        Row(f"{name}: letters of which half are recalled", _most(numbers, one.mean("seed").values), 0.0, None)
        for name, one in found.items()
    ]


def _most(numbers: list[int], share: np.ndarray) -> float:
    """The largest number up to which at least half is recalled throughout."""
    below = np.flatnonzero(share < 0.5)
    return float(numbers[below[0] - 1] if len(below) and below[0] else 0 if len(below) else numbers[-1])


def _film(study: Study) -> Row:
    """A digit of 16 x 16 with a third of its units flipped, one unit after the other, cooled from T = 0.5."""
    side, steps = 16, study.pick(16, 8)
    digits = patterns.digits(shape=(side, side))
    units = nj.Glauber(nj.Ramp(0.5, 0.0, 0.0, steps - 4.0))
    memory = nj.Hopfield(side * side, digits, nj.Flips(0.35, which=3), nj.PseudoInverse(), units, nj.Asynchronous())
    run = nj.simulate(memory, steps=steps, dt=1.0, seed=1, record=_traces())
    s, m, energy = (trace_of(run, name) for name in ("s", "m", "e"))
    plot.animate_recall(s, m, energy, (side, side), study.figures("notebook") / "recall.gif", rate=4.0)
    return at_least("film: overlap of a digit of 256 units at the end", m.values[-1, 3], 0.99, "here")
