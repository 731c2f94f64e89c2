"""From what was measured before the first step to a verdict."""

from __future__ import annotations

from collections.abc import Sequence

from defib.diagnosis import ranked_causes
from defib.records.finding import Cause, Severity, Status
from defib.records.preflight import Checkup, PreflightRecord
from defib.rules.base import every_rule
from defib.rules.judged import Judged, judged_preflight


def check_up(record: PreflightRecord, outcome: Judged | None = None) -> Checkup:
    """The verdict on a training that has not begun, by all rules or by those of `outcome`."""
    outcome = judged_preflight(record) if outcome is None else outcome
    rules = {rule.name(): rule for rule in every_rule()}
    causes = ranked_causes(outcome.findings, rules)
    serious = [each for each in causes if each.finding.severity is not Severity.INFO]
    return Checkup(
        status=Status.FINDINGS if serious else Status.HEALTHY,
        summary=_summary(serious, len(outcome.passed)),
        script=record.script,
        seconds=record.seconds,
        causes=causes,
        passed=outcome.passed,
        not_evaluated=outcome.not_evaluated,
        notes=record.notes,
    )


def _summary(serious: Sequence[Cause], passed: int) -> str:
    if not serious:
        return f"Ready to train: no fault was found by {passed} rules."
    finding = serious[0].finding
    where = f" at {finding.site.label}" if finding.site else ""
    others = f", and {len(serious) - 1} more" if len(serious) > 1 else ""
    return f"Before the first step: {finding.rule}{where}{others}."
