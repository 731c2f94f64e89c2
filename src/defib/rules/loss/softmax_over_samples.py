"""A softmax that runs over the samples of the batch instead of the classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import PreflightRule


@final
@dataclass(frozen=True)
class SoftmaxOverSamples(PreflightRule):
    """A softmax that runs over the samples of the batch instead of the classes.

    ## What it detects
    Scores handed to a loss of classes whose probabilities sum to 1 over the samples of the batch,
    and not over the classes.

    ## Why it matters
    The samples compete with one another for each class: the output for one depends on the rest
    of the batch, and a prediction for a single sample is always sure.

    ## How it is measured
    `score_sum_error` (dimensionless): largest distance from 1 of the sums along each axis, at the
    first batch; of exponentials where the loss is a negative log-likelihood.

    ## Known false positives
    None known: both sums would have to come out by chance.

    ## What to change
    `dim=1` (or `dim=-1`) in `softmax` or `log_softmax`.

    ## References
    - PyTorch documentation, `torch.nn.functional.log_softmax`: the argument `dim`.
    """

    severity = Severity.ERROR
    requires_preflight = ("score_sum_error",)
    explains = ("samples-mixed-in-batch", "cannot-fit-one-batch", "loss-plateau")

    max_error: float = 1e-3
    """Distance of a sum from 1, dimensionless: rounding of float32 and of half precision."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        errors = record.of("score_sum_error")
        lowest = min(record.of("lowest_score").values(), default=-1.0)
        over_samples = errors.get("samples", float("inf"))
        if not (lowest >= 0 and over_samples <= self.max_error < errors["classes"]):
            return
        loss = record.loss
        yield self.found(
            f"The probabilities that the loss received sum to 1 over the samples of the batch "
            f"(error {over_samples:.1g}, limit {self.max_error:g}) and not over the classes (error "
            f"{errors['classes']:.2g}).",
            "Give `softmax` or `log_softmax` the axis of the classes: `dim=1`.",
            site=(loss.input_site or loss.site) if loss else None,
            evidence={
                "error_over_samples": over_samples,
                "error_over_classes": errors["classes"],
            },
        )
