"""A loss that does not grow with the batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch.nn.functional as F
from torch import Tensor

from defib.fixes.base import Fix
from defib.fixes.keras_spelling import spelled, trains_keras
from defib.fixes.literals import with_name
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord

_LOSSES = (
    "cross_entropy",
    "nll_loss",
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "huber_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
)


@final
@dataclass(frozen=True)
class AverageLoss(Fix):
    """The mean of the examples' losses instead of their sum.

    ## What it changes
    Losses of torch that are called with `reduction="sum"`, and those of Keras that are made with
    it, average instead.

    ## When it helps
    Where a sum makes the steps as many times too large as the batch has examples.
    """

    changes_objective: ClassVar[bool] = True

    def connect(self, training: LiveTraining) -> None:
        def wrap(original: Callable[..., Tensor]) -> Callable[..., Tensor]:
            def loss(*arguments: Any, **keywords: Any) -> Tensor:
                if keywords.get("reduction") == "sum":
                    keywords["reduction"] = "mean"
                    training.did("loss averaged")
                return original(*arguments, **keywords)

            return loss

        def make_average(original: Callable[..., Any]) -> Callable[..., Any]:
            def __call__(  # noqa: N807
                loss: Any, y_true: Any, y_pred: Any, sample_weight: Any = None
            ) -> Any:
                if loss.reduction != "sum":
                    return original(loss, y_true, y_pred, sample_weight)
                training.did("loss averaged")
                loss.reduction = "sum_over_batch_size"
                try:
                    return original(loss, y_true, y_pred, sample_weight)
                finally:
                    loss.reduction = "sum"

            return __call__

        def connect_keras(keras: Any) -> None:
            training.replace_function(keras.losses.Loss, "__call__", make_average)

        training.keras.on_import(connect_keras)
        for name in _LOSSES:
            training.replace_function(F, name, wrap)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        return spelled(
            record, '`reduction="mean"`', '`reduction="sum_over_batch_size"`, which is the default'
        )

    def edited(self, code: str, record: RunRecord, finding: Finding) -> str | None:
        del finding
        mean = "sum_over_batch_size" if trains_keras(record) else "mean"
        return with_name(code, 'reduction="sum', f'reduction="{mean}')
