"""Token ids that the embedding does not have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import PreflightRule


@final
@dataclass(frozen=True)
class TokenOutOfRange(PreflightRule):
    """Token ids that the embedding does not have.

    ## What it detects
    Inputs of further batches of the loader with an id below 0, or not below the number of rows of
    the embedding that reads them.

    ## Why it matters
    The training stops with an index error at the first such batch, on a GPU with an assertion
    that says nothing; it may come after hours.

    ## How it is measured
    `lowest_token` and `highest_token` over up to 100 batches of the loader, `embedding_rows` of
    the smallest embedding that reads the input.

    ## Known false positives
    Data sets that map unknown ids later, in the network itself.

    ## What to change
    Make `num_embeddings` the size of the vocabulary, or map rare tokens to an unknown one.

    ## References
    - PyTorch documentation, `torch.nn.Embedding`.
    - torch-audit, rule TA305.
    """

    severity = Severity.ERROR
    requires_preflight = ("embedding_rows",)

    lowest: float = 0.0
    """Id: by definition."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        rows = record.value("embedding_rows")
        low, high = record.value("lowest_token"), record.value("highest_token")
        if low < self.lowest or high >= rows:
            yield self.found(
                f"The loader gives ids from {low:.0f} to {high:.0f}; the embedding has {rows:.0f} "
                "rows "
                f"(limits {self.lowest:.0f} and {rows - 1:.0f}).",
                f"Make `num_embeddings` at least {high + 1:.0f}, or map such ids to one that is "
                "known.",
                evidence={"lowest": low, "highest": high, "rows": rows},
            )
