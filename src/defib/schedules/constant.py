"""Always the same: what every other schedule is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from defib.schedules.base import Schedule


@final
@dataclass(frozen=True)
class Constant(Schedule):
    """Is `value` at every step."""

    value: float
    """At every step."""

    def at(self, step: int) -> float:  # noqa: ARG002
        return self.value

    @property
    def extent(self) -> int:
        return 100
