"""The trials of one proof: which were made, what came of them, how many may still be made."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, final

from defib.records.run import RunRecord
from defib.records.trial import Trial, TrialEnding, TrialResult
from defib.verification.beginnings import beginning_of
from defib.verification.pace import larger, pace_of
from defib.verification.plan import LARGEST_COST

Runner = Callable[[Trial, float], TrialResult]
"""Runs a trial that should take so many seconds; its record is `folder / trial.name`."""
Report = Callable[[str], None]
FEWEST_TRIALS = 2
"""That may be made whatever they cost: with a fix and without it."""
BUSY_START_SECONDS = 10.0
"""More than a start takes, before a trial is given up."""
REPEATED_STEPS = 50
"""Of a repetition: enough for an order of examples, or for dropout, to come out otherwise."""
LOOK_SECONDS = 0.2
"""How long an interrupt may go unnoticed."""


class Condition(NamedTuple):
    """Under what a trial runs: `fixes` as they are typed. A repetition is short."""

    fixes: tuple[str, ...]
    seed: int
    is_repetition: bool = False
    steps: int = 0
    """Of this trial; 0 for as many as the others."""


@final
@dataclass(frozen=True)
class ProofOptions:
    """`cost` is what all trials may take over what the watched run took; `jobs` run at once.

    `stop` ends those that run, when the proof is interrupted.
    """

    folder: Path
    run: Runner
    stop: Callable[[], None] = lambda: None
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
        self._beginnings: dict[tuple[str, int], TrialResult] = {}
        self.pace = pace_of(record)
        self.steps = steps
        self._left = larger(
            self.pace.limit(record.steps, options.cost, options.jobs),
            self.pace.cost([steps] * FEWEST_TRIALS),
        )

    @property
    def results(self) -> tuple[TrialResult, ...]:
        """Of all trials but repetitions."""
        every = (*self._results.values(), *self._beginnings.values())
        return tuple(each for each in every if not each.trial.is_repetition)

    def folder(self, condition: Condition) -> Path:
        """Where the record of a trial lies."""
        return self._options.folder / self._trial(condition).name

    def result(self, condition: Condition) -> TrialResult:
        """Of a trial that was made."""
        return self._results[_key(self._trial(condition))]

    def beginning(self, whole: Condition, part: Condition) -> TrialResult:
        """Of a trial that is read off the first steps of one that was made."""
        trial = self._trial(part)
        if _key(trial) not in self._beginnings:
            made = self.result(whole)
            self._beginnings[_key(trial)] = beginning_of(made, trial, self.folder(whole))
        return self._beginnings[_key(trial)]

    def affords(self, conditions: Iterable[Condition]) -> bool:
        """Whether the trials that are missing may still be made."""
        missing = [each.steps for each in self.missing(conditions)]
        return self.pace.cost(missing).is_within(self._left)

    def make(self, conditions: Iterable[Condition]) -> None:
        """Make the trials that are missing, several at once."""
        missing = self.missing(conditions)
        pool = ThreadPoolExecutor(self._options.jobs)
        try:
            running = [pool.submit(self._run, each) for each in missing]
            _await(running)
            for trial, ended in zip(missing, running, strict=True):
                self._results[_key(trial)] = ended.result()
        except BaseException:
            # Whoever interrupts a proof is not to wait for it, nor to have it go on unseen.
            pool.shutdown(wait=False, cancel_futures=True)
            self._options.stop()
            raise
        finally:
            pool.shutdown()
        self._left -= self.pace.cost([each.steps for each in missing])

    def missing(self, conditions: Iterable[Condition]) -> list[Trial]:
        """The trials of `conditions` that were not made, each once."""
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
        # Trials that run side by side may slow one another down.
        expected = BUSY_START_SECONDS + self._options.jobs * self.pace.whole(trial.steps)
        result = self._options.run(trial, expected)
        name = "+".join(trial.fixes) or "as it is"
        again = ", again" if trial.is_repetition else ""
        self._options.report(f"{name}, seed {trial.seed}{again}: {_in_words(result)}")
        return result


def _await(running: Iterable[Future[TrialResult]]) -> None:
    """Wait until all have ended; raises what one of them raised, whatever the others do.

    Looks now and then: a signal that comes just before a thread begins to wait, or comes to
    another thread, is handled when the main thread wakes, and not before.
    """
    left = set(running)
    while left:
        ended, left = wait(left, timeout=LOOK_SECONDS, return_when=FIRST_EXCEPTION)
        for each in ended:
            each.result()


def _key(trial: Trial) -> tuple[str, int]:
    return trial.name, trial.steps


def _in_words(result: TrialResult) -> str:
    if math.isfinite(result.found):
        return f"found {result.found:g}"
    if result.ending is not TrialEnding.TRAINED:
        return f"{result.ending.value} ({result.reason})"
    return f"loss {result.level:.4g} after {result.steps:,} steps"
