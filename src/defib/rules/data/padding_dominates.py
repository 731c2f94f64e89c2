"""Sequences that consist mostly of padding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import PreflightRule


@final
@dataclass(frozen=True)
class PaddingDominates(PreflightRule):
    """Sequences that consist mostly of padding.

    ## What it detects
    Token sequences of which one and the same token at the end makes up more than half.

    ## Why it matters
    Most of the computation goes into padding, the last state of a recurrent network has seen
    little else, and means over positions are those of the padding where no mask is used.

    ## How it is measured
    `trailing_share` (in [0, 1]): mean share of each sequence, from its end backwards, that is the
    most frequent last token, over up to 100 batches of the loader.

    ## Known false positives
    Padding that is masked or packed: only time is lost. It is information only.

    ## What to change
    Sort or bucket sequences by length, pad to the longest of the batch, and mask the padding.

    ## References
    - Amazon SageMaker Debugger, rule NLPSequenceRatio: special tokens above 50 %.
    """

    severity = Severity.INFO
    requires_preflight = ("trailing_share",)

    max_share: float = 0.5
    """Share of the positions, in [0, 1]. Source: SageMaker Debugger."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        share = record.value("trailing_share")
        if share > self.max_share:
            yield self.found(
                f"{share:.0%} of the positions repeat one token up to the end of their sequence "
                "(limit "
                f"{self.max_share:.0%}): padding.",
                "Pad to the longest sequence of the batch, bucket by length, and mask the padding.",
                evidence={"trailing_share": share},
            )
