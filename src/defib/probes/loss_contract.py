"""What the loss function received, beside what it expects."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from torch import Tensor

from defib.metrics.zero_fraction import zero_fraction
from defib.probes.base import Probe
from defib.probes.measurements import CannotMeasure, Measurements
from defib.probes.setup import Setup


@final
class LossContract(Probe):
    """Ranges of predictions and targets of the last loss function; the subject is its name.

    `prediction_lowest`, `prediction_highest`, `target_lowest`, `target_highest`;
    `zero_predictions`: share of predictions that are exactly 0, in [0, 1].
    `target_share_outside`, in [0, 1]: of the targets `below 0`, `below -1` and `above 1`.
    """

    measures = ("prediction_lowest", "target_lowest", "zero_predictions", "target_share_outside")
    order: ClassVar[int] = 13

    def measure(self, setup: Setup, into: Measurements) -> None:
        if not setup.own_losses:
            raise CannotMeasure("the loss is none of torch's loss functions")
        call = setup.own_losses[-1]
        for name, values in (("prediction", call.predictions), ("target", call.targets)):
            values = values.detach()
            if values.numel() == 0 or values.is_complex():
                raise CannotMeasure("predictions or targets are empty or complex")
            low, high = torch.aminmax(values)
            into.single.add(f"{name}_lowest", call.name, low.float())
            into.single.add(f"{name}_highest", call.name, high.float())
        _add_outside(call.targets, into)
        predictions = call.predictions.detach()
        if predictions.is_floating_point():
            into.single.add("zero_predictions", call.name, _share_of_zeros(predictions))


def _add_outside(targets: Tensor, into: Measurements) -> None:
    values = targets.detach().float()
    for bound in (-1, 0):
        into.single.add("target_share_outside", f"below {bound}", (values < bound).float().mean())
    into.single.add("target_share_outside", "above 1", (values > 1).float().mean())


def _share_of_zeros(values: Tensor) -> Tensor:
    return zero_fraction(values.float())
