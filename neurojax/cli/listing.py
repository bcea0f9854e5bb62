"""The text of `neurojax list`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import neurojax as nj
from neurojax.cli.catalogue import PATTERNS, below, measures, models
from neurojax.cli.expressions import AXES, HELPERS
from neurojax.hopfield.cues import DamagedCue
from neurojax.hopfield.dynamics import Units, Updates
from neurojax.kuramoto.phases import Phases
from neurojax.learning import Rule


def kinds() -> dict[str, tuple[str, Mapping[str, Any]]]:
    """For each kind, how it is used on the command line, and its members by name."""
    graphs = {
        **below(nj.Graph, but=(nj.Topology, nj.Given)),
        "read_graph": nj.read_graph,
        "from_matrix": nj.from_matrix,
        "networkx": HELPERS["networkx"],
    }
    return {
        "models": ("neurojax run kuramoto", models()),
        "measures": ("record.r='Mean(order_parameter)'", {**measures(), "state": HELPERS["state"]}),
        "records": ("record.r='Trace(order_parameter, every=10)'", below(nj.Record)),
        "frequencies": ("frequencies='Lorentzian(scale=0.5)'", below(nj.Frequencies)),
        "phases": ("initial='Cluster(0.5)'", below(Phases)),
        "topologies": ("graph='WattsStrogatz(k=6, p=0.1)'", graphs),
        "integrators": ("method='EulerMaruyama()'", below(nj.Integrator)),
        "patterns": ("patterns=digits", {**PATTERNS, **below(nj.hopfield.patterns.PatternRecipe)}),
        "cues": ("cue='Flips(0.2)'", below(nj.Cue, but=(DamagedCue,))),
        "rules": ("rule='PseudoInverse()'", below(nj.StorageRule)),
        "dynamics": ("dynamics='[Asynchronous(), Glauber(0.3)]'", below(Units, Updates)),
        "learning": ("neurojax train force rule='RLS(alpha=0.1)'", below(Rule)),
        "targets": ("neurojax train force target='four_sines()'", _functions(nj.force.targets)),
        "signals": ("coupling='Ramp(0, 4, end=100)'", below(nj.Signal)),
        "noise": ("noise='PhaseNoise(scale=0.3, depth=0.5)'", below(nj.NoiseProfile)),
        "axes": ("over.coupling='linspace(0, 4, 24)'", AXES),
    }


def _functions(module: Any) -> dict[str, Any]:
    """The public functions of a module."""
    found = inspect.getmembers(module, inspect.isfunction)
    return {name: one for name, one in found if one.__module__ == module.__name__ and not name.startswith("_")}


def first_line(value: Any) -> str:
    """The first line of a docstring of its own."""
    own = value.__doc__ if isinstance(value, type) else inspect.getdoc(value)
    return (own or "").strip().split("\n")[0]


def listing(kind: str | None = None) -> str:
    """Text of `neurojax list`."""
    blocks = []
    for title, (example, members) in kinds().items():
        if kind in (None, title):
            width = max(map(len, members), default=0)
            lines = [f"  {name:{width}}  {first_line(one)}".rstrip() for name, one in sorted(members.items(), key=lambda m: m[0].lower())]
            blocks.append("\n".join([f"{title}  ({example})", *lines]))
    return "\n\n".join(blocks)
