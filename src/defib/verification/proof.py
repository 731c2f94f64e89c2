"""Tries the fixes of a run's leading causes, and says which of them work.

1. *Screening*: the script as it is and with each candidate, once, on the same seed: as many
   candidates as leave enough to decide on one.
2. *Deciding*: the candidate that gained most, on further seeds, until the interval of the paired
   differences is clear of zero, or what may be spent is used up; then the next one. Where none
   of them is confirmed, those that still can be paid for are screened.
3. *Looking again*: where the trial with a confirmed fix shows another fault, its fixes are tried
   on top, so that the answer is the set of fixes that the script needs.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from defib.diagnosis import diagnose
from defib.fixes.length_fix import LengthFix
from defib.records.finding import Finding, Severity
from defib.records.run import RunRecord
from defib.records.trial import PairedComparison, Proof, Verdict
from defib.verification.announcement import announcement
from defib.verification.choice import by_promise, next_batch, open_candidates, with_values
from defib.verification.judgement import decided, gain, judged
from defib.verification.ledger import Ledger, ProofOptions
from defib.verification.plan import Candidate, leading_findings, trial_steps
from defib.verification.progress import Progress
from defib.verification.reference import check_reference

MOST_ROUNDS = 3
"""Faults that are mended one after the other."""


class Confirmed(NamedTuple):
    candidate: Candidate
    comparison: PairedComparison


def prove(record: RunRecord, options: ProofOptions) -> Proof:
    """What the fixes of the leading causes of `record` do. Raises `UsageError` if none can run."""
    begun = time.monotonic()
    steps = trial_steps(record, leading_findings(diagnose(record)))
    progress = Progress(record, Ledger(record, steps, options))
    _mend(progress, options)
    return replace(progress.proof(), seconds=time.monotonic() - begun)


def _mend(progress: Progress, options: ProofOptions) -> None:
    """One fault after the other, as long as the training with the fixes so far shows another."""
    record, mended = progress.watched, set[str]()
    for _ in range(MOST_ROUNDS):
        findings = [each for each in leading_findings(diagnose(record)) if each.rule not in mended]
        tried = open_candidates(progress, record, findings)
        if not tried:
            progress.notes += map(_without_candidates, findings)
            return
        confirmed = _round(progress, tried, options)
        if confirmed is None:
            return
        mended |= {each.rule for each in findings}
        sides = progress.sides(confirmed.candidate)
        record = sides.record_with(sides.seeds(1)[0])
        progress.answer += (confirmed.comparison.fix,)
        further = leading_findings(diagnose(record))
        if not any(each.severity is Severity.ERROR for each in further):
            return
        if sides.is_longer:
            # What such a training shows, it shows in re-runs that are as long as it.
            progress.notes += _of_longer(confirmed.comparison.fix, further, mended)
            return


def _round(
    progress: Progress, tried: Sequence[Candidate], options: ProofOptions
) -> Confirmed | None:
    """The confirmed one that gained most; all comparisons that were made are kept."""
    waiting, confirmed = list(tried), None
    while confirmed is None:
        batch = next_batch(progress, waiting)
        if not batch:
            break
        waiting = [each for each in waiting if each not in batch]
        options.report(announcement(progress, batch, options.jobs))
        confirmed = _batch(progress, with_values(progress, batch))
    if waiting:
        labels = ", ".join(each.fix.label for each in waiting)
        progress.notes.append(
            f"Not tried, because it would cost more than allowed: {labels}. "
            "`defib prove --cost` allows more."
        )
    return confirmed


def _batch(progress: Progress, tried: Sequence[Candidate]) -> Confirmed | None:
    """The same of candidates that are screened together."""
    if not tried:
        return None
    screening = progress.costs.screening(tried)
    progress.ledger.make(screening)
    check_reference(progress, screening)
    standing = {each.fix.label: judged(progress, each, (0,)) for each in tried}
    for candidate in by_promise(tried, standing):
        label = candidate.fix.label
        # Of a length it is worth knowing that it makes no difference, too.
        is_hopeless = gain(standing[label]) <= 0 and not isinstance(candidate.fix, LengthFix)
        if is_hopeless or standing[label].verdict is Verdict.NOT_APPLICABLE:
            continue
        standing[label] = decided(progress, candidate)
        if standing[label].verdict is Verdict.CONFIRMED:
            break
    progress.comparisons += standing.values()
    pairs = [Confirmed(each, standing[each.fix.label]) for each in tried]
    confirmed = [each for each in pairs if each.comparison.verdict is Verdict.CONFIRMED]
    return max(confirmed, key=lambda each: gain(each.comparison), default=None)


def _of_longer(fix: str, further: Sequence[Finding], mended: Collection[str]) -> list[str]:
    names = [each.rule for each in further if each.rule not in mended]
    if not names:
        return []
    return [
        f"With `{fix}` there is {' and '.join(names)} too: nothing was tried for it, because every "
        "re-run would be as long. Train longer, and have that run proved."
    ]


def _without_candidates(finding: Finding) -> str:
    named = ", ".join(finding.fixes)
    own = f"; for you to do: {named}." if named else "."
    return f"{finding.rule}: no fix can be tried from outside{own}"
