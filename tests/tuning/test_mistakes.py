"""Bad inputs: an error that names the argument, the value and the mend, and nothing compiled before it."""

import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from neurojax.engine.compile import traces

MODEL = nj.Kuramoto(10, coupling=1.5, frequencies=nj.Lorentzian(0.5), graph=nj.ErdosRenyi(0.5))
RECORD = {"r": nj.Mean(nj.order_parameter)}


def tune(system=MODEL, objective=lambda records: records["r"], **change):
    settings = {"where": {"coupling": nj.Interval(0, 4)}, "dt": 0.1, "steps": 3, "record": RECORD, "iterations": 1}
    return nj.tune(system, objective, **(settings | change))


CASES = {
    "where empty": (lambda: tune(where={}), ValueError, r"where=\{\}: give at least one parameter"),
    "where number": (lambda: tune(where=3), TypeError, r"where=3: give bounds by parameter"),
    "where pair": (lambda: tune(where={"coupling": (0, 4)}), TypeError, r"where\['coupling'\]=\(0, 4\).*nj\.Interval\(0, 4\)"),
    "where unknown": (lambda: tune(where="couplin"), ValueError, r"where\['couplin'\].*did you mean 'coupling'"),
    "where size": (lambda: tune(where="n"), ValueError, r"where\['n'\]=10: it is a size or a kind.*sweep over it"),
    "where none": (lambda: tune(where="noise"), ValueError, r"where\['noise'\]: it is None in the model; give it a number"),
    "where recipe": (lambda: tune(where="graph.p"), ValueError, r"where\['graph.p'\]: it is drawn on the host"),
    "where object": (lambda: tune(where="frequencies"), ValueError, r"where\['frequencies'\]: it is a Lorentzian.*frequencies\.scale"),
    "where twice": (lambda: tune(where=["coupling", lambda m: m.coupling]), ValueError, r"where: 'coupling' is given twice"),
    "where function": (lambda: tune(where=lambda m: m.missing), ValueError, r"where: its function fails on Kuramoto"),
    "start out of bounds": (lambda: tune(starts={"coupling": [1, 5]}), ValueError, r"starts: coupling = 5 is not within Interval"),
    "start not tuned": (lambda: tune(starts={"lag": [1, 5]}), ValueError, r"starts\['lag'\]: it is not tuned; tuned are coupling"),
    "starts none": (lambda: tune(starts=0), ValueError, r"starts=0: give how many"),
    "starts shape": (lambda: tune(starts={"coupling": [[1.0, 2.0]]}), ValueError, r"starts: coupling has shape \(2,\)"),
    "starts of a function": (lambda: tune(lambda coupling: MODEL), ValueError, r"starts: 'coupling' has no value"),
    "start the model refuses": (
        lambda: tune(nj.Kuramoto(4, noise=0.1), where="noise", starts={"noise": [-1.0]}),
        ValueError,
        r"starts: at noise=-1: noise",
    ),
    "no objective": (lambda: tune(objective=0.5), TypeError, r"objective=0\.5: give a function"),
    "objective of another record": (lambda: tune(objective=lambda one: one["x"]), ValueError, r"asks for the record 'x'; record has r"),
    "objective of shape": (lambda: tune(objective=lambda one: jnp.ones(3)), ValueError, r"objective: it gives float32\[3\]; return one"),
    "no record": (lambda: tune(record=None), ValueError, r"record=\{\}: the objective is a function of records"),
    "no step": (lambda: tune(dt=None), ValueError, r"dt=None: give the time step"),
    "no length": (lambda: tune(steps=None), ValueError, r"nothing is simulated, so give no dt"),
    "seeds": (lambda: tune(seeds=[1, 1]), ValueError, r"a seed occurs twice"),
    "iterations": (lambda: tune(iterations=-1), ValueError, r"iterations=-1"),
    "optimizer": (lambda: tune(optimizer=0.1), TypeError, r"optimizer=0\.1: give one of optax"),
    "options": (lambda: tune(options=nj.Options()), TypeError, r"options=.*give nj\.TuneOptions"),
    "mode": (lambda: nj.TuneOptions(mode="backward"), ValueError, r"mode='backward': choose"),
    "clip": (lambda: nj.TuneOptions(clip=0.0), ValueError, r"clip=0\.0: the largest norm"),
    "no model": (lambda: tune(3), TypeError, r"3"),
    "warm-up": (lambda: tune(record={"r": nj.Mean(nj.order_parameter, warmup=5.0)}), ValueError, r"warmup=5\.0"),
    "nan": (lambda: tune(nj.Kuramoto(4, coupling=1.0, lag=np.nan)), ValueError, r"lag"),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input(name):
    call, kind, words = CASES[name]
    with pytest.raises(kind, match=words):
        call()


def test_nothing_was_compiled():
    """Of the refusals, those of the objective are found by tracing it; no other comes so far."""
    before = traces["iterate"]
    for name in CASES:
        if not name.startswith("objective"):
            test_bad_input(name)
    assert traces["iterate"] == before


def test_a_file_that_is_no_tuning(tmp_path):
    run = nj.simulate(nj.Kuramoto(4), steps=1, dt=0.1)
    path = nj.save_state(tmp_path / "state.npz", run.final_state)
    with pytest.raises(ValueError, match=r"holds no tuning; give another"):
        tune(store=path)
    path.write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"is not a tuning of neurojax, or is damaged.*remove it"):
        tune(store=path)
