"""Proves the fixes of every fault: is one confirmed, and how much of the harm does it undo?

A fault counts where a fix of its own rule can be applied from outside. What it recovers is the
way from the broken training to its healthy twin, on the yardstick of the proof, over the same
seeds and steps: 1 is all of it.
"""

from __future__ import annotations

import json
import math
import tempfile
import warnings
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import final

import torch
from rich.console import Console
from rich.table import Table

from defib.diagnosis import diagnose
from defib.faults.base import Fault, all_faults
from defib.faults.tasks import Task
from defib.fixes.names import fix_names
from defib.records.reading import read_run
from defib.records.trial import PairedComparison, Trial, Verdict
from defib.rules.base import all_rules
from defib.verification.comparison import measured
from defib.verification.ledger import ProofOptions
from defib.verification.proof import prove
from defib.verification.setups import SetupTrials

WATCHED_SEED = 100
"""Of the run that is diagnosed: the trials have others."""
SMALLEST_GAP = math.log(1.1)
"""Between a fault and its twin, in the unit of the comparison: less is no harm to be undone."""


@final
@dataclass(frozen=True)
class ProvedFault:
    """`named` is what the diagnosis names first; `recovered` is `nan` where there is no gap."""

    fault: str
    task: str
    rule: str
    named: str
    answer: tuple[str, ...]
    tried: tuple[tuple[str, str], ...]
    """Each fix with its verdict."""
    recovered: float
    seconds: float
    is_applicable: bool
    """Whether its rule names a fix that can be applied from outside."""


def prove_all(
    out: Path, *, jobs: int, is_quick: bool, names: Collection[str] = ()
) -> Iterator[ProvedFault]:
    """One for each fault and task (the first task of each, if quick); kept ones are read.

    With `names` only of these faults.
    """
    out.mkdir(parents=True, exist_ok=True)
    pairs = [
        (fault.name(), task.name, out)
        for fault in all_faults()
        if not names or fault.name() in names
        for task in (fault.tasks[:1] if is_quick else fault.tasks)
    ]
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(_kept_or_proved, *zip(*pairs, strict=True))


def _kept_or_proved(fault_name: str, task_name: str, out: Path) -> ProvedFault:
    file = out / f"{fault_name}--{task_name}.json"
    if file.exists():
        kept = json.loads(file.read_text("utf-8"))
        tried = tuple((fix, verdict) for fix, verdict in kept["tried"])
        return ProvedFault(**(kept | {"answer": tuple(kept["answer"]), "tried": tried}))
    fault = next(each for each in all_faults() if each.name() == fault_name)
    task = next(each for each in fault.tasks if each.name == task_name)
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        proved = _proved(fault, task)
    temporary = file.with_suffix(".tmp")
    temporary.write_text(json.dumps(asdict(proved)), "utf-8")
    temporary.replace(file)
    return proved


def _proved(fault: Fault, task: Task) -> ProvedFault:
    with tempfile.TemporaryDirectory() as folder:
        trials = SetupTrials(lambda seed: fault.broken(task, seed), Path(folder))
        watched = trials(Trial("setup", (), "", False, 10**9, WATCHED_SEED), 0.0)
        record = read_run(Path(folder) / watched.trial.name)
        causes = diagnose(record).causes
        proof = prove(record, ProofOptions(Path(folder), trials))
        confirmed = [each for each in proof.comparisons if each.verdict is Verdict.CONFIRMED]
        gap = _recovered(fault, task, confirmed[-1], proof.steps) if confirmed else float("nan")
    rule = next((each for each in all_rules() if each.name() == fault.rule), None)
    return ProvedFault(
        fault=fault.name(),
        task=task.name,
        rule=fault.rule,
        named=causes[0].finding.rule if causes else "",
        answer=proof.answer,
        tried=tuple((each.fix, each.verdict.value) for each in proof.comparisons),
        recovered=gap,
        seconds=proof.seconds,
        is_applicable=rule is not None and bool(set(rule.fixes) & set(fix_names())),
    )


def _recovered(fault: Fault, task: Task, last: PairedComparison, steps: int) -> float:
    """The share of the gap to the healthy twin that the fixes close."""
    with tempfile.TemporaryDirectory() as folder:
        twins = SetupTrials(lambda seed: fault.healthy(task, seed), Path(folder))
        # Of a training that is too short, the twin is the one that is long enough.
        whole = fault.healthy(task, 0).steps
        steps = whole if fault.broken(task, 0).steps < whole else steps
        results = [twins(Trial("setup", (), "", False, steps, s), 0.0) for s in range(last.pairs)]
    healthy = [measured(each, last.yardstick) for each in results]
    values = [_mean(each) for each in (last.before, last.after, healthy)]
    if last.is_logarithm and all(0 < each < math.inf for each in values):
        values = [math.log(each) for each in values]
    before, after, best = values
    is_harmed = abs(best - before) > (0.02 if last.yardstick.is_accuracy else SMALLEST_GAP)
    return (after - before) / (best - before) if is_harmed else float("nan")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


def show_proved(proved: Sequence[ProvedFault], console: Console) -> None:
    """The table, and the two sums that count."""
    table = Table("fault", "task", "named first", "confirmed", "recovered", "tried")
    for each in proved:
        share = "" if math.isnan(each.recovered) else f"{each.recovered:.0%}"
        tried = ", ".join(f"{fix} {verdict}" for fix, verdict in each.tried)
        table.add_row(each.fault, each.task, each.named, " + ".join(each.answer), share, tried)
    console.print(table)
    # A fix that found nothing to change in any trial could not be applied after all.
    counted = [
        each
        for each in proved
        if each.is_applicable and any(verdict != "not applicable" for _, verdict in each.tried)
    ]
    confirmed = [each for each in counted if each.answer]
    shares = sorted(each.recovered for each in confirmed if not math.isnan(each.recovered))
    median = shares[len(shares) // 2] if shares else float("nan")
    console.print(
        f"{len(confirmed)} of {len(counted)} faults with a fix that can be applied end with a "
        f"confirmed one; in the median it recovers {median:.0%} of the gap to the healthy twin."
    )
