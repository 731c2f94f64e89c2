"""A training whose dropout and batch normalisation are switched off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import PreflightRule


@final
@dataclass(frozen=True)
class TrainingInEvaluationMode(PreflightRule):
    """A training whose dropout and batch normalisation are switched off.

    ## What it detects
    A network in evaluation mode, with all its dropout and batch normalisation layers, at the
    first backward pass.

    ## Why it matters
    Dropout does nothing, and batch normalisation keeps the statistics it has: in a new network
    0 and 1, as if the layer were not there. Usually `eval()` was called for a first validation
    and `train()` was forgotten.

    ## How it is measured
    `idle_modes` (layers, must be 0): dropout and batch normalisation layers in evaluation mode,
    where the whole network is.

    ## Known false positives
    Fine-tuning in evaluation mode on purpose. Networks of which only a part is in evaluation
    mode (a frozen backbone) are not reported.

    ## What to change
    Call `network.train()` before each epoch.

    ## References
    - PyTorch documentation, `torch.nn.Module.train`.
    """

    severity = Severity.WARNING
    requires_preflight = ("idle_modes",)

    max_layers: float = 0.0
    """Layers: by definition."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        layers = record.value("idle_modes")
        if layers > self.max_layers:
            yield self.found(
                f"`{record.network}` is trained in evaluation mode: {layers:.0f} layers of dropout "
                f"or batch normalisation are switched off (limit {self.max_layers:.0f}).",
                "Call `.train()` on the network before each epoch.",
                evidence={"layers": layers},
            )
