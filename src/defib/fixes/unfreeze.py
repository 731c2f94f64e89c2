"""Every parameter is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor, nn

from defib.fixes.base import Fix
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord


@final
@dataclass(frozen=True)
class Unfreeze(Fix):
    """`requires_grad_(True)` for the whole network.

    ## What it changes
    Before the first training step every parameter requires a gradient, and those that no
    optimiser holds join the one of the network.

    ## When it helps
    Where the layers that have to learn the task were frozen by mistake.
    """

    def connect(self, training: LiveTraining) -> None:
        def change(model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
            del inputs
            frozen = [each for each in model.parameters() if not each.requires_grad]
            for each in frozen:
                each.requires_grad_(True)
            training.join(model, frozen)
            return f"{len(frozen)} parameters unfrozen" if frozen else ""

        training.on_model(change)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return "`model.requires_grad_(True)` before the optimiser is made"
