"""Tries the fixes of a run's leading causes, and says which of them work.

1. *Screening*: the script as it is and with each candidate, once, on the same seed. A short
   repetition tells whether the same seed gives the same training.
2. *Deciding*: the candidate that gained most, on further seeds, until the interval of the paired
   differences is clear of zero, or the trials that may be spent are used up; then the next one.
3. *Looking again*: where the trial with a confirmed fix shows another fault, its fixes are tried
   on top, so that the answer is the set of fixes that the script needs.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import final

from defib.diagnosis import diagnose
from defib.errors import UsageError
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
from defib.script.write_guard import REFUSAL
from defib.verification.comparison import FEWEST_PAIRS, MOST_PAIRS
from defib.verification.ledger import Condition, Ledger, ProofOptions
from defib.verification.paired_trials import compared
from defib.verification.plan import Candidate, candidates, leading_findings, trial_steps
from defib.verification.reproducibility import is_same_training

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
            confirmed = self._round(tried)
            if confirmed is None:
                return
            mended |= {each.rule for each in findings}
            self._answer += (confirmed.fix,)
            record = read_run(self._ledger.folder(self._without(0)))
            if not any(e.severity is Severity.ERROR for e in leading_findings(diagnose(record))):
                return

    def _round(self, tried: Sequence[Candidate]) -> PairedComparison | None:
        """The confirmed comparison that gained most; all that were made are kept."""
        affordable = max(1, self._ledger.left - 2 * FEWEST_PAIRS + 1)
        tried = tried[:affordable]
        self._tell_plan(len(tried))
        repetition = self._without(0)._replace(is_repetition=True)
        conditions = [self._without(0), *(self._with(each, 0) for each in tried), repetition]
        self._ledger.make(conditions if not self._answer else conditions[:-1])
        self._check_reference()
        if not self._answer:
            self._compare_repetition(repetition)
        standing = {each.fix.label: self._compared(each, 1) for each in tried}
        for candidate in _by_promise(tried, standing):
            label = candidate.fix.label
            if _gain(standing[label]) <= 0 or standing[label].verdict is Verdict.NOT_APPLICABLE:
                continue
            standing[label] = self._decided(candidate)
            if standing[label].verdict is Verdict.CONFIRMED:
                break
        self._comparisons += standing.values()
        confirmed = [each for each in standing.values() if each.verdict is Verdict.CONFIRMED]
        return max(confirmed, key=_gain, default=None)

    def _decided(self, candidate: Candidate) -> PairedComparison:
        """The comparison on as many seeds as it needs, or as may be spent."""
        comparison = self._compared(candidate, 1)
        for pairs in range(self._fewest, MOST_PAIRS + 1):
            seeds = range(pairs)
            wanted = [each for s in seeds for each in (self._without(s), self._with(candidate, s))]
            if not self._ledger.affords(wanted):
                break
            self._ledger.make(wanted)
            comparison = self._compared(candidate, pairs)
            if comparison.verdict is not Verdict.UNDECIDED:
                break
        return comparison

    def _compared(self, candidate: Candidate, pairs: int) -> PairedComparison:
        before = [self._ledger.result(self._without(seed)) for seed in range(pairs)]
        after = [self._ledger.result(self._with(candidate, seed)) for seed in range(pairs)]
        comparison = compared(candidate.fix, before, after, candidate.yardsticks)
        return replace(
            comparison,
            rule=candidate.finding.rule,
            base=self._answer,
            change=candidate.fix.change(self._record, candidate.finding),
            edit=_edit(self._record, candidate),
            is_symptom_gone=_is_gone(candidate.finding, after),
        )

    def _without(self, seed: int) -> Condition:
        return Condition(self._answer, seed)

    def _with(self, candidate: Candidate, seed: int) -> Condition:
        return Condition((*self._answer, candidate.fix.label), seed)

    def _tell_plan(self, count: int) -> None:
        trials = count + 1 + 2 * (FEWEST_PAIRS - 1)
        self._options.report(
            f"Trying {count} fix{'es' if count > 1 else ''}: about {trials} re-runs of "
            f"{self._ledger.steps:,} steps, {self._options.jobs} at once, about "
            f"{self._ledger.seconds(trials):,.0f} s."
        )

    def _check_reference(self) -> None:
        """Stop where the script as it is cannot be re-run at all."""
        reference = self._ledger.result(self._without(0))
        if reference.refused_writes or REFUSAL in reference.reason:
            paths = ", ".join(f"`{path}`" for path in reference.refused_writes[:3])
            raise UsageError(
                f"The script writes outside of its working directory: {paths or reference.reason} "
                "A re-run would change that again; if it may, add --allow-side-effects."
            )
        if reference.ending is not TrialEnding.TRAINED:
            raise UsageError(
                f"The script could not be re-run as it is ({reference.ending.value}: "
                f"{reference.reason}), so nothing can be compared. What it printed is in "
                f"`{self._ledger.folder(self._without(0)) / 'output.txt'}`."
            )

    def _compare_repetition(self, repetition: Condition) -> None:
        conditions = (self._without(0), repetition)
        if any(self._ledger.result(e).ending is not TrialEnding.TRAINED for e in conditions):
            return
        one, other = (read_run(self._ledger.folder(each)) for each in conditions)
        if is_same_training(one, other) is False:
            self._fewest += MORE_PAIRS
            self._notes.append(
                "The script does not train the same way twice from the same seed: pairs of "
                f"re-runs differ by more than the fix, so at least {self._fewest} are compared."
            )


def _edit(record: RunRecord, candidate: Candidate) -> Edit | None:
    site = candidate.fix.site(record, candidate.finding)
    new = candidate.fix.edited(site.code, record, candidate.finding) if site else None
    return Edit(site, new) if site is not None and new is not None else None


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
