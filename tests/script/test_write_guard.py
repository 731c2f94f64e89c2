"""A re-run changes nothing outside of its copy.

An audit hook stays for the life of a process: each test has a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

START = """
import os, sys, tempfile
from pathlib import Path
tempfile.tempdir = {folder!r}
from defib.script.write_guard import WriteGuard
guard = WriteGuard([Path({folder!r})])
guard.start()
target = {target!r}
try:
    {action}
except PermissionError as error:
    print("refused", error)
print(len(guard.refused))
"""


def ran(action: str, folder: Path, target: Path) -> str:
    code = START.format(folder=str(folder), target=str(target), action=action)
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"HOME": "/"}
    )
    return ended.stdout


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """One in which a re-run may write, and one of the user's."""
    for name in ("copy", "precious"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file.txt").write_text("as it was", encoding="utf-8")
    return tmp_path / "copy", tmp_path / "precious"


@pytest.mark.parametrize(
    "action",
    [
        "open(target, 'w').close()",
        "open(target, 'a').close()",
        "open(target, 'r+').close()",
        "os.open(target, os.O_WRONLY)",
        "Path(target).unlink()",
        "os.rename(target, target + '.old')",
        "os.mkdir(target + '-folder')",
        "os.truncate(target, 0)",
    ],
)
def test_changes_elsewhere_are_refused(action: str, folders: tuple[Path, Path]):
    copy, precious = folders
    output = ran(action, copy, precious / "file.txt")
    assert "is outside of the copy" in output
    assert [each.name for each in precious.iterdir()] == ["file.txt"]
    assert (precious / "file.txt").read_text(encoding="utf-8") == "as it was"


@pytest.mark.parametrize(
    "action", ["open(target, 'w').close()", "os.mkdir(target + '-folder')", "Path(target).unlink()"]
)
def test_changes_in_the_copy_are_not(action: str, folders: tuple[Path, Path]):
    copy, _ = folders
    assert ran(action, copy, copy / "file.txt") == "0\n"


def test_a_folder_that_is_there_may_be_asked_for(folders: tuple[Path, Path]):
    copy, precious = folders
    assert ran("Path(target).mkdir(exist_ok=True)", copy, precious) == "0\n"


def test_reading_elsewhere_is_not(folders: tuple[Path, Path]):
    copy, precious = folders
    assert ran("print(open(target).read())", copy, precious / "file.txt") == "as it was\n0\n"


def test_a_link_that_leads_elsewhere_is_followed(folders: tuple[Path, Path]):
    copy, precious = folders
    (copy / "link").symlink_to(precious / "file.txt")
    assert "refused" in ran("open(target, 'w').close()", copy, copy / "link")


def test_what_torch_saves_is_refused_too(folders: tuple[Path, Path]):
    copy, precious = folders
    action = "import torch; guard.guard_torch(torch); torch.save({}, target)"
    assert "refused" in ran(action, copy, precious / "file.txt")
    assert (precious / "file.txt").read_text(encoding="utf-8") == "as it was"
