"""Every parameter is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor, nn

from defib.discovery.keras_layers import keras_layers_of, keras_tensors
from defib.fixes.base import Fix
from defib.fixes.keras_spelling import spelled
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord


@final
@dataclass(frozen=True)
class Unfreeze(Fix):
    """`requires_grad_(True)` for the whole network.

    ## What it changes
    Before the first training step every parameter requires a gradient, and those that no
    optimiser holds join the one of the network. Layers of Keras become `trainable`; the
    statistics of their batch normalisation stay statistics.

    ## When it helps
    Where the layers that have to learn the task were frozen by mistake.
    """

    def connect(self, training: LiveTraining) -> None:
        def change(model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
            del inputs
            known = {id(each) for each in keras_tensors(model)}
            own = [each for each in model.parameters() if id(each) not in known]
            wanted = [*own, *keras_tensors(model, trained_only=True)]
            frozen = [each for each in wanted if not each.requires_grad]
            _unfreeze(model)
            for each in frozen:
                each.requires_grad_(True)
            training.join(model, frozen)
            return f"{len(frozen)} parameters unfrozen" if frozen else ""

        # Before `fit`, which builds the optimiser over what is to be trained.
        training.keras.on_fit(lambda model, _: _unfreeze(model))
        training.on_model(change)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        return spelled(
            record,
            "`model.requires_grad_(True)` before the optimiser is made",
            "`model.trainable = True` before `compile`",
        )


def _unfreeze(model: nn.Module) -> str:
    frozen = [each for each in keras_layers_of(model, "Layer") if not each.trainable]
    for each in frozen:
        each.trainable = True
    return f"{len(frozen)} layers of Keras unfrozen" if frozen else ""
