"""Patterns that call each other: recited in step, up to a load of 0.269."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

import neurojax as nj
from experiments.hopfield.common import at_least, at_most, meaned, recalls
from experiments.study import Study
from experiments.table import Row
from neurojax.hopfield import measures, plot, theory
from neurojax.hopfield.patterns import stored_count
from neurojax.sweep.plot import draw_spread, new_axes, save

DURING = "Duering, Coolen and Sherrington 1998"


def turn_overlap(view: nj.View) -> jax.Array:
    """Overlap with the pattern whose turn it is: number t mod P at step t, from pattern 0 on."""
    turn = view.clock.step % stored_count(view.system.patterns).astype(int)
    return jnp.take(measures.overlaps(view), turn)


def sequences(study: Study) -> list[Row]:
    """Letters in a round, and the overlap with the pattern whose turn it is over the load, beside theory."""
    n, seeds, steps = study.pick(2000, 500), study.pick(8, 3), study.pick(120, 40)
    loads = np.arange(0.05, 0.3501, 0.025)
    memory = nj.Hopfield(n, nj.RandomPatterns(round(0.35 * n), stored=1), nj.Flips(0.0), nj.Sequence())
    record = {"m": nj.Last(turn_overlap)}
    m = recalls(study, "sequences", memory, {"patterns.stored": np.round(loads * n)}, seeds, steps, record)["m"]
    m = m.rename({"patterns.stored": "load"}).assign_coords(load=loads)
    _draw(study, m, n)
    below = [(float(load), one) for load, one in zip(loads, m.values, strict=True) if load < 0.21]
    name = f"m with the pattern whose turn it is, N = {n}"
    rows = [meaned(f"{name}, alpha = {load:.3g}", one, theory.sequence_overlap(load), 0.003, DURING) for load, one in below]
    rows += [
        at_most("the same at alpha = 0.35", m.values[-1].mean(), 0.3, f"{DURING}: lost beyond 0.269"),
        Row("load up to which it is followed (theory)", theory.sequence_capacity(), 0.0, 0.269, 0.0005, DURING),
    ]
    return [*rows, _letters(study)]


def _letters(study: Study) -> Row:
    """A word, letter by letter, on 25 units by the projection that maps every letter to the next."""
    word = nj.hopfield.patterns.letters("HOPFIELD")
    # On so few units the letters' overlaps need the dual patterns, as the pseudo-inverse has them.
    onward = np.roll(word, -1, axis=0).T @ np.linalg.pinv(word.T)
    memory = nj.Hopfield(25, word, nj.Flips(0.08, exact=True), onward)
    run = nj.simulate(memory, steps=24, dt=1.0, seed=1, record={"m": nj.Trace(measures.overlaps), "s": nj.Trace(measures.units)})
    m = run.records["m"]
    folder = study.figures("sequences")
    folder.mkdir(parents=True, exist_ok=True)
    figure = plot.plot_patterns(run.records["s"][:16], (5, 5), titles=["cue", *map(str, range(1, 16))], columns=8)
    figure.savefig(folder / "letters.png", dpi=120)
    right = np.mean([m[step, step % 8] > 0.999 for step in range(2, 24)])
    return at_least("a word of 8 letters, three times round: share of steps from the second that show their letter", right, 1.0, "here")


def _draw(study: Study, m: xr.DataArray, n: int) -> None:
    ax = new_axes(None)
    loads = m["load"].values
    deviation = m.std("seed", ddof=1).values
    count = np.full(len(loads), m.sizes["seed"])
    draw_spread(ax, loads, m.mean("seed").values, deviation, count, label=f"N = {n}, {count[0]} seeds")
    end = theory.sequence_capacity()
    fine = np.linspace(loads[0], end * (1 - 1e-9), 100)
    ax.plot(fine, theory.sequence_overlap(fine), "k--", lw=1.2, label="theory")
    ax.axvline(end, color="k", ls=":", lw=1, label=f"{end:.3f}")
    ax.set(xlabel=plot.LOAD, ylabel="overlap with the pattern whose turn it is", ylim=(-0.03, 1.03))
    ax.legend(frameon=False, fontsize="small")
    save(ax, study.figures("sequences"), "capacity", m)
