"""The first loss beside that of a constant prediction."""

from __future__ import annotations

import math
from typing import ClassVar, final

import torch
from torch import Tensor

from defib.probes.base import Probe
from defib.probes.measurements import CannotMeasure, Measurements
from defib.probes.setup import Setup
from defib.probes.tape import SeenLoss


@final
class InitialLoss(Probe):
    """The loss function of the user, called once more with the best constant prediction.

    That is a score of 0 for every class (ln C for cross-entropy without weights), and the mean
    of the targets for errors of numbers (their variance for the squared error). Weights,
    smoothing and reductions are those of the user's call. Both in the unit of the loss.
    """

    measures = ("initial_loss", "constant_prediction_loss")
    order: ClassVar[int] = 10

    def measure(self, setup: Setup, into: Measurements) -> None:
        call = setup.main_loss
        with torch.no_grad():
            constant = call.at(_constant_prediction(call)).float().mean()
            into.single.add("initial_loss", call.name, call.result.detach().float().mean())
            into.single.add("constant_prediction_loss", call.name, constant)


def _constant_prediction(call: SeenLoss) -> Tensor:
    predictions = call.predictions.detach()
    if call.name in ("cross_entropy", "binary_cross_entropy_with_logits"):
        return torch.zeros_like(predictions)
    if call.name == "binary_cross_entropy":
        return torch.full_like(predictions, 0.5)
    if call.name == "nll_loss":
        return torch.full_like(predictions, -math.log(predictions.shape[1]))
    if call.name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"):
        return call.targets.detach().mean().expand_as(predictions).to(predictions.dtype)
    raise CannotMeasure(f"no constant prediction is known for {call.name}")
