"""Steps so small that the run is too short for them to lead anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import RunRecord
from defib.records.series import Series
from defib.rules.base import CannotJudge, PreflightRule, Rule
from defib.rules.course import Course, Ending, courses
from defib.rules.fit import fall_of, fit_of, require_fit
from defib.rules.learning_rate import (
    USUAL_RATIO,
    healthy_rate,
    learning_rates,
    rate_at,
    rounded,
)
from defib.rules.weights import WeightStep, aligned, trained_weights


@final
@dataclass(frozen=True)
class LearningRateTooLow(Rule, PreflightRule):
    """Steps so small that the run is too short for them to lead anywhere.

    ## What it detects
    A learning rate of zero; or a flat loss while every weight matrix that has a gradient is
    changed by less than `max_step` of its norm in a usual step, and all steps of the run
    together could have lowered the loss by no more than `max_fall`, to first order.

    ## Why it matters
    The network stays as it was initialised. The loss looks like that of a network that
    cannot learn, and nothing in it is broken.

    ## How it is measured
    `update_ratio`: norm of the step over norm of the weight, median over the recorded
    steps. What a step can gain at most is the sum over the parameters of `gradient_norm` *
    `update_ratio` * `parameter_norm` (Cauchy-Schwarz); its mean times the number of steps,
    relative to the loss at the start, bounds the fall. A layer whose own gradient vanishes
    does not count: it is enough that one layer could learn for the learning rate to be
    acquitted. Before the first step: a copy that is trained on the first batch hardly moves,
    and learns it with 30 times the rate or with Adam. Not judged where a schedule raises the
    rate later.

    ## Known false positives
    A run that stopped during a warm-up. Fine-tuning with tiny steps of a network that is
    good from the start is left alone: its loss is below half of a constant prediction's.

    ## What to change
    Raise the learning rate, to steps of about 1e-3 of the weights.

    ## References
    - Ben Braiek, Khomh, *TheDeepChecker* (2023): step over weight below 1e-4.
    - Wardat, Cruz, Le, Rajan, *DeepDiagnosis* (2022): below 1e-5.
    - CS231n notes, *Neural Networks Part 3*: a healthy ratio is about 1e-3.
    """

    severity = Severity.ERROR
    requires = ("loss", "update_ratio", "gradient_norm", "parameter_norm")
    requires_preflight = ("fit_loss", "first_update_ratio", "learning_rate")
    explains = ("loss-plateau", "too-few-epochs")
    fixes = ("raise-learning-rate", "learning-rate-by-range-test")

    max_step: float = 1e-4
    """Step over weight, dimensionless. Source: TheDeepChecker."""
    max_fall: float = 0.1
    """Fall of the loss that all steps together allow, share of its start. Twice the 5 % under
    which a loss counts as flat: the bound ignores that noisy steps undo one another."""

    min_steps: int = 50
    """Losses before a run is called flat; as in `LossPlateau`."""
    max_first_step: float = 1e-5
    """First step over weight, dimensionless, before a training: no more than a hundred thousand
    such steps in a row can turn a weight over. Source: DeepDiagnosis."""
    min_fit: float = 0.99
    """Loss on the first batch after up to 200 steps over the first one, dimensionless: it fell
    by less than 1 %, which AutoTrainer calls no gain."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        stopped = [name for name in run.of("loss") if self._is_zero(run, name)]
        for optimizer in stopped:
            yield self._finding(run, optimizer, 0.0, "and nothing moves")
        for course in courses(run) if not stopped else ():
            is_slow = course.ending in (Ending.FLAT, Ending.FALLING)
            if is_slow and len(course.losses) >= self.min_steps:
                yield from self._judge(run, course)

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        [(optimizer, rate)] = record.of("learning_rate").items()
        if record.value("later_learning_rate", optimizer) > 1.01 * rate:
            raise CannotJudge("a schedule raises the learning rate later")
        require_fit(record)
        fit = fall_of(record) or 0.0
        ratios = [each for each in record.of("first_update_ratio").values() if np.isfinite(each)]
        usual = float(np.median(ratios)) if ratios else float("nan")
        if not (fit > self.min_fit and usual < self.max_first_step):
            return
        others = [each for name in ("faster", "adam") if (each := fit_of(record, name)) is not None]
        if not others or min(others) > 1 - self.max_fall:
            return
        better = rounded(rate * USUAL_RATIO / usual) if usual > 0 else "1e-3"
        yield self.found(
            f"The first step changes the weights by {usual:.1g} of their norm (limit "
            f"{self.max_first_step:g}), and {len(record.sequence('fit_loss', 'own'))} steps on the "
            f"first batch alone lower its loss by {1 - fit:.1g} of its start (limit "
            f"{1 - self.min_fit:.1g}).",
            f"Raise the learning rate of `{optimizer}` from {rate:g} to about {better}.",
            site=record.facts.site_of_optimizer(optimizer),
            evidence={"update_ratio": usual, "learning_rate": rate},
        )

    def _is_zero(self, run: RunRecord, optimizer: str) -> bool:
        rates = learning_rates(run, optimizer)
        moved = (
            np.nanmax(run.of("update_ratio")[weight.name].values, initial=0.0)
            for weight in trained_weights(run, optimizer)
            if weight.name in run.of("update_ratio")
        )
        return bool(rates) and rates.values.max() <= 0 and not any(moved)

    def _judge(self, run: RunRecord, course: Course) -> Iterator[Finding]:
        ratios = [
            run.of("update_ratio")[weight.name].median()
            for weight in trained_weights(run, course.optimizer)
            if run.of("gradient_norm").get(weight.name, Series.of([])).median() > 0
        ]
        fall = largest_fall(run, course.optimizer) * len(course.losses) / course.trend.start
        if ratios and max(ratios) < self.max_step and fall < self.max_fall:
            usual = float(np.median(ratios))
            yield self._finding(
                run,
                course.optimizer,
                usual,
                f"and all {len(course.losses)} steps together can lower the loss by no more than "
                f"{fall:.1g} of its start (limit {self.max_fall:g})",
            )

    def _finding(self, run: RunRecord, optimizer: str, usual: float, meaning: str) -> Finding:
        rate = rate_at(run, optimizer, run.steps)
        better = healthy_rate(run, optimizer, [WeightStep(run.steps, usual, "")], ratio=USUAL_RATIO)
        change = f"from {rate:g} to about {rounded(better)}" if np.isfinite(better) else "above 0"
        return Finding(
            rule=self.name(),
            severity=self.severity,
            site=run.site_of_optimizer(optimizer),
            steps=(0, max(run.steps - 1, 0)),
            message=f"A usual step changes the weights by {usual:.1g} of their norm (limit "
            f"{self.max_step:g}), since step 0, {meaning}.",
            evidence={"update_ratio": usual, "learning_rate": rate},
            remedy=f"Raise the learning rate of `{optimizer}` {change}.",
            fixes=self.fixes,
        )


def largest_fall(run: RunRecord, optimizer: str) -> float:
    """What one step can lower the loss by at most, to first order: mean over the steps."""
    metrics = [run.of(name) for name in ("gradient_norm", "update_ratio", "parameter_norm")]
    gains = [
        _product([metric[parameter.name] for metric in metrics]).mean()
        for parameter in run.parameters
        if parameter.optimizer == optimizer and all(parameter.name in metric for metric in metrics)
    ]
    if not gains:
        raise CannotJudge("no steps of parameters were recorded")
    return float(np.nansum(gains))


def _product(series: Sequence[Series]) -> Series:
    product = series[0]
    for factor in series[1:]:
        left, right = aligned(product, factor)
        # An infinite ratio of a weight that was zero has no size.
        with np.errstate(invalid="ignore"):
            product = Series(left.steps, left.values * right.values)
    return product
