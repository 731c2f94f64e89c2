"""Evaluation mode while nothing is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)

from defib.discovery.keras_layers import is_keras_layer, is_placeholder
from defib.discovery.patches import definer
from defib.fixes.base import Fix
from defib.fixes.keras_spelling import spelled
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord


@final
@dataclass(frozen=True)
class EvaluationMode(Fix):
    """`model.eval()` wherever no gradients are computed.

    ## What it changes
    A network in training mode that is called under `no_grad` or `inference_mode` runs in
    evaluation mode for that call; a layer or model of Keras that is called with
    `training=True` then gets `training=False`.

    ## When it helps
    Where dropout and batch statistics disturb an evaluation, and the evaluation the statistics.
    """

    compares_evaluation: ClassVar[bool] = True

    def connect(self, training: LiveTraining) -> None:
        waiting: list[nn.Module] = []

        def enter(module: nn.Module, arguments: tuple[Any, ...]) -> None:
            del arguments
            if is_keras_layer(module):
                return  # Keras evaluates so by itself, and does not look at the mode.
            if module.training and not torch.is_grad_enabled() and not waiting:
                waiting.append(module)
                module.eval()
                training.did("evaluated in evaluation mode")

        def leave(module: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
            del arguments, output
            if waiting and waiting[0] is module:
                waiting.pop().train()

        def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
            def __call__(layer: Any, *arguments: Any, **keywords: Any) -> Any:  # noqa: N807
                is_meant = not is_placeholder(arguments) and not torch.is_grad_enabled()
                if is_meant and keywords.get("training"):
                    keywords["training"] = False
                    training.did("called with `training=False`")
                return original(layer, *arguments, **keywords)

            return __call__

        def connect_keras(keras: Any) -> None:
            training.replace_function(definer(keras.Layer, "__call__"), "__call__", wrap)
            training.keras.missing = "`evaluate` and `fit` of Keras evaluate in evaluation mode"

        training.keras.on_import(connect_keras)
        undo = training.patches.add_undo
        undo(register_module_forward_pre_hook(enter).remove)
        undo(register_module_forward_hook(leave, always_call=True).remove)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        return spelled(
            record,
            "`model.eval()` before the evaluation, `model.train()` after it",
            "`model(inputs, training=False)` where you evaluate",
        )
