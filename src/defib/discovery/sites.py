"""Finds the line of the user's code that is running."""

from __future__ import annotations

import linecache
import sys
import sysconfig
from functools import cache
from pathlib import Path
from types import FrameType

from defib.records.site import Site

_PACKAGE = Path(__file__).resolve().parent.parent
# Set-ups that defib ships stand where a user's code would: their lines are sites.
_SHIPPED = tuple(str(_PACKAGE / name) for name in ("faults", "networks"))
_LIBRARIES = tuple(
    {
        str(Path(path).resolve())
        for key in ("stdlib", "platstdlib", "purelib", "platlib", "scripts")
        if (path := sysconfig.get_path(key))
    }
)


@cache
def is_user_file(file: str) -> bool:
    """Whether `file` is neither of the standard library, an installed package, nor defib."""
    if file.startswith("<") and not file.startswith("<ipython-input"):
        return False
    if "site-packages" in file or "dist-packages" in file:
        return False
    path = str(Path(file).resolve())
    if path.startswith(str(_PACKAGE)):
        return path.startswith(_SHIPPED)
    return not path.startswith(_LIBRARIES)


def user_frame(frame: FrameType | None) -> FrameType | None:
    """The innermost frame of user code, from `frame` outwards."""
    while frame is not None and not is_user_file(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def user_frame_creating(instance: object, frame: FrameType | None) -> FrameType | None:
    """The frame of user code that called the constructor of `instance`.

    Constructors of the instance's own class hierarchy are passed over, so that a class the
    user wrote is found where it is used, not at its `super().__init__()`.
    """
    frame = user_frame(frame)
    while frame is not None and _is_constructor_of(instance, frame):
        frame = user_frame(frame.f_back)
    return frame


def site_of(frame: FrameType | None) -> Site | None:
    """The site of a frame, with the source text of its line."""
    if frame is None:
        return None
    code = frame.f_code
    return site_at(code.co_filename, frame.f_lineno, code.co_name)


def site_at(file: str, line: int, function: str = "") -> Site:
    """The site of a line of a file, with its source text where the file can be read."""
    return Site(file, line, linecache.getline(file, line).strip(), function)


def calling_site() -> Site | None:
    """The line of the user's code that is running."""
    return site_of(user_frame(sys._getframe(1)))


def calling_path(limit: int = 4) -> tuple[tuple[str, int], ...]:
    """File and line of the user's frames, innermost first: tells apart two calls of one function.

    Cheap: no source is read.
    """
    path: list[tuple[str, int]] = []
    frame = user_frame(sys._getframe(1))
    while frame is not None and len(path) < limit:
        path.append((frame.f_code.co_filename, frame.f_lineno))
        frame = user_frame(frame.f_back)
    return tuple(path)


def _is_constructor_of(instance: object, frame: FrameType) -> bool:
    code = frame.f_code
    # In a constructor the first local is the instance, whatever the user calls it.
    return (
        code.co_name == "__init__"
        and code.co_argcount > 0
        and frame.f_locals.get(code.co_varnames[0]) is instance
    )
