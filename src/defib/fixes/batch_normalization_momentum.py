"""Running statistics that follow the batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from defib.fixes.base import Fix
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord

DEFAULT = 0.1
"""Of torch: statistics over about the last ten batches."""


@final
@dataclass(frozen=True)
class BatchNormalizationMomentum(Fix):
    """Batch normalisation whose running statistics are as new as usual.

    ## What it changes
    The momentum of batch normalisation layers that follow their batches more slowly than torch's
    default is raised to it.

    ## When it helps
    Where a network is good in training and bad in evaluation mode, because the statistics that
    it then uses are those of long ago.

    ## References
    - Ioffe, Szegedy, *Batch Normalization* (2015).
    """

    compares_evaluation: ClassVar[bool] = True

    def connect(self, training: LiveTraining) -> None:
        def change(model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
            del inputs
            layers = [each for each in model.modules() if isinstance(each, _BatchNorm)]
            slow = [
                each for each in layers if each.momentum is not None and each.momentum < DEFAULT
            ]
            for each in slow:
                each.momentum = DEFAULT
            return f"momentum of {len(slow)} batch normalisations raised" if slow else ""

        training.on_model(change)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return f"`nn.BatchNorm2d(channels, momentum={DEFAULT:g})`"
