"""Layers that add to their input instead of replacing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from torch import Tensor, nn

from defib.fixes.base import Fix
from defib.fixes.layer_weights import weights_of
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord


@final
@dataclass(frozen=True)
class ResidualConnection(Fix):
    """A residual connection around every hidden layer whose output has the shape of its input.

    ## What it changes
    The input of each dense or convolutional layer that keeps the shape is added to its output.

    ## When it helps
    Where the gradient vanishes on its way through many layers.

    ## What it cannot do
    Bridge layers that change the shape.

    ## References
    - He, Zhang, Ren, Sun, *Deep Residual Learning for Image Recognition* (2016).
    """

    def connect(self, training: LiveTraining) -> None:
        def change(model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
            del inputs
            layers = [each.layer for each in weights_of(model) if _keeps_width(each.weight)]
            for layer in layers:
                layer.register_forward_hook(_with_input)
            return f"residual connection around {len(layers)} layers" if layers else ""

        training.on_model(change)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return "`x = x + layer(x)` for layers that keep the shape"


def _keeps_width(weight: Tensor) -> bool:
    return weight.shape[0] == weight.shape[1]


def _with_input(layer: nn.Module, arguments: tuple[Any, ...], output: Tensor) -> Tensor:
    del layer
    inputs, *_ = arguments
    return output + inputs if inputs.shape == output.shape else output
