"""How often a proof confirms what does nothing, and what it says of fixes that nothing asks for.

    python -m benchmarks.placebo [--comparisons 300] [--seeds 24] [--out DIRECTORY]

Two parts, both on small healthy trainings:

*Nothing changed.* A comparison of trainings that differ in nothing but their seed: six are drawn
to stand for "as it is" and six for "with the fix", and judged after three, four, five and six
pairs as `defib prove` does, by each yardstick in turn. Every *confirmed* is false.

*Real fixes.* Every fix, with the value that it would choose, as if a rule had been wrong: tried as
`defib prove` tries it. Here *confirmed* may be true: a healthy training can be bettered, most of
all one that ends after 200 steps. Therefore each confirmed fix is judged once more on twelve
seeds that had no part in it, by the same yardstick: it *holds* if the mean over these is beyond
what counts as an effect (a tenth of the loss, 2 points of accuracy), and is false otherwise.

What was computed is kept in DIRECTORY and not computed again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.placebo_fixes import FIX_TASKS, Outcome, outcomes
from defib.faults.tasks import DIABETES, TOPICS, TUMOURS, WAVES, Task, set_up
from defib.records.encoding import decode, encode
from defib.records.trial import Trial, TrialResult, Verdict, Yardstick
from defib.verification.comparison import FEWEST_PAIRS, MOST_PAIRS, differences, verdict_on
from defib.verification.setups import SetupTrials

OUT = Path(".cache") / "placebo"
TASKS = (TUMOURS, DIABETES, TOPICS, WAVES)
ENDLESS = 10**9


def trained(task: Task, seeds: int, out: Path) -> list[TrialResult]:
    """One training of `task` from each seed; those that are kept are read."""
    return [
        _trained(task, seed, out / f"unchanged--{task.name}--{seed}.json") for seed in range(seeds)
    ]


def _trained(task: Task, seed: int, file: Path) -> TrialResult:
    if file.exists():
        return decode(TrialResult, json.loads(file.read_text("utf-8")))
    with tempfile.TemporaryDirectory() as folder:
        trials = SetupTrials(lambda seed: set_up(task, seed), Path(folder))
        result = trials(Trial("setup", (), "", False, ENDLESS, seed), 0.0)
    file.write_text(json.dumps(encode(result)), "utf-8")
    return result


def verdict_at_any_look(
    before: Sequence[TrialResult], after: Sequence[TrialResult], yardstick: Yardstick
) -> Verdict:
    """The first decision for or against, as a proof that looks after each pair would make it."""
    for pairs in range(FEWEST_PAIRS, MOST_PAIRS + 1):
        found = differences(before[:pairs], after[:pairs], yardstick)
        verdict, _ = verdict_on(found)
        if verdict is not Verdict.UNDECIDED:
            return verdict
    return Verdict.UNDECIDED


def seen(results: Sequence[TrialResult]) -> tuple[Yardstick, ...]:
    """The yardsticks that all trainings have."""
    return tuple(each for each in Yardstick if differences(results, results, each).values)


def print_unchanged(console: Console, *, comparisons: int, seeds: int, out: Path) -> None:
    generator = np.random.default_rng(0)
    table = Table("nothing changed", "comparisons", *(each.value for each in Verdict))
    totals = Counter[Verdict]()
    each_task = comparisons // len(TASKS)
    for task in TASKS:
        results = trained(task, seeds, out)
        yardsticks = seen(results)
        counts = Counter[Verdict]()
        for number in range(each_task):
            drawn = [results[int(i)] for i in generator.permutation(seeds)]
            yardstick = yardsticks[number % len(yardsticks)]
            pair = drawn[:MOST_PAIRS], drawn[MOST_PAIRS : 2 * MOST_PAIRS]
            counts[verdict_at_any_look(*pair, yardstick)] += 1
        totals += counts
        table.add_row(task.name, str(each_task), *(str(counts[each]) for each in Verdict))
    total = str(each_task * len(TASKS))
    table.add_row("all", total, *(str(totals[each]) for each in Verdict))
    console.print(table)


def print_fixes(console: Console, out: Path) -> None:
    columns = ("holds", "false", "no gain", "harmful", "no effect", "undecided", "not applicable")
    table = Table("real fixes", "tried", *columns)
    totals, confirmed = Counter[str](), list[Outcome]()
    for task in FIX_TASKS:
        found = list(outcomes(task, out))
        counts = Counter(each.said for each in found)
        totals += counts
        confirmed += [each for each in found if each.said in ("holds", "false")]
        table.add_row(task.name, str(len(found)), *(str(counts[each]) for each in columns))
    table.add_row("all", str(totals.total()), *(str(totals[each]) for each in columns))
    console.print(table)
    for each in confirmed:
        console.print(
            f"confirmed: {each.fix} in {each.task}, {each.yardstick} {each.effect:+.3g}; on twelve "
            f"other seeds {each.effect_on_others:+.3g}: {each.said}",
            highlight=False,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--comparisons", type=int, default=300, help="of the first part")
    parser.add_argument("--seeds", type=int, default=24, help="trainings of each task for it")
    parser.add_argument("--out", type=Path, default=OUT, help=f"where results are kept ({OUT})")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    console = Console(width=140)
    print_unchanged(console, comparisons=options.comparisons, seeds=options.seeds, out=options.out)
    print_fixes(console, options.out)


if __name__ == "__main__":
    main()
