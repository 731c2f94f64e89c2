import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.warm_python import WarmPython

SCRIPT = """
import sys
import torch
from torch import nn

torch.manual_seed(0)
print("loading", *sys.argv[1:])
inputs = torch.randn(256, 6)
targets = inputs.argmax(1) % 3
if "noise" in sys.argv:
    targets = torch.randint(3, (256,))
model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=20.0)
while True:
    batch = torch.randint(256, (32,))
    loss = nn.functional.cross_entropy(model(inputs[batch]), targets[batch])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "train.py").write_text(SCRIPT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_verdict_comes_first_and_a_picture_is_drawn(folder: Path):
    arguments = ("--steps", "300", "--picture", "curve.png", "train.py", "--depth", "3")
    done = subprocess.run(
        [sys.executable, "-m", "defib", "lr-range", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "100", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert "choose a learning rate from " in first
    head = next(index for index, line in enumerate(rest) if "95th percentile" in line)
    marks = [line[2:20].strip() for line in rest[head + 1 : head + 6]]
    assert marks == ["conservative pick", "steepest", "suggestion", "largest stable", "now"]
    assert "above the largest stable one, by a factor of" in done.stdout
    assert "pytorch-lr-finder" in done.stdout
    assert done.stderr == "loading --depth 3\n"
    assert (folder / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_a_module_of_pure_noise_gets_no_number(warm_python: WarmPython):
    done = warm_python.run("defib", "lr-range", "--steps", "150", "-m", "train", "noise")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("✘ No descent: do not use a number.")
    assert "conservative" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Expected a script or -m MODULE"),
        (("missing.py",), "`missing.py` does not exist"),
        (("--start", "1", "--end", "0.1", "train.py"), "Expected 0 < start < end"),
        (("--steps", "1", "train.py"), "Expected at least 2 steps"),
    ],
)
def test_what_cannot_be_done_is_one_clear_message(
    warm_python: WarmPython, arguments: tuple[str, ...], message: str
):
    done = warm_python.run("defib", "lr-range", *arguments, environment={"COLUMNS": "100"})
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
