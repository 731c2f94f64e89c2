"""A temporary folder that is removed even if its process is killed: by the next one."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

_LOCK = "owner.lock"
"""The file in each folder that its owner holds locked: the lock ends with the process, however
that ends, and unlike a number of a process it is nobody else's afterwards."""


@contextmanager
def owned_folder(prefix: str) -> Iterator[Path]:
    """A new folder among the system's temporary files; it holds a file of its own, too.

    Folders with this `prefix` whose owners are gone are removed first. On Windows, which has no
    such locks, they stay.
    """
    _remove_abandoned(prefix)
    with tempfile.TemporaryDirectory(prefix=prefix) as name, ExitStack() as lock:
        folder = Path(name)
        with suppress(OSError):
            file = lock.enter_context((folder / _LOCK).open("wb", buffering=0))
            if _hold(file):
                # Not before: without a word in it the folder is one that is being made.
                file.write(b"held")
        yield folder


def _remove_abandoned(prefix: str) -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        # Somebody else's, one that is being made or removed, one in use, a disk without locks.
        with suppress(OSError), (folder / _LOCK).open("r+b") as file:
            if _hold(file, waits=False) and file.read():
                shutil.rmtree(folder, ignore_errors=True)


def _hold(file: IO[bytes], *, waits: bool = True) -> bool:
    """Lock `file` until it is closed; `False` where the system has no such locks.

    Raises `OSError` where another holds it, unless it `waits`.
    """
    if sys.platform == "win32":
        return False
    import fcntl

    fcntl.flock(file, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
    return True
