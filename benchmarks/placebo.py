"""How often a fix that does nothing is confirmed, on real trainings.

    python benchmarks/placebo.py [--comparisons 300] [--seeds 24]

Small healthy trainings are run from many seeds. A placebo is a comparison of trainings that
differ in nothing but their seed: six are drawn to stand for "as it is" and six for "with the
fix", and judged after three, four, five and six pairs as `defib prove` does. What is printed is
how many such comparisons are confirmed, or called harmful, at any look.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from defib.faults.tasks import DIABETES, TOPICS, TUMOURS, WAVES, Task, set_up
from defib.records.trial import Trial, TrialResult, Verdict, Yardstick
from defib.verification.comparison import FEWEST_PAIRS, MOST_PAIRS, differences, verdict_on
from defib.verification.setups import SetupTrials

TASKS = (TUMOURS, DIABETES, TOPICS, WAVES)
ENDLESS = 10**9


def trained(task: Task, seeds: int) -> list[TrialResult]:
    with tempfile.TemporaryDirectory() as folder:
        trials = SetupTrials(lambda seed: set_up(task, seed), Path(folder))
        return [trials(Trial("setup", (), "", False, ENDLESS, seed), 0.0) for seed in range(seeds)]


def verdict_at_any_look(before: Sequence[TrialResult], after: Sequence[TrialResult]) -> Verdict:
    """The first decision for or against, as a proof that looks after each pair would make it."""
    for pairs in range(FEWEST_PAIRS, MOST_PAIRS + 1):
        found = differences(before[:pairs], after[:pairs], Yardstick.TRAINING_LOSS)
        verdict, _ = verdict_on(found)
        if verdict is not Verdict.UNDECIDED:
            return verdict
    return Verdict.UNDECIDED


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--comparisons", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=24, help="trainings of each task")
    options = parser.parse_args()
    torch.set_num_threads(1)
    generator = np.random.default_rng(0)
    table = Table("task", "comparisons", *(each.value for each in Verdict))
    totals = dict.fromkeys(Verdict, 0)
    each_task = options.comparisons // len(TASKS)
    for task in TASKS:
        results = trained(task, options.seeds)
        counts = dict.fromkeys(Verdict, 0)
        for _ in range(each_task):
            drawn = [results[int(i)] for i in generator.permutation(options.seeds)]
            counts[verdict_at_any_look(drawn[:MOST_PAIRS], drawn[MOST_PAIRS:])] += 1
        totals = {verdict: totals[verdict] + count for verdict, count in counts.items()}
        table.add_row(task.name, str(each_task), *map(str, counts.values()))
    table.add_row("all", str(each_task * len(TASKS)), *map(str, totals.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
