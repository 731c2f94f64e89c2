"""A loss below zero where none can be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.run import LossFact, RunRecord
from defib.records.series import Series
from defib.rules.base import CannotJudge, Rule

NEVER_NEGATIVE = (
    "cross-entropy",
    "binary-cross-entropy",
    "mean-squared-error",
    "mean-absolute-error",
    "smooth-l1",
    "huber",
)
"""Losses that are at least 0 whatever the predictions, for targets that they allow."""
SCALINGS = ("Div", "Mul", "Mean", "Sum", "View", "Reshape", "Squeeze", "ToCopy")
"""Operations between a loss function and `backward` that do not change its sign."""


@final
@dataclass(frozen=True)
class NegativeLoss(Rule):
    """A loss below zero where none can be.

    ## What it detects
    A cross-entropy, or an error of numbers, that is negative at some step.

    ## Why it matters
    These losses are at least 0 as long as the targets are what they allow: classes or
    probabilities in [0, 1]. With others, such as labels 1 and 2, or -1 and 1, or pixels up to
    255, the binary cross-entropy has no lowest value: the training drives it towards minus
    infinity, and it looks as if it learnt ever better.

    ## How it is measured
    The lowest loss of all steps, where nothing is added to the loss function's result and it is
    only scaled; with the mean of the targets, where they were seen.

    ## Known false positives
    Class weights below zero, on purpose.

    ## What to change
    Encode the two classes as 0 and 1, and scale targets that are probabilities to [0, 1].

    ## References
    - Zhang, Zhai, Ma, Shen, *AutoTrainer* (2021): a loss below zero.
    - PyTorch documentation, `torch.nn.BCEWithLogitsLoss`: targets between 0 and 1.
    """

    severity = Severity.ERROR
    requires = ("loss",)
    explains = (
        "loss-divergence",
        "loss-plateau",
        "exploding-gradient",
        "learning-rate-too-high",
        "too-few-epochs",
        "constant-output",
        "non-finite-value",
        "overfitting",
    )
    fixes = ("encode-labels",)

    lowest: float = -1e-4
    """Loss below which it is negative, unit of the loss: 1e-4 is more than rounding leaves."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        judged = [loss for loss in run.losses if _cannot_be_negative(loss)]
        if not judged:
            raise CannotJudge("no loss that is at least 0 by its form")
        for loss in judged:
            losses = run.of("loss").get(loss.optimizer, Series.of(())).finite()
            below = losses.values < self.lowest
            if below.any():
                yield self._finding(run, loss, losses, int(losses.steps[below][0]))

    def _finding(self, run: RunRecord, loss: LossFact, losses: Series, first: int) -> Finding:
        mean = run.of("target_mean").get(loss.optimizer, Series.of(())).median()
        evidence = {"lowest_loss": float(losses.values.min())}
        targets = ""
        if mean == mean:
            evidence["target_mean"] = mean
            targets = f" The targets have a mean of {mean:.3g}."
        finding = self.found(
            f"The {loss.kind.replace('-', ' ')} is {losses.values.min():.3g} at its lowest, and "
            f"negative since step {first}: it cannot be (limit 0) for targets that it allows."
            f"{targets}",
            "Encode two classes as 0 and 1, and scale targets that are probabilities to [0, 1].",
            site=loss.site or loss.backward_site,
            evidence=evidence,
        )
        return replace(finding, steps=(first, int(losses.steps[-1])))


def _cannot_be_negative(loss: LossFact) -> bool:
    # The last operation is the loss function's own.
    outside = loss.operations[:-1]
    return loss.kind in NEVER_NEGATIVE and all(name.startswith(SCALINGS) for name in outside)
