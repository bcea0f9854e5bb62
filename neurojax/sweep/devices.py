"""Hardware: which devices a sweep uses, and how many lanes one kernel takes."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import psutil
from jax.sharding import AxisType, Mesh

from neurojax.engine.checks import check_count

CACHE_BYTES = 512 << 10  # carry per device that keeps a CPU core's second-level cache warm
MOST_LANES = 16_384
FEW_LANES = 4  # of those that fill the cache by themselves
OWN_BYTES = 32 << 10  # of a system; to read so many takes longer than to dispatch the operations of a step
MEMORY_SHARE = 0.5  # of what is free


def use_cpus(count: int) -> None:
    """Make `count` CPU devices of this machine's cores, so that a sweep runs on all of them. Call it before any other use of JAX.

    Errors: RuntimeError if JAX has started with another number of devices.
    """
    check_count("", "count", count, "the number of CPU devices is a whole number of at least 1")
    with contextlib.suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", count)
    if len(jax.devices("cpu")) != count:
        raise RuntimeError(
            f"count={count}: JAX has already started with {len(jax.devices('cpu'))} CPU devices; call nj.use_cpus first of all"
        )


def chosen(devices: Sequence[Any] | int | None) -> list[Any]:
    """Devices of a sweep: all (of every process, where `jax.distributed` joins several), the first few local ones, or those given."""
    local = jax.local_devices()
    if devices is None:
        return jax.devices()
    if jax.process_count() > 1:
        raise ValueError(f"devices={devices!r}: the processes of one program use all their devices together; leave devices out")
    if isinstance(devices, int):
        if isinstance(devices, bool) or not 1 <= devices <= len(local):
            raise ValueError(f"devices={devices!r}: this process has {len(local)}; give 1 to {len(local)}, or call nj.use_cpus first")
        return local[:devices]
    given = list(devices) if isinstance(devices, Sequence) and not isinstance(devices, str) else [devices]
    if not given or not all(isinstance(device, jax.Device) for device in given):
        raise ValueError(f"devices={devices!r}: give how many, a list of devices such as jax.devices()[:2], or None for all")
    if len(set(given)) < len(given):
        raise ValueError(f"devices={devices!r}: a device stands there twice; give each once")
    return given


def mesh_of(devices: Sequence[Any]) -> Mesh:
    """One axis, "device": each holds tiles of its own and never speaks to another."""
    return Mesh(np.asarray(devices), ("device",), axis_types=(AxisType.Auto,))


def free_memory(devices: Sequence[Any]) -> int:
    """Bytes that one device may use: its own free memory, or its share of the machine's."""
    devices = [device for device in devices if device.process_index == jax.process_index()]
    stats = devices[0].memory_stats() if devices[0].platform != "cpu" else None
    if stats and "bytes_limit" in stats:
        return int(MEMORY_SHARE * (stats["bytes_limit"] - stats.get("bytes_in_use", 0)))
    return int(MEMORY_SHARE * psutil.virtual_memory().available / len(devices))


def first_lanes(lane_bytes: int, system_bytes: int, sharing: int, platform: str) -> int:
    """Lanes to begin with, a power of two: on a CPU those whose carry fits the cache, elsewhere as many as allowed.

    At least 16, for lanes share what they read of the system (a graph), or 8 that share nothing and carry more than they read (150 by
    150 synapses: 0.85 of the time of 16). But a lane that fills the cache by itself, and reads hardly more of the system than
    that, goes alone (RLS with 300 rates: 0.6 of the time of 16), or with a few of the `sharing` lanes that read the same system (with
    1,000 rates, four together: 0.65 of the time of one).
    """
    if platform != "cpu":
        return MOST_LANES
    if lane_bytes > CACHE_BYTES // 2 and system_bytes < 2 * lane_bytes:
        return 1 << (min(FEW_LANES, sharing).bit_length() - 1)
    lanes = max(8 if sharing == 1 and system_bytes <= lane_bytes else 16, min(MOST_LANES, CACHE_BYTES // max(lane_bytes, 1)))
    return 1 << (int(lanes).bit_length() - 1)


def in_turn(own_bytes: int, platform: str) -> bool:
    """Whether lanes that read so many bytes of their own are computed one after the other: on a CPU, where those stay in the cache."""
    return platform == "cpu" and own_bytes > OWN_BYTES


def agreed(values: Sequence[float]) -> Sequence[float]:
    """The largest of each value among the processes of one program; all of them call this together."""
    from jax.experimental import multihost_utils

    return np.max(multihost_utils.process_allgather(np.asarray(values, np.float32)), axis=0).tolist()


def meet() -> None:
    """Wait until all processes of one program are here."""
    from jax.experimental import multihost_utils

    multihost_utils.sync_global_devices("neurojax store")
