"""A loss that fits the targets."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch.nn.functional as F
from torch import Tensor

from defib.fixes.base import Fix
from defib.fixes.keras_spelling import trains_keras, with_activation
from defib.fixes.keras_training import LossCall
from defib.fixes.live_training import LiveTraining
from defib.metrics.one_hot import is_one_hot
from defib.records.finding import Finding
from defib.records.run import RunRecord

SUM_ERROR = 0.05
"""Distance of a sum of probabilities from 1, as in the rule `scores-without-log-softmax`."""
SMALLEST = 1e-12
"""Probability whose logarithm is taken at least."""
_SQUARED_ERROR = "squared-error-of-classes"
_ONE_UNIT = "softmax-over-one-unit"
_KERAS_SQUARED_ERROR = re.compile(r"([\"'])(?:mse|MSE|mean_squared_error)\1")
_CATEGORICAL = "categorical_crossentropy"
_BINARY = "binary_crossentropy"
_OF_PROBABILITIES = (_BINARY, _CATEGORICAL, "sparse_categorical_crossentropy")


@final
@dataclass(frozen=True)
class ReplaceLoss(Fix):
    """A cross-entropy where another loss, or one over a single unit, does not fit the targets.

    ## What it changes
    - `mse_loss` of targets that are classes, one-hot, becomes the cross-entropy: of scores, or
      of probabilities where the outputs add up to 1; of outputs that all lie in [0, 1] the
      binary cross-entropy of each.
    - `nll_loss` of what are no log-probabilities: their logarithms are taken where they are
      probabilities, else a log-softmax is applied.
    - `cross_entropy` over one output with targets from 0 to 1 becomes
      `binary_cross_entropy_with_logits`.
    - The same for `"mse"` and `"categorical_crossentropy"` of Keras; a cross-entropy of Keras whose
      predictions are no probabilities, because some lie outside of [0, 1], takes them with
      `from_logits=True`.

    ## When it helps
    Where the loss is not one for the targets that the script has: a squared error of
    probabilities has a gradient near 0 where they are confidently wrong, a negative
    log-likelihood of scores rewards nothing but large scores, and a softmax over one unit is 1.

    ## What it cannot do
    Add outputs that are missing: class numbers that one output is to hit stay a regression.
    Losses written by hand are not seen.

    ## References
    - Bishop, *Neural Networks for Pattern Recognition* (1995), section 6.9: cross-entropy.
    """

    changes_objective: ClassVar[bool] = True

    def connect(self, training: LiveTraining) -> None:
        def wrap(name: str, replaced: Replaced) -> None:
            def make(original: Callable[..., Tensor]) -> Callable[..., Tensor]:
                def loss(input: Tensor, target: Tensor, *rest: Any, **keywords: Any) -> Tensor:
                    own = {key: value for key, value in keywords.items() if key == "reduction"}
                    found = replaced(input, target, own)
                    if found is None:
                        return original(input, target, *rest, **keywords)
                    training.did(f"{name} replaced")
                    return found

                return loss

            training.replace_function(F, name, make)

        likelihood, entropy, binary = F.nll_loss, F.cross_entropy, F.binary_cross_entropy
        with_logits = F.binary_cross_entropy_with_logits

        def of_scores(input: Tensor, target: Tensor, own: dict[str, Any]) -> Tensor | None:
            if input.ndim < 2 or _add_up_to_one(input.exp()):
                return None
            if _are_probabilities(input):
                return likelihood(input.clamp(min=SMALLEST).log(), target, **own)
            return entropy(input, target, **own)

        def of_classes(input: Tensor, target: Tensor, own: dict[str, Any]) -> Tensor | None:
            if not _are_classes(target) or input.shape != target.shape:
                return None
            if _are_probabilities(input):
                return likelihood(input.clamp(min=SMALLEST).log(), target.argmax(1), **own)
            if bool(((input >= 0) & (input <= 1)).all()):
                return binary(input, target.to(input), **own)
            return entropy(input, target.argmax(1), **own)

        def of_one_unit(input: Tensor, target: Tensor, own: dict[str, Any]) -> Tensor | None:
            is_single = input.ndim == 2 and input.shape[1] == 1 and input.shape == target.shape
            return with_logits(input, target.to(input), **own) if is_single else None

        def on_keras_loss(call: LossCall) -> Tensor | None:
            found = None
            predictions, targets = call.predictions, call.targets
            if call.function == "mean_squared_error" and predictions.ndim == 2:
                found = of_classes(predictions, targets, {"reduction": "none"})
                if found is not None:
                    is_binary = found.ndim > 1
                    found = found.mean(1) if is_binary else found
                    takes_scores = not is_binary and not _are_probabilities(predictions)
                    call.read_as(_BINARY if is_binary else _CATEGORICAL, takes_scores)
            elif call.function in _OF_PROBABILITIES and not call.arguments.get("from_logits"):
                if not bool(((predictions >= 0) & (predictions <= 1)).all()):
                    found = call.compute(targets, predictions, from_logits=True)
                    call.read_as(call.function, True)
            elif call.function == _CATEGORICAL and predictions.shape[-1] == 1:
                found = with_logits(predictions, targets, reduction="none").mean(-1)
                call.read_as(_BINARY, True)
            if found is not None:
                training.did(f"{call.function or 'loss'} replaced")
            return found

        training.keras.on_loss(on_keras_loss)
        wrap("nll_loss", of_scores)
        wrap("mse_loss", of_classes)
        wrap("cross_entropy", of_one_unit)

    def change(self, record: RunRecord, finding: Finding) -> str:
        if trains_keras(record):
            return _in_keras(record, finding)
        if finding.rule == _ONE_UNIT:
            return "`F.binary_cross_entropy_with_logits(scores, targets)` instead of the softmax"
        if finding.rule == _SQUARED_ERROR:
            return "`F.cross_entropy(scores, targets.argmax(1))`, of scores without a softmax"
        return "`F.cross_entropy(scores, targets)` instead of `F.nll_loss`, without a softmax"

    def edited(self, code: str, record: RunRecord, finding: Finding) -> str | None:
        name = _entropy_of_outputs(record) if trains_keras(record) else ""
        if finding.rule != _SQUARED_ERROR or not name:
            return None
        found = _KERAS_SQUARED_ERROR.findall(code)
        return _KERAS_SQUARED_ERROR.sub(f'"{name}"', code) if len(found) == 1 else None


Replaced = Callable[[Tensor, Tensor, dict[str, Any]], Tensor | None]
"""What stands for a loss; `None` where the loss fits. The keywords are those of the reduction."""


def _add_up_to_one(values: Tensor) -> bool:
    return bool(((values.detach().sum(dim=1) - 1).abs() < SUM_ERROR).all())


def _are_probabilities(values: Tensor) -> bool:
    return bool((values >= 0).all()) and _add_up_to_one(values)


def _are_classes(target: Tensor) -> bool:
    return target.ndim == 2 and target.shape[1] > 1 and bool(is_one_hot(target))


def _in_keras(record: RunRecord, finding: Finding) -> str:
    if finding.rule == _ONE_UNIT:
        return "`loss=keras.losses.BinaryCrossentropy(from_logits=True)`, without a softmax"
    if finding.rule == _SQUARED_ERROR:
        name = _entropy_of_outputs(record)
        return f'`loss="{name}"`' if name else "`CategoricalCrossentropy(from_logits=True)`"
    return "the loss with `from_logits=True`: what it gets are scores and no probabilities"


def _entropy_of_outputs(record: RunRecord) -> str:
    """Keras' name of the cross-entropy for outputs that are probabilities; empty where they are
    scores, or made in a line that does not tell."""
    lines = [each.site.code for each in record.layers if each.feeds_loss and each.site]
    for activation, name in (("softmax", _CATEGORICAL), ("sigmoid", _BINARY)):
        if lines and with_activation(lines[-1], (activation,), "") is not None:
            return name
    return ""
