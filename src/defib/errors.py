"""Every error that defib raises on purpose: a clear sentence, never a traceback.

    DefibError
    ├── ScriptError            the user's script cannot be started
    ├── RunDirectoryError      a run directory is missing, unreadable or of another version
    ├── DatasetError           the files of a data set are not what they should be
    │   └── DatasetUnavailableError   they are not here and could not be fetched
    └── UsageError             what was asked for cannot be done as it was asked
        └── UnknownNameError   no rule, fix, command, ... has that name

An error of the user's own script is none of these: it is raised as it was.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import final


class DefibError(Exception):
    """Says what was expected, what came, where, and what to do. The command line exits with 2."""


@final
class ScriptError(DefibError):
    """The user's script cannot be started."""


@final
class RunDirectoryError(DefibError):
    """A run directory is missing, unreadable or of another version."""


class DatasetError(DefibError):
    """The files of a data set are damaged, or are not those that were published."""


@final
class DatasetUnavailableError(DatasetError):
    """A data set is neither on this machine nor could it be fetched."""


class UsageError(DefibError):
    """What was asked for cannot be done as it was asked."""


@final
class UnknownNameError(UsageError):
    """No `kind` (rule, fix, ...) has the name; the message offers the names near to it."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, advice: str = "") -> None:
        self.near = tuple(difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.5))
        offered = f"Did you mean {_alternatives(self.near)}?" if self.near else advice
        super().__init__(f"There is no {kind} `{name}`. {offered}".rstrip())


def _alternatives(names: tuple[str, ...]) -> str:
    quoted = [f"`{name}`" for name in names]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
