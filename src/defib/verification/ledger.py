"""The trials of one proof: which were made, what came of them, how many may still be made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, final

from defib.records.run import RunRecord
from defib.records.trial import Trial, TrialEnding, TrialResult
from defib.verification.plan import LARGEST_COST, affordable_trials

START_SECONDS = 6.0
"""Of a process that imports torch, on a busy machine."""

Runner = Callable[[Trial, float], TrialResult]
"""Runs a trial that should take so many seconds; its record is `folder / trial.name`."""
Report = Callable[[str], None]
REPEATED_STEPS = 50
"""Of a repetition: enough for an order of examples, or for dropout, to come out otherwise."""


class Condition(NamedTuple):
    """Under what a trial runs: `fixes` as they are typed. A repetition is short."""

    fixes: tuple[str, ...]
    seed: int
    is_repetition: bool = False


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
        self._results: dict[str, TrialResult] = {}
        self.steps = steps
        self.left = affordable_trials(record, steps, options.cost)
        """Trials that may still be made."""

    @property
    def results(self) -> tuple[TrialResult, ...]:
        """Of all trials but repetitions."""
        return tuple(each for each in self._results.values() if not each.trial.is_repetition)

    def folder(self, condition: Condition) -> Path:
        """Where the record of a trial lies."""
        return self._options.folder / self._trial(condition).name

    def result(self, condition: Condition) -> TrialResult:
        """Of a trial that was made."""
        return self._results[self._trial(condition).name]

    def affords(self, conditions: Iterable[Condition]) -> bool:
        """Whether the trials that are missing may still be made."""
        return len(self._missing(conditions)) <= self.left

    def make(self, conditions: Iterable[Condition]) -> None:
        """Make the trials that are missing, several at once."""
        missing = self._missing(conditions)
        with ThreadPoolExecutor(self._options.jobs) as pool:
            for trial, result in zip(missing, pool.map(self._run, missing), strict=True):
                self._results[trial.name] = result
                if not trial.is_repetition:
                    self.left -= 1

    def seconds(self, trials: int) -> float:
        """What that many trials should take on a machine with nothing else to do."""
        each = START_SECONDS / 2 + self.steps * self._seconds_per_step()
        return trials * each / self._options.jobs

    def _missing(self, conditions: Iterable[Condition]) -> list[Trial]:
        trials = {each.name: each for each in map(self._trial, conditions)}
        return [trial for name, trial in trials.items() if name not in self._results]

    def _trial(self, condition: Condition) -> Trial:
        record = self._record
        steps = min(self.steps, REPEATED_STEPS) if condition.is_repetition else self.steps
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
        expected = START_SECONDS + self._options.jobs * self.steps * self._seconds_per_step()
        result = self._options.run(trial, expected)
        name = "+".join(trial.fixes) or "as it is"
        again = ", again" if trial.is_repetition else ""
        self._options.report(f"{name}, seed {trial.seed}{again}: {_in_words(result)}")
        return result

    def _seconds_per_step(self) -> float:
        return self._record.seconds / max(self._record.steps, 1)


def _in_words(result: TrialResult) -> str:
    if result.ending is not TrialEnding.TRAINED:
        return f"{result.ending.value} ({result.reason})"
    return f"loss {result.level:.4g} after {result.steps:,} steps"
