"""A study for tests that takes no time. `CALLS` counts what was measured in this process."""

from collections.abc import Mapping
from dataclasses import dataclass

from defib.records.chart import Chart, Line, Lines
from defib.records.study import Claim, StudyResult, Table
from defib.studies.base import Study
from defib.studies.intervals import above, mean_interval
from defib.studies.tables import table

CALLS: list[int] = []


@dataclass(frozen=True)
class Config:
    seeds: int = 3
    offset: float = 1.0


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    CALLS.append(seed)
    rows = [(x, x + seed % 7 + config.offset) for x in (1, 2)]
    return {"sum": table("x", "y", rows)}


def claims(result: StudyResult) -> tuple[Claim, ...]:
    interval = mean_interval(result.by_seed("sum").numbers("y", x=1))
    return (Claim("large", "It is large.", above(interval, 0.0), interval.as_numbers("y")),)


def figures(result: StudyResult) -> tuple[Chart, ...]:
    line = Line("y", result.tables["sum"].numbers("x"), result.tables["sum"].numbers("y"))
    return (Chart("sum", "Sum", "It grows.", (Lines("x", "y", (line,)),)),)


STUDY = Study(("A1",), Config(), Config(seeds=5), measure, claims, figures)
