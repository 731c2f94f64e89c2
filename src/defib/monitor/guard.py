"""Keeps every failure of the monitor away from the user's training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, final

FAILURES_ALLOWED = 3
"""After so many failures at one place, that place is not tried again."""


@final
class Guard:
    """Runs the monitor's actions; an exception is reported once and never raised.

    `report(place, error)` is told of the first failure at each place; it may fail itself.
    With `is_strict`, for tests, exceptions pass.
    """

    def __init__(
        self, report: Callable[[str, Exception], None], *, is_strict: bool = False
    ) -> None:
        self.failures: Counter[str] = Counter()
        self._report = report
        self._is_strict = is_strict

    def __call__(self, place: str, action: Callable[..., Any]) -> Callable[..., None]:
        """`action` without its result and without its exceptions."""

        def guarded(*arguments: Any, **keywords: Any) -> None:
            self.run(place, action, *arguments, **keywords)

        return guarded

    def run(self, place: str, action: Callable[..., Any], *arguments: Any, **keywords: Any) -> None:
        """Call `action` now, without its result and without its exceptions."""
        # `get`: a Counter's own look-up of a missing key is slow, and this is every step's path.
        if self.failures.get(place, 0) >= FAILURES_ALLOWED:
            return
        try:
            action(*arguments, **keywords)
        except Exception as error:
            self._failed(place, error)

    def _failed(self, place: str, error: Exception) -> None:
        if self._is_strict:
            raise error
        self.failures[place] += 1
        if self.failures[place] == 1:
            try:
                self._report(place, error)
            except Exception:
                # Reporting writes to the same disk that may be the trouble: the count stays.
                self.failures["report"] += 1
