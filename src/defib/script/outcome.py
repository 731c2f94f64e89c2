"""How a script ended, and leaving the process as it would have left it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from enum import Enum, unique
from types import TracebackType
from typing import NoReturn, final

INTERRUPTED_EXIT_CODE = 130
"""What a shell reports of a process that SIGINT ended: 128 + 2."""


@unique
class Ending(Enum):
    """What stopped the script."""

    COMPLETED = "completed"
    """Its last line was executed."""
    EXITED = "exited"
    """`SystemExit`, usually `sys.exit`."""
    RAISED = "raised"
    """An exception that nothing caught, or a syntax error in the script."""
    INTERRUPTED = "interrupted"
    """`KeyboardInterrupt` itself, usually Ctrl-C; Python treats a subclass as any exception."""


@final
@dataclass(frozen=True)
class Outcome:
    """How a script ended; what Python prints of it has been printed."""

    ending: Ending
    exit_code: int
    """The one that a shell would see: in 0..255 on POSIX, 130 after Ctrl-C."""
    exception: BaseException | None
    """The one that ended the script, without defib's frames; `None` if it completed."""
    process_id: int
    """Of the process in which the script was started."""

    def is_watched_process(self) -> bool:
        """False in a child that the script forked and that came back from it.

        Such a child must not report: call only `exit_like_python` there.
        """
        return os.getpid() == self.process_id


def exit_like_python(outcome: Outcome) -> NoReturn:
    """Leave the process as `python script.py` would after this outcome.

    Raises `SystemExit`, or the `KeyboardInterrupt` that ended the script: the interpreter
    itself then waits for threads, runs the exit handlers, flushes the streams, tears down
    the modules and, after an interrupt, dies by SIGINT. So this is the last call of the
    outermost function, where nothing catches what it raises: click, for one, turns a
    `KeyboardInterrupt` that passes through a command into exit code 1.
    """
    interrupted = outcome.exit_code == INTERRUPTED_EXIT_CODE
    if interrupted and isinstance(outcome.exception, KeyboardInterrupt):
        # Its traceback has been shown when the script ended.
        sys.excepthook = _show_nothing
        raise outcome.exception
    sys.exit(outcome.exit_code)


def _show_nothing(
    _kind: type[BaseException], _exception: BaseException, _traceback: TracebackType | None
) -> None:
    return
