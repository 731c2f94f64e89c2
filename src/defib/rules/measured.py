"""How often each rule found its faults, and how often it warned of a healthy training.

The numbers are those of the last full run of `scripts/scoreboard`, kept in `measured.json`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, final


@final
@dataclass(frozen=True)
class Counts:
    """Of `broken` trainings with a fault of the rule it found `found`, and named `first` first;
    of `healthy` trainings it warned of `alarms`."""

    broken: int = 0
    found: int = 0
    first: int = 0
    top_three: int = 0
    healthy: int = 0
    alarms: int = 0


@final
@dataclass(frozen=True)
class Measured:
    """A rule's row of the scoreboard.

    `apart` counts those runs of `every` whose task and seed no threshold was taken from.
    `faults` are the faults of the corpus that the rule must find.
    """

    every: Counts
    apart: Counts
    faults: tuple[str, ...] = ()


@final
@dataclass(frozen=True)
class Measurements:
    """All rows by the name of the rule, and the command that made them.

    `runs` of the `planned` trainings of that command were there when they were counted.
    """

    command: str
    runs: int
    planned: int
    rules: Mapping[str, Measured]


@cache
def measurements() -> Measurements:
    """What `measured.json` holds."""
    content = json.loads(files("defib.rules").joinpath("measured.json").read_text("utf-8"))
    return Measurements(
        content["command"],
        content["runs"],
        content["planned"],
        {name: _measured(row) for name, row in content["rules"].items()},
    )


def _measured(row: Mapping[str, Any]) -> Measured:
    return Measured(Counts(*row["every"]), Counts(*row["apart"]), tuple(row["faults"]))
