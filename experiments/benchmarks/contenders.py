"""Who takes part, and one measurement of one of them, made in a process of its own."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
from pathlib import Path
from typing import Any

from experiments.benchmarks.case import BLOCK, Case, few_steps, measure


@dataclasses.dataclass(frozen=True)
class Contender:
    """A way to run a case.

    call: "module:function" in this folder, `Case -> Run`; imported only in the child, so that its memory is its own.
    noisy, quiet: whether it takes part with and without noise. batched: many lanes at a time, or one.
    quadratic: a step costs n^2. grain: steps of the first call where it does not. needs: what must be installed.
    """

    label: str
    call: str
    noisy: bool = True
    quiet: bool = True
    batched: bool = True
    quadratic: bool = False
    grain: int = BLOCK
    needs: str | None = None

    @property
    def missing(self) -> str | None:
        """What to install, if anything."""
        absent = self.needs is not None and importlib.util.find_spec(self.needs) is None
        return f"not installed: pip install {self.needs}" if absent else None

    def case(self, n: int, lanes: int, noise: bool) -> Case:
        """The case as this contender can take it."""
        return Case(n, lanes if self.batched else 1, noise)


OURS, PAIRED, PLAIN, LIMIT = "neurojax", "neurojax, paired noise", "plain JAX", "C limit"

CONTENDERS = {
    "ours": Contender(OURS, "ours:independent"),
    "ours_paired": Contender(PAIRED, "ours:paired", quiet=False),
    "plain_jax": Contender(PLAIN, "plain:plain_jax"),
    "numba": Contender("numba", "peers:numba", needs="numba"),
    "jaxkuramoto_batched": Contender("jaxkuramoto, vmapped by hand", "peers:jaxkuramoto_batched", noisy=False, needs="jaxkuramoto"),
    "jaxkuramoto": Contender("jaxkuramoto", "peers:jaxkuramoto", noisy=False, batched=False, needs="jaxkuramoto"),
    "brainmass": Contender("brainmass", "peers:brainmass", noisy=False, batched=False, quadratic=True, needs="brainmass"),
    "kuramoto": Contender("kuramoto", "peers:kuramoto", noisy=False, batched=False, quadratic=True, needs="kuramoto"),
    "notebook": Contender("notebook's NumPy loop", "plain:notebook", batched=False, quadratic=True),
    "limit": Contender(LIMIT, "limit"),
}


def child(name: str, n: int, lanes: int, noise: bool, seconds: float, program: Path | None) -> dict[str, Any]:
    """Measure one contender in this process."""
    contender = CONTENDERS[name]
    case = contender.case(n, lanes, noise)
    if name == "limit":
        from experiments.benchmarks import limit

        if program is None:
            raise ValueError("the limit needs its compiled program")
        return limit.measured(program, case, seconds)
    grain = few_steps(case.n) if contender.quadratic else contender.grain
    return measure(_imported(contender.call)(case), case, grain, seconds)


def _imported(call: str) -> Any:
    module, function = call.split(":")
    return getattr(importlib.import_module(f"experiments.benchmarks.{module}"), function)
