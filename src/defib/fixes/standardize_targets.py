"""Targets of mean 0 and variance 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
import torch.nn.functional as F
from torch import Tensor

from defib.fixes.base import Fix
from defib.fixes.keras_training import LossCall
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord

_LOSSES = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
_KERAS_LOSSES = ("mean_squared_error", "mean_absolute_error", "huber", "log_cosh")
WARM_UP = 20
"""Batches after which mean and deviation are fixed: until then all that were seen count."""


@final
@dataclass(frozen=True)
class StandardizeTargets(Fix):
    """Regression targets with mean 0 and standard deviation 1.

    ## What it changes
    The targets of squared, absolute and Huber losses of torch and Keras are shifted and scaled,
    in training and in evaluation, with the mean and deviation of the first 20 training batches.

    ## When it helps
    Where targets are so large, or so far from zero, that the first layers of the network mostly
    learn their offset.

    ## References
    - Bishop, *Neural Networks for Pattern Recognition* (1995), section 8.2.
    """

    changes_objective: ClassVar[bool] = True

    def connect(self, training: LiveTraining) -> None:
        seen: list[Tensor] = []

        def standardized(target: Tensor) -> Tensor:
            if torch.is_grad_enabled() and len(seen) < WARM_UP:
                seen.append(target.detach().reshape(-1).float())
            if not seen:
                return target
            values = torch.cat(seen)
            scale = values.std() if len(values) > 1 and values.std() > 0 else values.new_ones(())
            training.did("targets standardised")
            return (target - values.mean()) / scale

        def wrap(original: Callable[..., Tensor]) -> Callable[..., Tensor]:
            def loss(input: Tensor, target: Tensor, *rest: Any, **keywords: Any) -> Tensor:
                return original(input, standardized(target), *rest, **keywords)

            return loss

        def on_keras_loss(call: LossCall) -> Tensor | None:
            if call.function not in _KERAS_LOSSES or not call.targets.is_floating_point():
                return None
            return call.compute(standardized(call.targets), call.predictions)

        for name in _LOSSES:
            training.replace_function(F, name, wrap)
        training.keras.on_loss(on_keras_loss)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return (
            "`targets = (targets - mean) / std` with those of the training set; scale predictions "
            "back"
        )
