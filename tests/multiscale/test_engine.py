"""What the engine promises of every System, held by memories: platforms, lanes, devices, faults, stores, stopping, gradients."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from neurojax.engine.compile import traces
from neurojax.multiscale import measures
from neurojax.multiscale.measures import similarities
from tests.test_lowering import lowered

STREAM = nj.Stream(nj.RademacherPatterns(3), nj.Zipf(), nj.Poisson(3.0), nj.Repeating(0.3), noise=0.1)
QUIET = nj.Stream(nj.GaussianPatterns(3), tau_h=2.0)
SYSTEMS = {
    "map": nj.Multiscale(12, STREAM, 1.0, 2.0, tau_J=10.0),
    "deferred": nj.Multiscale(12, QUIET, 1.0, 2.0, tau_J=10.0, block=4, tally=True),
    "flow": nj.Multiscale(12, STREAM, 1.0, 2.0, tau_J=10.0, method=nj.RK4(), activation="tanh"),
    "events": nj.EventMap(12, STREAM, 1.0, 2.0, tau_J=10.0),
    "coefficients": nj.CoefficientMap(12, QUIET, 1.0, 2.0, tau_J=10.0),
    "sequences": nj.PatternMatrix(12, STREAM, 3, 0.2, 1.0, 2.0, 2.0, tau_Xi=10.0, tau_T=5.0, delay=3),
}
TIMES = [5.0, 10.0, 20.0, 40.0]
NAMES = list(SYSTEMS)


def records(name):
    """D and J, or what there is."""
    measure = similarities if name == "sequences" else measures.distance
    return {"D": nj.Trace(measure, every=4), "w": nj.Last(measures.couplings if name in ("map", "deferred", "flow") else measure)}


def scalar(name):
    """A measure of one number."""
    return measures.distance if name != "sequences" else mean_similarity


def mean_similarity(view):
    return jnp.mean(similarities(view))


def swept(name, values=TIMES, over="tau_J", **options):
    options = {"lanes": 2, "devices": 1, "progress": False} | options
    over = "tau_Xi" if name == "sequences" else over
    return nj.sweep(SYSTEMS[name], {over: values}, seeds=2, steps=24, dt=0.5, record=records(name), options=nj.SweepOptions(**options))


def mean_distance(name, steps=24, dtype="float64", **parameters):
    """Mean of D over a run, as a function of parameters."""
    system = dataclasses.replace(SYSTEMS[name], **parameters)
    record = {"D": nj.Mean(scalar(name))}
    return nj.simulate(system, steps=steps, dt=0.5, record=record, options=nj.Options(dtype=dtype)).records["D"]


@pytest.mark.parametrize("name", NAMES)
def test_a_run_and_its_gradient_lower(name):
    """For cuda and tpu, from here."""
    run = lambda value: mean_distance(name, 6, "float32", **{"tau_s" if name == "sequences" else "tau_J": value})  # noqa: E731
    assert lowered(jax.jit(run), jnp.asarray(10.0))
    assert lowered(jax.jit(jax.grad(run)), jnp.asarray(10.0))


def quick(*names):
    """All systems, of which only these in the quick run."""
    return [name if name in names else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]


def along(name):
    """D as a function of parameters, and where: float64."""
    fields = {"tau_Xi": 10.0, "tau_T": 5.0, "recall": 2.0} if name == "sequences" else {"tau_J": 10.0, "beta": 1.0, "u": 2.0}
    return lambda values: mean_distance(name, **dict(zip(fields, values, strict=True))), jnp.asarray(list(fields.values()))


@pytest.mark.parametrize("name", quick("sequences"))
def test_gradients_are_differences(name):
    """Reverse mode against central differences in float64, relative 1e-6, draws held."""
    with jax.enable_x64(True):
        run, at = along(name)
        both = jax.jit(jax.value_and_grad(run))
        slopes = np.asarray(both(at)[1])
        steps = 1e-5 * np.diag(np.asarray(at))
        wanted = np.array([(both(at + step)[0] - both(at - step)[0]) / (2 * step.sum()) for step in steps])
        assert np.all(np.abs(slopes) > 1e-6)
        assert slopes == pytest.approx(wanted, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_forward_mode_is_reverse_mode(name):
    """Along all parameters at once, relative 1e-9."""
    with jax.enable_x64(True):
        run, at = along(name)
        forward = jax.jit(lambda values: jax.jvp(run, (values,), (jnp.ones_like(values),))[1])
        assert forward(at) == pytest.approx(np.asarray(jax.jit(jax.grad(run))(at)).sum(), rel=1e-9)


@pytest.mark.parametrize("tally", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_gathered_updates_have_the_same_gradients(tally):
    """Criterion 6: of the deferred form, with the tally and without, those of the direct form, relative 1e-9 in float64, over 100 steps;
    these against central differences, relative 1e-6."""
    at = np.array([10.0, 1.0])
    with jax.enable_x64(True):

        def both(**form):
            def run(values):
                model = nj.Multiscale(12, QUIET, values[1], 2.0, tau_J=values[0], **form)
                record = {"D": nj.Mean(measures.distance)}
                return nj.simulate(model, steps=100, dt=1.0, record=record, options=nj.Options(dtype="float64")).records["D"]

            return jax.jit(jax.value_and_grad(run))

        direct, deferred = both(), both(block=8, tally=tally)
        slope = np.asarray(direct(jnp.asarray(at))[1])
        assert np.asarray(deferred(jnp.asarray(at))[1]) == pytest.approx(slope, rel=1e-9)
        steps = 1e-5 * np.diag(at)
        wanted = [(direct(jnp.asarray(at + step))[0] - direct(jnp.asarray(at - step))[0]) / (2 * step.sum()) for step in steps]
        assert np.all(np.abs(slope) > 1e-6)
        assert slope == pytest.approx(np.array(wanted), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_lanes_do_not_depend_on_their_company(name):
    """With other lanes per kernel the same to rounding, float64, 1e-9."""
    wide, narrow = (swept(name, lanes=lanes, dtype="float64") for lanes in (4, 1))
    assert np.abs(wide.D - narrow.D).max() < 1e-9
    assert np.abs(wide.D).max() > 0.1


@pytest.mark.slow
def test_two_devices():
    """J has the same bits as on one. (Of a small sum over J, XLA's program for two devices may round the last bit otherwise.)"""
    one, two = (swept("deferred", lanes=1, devices=devices, dtype="float64") for devices in (1, 2))
    assert np.array_equal(one.w, two.w)
    assert np.abs(one.D - two.D).max() < 1e-14


@pytest.mark.parametrize("name", quick("deferred"))
def test_stopped_and_continued(name, tmp_path):
    """At an odd step, through a file: the same bits as without stopping."""
    kept = {"dt": 0.5, "record": records(name)}
    whole, half = (nj.simulate(SYSTEMS[name], steps=steps, **kept) for steps in (24, 11))
    nj.save_state(tmp_path / "half.npz", half.final_state)
    rest = nj.simulate(SYSTEMS[name], steps=13, state=nj.load_state(tmp_path / "half.npz", SYSTEMS[name]), **kept)
    ours, theirs = jax.tree.leaves(rest.final_state.state), jax.tree.leaves(whole.final_state.state)
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert np.array_equal(np.concatenate([half.records["D"], rest.records["D"]]), whole.records["D"])


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES[:3])
def test_a_memory_that_blows_up_leaves_the_others_alone(name):
    """A strength k beyond float32 overflows: marked, and the others' bits are those of a sweep without it."""
    broken, calm = (swept(name, [0.5, bad, 0.9, 1.5], "k") for bad in (3e38, 1.2))
    assert broken.status.values[:, 0].tolist() == [1, 2, 1, 1]
    keep = [0, 2, 3]
    assert np.array_equal(broken.D[keep], calm.D[keep])


def test_the_store_of_a_sweep_resumes(tmp_path):
    """More values are asked for: only those are run, and the rest keeps its bits; one program for all of one shape."""
    settings = {"seeds": 2, "steps": 24, "dt": 0.5, "record": records("map"), "store": tmp_path / "m.zarr"}
    options = nj.SweepOptions(lanes=2, devices=1, progress=False)
    first = nj.sweep(SYSTEMS["map"], {"tau_J": TIMES[:2]}, options=options, **settings)
    traces.clear()
    more = nj.sweep(SYSTEMS["map"], {"tau_J": TIMES}, options=options, **settings)
    assert traces["advance_tiles"] <= 1
    assert np.array_equal(more.D[:2], first.D)
    assert np.array_equal(more.D, swept("map").D)
