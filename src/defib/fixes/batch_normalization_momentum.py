"""Running statistics that follow the batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from defib.discovery.keras_layers import keras_layers_of, modules_of
from defib.fixes.base import Fix
from defib.fixes.keras_spelling import spelled
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord

DEFAULT = 0.1
"""Of torch: statistics over about the last ten batches."""
KERAS_DEFAULT = 0.99
"""Of Keras: over about the last hundred."""


@final
@dataclass(frozen=True)
class BatchNormalizationMomentum(Fix):
    """Batch normalisation whose running statistics are as new as usual.

    ## What it changes
    Batch normalisation layers that follow their batches more slowly than by default do so as
    by default: with momentum 0.1 in torch, 0.99 in Keras.

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
            layers = [each for each in modules_of(model) if isinstance(each, _BatchNorm)]
            slow = [
                each for each in layers if each.momentum is not None and each.momentum < DEFAULT
            ]
            for each in slow:
                each.momentum = DEFAULT
            # Keras counts the other way round: how much of the old statistics is kept.
            kept = keras_layers_of(model, "BatchNormalization")
            kept = [each for each in kept if each.momentum > KERAS_DEFAULT]
            for each in kept:
                each.momentum = KERAS_DEFAULT
            count = len(slow) + len(kept)
            return f"{count} batch normalisations follow their batches as usual" if count else ""

        training.on_model(change)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        return spelled(
            record,
            f"`nn.BatchNorm2d(channels, momentum={DEFAULT:g})`",
            f"`layers.BatchNormalization(momentum={KERAS_DEFAULT:g})`",
        )
