"""Replaces attributes of torch for the time of a watch, and puts them back."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, final


@final
class Patches:
    """Replacements that `undo` takes back in reverse order.

    An attribute that somebody else replaced meanwhile is left to them: their replacement
    may still call ours, which then only passes on.
    """

    def __init__(self) -> None:
        self._undone: list[Callable[[], None]] = []

    # `Any`: owners are modules and classes of other packages.
    def replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Set `owner.name` to `make(original)`."""
        original = getattr(owner, name)
        replacement = wraps(original)(make(original))
        setattr(owner, name, replacement)

        def undo() -> None:
            if getattr(owner, name, None) is replacement:
                setattr(owner, name, original)

        self._undone.append(undo)

    def add_undo(self, undo: Callable[[], None]) -> None:
        """Have `undo` called when the watch ends."""
        self._undone.append(undo)

    def undo(self) -> None:
        """Put everything back. May be called twice."""
        while self._undone:
            self._undone.pop()()


def definer(kind: type, name: str) -> type:
    """The class from which `kind` has the attribute `name`: where it has to be replaced."""
    return next(each for each in kind.__mro__ if name in vars(each))
