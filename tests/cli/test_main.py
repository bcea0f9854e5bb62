import os
import shlex
import subprocess
import sys

import pytest


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",), *((c, "--help") for c in ("run", "sweep", "figures", "info", "list"))])
def test_help_teaches_by_example(neurojax, words):
    said = neurojax(*words)
    assert said.code == 0
    assert said.out.count("\n  neurojax ") >= 1
    assert max(map(len, said.out.splitlines())) <= 140


def test_help_of_a_model(neurojax, neuron):
    assert "coupling     1.0" in neurojax("run", "kuramoto", "--help").out
    said = neurojax("sweep", neuron, "--help")
    assert "tau      12.5" in said.out
    assert "dv = (v - v^3/3" in said.out


def test_every_example_of_the_help_is_understood(neurojax, tmp_path, neuron):
    (tmp_path / "edges.csv").write_text("a b\nb c\n")
    shown = [
        line
        for c, model in (("run", "kuramoto"), ("sweep", "kuramoto"), ("train", "force"), ("run", "hopfield"), ("sweep", "hopfield"))
        for line in neurojax(c, "--help").out.splitlines()
        if line.startswith(f"  neurojax {c} {model}")
    ]
    assert len(shown) >= 24
    for line in shown:
        # JAX has started with the devices of the test session: cores cannot be chosen any more.
        words = [word for word in shlex.split(line.split("   ")[0].strip())[1:] if not word.startswith("cpus=")]
        said = neurojax(*words, "--cfg")
        assert said.code == 0, (line, said.err)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (None, ["kuramoto", "order_parameter", "Trace", "Lorentzian", "WrappedCauchy", "WattsStrogatz", "Heun", "Ramp", "linspace"]),
        ("measures", ["daido_order", "Synchronised"]),
        ("patterns", ["letters", "digits", "random", "read_patterns", "RandomPatterns"]),
        ("cues", ["Flips", "Occlusion"]),
        ("rules", ["Hebb", "Storkey", "Polynomial"]),
        ("dynamics", ["Threshold", "Glauber", "Asynchronous"]),
        ("topologies", ["BarabasiAlbert", "read_graph", "networkx"]),
    ],
)
def test_list(neurojax, kind, names):
    said = neurojax("list", *([kind] if kind else []))
    listed = {line.split()[0]: line.split()[1:] for line in said.out.splitlines() if line.startswith("  ")}
    assert set(names) <= set(listed)
    assert all(listed.values())  # each with a line of its own
    assert not {"Flow", "Topology", "locked_fraction", "Graph"} & set(listed)


def test_version(neurojax):
    import neurojax as nj

    assert neurojax("--version").out == f"neurojax {nj.__version__}\n"


def test_as_a_process(tmp_path):
    program = "import sys; from neurojax.cli import main; code = main(); from jax._src import xla_bridge as b; "
    program += (
        "print(b.backends_are_initialized(), *({'matplotlib', 'xarray', 'hydra', 'sklearn', 'PIL'} & set(sys.modules))); sys.exit(code)"
    )
    environment = {**os.environ, "NEUROJAX_CACHE": str(tmp_path / "cache")}

    def call(*words):
        return subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)

    assert call("-c", program, "list").stdout.endswith("\nFalse\n")
    run = call("-m", "neurojax.cli", "run", "kuramoto", "n=8", "duration=1")
    assert (run.returncode, run.stderr) == (0, "")
    assert list((tmp_path / "cache").iterdir())
