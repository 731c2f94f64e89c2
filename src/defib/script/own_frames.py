"""Which frames of a traceback plain Python would not have, and removing them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import dropwhile, pairwise
from types import FrameType, TracebackType

PACKAGE = __name__.partition(".")[0]
LAUNCHERS = frozenset(
    {"runpy", "importlib._bootstrap", "importlib._bootstrap_external"}
    | {"_frozen_importlib", "_frozen_importlib_external"}
)
"""Names of the modules between ours and the user's when a module is run with `-m`."""


def remove_own_frames(exception: BaseException) -> None:
    """Make every traceback that is shown with `exception` one of plain Python.

    Covers its causes, contexts and the members of groups. Removed are the frames that
    launched the script, and any frame of defib from which the user's code, or a library's,
    was called again. Where defib itself raised, its innermost frames stay: they alone tell
    what went wrong. An interrupt is never ours, wherever it arrived.
    """
    for each in _shown_with(exception):
        frames = _launched(tuple(_frames(each.__traceback__)))
        end = len(frames) if isinstance(each, KeyboardInterrupt) else _start_of_own_tail(frames)
        kept = (frame for index, frame in enumerate(frames) if index >= end or not _is_own(frame))
        each.__traceback__ = _linked(tuple(kept))


def _shown_with(exception: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [exception]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        waiting += (each.__cause__, each.__context__)
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
        yield each


def _frames(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _launched(frames: tuple[TracebackType, ...]) -> tuple[TracebackType, ...]:
    # A traceback that begins in the import machinery without us is one of plain Python.
    if frames and _is_own(frames[0]):
        return tuple(dropwhile(_is_launcher, frames))
    return frames


def _linked(frames: tuple[TracebackType, ...]) -> TracebackType | None:
    for frame, following in pairwise(frames):
        frame.tb_next = following
    if frames:
        frames[-1].tb_next = None
    return frames[0] if frames else None


def _start_of_own_tail(frames: tuple[TracebackType, ...]) -> int:
    end = len(frames)
    while end > 0 and _is_own(frames[end - 1]):
        end -= 1
    return end


def _is_launcher(frame: TracebackType) -> bool:
    return _is_own(frame) or _module_name(frame.tb_frame) in LAUNCHERS


def _is_own(frame: TracebackType) -> bool:
    name = _module_name(frame.tb_frame)
    return name == PACKAGE or name.startswith(f"{PACKAGE}.")


def _module_name(frame: FrameType) -> str:
    # By module, not by file: a script that lies inside the package is the user's `__main__`.
    name = frame.f_globals.get("__name__")
    return name if isinstance(name, str) else ""
