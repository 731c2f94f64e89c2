"""What the trials of one candidate say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from defib.fixes.length_fix import LengthFix
from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.records.trial import Edit, PairedComparison, TrialEnding, TrialResult, Verdict
from defib.verification.comparison import FEWEST_PAIRS, MOST_PAIRS
from defib.verification.paired_trials import compared
from defib.verification.plan import Candidate
from defib.verification.progress import Progress
from defib.verification.reference import look_whether_it_repeats_itself


def judged(progress: Progress, candidate: Candidate, seeds: Sequence[int]) -> PairedComparison:
    """The comparison on `seeds`, whose trials were made."""
    before, after = progress.sides(candidate).results(seeds)
    comparison = compared(candidate.fix, before, after, candidate.yardsticks)
    return replace(
        comparison,
        rule=candidate.finding.rule,
        base=progress.answer,
        first_seed=seeds[0],
        reason=comparison.reason or _meaning(candidate, comparison),
        change=candidate.fix.change(progress.watched, candidate.finding),
        edit=_edit(progress.watched, candidate),
        is_symptom_gone=_is_gone(candidate.finding, after),
    )


def decided(progress: Progress, candidate: Candidate) -> PairedComparison:
    """The comparison on as many seeds as it needs, or as may be spent."""
    sides = progress.sides(candidate)
    comparison = judged(progress, candidate, (0,))
    is_of_length = isinstance(candidate.fix, LengthFix)
    if not is_of_length:
        look_whether_it_repeats_itself(progress, sides.deciding())
    # Both lengths of one re-run are always paired, whether or not the script repeats itself.
    fewest = FEWEST_PAIRS if is_of_length else progress.fewest_pairs
    for pairs in range(fewest, MOST_PAIRS + 1):
        wanted = sides.needed(sides.seeds(pairs))
        if not progress.ledger.affords(wanted):
            break
        progress.ledger.make(wanted)
        comparison = judged(progress, candidate, sides.seeds(pairs))
        if comparison.verdict is not Verdict.UNDECIDED:
            break
    return comparison


def not_applicable(candidate: Candidate, reason: str) -> PairedComparison:
    """What is said of a fix that was not tried for this `reason`."""
    comparison = compared(candidate.fix, (), (), candidate.yardsticks)
    verdict = Verdict.NOT_APPLICABLE
    return replace(comparison, rule=candidate.finding.rule, verdict=verdict, reason=reason)


def gain(comparison: PairedComparison) -> float:
    """The mean effect, above 0 where it is for the better; -infinity where it is not known."""
    sign = 1 if comparison.yardstick.is_accuracy else -1
    effect = sign * comparison.effect
    return effect if effect == effect else float("-inf")  # nan: not measured


def _edit(record: RunRecord, candidate: Candidate) -> Edit | None:
    site = candidate.fix.site(record, candidate.finding)
    new = candidate.fix.edited(site.code, record, candidate.finding) if site else None
    return Edit(site, new) if site is not None and new is not None else None


def _meaning(candidate: Candidate, comparison: PairedComparison) -> str:
    """What it means that a length makes no difference."""
    if not isinstance(candidate.fix, LengthFix) or comparison.verdict is not Verdict.NO_EFFECT:
        return ""
    return candidate.fix.verdict_of_no_effect


def _is_gone(finding: Finding, after: Sequence[TrialResult]) -> bool | None:
    """Whether the rule is silent with the fix; `None` where a trial with it failed."""
    if any(each.ending is not TrialEnding.TRAINED for each in after):
        return None
    return all(finding.rule not in each.rules for each in after)
