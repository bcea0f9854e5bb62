"""From a job's configuration to a model, the length of its run and what is recorded of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import neurojax as nj
from experiments.multiscale_memory.checks import check_flags, number, whole, word
from experiments.multiscale_memory.expected import strength
from experiments.multiscale_memory.records import records_of
from neurojax.engine.paths import nearest

MODELS = ("default", "coefficients", "MemoryMatrixAssociativeMemory")
PATTERNS = {"rademacher": nj.RademacherPatterns, "gaussian": nj.GaussianPatterns, "uniform": nj.UniformPatterns}
METHODS = {"map": lambda: "map", "rk4": nj.RK4, "heun": nj.Heun, "exponential": nj.ExponentialEuler}


@dataclasses.dataclass(frozen=True)
class Job:
    """One run that was asked for: its configuration, the folder it writes to, what it was called on the command line."""

    config: dict[str, Any]
    folder: Path
    label: str = ""

    def folder_of(self, kind: str) -> Path:
        """Folder of "data", "static_vis" or "dynamic_vis"."""
        return self.folder / self.config["save"]["folders"][kind]


@dataclasses.dataclass(frozen=True)
class Setup:
    """A job, checked: its model, the arguments of its run, its records. detail: whether it keeps what pictures need."""

    job: Job
    model: Any
    seed: int
    run: dict[str, Any]
    record: dict[str, nj.Record]
    detail: bool
    left_out: tuple[str, ...] = ()

    @property
    def dt(self) -> float:
        return self.run["dt"]

    @property
    def kind(self) -> str:
        return self.job.config["model_class"]


def checked(job: Job, detail: bool, defaults: Mapping[str, Any]) -> Setup:
    """A job as a setup. detail: record what pictures and films need. defaults: the configuration without overrides, for its keys.

    Errors: ValueError or TypeError that name the key, the value and the mend.
    """
    config = job.config
    _check_keys(config, defaults)
    check_flags(config, defaults)
    _check_outputs(config)
    kind, simulation = word("model_class", config["model_class"], MODELS), config["simulation"]
    model = _model(config)
    if kind == "coefficients":
        _check_steps(config)
    model.check()
    dt, duration = number("simulation.dt", simulation["dt"]), number("simulation.T", simulation["T"])
    if not 0 < dt <= duration:
        raise ValueError(f"simulation.T={duration}, simulation.dt={dt}: give a step above 0 and a time of at least one step")
    seed = whole("simulation.seed", simulation["seed"], 0)
    every = whole("simulation.every", simulation["every"], 1)
    if simulation["dtype"] not in ("float32", "float64"):
        raise ValueError(f"simulation.dtype={simulation['dtype']!r}: choose float32 or float64")
    if kind == "coefficients":
        _check_strong(model)
    from neurojax.engine.schedule import whole_steps

    steps = whole_steps(duration, dt, "simulation.T")
    record, left_out = records_of(config, model, steps, dt, every, detail)
    run = {"dt": float(dt), "steps": steps, "dtype": simulation["dtype"]}
    return Setup(job, model, seed, run, record, detail, tuple(left_out))


def _check_keys(config: Mapping[str, Any], defaults: Mapping[str, Any], prefix: str = "") -> None:
    """Refuse keys, added with `+`, that mean nothing."""
    for key, value in config.items():
        if key not in defaults:
            known = [prefix + str(one) for one in defaults]
            raise ValueError(f"there is no {prefix}{key}; {nearest(prefix + str(key), known)}")
        if isinstance(defaults[key], Mapping) and isinstance(value, Mapping):
            _check_keys(value, defaults[key], f"{prefix}{key}.")
        elif isinstance(defaults[key], Mapping) != isinstance(value, Mapping) and prefix != "model.":
            raise ValueError(f"{prefix}{key}={value!r}: " + ("give its keys one by one" if value is None else "has the wrong form"))


def _check_outputs(config: Mapping[str, Any]) -> None:
    """Numbers that no model has: of storage, batches, tests and films."""
    for key, least in (("max_size", 1), ("Js_size", 0)):
        whole(f"storage.{key}", config["storage"][key], least)
    for key in ("devices", "lanes"):
        if config["batch"][key] is not None:
            whole(f"batch.{key}", config["batch"][key], 1)
    whole("visualizations.frames", config["visualizations"]["frames"], 2)
    asked = config["stationarity_analysis"]
    if not 0 < number("stationarity_analysis.significance", asked["significance"]) < 1:
        raise ValueError(f"stationarity_analysis.significance={asked['significance']!r}: a probability between 0 and 1, for example 0.01")
    for key, least in (("window_size", 1), ("min_periods", 20), ("bins", 1)):
        whole(f"stationarity_analysis.{key}", asked[key], least)
    callback = config["large_deviations_callback"]
    for key, least in (("max_points", 1), ("max_N", 0)):
        whole(f"large_deviations_callback.{key}", callback[key], least)
    for key in ("cooldown", "width"):
        number(f"large_deviations_callback.{key}", callback[key], 0)
    for kind, name in config["save"]["folders"].items():
        if not isinstance(name, str) or not name:
            raise ValueError(f"save.folders.{kind}={name!r}: give the name of a folder")


def _model(config: Mapping[str, Any]) -> Any:
    own, kind = config["model"], config["model_class"]
    n = whole("model.N", own["N"], 2)
    shared: dict[str, Any] = {name: number(f"model.{name}", own[name]) for name in ("beta", "u", "tau_s")}
    if kind == "MemoryMatrixAssociativeMemory":
        return nj.PatternMatrix(
            n,
            _stream(own),
            rows=None if own["rows"] is None else whole("model.rows", own["rows"], 1),
            sharpness=number("model.beta_Xi", own["beta_Xi"]),
            recall=number("model.recall", own["recall"]),
            tau_Xi=number("model.tau_Xi", own["tau_Xi"]),
            tau_T=number("model.tau_T", own["tau_T"]),
            delay=whole("model.delay_transition", own["delay_transition"], 1),
            **shared,
        )
    shared |= {
        "k": None if own["k"] is None else number("model.k", own["k"]),
        "tau_J": number("model.tau_J", own["tau_J"]),
        "activation": own["activation"],
        "s0": _array("model.s0", own["s0"]),
        "J0": _array("model.J0", own["J0"]),
    }
    if kind == "coefficients":
        del shared["tau_s"]  # a step, as `_check_steps` has it
        return nj.CoefficientMap(n, _stream(own), grid=number("simulation.dt", config["simulation"]["dt"]), **shared)
    simulation = config["simulation"]
    word("simulation.method", simulation["method"], METHODS)
    mapped = simulation["method"] == "map"
    block = None if simulation["block"] is None else whole("simulation.block", simulation["block"], 1)
    tally = mapped and own["activation"] == "none"
    return nj.Multiscale(n, _stream(own), method=METHODS[simulation["method"]](), block=block, tally=tally, **shared)


def _stream(own: Mapping[str, Any]) -> nj.Stream:
    kind = own["pattern_distribution"]
    if isinstance(kind, str) and kind.endswith(".npy"):
        patterns = _array("model.pattern_distribution", kind)
    elif kind in PATTERNS:
        count = number("model.K", own["K"])
        if not count > 0 or (count >= 1 and (np.isinf(count) or count != round(count))):
            raise ValueError(f"model.K={own['K']!r}: a whole number of patterns, at least 1, or a load above 0 and below 1")
        size: dict[str, Any] = {"count": int(count)} if count >= 1 else {"load": count}
        patterns = PATTERNS[kind](
            **size, correlation=number("model.rho", own["rho"]), scale=number("model.pattern_scale", own["pattern_scale"])
        )
    else:
        mend = nearest(str(kind), list(PATTERNS))
        raise ValueError(f"model.pattern_distribution={kind!r}: {mend}; or give the name of a file .npy of an array (K, N)")
    return nj.Stream(
        patterns,
        _choice("model.prob_distribution", own["prob_distribution"], {"zipf": nj.Zipf, "dirichlet": nj.Dirichlet}, "uniform", None),
        _times(own["tau_h"]),
        _choice("model.transitions", own["transitions"], {"repeating": nj.Repeating, "cyclic": nj.Cyclic}, None, None),
        None if own["noise"] is None else number("model.noise", own["noise"]),
    )


def _times(value: Any) -> Any:
    if isinstance(value, Mapping) and set(value) == {"min", "max"}:
        return nj.RandomPeriod(whole("model.tau_h.min", value["min"], 1), whole("model.tau_h.max", value["max"], 1))
    if isinstance(value, Mapping) and set(value) == {"poisson"}:
        return nj.Poisson(number("model.tau_h.poisson", value["poisson"]))
    if isinstance(value, Mapping):
        raise ValueError(f"model.tau_h={dict(value)}: give a time, {{min: 1, max: 10}}, or {{poisson: 5}}")
    return number("model.tau_h", value)


def _choice(name: str, value: Any, kinds: Mapping[str, Callable[[float], Any]], word: str | None, default: Any) -> Any:
    """A kind with its one number, `{zipf: 1.0}`; a list as an array; the default for its word."""
    if value == word:
        return default
    if isinstance(value, Mapping) and len(value) == 1 and set(value) <= set(kinds):
        ((kind, size),) = value.items()
        return kinds[kind](number(f"{name}.{kind}", size))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return np.asarray(value, float)
    shown = ", ".join(f"{{{kind}: 0.5}}" for kind in kinds)
    raise ValueError(f"{name}={value!r}: give {word or 'null'}, {shown}, or a list of numbers")


def _array(name: str, value: Any) -> Any:
    if isinstance(value, str):
        if not Path(value).is_file():
            raise FileNotFoundError(f"{name}={value}: there is no such file (now in {Path.cwd()})")
        return np.load(value)
    return np.asarray(value, float) if isinstance(value, list) else value


def _check_steps(config: Mapping[str, Any]) -> None:
    """The K numbers stand for J where a redraw is a step and neurons follow within it."""
    own, simulation = config["model"], config["simulation"]
    if not own["tau_s"] == own["tau_h"] == simulation["dt"] or simulation["method"] != "map":
        raise ValueError(
            f"model_class=coefficients with model.tau_s={own['tau_s']}, model.tau_h={own['tau_h']}, simulation.method="
            f"{simulation['method']}: needs tau_s = tau_h = dt and the map; take model_class=default"
        )


def _check_strong(model: Any) -> None:
    """And where the field wins at once."""
    if model.u <= nj.multiscale.theory.lock_in_field(model.n, strength(model)):
        raise ValueError(f"model_class=coefficients with model.u={model.u:g}: the field must win, u > k (N - 1); take model_class=default")
