"""Every trainable parameter in the optimiser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor, nn
from torch.optim import Optimizer

from defib.fixes.base import Fix
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord


@final
@dataclass(frozen=True)
class AddParametersToOptimizer(Fix):
    """The optimiser gets every parameter that has a gradient and belongs to no optimiser.

    ## What it changes
    Before an optimiser's first step, parameters of the network, of its parts in plain lists, and
    of others that the loss reaches are added to its first group.

    ## When it helps
    Where layers were forgotten, made after the optimiser, or kept where `parameters()` does not
    look.
    """

    def connect(self, training: LiveTraining) -> None:
        models: list[nn.Module] = []
        known: set[int] = set()

        def remember(model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
            del inputs
            models.append(model)
            return ""

        def add(optimizer: Optimizer) -> None:
            if id(optimizer) in known:
                return
            known.add(id(optimizer))
            held = {id(each) for group in optimizer.param_groups for each in group["params"]}
            missing = [
                parameter
                for model in models
                for parameter in model.parameters()
                if parameter.grad is not None and id(parameter) not in held
            ]
            new = list({id(each): each for each in missing}.values())
            if new:
                optimizer.param_groups[0]["params"].extend(new)
                training.did(f"{len(new)} parameters added to {type(optimizer).__name__}")

        training.keras.missing = "`fit` of Keras trains all that is trainable in the model"
        training.on_model(remember)
        training.before_step(add)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return "hand the optimiser `model.parameters()`, after every layer has been made"
