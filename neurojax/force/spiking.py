"""Networks of spiking neurons with readouts: double-exponential synapses, and what the neurons do between and at their spikes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from neurojax.engine.checks import check_number, not_negative, positive, share
from neurojax.engine.system import System, check_part
from neurojax.engine.types import Arrays
from neurojax.force.trainable import Trainable
from neurojax.force.weights import P_MEND

KICK = 70 / 25  # how far above the peak LIF neurons start, in units of peak - reset: their 30 mV


@jax.custom_jvp
def spikes_at(excess: Float[Array, " n"], width: Float[Array, ""]) -> Float[Array, " n"]:
    """1 where the excess over the threshold is not negative, else 0; its derivative is taken to be that of the smooth step
    `(1 + x / (width + |x|)) / 2`.

    Source of the derivative: Zenke and Ganguli 2018, SuperSpike.
    """
    return (excess >= 0).astype(excess.dtype)


@spikes_at.defjvp
def _spikes_at_jvp(primals, tangents):
    (excess, width), (tangent, _) = primals, tangents
    return spikes_at(excess, width), tangent / (2 * width * jnp.square(1 + jnp.abs(excess) / width))


class Neuron(eqx.Module):
    """A kind of neuron: a state of arrays (n,), which a current (n,) drives and a spike resets."""

    def init(self, key: PRNGKeyArray, n: int) -> Any:
        """State of n neurons."""
        raise NotImplementedError

    def step(self, state: Any, current: Float[Array, " n"], dt: Any) -> tuple[Any, Float[Array, " n"]]:
        """State one step later, after the reset of those that spike, and the spikes (n,), 1 or 0."""
        raise NotImplementedError

    def check(self) -> None:
        """Refuse values that make no sense."""


class LIFState(NamedTuple):
    """v (n,), in mV; time (n,) for which a neuron stays as it is after its spike."""

    v: Float[Arrays, " n"]
    wait: Float[Arrays, " n"]


class LIF(Neuron):
    """Leaky integrate-and-fire: `tau dv/dt = -v + bias + I`; at `peak` a spike, v falls to `reset`, and stays there for `refractory`.

    Arguments:
        tau, refractory: times, > 0 and >= 0; 10 and 2 ms. reset, peak: mV, reset < peak. bias: mV; at `peak` the neuron is about to fire.
        width: of the derivative of a spike (`spikes_at`), mV, > 0.

    The refractory time is rounded to whole steps. Source: Nicola and Clopath 2017, Methods.
    """

    tau: Any = 10.0
    refractory: Any = 2.0
    reset: Any = -65.0
    peak: Any = -40.0
    bias: Any = -40.0
    width: Any = 1.0

    def check(self):
        """Positive times, and a peak above the reset."""
        _check_order(self)
        _check_positive(self, "tau", "width")
        check_number("LIF", "refractory", self.refractory, not_negative, "a time of at least 0, for example 2.0 (ms)", shapes=None)

    def init(self, key, n):
        """v uniform from the reset to far above the peak, so that three quarters fire at once and set the others going; none waits."""
        top = self.peak + KICK * (self.peak - self.reset)
        return LIFState(jax.random.uniform(key, (n,), minval=self.reset, maxval=top), jnp.zeros(n))

    def step(self, state, current, dt):
        """Euler's step of those that do not wait."""
        free = state.wait < dt / 2  # as many steps as are nearest to the refractory time
        v = state.v + jnp.where(free, dt / self.tau * (self.bias + current - state.v), 0.0)
        spikes = spikes_at(v - self.peak, jnp.asarray(self.width, v.dtype))
        wait = jnp.where(spikes > 0, self.refractory, jnp.where(free, 0.0, state.wait - dt))
        # Through the resets of a neuron near its threshold derivatives would explode: that of a spike goes on by its synapses alone.
        return LIFState(v + jax.lax.stop_gradient(spikes) * (self.reset - v), wait), spikes


class IzhikevichState(NamedTuple):
    """v (n,), in mV; adaptation u (n,), in pA."""

    v: Float[Arrays, " n"]
    u: Float[Arrays, " n"]


class Izhikevich(Neuron):
    """Izhikevich's neuron: `C dv/dt = k (v - rest) (v - threshold) - u + bias + I`, `du/dt = a (b (v - rest) - u)`; at `peak` a spike:
    v falls to `reset`, and u rises by `jump`.

    Arguments:
        capacitance: C, pF. k: nS/mV. rest, threshold, peak, reset: mV. a: 1/ms. b: nS. jump: d, pA. bias: pA; the neuron fires
            above `k (threshold - rest + b/k)^2 / 4`, here 1000.
        width: of the derivative of a spike (`spikes_at`), mV, > 0.

    Source: Izhikevich 2003; Nicola and Clopath 2017, Methods.
    """

    capacitance: Any = 250.0
    k: Any = 2.5
    rest: Any = -60.0
    threshold: Any = -19.2
    peak: Any = 30.0
    reset: Any = -65.0
    a: Any = 0.01
    b: Any = -2.0
    jump: Any = 200.0
    bias: Any = 1000.0
    width: Any = 1.0

    def check(self):
        """Positive constants, and a peak above the reset."""
        _check_order(self)
        _check_positive(self, "capacitance", "k", "a", "width")

    def init(self, key, n):
        """v uniform between rest and peak, no adaptation."""
        return IzhikevichState(jax.random.uniform(key, (n,), minval=self.rest, maxval=self.peak), jnp.zeros(n))

    def step(self, state, current, dt):
        """Euler's step."""
        v, u = state
        pull = self.k * (v - self.rest) * (v - self.threshold) - u + self.bias + current
        adapted = u + dt * self.a * (self.b * (v - self.rest) - u)
        v = v + dt * pull / self.capacitance
        spikes = spikes_at(v - self.peak, jnp.asarray(self.width, v.dtype))
        done = jax.lax.stop_gradient(spikes)  # as in LIF.step
        return IzhikevichState(v + done * (self.reset - v), adapted + done * self.jump), spikes


def _check_numbers(owner: Any, n: int, names: Sequence[str] | None = None) -> None:
    """Parameters are numbers, or arrays with one for each of n neurons."""
    for name in names or [field.name for field in dataclasses.fields(owner) if not field.metadata.get("static", False)]:
        value = getattr(owner, name)
        if hasattr(value, "draw"):
            continue
        mend = f"give one finite number, or one for each of {n} neurons"
        check_number(type(owner).__name__, name, value, np.isfinite, mend, shapes=((), (n,)))


def _check_order(neuron: Any) -> None:
    reset, peak = neuron.reset, neuron.peak
    if not isinstance(reset, Tracer) and not isinstance(peak, Tracer) and not np.all(np.asarray(reset) < np.asarray(peak)):
        raise ValueError(f"{type(neuron).__name__}(reset={reset!r}, peak={peak!r}): the reset must lie below the peak")


def _check_positive(owner: Any, *names: str) -> None:
    for name in names:
        check_number(type(owner).__name__, name, getattr(owner, name), positive, "give a positive number", shapes=None)


class SpikingWeights(eqx.Module):
    """Weights that are there with probability p, and then N(0, 1 / (p^2 sources)); `balanced`: minus the mean of those of their row.

    Source: Nicola and Clopath 2017, Methods; balanced in their program for LIF neurons.
    """

    p: Any = 0.1
    balanced: bool = eqx.field(static=True, default=False)

    def draw(self, key: PRNGKeyArray, targets: int, sources: int) -> Float[Array, "targets sources"]:
        """The matrix, row i the weights onto neuron i."""
        which, size = jax.random.split(key)
        there = jax.random.uniform(which, (targets, sources)) < self.p
        weights = jnp.where(there, jax.random.normal(size, (targets, sources)), 0.0) / (self.p * jnp.sqrt(sources))
        if not self.balanced:
            return weights
        mean = jnp.sum(weights, axis=1, keepdims=True) / jnp.maximum(jnp.sum(there, axis=1, keepdims=True, dtype=weights.dtype), 1)
        return jnp.where(there, weights - mean, 0.0)

    def check(self) -> None:
        """0 < p <= 1."""
        check_number("SpikingWeights", "p", self.p, share, P_MEND)


class Synapses(NamedTuple):
    """What filters spikes by two exponentials, (n,) each: what they lead to now, and what still drives that."""

    value: Array
    drive: Array


class SpikingState(NamedTuple):
    """State: the neurons'; synaptic current and filtered rates with their drives; outputs z (outputs,), held through a step; who has
    spiked in the step that led here (n,)."""

    neurons: Any
    current: Synapses
    filtered: Synapses
    z: Float[Arrays, " outputs"]
    spikes: Bool[Arrays, " n"]


class SpikingNetwork(Trainable, System):
    """A network of spiking neurons with readouts, which are fed back:

        I = G J s + Q eta z + (what learning has added to J) r + J_I I_ext(t),   z = w r
        s, r: spikes filtered by rise and decay, `dr/dt = -r / rise + h`, `dh/dt = -h / decay + (spikes) / (rise decay)`

    A spike adds an area of 1 to r, which so is a firing rate, in 1 / time. The step is Euler's for the neurons and exact decay for the
    synapses; z is computed once a step, from the r at its end, and held through the next. `Training(SpikingNetwork(...))` is FORCE;
    their P(0) is `RLS(alpha)` with `alpha = 1 / P(0)`: 0.1 dt I, with rates in Hz and dt = 5e-5 s, is alpha = 2e5 s^-2 = 0.2 ms^-2.

    Arguments:
        n: neurons. outputs: readouts. heard: how many neurons the readout hears, the first of them; None for all n.
        neuron: `LIF()`, `Izhikevich()`, or one's own `Neuron`.
        gain: G, in the neuron's unit of current times time; 40 mV ms (their 0.04 mV s) for LIF neurons.
        feedback: Q, in the neuron's unit of current, for outputs without one; 10 mV for LIF neurons. 0 cuts it.
        rise, decay: of the synapses, times, > 0; 2 and 20 ms.
        inputs: external input I_ext(t), a `Signal`, function of time or constant array (channels,), or None.
        recurrent, feedback_weights, input_weights: J, eta, J_I: a recipe or an array, row i the weights onto neuron i. eta is uniform
            in [-1, 1].
        readout: w, (outputs, heard), or one number for all.
        synapses: `PlasticSynapses`, recurrent weights that learn, or None.

    Derivatives take a spike's for that of a smooth step (`spikes_at`): of use for tuning, and not exact.
    Errors: ValueError naming the argument. Source: Nicola and Clopath 2017, Methods, and their programs (ModelDB 190565), which
    take P before an update, not after, as the gain; `izhikevich_network` has the values of their other network.
    """

    n: int = eqx.field(static=True, default=2000)
    neuron: Neuron = eqx.field(default=LIF(), kw_only=True)
    gain: Any = 40.0
    feedback: Any = 10.0
    rise: Any = 2.0
    decay: Any = 20.0
    recurrent: Any = eqx.field(default=SpikingWeights(balanced=True), kw_only=True)

    def __check_init__(self):
        if not isinstance(self.neuron, Neuron):
            raise TypeError(f"SpikingNetwork(neuron={self.neuron!r}): give LIF(), Izhikevich(), or a Neuron of your own")

    def check(self):
        """Refuse values that make no sense."""
        super().check()
        for name in ("gain", "feedback"):
            if getattr(self, name) is None:
                raise ValueError(f"SpikingNetwork({name}=None): give a number; 0 cuts it")
        _check_numbers(self.neuron, self.n)
        check_part(self.neuron)
        _check_numbers(self, self.n, ("rise", "decay"))
        _check_positive(self, "rise", "decay")

    def init(self, key):
        """The neurons' own start; silence."""
        still = Synapses(jnp.zeros(self.n), jnp.zeros(self.n))
        return SpikingState(self.neuron.init(key, self.n), still, still, jnp.zeros(self.outputs), jnp.zeros(self.n, bool))

    def rates(self, state: SpikingState) -> Float[Array, " n"]:
        """The filtered spikes r, in 1 / time."""
        return state.filtered.value

    def step(self, state, clock, drawn):
        """Neurons, then synapses, then the readout."""
        push = state.current.value + self.feedback * (self.feedback_weights @ state.z) + self.driven_by(self.rates(state), clock.time)
        neurons, spikes = self.neuron.step(state.neurons, push, clock.dt)
        current = self._passed(state.current, self.gain * (self.recurrent @ spikes), clock.dt)
        filtered = self._passed(state.filtered, spikes, clock.dt)
        return SpikingState(neurons, current, filtered, self.read(filtered.value), spikes > 0)

    def _passed(self, synapses: Synapses, spikes: Float[Array, " n"], dt: Any) -> Synapses:
        """Synapses a step later, `spikes` of weight 1 or other having come in."""
        value = synapses.value * jnp.exp(-dt / self.rise) + synapses.drive * dt
        return Synapses(value, synapses.drive * jnp.exp(-dt / self.decay) + spikes / (self.rise * self.decay))


def izhikevich_network(n: int = 2000, **network: Any) -> SpikingNetwork:
    """A network of Izhikevich neurons with G = Q = 5000 pA ms, unbalanced; steps of 0.04 ms, updates every 20, P(0) = 2 I (alpha = 0.5).

    Other arguments are those of `SpikingNetwork`. Source: Nicola and Clopath 2017, figure 2.
    """
    settings: dict[str, Any] = {"neuron": Izhikevich(), "gain": 5e3, "feedback": 5e3, "recurrent": SpikingWeights()}
    return SpikingNetwork(n, **(settings | network))
