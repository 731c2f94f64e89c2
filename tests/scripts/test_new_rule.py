"""The template of a rule must itself be a rule that is tested and lints."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the package in which a rule can be added."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "new-rule", tmp_path / "scripts")
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


def test_the_new_rule_is_found_tested_and_well_formed(project: Path):
    assert python(project, "scripts/new-rule", "strange-fault", "gradient").returncode == 0
    files = [
        "src/defib/rules/gradient/strange_fault.py",
        "tests/rules/gradient/test_strange_fault.py",
    ]
    assert "strange-fault" in python(project, "-m", "defib", "rules").stdout
    assert "5 passed" in python(project, "-m", "pytest", files[1]).stdout
    for arguments in (["check"], ["format", "--check"]):
        checked = python(project, "-m", "ruff", *arguments, *files)
        assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["DeadReLU", "activation"], "A name is words in lower case"),
        (["strange-fault", "nowhere"], "There is no group `nowhere`. The groups are activation,"),
        (["dead-relu", "activation"], "exists; it is left as it is"),
        (["dead-relu"], "scripts/new-rule NAME GROUP"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused(project: Path, arguments: list[str], message: str):
    done = python(project, "scripts/new-rule", *arguments)
    assert done.returncode == 1
    assert message in done.stderr
