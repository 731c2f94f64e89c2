"""A copy of the user's working directory, in which a trial may write."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from defib.errors import UsageError
from defib.records.run_directory import RUNS_FOLDER

LARGEST_BYTES = 2_000_000_000
"""Of a directory that is copied for each trial."""

_LEFT_OUT = frozenset({".git", "__pycache__", "node_modules", RUNS_FOLDER})
"""Folders that no training reads, or that hold earlier runs."""


@contextmanager
def scratch_copy(directory: Path) -> Iterator[Path]:
    """A copy of `directory` that is removed afterwards.

    Virtual environments are left out. Raises `UsageError` where it holds more than
    `LARGEST_BYTES`.
    """
    size = sum(file.stat().st_size for file in _files(directory) if file.is_file())
    if size > LARGEST_BYTES:
        raise UsageError(
            f"`{directory}` holds {size / 1e9:.1f} GB; each trial runs in a copy of it, and more "
            f"than {LARGEST_BYTES / 1e9:g} GB are not copied. Start from a smaller directory, or "
            "let trials run in it, where they may overwrite files: --allow-side-effects."
        )
    with tempfile.TemporaryDirectory(prefix="defib-trial-") as folder:
        copy = Path(folder) / "work"
        # Links stay links: what they lead to is not the trial's to write.
        shutil.copytree(directory, copy, symlinks=True, ignore=_ignored)
        yield copy


def _ignored(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if _is_left_out(Path(folder) / name)}


def _is_left_out(path: Path) -> bool:
    return path.name in _LEFT_OUT or (path / "pyvenv.cfg").exists()


def _files(directory: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(directory):
        folders[:] = [name for name in folders if not _is_left_out(Path(folder) / name)]
        yield from (Path(folder) / name for name in files)
