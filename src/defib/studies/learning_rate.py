"""Too low, right, or too high: can the learning rate be judged from what a training records?

Healthy trainings on real data (tumours, diabetes) are repeated at many learning rates, thousands
of times too low to far too high. Each is watched by defib from the first step to the last, and its
record is diagnosed; the diagnosis knows neither the other trainings nor which rate is right. A rate
counts as right where the validation loss comes within a tenth of the way from the best one that any
rate reaches to that of a constant prediction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import final

import torch

from defib.faults.tasks import DIABETES, TUMOURS, Task, set_up
from defib.records.chart import Chart, Line, Lines, Mark
from defib.records.study import Claim, Published, StudyResult, Sureness, Table
from defib.studies.base import Study
from defib.studies.diagnosed import trained_and_watched
from defib.studies.intervals import always
from defib.studies.tables import table
from defib.training.loop import evaluate
from defib.training.setup import TrainingSetup

TASKS = {task.name: task for task in (TUMOURS, DIABETES)}
TOO_LOW, TOO_HIGH = "learning-rate-too-low", "learning-rate-too-high"
FAR_TOO_LOW = 1e-5
"""And below: less than a hundredth of the rate of the healthy training."""
NEAR_THE_BEST = 0.1


@final
@dataclass(frozen=True)
class Config:
    """`learning_rates` of AdamW; each seed trains every task at each of them."""

    seeds: int
    learning_rates: tuple[float, ...] = (1e-6, 1e-5, 2e-3, 1e-1, 3.0)
    tasks: tuple[str, ...] = (TUMOURS.name,)


QUICK = Config(seeds=2)
FULL = Config(
    seeds=5,
    learning_rates=(1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 2e-3, 5e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0),
    tasks=tuple(TASKS),
)


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    rows, curves = [], []
    for name in config.tasks:
        for rate in config.learning_rates:
            setup = _with_rate(TASKS[name], rate, seed)
            losses, judged = trained_and_watched(setup)
            first = judged.rules[0] if judged.rules else ""
            rows.append(
                (
                    name,
                    rate,
                    _loss(setup),
                    _constant_loss(setup),
                    first == TOO_LOW,
                    first == TOO_HIGH,
                    not judged.rules,
                    first,
                )
            )
            curves += [
                (name, rate, at, sum(losses[at : at + 10]) / 10)
                for at in range(0, len(losses) - 9, 10)
            ]
    values = "validation_loss constant_loss named_too_low named_too_high silent first_rule"
    return {
        "verdicts": table("task learning_rate", values, rows),
        "curves": table("task learning_rate step", "loss", curves),
    }


def _with_rate(task: Task, rate: float, seed: int) -> TrainingSetup:
    return set_up(replace(task, optimizer=partial(task.optimizer, lr=rate)), seed)


def _loss(setup: TrainingSetup) -> float:
    loss = evaluate(setup)
    return math.nan if loss is None else float(loss)


def _constant_loss(setup: TrainingSetup) -> float:
    """Of the best constant prediction on the validation data."""
    assert setup.validation is not None
    _, targets = setup.validation
    mean = targets.mean()
    is_binary = isinstance(setup.loss_function, torch.nn.BCEWithLogitsLoss)
    best = torch.logit(mean) if is_binary else mean
    return float(setup.loss_function(best.expand_as(targets), targets))


def claims(result: StudyResult) -> tuple[Claim, ...]:
    verdicts = result.by_seed("verdicts")
    column = {name: at for at, name in enumerate(verdicts.columns)}
    rows = verdicts.rows
    low = [
        bool(row[column["named_too_low"]])
        for row in rows
        if float(str(row[column["learning_rate"]])) <= FAR_TOO_LOW
    ]
    high = _failed_above_the_best(verdicts)
    right = _right_rows(verdicts)
    wrong = [r for r in right if r[column["named_too_low"]] or r[column["named_too_high"]]]
    swapped = _swapped(verdicts)
    return (
        Claim(
            "too-low-is-named",
            f"At rates of {FAR_TOO_LOW:g} and less defib names `{TOO_LOW}` first, every time.",
            always(low),
            {"named": sum(low), "of": len(low)},
            Published(
                "too low: the loss falls steadily but slowly",
                "tutorial, question on learning rates",
                Sureness.READ,
            ),
        ),
        Claim(
            "too-high-is-named",
            "Where a rate above the best one leaves the network no better than a constant "
            f"prediction, defib names `{TOO_HIGH}` first.",
            always(high),
            {"named": sum(high), "of": len(high)},
            Published(
                "too high: the loss jumps about, rises or becomes infinite",
                "tutorial, question on learning rates",
                Sureness.READ,
            ),
        ),
        Claim(
            "right-is-left-alone",
            "Where the validation loss is near the best, the learning rate is never blamed.",
            always(not each for each in [wrong]) if right else always([]),
            {"blamed": len(wrong), "of": len(right)},
        ),
        Claim(
            "never-the-wrong-way",
            "No rate below the best one is ever called too high, and none above it too low.",
            always([swapped == 0]),
            {"swapped": swapped, "of": len(rows)},
        ),
    )


def _right_rows(verdicts: Table) -> list[tuple[object, ...]]:
    """The trainings that come near the best of their seed and task."""
    found: list[tuple[object, ...]] = []
    for seed in verdicts.distinct("seed"):
        for task in verdicts.distinct("task"):
            part = verdicts.where(seed=seed, task=task)
            losses = part.numbers("validation_loss")
            best, constant = _least(losses), part.numbers("constant_loss")[0]
            limit = best + NEAR_THE_BEST * (constant - best)
            found += [row for row, loss in zip(part.rows, losses, strict=True) if loss <= limit]
    return found


def _failed_above_the_best(verdicts: Table) -> list[bool]:
    """For each training that failed with a rate above the best: whether it is called too high."""
    found: list[bool] = []
    for seed in verdicts.distinct("seed"):
        for task in verdicts.distinct("task"):
            part = verdicts.where(seed=seed, task=task)
            losses, rates = part.numbers("validation_loss"), part.numbers("learning_rate")
            best = rates[losses.index(_least(losses))]
            constant, named = part.numbers("constant_loss"), part.numbers("named_too_high")
            found += [
                bool(named[at])
                for at, rate in enumerate(rates)
                if rate > best and not losses[at] < constant[at]
            ]
    return found


def _least(losses: Sequence[float]) -> float:
    """The smallest that is a number."""
    return min(loss for loss in losses if not math.isnan(loss))


def _swapped(verdicts: Table) -> int:
    """How often a rate on the one side of the best is blamed for being on the other."""
    swapped = 0
    for seed in verdicts.distinct("seed"):
        for task in verdicts.distinct("task"):
            part = verdicts.where(seed=seed, task=task)
            losses, rates = part.numbers("validation_loss"), part.numbers("learning_rate")
            best = rates[losses.index(_least(losses))]
            for rate, low, high in zip(
                rates, part.numbers("named_too_low"), part.numbers("named_too_high"), strict=True
            ):
                swapped += bool(low and rate > best) or bool(high and rate < best)
    return swapped


def figures(result: StudyResult) -> tuple[Chart, ...]:
    charts = []
    for task in result.tables["verdicts"].distinct("task"):
        verdicts = result.tables["verdicts"].where(task=task)
        curves = result.tables["curves"].where(task=task)
        rates = verdicts.numbers("learning_rate")
        best = rates[
            verdicts.numbers("validation_loss").index(_least(verdicts.numbers("validation_loss")))
        ]
        shown = [("too low", rates[0]), ("right", best), ("too high", rates[-1])]
        lines = tuple(
            Line(
                f"{name}: {rate:g}",
                curves.numbers("step", learning_rate=rate),
                curves.numbers("loss", learning_rate=rate),
            )
            for name, rate in shown
        )
        named = (
            ("named too low", "named_too_low"),
            ("named too high", "named_too_high"),
            ("nothing found", "silent"),
        )
        shares = tuple(Line(label, rates, verdicts.numbers(column)) for label, column in named)
        constant = verdicts.numbers("constant_loss")[0]
        charts.append(
            Chart(
                f"rates-{task}",
                f"{task}: loss and verdict by learning rate",
                "Left: training loss (means of ten steps). Right: share of trainings in which "
                f"defib names the rate first; the best is {best:g}.",
                (
                    Lines(
                        "step",
                        "training loss",
                        lines,
                        is_log_y=True,
                        marks=(Mark("constant prediction", constant),),
                    ),
                    Lines(
                        "learning rate",
                        "share of trainings",
                        shares,
                        is_log_x=True,
                        limits=(-0.03, 1.05),
                    ),
                ),
                columns=2,
                height=310,
            )
        )
    return tuple(charts)


STUDY = Study(("D2",), QUICK, FULL, measure, claims, figures)
