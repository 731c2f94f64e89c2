"""Rare classes that count as much as frequent ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
import torch.nn.functional as F
from torch import Tensor

from defib.fixes.base import Fix
from defib.fixes.keras_spelling import spelled
from defib.fixes.keras_training import LossCall
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord

SMALLEST_COUNT = 1.0


@final
@dataclass(frozen=True)
class ClassWeights(Fix):
    """A loss in which all classes weigh alike, whatever their number.

    ## What it changes
    `cross_entropy` gets a weight for each class, inverse to how often it was seen in the batches
    so far, and `binary_cross_entropy_with_logits` one for the positive class; so do the
    cross-entropies of Keras, those of `compile` among them. Only while gradients are computed:
    evaluations stay as they are.

    ## When it helps
    Where the network answers with the most frequent class.

    ## References
    - King, Zeng, *Logistic Regression in Rare Events Data* (2001).
    """

    changes_objective: ClassVar[bool] = True
    compares_balanced: ClassVar[bool] = True

    def connect(self, training: LiveTraining) -> None:
        counts = torch.zeros(0)
        # Of Keras: while it computes a loss that is weighed already, or that the script weighs.
        is_weighed = False

        def weigh(labels: Tensor, classes: int) -> Tensor:
            nonlocal counts
            if len(counts) != classes:
                counts = torch.zeros(classes)
            valid = labels[labels >= 0].reshape(-1)
            counts = counts + torch.bincount(valid.cpu(), minlength=classes)
            training.did("classes weighed")
            return counts.sum() / (classes * counts.clamp(min=SMALLEST_COUNT))

        def wrap(original: Callable[..., Tensor]) -> Callable[..., Tensor]:
            def cross_entropy(
                input: Tensor, target: Tensor, weight: Tensor | None = None, **keywords: Any
            ) -> Tensor:
                is_plain = weight is None and not target.is_floating_point() and not is_weighed
                if is_plain and torch.is_grad_enabled() and input.ndim > 1:
                    weight = weigh(target, input.shape[1]).to(input)
                return original(input, target, weight, **keywords)

            return cross_entropy

        def wrap_binary(original: Callable[..., Tensor]) -> Callable[..., Tensor]:
            def binary(input: Tensor, target: Tensor, *rest: Any, **keywords: Any) -> Tensor:
                given = (*rest[:1], keywords.get("weight"), keywords.get("pos_weight"))
                is_plain = len(rest) < 2 and all(each is None for each in given) and not is_weighed
                if is_plain and torch.is_grad_enabled():
                    weights = weigh((target > 0.5).long(), 2).to(input)
                    keywords["pos_weight"] = weights[1] / weights[0]
                return original(input, target, *rest, **keywords)

            return binary

        def on_keras_loss(call: LossCall) -> Tensor | None:
            nonlocal is_weighed
            labels = _labels_of(call)
            if labels is None or is_weighed or not torch.is_grad_enabled():
                return None
            classes = max(call.predictions.shape[-1], 2)
            weights = weigh(labels, classes).to(call.predictions)
            is_weighed = True
            try:
                losses = call.compute(call.targets, call.predictions)
            finally:
                is_weighed = False
            return losses * weights[labels] if losses.shape == labels.shape else losses

        def look_for_weights(model: Any, arguments: dict[str, Any]) -> str:
            nonlocal is_weighed
            del model
            is_weighed = arguments["class_weight"] is not None
            return ""

        training.keras.on_fit(look_for_weights)
        training.keras.on_loss(on_keras_loss)
        training.replace_function(F, "cross_entropy", wrap)
        training.replace_function(F, "binary_cross_entropy_with_logits", wrap_binary)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        return spelled(
            record,
            "`CrossEntropyLoss(weight=examples / (classes * examples_of_each_class))`",
            "`model.fit(..., class_weight={each: examples / (classes * examples_of_it)})`",
        )


def _labels_of(call: LossCall) -> Tensor | None:
    """The class of each example; `None` where the loss is not one of classes."""
    targets, units = call.targets, call.predictions.shape[-1]
    if call.function == "binary_crossentropy" and units == 1:
        return (targets.reshape(call.predictions.shape[:-1]) > 0.5).long()
    if call.function == "sparse_categorical_crossentropy" and units > 1:
        return targets.reshape(call.predictions.shape[:-1]).long()
    return targets.argmax(-1) if call.function == "categorical_crossentropy" else None
