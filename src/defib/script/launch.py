"""Running a script in this process as `python` would run it in its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from defib.errors import ScriptError
from defib.script.main_module import (
    describe_file,
    describe_module,
    forget_file,
    install_main_module,
)
from defib.script.outcome import INTERRUPTED_EXIT_CODE, Ending, Outcome
from defib.script.target import (
    FoundModule,
    absolute_path,
    find_main_of,
    find_module,
    is_folder_or_archive,
    read_source,
    script_directory,
)
from defib.script.uncaught import exit_code_of, raised_by, show_uncaught


def run_script(path: Path | str, arguments: Sequence[str]) -> Outcome:
    """How `python path arguments` ended, run in this process.

    `path` becomes `sys.argv[0]`: pass the text that was typed, since a `Path` drops a leading
    `./`. The interpreter is the script's from here on: `__main__`, `sys.argv` and
    `sys.path[0]` (the entry of the program that called us) are replaced and stay so, because
    exit handlers and unfinished threads still need them. Call it outside any `except` block.
    """
    typed = os.fspath(path)
    location = absolute_path(typed)
    if is_folder_or_archive(location):
        return _run_found(lambda: find_main_of(typed), (typed, *arguments), location)
    source = read_source(typed)
    main = install_main_module()
    describe_file(main, location)
    sys.argv = [typed, *arguments]
    _replace_import_directory(script_directory(typed))

    def execute() -> None:
        # dont_inherit: the `from __future__` flags of this file are not the script's.
        exec(compile(source, location, "exec", dont_inherit=True), vars(main))

    outcome = _outcome_of(execute)
    if outcome.ending is not Ending.EXITED:
        forget_file(main)
    return outcome


def run_module(name: str, arguments: Sequence[str]) -> Outcome:
    """How `python -m name arguments` ended; otherwise as `run_script`."""
    return _run_found(lambda: find_module(name), ("-m", *arguments), str(Path.cwd()))


def _run_found(
    find: Callable[[], FoundModule], arguments: Sequence[str], import_directory: str
) -> Outcome:
    main = install_main_module()
    sys.argv = [*arguments]
    _replace_import_directory(import_directory)

    def execute() -> None:
        found = find()
        describe_module(main, found.spec)
        if arguments[0] == "-m":
            sys.argv[0] = found.origin
        exec(found.code, vars(main))

    return _outcome_of(execute)


def _replace_import_directory(directory: str) -> None:
    # With `python -P` neither the caller's directory nor the script's is in the path.
    if not sys.flags.safe_path:
        sys.path[0] = directory


def _outcome_of(execute: Callable[[], None]) -> Outcome:
    process_id = os.getpid()
    exception = raised_by(execute)
    if isinstance(exception, ScriptError):
        raise exception
    if exception is None:
        return Outcome(Ending.COMPLETED, 0, None, process_id)
    if isinstance(exception, SystemExit):
        return Outcome(Ending.EXITED, exit_code_of(exception), exception, process_id)
    exit_code = show_uncaught(exception)
    # Exactly this type: Python dies by the signal for no subclass.
    if type(exception) is not KeyboardInterrupt:
        return Outcome(Ending.RAISED, exit_code, exception, process_id)
    # 1: the hook did not ask for another code.
    interrupted = INTERRUPTED_EXIT_CODE if exit_code == 1 else exit_code
    return Outcome(Ending.INTERRUPTED, interrupted, exception, process_id)
