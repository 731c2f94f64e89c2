"""The weight matrices of a network, in the order of its layers, whether of torch or of Keras."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from defib.discovery.keras_layers import Arrange, keras_kernel, modules_of

_LAYERS = (nn.Linear, nn.modules.conv._ConvNd)


@final
@dataclass(frozen=True)
class LayerWeight:
    """A layer with the matrix that it multiplies with.

    `weight` is shaped [units, inputs, ...] and shares its memory with `parameter`, which the
    layer owns; `arrange` shows so whatever has the shape of the latter. `unit_axis` is that of
    the layer's output: 1 or -1.
    """

    layer: nn.Module
    parameter: Tensor
    bias: Tensor | None
    arrange: Arrange
    unit_axis: int

    @property
    def weight(self) -> Tensor:
        return self.arrange(self.parameter.detach())

    def draw(self, fill: Callable[[Tensor], object]) -> None:
        """Have `fill` write new weights; the bias becomes zero."""
        # In one piece: orthogonal weights cannot be written into a transposed view.
        fresh = torch.empty_like(self.weight, memory_format=torch.contiguous_format)
        with torch.no_grad():
            fill(fresh)
            self.weight.copy_(fresh)
            if self.bias is not None:
                self.bias.zero_()


def weights_of(model: nn.Module) -> tuple[LayerWeight, ...]:
    """Those of dense and convolutional layers, each once."""
    found = (_weight_of(module) for module in modules_of(model))
    return tuple(each for each in found if each is not None)


def _weight_of(module: nn.Module) -> LayerWeight | None:
    if isinstance(module, _LAYERS):
        if nn.parameter.is_lazy(module.weight):
            return None
        axis = -1 if isinstance(module, nn.Linear) else 1
        return LayerWeight(module, module.weight, module.bias, _as_it_is, axis)
    kernel = keras_kernel(module)
    if kernel is None:
        return None
    axis = -1 if kernel.has_units_last else 1
    return LayerWeight(module, kernel.kernel, kernel.bias, kernel.arrange, axis)


def _as_it_is(tensor: Tensor) -> Tensor:
    return tensor
