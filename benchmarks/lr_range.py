"""How right a range test is: on curves with a known answer, and over seeds of real trainings.

    python benchmarks/lr_range.py [--seeds 20] [--first-seed 200] [--json FILE]
                                  [--skip-trainings | --skip-curves]

Two draws of the same families: `tuning` was looked at when limits were chosen, `held back` was
not. A third has what other tools expect: 100 steps and positive losses. Every other tool's rule
sees the losses that defib's sweep collected. An answer counts as right within 0.3 decades of the
steepest point, or of the largest stable rate, of the curve without noise; above that rate a
training diverges.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lr_range_curves import KnownCurve, curves_of_other_tools, every_curve
from rich.console import Console
from rich.table import Table

from defib.faults.tasks import DIGITS_CONVOLUTIONAL, DIGITS_DENSE, TUMOURS, Task, set_up
from defib.records.learning_rate_range import LearningRateRange, Mark, Verdict
from defib.training.lr_range_test import RangeTraining, measure_range
from defib.training.range_curve import CurveLimits, range_from
from defib.training.range_options import RangeOptions

NEAR = 0.3
"""Decades."""
DRAWS = {
    "tuning": lambda: every_curve(1),
    "held back": lambda: every_curve(2),
    "100 steps, positive losses": lambda: curves_of_other_tools(3),
}
FIRST_SEED = 200
"""Of the trainings; the limits were chosen with seeds from 0 on, and the spread of the steepest
point of seeds 100 to 119 was known when the suggestion was made."""


@dataclass(frozen=True)
class Answer:
    """What a rule says of a curve, in decades; `nan` if nothing."""

    curve: KnownCurve
    rule: str
    decade: float
    truth: float

    @property
    def is_right(self) -> bool:
        return abs(self.decade - self.truth) <= NEAR


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--skip-trainings", action="store_true")
    part.add_argument("--skip-curves", action="store_true")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    console, found = Console(width=110), {}
    for draw, curves_of in () if options.skip_curves else DRAWS.items():
        begun = time.process_time()
        curves = [(curve, range_from(curve.sweep)) for curve in curves_of()]
        console.print(
            f"\n[bold]{draw}[/]: {len(curves)} curves, {time.process_time() - begun:.0f} s"
        )
        found[draw] = {
            "families": print_families(curves, console),
            "rules": print_rules(curves, console),
        }
    if not options.skip_trainings:
        found["trainings"] = [
            print_training(
                task, range(options.first_seed, options.first_seed + options.seeds), console
            )
            for task in (DIGITS_DENSE, DIGITS_CONVOLUTIONAL, TUMOURS)
        ]
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))


def decade(mark: Mark | float | None) -> float:
    value = mark.value if isinstance(mark, Mark) else mark
    return math.log10(value) if value is not None and value > 0 else math.nan


Judged = Sequence[tuple[KnownCurve, LearningRateRange]]


def print_families(curves: Judged, console: Console) -> dict[str, Any]:
    """Of each family: verdicts, and how often the marks are right."""
    families: defaultdict[str, list[tuple[KnownCurve, LearningRateRange]]] = defaultdict(list)
    for curve, answer in curves:
        families[curve.family].append((curve, answer))
    families["all with an answer"] = [each for each in curves if each[0].stable is not None]
    table = Table(
        "family", "curves", "clear", "weak", "no number",
        "steepest right", "stable right", "suggestion right",
    )  # fmt: skip
    result = {}
    for name, members in families.items():
        row = _family(members)
        result[name] = row
        table.add_row(name, *(str(each) for each in row.values()))
    console.print(table)
    return result


def _family(members: Judged) -> dict[str, Any]:
    verdicts = [answer.verdict for _, answer in members]
    steepest = [(decade(a.steepest), c.steepest) for c, a in members if c.steepest is not None]
    stable = [(decade(a.largest_stable), c.stable) for c, a in members if c.stable is not None]
    suggested = [
        (decade(a.suggestion), best) for c, a in members if (best := suggested_of(c)) is not None
    ]
    return {
        "curves": len(members),
        "clear": verdicts.count(Verdict.CLEAR_DESCENT),
        "weak": verdicts.count(Verdict.WEAK),
        "no number": verdicts.count(Verdict.NO_DESCENT),
        "steepest right": _right(steepest),
        "stable right": _right(stable),
        "suggestion right": _right(suggested),
    }


def suggested_of(curve: KnownCurve) -> float | None:
    """The decade that the curve without noise would have suggested; `None` without one."""
    if curve.steepest is None or curve.stable is None:
        return None
    limits = CurveLimits()
    safe = curve.stable + math.log10(limits.conservative_share)
    between = curve.steepest + limits.suggested_share * (safe - curve.steepest)
    return min(between, safe)


def _right(pairs: Iterable[tuple[float, float]]) -> str:
    errors = [abs(one - other) for one, other in pairs]
    return f"{sum(each <= NEAR for each in errors)}/{len(errors)}" if errors else ""


def print_rules(curves: Judged, console: Console) -> dict[str, Any]:
    """defib's picks beside the rules of other tools, on the same curves."""
    rules: defaultdict[str, list[tuple[KnownCurve, float]]] = defaultdict(list)
    for curve, answer in curves:
        rules["defib steepest"].append((curve, decade(answer.steepest)))
        rules["defib suggestion"].append((curve, decade(answer.suggestion)))
        rules["defib conservative"].append((curve, decade(answer.conservative)))
        for other in answer.others:
            rules[other.name].append((curve, decade(other.learning_rate)))
    table = Table(
        "rule", "within 0.3 of steepest", "error, 5th / median / 95th", "above the limit",
        "number where there is none",
    )  # fmt: skip
    result = {}
    for name, answers in rules.items():
        result[name] = row = _rule(answers)
        table.add_row(name, *row.values())
    console.print(table)
    return result


def _rule(answers: Sequence[tuple[KnownCurve, float]]) -> dict[str, str]:
    errors = np.array([each - c.steepest for c, each in answers if c.steepest is not None])
    over = [each > c.stable for c, each in answers if c.stable is not None]
    none = [math.isfinite(each) for c, each in answers if c.stable is None]
    known = errors[np.isfinite(errors)]
    quantiles = np.quantile(known, (0.05, 0.5, 0.95)) if len(known) else [math.nan] * 3
    return {
        "near": f"{int((np.abs(errors) <= NEAR).sum())}/{len(errors)}",
        "error": " / ".join(f"{each:+.2f}" for each in quantiles),
        "above the limit": f"{sum(over)}/{len(over)}",
        "number where there is none": f"{sum(none)}/{len(none)}",
    }


def print_training(task: Task, seeds: range, console: Console) -> dict[str, Any]:
    """Spread of the marks, and of other tools' suggestions, over the seeds of a training."""
    decades: defaultdict[str, list[float]] = defaultdict(list)
    verdicts: list[str] = []
    for seed in seeds:
        found = range_of(task, seed)
        verdicts.append(found.verdict.value)
        decades["suggestion"].append(decade(found.suggestion))
        decades["conservative"].append(decade(found.conservative))
        decades["steepest"].append(decade(found.steepest))
        decades["largest stable"].append(decade(found.largest_stable))
        for other in found.others:
            decades[other.name].append(decade(other.learning_rate))
    own = task.optimizer([torch.zeros(1, requires_grad=True)]).param_groups[0]["lr"]
    counts = {each: verdicts.count(each) for each in sorted(set(verdicts))}
    console.print(
        f"\n[bold]{task.name}[/], own learning rate {own:g}, {len(seeds)} seeds: {counts}"
    )
    table = Table(
        "mark or rule",
        "median",
        "5th to 95th percentile, decades",
        "furthest from the median",
        "none",
    )
    result: dict[str, Any] = {"task": task.name, "verdicts": counts}
    for name, values in decades.items():
        known = np.array([each for each in values if math.isfinite(each)])
        if not len(known):
            continue
        low, middle, high = np.quantile(known, (0.05, 0.5, 0.95))
        row = (f"{10**middle:.2g}", f"{high - low:.2f}", f"{np.abs(known - middle).max():.2f}")
        result[name] = row
        table.add_row(name, *row, str(len(values) - len(known)))
    console.print(table)
    return result


def range_of(task: Task, seed: int) -> LearningRateRange:
    setup = set_up(task, seed)
    training = RangeTraining(
        setup.model,
        setup.optimizer,
        lambda batch: setup.loss_function(setup.model(batch[0]), batch[1]),
        setup.batches(0),
    )
    return measure_range(training, RangeOptions())


if __name__ == "__main__":
    main()
