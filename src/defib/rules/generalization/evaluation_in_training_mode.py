"""A network that is evaluated without `eval()`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.run import RunRecord
from defib.rules.base import CannotJudge, Rule


@final
@dataclass(frozen=True)
class EvaluationInTrainingMode(Rule):
    """A network that is evaluated without `eval()`.

    ## What it detects
    Losses computed without gradients, at three steps, while every module that acts otherwise in
    evaluation (dropout, batch normalisation) was in training mode.

    ## Why it matters
    Dropout then drops units of the network that is judged, and its result is worse than that of
    the network that will be used, and different each time. Batch normalisation normalises by the
    evaluation batch, so that an example's result depends on its neighbours, and mixes the
    evaluation data into the running statistics.

    ## How it is measured
    `training` of all dropout (with a probability above 0) and batch normalisation modules that
    exist, at the first three evaluations after step 0. Limit: at least one in evaluation mode.

    ## Known false positives
    Dropout that is left on in order to measure uncertainty (Monte Carlo dropout). A loss of a
    training batch that is computed again without gradients.

    ## What to change
    `model.eval()` before the evaluation and `model.train()` after it.

    ## References
    - PyTorch documentation, *Autograd mechanics*: evaluation mode.
    - Jiang et al., *TrainCheck* (2025): mode of the modules during evaluation.
    """

    severity = Severity.WARNING
    requires = ("evaluation_loss",)
    explains = ("overfitting", "evaluation-far-off")
    fixes = ("evaluation-mode",)

    min_modules: int = 1
    """Modules left in training mode."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        if run.steps == 0:
            raise CannotJudge("no step was taken")
        for event in run.events:
            modules = float(event.detail.get("modules", 0.0))
            if event.kind == "evaluation-in-training-mode" and modules >= self.min_modules:
                finding = self.found(
                    f"The loss was evaluated while all modules that act otherwise in evaluation "
                    f"({modules:.0f} of kind {event.detail.get('kinds', '?')}) were in training "
                    f"mode (limit 0), at step {event.step} and before.",
                    "Call `model.eval()` before the evaluation and `model.train()` after it.",
                    site=event.site,
                    evidence=event.detail,
                )
                yield replace(finding, steps=(0, max(run.steps - 1, 0)))
