"""Training mode while the network is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from defib.discovery.keras_layers import is_keras_layer, is_placeholder, takes_training
from defib.discovery.patches import definer
from defib.fixes.base import Fix
from defib.fixes.keras_spelling import spelled
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord


@final
@dataclass(frozen=True)
class TrainMode(Fix):
    """`model.train()` wherever gradients are computed.

    ## What it changes
    A network in evaluation mode that is called while gradients are on is put into training mode
    first; a layer or model of Keras is called with `training=True`.

    ## When it helps
    Where `model.eval()` of an evaluation is never taken back: dropout is then off, and batch
    normalisation no longer follows its batches.
    """

    def connect(self, training: LiveTraining) -> None:
        def enter(module: nn.Module, arguments: tuple[Any, ...]) -> None:
            del arguments
            if module.training or not torch.is_grad_enabled():
                return
            if is_keras_layer(module):
                return  # They do not look at their mode.
            if any(each.requires_grad for each in module.parameters()):
                module.train()
                training.did("put into training mode")

        def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
            depth = 0

            def __call__(layer: Any, *arguments: Any, **keywords: Any) -> Any:  # noqa: N807
                nonlocal depth
                is_meant = depth == 0 and not is_placeholder(arguments)
                is_meant = is_meant and torch.is_grad_enabled() and takes_training(layer)
                if is_meant and not keywords.get("training") and layer.trainable_variables:
                    keywords["training"] = True
                    training.did("called with `training=True`")
                depth += 1
                try:
                    return original(layer, *arguments, **keywords)
                finally:
                    depth -= 1

            return __call__

        def connect_keras(keras: Any) -> None:
            training.replace_function(definer(keras.Layer, "__call__"), "__call__", wrap)
            training.keras.missing = "`fit` of Keras tells its layers itself that they train"

        training.patches.add_undo(register_module_forward_pre_hook(enter).remove)
        training.keras.on_import(connect_keras)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        return spelled(
            record,
            "`model.train()` at the start of each epoch",
            "`model(inputs, training=True)` where you train",
        )
