"""Which run is recalled from, and what of it: jobs of schedules and multiruns, stores that grow, options that mean nothing."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import neurojax as nj
from experiments.multiscale_memory import __main__ as command
from experiments.multiscale_memory import batch, retrieve, settings
from experiments.multiscale_memory.composing import composed
from neurojax import cli
from neurojax.multiscale import theory

README = Path(__file__).parents[2] / "README.md"
TINY = ["model.N=6", "simulation.T=30", "batch.compare=false", "batch.devices=1", "visualizations=none"]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(nj, "use_cpus", lambda count: None)


def groups(*words):
    known = command.defaults()
    found = [job for one in composed("config", ["--multirun", *words]) for job in command.jobs_of(one)]
    return batch.grouped([settings.checked(job, False, known) for job in found])


def test_jobs_of_a_multirun_of_schedules_are_recalled_from(capsys):
    """Each with its own beta and J, Hebb's through the activation; the folder of all says what it holds."""
    words = ["run_schedule=hebb_conv", "model.activation=relu", "hydra.run.dir=outputs/1/1"]
    assert command.main([*TINY, *words]) == 0
    for name, beta, job in (("th1_ts2_tJ300", 1, 0), ("th1_ts2_tJ16_b100", 100, 5)):
        found = retrieve.learned(Path("outputs/1/1") / name)
        assert found["beta"] == beta
        data = nj.load(*Path("outputs/1/1/store").glob("*.zarr")).isel(job=job, seed=0)
        assert np.array_equal(found["couplings"]["final"], data["J"].values)
        seen = np.maximum(found["patterns"], 0)
        assert found["couplings"]["hebb"] == pytest.approx(np.tanh(beta) * theory.hebbian(seen, data["made.probabilities"].values))
    assert retrieve.main([]) == 2
    assert "holds 6 jobs; give the folder of one: dir=outputs/1/1/th1_ts2_tJ16_b10" in capsys.readouterr().err
    dir_ = "dir=outputs/1/1/th1_ts2_tJ16_b10"
    assert retrieve.main([dir_, "patterns=2", "couplings=hebb", "M=2", "noise_levels=1.0", "simulation.T=5"]) == 0
    for wrong, said in {
        "noise=flip": "noise='flip'",
        "patterns=0": "patterns=0: a whole number",
        "patterns=[two]": "patterns='two': give a number",
        "patterns=99": "numbers from 1 to",
        "couplings=last": "the run has final, hebb",
        "M=none": "M='none'",
        "noise_levels=[1.5]": "noise_levels=1.5: a number from -1 to 1",
        "model.beta=hot": "model.beta='hot'",
    }.items():
        assert retrieve.main([dir_, wrong]) == 2
        assert said in capsys.readouterr().err


def test_a_run_of_two_programs_is_one_run():
    for name in ("1/1/store/N5_K2_9", "2/1/store/N5_K2_9", "2/1/store/N5_K3_9"):
        (Path("outputs") / f"{name}.zarr").mkdir(parents=True)
    for name in ("1/1", "2/1"):
        (Path("outputs") / name / "stored.json").touch()
    options = {"dir": None, "root": "outputs"}
    assert [retrieve.run_folder(options | {"path": path}) for path in (0, 1)] == [Path("outputs/2/1"), Path("outputs/1/1")]
    with pytest.raises(ValueError, match=r"there are 2 runs"):
        retrieve.run_folder(options | {"path": 2})


@pytest.mark.parametrize(("kind", "flag"), [("run", "--cfg"), ("sweep", "--explain")])
def test_the_shells_examples_in_the_readme(kind, flag, capsys):
    """They mean something."""
    (line,) = (one for one in README.read_text().splitlines() if one.startswith(f"neurojax {kind} multiscale "))
    assert cli.main([*shlex.split(line)[1:], flag]) == 0
    assert {"run": "Poisson", "sweep": "80 lanes"}[kind] in capsys.readouterr().out


def test_a_dynamics_as_the_guide_adds_it(monkeypatch):
    """J stays within the bounds that the key asks for, the tables say that theory is not of it."""
    text = (README.parent / "experiments/multiscale_memory/README.md").read_text()
    (block,) = (one for one in re.findall("```python\n(.*?)```", text, re.S) if "Bounded" in one)
    space: dict = {}
    exec(block, space)
    made = settings._model

    def with_bounded(config):
        if config["model_class"] != "Bounded":
            return made(config)
        own = config["model"]
        shared = {name: settings.number(f"model.{name}", own[name]) for name in ("beta", "u", "tau_s", "tau_J")}
        return space["Bounded"](own["N"], settings._stream(own), bound=settings.number("model.bound", own["bound"]), **shared)

    known = command.defaults()
    known["model"]["bound"] = 0.5
    monkeypatch.setattr(command, "defaults", lambda: known)
    monkeypatch.setattr(settings, "MODELS", (*settings.MODELS, "Bounded"))
    monkeypatch.setattr(settings, "_model", with_bounded)
    assert command.main([*TINY, "model_class=Bounded", "+model.bound=0.25", "model.tau_J=5", "hydra.run.dir=b"]) == 0
    J = retrieve.learned(Path("b"))["couplings"]["final"]
    assert np.abs(J).max() == pytest.approx(0.25)
    assert "theory is not of Bounded" in Path("b/data/run_stats.csv").read_text()


def test_stores_do_not_change_places():
    """Another K before, another length, more values: a program's store keeps its name."""
    assert batch.store_names(groups("model.N=10", "model.K=3", "simulation.T=50")) == ["N10_K3_50"]
    found = batch.store_names(groups("model.N=10", "model.K=2,3", "simulation.T=20,50", "model.tau_J=5,7"))
    assert found == ["N10_K2_20", "N10_K2_50", "N10_K3_20", "N10_K3_50"]
    assert batch.store_names(groups("model.N=10", "model.K=3", "simulation.T=50", "model.tau_h=1,{poisson:2}")) == [
        "N10_K3_50",
        "N10_K3_50_2",
    ]


@pytest.mark.slow
def test_more_values_in_one_folder(capsys):
    """Values of what varies already are added to what is there, which stays as it is."""
    words = ["model_class=coefficients", *TINY, "hydra.sweep.dir=m", "--multirun"]
    assert command.main(["model.K=2", "model.tau_J=5,10", *words]) == 0
    before = nj.load(Path("m/store/N6_K2_30.zarr"))["D"].values
    assert command.main(["model.K=2", "model.tau_J=5,10,20", *words]) == 0
    after = nj.load(Path("m/store/N6_K2_30.zarr"))["D"].values
    assert after.shape[0] == 3
    assert np.array_equal(after[:2], before)
    assert retrieve.main(["dir=m/0"]) == 2
    assert "kept no couplings" in capsys.readouterr().err
