"""An evaluation that is better than the training it belongs to, and why that may be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.run import RunRecord
from defib.rules.base import CannotJudge, Rule
from defib.rules.generalization.evaluation import Generalization, generalizations
from defib.rules.generalization.reason_to_be_better import reason_of

NEAR = 0.05
"""Share of the steps between two evaluations that counts as the moment of the later one."""
NEAREST = 5
"""Steps of it at least, on each side."""

MEDIAN_ERROR = 1.2533
"""Standard error of a median of normal numbers over that of their mean, dimensionless: √(π/2)."""


@final
@dataclass(frozen=True)
class _Gap:
    """Medians over the evaluations of the second half, in the unit of the loss."""

    reported: float
    """Mean training loss since the evaluation before: what a progress bar shows."""
    current: float
    """Training loss around the evaluation."""
    evaluation: float
    current_error: float
    """Standard error of `current`."""
    since: int
    """Step of the first of these evaluations."""

    @property
    def is_of_the_mean(self) -> bool:
        """Whether nothing is left of the gap beside the training loss of the same moment."""
        return self.current - self.evaluation <= 2 * self.current_error


@final
@dataclass(frozen=True)
class EvaluationBeatsTraining(Rule):
    """An evaluation that is better than the training it belongs to, and why that may be.

    ## What it detects
    An evaluation loss far below the training loss of the same moment, in the second half of the
    run. That the mean over an epoch in which the network still improved is larger says nothing.

    ## Why it matters
    It is often asked about, and mostly harmless: the training loss is measured with units dropped
    out. But it may also mean that the evaluation data are easier than the training data, or known
    from it.

    ## How it is measured
    `loss` since the evaluation before (as it is mostly reported), and of the steps just before and
    after an evaluation, beside `evaluation_loss`. Where the second comparison leaves no gap beyond
    two standard errors, nothing is said. Otherwise the reason is named, the surest first:

    - examples of the evaluation that are also the training's (`shared_examples`);
    - other classes: `evaluation_label_count` beside `label_count`, and how often the training
      recognises each (`label_recognized`), where that makes half of the gain in accuracy or more;
    - layers that act in training only: dropout, batch normalisation;
    - where none of these was seen, easier data. That is suspected, not measured.

    ## Known false positives
    A training loss with penalties, label smoothing or class weights that the evaluation leaves
    out is larger by these. `F.dropout` and layers of your own are not seen.

    ## What to change
    Nothing where dropout is the reason: compare both losses in evaluation mode. Else look at how
    the data were split.

    ## References
    - Keras, FAQ: *Why is my training loss much higher than my testing loss?*
    - Srivastava et al., *Dropout* (2014), section 4: the network that is evaluated is the average.
    """

    severity = Severity.INFO
    requires = ("evaluation_loss", "loss")
    fixes = ("compare-in-evaluation-mode",)

    min_gap: float = 0.2
    """Share of the reported training loss by which the evaluation must lie below it: less is not
    worth a remark. Of 282 healthy trainings (`defib.healthy`) 9 get one: with dropout, batches of
    four, noisy labels, or few examples."""
    min_evaluations: int = 4
    """Of which the later half counts."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        if len(run.of("loss")) > 1:
            raise CannotJudge("several losses: none is the training loss")
        [optimizer] = run.of("loss")
        fact = run.loss_of(optimizer)
        if fact is None or fact.reduction == "sum":
            raise CannotJudge("the training loss is no mean over examples")
        places = generalizations(run, optimizer)
        enough = [each for each in places if len(each.losses) >= self.min_evaluations]
        if not enough:
            longest = max((len(each.losses) for each in places), default=0)
            raise CannotJudge(f"{longest} evaluations were seen, {self.min_evaluations} needed")
        # Of several places the worst: another one may see the training data.
        seen = max(enough, key=lambda each: float(np.median(each.losses.values)))
        gap = _gap(seen)
        is_better = gap.reported - gap.evaluation > self.min_gap * abs(gap.reported)
        if is_better and not gap.is_of_the_mean:
            yield self._finding(run, seen, gap)

    def _finding(self, run: RunRecord, seen: Generalization, gap: _Gap) -> Finding:
        reason = reason_of(run, seen)
        finding = self.found(
            f"The evaluation loss ({seen.place}) is {gap.evaluation:.3g}, below the training loss "
            f"of {gap.reported:.3g} (limit {self.min_gap:.0%} less). Around the "
            f"evaluations the training loss is {gap.current:.3g} all the same. {reason.message}",
            reason.remedy,
            evidence={
                "training_loss_since_the_evaluation_before": gap.reported,
                "training_loss_at_the_evaluation": gap.current,
                "evaluation_loss": gap.evaluation,
                "reason": reason.name,
                **reason.evidence,
            },
        )
        return replace(finding, steps=(gap.since, max(run.steps - 1, 0)))


def _gap(seen: Generalization) -> _Gap:
    steps = [int(each) for each in seen.losses.steps]
    rows: list[tuple[float, float, float, float]] = []
    for at in range(len(steps) // 2, len(steps)):
        before = seen.training_losses.between(steps[at - 1] + 1, steps[at]).values
        if not len(before):
            continue
        width = max(NEAREST, round(NEAR * len(before)))
        # On both sides of it, where the training goes on: a trend then takes itself out.
        after = seen.training_losses.between(steps[at] + 1, steps[at] + width).values
        current = np.concatenate((before[-width:], after))
        error = current.std() / np.sqrt(len(current))
        rows.append((before.mean(), current.mean(), seen.losses.values[at], error))
    if not rows:
        raise CannotJudge("no training loss between the evaluations")
    reported, current, evaluation, error = np.median(np.asarray(rows), axis=0)
    error *= MEDIAN_ERROR / np.sqrt(len(rows))
    first = steps[len(steps) // 2]
    return _Gap(float(reported), float(current), float(evaluation), float(error), first)
