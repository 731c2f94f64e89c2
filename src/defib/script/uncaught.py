"""What Python does with an exception that nothing caught."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress

from defib.script.own_frames import remove_own_frames


def raised_by(action: Callable[[], object]) -> BaseException | None:
    """What `action` raised, if it did.

    Returned, not handled where it was caught: what runs inside an `except` block would get
    the exception as its `__context__`.
    """
    try:
        action()
    except BaseException as exception:
        return exception
    return None


def show_uncaught(exception: BaseException) -> int:
    """Exit code after `exception`, once `sys.excepthook` has shown it without our frames.

    1, unless the hook itself exits.
    """
    remove_own_frames(exception)
    _remember(exception)
    try:
        hook = sys.excepthook
    except AttributeError:
        _write_error("sys.excepthook is missing\n")
        hook = sys.__excepthook__
    failure = raised_by(lambda: hook(type(exception), exception, exception.__traceback__))
    if failure is None:
        return 1
    if isinstance(failure, SystemExit):
        return exit_code_of(failure)
    remove_own_frames(failure)
    _write_error("Error in sys.excepthook:\n")
    _display(failure)
    _write_error("\nOriginal exception was:\n")
    _display(exception)
    return 1


def exit_code_of(request: SystemExit) -> int:
    """Exit code of a `SystemExit`; a code that is no integer is printed first.

    As a shell sees it: modulo 256 on POSIX; 255 for an integer that no C `long` holds.
    """
    code = request.code
    if code is None:
        return 0
    if not isinstance(code, int):
        _write_error(code)
        _write_error("\n")
        return 1
    status = code if -sys.maxsize - 1 <= code <= sys.maxsize else -1
    return status & 0xFF if os.name == "posix" else status


def _remember(exception: BaseException) -> None:
    # For post-mortem debuggers in the script's exit handlers.
    sys.last_type = type(exception)
    sys.last_value = exception
    sys.last_traceback = exception.__traceback__
    if sys.version_info >= (3, 12):
        sys.last_exc = exception


def _display(exception: BaseException) -> None:
    sys.__excepthook__(type(exception), exception, exception.__traceback__)


def _write_error(text: object) -> None:
    # The stream and the text's `__str__` are the user's; Python, too, ignores their failures.
    with suppress(Exception):
        sys.stderr.write(str(text))
