"""Most of a training that brought nothing on other data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.run import RunRecord
from defib.rules.base import CannotJudge, Rule
from defib.rules.generalization.evaluation import Generalization, generalizations, noise


@final
@dataclass(frozen=True)
class Overtraining(Rule):
    """Most of a training that brought nothing on other data.

    ## What it detects
    An evaluation loss that came within its noise of its lowest level in the first `max_best` of
    the run, and gained nothing more, while the training loss went on falling.

    ## Why it matters
    The time after it is lost, and the weights at the end are no better than those at the best
    evaluation, often worse. A training needs an end: early stopping with a patience, or fewer
    epochs.

    ## How it is measured
    `evaluation_loss`: the first step at which it is within two standard deviations of one
    evaluation of its lowest running median, over the number of steps (in [0, 1]).

    ## Known false positives
    Long trainings on purpose, whose loss falls again much later (double descent, grokking).

    ## What to change
    Stop after some evaluations without a gain, and keep the best weights.

    ## References
    - Prechelt, *Early Stopping - But When?* (1998).
    - Amazon SageMaker Debugger, rule Overtraining: ten evaluations without a gain.
    """

    severity = Severity.INFO
    requires = ("evaluation_loss", "loss")
    fixes = ("early-stopping",)

    max_best: float = 0.2
    """Place of the best evaluation in the run, in [0, 1]. Of the healthy trainings
    (`defib.healthy`) 5 have enough evaluations, and none of them comes to rest before 0.83."""
    min_evaluations: int = 20
    """Evaluations: 16 of them without a gain. SageMaker Debugger asks for ten."""
    min_training_fall: float = 0.05
    """Share of the training loss that must be lost after the best evaluation; as in
    `Overfitting`."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        if len(run.of("loss")) > 1:
            raise CannotJudge("several losses: none is the training loss")
        [optimizer] = run.of("loss")
        places = generalizations(run, optimizer)
        enough = [each for each in places if len(each.losses) >= self.min_evaluations]
        if not enough:
            longest = max((len(each.losses) for each in places), default=0)
            raise CannotJudge(f"{longest} evaluations were seen, {self.min_evaluations} needed")
        # Where one place still gains (training data, say), the other is the one to look at.
        seen = max(enough, key=lambda each: each.lowest)
        reached = _reached(seen)
        if reached <= self.max_best * run.steps and self._goes_on(seen, reached):
            finding = self.found(
                f"The evaluation loss ({seen.place}) came to rest at step {reached}, after "
                f"{reached / run.steps:.0%} of the run (limit {self.max_best:.0%}); the "
                f"{run.steps - 1 - reached:,} steps since then brought nothing.",
                f"Stop earlier (early stopping), and keep the weights of step {seen.onset}.",
                evidence=seen.ends() | {"lowest_evaluation_loss": seen.lowest},
            )
            yield replace(finding, steps=(reached, run.steps - 1))

    def _goes_on(self, seen: Generalization, reached: int) -> bool:
        """Whether the training loss fell further."""
        before, after = seen.training_loss(reached), seen.training_loss()
        return before - after > self.min_training_fall * abs(before)


def _reached(seen: Generalization) -> int:
    """The first step at which the evaluation loss is as low as it gets, but for its noise."""
    is_low = seen.losses.values <= seen.lowest + 2 * noise(seen.losses)
    return int(seen.losses.steps[is_low][0])
