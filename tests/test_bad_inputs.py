"""Bad inputs of every kind: an error that names the argument, the value and the mend, and nothing compiled before it."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from neurojax.engine.compile import traces

MODEL = nj.Kuramoto(10)
R = nj.order_parameter
SNAPSHOT = nj.Snapshot(nj.PhaseState(np.zeros(10), np.zeros(10, int)), np.zeros(2, np.uint32), 5)


def run(model=MODEL, **change):
    return nj.simulate(model, **({"steps": 3, "dt": 0.1} | change))


def sweep(over=None, model=MODEL, **change):
    over = {"coupling": [1.0, 2.0]} if over is None else over
    return nj.sweep(model, over, **({"steps": 3, "dt": 0.1, "record": {"r": nj.Mean(R)}} | change))


def ragged(view):
    return view.state.missing


class NoStep(nj.System):
    def init(self, key):
        return jnp.zeros(2)


class NoDrift(nj.Flow):
    def init(self, key):
        return jnp.zeros(2)


class Growing(nj.System):
    def init(self, key):
        return jnp.zeros(2)

    def step(self, state, clock, drawn):
        return jnp.concatenate([state, state])


class Wide(Growing):
    def step(self, state, clock, drawn):
        return state.astype(jnp.int32)


class Other(Growing):
    def step(self, state, clock, drawn):
        return (state, state)


class TwiceDrawn(Growing):
    def draws(self):
        return [nj.Draw("z", "normal", (2,)), nj.Draw("z", "uniform", (2,))]

    def step(self, state, clock, drawn):
        return state


class OddDraw(TwiceDrawn):
    def draws(self):
        return nj.Draw("z", "gamma", (2,))


class Opaque:
    """A value without a text of its own."""


@dataclasses.dataclass(frozen=True)
class Unhashable(nj.Mean):
    levels: list = dataclasses.field(default_factory=list)


CASES = {
    # the run
    "dt zero": (lambda: run(dt=0.0), "dt=0.0", "positive"),
    "dt negative": (lambda: run(dt=-0.1), "dt=-0.1", "positive"),
    "dt nan": (lambda: run(dt=np.nan), "dt=nan", "positive"),
    "dt text": (lambda: run(dt="fast"), "dt='fast'", "one number"),
    "no length": (lambda: run(steps=None), "duration=None, steps=None", "give one of them"),
    "both lengths": (lambda: run(duration=1.0), "duration=1.0, steps=3", "give one of them"),
    "steps negative": (lambda: run(steps=-1), "steps=-1", "at least 0"),
    "steps fraction": (lambda: run(steps=2.5), "steps=2.5", "whole number"),
    "steps too many": (lambda: run(steps=2**31), "steps=2147483648", "continue it"),
    "duration between steps": (lambda: run(steps=None, duration=1.03), "duration=1.03", "take 1 or 1.1"),
    "duration negative": (lambda: run(steps=None, duration=-1.0), "duration=-1.0", "at least 0"),
    "duration infinite": (lambda: run(steps=None, duration=np.inf), "duration=inf", "finite"),
    "duration text": (lambda: run(steps=None, duration="long"), "duration='long'", "number of time units"),
    "seed float": (lambda: run(seed=1.5), "seed=1.5", "integer"),
    "seed negative": (lambda: run(seed=-1), "seed=-1", "from 0"),
    "seed rbg": (lambda: run(seed=jax.random.key(0, impl="rbg")), "seed", "threefry2x32"),
    "seed many": (lambda: run(seed=jax.random.split(jax.random.key(0))), "seed", "nj.sweep"),
    "system class": (lambda: run(nj.Kuramoto), "system", "you gave the class"),
    "system number": (lambda: run(3), "system=3", "nj.Flow or nj.System"),
    "method text": (lambda: run(method="heun"), "method='heun'", "nj.Heun()"),
    "method of a system": (lambda: run(NoStep(), method=nj.Heun()), "method", "leave method out"),
    "method needs linear": (lambda: run(method=nj.ExponentialEuler()), "linear()", "another method"),
    "dtype": (lambda: run(options=nj.Options(dtype="float16")), "dtype='float16'", "float32 or float64"),
    "checkpoint levels": (lambda: nj.Checkpoint(levels=9), "levels=9", "choose 1, 2, 3, 4"),
    "checkpoint window": (lambda: nj.Checkpoint(window=0), "window=0", "at least 1"),
    "schedule empty": (lambda: nj.Schedule({}), "phases", "at least one"),
    "schedule phase": (lambda: run(steps=None, duration=nj.Schedule({"a": 0.33})), "duration of phase 'a'=0.33", "take 0.3 or 0.4"),
    "schedule change": (lambda: run(steps=None, duration=nj.Schedule({"a": nj.Phase(0.3, {"couplin": 1.0})})), "'couplin'", "'coupling'"),
    "state shape": (lambda: run(state=nj.PhaseState(np.zeros(4), np.zeros(4, int))), "state: .theta", "shape (10,), got (4,)"),
    "state kind": (lambda: run(state=np.zeros(10)), "state", "Kuramoto"),
    # systems
    "no step": (lambda: run(NoStep()), "NoStep", "define step"),
    "no drift": (lambda: run(NoDrift()), "NoDrift", "define drift"),
    "no init": (lambda: run(nj.Flow()), "Flow", "define init"),
    "state grows": (lambda: run(Growing()), "Growing", "keep both"),
    "state changes dtype": (lambda: run(Wide()), "float32[2] into int32[2]", "keep both"),
    "state changes structure": (lambda: run(Other()), "Other", "the state is"),
    "stream twice": (lambda: run(TwiceDrawn()), "stream='z'", "name of its own"),
    "draw kind": (lambda: run(OddDraw()), "kind='gamma'", "'normal', 'uniform' or 'bits'"),
    "history": (lambda: nj.History.filled(jnp.zeros(1), 0), "longest=0", "smaller dt"),
    "sampled kind": (lambda: nj.Sampled(np.zeros(3), 0.1, "cubic"), "kind='cubic'", "'hold' or 'linear'"),
    "sampled empty": (lambda: nj.Sampled(np.zeros(0), 0.1), "values", "at least one sample"),
    # records
    "record list": (lambda: run(record=[nj.Mean(R)]), "record", "dict of records"),
    "record function": (lambda: run(record={"r": R}), "record['r']", "nj.Mean(order_parameter)"),
    "record unhashable": (lambda: run(record={"r": Unhashable(R)}), "record['r']", "hashable"),
    "record measure": (lambda: nj.Mean(3), "measure=3", "function of the view"),
    "record fails": (lambda: run(record={"r": nj.Mean(ragged)}), "record['r']", "missing"),
    "record every": (lambda: nj.Trace(R, every=0), "every=0", "at least 1"),
    "record warmup": (lambda: nj.Mean(R, warmup=-1.0), "warmup=-1.0", "at least 0"),
    "warmup too long": (lambda: run(record={"r": nj.Mean(R, warmup=5.0)}), "record['r'].warmup=5.0", "shorten it"),
    "phase value": (lambda: run(steps=None, duration=nj.Schedule({"a": nj.Phase(0.3, {"noise": -1.0})})), "phase 'a'", "at least 0"),
    "ramp": (lambda: run(nj.Kuramoto(10, coupling=nj.Ramp(0.0, 1.0, 5.0, 5.0))), "end=5.0", "begin must lie before end"),
    "period": (lambda: run(nj.Kuramoto(10, coupling=nj.Sinusoid(0.0, 1.0, 0.0))), "period=0.0", "not be 0"),
    "order noise": (lambda: run(nj.Kuramoto(10, noise=nj.OrderNoise(-1.0, 0.5))), "OrderNoise.scale=-1.0", "at least 0"),
    "long duration": (lambda: run(steps=None, duration=50_000.03, dt=0.05), "duration=50000.03", "50000.05"),
    "record phase": (lambda: run(record={"r": nj.Mean(R, phase="train")}), "phase='train'", "no such phase"),
    "histogram range": (lambda: nj.Histogram(R, range=(1.0, 0.0)), "range=(1.0, 0.0)", "low < high"),
    "histogram bins": (lambda: nj.Histogram(R, bins=0), "bins=0", "one bin"),
    "at nothing": (lambda: nj.At(R), "times=()", "at least one time"),
    "first hold": (lambda: nj.First(R, hold=-1.0), "hold=-1.0", "at least 0"),
    "lags": (lambda: nj.Autocorrelation(R, lags=0), "lags=0", "one lag"),
    "window": (lambda: nj.Spectrum(R, length=1), "length=1", "2 samples"),
    # Kuramoto
    "n zero": (lambda: nj.Kuramoto(0), "n=0", "at least 1"),
    "n fraction": (lambda: nj.Kuramoto(2.5), "n=2.5", "whole number"),
    "coupling nan": (lambda: run(nj.Kuramoto(10, coupling=np.nan)), "coupling=nan", "finite"),
    "coupling shape": (lambda: run(nj.Kuramoto(10, coupling=np.ones(3))), "coupling has shape (3,)", "n=10"),
    "coupling text": (lambda: run(nj.Kuramoto(10, coupling="strong")), "coupling='strong'", "function of time"),
    "noise negative": (lambda: run(nj.Kuramoto(10, noise=-0.1)), "noise=-0.1", "at least 0"),
    "lag infinite": (lambda: run(nj.Kuramoto(10, lag=np.inf)), "lag=inf", "finite"),
    "frequencies shape": (lambda: run(nj.Kuramoto(10, frequencies=np.ones(3))), "frequencies has shape (3,)", "n=10"),
    "frequencies nan": (lambda: run(nj.Kuramoto(3, frequencies=np.array([1, np.nan, 2]))), "frequencies", "finite"),
    "frequencies text": (lambda: run(nj.Kuramoto(10, frequencies="lorentz")), "frequencies='lorentz'", "nj.Normal()"),
    "scale negative": (lambda: run(nj.Kuramoto(10, frequencies=nj.Lorentzian(-1.0))), "scale=-1.0", "positive"),
    "initial shape": (lambda: run(nj.Kuramoto(10, initial=np.ones(3))), "initial has shape (3,)", "n=10"),
    "r0": (lambda: run(nj.Kuramoto(10, initial=nj.WrappedCauchy(1.5))), "r0=1.5", "0 to 1"),
    "graph size": (lambda: run(nj.Kuramoto(10, graph=nj.from_matrix(np.ones((4, 4))))), "4", "10"),
    "graph operator size": (lambda: run(nj.Kuramoto(10, graph=nj.Dense(np.ones((4, 4))))), "graph", "n=10"),
    "graph kind": (lambda: run(nj.Kuramoto(10, graph="ring")), "graph='ring'", "nj.Ring()"),
    "groups": (lambda: nj.group_order(np.zeros(10), 3), "groups=3", "multiple"),
    "threshold": (lambda: nj.Synchronised(1.5), "threshold=1.5", "(0, 1]"),
    "windings": (lambda: nj.effective_frequency(*[nj.PhaseState(np.zeros(2), None)] * 2, 1.0), "windings=False", "windings=True"),
    "metastability": (lambda: nj.metastability(np.zeros(9), "range"), "kind='range'", "'variance' or 'std'"),
    # sweeps
    "over list": (lambda: sweep([1, 2]), "over=[1, 2]", "dict of values"),
    "over name": (lambda: sweep({"couplign": [1.0]}), "over['couplign']", "'coupling'"),
    "over scalar": (lambda: sweep({"coupling": 1.0}), "over['coupling']=1.0", "belongs in the model"),
    "over empty": (lambda: sweep({"coupling": []}), "over['coupling']", "at least one value"),
    "over nan": (lambda: sweep({"coupling": [1.0, np.nan]}), "over['coupling']=nan", "finite"),
    "over twice": (lambda: sweep({"coupling": [1.0, 2.0, 1.0]}), "1.0 occurs twice", "seeds"),
    "over bad value": (lambda: sweep({"noise": [0.1, -0.5]}), "over['noise']=-0.5", "at least 0"),
    "over static bad": (lambda: sweep({"n": [10, 0]}), "over['n']=0", "at least 1"),
    "over dt bad": (lambda: sweep({"dt": [0.1, 0.0]}), "dt=0.0", "positive"),
    "over two spellings": (lambda: sweep({"scale": [1.0], "frequencies.scale": [2.0]}), "on two axes", "keep one"),
    "over whole and part": (lambda: sweep({"frequencies": [nj.Delta()], "scale": [2.0]}), "on two axes", "keep one"),
    "zip twice": (lambda: nj.zip(coupling=[1.0, 1.0], noise=[0.1, 0.1]), "occurs twice", "give each once"),
    "state snapshots": (lambda: sweep(state=lambda values, seed: SNAPSHOT), "snapshot", "`.state`"),
    "record as dimension": (lambda: sweep(record={"r": nj.Trace(R), "r_time": nj.Mean(R)}), "record['r_time']", "choose another"),
    "store of the indescribable": (lambda: sweep({"a": [Opaque(), Opaque()]}, lambda a: MODEL, store="x.zarr"), "Opaque", "frozen"),
    "over two axes": (lambda: sweep({"coupling": [1.0], "walk": nj.zip(coupling=[2.0])}), "on two axes", "keep one"),
    "over taken": (lambda: sweep({"seed": [1, 2]}), "over['seed']", "seeds="),
    "zip lengths": (lambda: nj.zip(coupling=[1.0, 2.0], noise=[0.1]), "'noise': 1", "equally many"),
    "random range": (lambda: nj.random_axis({"noise": (1.0, 0.0)}, 5), "(1.0, 0.0)", "low < high"),
    "random log": (lambda: nj.random_axis({"noise": (0.0, 1.0)}, 5, log=["noise"]), "0.0", "low > 0"),
    "cube count": (lambda: nj.latin_hypercube({"noise": (0.0, 1.0)}, 0), "count=0", "at least 1"),
    "seeds zero": (lambda: sweep(seeds=0), "seeds=0", "at least one"),
    "seeds twice": (lambda: sweep(seeds=[1, 1]), "occurs twice", "same numbers"),
    "seeds float": (lambda: sweep(seeds=2.0), "seeds=2.0", "how many"),
    "record none": (lambda: sweep(record={}), "record", "nj.Mean(nj.order_parameter)"),
    "record taken": (lambda: sweep(record={"coupling": nj.Mean(R)}), "record['coupling']", "choose another"),
    "record shapes": (lambda: sweep({"n": [4, 5]}, record={"x": nj.Last(nj.phases)}), "record['x'] has shape (4,)", "(5,)"),
    "rng": (lambda: nj.SweepOptions(rng="shared"), "rng='shared'", "'paired' or 'independent'"),
    "lanes": (lambda: nj.SweepOptions(lanes=0), "lanes=0", "at least 1"),
    "memory": (lambda: sweep(options=nj.SweepOptions(max_memory=10)), "max_memory=10", "allow more"),
    "devices": (lambda: sweep(options=nj.SweepOptions(devices=99)), "devices=99", "nj.use_cpus"),
    "cpus": (lambda: nj.use_cpus(0), "count=0", "at least 1"),
    "built": (lambda: sweep({"a": [1.0, -1.0]}, lambda a: nj.Kuramoto(5, noise=a)), "built from {'a': -1.0}", "at least 0"),
    "store missing": (lambda: nj.load("nowhere.zarr"), "'nowhere.zarr'", "nothing there"),
    "shard order": (lambda: nj.SweepOptions(shard=(4, 4)), "shard=(4, 4)", "from 0 to n - 1"),
    "shard text": (lambda: nj.SweepOptions(shard="0/4"), "shard='0/4'", "(i, n)"),
    "shard floats": (lambda: nj.SweepOptions(shard=(0.0, 2)), "shard=(0.0, 2)", "(i, n)"),
    "shard nowhere": (lambda: sweep(options=nj.SweepOptions(shard=(0, 2))), "shard=(0, 2)", "store="),
    "retry": (lambda: nj.SweepOptions(retry="all"), "retry='all'", "'diverged'"),
    "invariant": (lambda: nj.SweepOptions(invariant=True), "invariant=True", "function of the view"),
    "invariant of a run": (lambda: run(MODEL, options=nj.Options(invariant=3)), "invariant=3", "function of the view"),
    "invariant's value": (lambda: run(MODEL, options=nj.Options(invariant=R)), "invariant", "one truth value"),
    "invariant's value in a sweep": (lambda: sweep(options=nj.SweepOptions(invariant=nj.phases)), "invariant", "one truth value"),
    "resume nothing": (lambda: nj.resume("nowhere.zarr"), "'nowhere.zarr'", "nothing there"),
    "replay nothing": (lambda: nj.replay("nowhere.zarr", 0), "'nowhere.zarr'", "nothing there"),
    "export nothing": (lambda: nj.export("nowhere.zarr", "x.nc"), "'nowhere.zarr'", "nothing there"),
    "export format": (lambda: nj.export("nowhere.zarr", "x.mat"), "x.mat", ".nc or .csv"),
    "nan in a model": (lambda: run(nj.Kuramoto(10, coupling=np.nan)), "coupling", "nan"),
    "state missing": (lambda: nj.load_state("nowhere.npz", MODEL), "'nowhere.npz'", "no such state file"),
    "save what": (lambda: nj.save_state("x.npz", 3), "snapshot", "run.final_state"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_clear_error_before_anything_is_compiled(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call, *parts = CASES[name]
    before = traces.copy()
    with pytest.raises((ValueError, TypeError, FileNotFoundError, NotImplementedError, AttributeError)) as error:
        call()
    for part in parts:
        assert part in str(error.value), str(error.value)
    allowed = {"open_tiles", "advance_tiles"} if name == "memory" else set()
    assert {program for program in traces if traces[program] > before[program]} <= allowed
    assert list(tmp_path.iterdir()) == []


def test_foreign_and_damaged_files_are_explained(tmp_path):
    (tmp_path / "folder.zarr").mkdir()
    with pytest.raises(ValueError, match="not a zarr group"):
        nj.load(tmp_path / "folder.zarr")
    damaged = tmp_path / "state.npz"
    damaged.write_bytes(b"PK\x03\x04 nonsense")
    with pytest.raises(ValueError, match="not a state file"):
        nj.load_state(damaged, MODEL)
    other = nj.save_state(tmp_path / "other.npz", run(nj.Kuramoto(4)).final_state)
    with pytest.raises(ValueError, match="has shape"):
        nj.load_state(other, MODEL)
    with pytest.raises(ValueError, match="give the system it came from"):
        nj.load_state(other, nj.Kuramoto(4, windings=False))
