"""Counts what the judged cases say of faults, rules and healthy trainings."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import final

from benchmarks.scoreboard.cases import Kind, fault_and_task, twin_name
from benchmarks.scoreboard.judging import Judged, rule_of
from defib.healthy.base import all_healthy_trainings
from defib.rules.base import every_rule

SMALLEST_HARM = 1.1
"""The error with a fault over that of its twin, on average over the seeds: less is no harm."""


@final
@dataclass(frozen=True)
class Detection:
    """Of `runs` broken trainings: how many were found, named first, among the first three."""

    runs: int = 0
    found: int = 0
    first: int = 0
    top_three: int = 0
    found_by_check: int = 0

    @classmethod
    def of(cls, judged: Iterable[Judged]) -> Detection:
        every = [(each, rule_of(each.case.name)) for each in judged]
        return cls(
            runs=len(every),
            found=sum(rule in each.rules(rule) for each, rule in every),
            first=sum(each.rules(rule)[:1] == (rule,) for each, rule in every),
            top_three=sum(rule in each.rules(rule)[:3] for each, rule in every),
            found_by_check=sum(rule in each.facts.check_rules for each, rule in every),
        )


@final
@dataclass(frozen=True)
class Harm:
    """Errors of a fault and of its twin with the same seeds, the mean of each."""

    pairs: int
    broken: float
    healthy: float
    worse: int
    """Pairs in which the broken training has the larger error."""

    @property
    def is_measured(self) -> bool:
        """Worse with every seed, and by a tenth on average. Of five pairs without a difference
        all five are worse once in 32 times."""
        is_larger = self.broken > SMALLEST_HARM * self.healthy
        return self.pairs > 1 and self.worse == self.pairs and is_larger


@final
@dataclass(frozen=True)
class FaultRow:
    """A fault in one task. `others` counts what was named first in place of its rule."""

    fault: str
    task: str
    rule: str
    detection: Detection
    apart: Detection
    harm: Harm | None
    others: tuple[tuple[str, int], ...]


@final
@dataclass(frozen=True)
class Alarm:
    """A rule that warns of a healthy training; `seeds` are those with which it does."""

    command: str
    rule: str
    training: str
    seeds: tuple[int, ...]
    message: str


@final
@dataclass(frozen=True)
class RuleRow:
    """What was measured of one rule: on broken trainings of its faults, and on healthy ones."""

    rule: str
    detection: Detection
    apart: Detection
    healthy_runs: int
    alarms: int
    """Healthy runs of which it warns, by `defib run` or by `defib check`."""
    healthy_runs_apart: int
    alarms_apart: int


@final
@dataclass(frozen=True)
class Alarmed:
    """Healthy runs, and how many of them got a warning or worse."""

    runs: int
    by_run: int
    by_check: int

    @classmethod
    def of(cls, judged: Iterable[Judged]) -> Alarmed:
        every = list(judged)
        return cls(
            len(every),
            sum(bool(each.run_alarms) for each in every),
            sum(bool(each.facts.check_alarms) for each in every),
        )


@final
@dataclass(frozen=True)
class Scoreboard:
    """The whole table. What is `apart` belongs to the quarter that calibrates nothing."""

    seeds: int
    faults: tuple[FaultRow, ...]
    rules: tuple[RuleRow, ...]
    detection: Detection
    detection_apart: Detection
    healthy: Alarmed
    healthy_apart: Alarmed
    alarms: tuple[Alarm, ...]
    not_learnt: tuple[str, ...]
    """Runs of the corpus that did not lower their own error enough to be called healthy."""
    not_checked: tuple[tuple[str, int], ...]
    """Why `defib check` refused a training, and how often."""
    slowest_diagnosis: float
    slowest_check: float
    """Seconds."""


def scoreboard(judged: Sequence[Judged]) -> Scoreboard:
    broken = [each for each in judged if each.case.kind is Kind.BROKEN]
    healthy = [each for each in judged if each.is_healthy]
    refusals = Counter(
        each.facts.check_error.replace(f"`{each.case.folder}`", "it")
        for each in judged
        if each.facts.check_error
    )
    return Scoreboard(
        seeds=len({each.case.seed for each in judged}),
        faults=tuple(fault_rows(judged)),
        rules=tuple(rule_rows(broken, healthy)),
        detection=Detection.of(broken),
        detection_apart=Detection.of(apart(broken)),
        healthy=Alarmed.of(healthy),
        healthy_apart=Alarmed.of(apart(healthy)),
        alarms=tuple(all_alarms(healthy)),
        not_learnt=tuple(each.case.folder for each in judged if not has_learnt(each)),
        not_checked=tuple(refusals.most_common()),
        slowest_diagnosis=max((each.seconds for each in judged), default=0.0),
        slowest_check=max((each.facts.check_seconds for each in judged), default=0.0),
    )


def apart(judged: Iterable[Judged]) -> list[Judged]:
    return [each for each in judged if each.case.is_kept_apart]


def fault_rows(judged: Sequence[Judged]) -> list[FaultRow]:
    groups: dict[tuple[str, str], list[Judged]] = defaultdict(list)
    for each in judged:
        if each.case.kind is Kind.BROKEN:
            groups[each.case.name, each.case.task].append(each)
    errors = {
        (each.case.name, each.case.seed): each.facts.error
        for each in judged
        if each.case.kind is Kind.TWIN
    }
    rows = []
    for (fault, task), runs in groups.items():
        rule = rule_of(fault)
        firsts = Counter((each.rules(rule) or ("nothing",))[0] for each in runs)
        others = tuple((name, count) for name, count in firsts.most_common() if name != rule)
        detection, kept = Detection.of(runs), Detection.of(apart(runs))
        rows.append(FaultRow(fault, task, rule, detection, kept, harm_of(runs, errors), others))
    return rows


def harm_of(
    runs: Sequence[Judged], twin_errors: dict[tuple[str, int], float | None]
) -> Harm | None:
    """`None` where no pair has an error."""
    twin = twin_name(*fault_and_task(runs[0].case))
    found = []
    for each in runs:
        broken, healthy = each.facts.error, twin_errors.get((twin, each.case.seed))
        if each.facts.raised:
            broken = 1.0
        if broken is not None and healthy is not None:
            found.append((broken, healthy))
    if not found:
        return None
    return Harm(
        len(found),
        sum(broken for broken, _ in found) / len(found),
        sum(healthy for _, healthy in found) / len(found),
        sum(broken > healthy for broken, healthy in found),
    )


def rule_rows(broken: Sequence[Judged], healthy: Sequence[Judged]) -> list[RuleRow]:
    rows = []
    for rule in sorted(each.name() for each in every_rule()):
        own = [each for each in broken if rule_of(each.case.name) == rule]
        alarmed = [each for each in healthy if rule in alarmed_rules(each)]
        rows.append(
            RuleRow(
                rule,
                Detection.of(own),
                Detection.of(apart(own)),
                len(healthy),
                len(alarmed),
                len(apart(healthy)),
                len(apart(alarmed)),
            )
        )
    return rows


def alarmed_rules(each: Judged) -> set[str]:
    return {rule for rule, _ in (*each.run_alarms, *each.facts.check_alarms)}


def all_alarms(healthy: Iterable[Judged]) -> list[Alarm]:
    seeds: dict[tuple[str, str, str], set[int]] = defaultdict(set)
    messages: dict[tuple[str, str, str], str] = {}
    for each in healthy:
        for command, found in (("run", each.run_alarms), ("check", each.facts.check_alarms)):
            for rule, message in found:
                key = (command, rule, each.case.label)
                seeds[key].add(each.case.seed)
                messages.setdefault(key, message)
    return [Alarm(*key, tuple(sorted(seeds[key])), messages[key]) for key in sorted(seeds)]


def has_learnt(each: Judged) -> bool:
    """False where a training of the corpus kept too much of its error, or raised."""
    if each.case.kind is not Kind.HEALTHY:
        return True
    before, after = each.facts.error_before, each.facts.error
    if each.facts.raised or before is None or after is None:
        return False
    return after <= all_healthy_trainings()[each.case.name].max_ratio * before
