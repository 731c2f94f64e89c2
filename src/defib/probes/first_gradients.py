"""Gradients of the first loss, on a copy."""

from __future__ import annotations

from typing import ClassVar, final

from torch import Tensor

from defib.metrics.zero_fraction import zero_fraction
from defib.probes.base import Probe
from defib.probes.fitting import loss_scale
from defib.probes.measurements import CannotMeasure, Measurements
from defib.probes.setup import Setup


@final
class FirstGradients(Probe):
    """One backward pass of a copy, as the script is about to make it; a loss scale is taken out.

    `gradient_norm` and `gradient_rms` (root mean square of the entries) of each parameter;
    `zero_gradient_fraction`, in [0, 1].
    """

    measures = ("gradient_norm", "gradient_rms", "zero_gradient_fraction")
    order: ClassVar[int] = 110

    def measure(self, setup: Setup, into: Measurements) -> None:
        replica = setup.replica()
        (replica.loss(restores_randomness=True) / loss_scale(setup)).backward()
        gradients: dict[str, Tensor] = {
            name: each.grad.detach()
            for name, each in replica.parameters.items()
            if each.grad is not None and not each.grad.is_sparse and each.numel()
        }
        if not gradients:
            raise CannotMeasure("no parameter got a gradient")
        for name, gradient in gradients.items():
            norm = gradient.double().norm()
            into.single.add("gradient_norm", name, norm)
            into.single.add("gradient_rms", name, norm / gradient.numel() ** 0.5)
            into.single.add("zero_gradient_fraction", name, zero_fraction(gradient))
