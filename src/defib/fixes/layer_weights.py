"""The weight matrices of a network, in the order of its layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor, nn

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
