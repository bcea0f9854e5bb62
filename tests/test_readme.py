"""The README's Python runs as it stands, but for sizes."""

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
SMALLER = {
    "n=1000": "n=40",
    "n=500": "n=40",
    "n=300": "n=20",
    "np.linspace(0, 4, 32)": "np.linspace(0, 4, 3)",
    "seeds=8": "seeds=2",
    "nj.use_cpus(2)": "nj.use_cpus(3)",
    "iterations=30": "iterations=2",
}


def test_its_python_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    assert len(blocks) == 4
    space: dict = {}
    for block in blocks:
        for size, small in SMALLER.items():
            block = block.replace(size, small)
        exec(block, space)
    assert space["data"].r.shape == (3, 3, 2)
    assert space["trained"].z.shape == (2, 3, 3600, 1)
    assert 0 < space["tuned"].parameters["coupling"] < 4
    assert (tmp_path / "runs" / "coupling.npz").is_file()
    assert space["run"].status == 1
    assert (tmp_path / "fhn.npz").is_file()
    assert (tmp_path / "runs" / "phase.zarr").is_dir()


def test_its_links_and_figures_exist():
    for target in re.findall(r"\]\(([^)#:]+)\)", README.read_text()):
        assert (README.parent / target).exists(), target
