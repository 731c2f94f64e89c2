"""The triangle wave that the cyclical schedules share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True)
class CyclePosition:
    """Where a step stands: the number of its cycle, from 0, and its height in [0, 1]."""

    cycle: int
    height: float


def cycle_position(step: int, up: int, down: int) -> CyclePosition:
    """Of `step` in a wave that rises from 0 to 1 in `up` steps and falls again in `down`."""
    cycle, position = divmod(step, up + down)
    height = position / up if position <= up else (up + down - position) / down
    return CyclePosition(cycle, height)
