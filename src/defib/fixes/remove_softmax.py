"""Scores instead of probabilities for a loss that applies a softmax itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from defib.fixes.base import Fix
from defib.fixes.keras_spelling import spelled, trains_keras, with_activation
from defib.fixes.keras_training import LossCall
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord

_MODULES = (nn.Softmax, nn.LogSoftmax, nn.Softmax2d)
_KERAS_LOSSES = ("categorical_crossentropy", "sparse_categorical_crossentropy")
_FUNCTIONS = ((F, "softmax"), (torch, "softmax"), (Tensor, "softmax"))


@final
@dataclass(frozen=True)
class RemoveSoftmax(Fix):
    """No softmax before a cross-entropy.

    ## What it changes
    A softmax whose result is handed to `cross_entropy`, or to a cross-entropy of Keras that is
    made with `from_logits=True`, is undone: the loss gets what went into it. Attention and other
    softmaxes stay.

    ## When it helps
    Where probabilities go into a loss that expects scores: its gradients are then small, and
    nearly vanish where the network is confidently wrong.
    """

    changes_objective: ClassVar[bool] = True

    def connect(self, training: LiveTraining) -> None:
        # The result of each softmax with what went in, for the time of one forward pass.
        scores: list[tuple[Tensor, Tensor]] = []

        def remember(module: nn.Module, arguments: tuple[Any, ...], result: Tensor) -> None:
            del module
            scores.append((result, arguments[0]))

        def forget(module: nn.Module, arguments: tuple[Any, ...]) -> None:
            del module, arguments
            scores.clear()

        def change(model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
            del inputs
            for module in model.modules():
                if isinstance(module, _MODULES):
                    module.register_forward_hook(remember)
            model.register_forward_pre_hook(forget)
            return ""

        def wrap_softmax(original: Callable[..., Tensor]) -> Callable[..., Tensor]:
            def softmax(values: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
                result = original(values, *arguments, **keywords)
                scores.append((result, values))
                return result

            return softmax

        def wrap_loss(original: Callable[..., Tensor]) -> Callable[..., Tensor]:
            def cross_entropy(input: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
                for result, values in scores:
                    if result is input:
                        training.did("softmax before the cross-entropy undone")
                        return original(values, *arguments, **keywords)
                return original(input, *arguments, **keywords)

            return cross_entropy

        def on_keras_loss(call: LossCall) -> Tensor | None:
            if call.function not in _KERAS_LOSSES or not call.arguments.get("from_logits"):
                return None
            for result, values in scores:
                if result is call.predictions or result.data_ptr() == call.predictions.data_ptr():
                    training.did("softmax before the cross-entropy undone")
                    return call.compute(call.targets, values)
            return None

        training.on_model(change)
        training.keras.on_loss(on_keras_loss)
        for owner, name in _FUNCTIONS:
            training.replace_function(owner, name, wrap_softmax)
        training.replace_function(F, "cross_entropy", wrap_loss)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        return spelled(
            record,
            "remove the softmax; `cross_entropy` takes scores",
            "remove the softmax: with `from_logits=True` the loss takes scores",
        )

    def edited(self, code: str, record: RunRecord, finding: Finding) -> str | None:
        del finding
        return with_activation(code, ("softmax",), "") if trains_keras(record) else None
