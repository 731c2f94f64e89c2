import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from defib.cli.main import command_files, command_line, first_docstring_line, load_command

COMMANDS = list(command_files())


def defib(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "defib", *arguments], capture_output=True, text=True, cwd=folder
    )


def test_every_file_of_the_folder_but_main_is_a_command():
    assert {"explain", "report", "rules", "run", "runs"} <= set(COMMANDS)
    assert "main" not in COMMANDS


def test_help_shows_every_command_with_the_first_line_of_its_docstring():
    shown = " ".join(CliRunner().invoke(command_line, ["--help"]).output.split())
    for name, file in command_files().items():
        assert f"{name} {first_docstring_line(file)}" in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_a_line_for_the_overview(name: str):
    assert first_docstring_line(command_files()[name])


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_file_holds_one_command_that_explains_itself(name: str):
    assert isinstance(load_command(name), click.Command)
    result = CliRunner().invoke(command_line, [name, "--help"])
    assert result.exit_code == 0
    assert f"Usage: command-line {name}" in result.output


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom defib.cli.main import main\nsys.argv = ['defib', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    print('MODULES', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = done.stdout.rpartition("MODULES")[2].split()
    assert "click" in modules
    assert not {"torch", "numpy", "matplotlib", "jinja2", "rich"} & set(modules)


def test_without_arguments_it_shows_the_help():
    assert "Commands:" in defib().stdout + defib().stderr


def test_an_unknown_command_is_answered_with_near_ones():
    done = defib("rnu")
    assert done.returncode == 2
    assert done.stderr == (
        "Error: There is no command `rnu`. Did you mean `run`, `runs` or `rules`?\n"
    )


def test_a_script_without_run_is_answered_with_run():
    done = defib("train.py", "--epochs", "3")
    assert (done.returncode, done.stderr) == (
        2,
        "Error: To watch a script, write `defib run train.py`.\n",
    )


def test_an_unknown_option_is_refused():
    done = defib("--verison")
    assert done.returncode == 2
    assert "--version" in done.stderr


def test_version_is_printed():
    assert defib("--version").stdout == "defib 0.1.0\n"


def test_an_expected_error_is_one_sentence_without_a_traceback(tmp_path: Path):
    done = defib("runs", "nowhere", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: There is no directory `nowhere`.\n"


def test_what_a_command_returns_is_called_last_and_ends_the_process(tmp_path: Path):
    (tmp_path / "script.py").write_text("import sys\nprint(sys.argv)\nsys.exit(7)\n")
    done = defib("run", "script.py", "--help", folder=tmp_path)
    assert (done.returncode, done.stdout) == (7, "['script.py', '--help']\n")


def test_the_installed_command_is_the_module():
    installed = Path(sys.executable).with_name("defib")
    done = subprocess.run([installed, "--help"], capture_output=True, text=True, check=True)
    assert done.stdout == defib("--help").stdout
