"""A last batch of one example in a network with batch normalisation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import PreflightRule


@final
@dataclass(frozen=True)
class SingleExampleBatch(PreflightRule):
    """A last batch of one example in a network with batch normalisation.

    ## What it detects
    A loader whose last batch of an epoch holds a single example, for a network that is trained
    with batch normalisation.

    ## Why it matters
    The variance of one example is not defined. `BatchNorm1d` stops the training with an error at
    the end of the first epoch; over images the statistics are those of one picture.

    ## How it is measured
    `last_batch_size`: examples of the sampler modulo the batch size, where the loader keeps the
    rest; batch normalisation layers among the layers that ran.

    ## Known false positives
    Batch normalisation that is frozen.

    ## What to change
    `drop_last=True` in the training's loader, or another batch size.

    ## References
    - PyTorch documentation, `torch.nn.BatchNorm1d`; torch-audit, rule TA304.
    """

    severity = Severity.WARNING
    requires_preflight = ("last_batch_size",)

    size: float = 1.0
    """Examples in the last batch, by definition."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        normalized = [
            each.name for each in record.facts.layers if each.kind.startswith("BatchNorm")
        ]
        loader = next(iter(record.facts.loaders), None)
        is_small_on_purpose = loader is not None and loader.batch_size == 1
        if not normalized or is_small_on_purpose:
            return
        if record.value("last_batch_size") == self.size:
            yield self.found(
                f"The last batch of an epoch holds {self.size:.0f} example (limit 2), and "
                f"`{normalized[0]}` normalises over the batch.",
                "Set `drop_last=True` in the training's loader, or change the batch size.",
                layer=normalized[0],
                site=loader.site if loader else None,
            )
