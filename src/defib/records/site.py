"""Where in the user's code something was made or called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True)
class Site:
    """A line of the user's code: `file`, `line` (from 1) and the stripped source text.

    `function` is the name of the enclosing function, `<module>` at top level.
    """

    file: str
    line: int
    code: str = ""
    function: str = ""

    @property
    def label(self) -> str:
        """`train.py:41`: the file's last part and the line."""
        return f"{self.file.replace(chr(92), '/').rsplit('/', 1)[-1]}:{self.line}"
