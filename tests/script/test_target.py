"""What cannot be started is refused with one clear sentence, before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from defib.errors import ScriptError
from defib.script.target import absolute_path, read_source, script_directory

REFUSE = """
import sys
from defib.errors import ScriptError
from defib.script.launch import run_module, run_script
run = {"script": run_script, "module": run_module}[sys.argv[1]]
try:
    run(sys.argv[2], ())
except ScriptError as error:
    print(error)
"""


def test_missing_script_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScriptError) as raised:
        read_source("trian.py")
    assert str(raised.value) == (
        "Expected a Python source file to run, but `trian.py` does not exist "
        f"(working directory `{tmp_path}`). Give the path of a script, such as `train.py`."
    )


def test_unreadable_script_is_refused_with_the_systems_reason(tmp_path):
    # A loop of links, because a test that runs as root may read every file.
    (tmp_path / "train.py").symlink_to("train.py")
    with pytest.raises(ScriptError, match="cannot be read \\(Too many levels of symbolic links\\)"):
        read_source(str(tmp_path / "train.py"))


def test_compiled_script_is_refused():
    with pytest.raises(ScriptError, match="is compiled"):
        read_source("train.pyc")


def test_folder_without_main_is_refused(folder):
    folder.write("project/train.py", "")
    ended = folder.launch(REFUSE, "script", "project")
    assert ended.output == (
        "Expected a script, or a folder or archive with a `__main__.py`, but `project` has none. "
        "Give the path of the script inside it.\n"
    )


def test_unknown_module_is_refused(folder):
    ended = folder.launch(REFUSE, "module", "project.train")
    assert ended.output == (
        "Expected a module to run, but `project.train` cannot be run: Error while finding module "
        "specification for 'project.train' (ModuleNotFoundError: No module named 'project') "
        f"(working directory `{folder.path}`). Check the name, or give the path of a script "
        "instead.\n"
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing", "No module named missing"),
        ("project", "'project' is a package and cannot be directly executed"),
        ("builtins", "No code object available for builtins"),
        (".train", "Relative module names not supported"),
        ("train.py", "Try using 'train' instead of 'train.py'"),
    ],
)
def test_module_that_cannot_be_executed_is_refused_with_the_reason(folder, name, reason):
    folder.write("project/__init__.py", "")
    folder.write("train.py", "")
    assert reason in folder.launch(REFUSE, "module", name).output


def test_refused_script_leaves_the_interpreter_alone(folder):
    ended = folder.launch(
        "import sys; main = sys.modules['__main__']; path = list(sys.path)\n"
        + REFUSE
        + "print(main is sys.modules['__main__'], sys.path == path, sys.argv[1:])",
        "script",
        "missing.py",
    )
    assert ended.output.splitlines()[-1] == "True True ['script', 'missing.py']"


def test_absolute_path_keeps_dots_and_links(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert absolute_path("./a/../train.py") == f"{tmp_path}/./a/../train.py"
    assert absolute_path("/a/../train.py") == "/a/../train.py"


def test_script_directory_resolves_links(tmp_path):
    real = tmp_path / "real"
    real.mkdir()
    (real / "train.py").touch()
    (tmp_path / "link.py").symlink_to("real/train.py")
    assert script_directory(str(tmp_path / "link.py")) == str(Path(real).resolve())
