"""A user's own model of twenty lines gets everything that ours have, without an import from inside the engine."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurojax as nj

SOURCE = '''
import jax.numpy as jnp
import neurojax as nj


class FitzHughNagumo(nj.Flow):
    """dv = (v - v^3/3 - w + I) dt + sigma dW, dw = (v + a - b w) / tau dt."""

    current: float = 0.5
    a: float = 0.7
    b: float = 0.8
    tau: float = 12.5
    noise: float = 0.1

    def init(self, key):
        return {"v": jnp.asarray(-1.0), "w": jnp.asarray(-0.5)}

    def drift(self, x, clock):
        v, w = x["v"], x["w"]
        return {"v": v - v**3 / 3 - w + self.current, "w": (v + self.a - self.b * w) / self.tau}

    def diffusion(self, x, clock):
        return {"v": self.noise, "w": None}


def voltage(view):
    return view.state["v"]
'''


@pytest.fixture(scope="module")
def my():
    space: dict = {}
    exec(SOURCE, space)
    return space


def test_it_has_about_twenty_lines_and_no_private_import():
    code = [line for line in SOURCE.splitlines() if line.strip()]
    assert len(code) < 25
    assert "engine" not in SOURCE


def test_it_spikes_where_theory_says(my):
    """Without noise: rest at I = 0, a limit cycle at I = 0.5 (Hopf points near 0.33 and 1.42; FitzHugh 1961)."""
    swing = {}
    for current in (0.0, 0.5, 1.6):
        model = my["FitzHughNagumo"](current=current, noise=0.0)
        record = {"low": nj.Minimum(my["voltage"], warmup=200.0), "high": nj.Maximum(my["voltage"], warmup=200.0)}
        out = nj.simulate(model, duration=400.0, dt=0.05, record=record).records
        swing[current] = float(out["high"] - out["low"])
    assert swing[0.0] < 1e-3
    assert swing[0.5] > 3
    assert swing[1.6] < 1e-2


def test_it_is_swept_stored_continued_and_differentiated(my, tmp_path):
    model, voltage = my["FitzHughNagumo"](), my["voltage"]
    record = {"v": nj.Trace(voltage, every=10), "mean": nj.Mean(voltage)}
    data = nj.sweep(
        model, {"current": [0.0, 0.5], "noise": [0.05, 0.2]}, seeds=3, duration=50.0, dt=0.1, record=record, store=tmp_path / "my.zarr"
    )
    assert data.v.shape == (2, 2, 3, 50)
    assert np.array_equal(nj.load(tmp_path / "my.zarr").v, data.v)
    assert float(data["mean"].sel(current=0.5).mean()) > float(data["mean"].sel(current=0.0).mean())
    whole = nj.simulate(model, steps=100, dt=0.1, seed=1, record=record)
    half = nj.simulate(model, steps=51, dt=0.1, seed=1, record=record)
    path = nj.save_state(tmp_path / "half.npz", half.final_state)
    rest = nj.simulate(model, steps=49, dt=0.1, record=record, state=nj.load_state(path, model))
    assert np.array_equal(rest.final_state.state["v"], whole.final_state.state["v"])

    def mean(current):
        options = nj.Options(dtype="float64")
        return nj.simulate(my["FitzHughNagumo"](current=current), steps=100, dt=0.1, record=record, options=options).records["mean"]

    with jax.enable_x64(True):
        slope = float(jax.grad(mean)(jnp.asarray(0.3)))
        difference = (float(mean(jnp.asarray(0.3 + 1e-6))) - float(mean(jnp.asarray(0.3 - 1e-6)))) / 2e-6
    assert slope == pytest.approx(difference, rel=1e-6)
