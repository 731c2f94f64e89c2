"""Targets of the same shape as the predictions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch.nn.functional as F
from torch import Tensor

from defib.fixes.base import Fix
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord

LOSSES = (
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "huber_loss",
    "soft_margin_loss",
    "poisson_nll_loss",
    "kl_div",
)
"""Losses that compare entry by entry, and stretch what does not fit."""


@final
@dataclass(frozen=True)
class MatchTargetShape(Fix):
    """Targets that have the shape of the predictions.

    ## What it changes
    Targets of a loss that compares entry by entry, and that has as many predictions as targets
    in other axes, such as (N, 1) and (N), get the shape of the predictions.

    ## When it helps
    Where broadcasting compares each prediction with each target.

    ## What it cannot do
    See a loss that is written by hand, `((predictions - targets) ** 2).mean()`. Losses of Keras
    do it themselves.
    """

    changes_objective: ClassVar[bool] = True

    def connect(self, training: LiveTraining) -> None:
        def wrap(original: Callable[..., Tensor]) -> Callable[..., Tensor]:
            def loss(input: Tensor, target: Tensor, *rest: Any, **keywords: Any) -> Tensor:
                if input.shape != target.shape and input.numel() == target.numel():
                    target = target.reshape(input.shape)
                    training.did("targets in the shape of the predictions")
                return original(input, target, *rest, **keywords)

            return loss

        for name in LOSSES:
            training.replace_function(F, name, wrap)
        training.keras.missing = (
            "losses of Keras give targets the shape of the predictions themselves"
        )

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return "`loss_function(predictions, targets.view_as(predictions))`"
