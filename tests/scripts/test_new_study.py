"""The template of a study must itself be a study that is tested, runs and lints."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the package in which a study can be added."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "new-study", tmp_path / "scripts")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def python(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env={"PYTHONPATH": str(project / "src"), "PATH": ""},
        capture_output=True,
        text=True,
    )


def test_the_new_study_is_found_runs_and_is_well_formed(project: Path):
    assert python(project, "scripts/new-study", "strange-means", "A6", "B8").returncode == 0
    files = ["src/defib/studies/strange_means.py", "tests/studies/test_strange_means.py"]
    done = python(project, "-m", "defib", "study", "run", "strange-means", "--jobs", "1")
    assert "strange-means (A6, B8)" in done.stdout
    assert "1 claim: 1 holds, 0 fail, 0 undecided." in done.stdout
    assert (project / "defib-studies" / "strange-means" / "figures" / "error.png").is_file()
    assert "2 passed" in python(project, "-m", "pytest", files[1]).stdout
    for arguments in (["check"], ["format", "--check"]):
        checked = python(project, "-m", "ruff", *arguments, *files)
        assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["NoiseScale", "B8"], "A name is words in lower case"),
        (["noise-scale", "eight"], "An exercise is a letter and a number"),
        (["xor", "E3"], "exists; it is left as it is"),
        (["noise-scale"], "scripts/new-study NAME EXERCISE"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused(project: Path, arguments: list[str], message: str):
    done = python(project, "scripts/new-study", *arguments)
    assert done.returncode == 1
    assert message in done.stderr
