"""Memories from a shell."""

import neurojax as nj


def test_run(neurojax):
    """The shipped example, smaller: D falls to Hebb's, every neuron follows the field."""
    stream = "stream=Stream(RademacherPatterns(4), tau_h=Poisson(2))"
    said = neurojax("run", "multiscale", "n=20", "tau_J=20", stream, "steps=200", "figure=m.png")
    assert said.code == 0, said.err
    assert "tracking" in said.out


def test_sweep(neurojax, unexplained):
    """Axes replaced; the store has what Python reads."""
    said = neurojax("sweep", "multiscale", "n=10", "over.tau_J=[5,20]", "over.u=[40]", "seeds=2", "steps=60", "store=m.zarr", "figure=null")
    assert said.code == 0, said.err
    data = nj.load("m.zarr")
    fast, slow = data.D.sel(u=40).mean("seed").values
    assert fast > slow > 0


def test_help_and_list(neurojax):
    assert "tau_J" in neurojax("run", "multiscale", "--help").out
    assert "multiscale.distance" in neurojax("list", "measures").out
