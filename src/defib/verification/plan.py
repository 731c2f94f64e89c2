"""What to try, for how long, and what it may cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import final

from defib.fixes.base import Fix, all_fixes
from defib.fixes.length_fix import LengthFix
from defib.records.finding import Diagnosis, Finding, Severity
from defib.records.run import RunRecord
from defib.records.trial import Yardstick
from defib.rules.base import AnyRule, every_rule
from defib.verification.paired_trials import yardsticks_of

MOST_CAUSES = 2
"""Leading causes whose fixes are tried at once: later ones may be gone when these are mended."""
MOST_CANDIDATES = 6
LARGEST_COST = 6.0
"""What all trials may take over what the watched run took, in training and from the start."""
SHORTEST = 200
"""Steps of a trial: under these, noise hides most effects."""
SHARE = 0.3
"""Of a run whose fault shows from the start."""
LATE_SHARE = 0.6
"""The same for what evaluations show: they are few, and overfitting takes its time."""
BEYOND_ONSET = 1.5
"""Steps of a trial over the step at which the fault shows."""


@final
@dataclass(frozen=True)
class Candidate:
    """A fix that is to be tried, and the finding that led to it."""

    fix: Fix
    finding: Finding

    @property
    def yardsticks(self) -> tuple[Yardstick, ...]:
        """What may decide, by `yardsticks_of`."""
        general = _is_of_generalization(self.finding)
        found = yardsticks_of(self.fix, is_of_generalization=general)
        if isinstance(self.fix, LengthFix) and self.fix.counts_training_loss:
            return (*found, Yardstick.TRAINING_LOSS)
        return found


def leading_findings(diagnosis: Diagnosis) -> tuple[Finding, ...]:
    """What is worth mending first: causes, remarks only where there is nothing worse.

    Where no fix of the leading causes can be applied from outside, the findings that can be
    mended so follow, symptoms among them: what removes these may show the cause.
    """
    causes = [each.finding for each in diagnosis.causes]
    serious = [each for each in causes if each.severity is not Severity.INFO]
    leading = (serious or causes)[:MOST_CAUSES]
    if any(_can_be_mended(each) for each in leading):
        return tuple(leading)
    others = [each for each in diagnosis.findings if each.severity is not Severity.INFO]
    mendable = {each.rule: each for each in reversed(others) if _can_be_mended(each)}
    return (*leading, *list(reversed(mendable.values()))[:MOST_CAUSES])


def _can_be_mended(finding: Finding) -> bool:
    return bool({fix.name() for fix in all_fixes()} & set(finding.fixes))


def candidates(record: RunRecord, findings: Sequence[Finding]) -> tuple[Candidate, ...]:
    """What to try, the most promising first: the first choice of every fix before any second."""
    known = {fix.name(): fix for fix in all_fixes()}
    choices = [
        [Candidate(each, finding) for each in known[name].candidates(record, finding)]
        for finding in findings
        for name in finding.fixes
        if name in known
    ]
    found: dict[str, Candidate] = {}
    for candidate in _in_turn(choices):
        found.setdefault(candidate.fix.label, candidate)
    return tuple(found.values())[:MOST_CANDIDATES]


def _in_turn(choices: Sequence[Sequence[Candidate]]) -> Iterator[Candidate]:
    for row in zip_longest(*choices):
        yield from (each for each in row if each is not None)


def trial_steps(record: RunRecord, findings: Sequence[Finding]) -> int:
    """Steps after which a fault that is still there has shown itself."""
    share = LATE_SHARE if any(_is_of_generalization(each) for each in findings) else SHARE
    onset = max((each.steps[0] for each in findings), default=0)
    wanted = max(SHORTEST, share * record.steps, BEYOND_ONSET * onset, onset + SHORTEST / 2)
    return min(record.steps, round(wanted))


def _is_of_generalization(finding: Finding) -> bool:
    return _rules()[finding.rule].group() == "generalization"


def _rules() -> dict[str, AnyRule]:
    return {rule.name(): rule for rule in every_rule()}
