"""Data of an evaluation that come out differently each time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import PreflightRule


@final
@dataclass(frozen=True)
class RandomEvaluationData(PreflightRule):
    """Data of an evaluation that come out differently each time.

    ## What it detects
    A loader that keeps its order and gives other inputs when its first batch is read a second
    time.

    ## Why it matters
    Random augmentation is meant for the training. On validation data it makes each number noisy
    and too low, and epochs cannot be compared. Usually one data set with random transforms was
    split in two.

    ## How it is measured
    `changing_examples` (share in [0, 1], must be 0): examples of the first batch that differ
    between two readings.

    ## Known false positives
    Averaging over augmented copies on purpose (test-time augmentation).

    ## What to change
    A second data set for validation, with the same files and without the random transforms.

    ## References
    - PyTorch tutorials, *Transfer Learning for Computer Vision*: transforms of their own for
      training and validation.
    """

    severity = Severity.WARNING
    requires_preflight = ("changing_examples",)

    max_share: float = 0.0
    """Share of the examples, in [0, 1]: by definition."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        site = next((each.site for each in record.facts.loaders if each.shuffle is False), None)

        for share in record.of("changing_examples").values():
            if share > self.max_share:
                yield self.found(
                    f"{share:.0%} of the examples of a loader that keeps its order differ when "
                    "they are "
                    f"read again (limit {self.max_share:.0%}).",
                    "Give validation data a data set of their own, without random transforms.",
                    site=site,
                    evidence={"changing_examples": share},
                )
