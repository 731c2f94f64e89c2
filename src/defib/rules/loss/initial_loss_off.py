"""A first loss far above that of a constant prediction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite, log
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import RunRecord
from defib.rules.base import CannotJudge, PreflightRule, Rule
from defib.rules.course import Course, courses
from defib.rules.failure import is_failing
from defib.rules.fit import GOOD_FIT, fit_of
from defib.rules.trend import (
    constant_prediction_loss,
    label_totals,
    mean_constant_prediction_loss,
)

CLASS_LOSSES = (
    "cross_entropy",
    "nll_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
)
CLASS_KINDS = ("cross-entropy", "negative-log-likelihood", "binary-cross-entropy")
REMEDY = (
    "Scale the input, and initialise the last layer with small weights; check what the loss "
    "function receives."
)


@final
@dataclass(frozen=True)
class InitialLossOff(Rule, PreflightRule):
    """A first loss far above that of a constant prediction.

    ## What it detects
    A network of classes that begins far worse than by giving every class the same score.

    ## Why it matters
    Before any training a network knows nothing and should say so: ln C for C classes. One that
    is sure of wrong answers spends its first steps on unlearning them, with large gradients;
    often the last layer is too large, the input is unscaled, or the loss gets what it does not
    expect.

    ## How it is measured
    `initial_loss` over `constant_prediction_loss` (dimensionless, about 1): the loss at the
    first batch, and the user's own loss function, with its weights and reduction, at a score of
    0 for every class. Errors of numbers are not judged: their scale is the targets'. In the
    record of a training: the first loss over the logarithm of the classes seen, and a warning only
    where it fails.

    ## Known false positives
    A trained network that is put on other classes without a new last layer.

    ## What to change
    Scale the input, initialise the last layer with small weights, and check that the loss
    function receives what it expects.

    ## References
    - Ben Braiek, Khomh, *TheDeepChecker* (2023): initial loss off by 100 % of ln C.
    - Karpathy, *A Recipe for Training Neural Networks* (2019): verify loss at init.
    """

    severity = Severity.WARNING
    requires = ("loss",)
    requires_preflight = ("initial_loss", "constant_prediction_loss")
    explains = ("learning-rate-too-high",)

    harmless_ratio: float = 5.0
    """The same, up to which it is information where the first batch is learnt: the scaled cosines
    of a margin loss begin at 2.9 and train well (`benchmarks/check_faults.py`)."""
    max_ratio: float = 2.0
    """First loss over that of equal scores, dimensionless. Source: TheDeepChecker."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        found = [
            course
            for course in courses(run)
            if (loss := run.loss_of(course.optimizer)) is not None
            and loss.kind in CLASS_KINDS
            and loss.reduction
        ]
        if not found:
            raise CannotJudge("the loss is none of classes alone: its scale is not known")
        for course in found:
            first = float(course.losses.values[0])
            constant = _equal_scores_loss(run, course.optimizer)
            if constant and isfinite(first) and first > self.max_ratio * constant:
                yield self._finding(run, course, first, constant)

    def _finding(self, run: RunRecord, course: Course, first: float, constant: float) -> Finding:
        loss = run.loss_of(course.optimizer)
        return self.found(
            f"The first loss is {first:.3g}, {first / constant:.1f} times that of equal scores for "
            f"all classes, {constant:.3g} (limit {self.max_ratio:g} times).",
            REMEDY,
            severity=Severity.WARNING if is_failing(run, course.optimizer) else Severity.INFO,
            site=(loss.input_site or loss.site) if loss else None,
            evidence={"initial_loss": first, "constant_prediction_loss": constant},
        )

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        [(name, loss)] = record.of("initial_loss").items()
        if name not in CLASS_LOSSES:
            raise CannotJudge("the loss is none of classes: its scale is that of the targets")
        constant = record.value("constant_prediction_loss", name)
        if not (isfinite(loss) and constant > 0):
            raise CannotJudge("the first loss, or that of a constant prediction, is no number")
        if loss > self.max_ratio * constant:
            yield self.found(
                f"The loss at the first batch is {loss:.3g}, {loss / constant:.1f} times that of "
                f"equal scores for all classes, {constant:.3g} (limit {self.max_ratio:g} times).",
                REMEDY,
                severity=_severity_of(self, record, loss / constant),
                site=record.loss.site if record.loss else None,
                evidence={"initial_loss": loss, "constant_prediction_loss": constant},
            )


def _equal_scores_loss(run: RunRecord, optimizer: str) -> float | None:
    """The loss of a step that gives all classes seen the same score; `None` where not known."""
    entropy = mean_constant_prediction_loss(run, optimizer)
    constant = constant_prediction_loss(run, optimizer)
    classes = sum(count > 0 for count in label_totals(run).values())
    if not entropy or not constant or classes < 2:
        return None
    return constant * log(classes) / entropy


def _severity_of(rule: InitialLossOff, record: PreflightRecord, ratio: float) -> Severity:
    fit = fit_of(record)
    is_learnt = fit is not None and fit < GOOD_FIT
    return Severity.INFO if is_learnt and ratio <= rule.harmless_ratio else rule.severity
