"""Training a copy that gets one and the same input for every sample."""

from __future__ import annotations

from typing import ClassVar, final

from torch import Tensor

from defib.analysis.nested_tensors import tensors_in
from defib.probes.base import Probe
from defib.probes.fitting import Allowed, Fit
from defib.probes.measurements import CannotMeasure, Measurements
from defib.probes.setup import Setup

ALLOWED = Allowed(0.4, share=0.3, steps=40)


@final
class SameInput(Probe):
    """Two copies are trained on the first batch, one with its inputs, one without.

    `input_loss`: the losses of `real`, and of `same`, where every sample has the input of the
    first one, over equally many steps by copies of the optimiser.
    """

    measures = ("input_loss",)
    order: ClassVar[int] = 150

    def measure(self, setup: Setup, into: Measurements) -> None:
        inputs = _same_inputs(setup)
        same = Fit(setup, setup.replica(), inputs)
        same.run(same.replica.optimizer, ALLOWED)
        real = Fit(setup, setup.replica())
        real.run(real.replica.optimizer, ALLOWED)
        steps = min(len(same.losses), len(real.losses))
        into.add_sequence("input_loss", "same", same.losses[:steps])
        into.add_sequence("input_loss", "real", real.losses[:steps])


def _same_inputs(setup: Setup) -> dict[int, Tensor]:
    size = setup.output.shape[0] if setup.output.ndim else 0
    given = tensors_in((setup.arguments, dict(setup.keywords)))
    batched = [each for each in given if each.ndim and each.shape[0] == size]
    if size < 2 or not batched:
        raise CannotMeasure("no input has an axis of two samples or more")
    targets = {_storage(each.targets) for each in setup.own_losses}
    if targets & {_storage(each) for each in batched}:
        # An autoencoder: with one input for all, all have the same, easier target.
        raise CannotMeasure("the inputs are the targets too")
    return {id(each): each.detach()[:1].expand(each.shape).clone() for each in batched}


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
