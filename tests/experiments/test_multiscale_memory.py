"""The study of memories that Hydra configures: single runs, multiruns as one program, their collection, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf
from PIL import Image

import neurojax as nj
from experiments.multiscale_memory import __main__ as command
from experiments.multiscale_memory import batch, collect, expected, fits, fluctuations, retrieve, settings, tables
from experiments.multiscale_memory.composing import CONF, composed
from neurojax.multiscale import theory

SMALL = ["model.N=12", "model.K=3", "model.tau_J=10", "simulation.T=80", "stationarity_analysis.min_periods=40"]
VARIANTS = sorted(file.stem for file in (CONF / "variants").glob("*.yaml") if file.stem != "none")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(nj, "use_cpus", lambda count: None)


def jobs(*words: str) -> list[settings.Job]:
    return [job for one in composed("config", words) for job in command.jobs_of(one)]


def setups(*words: str) -> list[settings.Setup]:
    known = command.defaults()
    return [settings.checked(job, False, known) for job in jobs(*words)]


def test_the_seeds_variants_and_schedules_are_all_there():
    """Eighteen variants, each a job that passes its checks; schedules hold variants; a schedule's variant gives way to what was typed."""
    assert len(VARIANTS) == 18
    found = setups("--multirun", f"variants={','.join(VARIANTS)}", "model.N=20")
    assert [setup.model.n for setup in found] == [20] * 18
    assert {type(setup.model) for setup in found} == {nj.Multiscale, nj.PatternMatrix}
    assert all(set(OmegaConf.load(file)) <= set(VARIANTS) for file in (CONF / "run_schedule").glob("*.yaml"))
    scheduled = jobs("run_schedule=hebb_conv", "skip_default=false", "model.u=7")
    assert [job.folder.name for job in scheduled][:2] == ["default", "th1_ts2_tJ300"]
    assert {job.config["model"]["u"] for job in scheduled} == {7}
    assert {job.config["model"]["tau_J"] for job in scheduled} == {1000, 300, 400, 40, 200, 16}


def test_keys_that_moved_are_where_the_readme_says():
    """Every `seed's key | ... | `ours`` of the table that has keys on both sides."""
    readme = (Path(command.__file__).parent / "README.md").read_text()
    rows = {row.split("|")[1].strip(): row.split("|")[3] for row in readme.splitlines() if row.startswith("| `")}
    assert "| nine configurations of the collection |" in readme
    assert "`storage.max_size`, `storage.Js_size`" in rows["`max_size`, `Js_size` at the top"]
    assert set(command.defaults()["storage"]) == {"max_size", "Js_size"}
    assert "`log_scale`" in rows["`visualizations.log_scale` of the collection"]
    assert "log_scale" in OmegaConf.load(CONF / "collect.yaml")


def test_jobs_of_one_shape_are_one_group():
    """Numbers and seeds are lanes; another K, another kind of redraw, and frozen synapses are programs of their own."""
    found = batch.grouped(setups("--multirun", "model.tau_J=20,50,infinity", "model.N=10", "simulation.seed=0,1"))
    assert [len(group.setups) for group in found] == [4, 2]
    assert [list(group.columns) for group in found] == [["tau_J"], []]
    found = batch.grouped(setups("--multirun", "model.tau_h=1,2,{min:1,max:3}", "model.K=3,4"))
    assert sorted(len(group.setups) for group in found) == [1, 1, 2, 2]


def test_what_batching_saves():
    """Four jobs of 3 s, of which 2 compile: 2 + 4 x 1 one by one, 4 x 3 in processes of their own."""
    saving = batch.Saving(4, "", 4.0, 2.0, alone=3.0, compiling_alone=2.0)
    assert saving.one_by_one == 6.0
    assert saving.apart == 12.0
    assert batch.Saving(4, "", 4.0, 2.0).one_by_one is None


def test_a_multirun_is_one_program_and_is_collected(tmp_path, capsys):
    """Four jobs in K numbers, one program: each as `nj.simulate` has all of J, 1e-12; every digit in the tables; collected."""
    words = [*SMALL, "model.tau_J=5,10", "simulation.seed=0,3", "hydra.sweep.dir=multirun/2000-01-01/00-00-00"]
    words += ["simulation.T=200", "model_class=coefficients", "batch.compare=false", "batch.devices=1", "--multirun"]
    assert command.main(words) == 0
    said = capsys.readouterr().out
    folder = tmp_path / "multirun/2000-01-01/00-00-00"
    assert "4 jobs in 1 program:" in said
    (saving,) = json.loads((folder / "batch.json").read_text())
    assert saving["jobs"] == 4
    assert 0 < saving["compiling"] < saving["seconds"]
    model = nj.Multiscale(12, nj.Stream(nj.RademacherPatterns(3)), tau_J=10.0)
    record = {"D": nj.Trace(nj.multiscale.measures.distance)}
    run = nj.simulate(model, dt=1.0, steps=200, seed=3, record=record, options=nj.Options(dtype="float64"))
    found = np.genfromtxt(folder / "3/data/simulation_dict.csv", delimiter=",", names=True)
    assert np.abs(found["diff_normF2_k"] - run.records["D"]).max() < 1e-12
    stored = nj.load(folder / "store/N12_K3_200.zarr").sel(seed=3).isel(job=1)["D"].values
    assert np.array_equal(found["diff_normF2_k"], stored)  # not a digit is lost
    assert found["theoretical_y"][0] == pytest.approx(stored[0], abs=1e-12)  # nothing is random yet

    pictures = ["visualizations.static=[fluctuation_scaling_std]", "visualizations.fluct=[]"]
    assert collect.main(["hydra.run.dir=collected", *pictures]) == 0
    assert "comparisons: fluctuation_scaling_std" in capsys.readouterr().out
    rows = pd.read_csv("collected/data/combined_run_stats.csv")
    assert rows["tau_J"].tolist() == [5, 5, 10, 10]
    table = Path("collected/data/combined_table.tex").read_text()
    assert r"\toprule" in table
    assert table.count(r"\\") == 5
    assert Path("collected/static_vis/comparison_plots.pdf").is_file()
    assert Path("collected/static_vis/fluctuation_scaling_std.png").is_file()
    options = ["hydra.run.dir=fewer", "max_runs_to_process=3", "visualizations.static=[residuals]", "visualizations.fluct=[]"]
    assert collect.main(options) == 0
    assert "left out: comparisons of single runs, 4 runs, max_runs_to_process=3: residuals" in capsys.readouterr().out
    assert not Path("fewer/static_vis/residuals.png").exists()


def test_a_single_run_leaves_numbers_pictures_films_and_recalls(tmp_path, capsys):
    """Frames are bounded by what may be kept; a J is recalled from without noise; events have their couplings."""
    pictures = ["visualizations.static=[deltaFnorm2_kt,large_deviations]", "batch.devices=1"]
    films = ["visualizations.dynamic=[synaptic_weights_gif]", "storage.Js_size=1000", "visualizations.frames=50"]
    events = ["large_deviations_callback=on", "large_deviations_callback.width=0.1", "large_deviations_callback.cooldown=5"]
    assert command.main([*SMALL, *pictures, *films, *events, "hydra.run.dir=outputs/1/1"]) == 0
    out = tmp_path / "outputs/1/1"
    assert "2 panels, 1 films" in capsys.readouterr().out
    for name in ("deltaFnorm2_kt", "selected_results"):
        for kind in ("pdf", "png"):
            assert (out / f"static_visualizations/{name}.{kind}").stat().st_size > 1000
    with Image.open(out / "dynamic_visualizations/synaptic_weights.gif") as film:
        assert 2 <= film.n_frames <= 1000 // 144
    kept = np.load(out / "data/large_deviations.npz")
    assert 1 <= len(kept["J"]) <= 4
    assert kept["J"].shape[1:] == (12, 12)
    p = pd.read_csv(out / "data/pattern_probabilities.csv")
    assert p["inferred"].sum() == pytest.approx(1)
    assert retrieve.main(["M=3", "noise_levels=[1.0]", "couplings=[event_0]", "patterns=[2]", "model.beta=100"]) == 0
    (table,) = (pd.read_csv(file) for file in tmp_path.glob("retrieval_outputs/*/*/data/retrieval.csv"))
    assert table["couplings"].tolist() == ["event_0"]
    assert table["target"].iloc[0] > 0.9


def test_moments_between_redraws():
    """E D and Var D at steps within a pattern's time of 4 steps against 40,000 runs of the recursion for J: 4 sigma, 5 %."""
    rng, n, tau_J, steps = np.random.default_rng(0), 9, 8.0, 11
    patterns = rng.choice([-1.0, 1.0], (3, n))
    J0 = np.triu(rng.normal(size=(n, n)), 1)
    J0 = J0 + J0.T
    ensemble = theory.Ensemble.of(patterns, np.array([0.5, 0.3, 0.2]), J0)
    X = np.array([theory.hebbian(one[None]) for one in patterns])
    H = theory.hebbian(patterns, ensemble.probabilities)
    pairs = np.triu_indices(n, 1)
    x, h, J = X[:, *pairs], H[pairs], np.tile(J0[pairs], (40_000, 1))
    for step in range(steps):
        if step % 4 == 0:
            shown = rng.choice(3, len(J), p=ensemble.probabilities)
        J += (x[shown] - J) / tau_J
    D = np.mean((J - h) ** 2, axis=1)
    fade, times = theory.fading(tau_J, 4.0, 1.0), np.array([float(steps)])
    mean, deviation = expected.within(ensemble, fade, times, 4.0, float(theory.rate(tau_J, 1.0)))
    assert abs(D.mean() - mean[0]) < 4 * D.std() / np.sqrt(len(D))
    assert D.var() / deviation[0] ** 2 == pytest.approx(1, abs=0.05)


def test_a_chain_of_patterns_has_its_mean_over_time():
    """Redraws every 5 steps in a cycle: the stationary mean between redraws is `time_average`, far below that at redraws."""
    stream = nj.Stream(np.array([[1.0, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1]]), tau_h=5.0, transitions=nj.Cyclic(0.9))
    model, times = nj.Multiscale(4, stream, tau_J=20.0), np.arange(2000.0)
    ensemble = theory.Ensemble.of(np.asarray(stream.patterns))
    found = expected.expected(model, ensemble, times, 1.0)
    chain = expected.transition_matrix(stream, ensemble.probabilities)
    assert found.mean[-1] == pytest.approx(theory.time_average(ensemble, 20.0, 5.0, 1.0, chain), rel=1e-9)
    assert found.mean[-1] < 0.9 * theory.markov_distance(ensemble, theory.fading(20.0, 5.0, 1.0), chain)
    assert np.isnan(found.exact).all()
    assert not found.holds


def test_scaling_laws_are_found_with_their_intervals():
    """y = 0.3 N^0 K^-0.5 with 2 % noise: exponents within their intervals, which are as narrow as the noise says; exact without noise."""
    rng = np.random.default_rng(1)
    x = np.array([(n, k) for n in (50, 100, 200) for k in (5, 10, 20, 40)], float)
    y = 0.3 * x[:, 1] ** -0.5
    exact = fits.power_law(x, y)
    assert exact.coefficient == pytest.approx(0.3)
    assert exact.exponents == pytest.approx([0, -0.5], abs=1e-12)
    noisy = fits.power_law(x, y * np.exp(0.02 * rng.normal(size=len(y))))
    assert np.all((noisy.intervals[:, 0] < [0, -0.5]) & (noisy.intervals[:, 1] > [0, -0.5]))
    assert np.all(np.diff(noisy.intervals) < 0.1)
    assert np.all(np.isnan(fits.power_law(x[:2, 1:], y[:2]).intervals))
    assert fits.power_law(x[:, 1:], x[:, 1] ** -0.7, free=False).exponents == pytest.approx([-0.7])
    line = np.linspace(1, 2, 12)
    assert len(fits.polynomial(line, 3 * line + 0.01 * rng.normal(size=12)).coefficients) == 2  # not the highest degree
    with pytest.raises(ValueError, match=r"do not determine"):
        fits.power_law(x[:2], y[:2])


def test_typical_theory_is_that_of_orthogonal_patterns():
    """sqrt(2 (F^2 - S_4) (K - 1)) / K, memory.md 2.3: a = 0.95, K = 4; correlation takes off 1 - rho^2."""
    a, K = 0.95, 4
    wanted = np.sqrt(2 * (((1 - a) / (1 + a)) ** 2 - (1 - a) ** 4 / (1 - a**4)) * (K - 1)) / K
    assert fluctuations.typical_deviation(K, 20.0) == pytest.approx(wanted, rel=1e-12)
    assert fluctuations.typical_deviation(K, 20.0, rho=0.6) == pytest.approx(0.64 * wanted, rel=1e-12)


def test_numbers_in_latex():
    rows = pd.DataFrame({"N": [10, 10], "K": [2, 3], "residuals_std": [1.5e-5, np.nan], "tau_J": [20.0, np.inf], "tau_h": ["{a_b}", "1"]})
    text = tables.latex(rows)
    assert r"$2$ & $20$ & \{a\_b\} & $1.5 \cdot 10^{-5}$ \\" in text
    assert r"$3$ & $\infty$ & 1 & -- \\" in text
    assert "in all rows: N = 10" in text


def test_tables_and_labels_name_all_that_varies():
    """Equal rows have a table; seed, p, patterns, noise, activation, method and dt are in it, and in the legends."""
    same = pd.DataFrame([{"N": 4, "K": 2, "tau_J": 3.0, "noise": np.nan, "activation": "none"}] * 2)
    assert r"\begin{tabular}{rrr}" in tables.latex(same)
    assert tables.latex(same).count(r"$4$ & $2$ & $3$ \\") == 2
    kinds = {"seed": (0, 1), "prob_distribution": ("uniform", "{'zipf': 1.0}"), "pattern_distribution": ("rademacher", "gaussian")}
    kinds |= {"noise": (np.nan, 0.1), "activation": ("none", "tanh"), "method": ("map", "rk4"), "dt": (1.0, 0.5)}
    for name, values in kinds.items():
        rows = pd.DataFrame({"N": [4, 4], name: values, "run": ["0", "1"]})
        assert r"\begin{tabular}{r}" in tables.latex(rows), name
        varying, (one, other) = collect.labels(rows)
        assert varying == [name]
        assert one != other


BAD = {
    "+model.tau=3": "there is no model.tau",
    "model.tau_J=-1": r"tau_J=-1.0",
    "model.K=2.5": "model.K=2.5: a whole number",
    "model.K=0": "model.K=0: a whole number of patterns, at least 1, or a load",
    "model.K=-3": "model.K=-3: a whole number of patterns",
    "simulation.use_transients=maybe": "simulation.use_transients='maybe': give true or false",
    "visualizations.log_X=banana": "visualizations.log_X='banana': give true or false",
    "visualizations.frames=0": "visualizations.frames=0: a whole number of at least 2",
    "visualizations.frames=abc": "visualizations.frames='abc': give a number",
    "stationarity_analysis.significance=7": "stationarity_analysis.significance=7: a probability",
    "stationarity_analysis.min_periods=abc": "stationarity_analysis.min_periods='abc'",
    "storage.Js_size=-5": "storage.Js_size=-5: a whole number of at least 0",
    "storage.max_size=0": "storage.max_size=0: a whole number of at least 1",
    "storage.max_size=abc": "storage.max_size='abc': give a number",
    "large_deviations_callback.max_points=abc": "large_deviations_callback.max_points='abc'",
    "save.folders.data=null": "save.folders.data=None: give the name",
    "batch.lanes=0": "batch.lanes=0",
    "model.u=strong": "model.u='strong': give a number",
    "model.tau_h={mean:3}": "{poisson: 5}",
    "model.pattern_distribution=rademecher": "rademacher",
    "model.prob_distribution=[0.5,0.2]": "probabilities",
    "model_class=Hopfield": "model_class='Hopfield'",
    "simulation.T=0.5": "simulation.T=0.5",
    "simulation.method=euler": "simulation.method='euler'",
    "simulation.dtype=float16": "float32 or float64",
    "visualizations.static=[overlap]": "overlaps",
    "visualizations.format=avi": "gif or mp4",
}


@pytest.mark.parametrize("word", BAD)
def test_what_is_refused(word, capsys):
    assert command.main([word]) == 2
    assert BAD[word] in capsys.readouterr().err


def test_what_hydra_and_the_strong_field_refuse(capsys):
    with pytest.raises(SystemExit):
        command.main(["model.tua_J=3"])
    assert "tua_J" in capsys.readouterr().err
    assert command.main(["model_class=coefficients", "model.tau_s=2"]) == 2
    assert "needs tau_s = tau_h = dt" in capsys.readouterr().err
    (half,) = setups("model_class=coefficients", "model.tau_s=0.5", "model.tau_h=0.5", "simulation.dt=0.5")
    made = theory.Ensemble.of(np.eye(4) * 2 - 1)
    assert expected.expected(half.model, made, np.arange(3.0), 0.5).holds
    assert command.main(["model_class=coefficients", "model.u=20"]) == 2
    assert "u > k (N - 1)" in capsys.readouterr().err
    assert command.main(["model.J0=nowhere.npy"]) == 2
    assert "there is no such file" in capsys.readouterr().err


def test_what_is_no_multirun(tmp_path, capsys):
    assert collect.main([]) == 2
    assert "holds no multirun" in capsys.readouterr().err
    assert collect.main(["dir=nowhere"]) == 2
    assert "dir=nowhere: there is no such folder" in capsys.readouterr().err
    (tmp_path / "multirun/2000-01-01/00-00-00").mkdir(parents=True)
    (tmp_path / "multirun/2000-01-01/00-00-00/multirun.yaml").touch()
    assert collect.main(["path=1"]) == 2
    assert "path=1: there are 1 multiruns" in capsys.readouterr().err
    assert collect.main([]) == 2
    assert "holds no run_stats.csv" in capsys.readouterr().err
    assert collect.main(["max_runs_to_process=abc"]) == 2
    assert "max_runs_to_process='abc': give a number" in capsys.readouterr().err
    assert collect.main(["visualizations.fluct=[slice]"]) == 2
    assert "there is no 'slice'" in capsys.readouterr().err
    assert retrieve.main([]) == 2
    assert "holds no run" in capsys.readouterr().err


def test_the_newest_and_the_one_before(tmp_path):
    options = {"dir": None, "root": "multirun", "path": 0}
    for name in ("2000-01-02/00-00-00", "2000-01-01/23-00-00", "2000-01-02/01-00-00"):
        (tmp_path / "multirun" / name).mkdir(parents=True)
        (tmp_path / "multirun" / name / "multirun.yaml").touch()
    assert collect.multirun_folder(options) == Path("multirun/2000-01-02/01-00-00")
    assert collect.multirun_folder(options | {"path": 2}) == Path("multirun/2000-01-01/23-00-00")
