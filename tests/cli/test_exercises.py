import json

import pytest
from click.testing import CliRunner, Result

from defib.cli.exercises import commands_of, missing_of
from defib.cli.main import command_line
from defib.concepts.catalogue import Exercise


def exercises(*arguments: str) -> Result:
    return CliRunner().invoke(command_line, ["exercises", *arguments], env={"COLUMNS": "100"})


def test_one_exercise_is_shown_with_its_command():
    output = exercises("b9").output
    assert "defib derive shapes --example small-classifier" in output
    assert "B12" not in output


def test_a_sheet_is_shown_alone():
    content = json.loads(exercises("D", "--json").output)
    assert [each["exercise"] for each in content] == [f"D{n}" for n in range(1, 9)]


def test_a_study_that_names_an_exercise_stands_in_its_row_and_nothing_is_missing():
    exercise = Exercise("C2", "asked", ("derive born-dead",), "the experiment")
    assert commands_of(exercise) == ["defib derive born-dead", "defib study run dying-relu"]
    assert missing_of(exercise) == ""


def test_what_no_command_answers_is_said():
    assert missing_of(Exercise("Z9", "asked", (), "the experiment")) == "the experiment"


@pytest.mark.parametrize("name", ["F1", "zzz"])
def test_an_unknown_exercise_is_refused(name: str):
    result = exercises(name)
    assert result.exit_code == 2
    assert "There is no exercise" in result.output
