"""Every fix in healthy trainings, tried as a proof tries it, and judged once more where it wins."""

from __future__ import annotations

import json
import math
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import final

from defib.faults.tasks import (
    DIABETES,
    DIGITS_DENSE,
    DIGITS_ODD,
    TOPICS,
    TUMOURS,
    WAVES,
    Task,
    set_up,
)
from defib.fixes.base import Fix, all_fixes
from defib.records.finding import Finding, Severity
from defib.records.reading import read_run
from defib.records.run import RunRecord
from defib.records.trial import PairedComparison, Trial, Verdict
from defib.rules.base import every_rule
from defib.rules.loss.loss_plateau import LossPlateau
from defib.verification.choice import with_values
from defib.verification.comparison import differences
from defib.verification.judgement import decided, gain, judged
from defib.verification.ledger import Ledger, ProofOptions
from defib.verification.plan import SHORTEST, Candidate
from defib.verification.progress import Progress
from defib.verification.setups import SetupTrials

FIX_TASKS = (TUMOURS, DIABETES, TOPICS, WAVES, DIGITS_DENSE, DIGITS_ODD)
WATCHED_SEED = 99
OTHER_SEEDS = range(100, 112)
ENDLESS = 10**9


@final
@dataclass(frozen=True)
class Outcome:
    """What is said of a fix; `effect` in the unit of the comparison."""

    fix: str
    task: str
    said: str
    yardstick: str = ""
    effect: float = math.nan
    effect_on_others: float = math.nan


def outcomes(task: Task, out: Path) -> Iterator[Outcome]:
    """One for each fix; those that are kept are read."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        progress: Progress | None = None
        for fix in all_fixes():
            file = out / f"fix--{task.name}--{fix.name()}.json"
            if not file.exists():
                progress = progress or _begun(task, Path(folder))
                file.write_text(json.dumps(asdict(_outcome(fix, task, progress))), "utf-8")
            yield Outcome(**json.loads(file.read_text("utf-8")))


def _begun(task: Task, folder: Path) -> Progress:
    """A proof without a limit of cost, of a training from `WATCHED_SEED`."""
    trials = SetupTrials(partial(set_up, task), folder)
    watched = trials(Trial("setup", (), "", False, ENDLESS, WATCHED_SEED), 0.0)
    record = read_run(folder / watched.trial.name)
    return Progress(record, Ledger(record, SHORTEST, ProofOptions(folder, trials, cost=math.inf)))


def _outcome(fix: Fix, task: Task, progress: Progress) -> Outcome:
    tried = with_values(progress, [_candidate(fix, progress.watched)])
    if not tried:
        return Outcome(fix.label, task.name, Verdict.NOT_APPLICABLE.value)
    [candidate] = tried
    progress.ledger.make([progress.without(0), *progress.costs.screening(tried)])
    comparison = judged(progress, candidate, (0,))
    if comparison.verdict is not Verdict.NOT_APPLICABLE:
        if not gain(comparison) > 0:
            return _said("no gain", candidate, task, comparison)
        comparison = decided(progress, candidate)
    if comparison.verdict is not Verdict.CONFIRMED:
        return _said(comparison.verdict.value, candidate, task, comparison)
    other = _effect_on_others(progress, candidate, comparison)
    is_gain = other * (1 if comparison.yardstick.is_accuracy else -1)
    smallest = differences((), (), comparison.yardstick).smallest
    said = "holds" if is_gain > smallest else "false"
    return _said(said, candidate, task, comparison, effect_on_others=other)


def _candidate(fix: Fix, record: RunRecord) -> Candidate:
    """As if the first rule that names the fix, or a plateau where none does, had been found in the
    second half of the training."""
    named = (each for each in every_rule() if fix.name() in each.fixes)
    rule = next(named, LossPlateau())
    steps = (record.steps // 2, record.steps - 1)
    finding = Finding(rule.name(), Severity.ERROR, "", steps, fixes=rule.fixes)
    return Candidate(next(iter(fix.candidates(record, finding)), fix), finding)


def _effect_on_others(
    progress: Progress, candidate: Candidate, comparison: PairedComparison
) -> float:
    sides = progress.sides(candidate)
    progress.ledger.make(sides.needed(OTHER_SEEDS))
    found = differences(*sides.results(OTHER_SEEDS), comparison.yardstick)
    return fmean(found.values)


def _said(
    said: str,
    candidate: Candidate,
    task: Task,
    comparison: PairedComparison,
    *,
    effect_on_others: float = math.nan,
) -> Outcome:
    return Outcome(
        candidate.fix.label,
        task.name,
        said,
        comparison.yardstick.value,
        comparison.effect,
        effect_on_others,
    )
