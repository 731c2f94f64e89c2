"""What is about to be run, and how long that takes."""

from __future__ import annotations

from collections.abc import Sequence

from defib.records.trial import Trial
from defib.verification.pace import side_by_side
from defib.verification.plan import Candidate
from defib.verification.progress import Progress


def announcement(progress: Progress, tried: Sequence[Candidate], jobs: int) -> str:
    """The re-runs that screen `tried` and decide on the first of them, and their time.

    Each as long as the watched run was for it: on a machine that is as busy as it was then.
    """
    batches = _batches(progress, tried)
    trials = [each for batch in batches for each in batch]
    pace = progress.ledger.pace
    seconds = sum(side_by_side((pace.whole(e.steps) for e in batch), jobs) for batch in batches)
    longest = max((each.steps for each in trials), default=progress.ledger.steps)
    is_even = all(each.steps == longest for each in trials)
    return (
        f"Trying {len(tried)} fix{'es' if len(tried) > 1 else ''}: about {len(trials)} re-runs of "
        f"{'' if is_even else 'up to '}{longest:,} steps, {jobs} at once, about {seconds:,.0f} s, "
        "their starts included; longer where that does not decide."
    )


def _batches(progress: Progress, tried: Sequence[Candidate]) -> list[list[Trial]]:
    """The trials that are still to be made, those together that run side by side."""
    costs, ledger = progress.costs, progress.ledger
    sweeps = [each for candidate in tried for each in costs.measuring(candidate)]
    plan = [
        [progress.without(0), *sweeps] if sweeps else [],
        costs.screening(tried),
        progress.sides(tried[0]).deciding(),
    ]
    taken: set[Trial] = set()
    batches = []
    for conditions in plan:
        batches.append([each for each in ledger.missing(conditions) if each not in taken])
        taken.update(batches[-1])
    return batches
