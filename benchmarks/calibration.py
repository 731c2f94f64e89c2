"""Measures the rules on the fault corpus and on healthy trainings.

    python benchmarks/calibration.py [--quick] [--seeds 5] [--budget 0.01] [--out DIRECTORY]
    python benchmarks/calibration.py --reuse --out DIRECTORY

The first form trains every fault, every healthy twin and every healthy training of
`healthy_trainings.py` under a watch, and keeps the records in DIRECTORY; the second judges
records kept earlier by the rules as they are now. Three tables are printed: how often each
fault's rule is found and named first; every finding on a healthy training; and quantiles, over
healthy trainings, of the quantity on which each threshold decides.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import tempfile
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from typing import final

import numpy as np
import torch
from healthy_trainings import HEALTHY_TRAININGS, HealthyTraining
from threshold_quantities import QUANTITIES, Quantity

from defib.diagnosis import diagnose
from defib.faults.base import Fault, all_faults
from defib.faults.tasks import Task
from defib.monitor.watching import Watching, WatchOptions
from defib.records.finding import Diagnosis, Severity
from defib.records.reading import read_run
from defib.records.run import RunEnding, RunRecord
from defib.rules.base import all_rules
from defib.training.loop import train

PERCENTAGES = (0, 5, 25, 50, 75, 95, 99, 100)


class Kind(Enum):
    """What a run is an example of."""

    BROKEN = "broken"
    TWIN = "twin"
    HEALTHY = "healthy"


@final
@dataclass(frozen=True)
class Case:
    """One training. `name` is a fault's or a healthy training's; the latter has no task."""

    kind: Kind
    name: str
    task: str
    seed: int

    @property
    def folder(self) -> str:
        return "--".join(
            part for part in (self.kind.value, self.name, self.task, f"{self.seed}") if part
        )


@final
@dataclass(frozen=True)
class Judged:
    """A case with its record and the verdict on it."""

    case: Case
    record: RunRecord
    diagnosis: Diagnosis

    @property
    def rules(self) -> tuple[str, ...]:
        """Rules in the order in which the verdict names them: causes, then symptoms."""
        causes = [cause.finding.rule for cause in self.diagnosis.causes]
        every = [*causes, *(finding.rule for finding in self.diagnosis.findings)]
        return tuple(dict.fromkeys(every))


def every_case(seeds: Iterable[int], *, is_quick: bool = False) -> tuple[Case, ...]:
    """All cases; the quick ones are a task for each fault and every third healthy training."""
    seeds = tuple(seeds)
    pairs = [
        (fault, task)
        for fault in all_faults()
        for task in (fault.tasks[:1] if is_quick else fault.tasks)
    ]
    names = sorted(HEALTHY_TRAININGS)[:: 3 if is_quick else 1]
    return (
        *(
            Case(kind, fault.name(), task.name, seed)
            for kind in (Kind.BROKEN, Kind.TWIN)
            for fault, task in pairs
            for seed in seeds
        ),
        *(Case(Kind.HEALTHY, name, "", seed) for name in names for seed in seeds),
    )


# -- training ----------------------------------------------------------------------------------


def run_case(case: Case, out: Path, budget: float) -> str:
    """Trains under a watch of its own; returns the error that ended it, or nothing."""
    training = training_of(case)
    training.prepare(case.seed)
    # A folder gets its name when its record is complete.
    directory = out / f"{case.folder}.partial"
    shutil.rmtree(directory, ignore_errors=True)
    watching = Watching(directory, script=case.folder, options=WatchOptions(budget=budget))
    error = ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            training.run(case.seed)
    except RuntimeError as raised:
        error = f"{type(raised).__name__}: {raised}"
    watching.finish(RunEnding.RAISED if error else RunEnding.COMPLETED, error)
    directory.rename(out / case.folder)
    return error


def training_of(case: Case) -> HealthyTraining:
    if case.kind is Kind.HEALTHY:
        return HEALTHY_TRAININGS[case.name]
    fault, task = fault_and_task(case)
    set_up = fault.broken if case.kind is Kind.BROKEN else fault.healthy
    return HealthyTraining(lambda seed: train(set_up(task, seed)))


def fault_and_task(case: Case) -> tuple[Fault, Task]:
    fault = next(each for each in all_faults() if each.name() == case.name)
    return fault, next(task for task in fault.tasks if task.name == case.task)


def twins_once(cases: Iterable[Case]) -> tuple[Case, ...]:
    """`cases` without twins that are the same training as one before."""
    seen: set[tuple[str, int]] = set()
    kept = []
    for case in cases:
        if case.kind is Kind.TWIN:
            fault, task = fault_and_task(case)
            key = (fault.healthy(task, case.seed).name, case.seed)
            if key in seen:
                continue
            seen.add(key)
        kept.append(case)
    return tuple(kept)


def run_all(cases: Sequence[Case], out: Path, *, budget: float, workers: int) -> None:
    """Runs the cases that `out` does not hold yet."""
    missing = [case for case in cases if not (out / case.folder / "run.jsonl").exists()]
    context = multiprocessing.get_context("spawn")
    started = time.monotonic()
    with ProcessPoolExecutor(workers, context, torch.set_num_threads, (1,)) as pool:
        errors = pool.map(partial(run_case, out=out, budget=budget), missing, chunksize=1)
        for case, error in zip(missing, errors, strict=True):
            if error:
                print(f"  {case.folder} raised {error}")
    print(f"{len(missing)} trainings in {time.monotonic() - started:.0f} s")


# -- judging -----------------------------------------------------------------------------------


def judge(cases: Iterable[Case], out: Path) -> tuple[Judged, ...]:
    found = []
    for case in cases:
        if (out / case.folder / "run.jsonl").exists():
            record = read_run(out / case.folder)
            found.append(Judged(case, record, diagnose(record, all_rules())))
    return tuple(found)


def print_detection(judged: Sequence[Judged]) -> None:
    print("\n## Faults: found, named first, among the first three (of all seeds)\n")
    print(f"{'fault':32}{'task':22}{'n':>3}{'found':>7}{'first':>7}{'top 3':>7}  named first")
    groups: dict[tuple[str, str], list[Judged]] = defaultdict(list)
    for each in judged:
        if each.case.kind is Kind.BROKEN:
            groups[each.case.name, each.case.task].append(each)
    rules = {fault.name(): fault.rule for fault in all_faults()}
    totals = Counter[str]()
    for (name, task), runs in groups.items():
        rule = rules[name]
        row = {
            "n": len(runs),
            "found": sum(rule in run.rules for run in runs),
            "first": sum(run.rules[:1] == (rule,) for run in runs),
            "three": sum(rule in run.rules[:3] for run in runs),
        }
        totals.update(row)
        firsts = Counter(run.rules[0] if run.rules else "nothing" for run in runs)
        others = ", ".join(
            f"{other} {count}" for other, count in firsts.most_common() if other != rule
        )
        print(f"{name:32}{task:22}{_counts(row)}  {others}")
    print(f"{'all':54}{_counts(totals)}")


def _counts(row: Mapping[str, int]) -> str:
    return f"{row['n']:>3}{row['found']:>7}{row['first']:>7}{row['three']:>7}"


def print_alarms(judged: Sequence[Judged]) -> None:
    healthy = [each for each in judged if each.case.kind is not Kind.BROKEN]
    for title, wanted in (("False alarms", True), ("Information", False)):
        found = [
            (each, finding)
            for each in healthy
            for finding in each.diagnosis.findings
            if (finding.severity is not Severity.INFO) is wanted
        ]
        runs = len({each.case for each, _ in found})
        print(f"\n## {title} on healthy trainings: {len(found)} in {runs} of {len(healthy)} runs\n")
        counts = Counter((finding.rule, _label(each.case)) for each, finding in found)
        shown: set[tuple[str, str]] = set()
        for each, finding in sorted(found, key=lambda pair: pair[1].rule):
            key = finding.rule, _label(each.case)
            if key not in shown:
                shown.add(key)
                start = f"{counts[key]:>3} x {finding.severity.value:8}{finding.rule:26}"
                print(f"{start}{key[1]:44}{finding.message}")


def _label(case: Case) -> str:
    return f"{case.name}/{case.task}" if case.task else case.name


def print_not_evaluated(judged: Sequence[Judged]) -> None:
    print("\n## Not evaluated (runs of all kinds)\n")
    counts = Counter(
        (silent.rule, silent.reason) for each in judged for silent in each.diagnosis.not_evaluated
    )
    for (rule, reason), count in sorted(counts.items()):
        print(f"{count:>5}  {rule:28}{reason}")


def print_quantities(judged: Sequence[Judged]) -> None:
    print("\n## What each threshold decides on: healthy runs, then those with the rule's faults\n")
    rules = {fault.name(): fault.rule for fault in all_faults()}
    head = "".join(f"{f'{percentage}%':>10}" for percentage in PERCENTAGES)
    print(f"{'rule':26}{'quantity':42}{'limit':>10}{'runs':>6}{head}")
    for quantity in QUANTITIES:
        healthy = [each.record for each in judged if each.case.kind is not Kind.BROKEN]
        broken = [
            each.record
            for each in judged
            if each.case.kind is Kind.BROKEN and rules[each.case.name] == quantity.rule
        ]
        _print_quantity(quantity, healthy, quantity.rule)
        _print_quantity(quantity, broken, "  its faults")


def _print_quantity(quantity: Quantity, records: Iterable[RunRecord], label: str) -> None:
    values = [value for record in records if not np.isnan(value := quantity.value(record))]
    cells = ""
    if values:
        quantiles = np.quantile(
            values, [percentage / 100 for percentage in PERCENTAGES], method="nearest"
        )
        cells = "".join(f"{value:>10.3g}" for value in quantiles)
    limit = f"{quantity.limit:.3g}"
    print(f"{label:26}{quantity.name:42}{limit:>10}{len(values):>6}{cells}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="one seed and a part of all cases: 2 minutes"
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--budget", type=float, default=0.01, help="the monitor's share of the time"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, help="where records are kept")
    parser.add_argument("--reuse", action="store_true", help="judge kept records only")
    options = parser.parse_args()
    out = options.out or Path(tempfile.mkdtemp(prefix="defib-calibration-"))
    seeds = range(1 if options.quick else options.seeds)
    cases = twins_once(every_case(seeds, is_quick=options.quick))
    if not options.reuse:
        run_all(cases, out, budget=options.budget, workers=options.workers)
    judged = judge(cases, out)
    print(f"{len(judged)} records in {out}, budget {options.budget:g}")
    print_detection(judged)
    print_alarms(judged)
    print_not_evaluated(judged)
    print_quantities(judged)


if __name__ == "__main__":
    main()
