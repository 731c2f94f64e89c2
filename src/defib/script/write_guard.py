"""Keeps what a re-run of a script writes within a folder.

A second run of a script must not overwrite what the first one left. Its working directory is a
copy; what it would write elsewhere, by an absolute path, is refused before anything is lost.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, final

from defib.user_folders import user_caches

REFUSAL = "is outside of the copy in which this re-run works"
"""What every refusal says: a script that stops at one may leave no other trace of it."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGING = {
    "os.remove": 1,
    "os.rename": 2,
    "os.mkdir": 1,
    "os.rmdir": 1,
    "os.truncate": 1,
    "os.link": 2,
    "os.symlink": 2,
    "shutil.rmtree": 1,
}
"""Audit events that change files, with how many of their first arguments are paths."""


@final
class WriteGuard:
    """Refuses to change files outside of some folders; `refused` holds what was refused.

    The system's temporary folder and the user's cache folder stay writable: libraries keep
    there what can be made again.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        system = (tempfile.gettempdir(), "/dev", "/proc")
        allowed = [*folders, user_caches(), *map(Path, system)]
        self._allowed = tuple(os.path.realpath(each) for each in allowed)
        self.refused: list[str] = []
        self._is_on = True

    def start(self) -> None:
        """Watch from now on; Python offers no way to take an audit hook away again."""
        sys.addaudithook(self._audit)

    def stop(self) -> None:
        """Refuse nothing any more."""
        self._is_on = False

    def guard_torch(self, torch: ModuleType) -> Callable[[], None]:
        """Have `torch.save` checked, which writes without Python's knowing; undo by the result."""
        original = torch.save

        def save(thing: Any, f: Any, *arguments: Any, **keywords: Any) -> Any:
            if isinstance(f, str | os.PathLike):
                self._check(f)
            return original(thing, f, *arguments, **keywords)

        torch.save = save  # pyright: ignore[reportAttributeAccessIssue]
        return lambda: setattr(torch, "save", original)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._is_on:
            return
        if event == "open":
            path, mode, flags = arguments
            if _is_writing(mode, flags):
                self._check(path)
        elif event == "os.mkdir" and Path(os.fsdecode(arguments[0])).is_dir():
            return  # `mkdir(exist_ok=True)` of a folder that is there.
        elif event in _CHANGING:
            for path in arguments[: _CHANGING[event]]:
                self._check(path)

    def _check(self, path: Any) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return  # A file that is open already.
        target = os.path.realpath(os.fsdecode(path))
        if any(target == each or target.startswith(each + os.sep) for each in self._allowed):
            return
        self.refused.append(target)
        raise PermissionError(f"`{target}` {REFUSAL}, and is not changed.")


def _is_writing(mode: Any, flags: Any) -> bool:
    if isinstance(mode, str):
        return bool(set(mode) & set("wax+"))
    return isinstance(flags, int) and bool(flags & _WRITING)
