"""Runs a script by plain `python` and by defib, each in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

SOURCE = Path(__file__).parents[2] / "src"
ADDRESS = re.compile("0x[0-9a-f]+")

LAUNCHER = """
import sys
from defib.script.launch import run_module, run_script
from defib.script.outcome import exit_like_python
kind, target, *arguments = sys.argv[1:]
run = {"script": run_script, "module": run_module}[kind]
exit_like_python(run(target, arguments))
"""
"""What the command line does, without a report."""


@dataclass(frozen=True)
class Ended:
    """All that can be seen of a process from outside."""

    exit_code: int
    output: str
    error: str


@dataclass(frozen=True)
class Folder:
    """A folder of scripts, and the ways to run them."""

    path: Path

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
        return path

    def start(self, *command: str) -> subprocess.Popen[str]:
        environment = os.environ | {"PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=self.path,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def start_watched(self, kind: str, target: str, *arguments: str) -> subprocess.Popen[str]:
        return self.start("-c", LAUNCHER, kind, target, *arguments)

    def launch(self, launcher: str, *command: str, stdin: str = "") -> Ended:
        """How `python -c launcher command` ended."""
        return finish(self.start("-c", launcher, *command), stdin)

    def both(self, script: str, *arguments: str, stdin: str = "") -> tuple[Ended, Ended]:
        """How the script ended under plain Python, and under defib."""
        plain = self.start(script, *arguments)
        watched = self.start_watched("script", script, *arguments)
        return finish(plain, stdin), finish(watched, stdin)

    def both_modules(self, name: str, *arguments: str) -> tuple[Ended, Ended]:
        """How the module ended under `python -m`, less runpy's own frames, and under defib."""
        plain = self.start("-m", name, *arguments)
        watched = self.start_watched("module", name, *arguments)
        return without_launch_frames(finish(plain)), finish(watched)


def finish(process: subprocess.Popen[str], stdin: str = "") -> Ended:
    output, error = process.communicate(stdin, timeout=120)
    # An object's address differs from one process to the next in any case.
    return Ended(process.returncode, *(ADDRESS.sub("0x", text) for text in (output, error)))


def without_launch_frames(ended: Ended) -> Ended:
    lines = ended.error.splitlines(keepends=True)
    kept = (line for line in lines if not line.startswith('  File "<frozen runpy>'))
    return Ended(ended.exit_code, ended.output, "".join(kept))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def same_ending(folder: Folder) -> Callable[..., Ended]:
    """Runs a script both ways, asserts that nothing differs, and returns the ending."""

    def compare(text: str | bytes, *arguments: str, stdin: str = "") -> Ended:
        folder.write("train.py", text)
        plain, watched = folder.both("train.py", *arguments, stdin=stdin)
        assert watched == plain
        return watched

    return compare
