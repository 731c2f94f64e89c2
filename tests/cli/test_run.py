"""`defib run` as a user types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from defib.records.reading import read_run
from tests.warm_python import WarmPython

TRAIN = """
import sys
import torch
from torch import nn
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=float(sys.argv[1]))
for step in range(60):
    x = torch.randn(32, 4)
    loss = nn.functional.cross_entropy(model(x), (x[:, 0] > 0).long())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print("loss", loss.item())
"""


def defib(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "defib", *arguments],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "80", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


Defib = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def warm_defib(warm_python: WarmPython) -> Defib:
    """`defib` where torch is loaded already; its start is the point of other tests."""

    def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        settings = {"COLUMNS": "80", **environment}
        return warm_python.run("defib", *arguments, folder=cwd, environment=settings)

    return run


def script(directory: Path, text: str, name: str = "train.py") -> Path:
    path = directory / name
    path.write_text(text)
    return path


def diagnosis_in(directory: Path) -> dict[str, object]:
    [run] = (directory / "defib-runs").iterdir()
    return json.loads((run / "diagnosis.json").read_text())


@pytest.fixture(scope="module")
def low_rate(tmp_path_factory: pytest.TempPathFactory):
    directory = tmp_path_factory.mktemp("low rate")
    script(directory, TRAIN)
    return directory, defib("run", "--strict", "train.py", "1e-7", cwd=directory)


def test_standard_output_is_the_scripts_own(low_rate, warm_python: WarmPython):
    directory, watched = low_rate
    plain = warm_python.run("train", "1e-7", folder=directory)
    assert plain.returncode == 0
    assert watched.stdout == plain.stdout


def test_the_verdict_names_rule_and_line(low_rate):
    _, watched = low_rate
    assert "learning-rate-too-low at train.py:7" in watched.stderr


def test_strict_exits_with_three_on_an_error(low_rate):
    _, watched = low_rate
    assert watched.returncode == 3


def test_diagnosis_file_has_the_stable_layout(low_rate):
    directory, _ = low_rate
    diagnosis = diagnosis_in(directory)
    assert set(diagnosis) >= {
        *("version", "script", "steps", "seconds", "overhead", "status"),
        *("findings", "not_evaluated"),
    }
    assert diagnosis["status"] == "findings"
    assert diagnosis["steps"] == 60
    first = diagnosis["findings"][0]  # pyright: ignore[reportIndexIssue]
    assert set(first) >= {
        *("rule", "severity", "certainty", "rank", "layer", "site", "steps"),
        *("message", "evidence", "fixes", "explains"),
    }
    assert first["site"]["line"] == 7
    assert "loss-plateau" in first["explains"]


def test_the_record_tells_how_long_the_script_took_before_its_first_step(low_rate):
    [run] = (low_rate[0] / "defib-runs").iterdir()
    record = read_run(run)
    # torch was imported in it.
    assert record.seconds_before > record.seconds > 0


def test_report_of_the_run_is_one_page(low_rate, warm_defib: Defib):
    directory, _ = low_rate
    made = warm_defib("report", cwd=directory)
    page = (directory / made.stdout.strip()).read_text()
    assert made.returncode == 0
    assert "learning-rate-too-low" in page
    assert "<script" not in page


def test_report_can_be_json(low_rate):
    directory, _ = low_rate
    assert json.loads(defib("report", "--json", cwd=directory).stdout)["status"] == "findings"


def test_a_healthy_run_is_called_healthy(tmp_path: Path, warm_defib: Defib):
    script(tmp_path, TRAIN)
    watched = warm_defib("run", "--strict", "train.py", "0.5", cwd=tmp_path)
    assert watched.returncode == 0
    assert diagnosis_in(tmp_path)["findings"] == []


def test_a_missing_script_is_one_sentence(tmp_path: Path):
    watched = defib("run", "nowhere.py", cwd=tmp_path)
    assert watched.returncode == 2
    assert "nowhere.py" in watched.stderr
    assert "Traceback" not in watched.stderr
    assert not (tmp_path / "defib-runs").exists()


def test_no_script_at_all_is_one_sentence(tmp_path: Path):
    watched = defib("run", cwd=tmp_path)
    assert watched.returncode == 2
    assert "Expected a script" in watched.stderr


def test_a_script_that_raises_keeps_its_traceback_and_is_diagnosed(tmp_path: Path):
    script(tmp_path, TRAIN + "\nraise ValueError('my own')\n")
    watched = defib("run", "train.py", "0.5", cwd=tmp_path)
    assert watched.returncode == 1
    assert "ValueError: my own" in watched.stderr
    assert "/defib/" not in watched.stderr.partition("ValueError: my own")[0]
    assert diagnosis_in(tmp_path)["steps"] == 60


def test_an_error_inside_backward_shows_no_frame_of_ours(tmp_path: Path, warm_defib: Defib):
    script(tmp_path, "import torch\nx = torch.ones(2, requires_grad=True)\nx.backward()\n")
    watched = warm_defib("run", "train.py", cwd=tmp_path)
    assert "grad can be implicitly created only for scalar outputs" in watched.stderr
    assert "hooks.py" not in watched.stderr


def test_a_script_that_trains_nothing_is_told(tmp_path: Path, warm_defib: Defib):
    script(tmp_path, "import torch\nprint('done')\n")
    watched = warm_defib("run", "train.py", cwd=tmp_path)
    assert (watched.returncode, watched.stdout) == (0, "done\n")
    assert "Nothing was trained" in watched.stderr
    assert diagnosis_in(tmp_path)["status"] == "not-trained"


def test_a_script_without_torch_is_told(tmp_path: Path):
    script(tmp_path, "print('done')\n")
    watched = defib("run", "train.py", cwd=tmp_path)
    assert (watched.returncode, watched.stdout) == (0, "done\n")
    assert "Nothing was trained" in watched.stderr


def test_a_model_on_the_meta_device_is_told(tmp_path: Path, warm_defib: Defib):
    script(
        tmp_path,
        "import torch\nfrom torch import nn\n"
        "model = nn.Linear(3, 1, device='meta')\n"
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n"
        "for _ in range(12):\n"
        "    model(torch.randn(2, 3, device='meta')).sum().backward()\n"
        "    optimizer.step()\n",
    )
    watched = warm_defib("run", "train.py", cwd=tmp_path)
    assert watched.returncode == 0
    assert "failed" not in watched.stderr


def test_an_empty_loader_is_told(tmp_path: Path, warm_defib: Defib):
    script(
        tmp_path,
        "import torch\nfrom torch.utils.data import DataLoader\n"
        "model = torch.nn.Linear(3, 1)\n"
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n"
        "for batch in DataLoader([]):\n    optimizer.step()\n",
    )
    watched = warm_defib("run", "train.py", cwd=tmp_path)
    assert watched.returncode == 0
    assert "Nothing was trained" in watched.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_directory_sends_the_run_elsewhere(tmp_path: Path, warm_defib: Defib):
    script(tmp_path, TRAIN)
    tmp_path.chmod(0o500)
    watched = warm_defib("run", "train.py", "0.5", cwd=tmp_path)
    tmp_path.chmod(0o700)
    assert watched.returncode == 0
    assert "cannot be written" in watched.stderr


def test_a_blocked_run_folder_sends_the_run_elsewhere(tmp_path: Path, warm_defib: Defib):
    script(tmp_path, TRAIN)
    (tmp_path / "defib-runs").write_text("a file, not a folder")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    watched = warm_defib("run", "train.py", "0.5", cwd=tmp_path, TMPDIR=str(elsewhere))
    assert watched.returncode == 0
    assert "cannot be written" in watched.stderr
    assert diagnosis_in(elsewhere)["status"] == "healthy"


def test_out_that_cannot_be_made_leaves_the_script_unwatched(tmp_path: Path, warm_defib: Defib):
    script(tmp_path, TRAIN)
    (tmp_path / "file").write_text("")
    watched = warm_defib("run", "--out", "file/run", "train.py", "0.5", cwd=tmp_path)
    assert watched.returncode == 0
    assert watched.stdout.startswith("loss")
    assert "unwatched" in watched.stderr
    assert "Nothing was trained" not in watched.stderr


def test_report_of_a_foreign_directory_is_one_sentence(tmp_path: Path):
    made = defib("report", str(tmp_path), cwd=tmp_path)
    assert made.returncode == 2
    assert "is no run directory" in made.stderr
    assert "Traceback" not in made.stderr


def test_a_module_is_run_with_its_own_options(tmp_path: Path):
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "train.py").write_text("import sys\nprint(sys.argv[1:], __name__)\n")
    watched = defib("run", "-m", "package.train", "--out", "x", "--strict", cwd=tmp_path)
    assert watched.stdout == "['--out', 'x', '--strict'] __main__\n"


def test_keras_defaults_to_torch_but_the_users_choice_stands(tmp_path: Path):
    script(tmp_path, "import os\nprint(os.environ['KERAS_BACKEND'])\n")
    assert defib("run", "train.py", cwd=tmp_path).stdout == "torch\n"
    assert defib("run", "train.py", cwd=tmp_path, KERAS_BACKEND="jax").stdout == "jax\n"


def test_an_interrupted_script_is_diagnosed_and_dies_by_the_signal(tmp_path: Path):
    script(tmp_path, TRAIN + "\nprint('waiting', flush=True)\nimport time\ntime.sleep(60)\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "defib", "run", "train.py", "0.5"],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Of a process in the background the signal is ignored, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    while process.stdout.readline() != "waiting\n":
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in stderr
    assert "interrupted" in stderr
    assert diagnosis_in(tmp_path)["steps"] == 60
