"""A loss that grew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.run import RunRecord
from defib.rules.base import Rule
from defib.rules.course import Course, courses, running_median
from defib.rules.learning_rate import climbs
from defib.rules.trend import constant_prediction_loss


@final
@dataclass(frozen=True)
class LossDivergence(Rule):
    """A loss that grew.

    ## What it detects
    A loss that ends at more than `max_growth` times its start (`max_unsure_growth` where the
    loss of a constant prediction is not known), or one that once exceeded its start
    `max_peak` times and never came back to it.

    ## Why it matters
    Training makes the network worse than it was untrained. This is a symptom: the cause is
    most often too high a learning rate.

    ## How it is measured
    The median of the last tenth of the losses over the larger of the first loss, which no
    step has touched yet, and the median of the first three (or the loss of a constant
    prediction where it is known and larger). The end must lie above by more than the noise
    from step to step explains.

    ## Known false positives
    Losses that grow by design: those of adversarial training (with several optimisers
    only the peak counts), of reinforcement learning (which grow with the returns), terms
    whose weight is raised during training. Losses that can be negative are not judged.

    ## What to change
    See the finding that explains this one. If there is none: lower the learning rate.

    ## References
    - Zhang, Zhai, Ma, Shen, *AutoTrainer* (2021): loss above 1e3.
    - Ben Braiek, Khomh, *TheDeepChecker* (2023): loss that doubles again and again.
    """

    severity = Severity.ERROR
    requires = ("loss",)
    fixes = ("lower-learning-rate", "clip-gradients", "learning-rate-by-range-test")
    is_symptom = True

    max_growth: float = 2.0
    """End over start, dimensionless. Source: TheDeepChecker (a doubling)."""
    max_unsure_growth: float = 10.0
    """The same where no floor of the loss is known. Calibrated on the healthy twins of the
    fault corpus, `benchmarks/calibration.py`."""
    max_peak: float = 1e3
    """Largest loss over start, dimensionless. AutoTrainer's limit for the loss itself."""
    standard_errors: float = 4.0
    """By how many standard errors the end must exceed the limit: one false call in 30,000."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        found = courses(run)
        for course in found:
            finite = course.losses.finite()
            if not finite or finite.values.min() < 0:
                continue
            start = _start(run, course)
            # Under 10 finite losses there is no end: the last one that was finite stands in.
            end = finite.last if np.isnan(course.trend.end) else course.trend.end
            certain = end - self.standard_errors * float(np.nan_to_num(course.trend.end_error))
            is_lost = finite.values.max() > self.max_peak * start and certain > start
            limit = start * self._growth(run, course)
            if is_lost or (certain > limit and len(found) == 1):
                yield self._finding(run, course, start, end)

    def _growth(self, run: RunRecord, course: Course) -> float:
        is_known = constant_prediction_loss(run, course.optimizer) is not None
        return self.max_growth if is_known else self.max_unsure_growth

    def _finding(self, run: RunRecord, course: Course, start: float, end: float) -> Finding:
        losses = course.losses.finite()
        peak = float(losses.values.max())
        limit = start * self._growth(run, course)
        level = min(limit, (start + end) / 2)
        above = running_median(losses).final_stretch_above(level)
        first = int(above.steps[0]) if above else course.last_step
        return Finding(
            rule=self.name(),
            severity=self.severity,
            site=run.site_of_optimizer(course.optimizer),
            steps=(first, course.last_step),
            message=f"The loss grew from {start:.3g} to {end:.3g} (limit "
            f"{limit:.3g}), with a peak of {peak:.3g}; it has been above "
            f"{level:.3g} since step {first}.",
            evidence={"loss_at_start": start, "loss_at_end": end, "loss_peak": peak},
            remedy=f"Remove `maximize=True` from `{course.optimizer}`."
            if climbs(run, course.optimizer)
            else f"Lower the learning rate of `{course.optimizer}`: divide it by 10.",
            fixes=() if climbs(run, course.optimizer) else self.fixes,
        )


def _start(run: RunRecord, course: Course) -> float:
    """A regression may begin far above the variance of its targets, and fall towards it."""
    baseline = constant_prediction_loss(run, course.optimizer)
    known = (baseline, course.trend.start, course.first_loss, float(course.losses.values[0]))
    return max((each for each in known if each is not None and np.isfinite(each)), default=np.inf)
