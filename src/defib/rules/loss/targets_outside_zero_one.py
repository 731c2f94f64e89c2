"""Targets of a binary cross-entropy that are no probabilities."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import CannotJudge, PreflightRule

BINARY = ("binary_cross_entropy", "binary_cross_entropy_with_logits")


@final
@dataclass(frozen=True)
class TargetsOutsideZeroOne(PreflightRule):
    """Targets of a binary cross-entropy that are no probabilities.

    ## What it detects
    A binary cross-entropy, with or without logits, that received a target below 0 or above 1:
    labels of -1 and 1, of 1 and 2, or class numbers.

    ## Why it matters
    The loss has no lower bound then: it falls for ever while the logits grow, and looks like
    success. torch does not object.

    ## How it is measured
    `target_lowest` and `target_highest` at the first batch.

    ## Known false positives
    None known.

    ## What to change
    Map the labels to 0 and 1 (`(labels + 1) / 2`, `labels - 1`), or use `CrossEntropyLoss` for
    class numbers and `SoftMarginLoss` for -1 and 1.

    ## References
    - PyTorch documentation, `torch.nn.BCEWithLogitsLoss`: targets between 0 and 1.
    """

    severity = Severity.ERROR
    requires_preflight = ("target_lowest",)
    explains = (
        "initial-loss-off",
        "cannot-fit-one-batch",
        "learning-rate-too-high",
        "loss-divergence",
    )

    lowest: float = 0.0
    """Smallest target, a probability."""
    highest: float = 1.0
    """Largest target, a probability."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        [(name, low)] = record.of("target_lowest").items()
        if name not in BINARY:
            raise CannotJudge("the loss is no binary cross-entropy")
        high = record.value("target_highest", name)
        if low < self.lowest or high > self.highest:
            yield self.found(
                f"The targets of `{name}` lie between {low:g} and {high:g} (limits "
                f"{self.lowest:g} and {self.highest:g}): the loss has no lower bound.",
                "Map the labels to 0 and 1, or use `CrossEntropyLoss` for class numbers.",
                site=record.loss.site if record.loss else None,
                evidence={"lowest_target": low, "highest_target": high},
            )
