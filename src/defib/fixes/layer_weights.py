"""The weight matrices of a network, in the order of its layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from defib.fixes.live_training import LiveTraining

_LAYERS = (nn.Linear, nn.modules.conv._ConvNd)


@final
@dataclass(frozen=True)
class LayerWeight:
    """A layer with the matrix that it multiplies with, shaped [units, inputs, ...]."""

    name: str
    layer: nn.Module
    weight: Tensor
    bias: Tensor | None


def weights_of(model: nn.Module) -> tuple[LayerWeight, ...]:
    """Those of dense and convolutional layers, each once."""
    return tuple(
        LayerWeight(name, module, module.weight, module.bias)
        for name, module in model.named_modules()
        if isinstance(module, _LAYERS) and not nn.parameter.is_lazy(module.weight)
    )


def initialize_with(training: LiveTraining, fill: Callable[[Tensor], object], what: str) -> None:
    """Have `fill` draw every weight matrix anew, and all biases set to zero."""

    def change(model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
        del inputs
        found = weights_of(model)
        with torch.no_grad():
            for each in found:
                fill(each.weight)
                if each.bias is not None:
                    each.bias.zero_()
        return f"{what}: {len(found)} layers" if found else ""

    training.on_model(change)
