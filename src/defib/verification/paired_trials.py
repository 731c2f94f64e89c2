"""Trials with and without a fix on the same seeds, compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from defib.fixes.base import Fix
from defib.records.trial import (
    Beside,
    PairedComparison,
    TrialEnding,
    TrialResult,
    Verdict,
    Yardstick,
)
from defib.verification.comparison import (
    FEWEST_PAIRS,
    Differences,
    differences,
    measured,
    verdict_on,
)

_OF_EVALUATION = (Yardstick.EVALUATION_LOSS, Yardstick.EVALUATION_ACCURACY)


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
        is_other_loss=fix.changes_objective,
    )
    unusable = next((each for each in after if each.ending is not TrialEnding.TRAINED), None)
    if unusable is not None:
        return replace(comparison, reason=f"{unusable.ending.value}: {unusable.reason}")
    verdict, span = verdict_on(found)
    reason = _why_undecided(verdict, found.values, len(after), yardstick)
    if verdict is Verdict.CONFIRMED and _is_less_accurate(before, after, yardstick, yardsticks):
        reason = "judged by the evaluation loss; the evaluation accuracy is less with it, too"
    return replace(
        comparison,
        verdict=verdict,
        effect=span.mean,
        low=span.low,
        high=span.high,
        is_logarithm=found.is_logarithm,
        reason=reason,
        beside=_beside(before, after, yardstick, yardsticks),
    )


def _beside(
    before: Sequence[TrialResult],
    after: Sequence[TrialResult],
    decided_by: Yardstick,
    yardsticks: Sequence[Yardstick],
) -> tuple[Beside, ...]:
    """The other one of the loss and the accuracy of an evaluation, where both could decide."""
    if decided_by not in _OF_EVALUATION:
        return ()
    others = [each for each in yardsticks if each in _OF_EVALUATION and each is not decided_by]
    return tuple(
        Beside(each, *(fmean(measured(one, each) for one in side) for side in (before, after)))
        for each in others
        if differences(before, after, each).values
    )


def _is_less_accurate(
    before: Sequence[TrialResult],
    after: Sequence[TrialResult],
    decided_by: Yardstick,
    yardsticks: Sequence[Yardstick],
) -> bool:
    """Whether a loss decided, and the accuracy of the same evaluations is surely worse."""
    other = Yardstick.EVALUATION_ACCURACY
    if decided_by is not Yardstick.EVALUATION_LOSS or other not in yardsticks:
        return False
    return verdict_on(differences(before, after, other))[0] is Verdict.HARMFUL


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
