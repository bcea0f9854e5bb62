"""The notebook's own: a triangle learned by 1,000 units, as a film of output, updates and rates; its interval of updates."""

from __future__ import annotations

import numpy as np

import neurojax as nj
from experiments.force.common import DT, PAPER, at_most, schedule
from experiments.study import Study
from experiments.table import Row
from neurojax.force import measures, plot
from neurojax.force.targets import Triangle
from neurojax.sweep.plot import save, trace_of

EVERY = 4


def notebook(study: Study) -> list[Row]:
    """dt = 0.1 tau, an update every 10 steps where the notebook's arithmetic makes it 9; triangle of 600 ms, amplitude 1 for its 3."""
    target, train, test = Triangle(600.0, 1.0), study.pick(4800.0, 1200.0), study.pick(2400.0, 1200.0)
    system = nj.Training(nj.RateNetwork(study.pick(1000, 200)), target, nj.RLS(1.0), interval=10)
    record = {
        "z": nj.Trace(measures.output),
        "f": nj.Trace(measures.target),
        "change": nj.Trace(measures.weight_change),
        "rates": nj.Trace(measures.rates, every=EVERY),
    }
    run = nj.simulate(system, duration=schedule(train, test), dt=DT, record=record)
    z, f, change = (trace_of(run, name) for name in ("z", "f", "change"))
    folder = study.figures("notebook")
    save(plot.plot_output(z, f, ends=train), folder, "output", z)
    # Updates fall on every tenth step: a frame shows the largest of the few steps that it stands for.
    largest = change.coarsen(time=EVERY, boundary="trim").max().values
    count = len(largest)
    sparse = z[::EVERY][:count]
    plot.animate_training(
        sparse[:, 0],
        f[::EVERY][:count, 0],
        sparse[:, 0].copy(data=largest),
        trace_of(run, "rates")[:count, :5],
        folder / "training.gif",
        ends=train,
        frames=study.pick(90, 10),
    )
    learned, ends, period = np.abs(z.values - f.values), round(train / DT), round(600 / DT)
    gaps = np.diff(np.flatnonzero(change.values))
    return [
        at_most("mean error of the last period in training", learned[ends - period : ends].mean(), 0.02, "notebook: 0.019"),
        Row("mean error of the frozen test, first period", float(learned[ends:][:period].mean()), 0.0, None, source=PAPER),
        Row("steps between updates (1.0 // 0.1 is 9, the notebook's)", float(gaps.max()), 0.0, 10.0, source="as asked for"),
    ]
