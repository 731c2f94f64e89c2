"""Targets of a regression far from unit scale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import RunRecord
from defib.records.series import Series
from defib.rules.base import NO_STEPS, CannotJudge, PreflightRule, Rule
from defib.rules.data.training_loader import data_site
from defib.rules.failure import is_failing
from defib.rules.fit import severity_at_start
from defib.rules.trend import target_deviation

ERRORS_OF_NUMBERS = ("mean-squared-error", "mean-absolute-error", "smooth-l1", "huber")
_EMPTY = Series.of(())


@final
@dataclass(frozen=True)
class UnscaledTarget(Rule, PreflightRule):
    """Targets of a regression far from unit scale.

    ## What it detects
    Targets whose mean is far from 0 or whose standard deviation is far from 1, in a training
    by an error of numbers that fails.

    ## Why it matters
    A network begins with outputs near 0 and of about unit size. Its last layer has to grow to
    targets in the hundreds, by steps that Adam keeps at the learning rate; and with SGD the
    gradient of a squared error grows with the targets, so that the training diverges. Tiny
    targets have tiny gradients.

    ## How it is measured
    `target_mean` and `target_std` over all recorded batches, in the unit of the targets.

    ## Known false positives
    A training that fails for another reason. One that copes is left alone.

    ## What to change
    Subtract the mean of the training targets and divide by their standard deviation; undo it on
    the predictions. Or set the bias of the last layer to that mean.

    ## References
    - LeCun, Bottou, Orr, Müller, *Efficient BackProp* (1998), section 4.5: choosing targets.
    - Ben Braiek, Khomh, *TheDeepChecker* (2023): unscaled labels.
    """

    severity = Severity.ERROR
    requires = ("target_mean", "target_std")
    requires_preflight = ("target_mean", "target_std", "fit_loss")
    explains = (
        "learning-rate-too-low",
        "learning-rate-too-high",
        "exploding-gradient",
        "loss-divergence",
        "loss-plateau",
        "non-finite-value",
        "dead-relu",
        "constant-output",
        "too-few-epochs",
        "initial-loss-off",
        "vanishing-gradient",
        "saturated-activation",
        "parameter-unchanged",
        "underfitting",
        "cannot-fit-one-batch",
        "input-not-used",
        "unsuitable-initialization",
    )
    fixes = ("standardize-targets",)

    max_scale: float = 10.0
    """|mean| or standard deviation, unit of the targets; 1 if standardised. The curvature along
    the last layer's bias is that of unit targets, and the way is 10 times as long."""
    min_scale: float = 0.01
    """Standard deviation, unit of the targets: gradients are 1e-2 of those of unit targets."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        judged = [loss.optimizer for loss in run.losses if loss.kind in ERRORS_OF_NUMBERS]
        if not judged:
            raise CannotJudge("no loss of numbers was read")
        for optimizer in judged:
            means = run.of("target_mean").get(optimizer, _EMPTY).finite()
            deviation = target_deviation(run, optimizer)
            if not means or deviation is None or not is_failing(run, optimizer):
                continue
            mean = float(np.mean(means.values))
            if max(abs(mean), deviation) > self.max_scale or 0 < deviation < self.min_scale:
                yield self._finding(run, optimizer, mean, deviation)

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        if record.loss is None or record.loss.kind not in ERRORS_OF_NUMBERS:
            raise CannotJudge("no loss of numbers was read")
        optimizer = record.loss.optimizer
        mean = record.value("target_mean", optimizer)
        deviation = record.value("target_std", optimizer)
        if max(abs(mean), deviation) > self.max_scale or 0 < deviation < self.min_scale:
            finding = self._finding(record.first_step, optimizer, mean, deviation)
            yield replace(finding, severity=severity_at_start(record), steps=NO_STEPS)

    def _finding(self, run: RunRecord, optimizer: str, mean: float, deviation: float) -> Finding:
        limit = (
            f"limit {self.max_scale:g} for both"
            if max(abs(mean), deviation) > self.max_scale
            else f"limit at least {self.min_scale:g} for the deviation"
        )
        finding = self.found(
            f"The targets have a mean of {mean:.3g} and a standard deviation of {deviation:.3g} "
            f"({limit}) since step 0; the outputs of a network begin near 0 with unit size.",
            f"Train on (target - {mean:.3g}) / {deviation:.3g} and undo it on the predictions.",
            site=data_site(run, optimizer),
            evidence={"target_mean": mean, "target_std": deviation},
        )
        return replace(finding, steps=(0, max(run.steps - 1, 0)))
