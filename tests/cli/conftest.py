from typing import NamedTuple

import pytest

import neurojax as nj
from neurojax.cli import main

NEURON = '''"""A neuron of one's own."""
from typing import Any, NamedTuple

import neurojax as nj
import jax.numpy as jnp


class Neuron(NamedTuple):
    v: Any
    w: Any


class FitzHughNagumo(nj.Flow):
    """dv = (v - v^3/3 - w + current) dt + noise dW, dw = (v + 0.7 - 0.8 w) / tau dt."""

    current: Any = 0.5
    noise: Any = 0.1
    tau: Any = 12.5

    def init(self, key):
        return Neuron(jnp.array(-1.0), jnp.array(1.0))

    def drift(self, state, clock):
        return Neuron(state.v - state.v**3 / 3 - state.w + self.current, (state.v + 0.7 - 0.8 * state.w) / self.tau)

    def diffusion(self, state, clock):
        return Neuron(self.noise, None)


def voltage(view):
    """Membrane voltage (dimensionless)."""
    return view.state.v


def slow(ratio: float = 2.0) -> FitzHughNagumo:
    return FitzHughNagumo(tau=10 * ratio)
'''


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def neurojax(tmp_path, monkeypatch, capsys):
    """The command in an empty folder: exit code, what it printed, what it complained of."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Said:
        code = main(words)
        return Said(code, *capsys.readouterr())

    return call


@pytest.fixture
def unexplained(monkeypatch):
    """A sweep that does not explain itself, which would compile it twice; `test_explain_and_cfg_write_nothing` has the real thing."""
    monkeypatch.setattr(nj, "explain", lambda *_, **__: "explained")


@pytest.fixture
def neuron(tmp_path):
    path = tmp_path / "neuron.py"
    path.write_text(NEURON)
    return f"{path}:FitzHughNagumo"
