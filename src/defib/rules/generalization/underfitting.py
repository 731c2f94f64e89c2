"""A training that has come to rest far from a good fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.run import RunRecord
from defib.rules.base import CannotJudge, Rule
from defib.rules.course import Course, Ending, courses
from defib.rules.generalization.evaluation import generalizations, level
from defib.rules.trend import constant_prediction_loss, mean_constant_prediction_loss


@final
@dataclass(frozen=True)
class Underfitting(Rule):
    """A training that has come to rest far from a good fit.

    ## What it detects
    A training loss that fell, is still more than `min_loss` of that of a constant prediction,
    and falls no further, while the evaluation loss is about as high.

    ## Why it matters
    More steps will not help, nor more data: the network cannot express what is asked for, or is
    held back (by strong regularisation, a bottleneck, missing inputs), or the rest is noise.

    ## How it is measured
    The median training loss of the last quarter of the steps over that of a constant prediction,
    its fall from the quarter before, over the same (both dimensionless), and the evaluation loss
    at the end over it.

    ## Known false positives
    Labels that are partly noise, generative models, language: what is left cannot be predicted.

    ## What to change
    A larger network, less regularisation, a higher or decaying learning rate; or look whether
    the inputs hold what is asked for.

    ## References
    - Karpathy, *A Recipe for Training Neural Networks* (2019): first overfit, then regularise.
    - Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 5.2: underfitting.
    """

    severity = Severity.INFO
    requires = ("loss", "evaluation_loss")
    fixes = ("larger-network", "less-regularization")

    min_loss: float = 0.65
    """Training loss at the end over that of a constant prediction, dimensionless: most of what
    there is to learn is left. Of 214 healthy trainings (`defib.healthy`) one
    has more, a language model that is still falling; the next has 0.61."""
    max_fall: float = 0.03
    """Fall from the third to the fourth quarter over the loss of a constant prediction,
    dimensionless: 30 % of what is left would take ten runs more."""
    max_gap: float = 1.2
    """Evaluation over training loss, dimensionless: with a gap it is overfitting."""
    min_losses: int = 100
    """Losses below which no rest can be told."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        course, *others = courses(run)
        if others:
            raise CannotJudge("several losses: none is the training loss")
        baseline = constant_prediction_loss(run, course.optimizer)
        if baseline is None:
            raise CannotJudge("the loss of a constant prediction is not known")
        if len(course.losses) < self.min_losses:
            raise CannotJudge(f"fewer than {self.min_losses} losses")
        if self._is_at_rest(course, baseline) and self._has_no_gap(run, course, baseline):
            yield self._finding(run, course, baseline)

    def _is_at_rest(self, course: Course, baseline: float) -> bool:
        losses = course.losses.finite()
        third, fourth = losses.part(0.5, 0.75).median(), losses.part(0.75, 1.0).median()
        is_rest = third - fourth < self.max_fall * baseline
        return course.ending is Ending.LEARNING and is_rest and fourth > self.min_loss * baseline

    def _has_no_gap(self, run: RunRecord, course: Course, baseline: float) -> bool:
        mean = mean_constant_prediction_loss(run, course.optimizer)
        training = course.losses.finite().part(0.75, 1.0).median() * (mean or baseline) / baseline
        seen = generalizations(run, course.optimizer)
        gaps = [level(each.losses) / training for each in seen if each.losses]
        return bool(gaps) and float(np.max(gaps)) < self.max_gap

    def _finding(self, run: RunRecord, course: Course, baseline: float) -> Finding:
        end = course.losses.finite().part(0.75, 1.0).median()
        half = int(course.losses.steps[len(course.losses) // 2])
        finding = self.found(
            f"The training loss rests at {end:.3g}, {end / baseline:.0%} of that of a constant "
            f"prediction (limit {self.min_loss:.0%}), since step {half}, and the evaluation loss "
            "is about the same.",
            "Use a larger network or less regularisation; look whether the inputs hold what is "
            "asked for.",
            site=run.site_of_optimizer(course.optimizer),
            evidence={"loss_at_end": end, "loss_of_constant_prediction": baseline},
        )
        return replace(finding, steps=(half, course.last_step))
