"""What a study found: tables of measurements, and claims with the numbers that decide them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias, final

Value: TypeAlias = bool | int | float | str | None
"""An entry of a table; `None` where there is no value."""


class Verdict(Enum):
    """What the measurements say of a claim."""

    HOLDS = "holds"
    FAILS = "fails"
    UNDECIDED = "undecided"


class Sureness(Enum):
    """How well a published number is known."""

    READ = "read in the source"
    READ_SECOND_HAND = "read in a text that quotes the source"
    DERIVED = "derived"
    COMPUTED = "computed independently"
    REMEMBERED = "from memory, not confirmed"


@final
@dataclass(frozen=True)
class Published:
    """What others found: `finding` in words, the numbers in it, where, and how sure that is."""

    finding: str
    source: str
    sureness: Sureness
    numbers: Mapping[str, float] = field(default_factory=dict)


@final
@dataclass(frozen=True)
class Claim:
    """A sentence that measurements can refute, their verdict, and the numbers that decide it."""

    id: str
    statement: str
    verdict: Verdict
    numbers: Mapping[str, Value]
    published: Published | None = None
    reason: str = ""
    """Why it fails or stays undecided, where the study can say so."""


@final
@dataclass(frozen=True)
class Table:
    """Rows under named columns. The first `keys` columns say what the others were measured on."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    keys: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> tuple[Value, ...]:
        """The entries under `name`. Raises `KeyError` if there is no such column."""
        at = self._at(name)
        return tuple(row[at] for row in self.rows)

    def numbers(self, name: str, /, **where: Value) -> tuple[float, ...]:
        """The entries under `name` as floats, in the rows that have the given entries elsewhere.

        What is no number is `nan`.
        """
        at = self._at(name)
        return tuple(_number(row[at]) for row in self.where(**where).rows)

    def where(self, **entries: Value) -> Table:
        """The rows that have these entries."""
        wanted = {self._at(name): value for name, value in entries.items()}
        rows = tuple(
            row for row in self.rows if all(row[at] == value for at, value in wanted.items())
        )
        return Table(self.columns, rows, self.keys)

    def distinct(self, name: str) -> tuple[Value, ...]:
        """The different entries under `name`, in the order in which they come."""
        return tuple(dict.fromkeys(self.column(name)))

    def groups(self) -> Iterator[tuple[tuple[Value, ...], Table]]:
        """The rows by their keys, in the order in which these come."""
        found: dict[tuple[Value, ...], list[tuple[Value, ...]]] = {}
        for row in self.rows:
            found.setdefault(row[: self.keys], []).append(row)
        for key, rows in found.items():
            yield key, Table(self.columns, tuple(rows), self.keys)

    def _at(self, name: str) -> int:
        if name not in self.columns:
            raise KeyError(f"no column `{name}`; the columns are {', '.join(self.columns)}")
        return self.columns.index(name)


def _number(value: Value) -> float:
    return float(value) if isinstance(value, bool | int | float) else float("nan")


@final
@dataclass(frozen=True)
class StudyResult:
    """A finished study. `tables` holds `NAME` (over the seeds) and `NAME-by-seed` for each table.

    `config` and `environment` hold only what JSON knows.
    """

    study: str
    exercises: tuple[str, ...]
    config: Mapping[str, object]
    seed: int
    environment: Mapping[str, str]
    tables: Mapping[str, Table]
    claims: tuple[Claim, ...] = ()

    def by_seed(self, name: str) -> Table:
        """What each seed measured: the column `seed`, then those of the table `name`."""
        return self.tables[f"{name}-by-seed"]

    def count(self, verdict: Verdict) -> int:
        """How many claims have this verdict."""
        return sum(claim.verdict is verdict for claim in self.claims)
