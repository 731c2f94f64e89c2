"""Tries the fixes of a run's leading causes, and says which of them work.

1. *Screening*: the script as it is and with each candidate, once, on the same seed. A short
   repetition tells whether the same seed gives the same training.
2. *Deciding*: the candidate that gained most, on further seeds, until the interval of the paired
   differences is clear of zero, or the trials that may be spent are used up; then the next one.
3. *Looking again*: where the trial with a confirmed fix shows another fault, its fixes are tried
   on top, so that the answer is the set of fixes that the script needs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import final

from defib.diagnosis import diagnose
from defib.fixes.length_fix import LengthFix
from defib.records.finding import Finding, Severity
from defib.records.reading import read_run
from defib.records.run import RunRecord
from defib.records.trial import (
    Edit,
    PairedComparison,
    Proof,
    TrialEnding,
    TrialResult,
    Verdict,
)
from defib.verification.comparison import FEWEST_PAIRS, MOST_PAIRS
from defib.verification.costs import Costs
from defib.verification.ledger import Condition, Ledger, ProofOptions
from defib.verification.paired_trials import compared
from defib.verification.plan import Candidate, candidates, leading_findings, trial_steps
from defib.verification.reference import check_reference, repeats_itself
from defib.verification.sides import Sides

MOST_ROUNDS = 3
"""Faults that are mended one after the other."""
MUCH_THE_SAME = 0.5
"""Share of the largest gain, from which on the order of the rule's fixes counts for more."""
MORE_PAIRS = 1
"""Added to the fewest where the same seed does not give the same training: pairs are loose then,
and an interval from few of them is more often wrong."""


def prove(record: RunRecord, options: ProofOptions) -> Proof:
    """What the fixes of the leading causes of `record` do. Raises `UsageError` if none can run."""
    begun = time.monotonic()
    search = _Search(record, options)
    search.run()
    proof = search.proof()
    return replace(proof, seconds=time.monotonic() - begun)


@final
class _Search:
    """One proof under way."""

    def __init__(self, record: RunRecord, options: ProofOptions) -> None:
        self._record = record
        self._options = options
        steps = trial_steps(record, leading_findings(diagnose(record)))
        self._ledger = Ledger(record, steps, options)
        self._comparisons: list[PairedComparison] = []
        self._answer: tuple[str, ...] = ()
        self._notes: list[str] = []
        self._fewest = FEWEST_PAIRS

    def proof(self) -> Proof:
        return Proof(
            comparisons=tuple(self._comparisons),
            results=self._ledger.results,
            answer=self._answer,
            steps=self._ledger.steps,
            notes=tuple(self._notes),
        )

    def run(self) -> None:
        record, mended = self._record, set[str]()
        for _ in range(MOST_ROUNDS):
            findings = [
                each for each in leading_findings(diagnose(record)) if each.rule not in mended
            ]
            tried = candidates(record, findings)
            if not tried:
                self._notes += map(_without_candidates, findings)
                return
            confirmed = self._round(self._chosen(tried))
            if confirmed is None:
                return
            mended |= {each.rule for each in findings}
            self._answer += (confirmed.fix,)
            if not self._ledger.has(self._without(0)):
                return  # Only the length was another one: that training has no record of its own.
            record = read_run(self._ledger.folder(self._without(0)))
            if not any(e.severity is Severity.ERROR for e in leading_findings(diagnose(record))):
                return

    def _chosen(self, tried: Sequence[Candidate]) -> list[Candidate]:
        """Those that can be tried, as many as may be spent; it is told what keeps the others."""
        possible = [each for each in tried if not self._has_obstacle(each)]
        chosen = self._costs().affordable(possible)
        left_out = [each.fix.label for each in possible if each not in chosen]
        if left_out:
            self._notes.append(
                f"Not tried, because it would cost more than allowed: {', '.join(left_out)}. "
                "`defib prove --cost` allows more."
            )
        return chosen

    def _has_obstacle(self, candidate: Candidate) -> bool:
        reason = candidate.fix.obstacle(self._record, candidate.finding)
        if reason:
            self._comparisons.append(_not_applicable(candidate, reason))
        return bool(reason)

    def _measured(self, tried: Sequence[Candidate]) -> list[Candidate]:
        """The candidates with the values that trials of their own find; without those in vain."""
        costs = self._costs()
        sweeps = [each for candidate in tried for each in costs.measuring(candidate)]
        if sweeps:
            self._ledger.make([self._without(0), *sweeps])
        found = [self._with_found(each) for each in tried]
        return [each for each in found if each is not None]

    def _with_found(self, candidate: Candidate) -> Candidate | None:
        for condition in self._costs().measuring(candidate):
            result = self._ledger.result(condition)
            if not math.isfinite(result.found):
                reason = result.reason.removeprefix(f"{candidate.fix.label}: ")
                self._comparisons.append(_not_applicable(candidate, reason))
                return None
            fix = candidate.fix.with_value(result.found)
            measured = result.done.partition(";")[0]
            self._notes.append(f"`{fix.label}`: found by a {measured}, in a re-run of its own.")
            return replace(candidate, fix=fix)
        return candidate

    def _round(self, tried: Sequence[Candidate]) -> PairedComparison | None:
        """The confirmed comparison that gained most; all that were made are kept."""
        if tried:
            self._tell_plan(tried)
            tried = self._measured(tried)
        if not tried:
            return None
        screening = self._costs().screening(tried)
        repetition = self._without(0)._replace(is_repetition=True)
        is_first = not self._answer
        self._ledger.make([*screening, repetition] if is_first else screening)
        is_compared = self._without(0) in screening
        check_reference(self._ledger, self._without(0) if is_compared else repetition)
        if (
            is_first
            and is_compared
            and not repeats_itself(self._ledger, self._without(0), repetition)
        ):
            self._fewest += MORE_PAIRS
            self._notes.append(
                "The script does not train the same way twice from the same seed: pairs of "
                f"re-runs differ by more than the fix, so at least {self._fewest} are compared."
            )
        standing = {each.fix.label: self._compared(each, (0,)) for each in tried}
        for candidate in _by_promise(tried, standing):
            label = candidate.fix.label
            # Of a length it is worth knowing that it makes no difference, too.
            is_hopeless = _gain(standing[label]) <= 0 and not isinstance(candidate.fix, LengthFix)
            if is_hopeless or standing[label].verdict is Verdict.NOT_APPLICABLE:
                continue
            standing[label] = self._decided(candidate)
            if standing[label].verdict is Verdict.CONFIRMED:
                break
        self._comparisons += standing.values()
        confirmed = [each for each in standing.values() if each.verdict is Verdict.CONFIRMED]
        return max(confirmed, key=_gain, default=None)

    def _decided(self, candidate: Candidate) -> PairedComparison:
        """The comparison on as many seeds as it needs, or as may be spent."""
        sides = self._sides(candidate)
        comparison = self._compared(candidate, (0,))
        # Both lengths of one re-run are always paired, whether or not the script repeats itself.
        fewest = FEWEST_PAIRS if isinstance(candidate.fix, LengthFix) else self._fewest
        for pairs in range(fewest, MOST_PAIRS + 1):
            wanted = sides.needed(sides.seeds(pairs))
            if not self._ledger.affords(wanted):
                break
            self._ledger.make(wanted)
            comparison = self._compared(candidate, sides.seeds(pairs))
            if comparison.verdict is not Verdict.UNDECIDED:
                break
        return comparison

    def _compared(self, candidate: Candidate, seeds: Sequence[int]) -> PairedComparison:
        before, after = self._sides(candidate).results(seeds)
        comparison = compared(candidate.fix, before, after, candidate.yardsticks)
        return replace(
            comparison,
            rule=candidate.finding.rule,
            base=self._answer,
            first_seed=seeds[0],
            reason=comparison.reason or _meaning(candidate, comparison),
            change=candidate.fix.change(self._record, candidate.finding),
            edit=_edit(self._record, candidate),
            is_symptom_gone=_is_gone(candidate.finding, after),
        )

    def _sides(self, candidate: Candidate) -> Sides:
        return self._costs().sides(candidate)

    def _costs(self) -> Costs:
        return Costs(self._answer, self._record.steps, self._ledger)

    def _without(self, seed: int) -> Condition:
        return Condition(self._answer, seed)

    def _tell_plan(self, tried: Sequence[Candidate]) -> None:
        conditions = [*self._costs().screening(tried), *self._sides(tried[0]).deciding()]
        steps = {each.steps or self._ledger.steps for each in conditions}
        length = f"{'' if len(steps) == 1 else 'up to '}{max(steps):,}"
        self._options.report(
            f"Trying {len(tried)} fix{'es' if len(tried) > 1 else ''}: about "
            f"{len(set(conditions))} re-runs of {length} steps, {self._options.jobs} at once, "
            f"about {self._ledger.seconds(self._ledger.cost(conditions)):,.0f} s."
        )


def _edit(record: RunRecord, candidate: Candidate) -> Edit | None:
    site = candidate.fix.site(record, candidate.finding)
    new = candidate.fix.edited(site.code, record, candidate.finding) if site else None
    return Edit(site, new) if site is not None and new is not None else None


def _not_applicable(candidate: Candidate, reason: str) -> PairedComparison:
    comparison = compared(candidate.fix, (), (), candidate.yardsticks)
    verdict = Verdict.NOT_APPLICABLE
    return replace(comparison, rule=candidate.finding.rule, verdict=verdict, reason=reason)


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


def _without_candidates(finding: Finding) -> str:
    named = ", ".join(finding.fixes)
    own = f"; for you to do: {named}." if named else "."
    return f"{finding.rule}: no fix can be tried from outside{own}"


def _by_promise(
    tried: Sequence[Candidate], standing: Mapping[str, PairedComparison]
) -> list[Candidate]:
    """The candidates by what they gained; of those that gained much the same, the rule's first.

    Its first fix is the one that mends the cause: a larger learning rate also makes up for an
    epsilon that slows every step down, and is no advice to give for it.
    """
    gains = [_gain(standing[each.fix.label]) for each in tried]
    enough = MUCH_THE_SAME * max(gains, default=0.0)
    order = sorted(range(len(tried)), key=lambda place: (gains[place] < enough, -gains[place]))
    leading = sorted(place for place in order if gains[place] >= enough)
    return [tried[place] for place in (*leading, *(p for p in order if gains[p] < enough))]


def _gain(comparison: PairedComparison) -> float:
    sign = 1 if comparison.yardstick.is_accuracy else -1
    effect = sign * comparison.effect
    return effect if effect == effect else float("-inf")  # nan: not measured
