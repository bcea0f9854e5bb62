"""Handwritten digits, which resemble each other, recalled by every rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

import neurojax as nj
from experiments.hopfield.common import at_least, at_most, of_rules, recalls
from experiments.study import Study
from experiments.table import Row
from neurojax.hopfield import patterns, plot
from neurojax.sweep.plot import new_axes, save

RULES: dict[str, Any] = {
    "Hebb": nj.Hebb(),
    "covariance": nj.Covariance(),
    "Storkey": nj.Storkey(),
    "unlearning": nj.Unlearning(300, 0.01),
    "dreaming": nj.Dreaming(20.0),
    "perceptron": nj.Perceptron(0.5),
    "pseudo-inverse": nj.PseudoInverse(),
    "dense, cubic": nj.Polynomial(3),
    "dense, degree 10": nj.Polynomial(10),
    "dense, exponential": nj.Exponential(),
}
SHARES = [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4]


def digits(study: Study) -> list[Row]:
    """Ten digits of 8 x 8, one of each kind, and forty, four of each: share recalled bit for bit by rule and damage."""
    seeds, rows = study.pick(16, 3), []
    for each in (1, 4):
        known = patterns.digits(each=each)
        which = list(range(0, len(known), each))
        memory = nj.Hopfield(64, known, nj.Flips(0.0, exact=True))
        m = of_rules(study, f"digits_{each}", memory, RULES, {"cue.share": SHARES, "cue.which": which}, seeds, 40)
        modern = nj.ModernHopfield(64, known, nj.Flips(0.0, exact=True), beta=1.0)
        soft = recalls(study, f"digits_{each}_softmax", modern, {"cue.share": SHARES, "cue.which": which}, seeds, 20)["m"]
        m = xr.concat([m, soft.transpose(*m.dims[1:]).expand_dims(rule=["softmax"])], "rule")
        # Softmax keeps a trace of the others: a state is the digit if every unit is nearer to it than to the other value.
        exact = (m > 0.999).astype(float).mean("cue.which").rename("recalled")
        _draw(study, exact, f"digits_{len(known)}", f"{len(known)} digits of 64 units, {seeds * len(which)} cues each")
        share = exact.mean("seed")

        def at(rule: str, damage: float, share: xr.DataArray = share) -> float:
            return float(share.sel({"rule": rule, "cue.share": damage}))

        name = f"{len(known)} digits"
        rows += [
            Row(f"{name}, {rule}: share recalled from {round(100 * damage)} % flips", at(rule, damage), 0.0, None)
            for rule in exact["rule"].values
            for damage in (0.0, 0.1, 0.2)
        ]
        rows += [
            at_least(f"{name}, pseudo-inverse: share that are fixed points", at("pseudo-inverse", 0.0), 1.0, "Personnaz et al. 1985"),
            at_most(f"{name}, Hebb: share that are fixed points", at("Hebb", 0.0), 0.2, "they overlap by 0.46"),
            at_least(f"{name}, exponential: share recalled from 10 % flips", at("dense, exponential", 0.1), 0.95, "the nearest digit"),
        ]
    _gallery(study)
    return rows


def _draw(study: Study, exact: xr.DataArray, name: str, title: str) -> None:
    ax = new_axes(None, (6.0, 3.8))
    for number, rule in enumerate(exact["rule"].values):
        marker, color = "os^v"[number % 4], "k" if number >= 10 else f"C{number}"
        ax.plot(SHARES, exact.sel(rule=rule).mean("seed"), "-", marker=marker, ms=3.5, lw=1, label=str(rule), color=color)
    ax.set(xlabel="share of units flipped", ylabel="share recalled exactly", ylim=(-0.03, 1.03), title=title)
    ax.title.set_fontsize("small")
    ax.legend(frameon=False, fontsize="x-small", loc="upper left", bbox_to_anchor=(1.0, 1.0))
    save(ax, study.figures("digits"), name, exact)


def _gallery(study: Study) -> None:
    """One damaged 3 as each rule recalls it."""
    known = patterns.digits()
    shown, titles = [known[3]], ["stored"]
    for name, rule in {"cue": None, **RULES}.items():
        memory = nj.Hopfield(64, known, nj.Flips(0.15, exact=True, which=3), rule or nj.Hebb())
        run = nj.simulate(memory, steps=1 if rule is None else 40, dt=1.0, seed=2, record={"s": nj.Trace(nj.hopfield.measures.units)})
        shown.append(run.records["s"][0] if rule is None else run.final_state.state.s)
        titles.append(name)
    folder = study.figures("digits")
    folder.mkdir(parents=True, exist_ok=True)
    figure = plot.plot_patterns(np.stack([np.asarray(one) for one in shown]), (8, 8), titles=titles, columns=6)
    for ax in figure.axes:
        ax.title.set_fontsize("small")
    figure.savefig(folder / "gallery.png", dpi=120)
