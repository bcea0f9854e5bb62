"""States that hold typed keys of `jax.random`, which NumPy knows nothing of: on the host they stay keys, in a file they are words."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj
from tests.engine.models import Coins

KINDS = ["threefry2x32", "rbg"]


def whole(view):
    return view.state


def words(state):
    """The state with the words of its keys."""
    return {"x": np.asarray(state["x"]), "key": np.asarray(jax.random.key_data(state["key"]))}


def same(a, b):
    a, b = words(a), words(b)
    return all(np.array_equal(a[name], b[name]) for name in a)


def by_hand(state, steps):
    """The walk as a plain loop."""
    for _ in range(steps):
        state = Coins().step(state, None, None)
    return state


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_with_keys_in_its_state_continues(kind):
    """31 steps are those of a plain loop; 12 and 19 more are 31, bit for bit, and so are 31 in a trace."""
    model = Coins(kind=kind)
    run = nj.simulate(model, steps=31, dt=1.0, seed=4)
    state = run.final_state.state
    assert str(jax.random.key_impl(state["key"])) == kind
    assert isinstance(state["x"], np.ndarray)
    start = nj.simulate(model, steps=0, dt=1.0, seed=4).final_state.state
    assert same(by_hand(start, 31), state)
    half = nj.simulate(model, steps=12, dt=1.0, seed=4).final_state
    assert same(nj.simulate(model, steps=19, dt=1.0, state=half).final_state.state, state)
    assert same(nj.simulate(model, steps=31, dt=1.0, state=start).final_state.state, state)
    inside = jax.jit(lambda: nj.simulate(model, steps=31, dt=1.0, seed=4).final_state.state)()
    assert same(inside, state)


def test_a_lane_that_breaks_keeps_the_key_before_its_bad_step():
    """1e30 x leaves float32 in step 1: the key has been split once."""
    run = nj.simulate(Coins(1e30), steps=9, dt=1.0, seed=4)
    once = nj.simulate(Coins(1e30), steps=1, dt=1.0, seed=4)
    assert (run.status, run.bad_step) == (2, 1)
    assert same(run.final_state.state, once.final_state.state)


@pytest.mark.parametrize("kind", KINDS)
def test_keys_are_saved_as_words_and_loaded_as_what_the_system_has(tmp_path, kind):
    model = Coins(kind=kind)
    half = nj.simulate(model, steps=12, dt=1.0, seed=4).final_state
    path = nj.save_state(tmp_path / "half.npz", half)
    back = nj.load_state(path, model)
    assert back.state["key"].dtype == half.state["key"].dtype
    assert same(back.state, half.state)
    run = nj.simulate(model, steps=31, dt=1.0, seed=4)
    assert same(nj.simulate(model, steps=19, dt=1.0, state=back).final_state.state, run.final_state.state)


def test_words_of_another_kind_are_no_keys(tmp_path):
    half = nj.simulate(Coins(), steps=3, dt=1.0).final_state
    path = nj.save_state(tmp_path / "half.npz", half)
    with pytest.raises(ValueError, match=r"\['key'\] has shape \(2,\), but Coins has \(4,\)"):
        nj.load_state(path, Coins(kind="rbg"))
    nj.save_state(path, nj.Snapshot({**half.state, "key": np.zeros(2)}, half.key, half.step))
    with pytest.raises(ValueError, match=r"\['key'\] holds float64, but Coins has keys"):
        nj.load_state(path, Coins())


def test_a_derivative_passes_keys_by():
    """x(5) = g^5 + sum_i g^(4 - i) c_i: d x(5) / d g at g = 1 is 5 + sum_i (4 - i) c_i, with coins taken from the trace."""

    def end(gain):
        return nj.simulate(Coins(gain), steps=5, dt=1.0, seed=4).final_state.state["x"][0]

    x = nj.simulate(Coins(), steps=6, dt=1.0, seed=4, record={"x": nj.Trace(lambda view: view.state["x"][0])}).records["x"]
    expected = 5 + np.arange(4, -1, -1) @ np.diff(x)
    assert float(jax.grad(end)(1.0)) == pytest.approx(expected, rel=1e-6)
    assert float(jax.jvp(end, (1.0,), (1.0,))[1]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("kind", [nj.Last, nj.Trace, nj.Mean])
def test_a_record_of_keys_is_refused(kind):
    for call in (nj.simulate, lambda *given, **settings: nj.sweep(*given, {}, **settings)):
        with pytest.raises(TypeError, match=r"record\['s'\]: its measure gives keys"):
            call(Coins(), steps=3, dt=1.0, record={"s": kind(whole)})


class Thrown(nj.System):
    """A model that holds a key: x' = x + c, with coins of that key and the step."""

    key: jax.Array

    def init(self, key):
        return jnp.zeros(3)

    def step(self, state, clock, drawn):
        return state + jax.random.rademacher(jax.random.fold_in(self.key, clock.step), (3,), jnp.float32)


def test_a_model_may_hold_a_key():
    """Against a plain loop, exactly."""
    key, x = jax.random.key(5), np.zeros(3)
    for step in range(7):
        x = x + np.asarray(jax.random.rademacher(jax.random.fold_in(key, step), (3,), jnp.float32))
    assert np.array_equal(nj.simulate(Thrown(key), steps=7, dt=1.0).final_state.state, x)
