"""Scores that are no log-probabilities in a negative log-likelihood."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import CannotJudge, PreflightRule


@final
@dataclass(frozen=True)
class ScoresWithoutLogSoftmax(PreflightRule):
    """Scores that are no log-probabilities in a negative log-likelihood.

    ## What it detects
    A `nll_loss` that received scores whose exponentials do not sum to 1 over the classes.

    ## Why it matters
    The loss is the negative of the right class's score and nothing else: it falls without end
    when all scores grow, and says nothing of which class is more likely.

    ## How it is measured
    `score_sum_error` (dimensionless): largest distance from 1 of the sum over the classes of the
    exponentials of the scores, at the first batch.

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
    explains = ("initial-loss-off", "learning-rate-too-high", "loss-divergence")

    max_error: float = 0.05
    """Distance of a sum of probabilities from 1, dimensionless: half precision and a small
    constant inside the logarithm stay below."""

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
