"""A worked derivation: steps with their reasons, the results, and the checks of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import final

from defib.records.formula import Formula

Cell = Formula | str
Result = Fraction | float | str


@final
@dataclass(frozen=True)
class Table:
    """Rows of formulas and texts, one cell for each column."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@final
@dataclass(frozen=True)
class Picture:
    """A grid of numbers that is drawn: the larger the darker."""

    title: str
    rows: tuple[tuple[Fraction, ...], ...]


@final
@dataclass(frozen=True)
class Step:
    """What is claimed, why it holds, and the formulas; `part` is the heading it stands under.

    In statement and reason, what stands between backticks is code.
    """

    statement: str
    reason: str = ""
    formulas: tuple[Formula, ...] = ()
    part: str = ""
    table: Table | None = None
    pictures: tuple[Picture, ...] = ()


@final
@dataclass(frozen=True)
class Check:
    """A second way to the same numbers.

    `compared` is how many numbers were compared, `difference` the largest difference (absolute),
    `tolerance` what was allowed.
    """

    method: str
    statement: str
    compared: int
    difference: float = 0.0
    tolerance: float = 0.0

    @property
    def agrees(self) -> bool:
        """Whether something was compared, and nothing differed by more than is allowed."""
        return self.compared > 0 and self.difference <= self.tolerance


@final
@dataclass(frozen=True)
class Derivation:
    """The steps from the question to the answer. `results` are the exact numbers by name."""

    name: str
    title: str
    question: str
    steps: tuple[Step, ...]
    results: Mapping[str, Result] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    references: tuple[str, ...] = ()

    @property
    def is_confirmed(self) -> bool:
        """Whether there is a check, and every one agrees."""
        return bool(self.checks) and all(check.agrees for check in self.checks)
