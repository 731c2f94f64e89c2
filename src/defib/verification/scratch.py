"""A copy of the user's working directory, in which a trial may write."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from defib.errors import UsageError
from defib.records.run_directory import RUNS_FOLDER
from defib.verification.owned_folder import owned_folder

LARGEST_BYTES = 2_000_000_000
"""Of a directory that is copied for each trial."""
LARGEST_COUNT = 20_000
"""Files of such a directory: that many small ones take about as long to copy."""

_PREFIX = "defib-trial-"

_LEFT_OUT = frozenset({".git", "__pycache__", "node_modules", RUNS_FOLDER})
"""Folders that no training reads, or that hold earlier runs."""


@contextmanager
def scratch_copy(directory: Path) -> Iterator[Path]:
    """A copy of `directory` that is removed afterwards.

    Virtual environments are left out, and copies of other trials. Raises `UsageError` where it
    holds more than `LARGEST_BYTES` or `LARGEST_COUNT` files.
    """
    _require_small(directory)
    with owned_folder(_PREFIX) as folder:
        copy = folder / "work"
        # Links stay links: what they lead to is not the trial's to write.
        shutil.copytree(directory, copy, symlinks=True, ignore=_ignored)
        yield copy


def _require_small(directory: Path) -> None:
    """Looks no further than to the first file too many: a home folder may hold millions."""
    size = 0
    for count, file in enumerate(_files(directory), start=1):
        # Links are copied as links.
        size += file.lstat().st_size
        if size > LARGEST_BYTES or count > LARGEST_COUNT:
            raise UsageError(
                f"`{directory}` holds more than {LARGEST_BYTES / 1e9:g} GB or "
                f"{LARGEST_COUNT:,} files (so far {size / 1e9:.1f} GB in {count:,}): each trial "
                "runs in a copy of it. Start from a smaller directory, or let trials run in it, "
                "where they may overwrite files: --allow-side-effects."
            )


def _ignored(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if _is_left_out(Path(folder) / name)}


def _is_left_out(path: Path) -> bool:
    is_trial = path.name.startswith(_PREFIX)
    return is_trial or path.name in _LEFT_OUT or (path / "pyvenv.cfg").exists()


def _files(directory: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(directory):
        folders[:] = [name for name in folders if not _is_left_out(Path(folder) / name)]
        yield from (Path(folder) / name for name in files)
