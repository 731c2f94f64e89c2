"""What is tried next: as many candidates as may be spent, with the values that they need."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from defib.fixes.base import fix_called
from defib.fixes.length_fix import LengthFix
from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.records.trial import PairedComparison
from defib.verification.judgement import gain, not_applicable
from defib.verification.plan import Candidate, candidates
from defib.verification.progress import Progress
from defib.verification.reference import check_reference

MUCH_THE_SAME = 0.5
"""Share of the largest gain, from which on the order of the rule's fixes counts for more."""


def open_candidates(
    progress: Progress, record: RunRecord, findings: Sequence[Finding]
) -> list[Candidate]:
    """What can be tried for `findings` of `record`, in turn; it is told what keeps the others.

    Nothing twice, and no other length of a training whose length is settled.
    """
    settled = [type(fix_called(label)) for label in progress.answer]
    is_length_settled = any(issubclass(kind, LengthFix) for kind in settled)
    return [
        each
        for each in candidates(record, findings)
        if type(each.fix) not in settled
        and not (is_length_settled and isinstance(each.fix, LengthFix))
        and not _has_obstacle(progress, each)
    ]


def next_batch(progress: Progress, waiting: Sequence[Candidate]) -> list[Candidate]:
    """As many of those that wait as may be spent; one where nothing was tried before."""
    batch = progress.costs.affordable(waiting)
    return batch or ([] if progress.ledger.results else progress.costs.cheapest(waiting))


def with_values(progress: Progress, tried: Sequence[Candidate]) -> list[Candidate]:
    """The candidates with the values that trials of their own find; without those in vain."""
    sweeps = [each for candidate in tried for each in progress.costs.measuring(candidate)]
    if sweeps:
        first = progress.without(0)
        progress.ledger.make([first, *sweeps])
        check_reference(progress, [first])
    found = [_with_value(progress, each) for each in tried]
    return [each for each in found if each is not None]


def by_promise(
    tried: Sequence[Candidate], standing: Mapping[str, PairedComparison]
) -> list[Candidate]:
    """The candidates by what they gained; of those that gained much the same, the rule's first.

    Its first fix is the one that mends the cause: a larger learning rate also makes up for an
    epsilon that slows every step down, and is no advice to give for it.
    """
    gains = [gain(standing[each.fix.label]) for each in tried]
    enough = MUCH_THE_SAME * max(gains, default=0.0)
    order = sorted(range(len(tried)), key=lambda place: (gains[place] < enough, -gains[place]))
    leading = sorted(place for place in order if gains[place] >= enough)
    return [tried[place] for place in (*leading, *(p for p in order if gains[p] < enough))]


def _has_obstacle(progress: Progress, candidate: Candidate) -> bool:
    reason = candidate.fix.obstacle(progress.watched, candidate.finding)
    if reason:
        progress.comparisons.append(not_applicable(candidate, reason))
    return bool(reason)


def _with_value(progress: Progress, candidate: Candidate) -> Candidate | None:
    for condition in progress.costs.measuring(candidate):
        result = progress.ledger.result(condition)
        if not math.isfinite(result.found):
            reason = result.reason.removeprefix(f"{candidate.fix.label}: ")
            progress.comparisons.append(not_applicable(candidate, reason))
            return None
        fix = candidate.fix.with_value(result.found)
        measured = result.done.partition(";")[0]
        progress.notes.append(f"`{fix.label}`: found by a {measured}, in a re-run of its own.")
        return replace(candidate, fix=fix)
    return candidate
