"""Real processes: killed and resumed, side by side, joined into one program, stopped by signals."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import neurojax as nj
from neurojax.sweep.store import Store

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("processes")


@pytest.fixture(scope="module")
def calm(folder):
    """The undisturbed sweep."""
    assert started(folder / "calm.zarr").wait(120) == 0
    return chunks(folder / "calm.zarr")


def started(store, *more, module="tests.sweep.study", **pipes):
    """A process at work on a store; compiled programs are kept for the next one."""
    cache = str(Path(str(store).removeprefix("store=")).parent / "cache")
    environment = {
        **os.environ,
        "JAX_COMPILATION_CACHE_DIR": cache,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "NEUROJAX_CACHE": cache,
    }
    return subprocess.Popen([sys.executable, "-m", module, *map(str, more), str(store)], cwd=ROOT, env=environment, **pipes)


def chunks(path):
    """Every file of the table's arrays, by name."""
    return {
        str(file.relative_to(path)): file.read_bytes()
        for file in sorted(path.glob("*/c/**/*"))
        if file.is_file() and file.suffix != ".partial"
    }


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_random_moments_and_resumed(folder, kills):
    """SIGKILL during start, computation and writing; what remains always opens, nothing is lost, and the end is the same bytes."""
    size, store, calm, moments = (
        ("--points", 40, "--steps", 4000),
        folder / f"killed-{kills}.zarr",
        folder / "long.zarr",
        random.Random(kills),
    )
    if not calm.exists():
        assert started(calm, *size).wait(120) == 0
    done, inside = [], 0
    for number in range(kills):
        process, before = started(store, *size), written(store)
        if number % 5 == 4:
            time.sleep(moments.uniform(0.0, 3.0))  # wherever it is by then: imports, compilation, the making of the store
        else:
            while written(store) == before and process.poll() is None:
                time.sleep(0.002)
            time.sleep(moments.uniform(0.0, 0.05))
        process.kill()
        process.wait()
        if store.exists():
            data = nj.load(store)
            done.append(int((data.status == 1).sum()))
            assert int(np.isfinite(data.r.values).sum()) == done[-1]
            inside += 0 < done[-1] < data.status.size
    assert done == sorted(done)
    assert inside > kills // 2  # most of them were at work when they were killed
    assert started(store, *size).wait(120) == 0
    assert chunks(store) == chunks(calm)


def written(store):
    """Chunks that are committed."""
    return sum(1 for _ in store.glob("status/c/*"))


def test_three_shards_at_once_fill_one_store(folder, calm):
    """No coordination: each may make the store, all write, none waits for another."""
    store = folder / "shards.zarr"
    processes = [started(store, "--shard", i, 3) for i in range(3)]
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    assert chunks(store) == calm
    runs = Store.open(store).runs
    assert sorted(run["shard"] for run in runs) == [[0, 3], [1, 3], [2, 3]]
    assert sum(run["lanes"] for run in runs) == 96
    assert all(run["lanes"] > 0 for run in runs)


def test_two_devices_give_the_same_store(folder, calm):
    assert started(folder / "two.zarr", "--devices", 2).wait(120) == 0
    assert chunks(folder / "two.zarr") == calm


def test_two_processes_of_one_program_give_the_same_store(folder, calm):
    """`jax.distributed` on the loopback, one global mesh: each process writes the chunks of its own devices."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    store = folder / "joined.zarr"
    processes = [started(store, "--join", address, 2, i, stderr=subprocess.PIPE, text=True) for i in range(2)]
    said = [process.communicate(timeout=180)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert chunks(store) == calm
    assert [run["lanes"] for run in Store.open(store).runs] == [48, 48]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_stopped_by_a_signal(folder, number):
    """The command leaves a valid store, says how to go on, and exits with 128 + the signal; `neurojax resume` does the rest."""
    store = folder / f"{number.name}.zarr"
    words = ["sweep", "kuramoto", "n=100", "duration=400", "seeds=8", "over.coupling=linspace(0,4,16)", "options.lanes=4", "cpus=1"]
    process = started(f"store={store}", *words, module="neurojax.cli", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(600):
        time.sleep(0.1)
        if store.exists() and any(store.glob("status/c/*")):
            break
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert f"neurojax resume {store}" in said
    before = int((nj.load(store).status == 1).sum())
    assert 0 < before < 128
    resumed = started(store, "resume", module="neurojax.cli", stdout=subprocess.PIPE, text=True)
    assert "done in" in resumed.communicate(timeout=120)[0]
    assert int((nj.load(store).status == 1).sum()) == 128
    assert [run["lanes"] for run in Store.open(store).runs] == [before, 128 - before]
