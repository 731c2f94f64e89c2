import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from defib.cli.main import command_line
from defib.cli.schedule import python_of, schedule
from defib.schedules.base import Schedule
from defib.schedules.catalogue import every_schedule
from defib.schedules.one_cycle import OneCycle
from defib.schedules.warm_up import WarmUp


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command_line, ["schedule", *arguments], env={"COLUMNS": "120"})


def values_of(*arguments: str) -> list[float]:
    return json.loads(run(*arguments, "--json").output)["values"]


@pytest.mark.parametrize(
    "name", [each.name() for each in every_schedule() if each is not WarmUp], ids=str
)
def test_every_schedule_is_a_command_with_its_fields_as_options(name: str):
    result = run(name, "--help")
    assert result.exit_code == 0
    assert "--plot" in result.output
    assert ("--warm-up" in result.output) == (name != "batch-growth")


def test_the_options_are_the_parameters():
    arguments = ("triangular", "--start", "1", "--peak", "3", "--up", "2", "--down", "1")
    assert values_of(*arguments, "--show", "5") == [1.0, 2.0, 3.0, 1.0, 2.0]


def test_a_warm_up_goes_in_front():
    assert values_of("step", "--start", "4", "--every", "9", "--warm-up", "2", "--show", "4") == [
        *(0.0, 2.0, 4.0, 4.0)
    ]


def test_without_a_number_of_steps_the_whole_course_is_shown():
    assert len(values_of("one-cycle", "--peak", "1", "--steps", "50", "--warm-up", "10")) == 60


def test_a_flag_is_a_flag():
    linear = values_of("one-cycle", "--peak", "1", "--steps", "9", "--linear")
    assert linear == OneCycle(1.0, 9, is_linear=True).values(9).tolist()


def test_the_text_says_what_the_schedule_does_and_how_to_make_it():
    lines = run("batch-growth", "--every", "10").output.splitlines()
    assert lines[0] == "batch-growth: batch size over 100 steps"
    assert lines[2].split() == ["highest", "16,384", "step", "90"]
    assert lines[-1] == "BatchGrowth(every=10)"


def test_the_python_that_is_shown_makes_the_same_schedule():
    made: Schedule = WarmUp(OneCycle(0.1, 100, is_linear=True), 10)
    assert eval(python_of(made)) == made


def test_the_plot_is_drawn_in_the_terminal():
    assert "┤" in run("constant", "--value", "1", "--plot").output
    assert "┤" not in run("constant", "--value", "1").output


def test_the_plot_is_drawn_into_a_file(tmp_path: Path):
    file = tmp_path / "plan.svg"
    result = run("constant", "--value", "1", "--plot", str(file))
    assert f"Drawn in {file}." in result.output
    assert file.stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("cosine", "--start", "1"), "Did you mean `cosine-restarts`?"),
        (("step", "--start", "1", "--every", "0"), "`every` of the schedule step must be"),
        (("step", "--start", "1"), "Missing option '--every'"),
        (("warm-up", "--steps", "1"), "goes in front of another schedule"),
        (("constant", "--value", "1", "--show", "0"), "`--show` must be between 1 and"),
        (("constant", "--value", "1", "--plot", "plan.jpg"), "must end in .png"),
    ],
)
def test_what_cannot_be_done_ends_with_2(arguments: tuple[str, ...], said: str):
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_drawing_imports_no_torch():
    code = (
        "import sys; from click.testing import CliRunner; from defib.cli.schedule import schedule\n"
        "CliRunner().invoke(schedule, ['constant', '--value', '1', '--plot'])\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_wrapper_is_no_command_of_its_own():
    assert "warm-up" not in schedule.list_commands(None)  # type: ignore[arg-type]
