"""Tries the fixes of a run's leading causes, and says which of them work.

1. *Screening*: the script as it is and with each candidate, once, on the same seed.
2. *Deciding*: the candidate that gained most, on further seeds, until the interval of the paired
   differences is clear of zero, or the trials that may be spent are used up; then the next one.
3. *Looking again*: where the trial with a confirmed fix shows another fault, its fixes are tried
   on top, so that the answer is the set of fixes that the script needs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
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
    Trial,
    TrialEnding,
    TrialResult,
    Verdict,
    Yardstick,
)
from defib.script.write_guard import REFUSAL
from defib.verification.comparison import (
    FEWEST_PAIRS,
    MOST_PAIRS,
    Differences,
    differences,
    measured,
    verdict_on,
)
from defib.verification.plan import (
    LARGEST_COST,
    Candidate,
    affordable_trials,
    candidates,
    leading_findings,
    trial_steps,
)

MOST_ROUNDS = 3
"""Faults that are mended one after the other."""
MUCH_THE_SAME = 0.5
"""Share of the largest gain, from which on the order of the rule's fixes counts for more."""
START_SECONDS = 6.0
"""Of a process that imports torch, on a busy machine."""

Runner = Callable[[Trial, float], TrialResult]
"""Runs a trial that should take so many seconds; its record is `folder / trial.name`."""
Report = Callable[[str], None]


@final
@dataclass(frozen=True)
class ProofOptions:
    """`cost` is the trained time of all trials over that of the run; `jobs` run at once."""

    folder: Path
    run: Runner
    cost: float = LARGEST_COST
    jobs: int = 1
    report: Report = lambda _: None


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
        self._steps = trial_steps(record, leading_findings(diagnose(record)))
        self._left = affordable_trials(record, self._steps, options.cost)
        self._results: dict[str, TrialResult] = {}
        self._comparisons: list[PairedComparison] = []
        self._answer: tuple[str, ...] = ()
        self._notes: list[str] = []

    def proof(self) -> Proof:
        return Proof(
            comparisons=tuple(self._comparisons),
            results=tuple(self._results.values()),
            answer=self._answer,
            steps=self._steps,
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
                self._note_without_candidates(findings)
                return
            confirmed = self._round(tried)
            if confirmed is None:
                return
            mended |= {each.rule for each in findings}
            self._answer += (confirmed.fix,)
            after = self._trial(self._answer, 0)
            record = read_run(self._options.folder / after.name)
            if not any(e.severity is Severity.ERROR for e in leading_findings(diagnose(record))):
                return

    # -- a round -------------------------------------------------------------------------------

    def _round(self, tried: Sequence[Candidate]) -> PairedComparison | None:
        """The confirmed comparison that gained most; all that were made are kept."""
        affordable = max(1, self._left - 2 * FEWEST_PAIRS + 1)
        tried = tried[:affordable]
        self._tell_plan(len(tried))
        self._do([((), 0), *(((each.fix.label,), 0) for each in tried)])
        self._check_reference()
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
        pairs = FEWEST_PAIRS
        comparison = self._compared(candidate, 1)
        while pairs <= MOST_PAIRS and self._affords(candidate, pairs):
            self._do(
                [(fixes, seed) for seed in range(pairs) for fixes in ((), (candidate.fix.label,))]
            )
            comparison = self._compared(candidate, pairs)
            if comparison.verdict is not Verdict.UNDECIDED:
                break
            pairs += 1
        return comparison

    def _affords(self, candidate: Candidate, pairs: int) -> bool:
        wanted = [
            self._trial(self._answer + extra, seed)
            for seed in range(pairs)
            for extra in ((), (candidate.fix.label,))
        ]
        return sum(each.name not in self._results for each in wanted) <= self._left

    def _compared(self, candidate: Candidate, pairs: int) -> PairedComparison:
        label = candidate.fix.label
        before = [self._result((), seed) for seed in range(pairs)]
        after = [self._result((label,), seed) for seed in range(pairs)]
        yardstick, found = _first_seen(before, after, candidate.yardsticks)
        comparison = PairedComparison(
            fix=label,
            rule=candidate.finding.rule,
            yardstick=yardstick,
            verdict=Verdict.UNDECIDED,
            pairs=pairs,
            base=self._answer,
            change=candidate.fix.change(self._record, candidate.finding),
            edit=self._edit(candidate),
            before=tuple(measured(each, yardstick) for each in before),
            after=tuple(measured(each, yardstick) for each in after),
        )
        unusable = next((each for each in after if each.ending is not TrialEnding.TRAINED), None)
        if unusable is not None:
            reason = f"{unusable.ending.value}: {unusable.reason}"
            return replace(comparison, verdict=Verdict.NOT_APPLICABLE, reason=reason)
        verdict, span = verdict_on(found)
        return replace(
            comparison,
            verdict=verdict,
            effect=span.mean,
            low=span.low,
            high=span.high,
            is_logarithm=found.is_logarithm,
            reason=_why_undecided(verdict, found.values, pairs, yardstick),
            is_symptom_gone=all(candidate.finding.rule not in each.rules for each in after),
        )

    def _edit(self, candidate: Candidate) -> Edit | None:
        site = candidate.fix.site(self._record, candidate.finding)
        new = candidate.fix.edited(site.code, self._record, candidate.finding) if site else None
        return Edit(site, new) if site is not None and new is not None else None

    # -- trials --------------------------------------------------------------------------------

    def _trial(self, fixes: tuple[str, ...], seed: int) -> Trial:
        record = self._record
        return Trial(
            script=record.script,
            arguments=record.arguments,
            directory=record.origin.directory,
            is_module=record.origin.is_module,
            steps=self._steps,
            seed=seed,
            fixes=fixes,
        )

    def _result(self, extra: tuple[str, ...], seed: int) -> TrialResult:
        return self._results[self._trial(self._answer + extra, seed).name]

    def _do(self, wanted: Iterable[tuple[tuple[str, ...], int]]) -> None:
        """Run the trials that are not there yet, several at once."""
        trials = [self._trial(self._answer + extra, seed) for extra, seed in wanted]
        new = list({each.name: each for each in trials if each.name not in self._results}.values())
        with ThreadPoolExecutor(self._options.jobs) as pool:
            for trial, result in zip(new, pool.map(self._run, new), strict=True):
                self._results[trial.name] = result
                self._left -= 1

    def _run(self, trial: Trial) -> TrialResult:
        options = self._options
        # Trials that run side by side slow one another down.
        expected = START_SECONDS + options.jobs * self._steps * self._seconds_per_step()
        result = options.run(trial, expected)
        options.report(
            f"{'+'.join(trial.fixes) or 'as it is'}, seed {trial.seed}: {_in_words(result)}"
        )
        return result

    def _seconds_per_step(self) -> float:
        return self._record.seconds / max(self._record.steps, 1)

    # -- what is told --------------------------------------------------------------------------

    def _tell_plan(self, count: int) -> None:
        trials = count + 1 + 2 * (FEWEST_PAIRS - 1)
        each = START_SECONDS / 2 + self._steps * self._seconds_per_step()
        seconds = trials * each / self._options.jobs
        self._options.report(
            f"Trying {count} fix{'es' if count > 1 else ''}: about {trials} re-runs of "
            f"{self._steps:,} steps, {self._options.jobs} at once, about {seconds:,.0f} s."
        )

    def _check_reference(self) -> None:
        """Stop where the script as it is cannot be re-run at all."""
        reference = self._result((), 0)
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
                f"`{self._options.folder / reference.trial.name / 'output.txt'}`."
            )

    def _note_without_candidates(self, findings: Sequence[Finding]) -> None:
        for finding in findings:
            named = ", ".join(finding.fixes)
            self._notes.append(
                f"{finding.rule}: no fix can be tried from outside"
                + (f"; for you to do: {named}." if named else ".")
            )


def _first_seen(
    before: Sequence[TrialResult], after: Sequence[TrialResult], yardsticks: Sequence[Yardstick]
) -> tuple[Yardstick, Differences]:
    """The first yardstick that was seen in all trials, or the first of all."""
    found = [(each, differences(before, after, each)) for each in yardsticks]
    return next((each for each in found if each[1].values), found[0])


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


def _in_words(result: TrialResult) -> str:
    if result.ending is not TrialEnding.TRAINED:
        return f"{result.ending.value} ({result.reason})"
    return f"loss {result.level:.4g} after {result.steps:,} steps"
