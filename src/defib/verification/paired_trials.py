"""Trials with and without a fix on the same seeds, compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from defib.fixes.base import Fix
from defib.records.trial import PairedComparison, TrialEnding, TrialResult, Verdict, Yardstick
from defib.verification.comparison import (
    FEWEST_PAIRS,
    Differences,
    differences,
    measured,
    verdict_on,
)


def yardsticks_of(fix: Fix, *, is_of_generalization: bool = False) -> tuple[Yardstick, ...]:
    """What may decide, the best first: the first that was seen in all trials counts.

    `is_of_generalization`: the fix is tried for a fault that only evaluations show.
    """
    if fix.compares_balanced:
        return (Yardstick.EVALUATION_BALANCED_ACCURACY, Yardstick.BALANCED_ACCURACY)
    if fix.changes_objective:
        # Losses of different kinds cannot be compared, accuracies can.
        return (Yardstick.EVALUATION_ACCURACY, Yardstick.ACCURACY, Yardstick.RELATIVE_LOSS)
    if not fix.compares_evaluation:
        return (Yardstick.TRAINING_LOSS,)
    if is_of_generalization:
        # The loss tells first: an accuracy hardly moves where a network grows too sure.
        return (Yardstick.EVALUATION_LOSS, Yardstick.EVALUATION_ACCURACY)
    return (Yardstick.EVALUATION_ACCURACY, Yardstick.EVALUATION_LOSS)


def compared(
    fix: Fix,
    before: Sequence[TrialResult],
    after: Sequence[TrialResult],
    yardsticks: Sequence[Yardstick],
) -> PairedComparison:
    """`fix` by the trials without and with it; not applicable where one with it failed."""
    yardstick, found = _first_seen(before, after, yardsticks)
    comparison = PairedComparison(
        fix=fix.label,
        rule="",
        yardstick=yardstick,
        verdict=Verdict.NOT_APPLICABLE,
        pairs=len(after),
        before=tuple(measured(each, yardstick) for each in before),
        after=tuple(measured(each, yardstick) for each in after),
    )
    unusable = next((each for each in after if each.ending is not TrialEnding.TRAINED), None)
    if unusable is not None:
        return replace(comparison, reason=f"{unusable.ending.value}: {unusable.reason}")
    verdict, span = verdict_on(found)
    return replace(
        comparison,
        verdict=verdict,
        effect=span.mean,
        low=span.low,
        high=span.high,
        is_logarithm=found.is_logarithm,
        reason=_why_undecided(verdict, found.values, len(after), yardstick),
    )


def _first_seen(
    before: Sequence[TrialResult], after: Sequence[TrialResult], yardsticks: Sequence[Yardstick]
) -> tuple[Yardstick, Differences]:
    """The first yardstick that was seen in all trials, or the first of all."""
    found = [(each, differences(before, after, each)) for each in yardsticks]
    return next((each for each in found if each[1].values), found[0])


def _why_undecided(
    verdict: Verdict, values: Sequence[float], pairs: int, yardstick: Yardstick
) -> str:
    if verdict is not Verdict.UNDECIDED:
        return ""
    if not values:
        return f"the {yardstick.value} was not seen"
    if pairs < FEWEST_PAIRS:
        return "tried on one seed alone"
    return f"{pairs} seeds scatter too much"
