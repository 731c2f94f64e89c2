"""A script is re-run with and without fixes, and nothing of the user's is touched."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from defib.errors import UsageError
from defib.records.reading import read_run
from defib.records.run_directory import DIAGNOSIS_FILE
from defib.verification.conclusion import read_proof
from defib.verification.scratch import scratch_copy
from tests.warm_python import WarmPython

SCRIPT = """
from pathlib import Path
import torch
from torch import nn
torch.manual_seed(0)
inputs = torch.randn(256, 8)
targets = (inputs[:, :1] > inputs[:, 1:2]).float()
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
for step in range(300):
    rows = torch.randint(256, (32,))
    optimizer.zero_grad()
    loss = nn.functional.binary_cross_entropy_with_logits(model(inputs[rows]), targets[rows])
    loss.backward()
    optimizer.step()
Path("weights.pt").write_bytes(b"written by the script")
"""


RunDefib = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module")
def run_defib(warm_python: WarmPython) -> RunDefib:
    """`temporary` is what the process takes for the system's temporary folder."""

    def run(
        *arguments: str, directory: Path, temporary: Path | None = None
    ) -> CompletedProcess[str]:
        if temporary is not None:
            temporary.mkdir(exist_ok=True)
        own = {} if temporary is None else {"TMPDIR": str(temporary)}
        return warm_python.run("defib", *arguments, folder=directory, environment=own)

    return run


def contents(directory: Path) -> dict[str, str]:
    return {
        str(file.relative_to(directory)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in directory.rglob("*")
        if file.is_file() and "runs" not in file.parts
    }


@pytest.fixture(scope="module")
def proved(
    run_defib: RunDefib, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str, dict[str, str]]:
    """The directory of a proved run, what was printed, and the user's files before."""
    directory = tmp_path_factory.mktemp("work")
    (directory / "train.py").write_text(SCRIPT, encoding="utf-8")
    watched = run_defib("run", "--no-live", "--out", "runs/one", "train.py", directory=directory)
    assert watched.returncode == 0, watched.stderr
    (directory / "weights.pt").write_bytes(b"the user's own")
    before = contents(directory)
    ended = subprocess.run(
        # A slow machine must not run out of time before the second candidate.
        [sys.executable, "-m", "defib", "prove", "--cost", "30", "runs/one"],
        cwd=directory,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return directory, ended.stderr, before


def test_the_fix_of_the_cause_is_confirmed(proved: tuple[Path, str, dict[str, str]]):
    proof = read_proof(proved[0] / "runs" / "one")
    assert proof is not None
    assert len(proof.answer) >= 1
    name = proof.answer[0].partition("=")[0]
    assert name in ("raise-learning-rate", "learning-rate-by-range-test")


def test_the_change_is_shown_as_a_diff_of_the_users_line(
    proved: tuple[Path, str, dict[str, str]],
):
    assert "-optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)" in proved[1]
    assert "+optimizer = torch.optim.SGD(model.parameters(), lr=0." in proved[1]


def test_the_diagnosis_becomes_confirmed(proved: tuple[Path, str, dict[str, str]]):
    text = (proved[0] / "runs" / "one" / DIAGNOSIS_FILE).read_text(encoding="utf-8")
    first = json.loads(text)["findings"][0]
    assert (first["rule"], first["certainty"]) == ("learning-rate-too-low", "confirmed")


def test_what_the_script_writes_stays_in_the_copies(proved: tuple[Path, str, dict[str, str]]):
    directory, _, before = proved
    assert contents(directory) == before


def test_the_verdict_shows_the_effect_with_its_interval(
    proved: tuple[Path, str, dict[str, str]],
):
    assert "confirmed" in proved[1]
    assert re.search(r"less \(.+ \.\.\. .+\), \d seeds", " ".join(proved[1].split()))


def test_a_second_proof_runs_nothing_again(
    run_defib: RunDefib, proved: tuple[Path, str, dict[str, str]]
):
    directory = proved[0]
    results = sorted((directory / "runs/one/trials").glob("*/result.json"))
    times = [each.stat().st_mtime_ns for each in results]
    assert run_defib("prove", "runs/one", directory=directory).returncode == 0
    assert [each.stat().st_mtime_ns for each in results] == times


def test_trials_of_one_seed_are_the_same_bit_by_bit(
    run_defib: RunDefib, proved: tuple[Path, str, dict[str, str]]
):
    directory = proved[0]
    arguments = ["run", "--no-live", "--steps", "50", "--seed-shift", "2"]
    for name in ("a", "b"):
        run_defib(*arguments, "--out", f"runs/{name}", "train.py", directory=directory)
    first, second = (read_run(directory / "runs" / name).of("loss")["SGD"] for name in "ab")
    assert first.values.tolist() == second.values.tolist()


def test_a_script_that_writes_elsewhere_is_not_re_run(run_defib: RunDefib, tmp_path: Path):
    elsewhere, work, temporary = (tmp_path / name for name in ("precious.txt", "work", "tmp"))
    work.mkdir()
    script = f"open({str(elsewhere)!r}, 'a').close()\n{SCRIPT}"
    (work / "train.py").write_text(script, encoding="utf-8")
    run_defib("run", "--no-live", "--out", "runs/one", "train.py", directory=work)
    elsewhere.write_text("precious", encoding="utf-8")
    ended = run_defib("prove", "runs/one", directory=work, temporary=temporary)
    assert ended.returncode == 2
    assert "--allow-side-effects" in ended.stderr
    assert elsewhere.read_text(encoding="utf-8") == "precious"


def test_the_record_may_lie_outside_of_the_copy_and_of_the_temporary_folder(
    run_defib: RunDefib, tmp_path: Path
):
    (tmp_path / "copy").mkdir()
    (tmp_path / "train.py").write_text(SCRIPT, encoding="utf-8")
    arguments = ["--steps", "20", "--write-only-in", "copy", "--out", "record", "train.py"]
    ended = run_defib(
        "run", "--no-live", *arguments, directory=tmp_path, temporary=tmp_path / "tmp"
    )
    assert read_run(tmp_path / "record").steps >= 19, ended.stderr


def test_a_run_that_does_not_tell_its_origin_is_refused(run_defib: RunDefib, tmp_path: Path):
    (tmp_path / "run.jsonl").write_text('{"kind": "run", "version": "1.0"}\n', encoding="utf-8")
    ended = run_defib("prove", str(tmp_path), directory=tmp_path)
    assert ended.returncode == 2
    assert "defib run --prove" in ended.stderr


def test_a_copy_leaves_out_environments_and_earlier_runs(tmp_path: Path):
    for name in (".git/config", "defib-runs/x", "venv/pyvenv.cfg", "data/table.csv"):
        file = tmp_path / name
        file.parent.mkdir(parents=True)
        file.write_text("x", encoding="utf-8")
    with scratch_copy(tmp_path) as copy:
        assert sorted(each.name for each in copy.iterdir()) == ["data"]
    assert not copy.exists()


def test_a_directory_that_is_too_large_is_not_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("defib.verification.scratch.LARGEST_BYTES", 10)
    (tmp_path / "data.bin").write_bytes(bytes(11))
    with pytest.raises(UsageError, match="--allow-side-effects"), scratch_copy(tmp_path):
        pass


def test_an_unknown_fix_is_refused_before_the_script_runs(run_defib: RunDefib, tmp_path: Path):
    (tmp_path / "train.py").write_text("print('started')", encoding="utf-8")
    ended = run_defib("run", "--with", "lower-learning-rat", "train.py", directory=tmp_path)
    assert ended.returncode == 2
    assert "lower-learning-rate" in ended.stderr
    assert "started" not in ended.stdout


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_an_interrupted_proof_leaves_nothing_and_can_be_made_again(
    tmp_path: Path, run_defib: RunDefib
):
    (tmp_path / "train.py").write_text(SCRIPT, encoding="utf-8")
    run_defib("run", "--no-live", "--out", "runs/one", "train.py", directory=tmp_path)
    temporary = tmp_path / "runs" / "temporary"
    temporary.mkdir()
    proof = subprocess.Popen(
        [sys.executable, "-m", "defib", "prove", "runs/one"],
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(temporary)},
        stderr=subprocess.DEVNULL,
    )
    for _ in range(600):
        if any(temporary.iterdir()) or proof.poll() is not None:
            break
        time.sleep(0.1)
    proof.send_signal(signal.SIGTERM)
    assert proof.wait(60) == 128 + signal.SIGTERM
    assert list(temporary.iterdir()) == []
    assert list((tmp_path / "runs/one").rglob("result.json")) == []
