"""Runs cases under a watch and keeps a record of each: what is there already is not run again."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import final

import torch

from benchmarks.scoreboard.cases import Case, Kind, fault_and_task
from benchmarks.scoreboard.preflight_file import write_preflight
from benchmarks.scoreboard.quality import error_of_fault
from defib.checkup import check_up
from defib.errors import DefibError
from defib.healthy.base import all_healthy_trainings
from defib.monitor.watching import Watching, WatchOptions
from defib.records.finding import Severity
from defib.records.preflight import Checkup
from defib.records.run import RunEnding
from defib.script.outcome import Ending, Outcome
from defib.script.preflight import preflight
from defib.training.loop import train

FACTS = "case.json"
CASES_PER_PROCESS = 60
"""Processes are replaced after so many each, so that what broken trainings leave behind goes."""


@final
@dataclass(frozen=True)
class Training:
    """`train()` may raise; `error()` is computed afterwards, and is `None` where there is none."""

    train: Callable[[], object]
    error: Callable[[], float | None]


@final
@dataclass(frozen=True)
class Facts:
    """What is known of a case beside the record of its run.

    `error_before` and `error` are those of the network before and after the training.
    `check_rules` are the rules that `defib check` names, in its order; `check_alarms` those of
    them that are no mere information, each with its message; `check_error` is why it was not
    possible. They are those of the rules of that day where its record cannot be judged again.
    """

    raised: str = ""
    error_before: float | None = None
    error: float | None = None
    check_rules: tuple[str, ...] = ()
    check_alarms: tuple[tuple[str, str], ...] = ()
    check_seconds: float = 0.0
    check_error: str = ""

    @classmethod
    def read(cls, directory: Path) -> Facts:
        fields = json.loads((directory / FACTS).read_text(encoding="utf-8"))
        alarms = tuple((rule, message) for rule, message in fields.pop("check_alarms"))
        rules = tuple(fields.pop("check_rules"))
        return cls(check_rules=rules, check_alarms=alarms, **fields)


def run_all(
    cases: Sequence[Case], out: Path, *, budget: float, jobs: int
) -> Iterator[tuple[Case, Facts]]:
    """Runs the cases that `out` does not hold yet, and gives each as it is done."""
    out.mkdir(parents=True, exist_ok=True)
    missing = [case for case in cases if not (out / case.folder).exists()]
    context = multiprocessing.get_context("spawn")
    each_time = jobs * CASES_PER_PROCESS
    for start in range(0, len(missing), each_time):
        part = missing[start : start + each_time]
        with ProcessPoolExecutor(jobs, context, torch.set_num_threads, (1,)) as pool:
            done = pool.map(partial(attempted, out=out, budget=budget), part, chunksize=1)
            yield from zip(part, done, strict=True)


def attempted(case: Case, out: Path, budget: float) -> Facts:
    """`run_case`; what it raises costs this case alone, which then has no record."""
    try:
        return run_case(case, out, budget)
    except Exception as error:
        return Facts(raised=f"no record: {type(error).__name__}: {error}")


def run_case(case: Case, out: Path, budget: float) -> Facts:
    """Trains under a watch, checks the same training anew, and keeps both."""
    if case.kind is Kind.HEALTHY:
        all_healthy_trainings()[case.name].prepare(case.seed)
    # A folder gets its name when its record is complete.
    directory = out / f"{case.folder}.{os.getpid()}.partial"
    shutil.rmtree(directory, ignore_errors=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = begun(case).error()
        raised, error = watched(case, directory, budget)
        facts = Facts(raised=raised, error_before=before, error=error)
        facts = checked(case, facts, directory)
    (directory / FACTS).write_text(json.dumps(asdict(facts)), encoding="utf-8")
    directory.rename(out / case.folder)
    return facts


def begun(case: Case) -> Training:
    """The training of `case`, ready to run."""
    if case.kind is Kind.HEALTHY:
        live = all_healthy_trainings()[case.name].begin(case.seed)
        return Training(live.train, live.error)
    fault, task = fault_and_task(case)
    make = fault.broken if case.kind is Kind.BROKEN else fault.healthy
    setup = make(task, case.seed)
    return Training(
        lambda: train(setup), lambda: error_of_fault(setup, fault, task, seed=case.seed)
    )


def watched(case: Case, directory: Path, budget: float) -> tuple[str, float | None]:
    """What the training raised, and the error that it left."""
    watching = Watching(directory, script=case.folder, options=WatchOptions(budget=budget))
    raised, training = "", None
    try:
        training = begun(case)
        training.train()
    except Exception as exception:  # a broken training may raise anything
        raised = f"{type(exception).__name__}: {exception}"
    watching.finish(RunEnding.RAISED if raised else RunEnding.COMPLETED, raised)
    return raised, None if training is None else training.error()


def checked(case: Case, facts: Facts, directory: Path) -> Facts:
    """`facts` with what `defib check` says of the same training; its record is kept too."""
    try:
        record = preflight(case.folder, lambda: launched(case))
    except DefibError as reason:
        return replace(facts, check_error=str(reason))
    write_preflight(record, directory)
    return with_verdict(facts, check_up(record))


def with_verdict(facts: Facts, verdict: Checkup) -> Facts:
    return replace(
        facts,
        check_rules=named_rules(verdict),
        check_alarms=alarms(verdict),
        check_seconds=verdict.seconds,
    )


def launched(case: Case) -> Outcome:
    """The training as a script: `defib check` ends it by `SystemExit`."""
    try:
        begun(case).train()
    except SystemExit as stopped:
        return Outcome(Ending.EXITED, 0, stopped, os.getpid())
    except Exception as raised:
        return Outcome(Ending.RAISED, 1, raised, os.getpid())
    return Outcome(Ending.COMPLETED, 0, None, os.getpid())


def named_rules(verdict: Checkup) -> tuple[str, ...]:
    causes = [cause.finding.rule for cause in verdict.causes]
    symptoms = [each.rule for cause in verdict.causes for each in cause.symptoms]
    return tuple(dict.fromkeys((*causes, *symptoms)))


def alarms(verdict: Checkup) -> tuple[tuple[str, str], ...]:
    return tuple(
        (finding.rule, finding.message)
        for cause in verdict.causes
        for finding in (cause.finding, *cause.also, *cause.symptoms)
        if finding.severity is not Severity.INFO
    )
