"""Steps so large that they destroy what the network has learnt, or could learn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.run import RunRecord
from defib.rules.base import Rule
from defib.rules.course import STANDARD_ERRORS, Course, Ending, courses
from defib.rules.learning_rate import healthy_rate, rate_at, rounded
from defib.rules.trend import constant_prediction_loss
from defib.rules.weights import WeightStep, largest_steps, unseen_step


@final
@dataclass(frozen=True)
class LearningRateTooHigh(Rule):
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
    `parameter_norm`. The losses of all steps say when.

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
        "unbroken-symmetry",
    )
    fixes = ("lower-learning-rate", "clip-gradients", "learning-rate-warm-up")

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
    early: int = 10
    """First steps, and steps around a jump of the loss, in which a large step counts."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        found = courses(run)
        for course in found:
            # Of several losses (adversarial training) none need fall.
            if course.is_harmed and (len(found) == 1 or course.ending is Ending.NON_FINITE):
                yield from self._judge(run, course)

    def _judge(self, run: RunRecord, course: Course) -> Iterator[Finding]:
        steps = largest_steps(run, course.optimizer)
        baseline = constant_prediction_loss(run, course.optimizer) or 0.0
        start = float(np.nanmax([baseline, course.trend.start, course.first_loss]))
        for moment in sorted({course.onset, *self._blow_up(course, start)}):
            culprit = self._culprit(run, course, steps, moment)
            if culprit and moment > 0:
                yield self._finding(run, course, steps, culprit, moment, _rise(course, moment))
                return
        if _has_never_fallen(course):
            yield from self._judge_start(run, course, steps, start)

    def _blow_up(self, course: Course, start: float) -> list[int]:
        """The first step with a loss beyond its start and beyond its usual noise, if any."""
        usual = 2 * np.percentile(course.losses.finite().part(0.75, 1.0).values, 95)
        is_above = course.trend.end > self.max_end * start
        limit = self.max_growth * start if is_above else max(self.max_growth * start, usual)
        return course.losses.steps[course.losses.values > limit][:1].tolist()

    def _culprit(
        self, run: RunRecord, course: Course, steps: Sequence[WeightStep], moment: int
    ) -> WeightStep | None:
        width = max(self.early, len(course.losses) // 50)
        near = [each for each in steps if abs(each.step - moment) <= width]
        near += [each for each in steps if each.step >= moment][:2]
        unseen = unseen_step(run, course.optimizer, moment)
        candidates = [*near, unseen] if unseen else near
        largest = max(candidates, key=lambda each: each.size, default=None)
        return largest if largest and largest.size > self.max_step else None

    def _judge_start(
        self, run: RunRecord, course: Course, steps: Sequence[WeightStep], start: float
    ) -> Iterator[Finding]:
        early = [each for each in steps if each.step < self.early]
        culprit = max(early, key=lambda each: each.size, default=None)
        if culprit is None or culprit.size <= self.max_step:
            return
        consequence = self._consequence(run, course, steps, culprit, start)
        if consequence:
            yield self._finding(run, course, steps, culprit, culprit.step, consequence)

    def _consequence(
        self,
        run: RunRecord,
        course: Course,
        steps: Sequence[WeightStep],
        culprit: WeightStep,
        start: float,
    ) -> str:
        """What the large steps of the beginning led to; empty if nothing is seen of it."""
        if course.ending is Ending.NON_FINITE:
            return f"the loss is not finite since step {course.onset}"
        end = course.trend.end
        if end - STANDARD_ERRORS * course.trend.end_error > self.max_end * start:
            return f"the loss ends at {end:.3g}, above its start {start:.3g}"
        late = steps[len(steps) // 2 :]
        usual = float(np.median([each.size for each in late]))
        if usual > self.max_step:
            return f"the steps are still {usual:.0%} and the loss does not fall"
        decay = rate_at(run, course.optimizer, course.last_step) / rate_at(
            run, course.optimizer, culprit.step
        )
        if usual <= self.stopped * culprit.size * (decay if np.isfinite(decay) else 1.0):
            return f"the weights have stopped moving (steps of {usual:.0e})"
        return ""

    def _finding(
        self,
        run: RunRecord,
        course: Course,
        steps: Sequence[WeightStep],
        culprit: WeightStep,
        since: int,
        consequence: str,
    ) -> Finding:
        rate = rate_at(run, course.optimizer, since)
        before = [each for each in steps if each.step < since] if since >= self.early else []
        better = healthy_rate(run, course.optimizer, before or steps[:1])
        lower = min(better, rate / 3) if np.isfinite(better) else rate / 10
        change = f"from {rate:g} to about {rounded(lower)}" if np.isfinite(rate) else "by 3 to 10"
        return Finding(
            rule=self.name(),
            severity=self.severity,
            layer=culprit.parameter.rpartition(".")[0],
            site=run.site_of_optimizer(course.optimizer),
            steps=(since, course.last_step),
            message=f"Step {culprit.step} changed `{culprit.parameter}` by {culprit.size:.0%} of "
            f"its norm (limit {self.max_step:.0%}), and {consequence}, since step {since}.",
            evidence={
                "update_ratio": culprit.size,
                "learning_rate": rate,
                "loss_at_end": course.trend.end,
            },
            remedy=f"Lower the learning rate of `{course.optimizer}` {change}, or clip the "
            "gradient norm.",
            fixes=self.fixes,
        )


def _has_never_fallen(course: Course) -> bool:
    """Whether the loss never got 10 % below its start, over 5 % of the run."""
    return not course.trend.lowest < 0.9 * course.trend.start


def _rise(course: Course, moment: int) -> str:
    if course.ending is Ending.NON_FINITE and moment == course.onset:
        return "the loss is not finite"
    losses = course.losses.finite()
    before, after = losses.between(0, moment - 1).part(0.8, 1.0), losses.between(moment, moment + 9)
    peak = float(after.values.max()) if after else float("nan")
    return f"the loss rose from {before.median():.3g} to {peak:.3g} and has not recovered"
