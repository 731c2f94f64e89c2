"""Steps so large that they destroy what the network has learnt, or could learn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import RunRecord
from defib.rules.base import PreflightRule, Rule
from defib.rules.course import STANDARD_ERRORS, Course, Ending, courses
from defib.rules.fit import fall_of, fit_of, names_clipping, require_fit
from defib.rules.learning_rate import (
    LARGEST_HEALTHY_RATIO,
    climbs,
    has_risen,
    healthy_rate,
    rate_at,
    rate_from,
    rounded,
    usual_over_first_step,
)
from defib.rules.trend import constant_prediction_loss
from defib.rules.weights import WeightStep, largest_steps, unseen_step


@final
@dataclass(frozen=True)
class _Case:
    """A loss that does badly; `start` is what it must not exceed, in its own unit."""

    run: RunRecord
    course: Course
    steps: tuple[WeightStep, ...]
    start: float


@final
@dataclass(frozen=True)
class LearningRateTooHigh(Rule, PreflightRule):
    """Steps so large that they destroy what the network has learnt, or could learn.

    ## What it detects
    A step that changed a weight matrix by more than `max_step` of its norm, together with
    what such a step does: at that moment the loss became non-finite, rose to more than
    `max_growth` times its start, or rose for good; or, with large steps from the beginning,
    the loss never fell and ended above its start, the weights stopped moving (dead or
    saturated units), or the steps stayed that large. Nothing is reported of a run whose
    loss falls and stays down, whatever its steps and spikes.

    ## Why it matters
    Beyond a certain length a step leaves the region in which the gradient says anything.
    One such step late in a training can undo all of it, and kill units for good.

    ## How it is measured
    `update_ratio` (norm of the step actually taken over norm of the weight), largest over
    the weight matrices. A weight that is much smaller than a usual initialisation is
    measured against that instead: layers that start at zero have infinite ratios and are
    healthy. A large step between two recorded ones shows as a sudden change of
    `parameter_norm`. The losses of all steps say when. Before the first step: a copy that is
    trained on the first batch does not learn it, and does with a thirtieth of the rate, or by Adam.

    ## Known false positives
    A single bad batch (an outlier among the inputs) makes a large step at any learning
    rate; clip the gradient norm then. A loss that jumps because the task changes, while the
    steps are large for a reason that does no harm.

    ## What to change
    Lower the learning rate, to steps of 1e-3 to 1e-2 of the weights; or use a warm-up, or
    clip the gradient norm.

    ## References
    - Ben Braiek, Khomh, *TheDeepChecker* (2023): step over weight above 0.1.
    - Wardat, Cruz, Le, Rajan, *DeepDiagnosis* (2022): the same limit.
    - CS231n notes, *Neural Networks Part 3*: a healthy ratio is about 1e-3.
    """

    severity = Severity.ERROR
    requires = ("loss", "update_ratio", "parameter_norm")
    requires_preflight = ("fit_loss", "learning_rate")
    explains = (
        "dead-relu",
        "constant-output",
        "loss-plateau",
        "loss-divergence",
        "exploding-gradient",
        "non-finite-value",
        "saturated-activation",
        "vanishing-gradient",
        "class-imbalance",
        "cannot-fit-one-batch",
        "input-not-used",
        "parameter-unchanged",
        "uneven-learning",
    )
    fixes = (
        "lower-learning-rate",
        "clip-gradients",
        "learning-rate-warm-up",
        "learning-rate-by-range-test",
    )

    max_step: float = 0.1
    """Step over weight, dimensionless. Source: TheDeepChecker, DeepDiagnosis."""
    max_growth: float = 3.0
    """Loss over its start, dimensionless. Calibrated on the healthy twins of the fault corpus,
    `benchmarks/calibration.py`."""
    max_end: float = 1.2
    """End of the loss over its start, dimensionless. Calibrated like `max_growth`."""
    stopped: float = 0.01
    """Steps at the end over the largest at the start, at the same learning rate, under which
    the weights no longer move (dimensionless). Calibrated like `max_growth`."""
    rise: float = 2.0
    """Learning rate over the one recorded before, dimensionless, from which on its rise is
    named as the reason: a schedule doubles it in a few steps only by mistake."""
    overthrow: float = 1.0
    """Step over weight, dimensionless, that leaves nothing of the weight as it was; healthy runs
    of the fault corpus stay under 0.86 (`benchmarks/calibration.py`)."""
    crawling: float = 0.9
    """End of the loss over a constant prediction's, dimensionless, above which a training that
    began with such a step has not got over it. Calibrated like `max_growth`."""
    early: int = 10
    """First steps, and steps around a jump of the loss, in which a large step counts."""
    min_fit: float = 0.95
    """Loss on the first batch after up to 200 steps over the first one, dimensionless, above
    which it was not learnt: a fall of 5 % is none by AutoTrainer and TheDeepChecker."""
    max_slower_fit: float = 0.7
    """The same with a thirtieth of the learning rate, below which it was."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        found = courses(run)
        for course in found:
            # Of several losses (adversarial training) none need fall.
            is_failing = len(found) == 1 or course.ending is Ending.NON_FINITE
            is_harmed = course.is_harmed or self._crawls(run, course)
            if is_harmed and is_failing and not climbs(run, course.optimizer):
                yield from self._judge(run, course)

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        [(optimizer, rate)] = record.of("learning_rate").items()
        fit, slower, adam = require_fit(record), fit_of(record, "slower"), fit_of(record, "adam")
        if fit <= self.min_fit:
            return
        # A loss that rises far tells by itself that the rate is too high: that Adam's usual one
        # learns the batch then says that the network can.
        change = fall_of(record) or fit
        is_rising = change > self.max_end
        others = [each for each in (slower, adam if is_rising else None) if each is not None]
        if not others or min(others) > self.max_slower_fit:
            return
        by = "a thirtieth of the learning rate" if min(others) == slower else "Adam and 1e-3"
        clipped = fit_of(record, "clipped")
        is_clipping_enough = clipped is not None and clipped < self.max_slower_fit
        end = "is no number" if not np.isfinite(fit) else f"ends at {fit:.0%} of its start"
        if np.isfinite(fit) and change < fit:
            end = f"ends at {fit:.0%} of that of a constant prediction"
        clip = ", or clip the gradient norm if you do not yet" if is_clipping_enough else ""
        yield self.found(
            f"Trained on the first batch alone, the loss {end} (limit {self.min_fit:.0%}); with "
            f"{by} it ends at {min(others):.0%}.",
            f"Lower the learning rate of `{optimizer}` from {rate:g} to {rounded(rate / 30)} or "
            f"less{clip}.",
            severity=_severity(record, is_clipping_enough=is_clipping_enough),
            site=record.facts.site_of_optimizer(optimizer),
            evidence={"learning_rate": rate, "fit": fit, "best_other_fit": min(others)},
        )

    def _crawls(self, run: RunRecord, course: Course) -> bool:
        """Whether a step overthrew a weight at the start, and the loss has not got over it."""
        baseline = constant_prediction_loss(run, course.optimizer)
        if baseline is None or not course.trend.end > self.crawling * baseline:
            return False
        steps = largest_steps(run, course.optimizer)
        return any(each.step < self.early and each.size > self.overthrow for each in steps)

    def _judge(self, run: RunRecord, course: Course) -> Iterator[Finding]:
        steps, finite = largest_steps(run, course.optimizer), course.losses.finite()
        if not steps or not finite:
            return
        baseline = constant_prediction_loss(run, course.optimizer) or 0.0
        start = max(baseline, float(np.nan_to_num(course.trend.start)), finite.first)
        case = _Case(run, course, steps, start)
        for moment in sorted({course.onset, *self._blow_up(case)} - {0}):
            if culprit := self._culprit(case, moment):
                yield self._finding(case, culprit, moment, _rise(course, moment))
                return
        # A loss that has never been 10 % lower for 5 % of the run.
        if not course.trend.lowest < 0.9 * course.trend.start:
            yield from self._judge_start(case)

    def _blow_up(self, case: _Case) -> list[int]:
        """The first step with a loss beyond its start and beyond its usual noise, if any."""
        losses = case.course.losses
        limit = self.max_growth * case.start
        if case.course.trend.end <= self.max_end * case.start:
            limit = max(limit, 2 * np.percentile(losses.finite().part(0.75, 1.0).values, 95))
        return losses.steps[losses.values > limit][:1].tolist()

    def _culprit(self, case: _Case, moment: int) -> WeightStep | None:
        """The first step that was too large around `moment`."""
        width = max(self.early, len(case.course.losses) // 50)
        near = [each for each in case.steps if abs(each.step - moment) <= width]
        near += [each for each in case.steps if each.step >= moment][:2]
        large = [each for each in near if each.size > self.max_step]
        if large:
            return min(large, key=lambda each: each.step)
        unseen = unseen_step(case.run, case.course.optimizer, moment)
        return unseen if unseen and unseen.size > self.max_step else None

    def _judge_start(self, case: _Case) -> Iterator[Finding]:
        early = [each for each in case.steps if each.step < self.early]
        culprit = max(early, key=lambda each: each.size, default=None)
        if culprit and culprit.size > self.max_step:
            consequence = self._consequence(case, culprit)
            if consequence:
                yield self._finding(case, culprit, culprit.step, consequence)

    def _consequence(self, case: _Case, culprit: WeightStep) -> str:
        """What the large steps of the beginning led to; empty if nothing is seen of it."""
        course, optimizer = case.course, case.course.optimizer
        if course.ending is Ending.NON_FINITE:
            return f"the loss is not finite since step {course.onset}"
        end = course.trend.end
        if end - STANDARD_ERRORS * course.trend.end_error > self.max_end * case.start:
            return f"the loss ends at {end:.3g}, above its start {case.start:.3g}"
        if culprit.size > self.overthrow:
            return f"the loss is still at {end:.3g} (it began at {case.start:.3g})"
        late = [each.size for each in case.steps if each.step >= course.last_step / 2]
        usual = float(np.median(late)) if late else float("nan")
        if usual > self.max_step:
            return f"the steps are still {usual:.0%} and the loss does not fall"
        first, last = (
            rate_at(case.run, optimizer, each) for each in (culprit.step, course.last_step)
        )
        decay = last / first if first > 0 else 1.0
        if usual <= self.stopped * culprit.size * decay:
            return f"the weights have stopped moving (steps of {usual:.0e})"
        return ""

    def _better_rate(self, case: _Case, since: int) -> float:
        optimizer, ratio = case.course.optimizer, LARGEST_HEALTHY_RATIO
        before = [each for each in case.steps if each.step < since >= self.early]
        if before:
            return healthy_rate(case.run, optimizer, before, ratio=ratio)
        ratio /= usual_over_first_step(case.run, optimizer)
        return healthy_rate(case.run, optimizer, case.steps[:1], ratio=ratio)

    def _finding(self, case: _Case, culprit: WeightStep, moment: int, consequence: str) -> Finding:
        optimizer, since = case.course.optimizer, min(moment, culprit.step)
        before = rate_at(case.run, optimizer, since - 1)
        rate = np.fmax(before, rate_from(case.run, optimizer, since))
        is_risen = has_risen(case.run, optimizer, since, self.rise)
        lower = before if is_risen else np.fmin(self._better_rate(case, since), rate / 3)
        change = f"from {rate:g} to about {rounded(lower)}" if rate > 0 else "by 3 to 10 times"
        cause = f" after the learning rate rose from {before:g} to {rate:g}" if is_risen else ""
        return Finding(
            rule=self.name(),
            severity=self.severity,
            layer=culprit.parameter.rpartition(".")[0],
            site=case.run.site_of_optimizer(optimizer),
            steps=(since, case.course.last_step),
            message=f"Step {culprit.step} changed `{culprit.parameter}` by {culprit.size:.0%} of "
            f"its norm (limit {self.max_step:.0%}){cause}, and {consequence}, since step {since}.",
            evidence={
                "update_ratio": culprit.size,
                "learning_rate": float(rate),
                "loss_at_end": case.course.trend.end,
            },
            remedy=f"Lower the learning rate of `{optimizer}` {change}, or clip the gradient norm.",
            fixes=self.fixes,
        )


def _severity(record: PreflightRecord, *, is_clipping_enough: bool) -> Severity:
    if not is_clipping_enough:
        return Severity.ERROR
    return Severity.INFO if names_clipping(record) else Severity.WARNING


def _rise(course: Course, moment: int) -> str:
    if course.ending is Ending.NON_FINITE and moment == course.onset:
        return "the loss is not finite"
    losses = course.losses.finite()
    before, after = losses.between(0, moment - 1).part(0.8, 1.0), losses.between(moment, moment + 9)
    peak = float(after.values.max()) if after else float("nan")
    origin = f" from {before.median():.3g}" if before else ""
    return f"the loss rose{origin} to {peak:.3g} and has not recovered"
