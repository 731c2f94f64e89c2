"""An evaluation that is worse than guessing from the first time on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import RunRecord
from defib.rules.base import CannotJudge, PreflightRule, Rule
from defib.rules.fit import reference_loss, require_fit
from defib.rules.generalization.evaluation import Generalization, generalizations, level


@final
@dataclass(frozen=True)
class EvaluationFarOff(Rule, PreflightRule):
    """An evaluation that is worse than guessing from the first time on.

    ## What it detects
    An evaluation loss that is never below that of a constant prediction, and above
    `max_ratio` times it as soon as the training loss begins to fall, while the training succeeds;
    or above `by_far` times it while the training has begun to learn.

    ## Why it matters
    A network that overfits is better than guessing on other data first, and gets worse later.
    One that is worse at once is not the same network in evaluation, or not the same data:
    the running statistics of batch normalisation lag behind or follow the last batch alone, or
    the evaluation data were not preprocessed as the training data.

    ## How it is measured
    `evaluation_loss` over the loss of a constant prediction (dimensionless), at every evaluation
    at which the training loss is below `begun` of it, for each place that evaluates.

    Before the first step: `fitted_loss` of a copy that has learnt the first batch, in evaluation
    mode on the same batch, over that of a constant prediction. There the data are the same, so
    that only the network can be another one.

    ## Known false positives
    Labels that cannot be predicted and are learnt by heart; evaluation data of another kind, on
    purpose.

    ## What to change
    Apply the transformation of the training data to the evaluation data, with the same numbers;
    let batch normalisation average over more steps of the training (`momentum=0.1`).

    ## References
    - Ioffe, Szegedy, *Batch Normalization* (2015), section 3.1: training and inference.
    - Ben Braiek, Khomh, *TheDeepChecker* (2023): losses in training and in evaluation mode.
    """

    severity = Severity.WARNING
    requires = ("evaluation_loss", "loss")
    requires_preflight = ("fit_loss", "fitted_loss")
    explains = ("overfitting", "overtraining")
    fixes = ("same-preprocessing", "batch-normalization-momentum")

    max_ratio: float = 1.2
    """Evaluation loss over that of a constant prediction, dimensionless: a fifth above knowing
    nothing. The best evaluation of 167 healthy trainings (`defib.healthy`) has 0.56 at most, and of
    303 whose copy learns the first batch in `min_fit_steps` or more none has more than 0.48 on it
    in evaluation mode (`benchmarks.check_faults`)."""
    begun: float = 0.8
    """Training loss over that of a constant prediction, dimensionless, from which on the
    training has learnt something."""
    learnt: float = 0.5
    """The same at the end, below which it succeeds."""
    by_far: float = 3.0
    """The lowest evaluation loss over that of a constant prediction, dimensionless, from which on a
    training that has begun to learn is enough. The best evaluation of healthy trainings has 0.56
    at most; of the fault corpus, running statistics that stay behind have 6 and more."""
    min_evaluations: int = 3
    """Evaluations, all of which must be far off."""
    min_fit_steps: int = 100
    """Steps of the copy on the first batch: running statistics with a momentum of 0.1 have
    forgotten their start by then, with 0.01 by two thirds."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        if len(run.of("loss")) > 1:
            raise CannotJudge("several losses: none is the training loss")
        [optimizer] = run.of("loss")
        places = generalizations(run, optimizer)
        if all(each.baseline != each.baseline for each in places):
            raise CannotJudge("the loss of a constant prediction is not known")
        far = [each for each in places if self._is_far_off(each)]
        if far:
            yield self._finding(run, max(far, key=lambda each: each.harm))

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        fit, reference = require_fit(record), reference_loss(record)
        steps = len(record.sequence("fit_loss", "own"))
        if reference is None or fit > self.learnt:
            raise CannotJudge("the copy did not learn the first batch")
        if steps < self.min_fit_steps:
            raise CannotJudge(f"{steps} steps on the first batch, at least {self.min_fit_steps}")
        training, evaluation = (
            record.value("fitted_loss", mode) for mode in ("training", "evaluation")
        )
        if training <= self.learnt * reference and evaluation > self.max_ratio * reference:
            yield self.found(
                f"A copy that has learnt the first batch in {steps} steps has a loss of "
                f"{training:.3g} on it in training mode, and of {evaluation:.3g} on the same "
                f"batch in evaluation mode (limit {self.max_ratio * reference:.3g}): it is not the "
                "same network there.",
                "Look at what differs in evaluation: the running statistics of batch "
                "normalisation must follow the training (`momentum=0.1`), and nothing of your own "
                "may depend on `self.training` that the training needs.",
                site=record.loss.site if record.loss else None,
                evidence={"training_mode": training, "evaluation_mode": evaluation},
            )

    def _is_far_off(self, seen: Generalization) -> bool:
        steps = [
            int(step)
            for step in seen.losses.steps
            if seen.training_loss(int(step)) < self.begun * seen.baseline
        ]
        if len(steps) < self.min_evaluations or len(seen.losses) < self.min_evaluations:
            return False
        since = seen.losses.between(steps[0], steps[-1]).values
        # Where all evaluations are worse by far, it needs no success of the training to see that.
        is_by_far = float(seen.losses.values.min()) > self.by_far * seen.baseline
        limit = self.begun if is_by_far else self.learnt
        is_learnt = seen.training_loss() < limit * seen.baseline
        is_never_better = float(seen.losses.values.min()) > seen.baseline
        is_far = bool((since > self.max_ratio * seen.baseline).all())
        return is_far and is_learnt and is_never_better

    def _finding(self, run: RunRecord, seen: Generalization) -> Finding:
        is_normalized = any("BatchNorm" in layer.kind for layer in run.layers)
        end, training = level(seen.losses), seen.training_loss()
        finding = self.found(
            f"The evaluation loss ({seen.place}) has been above that of a constant prediction "
            f"since step {seen.losses.steps[0]}: {end:.3g} at the end (limit "
            f"{self.max_ratio * seen.baseline:.3g}), while the training loss fell to "
            f"{training:.3g}.",
            "Preprocess the evaluation data as the training data"
            + (
                "; and look at the batch normalisation: its running statistics must follow the "
                "training (`momentum=0.1`)."
                if is_normalized
                else ", with the same numbers."
            ),
            site=next((each.site for each in run.loaders if each.shuffle is False), None),
            evidence=seen.ends() | {"loss_of_constant_prediction": seen.baseline},
        )
        return replace(finding, steps=(int(seen.losses.steps[0]), max(run.steps - 1, 0)))
