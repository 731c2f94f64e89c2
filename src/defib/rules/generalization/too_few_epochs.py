"""A training that ends while the loss is still falling fast."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.run import RunRecord
from defib.rules.base import CannotJudge, Rule
from defib.rules.course import Course, Ending, courses

_THIRD = 2 / 3
"""Where the last third of the steps begins."""


@final
@dataclass(frozen=True)
class TooFewEpochs(Rule):
    """A training that ends while the loss is still falling fast.

    ## What it detects
    A loss that fell nearly as fast in the last third of the steps as on average, and that
    falls to the very end.

    ## Why it matters
    The result is that of a training cut short; a verdict on the network is premature.

    ## How it is measured
    The slope of a straight line through the losses of the last third of the steps, times
    the length of that third, over the whole fall of the loss. The third has 33 % of it where
    the loss falls in a straight line, 23 % for an exponential decay cut off at its time
    constant, 9 % at three of them.

    ## Known false positives
    A learning rate schedule that makes the loss fall near its end; a loss that is only the
    objective of a first stage. Silent where an evaluation loss no longer falls.

    ## What to change
    Train longer. If that is too slow, a higher learning rate may do the same in fewer steps.

    ## References
    - Cao et al., *DeepFD* (2022): fault "insufficient iterations".
    - Godbole et al., *Deep Learning Tuning Playbook* (2023): how long to train.
    """

    severity = Severity.INFO
    requires = ("loss",)
    fixes = ("more-epochs", "raise-learning-rate")

    min_share: float = 0.25
    """Fall in the last third over the whole fall, dimensionless; a straight line has 0.33.
    Calibrated on the healthy twins of the fault corpus, `benchmarks/calibration.py`."""
    standard_errors: float = 4.0
    """By how many standard errors the fall must exceed 0: one call in 30,000 on a flat
    end (normal noise), if the fall is large enough as well."""
    min_steps: int = 50
    """Losses, as for loss-plateau: the last third has 17 then."""
    min_slope_steps: int = 20
    """Losses from which a slope is read at the very end, else a tenth of all: enough for
    normal quantiles to hold (Student's t)."""
    max_evaluation_rise: float = 0.05
    """Last evaluation loss over the lowest, minus 1: above it longer training does not help.
    TheDeepChecker calls 5 % a change."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        if len(run.of("loss")) > 1:
            raise CannotJudge("several losses: they need not fall")
        for course in courses(run):
            if len(course.losses.finite()) < self.min_steps:
                raise CannotJudge(f"fewer than {self.min_steps} steps")
            share = self._share(course)
            if share >= self.min_share and not self._is_evaluation_rising(run):
                yield self._finding(run, course, share)

    def _share(self, course: Course) -> float:
        """Share of the whole fall that came in the last third; 0 where it is not certain."""
        whole = course.trend.start - course.trend.end
        fall, error = self._fall(course, _THIRD)
        # A step of the schedule makes a fall that is over before the end.
        tenth = max(0.1, self.min_slope_steps / len(course.losses.finite()))
        end = max(_THIRD, 1 - tenth)
        last_fall, last_error = self._fall(course, end)
        least = self.min_share * whole * (1 - end) / (1 - _THIRD)
        conditions = (
            course.ending is Ending.LEARNING,
            fall > self.standard_errors * error,
            last_fall > max(least, self.standard_errors * last_error) / 2,
            # A fall by more than the whole makes good a rise before: no steady progress.
            fall <= whole,
        )
        return fall / whole if all(conditions) else 0.0

    def _fall(self, course: Course, start: float) -> tuple[float, float]:
        """Fall of a straight line through the losses from fraction `start` on, and its error."""
        values = course.losses.finite().part(start, 1.0).values
        position = np.linspace(-0.5, 0.5, len(values))
        power = float((position**2).sum())
        slope = float((position * values).sum()) / power
        rest = values - values.mean() - slope * position
        # A straight line through few losses may fit well by chance.
        deviation = max(float(np.sqrt((rest**2).sum() / (len(rest) - 2))), course.trend.noise)
        return -slope, deviation / float(np.sqrt(power))

    def _is_evaluation_rising(self, run: RunRecord) -> bool:
        every = [each.finite() for each in run.of("evaluation_loss").values()]
        limit = 1 + self.max_evaluation_rise
        # The best of the last three: a fast falling curve has its median above its minimum.
        return any(
            each.values[-3:].min() > limit * each.values.min() for each in every if len(each) >= 3
        )

    def _finding(self, run: RunRecord, course: Course, share: float) -> Finding:
        losses = course.losses
        since = int(losses.part(_THIRD, 1.0).steps[0])
        return Finding(
            rule=self.name(),
            severity=self.severity,
            site=run.site_of_optimizer(course.optimizer),
            steps=(since, course.last_step),
            message=f"The loss is still falling: {share:.0%} of its whole fall came in the last "
            f"third of the steps, since step {since} (limit {self.min_share:.0%}; 33 % if it "
            "fell in a straight line).",
            evidence={"share_of_fall_in_last_third": share, "loss_at_end": course.trend.end},
            remedy=f"Train longer: twice the {len(losses)} steps so far, or until the curve bends.",
            fixes=self.fixes,
        )
