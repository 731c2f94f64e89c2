"""Judges the kept records by the rules as they are now."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import final

from benchmarks.scoreboard.cases import Case, Kind
from benchmarks.scoreboard.preflight_file import read_preflight
from benchmarks.scoreboard.running import Facts, with_verdict
from defib.checkup import check_up
from defib.diagnosis import diagnose
from defib.faults.base import all_faults
from defib.records.finding import Diagnosis, Severity
from defib.records.reading import read_run
from defib.records.run import RunRecord
from defib.rules.base import Rule, all_rules, every_rule


@final
@dataclass(frozen=True)
class Judged:
    """A case with its record, the verdict on it and the seconds that the verdict took."""

    case: Case
    facts: Facts
    record: RunRecord
    diagnosis: Diagnosis
    seconds: float = 0.0

    @property
    def run_rules(self) -> tuple[str, ...]:
        """Rules in the order in which the verdict on the run names them: causes, then symptoms."""
        causes = [cause.finding.rule for cause in self.diagnosis.causes]
        every = [*causes, *(finding.rule for finding in self.diagnosis.findings)]
        return tuple(dict.fromkeys(every))

    def rules(self, rule: str) -> tuple[str, ...]:
        """What the command names that can see `rule`: `defib run`, else `defib check`."""
        return self.run_rules if is_seen_by_run(rule) else self.facts.check_rules

    @property
    def run_alarms(self) -> tuple[tuple[str, str], ...]:
        """Rule and message of each finding on the run that is a warning or worse."""
        return tuple(
            (finding.rule, finding.message)
            for finding in self.diagnosis.findings
            if finding.severity is not Severity.INFO
        )

    @property
    def is_healthy(self) -> bool:
        return self.case.kind is not Kind.BROKEN


@final
@dataclass(frozen=True)
class Records:
    """All judged cases, and the directory that holds a folder for each."""

    judged: tuple[Judged, ...]
    out: Path


@cache
def is_seen_by_run(rule: str) -> bool:
    return any(isinstance(each, Rule) for each in every_rule() if each.name() == rule)


@cache
def rule_of(fault: str) -> str:
    """The rule that must find `fault`."""
    return next(each.rule for each in all_faults() if each.name() == fault)


def judge(cases: Iterable[Case], out: Path) -> Records:
    """Every case of which `out` has a record."""
    found = []
    for case in cases:
        directory = out / case.folder
        if directory.exists():
            record = read_run(directory)
            begun = time.perf_counter()
            diagnosis = diagnose(record, all_rules())
            seconds = time.perf_counter() - begun
            found.append(Judged(case, facts_of(directory), record, diagnosis, seconds))
    return Records(tuple(found), out)


def facts_of(directory: Path) -> Facts:
    """What is known of a case, with what the rules of today say before the first step."""
    facts, record = Facts.read(directory), read_preflight(directory)
    return facts if record is None else with_verdict(facts, check_up(record))
