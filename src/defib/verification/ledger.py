"""The trials of one proof: which were made, what came of them, how many may still be made."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, final

from defib.records.run import RunRecord
from defib.records.trial import Trial, TrialEnding, TrialResult
from defib.verification.beginnings import beginning_of
from defib.verification.plan import LARGEST_COST, affordable_trials

START_SECONDS = 6.0
"""Of a process that imports torch, on a busy machine."""

Runner = Callable[[Trial, float], TrialResult]
"""Runs a trial that should take so many seconds; its record is `folder / trial.name`."""
Report = Callable[[str], None]
ROUNDING = 1e-9
"""Trials, of sums of their parts."""
REPEATED_STEPS = 50
"""Of a repetition: enough for an order of examples, or for dropout, to come out otherwise."""


class Condition(NamedTuple):
    """Under what a trial runs: `fixes` as they are typed. A repetition is short."""

    fixes: tuple[str, ...]
    seed: int
    is_repetition: bool = False
    steps: int = 0
    """Of this trial, and one more that it does not come to, so that the evaluation after the last
    one is seen; 0 for as many as the others."""


@final
@dataclass(frozen=True)
class ProofOptions:
    """`cost` is the trained time of all trials over that of the run; `jobs` run at once."""

    folder: Path
    run: Runner
    cost: float = LARGEST_COST
    jobs: int = 1
    report: Report = lambda _: None


@final
class Ledger:
    """Makes each trial of `record`'s script once, for `steps` steps."""

    def __init__(self, record: RunRecord, steps: int, options: ProofOptions) -> None:
        self._record = record
        self._options = options
        self._results: dict[tuple[str, int], TrialResult] = {}
        self.steps = steps
        self.left = float(affordable_trials(record, steps, options.cost))
        """Trials of `steps` steps that may still be made; one of other steps counts by them."""

    @property
    def results(self) -> tuple[TrialResult, ...]:
        """Of all trials but repetitions."""
        return tuple(each for each in self._results.values() if not each.trial.is_repetition)

    def folder(self, condition: Condition) -> Path:
        """Where the record of a trial lies."""
        return self._options.folder / self._trial(condition).name

    def result(self, condition: Condition) -> TrialResult:
        """Of a trial that was made."""
        return self._results[_key(self._trial(condition))]

    def has(self, condition: Condition) -> bool:
        """Whether its record is there."""
        trial = self._trial(condition)
        return _key(trial) in self._results and (self._options.folder / trial.name).exists()

    def beginning(self, whole: Condition, part: Condition) -> TrialResult:
        """Of a trial that is read off the first steps of one that was made."""
        trial = self._trial(part)
        if _key(trial) not in self._results:
            made = self.result(whole)
            self._results[_key(trial)] = beginning_of(made, trial, self.folder(whole))
        return self._results[_key(trial)]

    def affords(self, conditions: Iterable[Condition]) -> bool:
        """Whether the trials that are missing may still be made."""
        return self.cost(conditions) <= self.left + ROUNDING

    def cost(self, conditions: Iterable[Condition]) -> float:
        """Of the trials that are missing, in trials of `steps` steps."""
        missing = [each for each in self._missing(conditions) if not each.is_repetition]
        return sum(map(self._share, missing))

    def make(self, conditions: Iterable[Condition]) -> None:
        """Make the trials that are missing, several at once."""
        missing = self._missing(conditions)
        with ThreadPoolExecutor(self._options.jobs) as pool:
            for trial, result in zip(missing, pool.map(self._run, missing), strict=True):
                self._results[_key(trial)] = result
                if not trial.is_repetition:
                    self.left -= self._share(trial)

    def seconds(self, trials: float) -> float:
        """What that many trials should take on a machine with nothing else to do."""
        each = START_SECONDS / 2 + self.steps * self._seconds_per_step()
        return trials * each / self._options.jobs

    def _share(self, trial: Trial) -> float:
        steps = trial.steps if trial.steps == self.steps else trial.steps - 1
        return steps / self.steps

    def _missing(self, conditions: Iterable[Condition]) -> list[Trial]:
        trials = {_key(each): each for each in map(self._trial, conditions)}
        return [trial for key, trial in trials.items() if key not in self._results]

    def _trial(self, condition: Condition) -> Trial:
        record = self._record
        steps = condition.steps or self.steps
        if condition.is_repetition:
            steps = min(steps, REPEATED_STEPS)
        return Trial(
            script=record.script,
            arguments=record.arguments,
            directory=record.origin.directory,
            is_module=record.origin.is_module,
            steps=steps,
            seed=condition.seed,
            fixes=condition.fixes,
            is_repetition=condition.is_repetition,
        )

    def _run(self, trial: Trial) -> TrialResult:
        # Trials that run side by side slow one another down.
        expected = START_SECONDS + self._options.jobs * trial.steps * self._seconds_per_step()
        result = self._options.run(trial, expected)
        name = "+".join(trial.fixes) or "as it is"
        again = ", again" if trial.is_repetition else ""
        self._options.report(f"{name}, seed {trial.seed}{again}: {_in_words(result)}")
        return result

    def _seconds_per_step(self) -> float:
        return self._record.seconds / max(self._record.steps, 1)


def _key(trial: Trial) -> tuple[str, int]:
    return trial.name, trial.steps


def _in_words(result: TrialResult) -> str:
    if math.isfinite(result.found):
        return f"found {result.found:g}"
    if result.ending is not TrialEnding.TRAINED:
        return f"{result.ending.value} ({result.reason})"
    return f"loss {result.level:.4g} after {result.steps:,} steps"
