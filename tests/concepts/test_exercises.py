"""Every exercise has its row, and every command of the index runs."""

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from defib.cli.main import command_files, command_line
from defib.concepts.catalogue import exercises
from defib.concepts.shown_by import studies_for

ROOT = Path(__file__).parents[2]
COUNTS = {"A": 6, "B": 12, "C": 19, "D": 8, "E": 11}
TRAINING = ("run", "check", "prove", "lr-range", "study")
"""Commands that train, or begin to: each takes seconds to a minute."""


def commands(*, is_training: bool) -> list[str]:
    found = dict.fromkeys(each for entry in exercises().values() for each in entry.commands)
    return [each for each in found if (each.split()[0] in TRAINING) == is_training]


def test_every_exercise_has_its_row():
    names = [f"{sheet}{n}" for sheet, count in COUNTS.items() for n in range(1, count + 1)]
    assert list(exercises()) == names


def test_every_exercise_has_a_command_or_says_what_is_missing():
    bare = [
        each.name
        for each in exercises().values()
        if not each.commands and not each.missing and not studies_for((each.name,))
    ]
    assert bare == []


def test_a_study_is_not_typed_into_the_index():
    assert [each for each in commands(is_training=True) if each.startswith("study")] == []


@pytest.mark.parametrize("command", commands(is_training=False))
def test_a_command_of_the_index_runs(command: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(command_line, shlex.split(command), env={"COLUMNS": "100"})
    assert result.exit_code == 0, result.output
    assert "✗" not in result.output


@pytest.mark.parametrize("command", commands(is_training=True))
def test_a_command_of_the_index_that_trains_names_a_script_that_is_there(command: str):
    name, script, *_ = shlex.split(command)
    assert name in command_files()
    assert (ROOT / script).is_file()


@pytest.mark.slow
@pytest.mark.parametrize("command", commands(is_training=True))
def test_a_command_of_the_index_that_trains_runs(command: str, tmp_path: Path):
    import subprocess
    import sys

    words = [str(ROOT / each) if each.endswith(".py") else each for each in shlex.split(command)]
    done = subprocess.run(
        [sys.executable, "-m", "defib", *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
