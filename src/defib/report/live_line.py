"""One line at the foot of the terminal that tells how the training is going."""

from __future__ import annotations

import os
import shutil
from typing import TextIO, final


@final
class LiveLine:
    """Keeps the terminal's last row for itself; the user's own output scrolls above it.

    The row is taken out of the scrolling region (as apt does for its progress bar), so that
    nothing has to come between the user's program and its output. `close` gives it back.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._rows = 0
        self._is_open = False

    @staticmethod
    def fits(stream: TextIO) -> bool:
        """Whether `stream` is a terminal that understands cursor movement."""
        return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb" and os.name == "posix"

    def show(self, text: str) -> None:
        """Replace the line."""
        columns, rows = shutil.get_terminal_size()
        if rows < 4:
            return
        sequence = ""
        if not self._is_open or rows != self._rows:
            sequence += self._reserve(rows)
        # Save the cursor, write the last row, restore: the user's cursor never moves.
        sequence += f"\0337\033[{rows};1H\033[2K\033[2m{text[: columns - 1]}\033[22m\0338"
        self._write(sequence)
        self._is_open, self._rows = True, rows

    def close(self) -> None:
        """Give the row back. May be called twice."""
        if not self._is_open:
            return
        self._is_open = False
        self._write(f"\0337\033[r\033[{self._rows};1H\033[2K\0338")

    def _reserve(self, rows: int) -> str:
        # A newline first: on the last row it scrolls, so the line overwrites nothing.
        return f"\n\0337\033[1;{rows - 1}r\0338\033[1A"

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._is_open = False
