"""What a schedule is: a number for each optimiser step, known before the first one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from enum import Enum
from typing import ClassVar

import numpy as np

from defib.errors import UsageError


class Quantity(Enum):
    """What a schedule plans."""

    LEARNING_RATE = "learning rate"
    BATCH_SIZE = "batch size"


Parameter = str | float | int | bool | None
"""What a field of a schedule holds, as it is written to a checkpoint."""


@dataclass(frozen=True)
class Schedule(ABC):
    """A pure function of the step. One file is one schedule, and its name.

    Its fields are its parameters: two schedules that are equal plan the same. Steps count from
    0; a schedule goes on for ever, so that a run which is one step longer than planned is no
    error.
    """

    quantity: ClassVar[Quantity] = Quantity.LEARNING_RATE
    has_end: ClassVar[bool] = False
    """Whether it is made for a run of `extent` steps, after which nothing changes."""

    @classmethod
    def name(cls) -> str:
        """`one-cycle` for the class in `one_cycle.py`."""
        return cls.__module__.rpartition(".")[2].replace("_", "-")

    @abstractmethod
    def at(self, step: int) -> float:
        """The value that optimiser step `step` uses."""

    @property
    @abstractmethod
    def extent(self) -> int:
        """Steps that show the whole course: up to its end, or several cycles."""

    def values(self, steps: int) -> np.ndarray:
        """The values of steps 0, 1, ..., `steps` - 1."""
        return np.array([self.at(step) for step in range(steps)], dtype=np.float64)

    def parameters(self) -> dict[str, Parameter]:
        """Name and fields as plain values, for a checkpoint; those of an inner one by `.`."""
        found: dict[str, Parameter] = {"schedule": self.name()}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Schedule):
                inner = value.parameters()
                found |= {f"{field.name}.{key}": each for key, each in inner.items()}
            else:
                found[field.name] = value
        return found

    def require(self, is_met: bool, field: str, what: str) -> None:
        """Raise `UsageError` unless `is_met`: `field` must be `what`."""
        if not is_met:
            raise UsageError(
                f"`{field}` of the schedule {self.name()} must be {what}, and is "
                f"{getattr(self, field)!r}."
            )
