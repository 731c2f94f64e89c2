"""Dropout that stays on in evaluation mode."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.architecture import Architecture
from defib.records.finding import Finding, Severity
from defib.rules.base import ArchitectureRule


@final
@dataclass(frozen=True)
class DropoutInEvaluation(ArchitectureRule):
    """Dropout that stays on in evaluation mode.

    ## What it detects
    A dropout that drops units although the network is in evaluation mode, mostly
    `F.dropout(x, p)` without `self.training`.

    ## Why it matters
    Predictions are random: the same input gives another answer each time, and the accuracy on
    validation data is lower than what the network has learnt.

    ## How it is measured
    The number of dropouts that were on in one run in evaluation mode. Limit 0.

    ## Known false positives
    Monte Carlo dropout, which keeps it on to estimate the uncertainty.

    ## What to change
    `F.dropout(x, p, self.training)`, or `nn.Dropout(p)`.

    ## References
    - PyTorch documentation, `torch.nn.functional.dropout`: `training` is true by default.
    """

    severity = Severity.WARNING

    def check_architecture(self, architecture: Architecture) -> Iterator[Finding]:
        always_on = [each for each in architecture.dropouts if each.is_always_on]
        if not always_on:
            return
        first = always_on[0]
        where = f"`{first.layer}`" if first.layer else f"`{architecture.name}` itself"
        yield self.found(
            f"Dropouts that stay on in evaluation mode: {len(always_on)} (limit 0), the first in "
            f"{where} with a probability of {first.probability:g}.",
            "Pass `self.training` to it, or use `nn.Dropout`.",
            layer=first.layer,
            site=first.site,
            evidence={"dropouts": len(always_on)},
        )
