"""Targets: their values at known times, and recorded signals from files."""

import wave

import jax
import numpy as np
import pytest
import scipy.signal

import neurojax as nj
from neurojax.force.targets import (
    Sines,
    Square,
    Together,
    Triangle,
    four_sines,
    lorenz,
    noisy,
    notebook_complicated,
    notebook_cosine,
    notebook_periodic,
    recording,
    sixteen_sines,
)

SERIES = np.array([[0.0, 4.0], [1.0, 0.0], [2.0, -1.0], [5.0, 1.0]])


def _values(times, signal):
    return np.asarray(jax.vmap(signal)(times))


def test_periodic_targets_by_their_formulas():
    """At 50 times of two periods in double precision: sums of sines, SciPy's triangle shifted to start at 0, and its square; 1e-9."""
    times = np.linspace(3.0, 1203.0, 50)
    with jax.enable_x64(True):
        turns = 2 * np.pi * times / 600
        four = 1.3 / 1.5 * sum(w * np.sin(k * turns) for k, w in enumerate((1, 1 / 2, 1 / 6, 1 / 3), 1))
        assert np.allclose(_values(times, four_sines(600.0)), four, atol=1e-9)
        assert np.allclose(_values(times, notebook_periodic()), 3 * sum(np.sin(k * turns) / k for k in (1, 2, 3, 4)), atol=1e-9)
        assert np.allclose(_values(times, Triangle(600.0, 2.0)), 2 * scipy.signal.sawtooth(turns + np.pi / 2, 0.5), atol=1e-9)
        assert np.allclose(_values(times, Square(600.0, 2.0)), 2 * scipy.signal.square(turns), atol=1e-9)
        both = _values(times, Together((four_sines(600.0), Triangle(600.0))))
        assert both.shape == (50, 2)
        assert np.allclose(both[:, 0], four, atol=1e-9)
        assert np.abs(np.asarray(jax.vmap(sixteen_sines(600.0, 0.7))(np.linspace(0, 600, 5001)))).max() == pytest.approx(0.7, abs=1e-4)


def test_lorenz_solves_his_equations():
    """From x alone, every 0.001 of Lorenz's units: y = x'/10 + x, z = 28 - (y' + y)/x; then z' = xy - 8/3 z, by central differences within
    1e-3 of its deviation where |x| > 2. The deviation of x is 7.9 (3 lobes' worth of time: within 15 %)."""
    x = 10 * np.asarray(lorenz(1000.0, 0.1).values)
    y = np.gradient(x, 1e-3) / 10 + x
    z = 28 - (np.gradient(y, 1e-3) + y) / np.where(np.abs(x) > 2, x, np.nan)
    pace = np.gradient(z, 1e-3)
    residual = (pace - (x * y - 8 / 3 * z))[3:-3]
    assert np.isfinite(residual).mean() > 0.7
    assert np.nanmedian(np.abs(residual)) < 1e-3 * np.nanstd(pace)
    assert x.std() == pytest.approx(7.9, rel=0.15)


def test_noise_is_white():
    """Deviation 0.1 within 3 %, neighbours uncorrelated within 0.05 (10,001 samples: 0.01)."""
    clean = np.asarray(jax.vmap(four_sines())(np.arange(10_001.0)))
    noise = np.asarray(noisy(four_sines(), 0.1, 10_000.0, 1.0).values) - clean
    assert noise.std() == pytest.approx(0.1, rel=0.03)
    assert abs(np.corrcoef(noise[1:], noise[:-1])[0, 1]) < 0.05


def written(path):
    """The series as a file of the kind that the suffix names."""
    if path.suffix == ".npy":
        np.save(path, SERIES)
    elif path.suffix == ".csv":
        path.write_text("# two columns\n" + "\n".join(",".join(map(str, row)) for row in SERIES))
    elif path.suffix == ".txt":
        np.savetxt(path, SERIES)
    else:
        with wave.open(str(path), "wb") as sound:
            sound.setnchannels(2)
            sound.setsampwidth(2)
            sound.setframerate(8000)
            sound.writeframes((1000 * SERIES).astype("<i2").tobytes())
    return path


@pytest.mark.parametrize("suffix", [".npy", ".csv", ".txt", ".wav"])
def test_every_kind_of_file(suffix, tmp_path):
    """Two outputs of four samples: mean 0, the largest value 1.5, twice end to end, lines between samples."""
    signal = recording(written(tmp_path / f"series{suffix}"), 2.0, amplitude=1.5, turns=2)
    centred = SERIES - SERIES.mean(axis=0)
    expected = 1.5 * centred / np.abs(centred).max()
    assert np.allclose(signal.values, np.concatenate([expected, expected]), atol=1e-12)
    assert np.allclose(signal(3.0), (expected[1] + expected[2]) / 2, atol=1e-6)


def test_values_as_they_are(tmp_path):
    assert np.array_equal(recording(written(tmp_path / "a.npy"), 1.0, amplitude=None).values, SERIES)


def test_a_network_learns_a_file(tmp_path):
    """A name in a file is a target like another: error below a fifth of the signal in the second of two turns."""
    turn = np.sin(2 * np.pi * np.arange(300) / 300)
    np.save(tmp_path / "sine.npy", turn)
    system = nj.Training(nj.RateNetwork(100, gain=1.3), recording(tmp_path / "sine.npy", 1.0, turns=2))
    record = {"error": nj.Mean(nj.force.measures.absolute_error, warmup=300.0)}
    run = nj.simulate(system, duration=600.0, dt=1.0, seed=0, record=record)
    assert float(run.records["error"].squeeze()) < 0.2 * np.abs(turn).mean()


def test_the_notebooks_other_targets():
    """A cosine; six sines with whole frequencies from 1 to 9 and amplitudes in whole ratios, the largest value 1."""
    assert float(notebook_cosine()(0.0)) == pytest.approx(3.0)
    assert float(notebook_cosine()(150.0)) == pytest.approx(0.0, abs=1e-5)
    weights = np.asarray(notebook_complicated().weights)
    assert len(weights) == 9
    smallest = weights[weights > 0].min()
    assert any(np.allclose(k * weights / smallest, np.round(k * weights / smallest), atol=1e-9) for k in (1, 2, 3, 4))
    turns = np.arange(4096)[:, None] / 4096 * np.arange(1, 10)
    assert np.abs(np.sin(2 * np.pi * turns) @ weights).max() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda at: recording(at / "a.mp3", 1.0), "unknown suffix '.mp3'; known are .npy .csv .txt .wav"),
        (lambda at: recording(at / "a.npy", 0.0), r"recording\(spacing=0.0\)"),
        (lambda at: recording(at / "a.npy", 1.0, turns=0), r"recording\(turns=0\)"),
        (lambda at: recording(at / "a.npy", 1.0, amplitude=-1.0), r"recording\(amplitude=-1.0\)"),
        (lambda at: recording(at / "words.csv", 1.0), r"words.csv'\): it cannot be read as .csv"),
        (lambda at: recording(at / "gap.npy", 1.0), r"gap.npy'\): sample 2 is not finite"),
        (lambda at: recording(at / "flat.npy", 1.0), "it is constant"),
        (lambda at: recording(at / "cube.npy", 1.0), r"numbers of shape \(2, 2, 2\)"),
        (lambda at: recording(at / "short.wav", 1.0), "it cannot be read as .wav"),
        (lambda at: recording(at / "cut.wav", 1.0), r"it breaks off after 2 of 4 samples"),
        (lambda at: recording(at / "hole.csv", 1.0), r"line 3 is empty"),
        (lambda at: recording(at / "cell.csv", 1.0), r"cell.csv'\): it cannot be read as .csv"),
        (lambda at: recording(at / "complex.npy", 1.0), r"its numbers are complex128"),
        (lambda at: recording(at / "none.npy", 1.0), r"numbers of shape \(4, 0\)"),
        (lambda at: recording(at / "a.npy", 1.0, amplitude=np.inf), r"recording\(amplitude=inf\)"),
        (lambda at: lorenz(100.0, 0.0), r"lorenz\(dt=0.0\)"),
        (lambda at: lorenz(2000.0, 20.0), r"a step of 0.2 of Lorenz's time is long"),
        (lambda at: nj.Sampled(SERIES, 0.0), r"Sampled\(dt=0.0\)"),
        (lambda at: Sines(100.0, 1.0).check(), r"Sines\(weights=1.0\): one axis"),
    ],
)
def test_what_cannot_be_used_is_refused(make, said, tmp_path):
    for name, values in {
        "a": SERIES,
        "gap": [0.0, 1.0, np.nan],
        "flat": np.ones(4),
        "cube": np.ones((2, 2, 2)),
        "complex": SERIES + 1j,
        "none": np.ones((4, 0)),
    }.items():
        np.save(tmp_path / f"{name}.npy", values)
    for name, text in {
        "words.csv": "time,volt\n0,1\n",
        "short.wav": "RIFF",
        "a.mp3": "",
        "hole.csv": "0,1\n1,2\n\n3,4\n",
        "cell.csv": ",1,2\n4,,6\n",
    }.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "cut.wav").write_bytes(written(tmp_path / "whole.wav").read_bytes()[:-8])
    with pytest.raises(ValueError, match=said):
        make(tmp_path)


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        recording(tmp_path / "none.npy", 1.0)
