"""A squared error between outputs and classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.run import LossFact, RunRecord
from defib.records.series import Series
from defib.rules.base import CannotJudge, Rule
from defib.rules.harm import severity_by_harm


@final
@dataclass(frozen=True)
class SquaredErrorOfClasses(Rule):
    """A squared error between outputs and classes.

    ## What it detects
    A squared error of one-hot targets, or of as many zeros as ones: a warning where the training
    learns little, information where it learns.

    ## Why it matters
    Behind a softmax or sigmoid its gradient is near 0 where the network is confidently wrong, so
    that it stays wrong; the gradient of a cross-entropy is largest there.

    ## How it is measured
    `target_mean` and `target_std` of every recorded batch (dimensionless): with C classes the
    mean is 1 / C exactly, as each example has a single 1, and the variance mean (1 - mean).

    ## Known false positives
    A squared error of probabilities on purpose (Brier score, energy-based or bounded losses),
    where it learns little for another reason.

    ## What to change
    `F.cross_entropy` of scores, without a softmax, and class numbers as targets; for one output
    `F.binary_cross_entropy_with_logits`, without a sigmoid.

    ## References
    - Bishop, *Neural Networks for Pattern Recognition* (1995), section 6.9: cross-entropy.
    - Zhang, Zhai, Ma, Shen, *AutoTrainer* (2021): loss that does not fit the task.
    """

    severity = Severity.WARNING
    requires = ("target_mean", "target_std")
    explains = (
        "loss-plateau",
        "vanishing-gradient",
        "learning-rate-too-low",
        "too-few-epochs",
        "underfitting",
    )
    fixes = ("replace-loss",)

    tolerance: float = 1e-5
    """Distance of mean and deviation from those of one-hot targets, relative: rounding of single
    precision in sums over a batch."""
    patience: int = 3
    """Recorded batches."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        judged = [loss for loss in run.losses if loss.kind == "mean-squared-error"]
        if not judged:
            raise CannotJudge("the loss is no mean squared error")
        for loss in judged:
            means = run.of("target_mean").get(loss.optimizer, Series.of(()))
            deviations = run.of("target_std").get(loss.optimizer, Series.of(()))
            classes = self._classes(means.values, deviations.values)
            if classes is not None:
                yield self._finding(run, loss, classes)

    def _classes(self, means: np.ndarray, deviations: np.ndarray) -> int | None:
        """How many, if all targets were one-hot."""
        if len(means) < self.patience or len(means) != len(deviations) or not (means > 0).all():
            return None
        classes = round(float(1 / means[0]))
        if classes < 2:
            return None
        share = 1 / classes
        is_share = np.isclose(means, share, rtol=self.tolerance)
        is_hot = np.isclose(deviations, np.sqrt(share * (1 - share)), rtol=self.tolerance)
        return classes if bool((is_share & is_hot).all()) else None

    def _finding(self, run: RunRecord, loss: LossFact, classes: int) -> Finding:
        finding = self.found(
            f"The squared error compares the outputs with {_targets(classes)} (limit none), since "
            "step 0: its gradient is small where the network is confidently wrong.",
            _remedy(classes),
            site=loss.site or loss.backward_site,
            severity=severity_by_harm(run, loss.optimizer, worst=self.severity),
            evidence={"classes": classes},
        )
        return replace(finding, steps=(0, max(run.steps - 1, 0)))


def _targets(classes: int) -> str:
    # Half of them ones: two columns that are one-hot, or one column of two even classes.
    return "zeros and ones" if classes == 2 else f"one-hot targets of {classes} classes"


def _remedy(classes: int) -> str:
    several = "Use `F.cross_entropy(scores, classes)`, without a softmax before it"
    if classes > 2:
        return f"{several}."
    return (
        f"{several}; for a single output `F.binary_cross_entropy_with_logits(scores, targets)`, "
        "without a sigmoid."
    )
