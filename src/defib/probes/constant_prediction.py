"""The loss of the best prediction that is the same for every sample of the batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, final

import torch
import torch.nn.functional as F
from torch import Tensor

from defib.probes.base import Probe
from defib.probes.measurements import CannotMeasure, Measurements
from defib.probes.setup import Setup
from defib.probes.tape import SeenLoss

ITERATIONS = 60
"""Of LBFGS: the losses are convex in the constant."""
LARGEST = 1 << 20
"""Elements of the constant: larger outputs (images) take too long."""


@final
class ConstantPrediction(Probe):
    """`best_constant_loss`: the user's own loss function at its best constant, found by descent.

    The constant is one number for each class (or output), the same for all samples and, for
    classes, for all positions. In the unit of the loss.
    """

    measures = ("best_constant_loss",)
    order: ClassVar[int] = 12

    def measure(self, setup: Setup, into: Measurements) -> None:
        into.single.add("best_constant_loss", setup.main_loss.name, best_constant_loss(setup))


def best_constant_loss(setup: Setup) -> Tensor:
    """See `ConstantPrediction`. Raises `CannotMeasure` where there is no such number."""
    call = setup.main_loss
    if call.name not in _AS_PREDICTION:
        raise CannotMeasure(f"no constant prediction is known for {call.name}")
    predictions = call.predictions
    if predictions.ndim < 1 or predictions.shape[0] < 2:
        raise CannotMeasure("the batch holds one example: a constant fits it")
    shape = [1, *predictions.shape[1:]]
    if call.name in ("cross_entropy", "nll_loss"):
        shape = [1, predictions.shape[1], *[1] * (predictions.ndim - 2)]
    constant = torch.zeros(shape, device=predictions.device, requires_grad=True)
    if constant.numel() > LARGEST:
        raise CannotMeasure("the outputs are too large")
    return _fitted(call, constant)


def _fitted(call: SeenLoss, constant: Tensor) -> Tensor:
    as_prediction = _AS_PREDICTION[call.name]
    optimizer = torch.optim.LBFGS([constant], max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        full = as_prediction(constant).expand(call.predictions.shape)
        found = call.at(full.to(call.predictions.dtype)).float().mean()
        found.backward()
        return found

    with torch.enable_grad():
        if call.name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"):
            # From the mean: descent from far away is slow for absolute errors.
            mean = call.targets.detach().float().expand(call.predictions.shape).mean(0, True)
            with torch.no_grad():
                constant.copy_(mean)
        optimizer.step(loss)
        return loss().detach()


_AS_PREDICTION: Mapping[str, Callable[[Tensor], Tensor]] = {
    "cross_entropy": lambda each: each,
    "binary_cross_entropy_with_logits": lambda each: each,
    "soft_margin_loss": lambda each: each,
    "mse_loss": lambda each: each,
    "l1_loss": lambda each: each,
    "smooth_l1_loss": lambda each: each,
    "huber_loss": lambda each: each,
    "binary_cross_entropy": torch.sigmoid,
    "nll_loss": lambda each: F.log_softmax(each, dim=1),
}
