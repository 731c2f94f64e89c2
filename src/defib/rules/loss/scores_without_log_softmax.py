"""Scores that are no log-probabilities in a negative log-likelihood."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import LossFact, RunRecord
from defib.rules.base import CannotJudge, PreflightRule, Rule

SOURCES = ("Softmax", "Addmm", "Mm", "Linear", "Convolution", "Sigmoid", "Relu", "Tanh")
"""Beginnings of the names of nodes whose results are no log-probabilities: those of a softmax are
above 0, and the others do not compare the classes. Source: PyTorch."""


@final
@dataclass(frozen=True)
class ScoresWithoutLogSoftmax(Rule, PreflightRule):
    """Scores that are no log-probabilities in a negative log-likelihood.

    ## What it detects
    A `nll_loss` that received scores whose exponentials do not sum to 1 over the classes.

    ## Why it matters
    The loss is the negative of the right class's score and nothing else: it falls without end
    when all scores grow, and says nothing of which class is more likely.

    ## How it is measured
    `score_sum_error` (dimensionless): largest distance from 1 of the sum over the classes of the
    exponentials of the scores, at the first batch. In the record of a training: the operation
    that made what the loss function received, a softmax or a layer.

    ## Known false positives
    A score that is meant so, as in losses that normalise elsewhere.

    ## What to change
    `F.log_softmax(scores, dim=1)` before `nll_loss`, or `F.cross_entropy` in place of it.

    ## References
    - PyTorch documentation, `torch.nn.NLLLoss`: the input is expected to hold
      log-probabilities of each class.
    """

    severity = Severity.ERROR
    requires_preflight = ("score_sum_error",)
    explains = (
        "initial-loss-off",
        "learning-rate-too-high",
        "loss-divergence",
        "loss-plateau",
        "exploding-gradient",
        "too-few-epochs",
        "overfitting",
        "parameter-unchanged",
        "constant-output",
        "evaluation-far-off",
        "dead-relu",
        "non-finite-value",
    )
    fixes = ("replace-loss",)

    max_error: float = 0.05
    """Distance of a sum of probabilities from 1, dimensionless: half precision and a small
    constant inside the logarithm stay below."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        judged = [loss for loss in run.losses if loss.kind == "negative-log-likelihood"]
        if not judged:
            raise CannotJudge("the loss is no negative log-likelihood")
        for loss in judged:
            if loss.input_operation.startswith(SOURCES):
                yield self._finding_in_run(run, loss)

    def _finding_in_run(self, run: RunRecord, loss: LossFact) -> Finding:
        operation = loss.input_operation.removesuffix("Backward0")
        finding = self.found(
            f"`nll_loss` received the result of `{operation}` (limit: log-probabilities), since "
            "step 0: it rewards a large number for the right class and nothing else.",
            "Call `F.cross_entropy` of the scores instead of `nll_loss`, or `F.log_softmax` "
            "before it.",
            site=loss.input_site or loss.site,
            evidence={"input_operation": loss.input_operation},
        )
        return replace(finding, steps=(0, max(run.steps - 1, 0)))

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        if "nll_loss" not in record.of("lowest_score"):
            raise CannotJudge("the loss is no negative log-likelihood")
        errors = record.of("score_sum_error")
        is_over_samples = errors.get("samples", 1.0) < self.max_error
        if errors["classes"] <= self.max_error or is_over_samples:
            return
        loss = record.loss
        yield self.found(
            f"The scores that `nll_loss` received are no log-probabilities: their exponentials "
            f"miss the sum 1 over the classes by up to {errors['classes']:.3g} (limit "
            f"{self.max_error:g}).",
            "Call `F.cross_entropy` instead of `nll_loss`, or `F.log_softmax(scores, dim=1)` "
            "before it.",
            site=(loss.input_site or loss.site) if loss else None,
            evidence={"score_sum_error": errors["classes"]},
        )
